package github

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	product "example.com/integrations/shared/connector/github"
	"example.com/integrations/shared/domain"
)

// connect leads the product's own connector to a fake server, which it takes for
// an Enterprise Server. The host is one of httptest's certificate.
func (d double) connect(now func() time.Time, change ...func(*product.Config)) *product.Connector {
	d.t.Helper()
	client := connectortest.Serve(d.t, http.StripPrefix("/api/v3", d.API()))
	config := product.Config{Owner: "acme", Repo: "work", Token: ours, BaseURL: "https://" + connectortest.Host + "/api/v3"}
	for _, one := range change {
		one(&config)
	}

	return product.New(config, client, now)
}

func (d double) changes(c *product.Connector, since time.Time) (all []connector.Object, pages int) {
	d.t.Helper()
	for offset := 0; ; {
		objects, more, err := c.Changes(d.t.Context(), since, offset)
		pages++
		if err != nil {
			d.t.Fatalf("page %d: %v", pages, err)
		}

		if all = append(all, spoken(objects)...); !more {
			return all, pages
		}

		offset += len(objects)
	}
}

// spoken are the issues of a page, without the pull requests.
func spoken(objects []connector.Object) (issues []connector.Object) {
	for _, o := range objects {
		if !o.Ignored {
			issues = append(issues, o)
		}
	}
	return issues
}

// TestAPersonIsToldFromUs: who edits, closes or reopens with another token
// is another in the log, and changes what the connector saw.
func TestAPersonIsToldFromUs(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) {
		c.Now = clock.now
		c.Limits = true
		c.Repositories[0].PullRequests = 1
	})

	c := d.connect(clock.now)
	marker := connector.Marker{Integration: 1, Item: 2, Attempt: 1}
	content := connector.Content{Title: "Ours", Body: "a\r\nb", State: domain.Open}
	written, err := c.Create(t.Context(), content, marker)
	if err != nil {
		t.Fatal(err)
	}

	look := func() connector.Object {
		t.Helper()
		all, _ := d.changes(c, time.Time{})
		if len(all) != 1 || all[0].Marker != marker || all[0].Remote.ID != written.Remote.ID || all[0].UpdatedAt != clock.now().Truncate(time.Second) {
			t.Fatalf("%+v", all)
		}
		return all[0]
	}
	if o := look(); o.Written != written {
		t.Errorf("nobody changed it: %+v, %+v", o.Written, written)
	}

	path := "/repos/acme/work/issues/" + written.Remote.Key
	for _, step := range []struct {
		body  string
		text  bool // the text differs from ours
		state domain.ItemState
	}{
		{`{"title":"Theirs"}`, true, domain.Open},
		{`{"state":"closed"}`, true, domain.Closed},
		{`{"title":"Ours"}`, false, domain.Closed},
		{`{"state":"open"}`, false, domain.Open},
		{`{"body":"a\nb\n\n<!-- integrations:1/2/1 -->"}`, false, domain.Open}, // a browser's line ends
		{`{"body":"More.\n\n<!-- integrations:1/2/1 -->"}`, true, domain.Open},
	} {
		clock.pass(1500 * time.Millisecond)
		if answer := d.send("PATCH", path, step.body, "Authorization", "Bearer "+person); answer.status != 200 {
			t.Fatalf("%s: %d %s", step.body, answer.status, answer.text)
		}

		if o := look(); o.Seen.Text != written.Seen.Text != step.text || o.Seen.State != step.state {
			t.Errorf("%s: %+v", step.body, o.Seen)
		}
	}

	d.send("PATCH", path, `{"state":"closed"}`, "Authorization", "Bearer "+person)
	content.Title = "Again"
	updated, err := c.Update(t.Context(), connector.Sent{Remote: written.Remote, State: domain.Open, Seen: written.Seen}, content, marker)
	if err != nil || updated.Seen.State != domain.Open || look().Seen != (connector.Seen{Text: updated.Seen.Text, State: domain.Closed}) {
		t.Errorf("a close just before our update: %+v, %v", updated, err)
	}

	counts := map[string]int{}
	for _, one := range d.Writes() {
		counts[one.User+" "+one.Method]++
	}

	if fmt.Sprint(counts) != "map[maria PATCH:7 sync-bot PATCH:1 sync-bot POST:1]" {
		t.Errorf("writes %v", counts)
	}

	d.noViolations()
}

// TestABlockOfOneTime: pages go on through it.
func TestABlockOfOneTime(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) { c.Now = clock.now })
	for i := range 350 {
		d.create(fmt.Sprintf(`{"title":"%d"}`, i))
	}

	clock.pass(time.Hour)
	if err := d.SetUpdated("acme", "work", 21, 330, clock.now()); err != nil {
		t.Fatal(err)
	}

	all, pages := d.changes(d.connect(clock.now), clock.now())
	seen := map[string]bool{}
	for _, o := range all {
		seen[o.Remote.Key] = true
	}

	if pages != 4 || len(all) != 310 || len(seen) != 310 || !seen["21"] || !seen["330"] {
		t.Errorf("%d issues, %d of them once, on %d pages", len(all), len(seen), pages)
	}

	d.noViolations()
}

// TestBehindTenThousand: what GitHub does not give by number is reached.
func TestBehindTenThousand(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) {
		c.Now = clock.now
		c.SpecPath = ""
		c.Repositories[0].PullRequests = 10_150
	})

	clock.pass(time.Second)
	d.create(`{"title":"the only issue"}`)
	c := d.connect(clock.now)
	all, pages := d.changes(c, time.Time{})
	if pages != 102 || len(all) != 1 || all[0].Title != "the only issue" {
		t.Errorf("%d pages, %+v", pages, all)
	}

	objects, more, err := d.connect(clock.now).Changes(t.Context(), time.Time{}, 10_100)
	if err != nil || more || len(spoken(objects)) != 1 {
		t.Errorf("the last page at once: %d, %v, %v", len(objects), more, err)
	}
}

// TestLimitsOnAVirtualClock: a caller that waits as long as the answer says, and doubles
// where he is not, makes every issue once.
func TestLimitsOnAVirtualClock(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) {
		c.Now = clock.now
		c.Limits = true
	})
	c := d.connect(clock.now)
	began := clock.now()
	made := 0
	untold := 0
	for n, strikes := 1, 0; n <= createsPerHour+50; {
		_, err := c.Create(t.Context(), connector.Content{Title: fmt.Sprint(n)}, connector.Marker{Integration: 1, Item: domain.Snowflake(n), Attempt: 1})
		if err == nil {
			n = n + 1
			made = made + 1
			strikes = 0
			continue
		}

		var e *failure.Error
		if !errors.As(err, &e) || e.Code != "rate_limited" || e.Class != failure.Retryable || e.Wait < time.Minute {
			t.Fatal(err)
		}

		wait := e.Wait
		if e.NoRetryAfter {
			untold++
			wait <<= strikes
			strikes++
		}

		clock.pass(wait)
	}

	took := clock.now().Sub(began)
	if left := len(d.snapshot(d.find("acme", "work"), "")); left != made || took < time.Hour || took > 2*time.Hour+10*time.Minute || untold == 0 {
		t.Errorf("%d issues of %d creates in %v, %d times nobody told how long to wait", left, made, took, untold)
	}

	statuses := map[int]int{}
	for _, one := range d.Writes() {
		statuses[one.Status]++
	}

	if statuses[201] != made || statuses[403] == 0 || len(statuses) != 2 {
		t.Errorf("answers %v", statuses)
	}

	for _, one := range d.Violations() {
		t.Error(strings.TrimSpace(one))
	}
}
