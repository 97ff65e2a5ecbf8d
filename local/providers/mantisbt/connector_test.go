package mantisbt

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	product "example.com/integrations/shared/connector/mantisbt"
	"example.com/integrations/shared/domain"
)

// connect leads the product's own connector to a fake server that lies under a
// path, as many servers do. The host is one of httptest's certificate.
func (d double) connect(now func() time.Time, change func(*product.Config)) *product.Connector {
	d.t.Helper()
	client := connectortest.Serve(d.t, http.StripPrefix("/bugs", d.API()), ours, reporter)
	config := product.Config{BaseURL: "https://" + connectortest.Host + "/bugs/api/rest", Token: ours, Project: "Work", Category: "Docs"}
	if change != nil {
		change(&config)
	}

	return product.New(config, client, now)
}

// changes walks through pages as the sync engine does.
func (d double) changes(c *product.Connector, since time.Time) (all []connector.Object, pages int) {
	d.t.Helper()
	for offset := 0; ; {
		pages++
		objects, more, err := c.Changes(d.t.Context(), since, offset)
		if err != nil {
			d.t.Fatalf("page %d: %v", pages, err)
		}

		all = append(all, objects...)
		if !more {
			return all, pages
		}

		offset += len(objects)
		if last := objects[len(objects)-1].UpdatedAt; last.After(since) {
			since = last
			offset = 0
		}
	}
}

func refusalOf(t *testing.T, err error) *failure.Error {
	t.Helper()
	var e *failure.Error
	if !errors.As(err, &e) {
		t.Fatalf("%T %v", err, err)
	}

	for _, secret := range []string{ours, person, reporter} {
		if strings.Contains(e.Error(), secret) {
			t.Fatalf("a token is in %q", e)
		}
	}

	return e
}

var (
	marker  = connector.Marker{Integration: 1, Item: 2, Attempt: 1}
	content = connector.Content{Title: "Ours", Body: "a\nb", Labels: []string{}, State: domain.Open}
)

func sentOf(w connector.Written) connector.Sent {
	return connector.Sent{Remote: w.Remote, State: w.Seen.State, Seen: w.Seen}
}

// TestLife: created, changed, closed and reopened, with and without rewriting.
func TestLife(t *testing.T) {
	for _, noRewriting := range []bool{false, true} {
		clock := newClock()
		d := start(t, func(c *Config) {
			c.Now = clock.now
			c.NoRewriting = noRewriting
		})
		c := d.connect(clock.now, nil)
		written, err := c.Create(t.Context(), content, marker)
		if noRewriting {
			// The web server knew nothing of it: the next try goes to the script.
			if e := refusalOf(t, err); e.Code != "address_learned" || e.Class != failure.Retryable || e.Wait != 0 || e.NoRetryAfter {
				t.Errorf("%+v", e)
			}
			written, err = c.Create(t.Context(), content, marker)
		}

		if err != nil {
			t.Fatal(err)
		}

		for _, step := range []struct {
			state domain.ItemState
			title string
			want  string
		}{{domain.Open, "New", "New 10 10"}, {domain.Closed, "New", "New 90 20"}, {domain.Closed, "Newer", "Newer 90 20"}, {domain.Open, "Newer", "Newer 20 30"}} {
			next := content
			next.State = step.state
			next.Title = step.title
			written, err = c.Update(t.Context(), sentOf(written), next, marker)
			if got := d.get(1); err != nil || written.Remote.State != step.state || fmt.Sprint(got.Summary, " ", got.Status, " ", got.Resolution) != step.want {
				t.Errorf("%+v: %+v, %v", step, got, err)
			}
		}

		if got := d.get(1); got.Category != "Docs" || got.Project != 1 || got.Additional != "[integrations:1/2/1]" || got.Description != "a\nb" {
			t.Errorf("%+v", got)
		}

		d.noViolations()
	}
}

