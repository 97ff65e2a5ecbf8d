package conformance

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
)

// Findings 1b and 2: what is asked of one object and answered with another is
// never taken for it. A read says that the object was moved. An update never
// gives another link.
func TestAnotherObjectIsNotTheLinkedOne(t *testing.T) {
	tried := 0
	everyKit(t, func(t *testing.T, k kit) {
		if k.fill == nil {
			return
		}

		var from, to string // the linked object, and the one in its place
		c := k.fill(t, 2, func(provider http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if from != "" {
					r.URL.Path = exchanged(r.URL.Path, from, to)
					r.URL.RawPath = exchanged(r.URL.RawPath, from, to)
				}
				provider.ServeHTTP(w, r)
			})
		})

		puller, pulls := c.(connector.Puller)
		if !pulls {
			return
		}

		objects, _, err := puller.Changes(t.Context(), time.Time{}, 0)
		if err != nil || len(objects) != 2 {
			t.Fatal(objects, err)
		}

		asked := objects[0].Remote
		other := objects[1].Remote
		from = asked.Key
		to = other.Key
		if strings.HasPrefix(k.name, "jira") {
			from = asked.ID
			to = other.ID
		}

		got, err := puller.Read(t.Context(), asked)
		e := failureOf(t, "read", err)
		if e.Class != failure.Final || e.Scope != failure.ItemScope || e.Code != "remote_moved" || got.Remote.ID != "" || got.Title != "" {
			t.Errorf("read: %s, scope %d: %v, %+v", e.Class, e.Scope, e, got.Remote)
		}

		written, err := c.Update(t.Context(), connector.Sent{Remote: asked, State: asked.State}, content(c), objects[0].Marker)
		if written.Remote.ID == other.ID {
			t.Errorf("update: the link leads to %+v", written.Remote)
		}

		if err != nil {
			e = failureOf(t, "update", err)
			if e.Scope != failure.ItemScope || e.Code != "remote_moved" && e.Code != "foreign_answer" {
				t.Errorf("update: %s, scope %d: %v", e.Class, e.Scope, e)
			}
		}

		tried++
	})
	if tried != 5 {
		t.Errorf("%d kits", tried)
	}
}

// exchanged is a path in which the name of one issue stands in place of
// another's.
func exchanged(path, from, to string) string {
	for _, list := range []string{"/issues/", "/issue/"} {
		before, behind, found := strings.Cut(path, list+from)
		if found && (behind == "" || behind[0] == '/') {
			return before + list + to + behind
		}
	}

	return path
}
