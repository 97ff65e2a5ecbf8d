// Package events_test holds the schemas and samples of events to what the
// service really takes and gives.
package events_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/incoming"
	"example.com/integrations/shared/events/outgoing"
)

var incomingTypes = slices.Sorted(slices.Values(append(slices.Clone(incoming.InOrganisations), incoming.OfOrganisations...)))
var outgoingTypes = []string{outgoing.TypeHealthChanged, outgoing.TypeRemoteChanged, outgoing.TypeOrganisationPurging, outgoing.TypeSyncFinished}

func read(t testing.TB, path string) any {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}

	return doc
}

// schemas compiles them all, formats asserted; that checks them against their
// own meta-schema too.
func schemas(t testing.TB) map[string]*jsonschema.Schema {
	t.Helper()
	all := map[string]*jsonschema.Schema{}
	files, err := filepath.Glob("schemas/*.json")
	if err != nil {
		t.Fatal(err)
	}

	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		doc := read(t, path).(map[string]any)
		if doc["$schema"] != "https://json-schema.org/draft/2020-12/schema" || doc["$id"] != "urn:integrations:event:"+name || doc["title"] == nil || doc["description"] == nil {
			t.Errorf("%s: says not what it is: %v %v %v", path, doc["$schema"], doc["$id"], doc["title"])
		}

		compiler := jsonschema.NewCompiler()
		compiler.AssertFormat()
		if err := compiler.AddResource(path, doc); err != nil {
			t.Fatal(err)
		}

		if all[name], err = compiler.Compile(path); err != nil {
			t.Fatal(err)
		}
	}

	return all
}

func TestEveryEventHasItsSchema(t *testing.T) {
	all := schemas(t)
	if got, want := slices.Sorted(maps.Keys(all)), slices.Sorted(slices.Values(append(slices.Clone(incomingTypes), outgoingTypes...))); !slices.Equal(got, want) {
		t.Errorf("schemas of %v, events are %v", got, want)
	}

	for _, name := range incomingTypes {
		for member, of := range all[name].Properties {
			if of.Description == "" && (of.Ref == nil || of.Ref.Description == "") {
				t.Errorf("%s: nothing is said of %s", name, member)
			}
		}
	}

	enum := all[incoming.ItemCreated].Properties["item_type"].Enum.Values
	var types []any
	for _, known := range domain.ItemTypes {
		types = append(types, string(known))
	}

	if !slices.Equal(enum, types) {
		t.Errorf("item types %v, want %v", enum, types)
	}
}

// samplesOf gives the samples of an event, by their names.
func samplesOf(t testing.TB, detailType string) map[string]incoming.Envelope {
	t.Helper()
	files, err := filepath.Glob("samples/" + detailType + "/*.json")
	if err != nil {
		t.Fatal(err)
	}

	all := map[string]incoming.Envelope{}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}

		e, err := incoming.ParseEnvelope(string(text))
		if err != nil || e.DetailType != detailType || e.Source != "platform" {
			t.Errorf("%s: not an envelope of %s by the platform: %v", path, detailType, err)
		}

		all[strings.TrimSuffix(filepath.Base(path), ".json")] = e
	}

	return all
}

// Each good sample passes both the schema and the parser, each bad one fails
// both.
func TestSamples(t *testing.T) {
	all := schemas(t)
	if folders, err := filepath.Glob("samples/*"); err != nil || len(folders) != len(incomingTypes) {
		t.Errorf("samples of %d events, there are %d: %v", len(folders), len(incomingTypes), err)
	}

	for _, detailType := range incomingTypes {
		count := map[string]int{}
		for name, e := range samplesOf(t, detailType) {
			kind, _, _ := strings.Cut(name, "-")
			count[kind]++
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.Detail))
			if err != nil {
				t.Fatal(err)
			}

			schemaErr := all[detailType].Validate(doc)
			parserErr := incoming.Check(detailType, e.Detail)
			if good := kind == "good"; (schemaErr == nil) != good || (parserErr == nil) != good {
				t.Errorf("%s/%s: schema says %v, parser %v", detailType, name, schemaErr, parserErr)
			}
		}

		if count["good"] == 0 || count["bad"] == 0 || len(count) != 2 {
			t.Errorf("%s: %v, want good and bad ones", detailType, count)
		}
	}
}

