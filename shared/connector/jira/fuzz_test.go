package jira

import (
	"encoding/json"
	"slices"
	"testing"

	"example.com/integrations/shared/domain"
)

// FuzzTransitions: the way that is chosen is one of those there are, leads
// where it should and asks for nothing.
func FuzzTransitions(f *testing.F) {
	f.Add([]byte(`[{"id":"31","to":{"statusCategory":{"key":"done"}},"fields":{"resolution":{"required":true}}},{"id":"41","to":{"statusCategory":{"key":"done"}}}]`))
	f.Add([]byte(`[{"id":"11","isAvailable":false,"to":{"statusCategory":{"key":"new"}}},{"id":"21","to":{"statusCategory":{"key":"indeterminate"}}}]`))
	f.Add([]byte(`[{"id":"","to":null,"fields":null},null]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var list []transition
		if json.Unmarshal(body, &list) != nil {
			return
		}

		for _, want := range []domain.ItemState{domain.Open, domain.Closed} {
			id, asked := choose(list, want)
			if id != "" && len(asked) > 0 || !slices.IsSorted(asked) {
				t.Errorf("%q: %q and %q", body, id, asked)
			}

			if id != "" && !slices.ContainsFunc(list, func(one transition) bool {
				return one.ID == id && (one.To.Category.Key == categoryDone) == (want == domain.Closed) && len(one.asks()) == 0
			}) {
				t.Errorf("%q: %q leads elsewhere", body, id)
			}
		}
	})
}

// FuzzMoment: a time is read or refused, as it stands in an issue.
func FuzzMoment(f *testing.F) {
	for _, text := range []string{`"2026-11-23T10:00:00.000+0000"`, `"2026-11-23T10:00:00Z"`, `null`, `0`, `"x"`, `"2026-11-23T10:00:00.000+9999"`} {
		f.Add([]byte(text))
	}

	f.Fuzz(func(t *testing.T, body []byte) {
		var m moment
		if json.Unmarshal(body, &m) == nil && !m.IsZero() && (m.Year() < 0 || m.Year() > 10_000) {
			t.Errorf("%q: %v", body, m)
		}
	})
}
