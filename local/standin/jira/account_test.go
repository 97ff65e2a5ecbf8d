package jira

import (
	"testing"
	"time"

	"integrations/shared/connector"
	product "integrations/shared/connector/jira"
	"integrations/shared/domain"
)

// TestAnotherAccountFinds: an unanswered create is found when the token is
// another account's by then, so that no twin is made.
func TestAnotherAccountFinds(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		clock := newClock()
		d, began := start(t, flavor, func(c *Config) { c.Now = clock.now }), clock.now()
		before := d.connect("WORK", func(c *product.Config) {
			if c.Token = person; flavor == Cloud {
				c.Email = d.config.Accounts[person].Email
			}
		})
		after := d.connect("WORK", nil)
		marker := connector.Marker{Integration: 11, Item: 22, Attempt: 1}
		made, err := before.Create(t.Context(), before.Render(domain.Item{ID: 22, Title: "T", State: domain.Open}), marker)
		if err != nil {
			t.Fatal(err)
		}
		found, err := after.Find(t.Context(), began.Add(-time.Minute), []connector.Marker{marker})
		if err != nil || len(found) != 1 || found[22].Remote.ID != made.Remote.ID {
			t.Errorf("%+v, %v; want %+v", found, err, made)
		}
		d.noViolations()
	})
}
