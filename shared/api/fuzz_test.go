package api_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"example.com/integrations/shared/api"
)

// Whatever the body: what is taken is one JSON object of known members, and
// what is refused is refused by name, never with a 500.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{``, `{}`, `{"a":"x","b":true}`, `{"a":"x","a":"y"}`, `{"a":null}`, `{} {}`, `{"a"`, `[]`, "{\"a\":\"\xff\"}", `{"\u0061":"x"}`, `{"b":1,}`} {
		f.Add(seed)
	}

	f.Fuzz(func(t *testing.T, body string) {
		var a string
		h := api.Serve(slog.New(slog.DiscardHandler), "sub", func(_ context.Context, r api.Request) (api.Answer, error) {
			err := r.Object([]string{"application/json"}, false, map[string]api.Member{
				"a": api.Text(func(v string) { a = v }), "b": api.Truth(func(bool) {}), "id": api.Fixed,
			})
			return api.Answer{Status: 200}, err
		})

		q := request{body: body, binary: true, header: map[string]string{"content-type": "application/json"}}
		resp, err := h(t.Context(), q.event())
		var members map[string]any
		valid := json.Unmarshal([]byte(body), &members) == nil && members != nil
		switch {
		case err != nil || resp.StatusCode >= 500:
			t.Errorf("%q: %d, %v", body, resp.StatusCode, err)
		case resp.StatusCode != 200:
		case !valid:
			t.Errorf("%q is taken", body)
		case members["a"] != nil && members["a"] != a:
			t.Errorf("%q: a is read as %q", body, a)
		}
	})
}