// TestAPersonIsToldFromUs: who edits, closes or reopens with another token
// is another in the log, and changes what the connector saw: an edit, a close
// and a reopen once each, our own writes never.
func TestAPersonIsToldFromUs(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) { c.Now = clock.now })
	c := d.connect(clock.now, nil)
	written, err := c.Create(t.Context(), content, marker)
	if err != nil {
		t.Fatal(err)
	}

	seen := written.Seen
	// told compares as the sync engine does.
	told := func() string {
		t.Helper()
		all, _ := d.changes(c, time.Time{})
		if len(all) != 1 || all[0].Marker != marker || all[0].Remote.ID != written.Remote.ID {
			t.Fatalf("%+v", all)
		}

		now := all[0].Seen
		text := ""
		if now.Text != seen.Text {
			text = "edited "
		}

		if now.State != seen.State {
			text += string(now.State)
		}

		seen = now

		return text
	}
	if got := told(); got != "" {
		t.Errorf("our own create: %q", got)
	}

	for _, step := range []struct{ body, want string }{
		{`{"summary":"Theirs"}`, "edited "},
		{`{"status":{"name":"assigned"}}`, ""},
		{`{"status":{"name":"resolved"}}`, "closed"},
		{`{"status":{"name":"closed"}}`, ""},
		{`{"status":{"name":"feedback"}}`, "open"},
		{`{"summary":"Ours"}`, "edited "},
		{`{"description":"a\r\nb\r\n"}`, ""}, // a browser's line ends
		{`{"priority":{"name":"high"},"sticky":true}`, ""},
		{`{"description":"More."}`, "edited "},
		{`{"additional_information":"[integrations:1/2/1]\r\nBy Maria."}`, ""},
	} {
		clock.pass(1500 * time.Millisecond)
		if answer := d.send("PATCH", "/issues/1", step.body, "Authorization", person); answer.status != 200 {
			t.Fatalf("%s: %d %s", step.body, answer.status, answer.text)
		}

		if got := told(); got != step.want {
			t.Errorf("%s: told %q, want %q", step.body, got, step.want)
		}
	}

	clock.pass(time.Second)
	d.send("PATCH", "/issues/1", `{"status":{"name":"closed"}}`, "Authorization", person)
	again := content
	again.Title = "Again"
	updated, err := c.Update(t.Context(), connector.Sent{Remote: written.Remote, State: domain.Open, Seen: seen}, again, marker)
	if err != nil || updated.Seen.State != domain.Open {
		t.Errorf("a close just before our update: %+v, %v", updated, err)
	}

	seen = updated.Seen
	if got := told(); got != "closed" {
		t.Errorf("a close just before our update is told as %q", got)
	}

	if got := d.get(1); got.Additional != "[integrations:1/2/1]\r\nBy Maria." {
		t.Errorf("what a person wrote beside the marker: %q", got.Additional)
	}

	counts := map[string]int{}
	for _, one := range d.Writes() {
		counts[one.User+" "+one.Method]++
	}

	if fmt.Sprint(counts) != "map[maria PATCH:11 sync-bot PATCH:1 sync-bot POST:1]" {
		t.Errorf("writes %v", counts)
	}

	d.noViolations()
}

// TestStaleTag: a person writes between our reading and our writing.
func TestStaleTag(t *testing.T) {
	d := start(t, nil)
	c := d.connect(nil, nil)
	written, err := c.Create(t.Context(), content, marker)
	if err != nil {
		t.Fatal(err)
	}

	reads := 0
	api := d.API()
	client := connectortest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch && reads == 1 {
			d.send("PATCH", "/issues/1", `{"additional_information":"Mine."}`, "Authorization", person)
		}

		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/issues/1") {
			reads++
		}

		http.StripPrefix("/bugs", api).ServeHTTP(w, r)
	}))

	c = product.New(product.Config{BaseURL: "https://example.com/bugs/api/rest", Token: ours, Project: "1", Category: "General"}, client, nil)
	_, err = c.Update(t.Context(), sentOf(written), content, marker)
	if e := refusalOf(t, err); e.Code != "changed_meanwhile" || e.Class != failure.Retryable || e.Scope != failure.ItemScope || e.Wait != 0 {
		t.Errorf("%v", e)
	}

	if _, err = c.Update(t.Context(), sentOf(written), content, marker); err != nil {
		t.Errorf("again: %v", err)
	}

	if got := d.get(1); got.Additional != "[integrations:1/2/1]\n\nMine." {
		t.Errorf("%q", got.Additional)
	}
}

