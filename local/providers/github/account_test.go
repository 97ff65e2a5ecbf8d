package github

import (
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	product "example.com/integrations/shared/connector/github"
)

// TestAnotherAccountFinds: an unanswered create is found when the token is
// another account's by then, so that no twin is made.
func TestAnotherAccountFinds(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) { c.Now = clock.now })
	began := clock.now()
	before := d.connect(clock.now, func(c *product.Config) { c.Token = person })
	after := d.connect(clock.now)
	marker := connector.Marker{Integration: 1, Item: 2, Attempt: 1}
	made, err := before.Create(t.Context(), connector.Content{Title: "x"}, marker)
	if err != nil {
		t.Fatal(err)
	}

	found, err := after.Find(t.Context(), began.Add(-time.Minute), []connector.Marker{marker})
	if err != nil || len(found) != 1 || found[marker.Item].Remote.ID != made.Remote.ID {
		t.Errorf("%+v, %v; want %+v", found, err, made)
	}

	d.noViolations()
}
