package mantisbt

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/integrations/local/providers/faults"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	product "example.com/integrations/shared/connector/mantisbt"
)

// B19: the fault anonymous answers a dead token as a real server did (recorded:
// anonymous-revoked-token-*). A refusal says nothing of the login.
func TestTheAnonymousFaultAnswersAsRecorded(t *testing.T) {
	s := &story{t: t, clock: newClock(), dir: t.TempDir(), tags: map[string]string{}}
	defer s.stop()

	played := 0
	for _, e := range recordings(t) {
		if !strings.HasPrefix(e.Case, "anonymous-revoked-token-") {
			continue
		}

		played++
		s.serve(nil)
		s.declare(issuesBefore["time-zone-summer"][0])
		id, err := s.Faults().Add(faults.Order{Fault: faults.Anonymous, Times: 1, Match: faults.Match{By: faults.Anyone}})
		if err != nil {
			t.Fatal(err)
		}

		got, body := s.ask(e)
		if differences := compare(e, got, body); len(differences) > 0 {
			t.Errorf("%s:\n\t%s", e.Case, strings.Join(differences, "\n\t"))
		}

		if got.StatusCode == http.StatusForbidden {
			for name := range got.Header {
				if strings.HasPrefix(name, "X-Mantis-") {
					t.Errorf("%s: the refusal has the header %s", e.Case, name)
				}
			}
		}

		s.Faults().Clear(id, "")
	}

	if played != 3 {
		t.Errorf("%d exchanges were recorded, want 3", played)
	}
}

// B19: with the fault anonymous, each kind of call of the connector ends with
// credentials_rejected, whether the token is dead from the start, after the
// connector asked who it is, or at the write itself. Nothing is written.
func TestADeadTokenIsFoundAtEachKindOfCall(t *testing.T) {
	for name, tt := range anonymousCalls() {
		for moment, match := range map[string]faults.Match{"cold": {}, "warm": {}, "at its request": {Kind: tt.kind}} {
			t.Run(name+"/"+moment, func(t *testing.T) {
				d := start(t, nil)
				c := d.connect(nil, nil)
				other := d.connect(nil, nil)
				made, err := other.Create(t.Context(), content, marker)
				if err != nil {
					t.Fatal(err)
				}

				if moment != "cold" {
					warm(t, c, made)
				}

				before := len(d.Writes())
				if _, err := d.Faults().Add(faults.Order{Fault: faults.Anonymous, Times: 1, Match: match}); err != nil {
					t.Fatal(err)
				}

				e := refusalOf(t, tt.call(t, c, made))
				if e.Code != "credentials_rejected" || e.Class != failure.Final || e.Scope != failure.IntegrationScope {
					t.Errorf("%v, scope %v: %v", e.Class, e.Scope, e)
				}

				for _, w := range d.Writes()[before:] {
					if w.Status < 400 {
						t.Errorf("%s %s was done: %d", w.Method, w.Path, w.Status)
					}
				}
			})
		}
	}
}

// An anonymousCall is a call of the connector, and the kind of the request that
// it is about.
type anonymousCall struct {
	kind faults.Kind
	call func(t *testing.T, c *product.Connector, made connector.Written) error
}

func anonymousCalls() map[string]anonymousCall {
	return map[string]anonymousCall{
		"check": {faults.Other, func(t *testing.T, c *product.Connector, _ connector.Written) error {
			checks, err := c.Check(t.Context())
			if got := strings.Trim(fmt.Sprint(checks), "[]"); got != "reachable=ok credentials=no(credentials_rejected)" {
				t.Errorf("the check says %s", got)
			}

			return err
		}},
		"list": {faults.List, func(t *testing.T, c *product.Connector, _ connector.Written) error {
			_, _, err := c.Changes(t.Context(), time.Time{}, 0)

			return err
		}},
		"find": {faults.List, func(t *testing.T, c *product.Connector, _ connector.Written) error {
			_, err := c.Find(t.Context(), time.Time{}, []connector.Marker{marker})

			return err
		}},
		"read": {faults.Read, func(t *testing.T, c *product.Connector, made connector.Written) error {
			_, err := c.Read(t.Context(), made.Remote)

			return err
		}},
		"create": {faults.Create, func(t *testing.T, c *product.Connector, _ connector.Written) error {
			_, err := c.Create(t.Context(), content, connector.Marker{Integration: marker.Integration, Item: marker.Item + 1, Attempt: 1})

			return err
		}},
		"update": {faults.Update, func(t *testing.T, c *product.Connector, made connector.Written) error {
			changed := content
			changed.Title = "Changed"
			_, err := c.Update(t.Context(), connector.Sent{Remote: made.Remote}, changed, marker)

			return err
		}},
	}
}

// warm makes the connector ask what it asks before its first call.
func warm(t *testing.T, c *product.Connector, made connector.Written) {
	t.Helper()
	if _, err := c.Read(t.Context(), made.Remote); err != nil {
		t.Fatal(err)
	}

	if _, _, err := c.Changes(t.Context(), time.Time{}, 0); err != nil {
		t.Fatal(err)
	}
}