// agree compares the schema and the parser on one detail. They differ on two
// points that the schemas' descriptions name: a schema takes 1.0 for an
// integer, and it counts a description's characters, not its bytes.
func agree(t *testing.T, all map[string]*jsonschema.Schema, detailType string, text []byte) (taken bool) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		if incoming.Check(detailType, text) == nil {
			t.Errorf("%s: the parser takes what is not JSON: %q", detailType, text)
		}
		return false
	}

	if members, ok := doc.(map[string]any); ok {
		d, _ := members["description"].(string)
		if hasFraction(members) || len(d) > incoming.MaxDescription && len([]rune(d)) <= incoming.MaxDescription {
			return false
		}
	}

	schemaErr := all[detailType].Validate(doc)
	parserErr := incoming.Check(detailType, text)
	if (schemaErr == nil) != (parserErr == nil) {
		t.Errorf("%s %s\nschema: %v\nparser: %v", detailType, text, schemaErr, parserErr)
	}

	if parserErr != nil && !errors.Is(parserErr, incoming.ErrMalformed) {
		t.Errorf("%v", parserErr)
	}

	return parserErr == nil
}

func hasFraction(value any) bool {
	switch v := value.(type) {
	case json.Number:
		return strings.ContainsAny(v.String(), ".eE")
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), hasFraction)
	}

	return false
}

// odd are values that members are given.
var odd = []string{
	`null`, `""`, `"x"`, `"0"`, `"7"`, `"07"`, `"-7"`, `"9223372036854775807"`, `"9223372036854775808"`, `"9999999999999999999"`, `"1000000000000000000000"`,
	`0`, `-0`, `1`, `-1`, `2`, `9223372036854775807`, `9223372036854775808`, `-9223372036854775808`, `-9223372036854775809`, `true`, `false`, `[]`, `[null]`, `["7"]`, `["7","08"]`,
	`[7]`, `[[]]`, `{}`, `{"MANAGE_ORGANISATION":1}`, `{"MANAGE_ORGANISATION":null}`, `{"a":-2}`, `{"a":"1"}`, `{"a":[]}`, `"open"`, `"closed"`, `"Open"`, `"work_item"`,
	`"none"`, `"2026-01-05T09:00:00Z"`, `"2026-01-05t09:00:00z"`, `"2026-01-05T09:00:00.123456789123+01:00"`, `"2026-02-30T09:00:00Z"`, `"2026-01-05T24:00:00Z"`,
	`"2026-01-05T23:59:60Z"`, `"2026-01-05T09:00:00,5Z"`, `"2026-01-05T09:00:00+24:00"`, `"2026-01-05T09:00:00+23:60"`, `"2026-01-05T9:00:00Z"`, `"0000-01-01T00:00:00Z"`, `"+2026-01-05T09:00:00Z"`,
	`"\ud800"`, `"\u0000"`,
	`{"id":"7","name":"x"}`, `{"id":"7","name":" \t"}`, `{"id":"7","name":null}`, `{"id":"7"}`, `{"name":"x"}`, `{"id":7,"name":"x"}`, `{"id":"7","name":"x","more":1}`,
	`{"id":"7","name":"\u00a0` + strings.Repeat("é", incoming.MaxNamed) + `\u3000\n"}`, `{"id":"7","name":"` + strings.Repeat("é", incoming.MaxNamed+1) + `"}`,
	`{"id":"7","name":"` + strings.Repeat("\u2028", incoming.MaxNamed+1) + `"}`, `{"id":"7","name":"a` + strings.Repeat("\u0085", incoming.MaxNamed-1) + `b"}`,
	`{"id":"7","name":"a` + strings.Repeat(`\n`, incoming.MaxNamed-2) + `b"}`, `{"id":"7","name":"\u200b` + strings.Repeat("x", incoming.MaxNamed) + `"}`,
}

// Whatever the parser takes the schema takes, and the other way round.
func TestSchemasAndParsersAgree(t *testing.T) {
	all := schemas(t)
	r := rand.New(rand.NewPCG(1, 2))
	for _, detailType := range incomingTypes {
		taken := 0
		n := 3000
		samples := samplesOf(t, detailType)
		names := slices.DeleteFunc(slices.Sorted(maps.Keys(samples)), func(name string) bool {
			return len(samples[name].Detail) > 4<<10 // the largest events take long, and TestSamples has them
		})
		for range n {
			var members map[string]json.RawMessage
			if err := json.Unmarshal(samples[names[r.IntN(len(names))]].Detail, &members); err != nil {
				t.Fatal(err)
			}

			for range r.IntN(3) {
				keys := slices.Sorted(maps.Keys(members))
				if len(keys) == 0 {
					break
				}

				name := keys[r.IntN(len(keys))]
				switch r.IntN(4) {
				case 0:
					delete(members, name)
				case 1:
					members[strings.ToUpper(name)] = members[name]
				default:
					members[name] = json.RawMessage(odd[r.IntN(len(odd))])
				}
			}

			text, err := json.Marshal(members)
			if err != nil {
				t.Fatal(err)
			}

			if agree(t, all, detailType, text) {
				taken++
			}
		}

		if taken < n/20 || taken > n*19/20 {
			t.Errorf("%s: %d of %d were taken: that compares little", detailType, taken, n)
		}
	}
}

