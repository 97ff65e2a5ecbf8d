package jira

import (
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	product "example.com/integrations/shared/connector/jira"
	"example.com/integrations/shared/domain"
)

// TestAnotherAccountFinds: an unanswered create is found when the token is
// another account's by then, so that no twin is made.
func TestAnotherAccountFinds(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		clock := newClock()
		d := start(t, flavor, func(c *Config) { c.Now = clock.now })
		began := clock.now()
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

// TestTheTokenEndsInMidRun: from one call to the next nothing is taken any
// more, and all of it is said to be the token's.
func TestTheTokenEndsInMidRun(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		d := start(t, flavor, nil)
		c := d.connect("WORK", nil)
		content := c.Render(domain.Item{ID: 22, Title: "T", State: domain.Open})
		made, err := c.Create(t.Context(), content, marker)
		if err != nil {
			t.Fatal(err)
		}

		delete(d.config.Accounts, ours)
		content.Title = "Later"
		_, created := c.Create(t.Context(), content, connector.Marker{Integration: 11, Item: 23, Attempt: 1})
		_, updated := c.Update(t.Context(), connector.Sent{Remote: made.Remote, State: domain.Open, Seen: made.Seen}, content, marker)
		_, _, changed := c.Changes(t.Context(), time.Time{}, 0)
		_, found := c.Find(t.Context(), time.Now(), []connector.Marker{marker})
		for what, err := range map[string]error{"create": created, "update": updated, "changes": changed, "find": found} {
			if e := failed(t, err); e.Code != "credentials_rejected" || e.Scope != failure.IntegrationScope || e.Class != failure.Final {
				t.Errorf("%s: %v", what, e)
			}
		}

		d.noViolations()
	})
}
