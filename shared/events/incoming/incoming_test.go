package incoming

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.com/integrations/shared/domain"
)

const whole = `{"id":"7","organisation_id":"1001","item_type":"work_item","prefix_id":"5","formatted_number":"W-7","version":3,
"title":"t","description":"d","url":"https://example.com/7","state":"closed","status":"done","priority":"high","labels":["a"],"updated_at":"2026-03-04T05:06:07Z","colour":"red"}`

// peopled is an item with all optional members.
var peopled = strings.Replace(whole, `"colour":"red"`, `"type":{"id":"31","name":"Bug"},"project":{"id":"32","name":"Apollo"},"milestone":{"id":"33","name":"1.4"},
"owner":{"id":"34","name":"Ada L."},"updated_by":{"id":"35","name":"Bob"},"due_at":"2026-12-01T17:00:00Z"`, 1)

func TestParseItem(t *testing.T) {
	want := domain.Item{
		ID: 7, OrganisationID: 1001, ItemType: "work_item", PrefixID: "5", FormattedNumber: "W-7", Version: 3, Title: "t", Description: "d",
		URL: "https://example.com/7", State: domain.Closed, Status: "done", Priority: "high", Labels: []string{"a"}, UpdatedAt: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
	}
	for _, detailType := range []string{ItemCreated, ItemUpdated} {
		got, err := ParseItem(detailType, json.RawMessage(whole))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v\nwant %+v", got, err, want)
		}
	}

	for _, text := range []string{`{"id":"7","organisation_id":"1001","version":3}`, whole} {
		got, err := ParseItem(ItemDeleted, json.RawMessage(text))
		if err != nil || !got.Deleted || got.ID != 7 || got.OrganisationID != 1001 || got.Version != 3 || got.Title != "" {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// with is the whole detail with members changed; nil gives null, out takes the
// member out.
func with(t *testing.T, members map[string]any) json.RawMessage {
	t.Helper()
	d := map[string]any{}
	if err := json.Unmarshal([]byte(whole), &d); err != nil {
		t.Fatal(err)
	}

	for name, value := range members {
		d[name] = value
		if value == out {
			delete(d, name)
		}
	}

	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}

	return b
}

const out = "take it out"

func TestMembersOfAnItem(t *testing.T) {
	optional := map[string]bool{"prefix_id": true, "priority": true, "colour": true}
	var names map[string]any
	if err := json.Unmarshal([]byte(whole), &names); err != nil {
		t.Fatal(err)
	}

	for name := range names {
		for _, value := range []any{nil, out} {
			_, err := ParseItem(ItemUpdated, with(t, map[string]any{name: value}))
			if (err == nil) != optional[name] || err != nil && (!errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), name)) {
				t.Errorf("%s %v: %v", name, value, err)
			}

			_, err = ParseItem(ItemDeleted, with(t, map[string]any{name: value}))
			if key := name == "id" || name == "organisation_id" || name == "version"; (err != nil) != key {
				t.Errorf("deletion, %s %v: %v", name, value, err)
			}
		}
	}

	for name, values := range map[string][]any{
		"id": {7, "07", "0", "-1", "x", "9223372036854775808"}, "organisation_id": {1001, ""}, "prefix_id": {5, "x"},
		"version": {0, -1, 1.5, "3", 1e30}, "item_type": {"", "ticket", "Work_item", 1}, "state": {"", "OPEN", "done", true},
		"labels": {"a", []any{1}, map[string]any{}}, "updated_at": {"yesterday", 1700000000}, "title": {1}, "description": {strings.Repeat("x", MaxDescription+1)},
	} {
		for _, value := range values {
			if _, err := ParseItem(ItemUpdated, with(t, map[string]any{name: value})); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s %.20v: %v", name, value, err)
			}
		}
	}

	if i, err := ParseItem(ItemUpdated, with(t, map[string]any{"description": strings.Repeat("x", MaxDescription), "labels": []string{}})); err != nil || len(i.Description) != MaxDescription {
		t.Errorf("the longest description: %v", err)
	}
}

// named are the members of an item that are an object or a person.
var named = map[string]func(domain.Item) *domain.Named{
	"type":       func(i domain.Item) *domain.Named { return i.Type },
	"project":    func(i domain.Item) *domain.Named { return i.Project },
	"milestone":  func(i domain.Item) *domain.Named { return i.Milestone },
	"owner":      func(i domain.Item) *domain.Named { return i.Owner },
	"updated_by": func(i domain.Item) *domain.Named { return i.UpdatedBy },
}

