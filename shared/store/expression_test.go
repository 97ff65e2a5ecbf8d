package store

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestConditions(t *testing.T) {
	for _, tt := range []struct {
		is   condition
		want string
	}{
		{equal("run.id", number(1)), "#run.#id = :v0"},
		{differs("at", number(1)), "#at <> :v0"},
		{less("at", number(1)), "#at < :v0"},
		{atMost("at", number(1)), "#at <= :v0"},
		{more("at", number(1)), "#at > :v0"},
		{exists("run"), "attribute_exists(#run)"},
		{absent("roles.12.version"), "attribute_not_exists(#roles.#12.#version)"},
		{hasType("roles", "M"), "attribute_type(#roles, :v0)"},
		{startsWith("sk", "RUN#"), "begins_with(#sk, :v0)"},
		{fewer("roles", 5), "size(#roles) < :v0"},
		{not(exists("run")), "NOT attribute_exists(#run)"},
		{all(exists("a"), exists("b")), "(attribute_exists(#a) AND attribute_exists(#b))"},
		{either(absent("a"), all(equal("a", number(1)), less("b", number(2)))), "(attribute_not_exists(#a) OR (#a = :v0 AND #b < :v1))"},
		{either(exists("a")), "attribute_exists(#a)"},
	} {
		var e expression
		e.when(tt.is)
		if got := *e.condition(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}

		complete(t, e, *e.condition())
	}
}

// complete checks that each alias is used and given: DynamoDB refuses others.
func complete(t *testing.T, e expression, texts ...string) {
	t.Helper()
	used := map[string]bool{}
	for _, word := range strings.FieldsFunc(strings.Join(texts, " "), func(r rune) bool { return strings.ContainsRune(" .,()", r) }) {
		if word[0] == '#' || word[0] == ':' {
			used[word] = true
		}
	}

	given := slices.Concat(slices.Collect(maps.Keys(e.names)), slices.Collect(maps.Keys(e.values)))
	slices.Sort(given)
	if want := slices.Sorted(maps.Keys(used)); !slices.Equal(given, want) {
		t.Errorf("%q has the aliases %v", texts, given)
	}

	for alias, name := range e.names {
		if alias != "#"+name {
			t.Errorf("%s is the alias of %s", alias, name)
		}
	}
}

func TestConditionsAreJoined(t *testing.T) {
	var e expression
	if e.condition() != nil || e.names != nil || e.values != nil {
		t.Errorf("an empty expression has %v, %v", e.names, e.values)
	}

	e.when(equal("version", number(1)), either(absent("a"), absent("b")))
	e.when(equal("version", number(2)))
	want := "#version = :v0 AND (attribute_not_exists(#a) OR attribute_not_exists(#b)) AND #version = :v1"
	if got := *e.condition(); got != want {
		t.Errorf("%q", got)
	}
}

func TestProjection(t *testing.T) {
	var e expression
	if e.projection(nil) != nil {
		t.Error("no attributes are a projection")
	}

	if got := *e.projection([]string{"pk", "run.id"}); got != "#pk, #run.#id" {
		t.Errorf("%q", got)
	}

	complete(t, e, *e.projection([]string{"pk", "run.id"}))
}

func TestUpdates(t *testing.T) {
	at := time.UnixMilli(77)
	for _, tt := range []struct {
		is                *update
		change, condition string
	}{
		{newUpdate().set("run.status", text("queued")), "SET #run.#status = :v0", ""},
		{newUpdate().setDefault("planned", number(0)), "SET #planned = if_not_exists(#planned, :v0)", ""},
		{newUpdate().increment("fence"), "SET #fence = if_not_exists(#fence, :v0) + :v1", ""},
		{newUpdate().setTime("due_at", at), "SET #due_at = :v0", ""},
		{newUpdate().setTime("due_at", time.Time{}), "REMOVE #due_at", ""},
		{newUpdate().add("integrations", -1), "ADD #integrations :v0", ""},
		{newUpdate().remove("a", "b.c").when(exists("a")), "REMOVE #a, #b.#c", "attribute_exists(#a)"},
		{
			newUpdate().remove("a").set("b", number(1)).when(equal("b", number(2))).set("c", number(3)).add("d", 4).when(absent("e")),
			"SET #b = :v0, #c = :v2 REMOVE #a ADD #d :v3", "#b = :v1 AND attribute_not_exists(#e)",
		},
	} {
		if got := *tt.is.text(); got != tt.change {
			t.Errorf("%q, want %q", got, tt.change)
		}

		condition := ""
		if c := tt.is.condition(); c != nil {
			condition = *c
		}

		if condition != tt.condition {
			t.Errorf("%q, want %q", condition, tt.condition)
		}

		complete(t, tt.is.expression, tt.change, condition)
	}

	if newUpdate().text() != nil {
		t.Error("an update without a change has an expression")
	}
}

func TestUpdateKeepsItsValues(t *testing.T) {
	u := newUpdate().setTime("due_at", time.UnixMilli(77)).increment("fence").when(equal("id", text("a")))
	want := record{":v0": number(77), ":v1": number(0), ":v2": number(1), ":v3": text("a")}
	for alias, value := range want {
		if valueText(u.values[alias]) != valueText(value) {
			t.Errorf("%s is %v", alias, u.values[alias])
		}
	}
}

func valueText(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberN:
		return "N " + v.Value
	case *types.AttributeValueMemberS:
		return "S " + v.Value
	}

	return ""
}
