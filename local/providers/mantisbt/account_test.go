package mantisbt

import (
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	product "example.com/integrations/shared/connector/mantisbt"
)

// TestAnotherAccountFinds: an unanswered create is found when the token is
// another account's by then, so that no twin is made.
func TestAnotherAccountFinds(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) { c.Now = clock.now })
	began := clock.now()
	before := d.connect(clock.now, func(c *product.Config) { c.Token = person })
	after := d.connect(clock.now, nil)
	made, err := before.Create(t.Context(), content, marker)
	if err != nil {
		t.Fatal(err)
	}

	found, err := after.Find(t.Context(), began.Add(-time.Minute), []connector.Marker{marker})
	if err != nil || len(found) != 1 || found[marker.Item].Remote.ID != made.Remote.ID {
		t.Errorf("%+v, %v; want %+v", found, err, made)
	}

	d.noViolations()
}

// TestTheTokenEndsInMidRun: from one call to the next nothing is taken any
// more, and all of it is said to be the token's.
func TestTheTokenEndsInMidRun(t *testing.T) {
	d := start(t, nil)
	c := d.connect(nil, nil)
	made, err := c.Create(t.Context(), content, marker)
	if err != nil {
		t.Fatal(err)
	}

	delete(d.config.Tokens, ours)
	_, created := c.Create(t.Context(), content, connector.Marker{Integration: 1, Item: 3, Attempt: 1})
	_, updated := c.Update(t.Context(), sentOf(made), content, marker)
	_, _, changed := c.Changes(t.Context(), time.Time{}, 0)
	_, found := c.Find(t.Context(), time.Time{}, []connector.Marker{marker})
	for what, err := range map[string]error{"create": created, "update": updated, "changes": changed, "find": found} {
		if e := refusalOf(t, err); e.Code != "credentials_rejected" || e.Scope != failure.IntegrationScope || e.Class != failure.Final {
			t.Errorf("%s: %v", what, e)
		}
	}

	if n := len(d.snapshot()); n != 1 {
		t.Errorf("%d issues", n)
	}

	d.noViolations()
}
