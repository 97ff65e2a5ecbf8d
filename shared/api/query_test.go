package api_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"example.com/integrations/shared/api"
)

func TestBadQueries(t *testing.T) {
	w := newWorld(t)
	cursor := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for _, query := range []map[string]string{
		{"limit": "0"}, {"limit": "101"}, {"limit": "-1"}, {"limit": "x"}, {"limit": ""}, {"limit": "1.0"}, {"limit": "+1"}, {"limit": "01"},
		{"after": ""}, {"after": "x"}, {"after": "%%"}, {"after": cursor("items:")}, {"after": cursor("items:7")}, {"after": cursor("items:000000000000000000x")},
		{"after": cursor("other:0000000000000000007")}, {"after": cursor("items:0000000000000000000")}, {"after": cursor("items:00000000000000000070")},
		{"after": cursor("items:0000000000000000007") + "="}, {"after": cursor("items:0000000000000000007") + "\n"}, {"after": "\r" + cursor("items:0000000000000000007")},
		{"after": cursor("items:0000000000000000007")[:33] + "x"}, // other bits behind the last digit
		{"after": cursor("items:INT#0000000000000000007")}, {"after": cursor("items:9999999999999999999")},
		{"outcome": ""}, {"outcome": "Created"}, {"outcome": "created,failed"}, {"nonsense": "1"},
	} {
		for name := range query {
			refused(t, send(t, w.items, request{query: query}), refusal{400, "invalid_query", []string{name}})
		}
	}

	refused(t, send(t, w.items, request{query: map[string]string{"z": "1", "limit": "x", "after": "x"}}), refusal{400, "invalid_query", []string{"after", "limit", "z"}})
	// One list's cursor is not another's.
	refused(t, send(t, w.syncs, request{query: map[string]string{"after": cursor("items:0000000000000000007")}}), refusal{400, "invalid_query", []string{"after"}})
	if resp := send(t, w.items, request{query: map[string]string{"after": cursor("items:0000000000000000007"), "limit": "100", "outcome": "failed"}}); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, resp.Body)
	}
}

var discard = slog.New(slog.DiscardHandler)

// Every route refuses parameters it does not know, and looks at the state last.
func TestUnknownQueries(t *testing.T) {
	w := newWorld(t)
	run := w.accepted(t, request{}).ID.String()
	many := map[string]string{}
	for n := range 40 {
		many[fmt.Sprintf("n%02d", n)] = ""
	}

	for name, c := range map[string]struct {
		handler api.Handler
		request
	}{
		"GET": {w.get, request{}}, "PATCH": {w.patch, request{body: `{"enabled":false}`}}, "sync": {w.sync, request{}}, "status": {w.status, request{}},
		"syncs": {w.syncs, request{}}, "one sync": {w.syncs, request{sync: run}}, "plan": {w.syncs, request{sync: run, route: planRoute}},
		"cancel": {w.cancel, request{sync: run}}, "items": {w.items, request{}}, "retry": {w.retry, request{}},
		"delete": {w.remove, request{}}, "check": {w.check, request{}}, "list": {w.list, request{}}, "create": {w.make, request{body: wanted("")}},
	} {
		t.Run(name, func(t *testing.T) {
			long := strings.Repeat("é", 61)
			c.query = map[string]string{long: "1", "Limit": "1"}
			refused(t, send(t, c.handler, c.request), refusal{400, "invalid_query", []string{"Limit", long[:120] + "…"}})
			c.query = many
			if got := told[struct{ Errors []any }](t, c.handler, c.request, 400); len(got.Errors) != 30 {
				t.Errorf("%d errors are told", len(got.Errors))
			}

			if c.sync == "" {
				c.id = disabled.String()
				c.query = map[string]string{"a": "1"}
				refused(t, send(t, c.handler, c.request), refusal{400, "invalid_query", []string{"a"}})
			}
		})
	}

	if v := w.view(t, github); !v.Integration.Enabled || v.State.Run == nil {
		t.Errorf("a refused request has written: %+v", v)
	}
}

func cursorRoute(_ context.Context, r api.Request) (api.Answer, error) {
	p, err := r.Page("items", nil)
	return api.Answer{Status: 200, Body: p.After}, err
}

// Whatever the cursor: what is taken is a sortable id's own cursor, so that a
// list goes on within its partition.
func FuzzCursor(f *testing.F) {
	f.Add("aXRlbXM6MDAwMDAwMDAwMDAwMDAwMDAwNw")
	f.Add("")
	f.Add("....")
	f.Add("aXRlbXM6MDAwMDAwMDAwMDAwMDAwMDAwNw\n")
	f.Add("aXRlbXM6MDAwMDAwMDAwMDAwMDAwMDAwNx")
	f.Fuzz(func(t *testing.T, text string) {
		h := api.Serve(discard, "sub", cursorRoute)
		resp := send(t, h, request{query: map[string]string{"after": text}})
		if resp.StatusCode == 400 {
			return
		}

		var after string
		must(t, json.Unmarshal([]byte(resp.Body), &after))
		if len(after) != 19 || strings.Trim(after, "0123456789") != "" {
			t.Errorf("%q reads as %q", text, after)
		}

		if next := api.ListOf("items", []int{}, after).Next; *next != text {
			t.Errorf("%q reads as %q, whose cursor is %q", text, after, *next)
		}
	})
}