func FuzzSchemasAndParsersAgree(f *testing.F) {
	all := schemas(f)
	for i, detailType := range incomingTypes {
		for _, e := range samplesOf(f, detailType) {
			f.Add(i, []byte(e.Detail))
		}

		for _, value := range odd {
			f.Add(i, []byte(value))
			f.Add(i, []byte(`{"updated_at":`+value+`}`))
		}
	}

	f.Fuzz(func(t *testing.T, kind int, text []byte) {
		if kind >= 0 && kind < len(incomingTypes) {
			agree(t, all, incomingTypes[kind], text)
		}
	})
}

// What the service publishes is as its schemas say, and says nothing beside.
func TestOurOwnEvents(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	soon := time.Date(2026, 3, 4, 6, 6, 7, 89, time.UTC)
	item := domain.Snowflake(9)
	user := domain.Snowflake(12)
	none := 0
	failure := &domain.RunError{Code: "unauthorized", Detail: "The provider refuses the token."}
	remote := outgoing.Remote{Remote: domain.Remote{ID: "7", Key: "8", URL: "https://example.com/8", State: domain.Closed}, Title: "A title", UpdatedAt: at}
	run := domain.Run{
		ID: 3, IntegrationID: 2, OrganisationID: 1, Mode: domain.Full, Trigger: domain.ByRequest, RequestedBy: &user, RequestedAt: at, StartedAt: &at, FinishedAt: &soon,
		Status: domain.Succeeded, Counts: domain.Counts{Created: 1}, Remaining: &none,
	}
	cancelled := domain.Run{ID: 3, IntegrationID: 2, OrganisationID: 1, Mode: domain.Incremental, Trigger: domain.ByEvent, RequestedAt: at, FinishedAt: &soon, CancelRequestedAt: &at, Status: domain.Cancelled, Error: failure}
	all := schemas(t)
	seen := map[string]bool{}
	for _, n := range []outgoing.Event{
		outgoing.SyncFinished(run), outgoing.SyncFinished(cancelled),
		outgoing.HealthChanged(3, 1, 2, domain.Health{State: domain.Unhealthy, Reason: failure, PausedUntil: &at}),
		outgoing.HealthChanged(3, 1, 2, domain.Health{State: domain.Healthy}),
		outgoing.RemoteChanged(outgoing.RemoteChange{EventID: 3, Organisation: 1, Integration: 2, Item: &item, Provider: domain.GitHub, Change: outgoing.ChangeClosed, Remote: remote}),
		outgoing.RemoteChanged(outgoing.RemoteChange{EventID: 3, Organisation: 1, Integration: 2, Provider: domain.Jira, Change: outgoing.ChangeCreated, Remote: remote}),
		outgoing.OrganisationPurging(3, 1, at),
	} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(n.Detail))
		if err != nil {
			t.Fatal(err)
		}

		if err := all[n.DetailType].Validate(doc); err != nil {
			t.Errorf("%s %s: %v", n.DetailType, n.Detail, err)
		}

		described(t, n.DetailType, all[n.DetailType], doc)
		seen[n.DetailType] = true
	}

	if len(seen) != len(outgoingTypes) {
		t.Errorf("only %v were looked at", seen)
	}
}

// described finds members of a value that a schema says nothing of.
func described(t *testing.T, at string, s *jsonschema.Schema, value any) {
	t.Helper()
	members, ok := value.(map[string]any)
	if !ok {
		return
	}

	for s.Ref != nil || len(s.AnyOf) > 0 {
		if s.Ref != nil {
			s = s.Ref
		} else {
			s = s.AnyOf[0]
		}
	}

	for name, v := range members {
		if s.Properties[name] == nil {
			t.Errorf("%s: nothing is said of %s", at, name)
			continue
		}
		described(t, at+"."+name, s.Properties[name], v)
	}

	if len(s.Required) != len(s.Properties) {
		t.Errorf("%s: a member may be missing", at)
	}
}
