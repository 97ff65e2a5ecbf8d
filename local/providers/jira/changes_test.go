package jira

import (
	"fmt"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	product "example.com/integrations/shared/connector/jira"
)

func (d *double) changes(c *product.Connector, since time.Time) (all []connector.Object, pages int) {
	d.t.Helper()
	for offset := 0; ; {
		objects, more, err := c.Changes(d.t.Context(), since, offset)
		pages++
		if err != nil {
			d.t.Fatalf("page %d: %v", pages, err)
		}

		if all = append(all, objects...); !more {
			return all, pages
		}

		offset += len(objects)
	}
}

// Pages go on through a block of one time, and each issue is there once.
func TestABlockOfOneTime(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		clock := newClock()
		d := start(t, flavor, func(c *Config) { c.Now = clock.now })
		for n := range 350 {
			d.make("WORK", fmt.Sprint(n))
		}

		clock.pass(time.Hour + 20*time.Second)
		for n := 21; n <= 330; n++ {
			if err := d.Change(fmt.Sprintf("WORK-%d", n), func(*Edit) {}); err != nil {
				t.Fatal(err)
			}
		}

		all, pages := d.changes(d.connect("WORK", nil), clock.now())
		seen := map[string]bool{}
		for _, o := range all {
			seen[o.Remote.Key] = true
		}

		if pages != 4 || len(all) != 310 || len(seen) != 310 || !seen["WORK-21"] || !seen["WORK-330"] {
			t.Errorf("%d issues, %d of them once, on %d pages", len(all), len(seen), pages)
		}

		// Anybody else gets to a page as well, though nobody led there.
		objects, more, err := d.connect("WORK", nil).Changes(t.Context(), clock.now(), 300)
		if err != nil || more || len(objects) != 10 {
			t.Errorf("the last page at once: %d, %v, %v", len(objects), more, err)
		}

		d.noViolations()
	})
}

// make puts an issue into the fake server without a call.
func (d *double) make(project, summary string) *issue {
	d.t.Helper()
	p := d.find(project)
	id, number := d.next(p)
	made := &issue{ID: id, Project: project, Number: number, Type: "Task", Summary: summary, Status: statusNew, Creator: "maria", Created: d.now(), Updated: d.now()}
	if err := d.Commit(change{Issue: made}); err != nil {
		d.t.Fatal(err)
	}

	return made
}

// What was read at the local time of another zone is not missed,
// neither where summer ends.
func TestZones(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati", "Etc/GMT+12", "Australia/Lord_Howe", "Mars/Olympus", ""} {
		d := start(t, Datacenter, func(c *Config) {
			account := c.Accounts[ours]
			account.Zone = zone
			c.Accounts[ours] = account
		})
		for at := time.Date(2026, 10, 24, 22, 7, 30, 0, time.UTC); at.Before(time.Date(2026, 10, 25, 4, 0, 0, 0, time.UTC)); at = at.Add(17 * time.Minute) {
			d.make("WORK", at.String())
			name := fmt.Sprintf("WORK-%d", d.find("WORK").last)
			if err := d.Change(name, func(e *Edit) { e.Updated = at }); err != nil {
				t.Fatal(err)
			}

			all, _ := d.changes(d.connect("WORK", nil), at)
			if len(all) != 1 || !all[0].UpdatedAt.Equal(at) {
				t.Errorf("%s: at %v there are %d", zone, at, len(all))
			}
		}
	}
}

// Ten thousand issues are listed page by page, for a pull and for a relink.
func TestTenThousand(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}

	clock := newClock()
	d := start(t, Cloud, func(c *Config) {
		c.Now = clock.now
		c.SpecPath = ""
	})
	n := 10_000
	if raceDetector {
		n = 1000
	}

	for i := range n {
		if i%150 == 0 {
			clock.pass(time.Minute)
		}
		d.make("WORK", fmt.Sprint(i))
	}

	c := d.connect("WORK", nil)
	seen := 0
	pages := 0
	most := 0
	for {
		objects, more, err := c.Changes(t.Context(), time.Time{}, seen)
		if err != nil {
			t.Fatal(err)
		}

		seen = seen + len(objects)
		pages = pages + 1
		most = max(most, len(objects))
		if !more {
			break
		}
	}

	if seen != n || pages != n/100 || most != 100 {
		t.Errorf("%d issues on %d pages of up to %d", seen, pages, most)
	}
}