// TestReporter: a token that may only report gets ten issues an hour and may
// change none.
func TestReporter(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) {
		c.Now = clock.now
		c.Limits = true
	})
	c := d.connect(clock.now, func(c *product.Config) { c.Token = reporter })
	var written connector.Written
	for item := range domain.Snowflake(10) {
		var err error
		if written, err = c.Create(t.Context(), content, connector.Marker{Integration: 1, Item: item + 1, Attempt: 1}); err != nil {
			t.Fatal(err)
		}
	}

	_, err := c.Create(t.Context(), content, connector.Marker{Integration: 1, Item: 11, Attempt: 1})
	if e := refusalOf(t, err); e.Code != "rate_limited" || e.Class != failure.Retryable || !e.NoRetryAfter || e.Wait < time.Minute || !strings.Contains(e.Detail, "role updater") {
		t.Errorf("%+v", e)
	}

	_, err = c.Update(t.Context(), sentOf(written), content, marker)
	if e := refusalOf(t, err); e.Code != "forbidden" || e.Scope != failure.IntegrationScope || e.Class != failure.Final || !strings.Contains(e.Detail, "needs the role updater") {
		t.Errorf("%+v", e)
	}

	if n := len(d.snapshot()); n != 10 {
		t.Errorf("%d issues", n)
	}

	d.noViolations()
}

// TestRealLife: what goes wrong with one issue, or with all.
func TestRealLife(t *testing.T) {
	d := start(t, func(c *Config) { c.Narrow = true; c.Roles["sync-bot"] = Developer })
	c := d.connect(nil, nil)
	written, err := c.Create(t.Context(), content, marker)
	if err != nil {
		t.Fatal(err)
	}

	wide := content
	wide.Title = "Crab 🦀"
	if _, err = c.Update(t.Context(), sentOf(written), wide, marker); refusalOf(t, err).Class != failure.Ambiguous {
		t.Error(err)
	}

	if _, err = c.Update(t.Context(), sentOf(written), wide, marker); err != nil || d.get(1).Summary != "Crab \ufffd" {
		t.Errorf("%v %q", err, d.get(1).Summary)
	}

	closed := content
	closed.State = domain.Closed
	if written, err = c.Update(t.Context(), sentOf(written), closed, marker); err != nil {
		t.Fatal(err)
	}

	_, err = c.Update(t.Context(), sentOf(written), content, marker)
	if e := refusalOf(t, err); e.Code != "remote_readonly" || e.Scope != failure.ItemScope || !strings.Contains(e.Detail, "role manager") {
		t.Errorf("an updater reopens: %v", e)
	}

	d.send("PATCH", "/issues/1", `{"project":{"id":2}}`, "Authorization", person)
	_, err = c.Update(t.Context(), sentOf(written), content, marker)
	if e := refusalOf(t, err); e.Code != "remote_forbidden" || e.Scope != failure.ItemScope {
		t.Errorf("moved where we see nothing: %v", e)
	}

	d.send("DELETE", "/issues/1", "", "Authorization", person)
	_, err = c.Update(t.Context(), sentOf(written), content, marker)
	if e := refusalOf(t, err); e.Code != "remote_deleted" || e.Scope != failure.ItemScope {
		t.Errorf("deleted: %v", e)
	}

	for code, change := range map[string]func(*product.Config){
		"category_not_found":   func(c *product.Config) { c.Category = "x" },
		"target_not_found":     func(c *product.Config) { c.Project = "x" },
		"credentials_rejected": func(c *product.Config) { c.Token = person + "x" },
		"api_not_found":        func(c *product.Config) { c.BaseURL = "https://example.com/api/rest" },
	} {
		_, err := d.connect(nil, change).Create(t.Context(), content, marker)
		if e := refusalOf(t, err); e.Code != code || e.Scope != failure.IntegrationScope || e.Class != failure.Final {
			t.Errorf("%s: %v", code, e)
		}
	}

	if _, err := d.connect(nil, func(c *product.Config) { c.Project = "9" }).Create(t.Context(), content, marker); refusalOf(t, err).Code != "target_not_found" {
		t.Error(err)
	}

	d.noViolations()
}

// TestALostAnswerIsFound: the issue was made, the answer was not.
func TestALostAnswerIsFound(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) { c.Now = clock.now })
	c := d.connect(clock.now, nil)
	attempt := clock.now()
	for range 3 {
		d.create("")
	}

	made := d.create(`,"additional_information":"[integrations:1/2/1]"`)
	clock.pass(time.Minute)
	d.send("PATCH", "/issues/4", `{"summary":"A person was quicker"}`, "Authorization", person)
	d.create(`,"additional_information":"[integrations:1/2/1]"`) // copied by a person
	for id := range 3 {
		d.send("PATCH", fmt.Sprintf("/issues/%d", id+1), `{"summary":"x"}`, "Authorization", person)
	}

	other := connector.Marker{Integration: 1, Item: 3, Attempt: 1}
	found, err := c.Find(t.Context(), attempt.Add(-time.Minute), []connector.Marker{marker, other})
	if err != nil || len(found) != 1 || found[2].Remote.Key != fmt.Sprint(made) {
		t.Errorf("%+v, %v", found, err)
	}

	if found, err := c.Find(t.Context(), clock.now().Add(time.Second), []connector.Marker{marker}); err != nil || len(found) != 0 {
		t.Errorf("made before: %+v, %v", found, err)
	}

	d.noViolations()
}

