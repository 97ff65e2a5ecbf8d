package github

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	product "example.com/integrations/shared/connector/github"
)

// B6, B7, B8: a repository is listed and searched whole though its server answers
// only small pages, sends one that is too large, and names another host in links.
func TestAStrainedServer(t *testing.T) {
	for name, strain := range map[string]*providers.Strained{
		"504 above 25": {Most: 25}, "504 above 10": {Most: 10}, "another host": {Host: "github.public.example"}, "one oversized page": {Oversized: 65 << 20},
		"all": {Most: 25, Host: "10.0.0.8:8080", Oversized: 65 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			d := start(t, func(c *Config) { c.Now = clock.now })
			for n := range 130 {
				d.create(fmt.Sprintf(`{"title":"issue %d","body":"x\n\n<!-- integrations:1/%d/1/%s -->"}`, n+1, n+1, connectortest.Tag))
			}

			if err := d.SetUpdated("acme", "work", 20, 119, clock.now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}

			clock.pass(time.Hour)
			strain.Next = d.API()
			config := product.Config{Owner: "acme", Repo: "work", Token: ours, BaseURL: "https://" + connectortest.Host + "/api/v3"}
			c := product.New(config, connectortest.Serve(t, http.StripPrefix("/api/v3", strain)), clock.now)
			seen := map[string]bool{}
			all, _ := d.changes(c, time.Time{})
			for _, o := range all {
				seen[o.Remote.Key] = true
			}

			if len(all) != 130 || len(seen) != 130 {
				t.Errorf("%d issues, %d of them once", len(all), len(seen))
			}

			found, err := c.Find(t.Context(), clock.now().Add(-2*time.Hour), []connector.Marker{{Integration: 1, Item: 77, Attempt: 1, Tag: connectortest.Tag}})
			if err != nil || found[77].Remote.Key != "77" {
				t.Errorf("%v, %v", found, err)
			}

			if strain.Most > 0 && strain.Refused() > 3 {
				t.Errorf("%d pages were too large", strain.Refused())
			}
		})
	}
}
