package conformance

import (
	"fmt"
	"net/http"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
)

// A refusal while a place is resolved is an error about the integration, gives no
// place, and no write leaves. A connector that makes no request always gives a place.
func TestResolveRefused(t *testing.T) {
	everyKit(t, func(t *testing.T, k kit) {
		status := 0
		s, c := stage(t, k, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprint(w, `{"message":"words of the provider"}`)
		})
		for _, status = range statuses {
			before, _ := s.counted()
			place, err := c.Resolve(t.Context())
			after, writes := s.counted()
			if after == before {
				if err != nil || place.ID == "" || place.Instance == "" {
					t.Errorf("without a call: %+v, %v", place, err)
				}
				continue
			}

			e := failureOf(t, fmt.Sprint("resolve ", status), err)
			if e.Scope != failure.IntegrationScope || place != (connector.Place{}) {
				t.Errorf("%d: scope %d, %s, %+v", status, e.Scope, e.Code, place)
			}

			// A MantisBT that answers every address so has no API there.
			exact := e.Code == "target_not_found" || e.Code == "api_not_found"
			if _, tracker := c.(connector.Puller); tracker && status == http.StatusNotFound && !exact {
				t.Errorf("404: %s", e.Code)
			}

			if writes != 0 {
				t.Errorf("%d: %d writes left", status, writes)
			}
		}
	})
}

// At its fake server a connector finds out the same place each time, works there
// afterwards, and works there without a call where the place is known.
func TestResolve(t *testing.T) {
	everyKit(t, func(t *testing.T, k kit) {
		if k.fill == nil {
			return
		}

		c := k.fill(t, 0, straight)
		resolver, is := c.(connector.Resolver)
		if !is {
			return
		}

		first, err := resolver.Resolve(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		again, err := resolver.Resolve(t.Context())
		if err != nil || again != first || first.ID == "" || first.Instance == "" || first.Name == "" {
			t.Errorf("%+v, then %+v, %v", first, again, err)
		}

		resolver.Use(first)
		filled(t, c, 1)
		objects, _, err := c.(connector.Puller).Changes(t.Context(), now.AddDate(-50, 0, 0), 0)
		if err != nil || len(objects) != 1 {
			t.Errorf("%d objects, %v", len(objects), err)
		}
	})
}