// TestABlockOfOneTime: pages go on through it, sticky issues included.
func TestABlockOfOneTime(t *testing.T) {
	for _, byTimeOnly := range []bool{false, true} {
		clock := newClock()
		d := start(t, func(c *Config) {
			c.Now = clock.now
			c.SpecPath = ""
			c.ByTimeOnly = byTimeOnly
		})
		for range 350 {
			d.create("")
		}

		clock.pass(time.Hour)
		if err := errors.Join(d.SetUpdated(21, 330, clock.now()), d.SetSticky(10, 30), d.SetSticky(320, 340)); err != nil {
			t.Fatal(err)
		}

		all, pages := d.changes(d.connect(clock.now, nil), clock.now())
		seen := map[string]bool{}
		for _, o := range all {
			seen[o.Remote.Key] = true
		}

		if len(seen) != 310 || !seen["21"] || !seen["330"] {
			t.Errorf("%d issues, %d of them once, on %d pages", len(all), len(seen), pages)
		}
	}
}

// TestSinceEver: after a restore all issues are gone through, ten thousand of
// them, and each of ours is known by its marker.
func TestSinceEver(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) {
		c.Now = clock.now
		c.SpecPath = ""
	})
	n := 10_000
	if raceDetector {
		n = 1000
	}

	at := clock.now()
	for id := 1; id <= n; id++ {
		made := &issue{ID: id, Project: 1, Category: "General", Summary: "S", Description: "D", Status: 10, Resolution: 10, Reporter: "sync-bot", CreatedAt: at, UpdatedAt: at}
		if id%3 == 0 {
			made.Additional = fmt.Sprintf("[integrations:1/%d/1]", id)
			at = at.Add(time.Second)
		}

		d.apply(change{Issue: made}, at)
	}

	all, pages := d.changes(d.connect(clock.now, nil), time.Time{})
	ours := map[domain.Snowflake]bool{}
	seen := map[string]bool{}
	for _, o := range all {
		seen[o.Remote.ID] = true
		if o.Marker.Integration == 1 {
			ours[o.Marker.Item] = true
		}
	}

	t.Logf("%d issues, %d of them ours, on %d pages", len(seen), len(ours), pages)
	if len(seen) != n || len(ours) != n/3 {
		t.Errorf("%d issues, %d of them ours, on %d pages", len(seen), len(ours), pages)
	}
}

// TestRealItems: all real items become issues, and a second sync has nothing
// to say.
func TestRealItems(t *testing.T) {
	if specPath() == "" {
		t.Skip("../shared is absent")
	}

	file, err := os.Open(filepath.Join(filepath.Dir(specPath()), "..", "data", "items.jsonl"))
	if err != nil {
		t.Skip(err)
	}

	defer file.Close()
	d := start(t, nil)
	c := d.connect(nil, nil)
	lines := bufio.NewScanner(file)
	closed := 0
	lines.Buffer(nil, 1<<20)
	for n := 0; lines.Scan(); n++ {
		if n%10 != 0 && raceDetector {
			continue
		}

		var item domain.Item
		if err := json.Unmarshal(lines.Bytes(), &item); err != nil {
			t.Fatal(err)
		}

		content := c.Render(item)
		m := connector.Marker{Integration: 1, Item: item.ID, Attempt: 1}
		written, err := c.Create(t.Context(), content, m)
		if err == nil && item.State == domain.Closed {
			closed++
			_, err = c.Update(t.Context(), sentOf(written), content, m)
		}

		if err != nil {
			t.Fatalf("%s: %v", item.FormattedNumber, err)
		}

		stored := d.get(len(d.snapshot()))
		if stored.Summary != content.Title || stored.Description != content.Body || (stored.Status >= resolved) != (item.State == domain.Closed) {
			t.Errorf("%s is stored otherwise", item.FormattedNumber)
		}

		if c.Render(item).Hash() != content.Hash() {
			t.Errorf("%s is not rendered the same twice", item.FormattedNumber)
		}
	}

	t.Logf("%d issues, %d of them closed, %d writes, %d violations", len(d.snapshot()), closed, len(d.Writes()), len(d.Violations()))
	d.noViolations()
}