// The people and fields of an item: each may be absent or null. The name is
// trimmed, and a name without text is the same as no member.
func TestPeopleOfAnItem(t *testing.T) {
	longest := strings.Repeat("é", MaxNamed)
	for name, get := range named {
		for text, want := range map[string]*domain.Named{
			`{"id":"34","name":"Ada L."}`:                                    {ID: 34, Name: "Ada L."},
			`{"id":"9223372036854775807","name":"` + longest + `"}`:          {ID: 1<<63 - 1, Name: longest},
			`{"id":"34","name":"\u00a0\u2028\n ` + longest + `\u3000\t\r "}`: {ID: 34, Name: longest},
			`{"id":"34","name":"a\nb"}`:                                      {ID: 34, Name: "a\nb"},
			`{"id":"34","name":"x","email":"a@b.test","name ":5}`:            {ID: 34, Name: "x"},
			`{"id":"1","id":"34","name":"y","name":"x"}`:                     {ID: 34, Name: "x"},
			`{"id":"34","name":""}`:                                          nil,
			`{"id":"34","name":" \u00a0\n"}`:                                 nil,
			`null`:                                                           nil,
		} {
			i, err := ParseItem(ItemUpdated, with(t, map[string]any{name: json.RawMessage(text)}))
			if got := get(i); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s %.60s: %+v, %v", name, text, got, err)
			}
		}

		for text, wrong := range map[string]string{
			`"Ada"`:                                 "must be an object with id and name",
			`["34","Ada"]`:                          "must be an object with id and name",
			`34`:                                    "must be an object with id and name",
			`false`:                                 "must be an object with id and name",
			`{}`:                                    "id is missing; name is missing",
			`{"id":"34"}`:                           "name is missing",
			`{"id":"34","name":null}`:               "name is null",
			`{"id":"34","name":5}`:                  "name must be a string",
			`{"name":"Ada"}`:                        "id is missing",
			`{"id":34,"name":"Ada"}`:                "id must be a decimal string",
			`{"id":"034","name":"x"}`:               "id must be a decimal string",
			`{"ID":"34","name":"x"}`:                "id is missing",
			`{"id":"34","name":"` + longest + `e"}`: "name has 201 characters, at most 200 are kept",
		} {
			_, err := ParseItem(ItemUpdated, with(t, map[string]any{name: json.RawMessage(text)}))
			if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), name+" ") || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%s %.60s: %v", name, text, err)
			}

			if _, err := ParseItem(ItemDeleted, with(t, map[string]any{name: json.RawMessage(text)})); err != nil {
				t.Errorf("deletion, %s %.60s: %v", name, text, err)
			}
		}
	}
}

// A due date is a time as updated_at is, or null.
func TestDueDateOfAnItem(t *testing.T) {
	for text, want := range map[string]string{
		`"2026-12-01T00:00:00Z"`:      "2026-12-01",
		`"2026-12-01T00:00:00+02:00"`: "2026-12-01",
		`null`:                        "",
		`"0001-01-01T00:00:00Z"`:      "",
	} {
		i, err := ParseItem(ItemUpdated, with(t, map[string]any{"due_at": json.RawMessage(text)}))
		if got := i.DueDate(); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}

	for _, value := range []any{"", "2026-12-01", "tomorrow", 1700000000, true, []any{}} {
		_, err := ParseItem(ItemUpdated, with(t, map[string]any{"due_at": value}))
		if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "due_at must be a time") {
			t.Errorf("%v: %v", value, err)
		}

		if _, err := ParseItem(ItemDeleted, with(t, map[string]any{"due_at": value})); err != nil {
			t.Errorf("deletion, %v: %v", value, err)
		}
	}
}

func TestParseEnvelope(t *testing.T) {
	got, err := ParseEnvelope(`{"version":"0","id":"e","detail-type":"item.created","source":"platform","account":"1","detail":{"a":1}}`)
	if err != nil || got.ID != "e" || got.DetailType != ItemCreated || got.Source != "platform" || string(got.Detail) != `{"a":1}` {
		t.Errorf("%+v, %v", got, err)
	}

	for _, body := range []string{``, `x`, `[]`, `{}`, `"x"`, `{"detail-type":"item.created"}`, `{"detail":{}}`, `{"detail-type":1,"detail":{}}`, `{"detail-type":"x","detail":{}} x`} {
		if _, err := ParseEnvelope(body); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func FuzzParseItem(f *testing.F) {
	for _, seed := range []string{whole, `{"id":"7","organisation_id":"1001","version":3}`, peopled, `null`, `[]`, `{"id":null}`, `{"version":1e400}`} {
		f.Add(ItemUpdated, seed)
		f.Add(ItemDeleted, seed)
	}

	f.Fuzz(func(t *testing.T, detailType, text string) {
		i, err := ParseItem(detailType, json.RawMessage(text))
		switch {
		case err != nil && !errors.Is(err, ErrMalformed):
			t.Errorf("%v", err)
		case err != nil:
		case i.ID == 0 || i.OrganisationID == 0 || i.Version < 1 || i.Deleted != (detailType == ItemDeleted):
			t.Errorf("accepted %+v", i)
		case !i.Deleted && (!i.ItemType.Valid() || i.Labels == nil || len(i.Description) > MaxDescription):
			t.Errorf("accepted %+v", i)
		}

		for name, get := range named {
			n := get(i)
			if n != nil && (n.ID == 0 || n.Name == "" || n.Name != strings.TrimSpace(n.Name) || utf8.RuneCountInString(n.Name) > MaxNamed || i.Deleted) {
				t.Errorf("accepted %s %+v", name, n)
			}
		}
	})
}
