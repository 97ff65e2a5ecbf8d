package gitlab

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	product "example.com/integrations/shared/connector/gitlab"
	"example.com/integrations/shared/domain"
)

// connect leads the product's own connector to a fake server, which it takes for
// a GitLab of one's own, under a path. The host is one of httptest's
// certificate.
func (d double) connect(now func() time.Time, change ...func(*product.Config)) *product.Connector {
	d.t.Helper()
	client := connectortest.Serve(d.t, d.API(), ours)
	config := product.Config{Project: "acme/sub/work", Token: ours, BaseURL: "https://" + connectortest.Host + "/gitlab/api/v4", Labels: true}
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

		if all = append(all, objects...); !more {
			return all, pages
		}

		offset += len(objects)
	}
}

func failureOf(t *testing.T, err error) *failure.Error {
	t.Helper()
	var e *failure.Error
	if !errors.As(err, &e) {
		t.Fatalf("%T %v", err, err)
	}

	if strings.Contains(e.Error(), ours) {
		t.Fatalf("a secret in %v", e)
	}

	return e
}

var marker = connector.Marker{Integration: 1, Item: 2, Attempt: 1}

// TestAPersonIsToldFromUs: who edits, closes or reopens with another token
// is another in the log, and changes what the connector saw.
func TestAPersonIsToldFromUs(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) {
		c.Now = clock.now
		c.Limits = true
	})
	c := d.connect(clock.now)
	content := connector.Content{Title: "Ours", Body: "a\r\nb", Labels: []string{"one", "two"}, State: domain.Open}
	written, err := c.Create(t.Context(), content, marker)
	if err != nil {
		t.Fatal(err)
	}

	look := func() connector.Object {
		t.Helper()
		all, _ := d.changes(c, time.Time{})
		if len(all) != 1 || all[0].Marker != marker || all[0].Remote.ID != written.Remote.ID || all[0].UpdatedAt != clock.now().Truncate(time.Millisecond) {
			t.Fatalf("%+v", all)
		}
		return all[0]
	}
	if o := look(); o.Written != written {
		t.Errorf("nobody changed it: %+v, %+v", o.Written, written)
	}

	for _, step := range []struct {
		body  string
		text  bool // the text differs from ours
		state domain.ItemState
	}{
		{`{"title":"Theirs"}`, true, domain.Open},
		{`{"state_event":"close"}`, true, domain.Closed},
		{`{"title":"Ours"}`, false, domain.Closed},
		{`{"state_event":"reopen"}`, false, domain.Open},
		{`{"description":"a\nb\n\n<!-- integrations:1/2/1 -->"}`, false, domain.Open}, // a browser's line ends
		{`{"description":"More.\n\n<!-- integrations:1/2/1 -->"}`, true, domain.Open},
		{`{"add_labels":"by hand","remove_labels":"one"}`, true, domain.Open},
	} {
		clock.pass(1500 * time.Millisecond)
		d.put(1, step.body, "PRIVATE-TOKEN", person)
		if o := look(); o.Seen.Text != written.Seen.Text != step.text || o.Seen.State != step.state {
			t.Errorf("%s: %+v", step.body, o.Seen)
		}
	}

	d.put(1, `{"state_event":"close"}`, "PRIVATE-TOKEN", person)
	sent := connector.Sent{Remote: written.Remote, Labels: content.Labels, State: domain.Open, Seen: written.Seen}
	content.Title = "Again"
	content.Labels = []string{"one", "three"}
	updated, err := c.Update(t.Context(), sent, content, marker)
	if err != nil || updated.Seen.State != domain.Open || look().Seen != (connector.Seen{Text: updated.Seen.Text, State: domain.Closed}) {
		t.Errorf("a close just before our update: %+v, %v", updated, err)
	}

	if got := d.get(d.find("acme/sub/work"), 1).Labels; fmt.Sprint(got) != "[by hand one three]" {
		t.Errorf("labels %q: what a person put there must stay", got)
	}

	counts := map[string]int{}
	for _, one := range d.Writes() {
		counts[one.User+" "+one.Method]++
	}

	if fmt.Sprint(counts) != "map[maria PUT:8 sync-bot POST:1 sync-bot PUT:1]" {
		t.Errorf("writes %v", counts)
	}

	d.noViolations()
}

func TestCloseReopenFind(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) { c.Now = clock.now })
	c := d.connect(clock.now)
	began := clock.now()
	written, err := c.Create(t.Context(), connector.Content{Title: "x"}, marker)
	if err != nil || written.Remote.URL != "https://example.com/gitlab/acme/sub/Work/-/issues/1" {
		t.Fatal(written, err)
	}

	state := domain.Open
	for _, next := range []domain.ItemState{domain.Closed, domain.Closed, domain.Open} {
		got, err := c.Update(t.Context(), connector.Sent{Remote: written.Remote, State: state}, connector.Content{Title: "x", State: next}, marker)
		if err != nil || got.Remote.State != next || got.Seen.State != next && state != next {
			t.Errorf("%s: %+v, %v", next, got, err)
		}
		state = next
	}

	clock.pass(time.Minute)
	d.create(`{"title":"a copy","description":"<!-- integrations:1/2/1 -->"}`, "PRIVATE-TOKEN", person)
	second := connector.Marker{Integration: 1, Item: 3, Attempt: 2}
	for range 150 {
		d.create(`{"title":"x","description":"more"}`)
	}

	if _, err := c.Create(t.Context(), connector.Content{Title: "y"}, second); err != nil {
		t.Fatal(err)
	}

	found, err := c.Find(t.Context(), began, []connector.Marker{marker, second, {Integration: 1, Item: 4}})
	if err != nil || len(found) != 2 || found[2].Remote.Key != "1" || found[3].Remote.Key != "153" {
		t.Errorf("%v, %v", found, err)
	}

	if found, err = c.Find(t.Context(), clock.now(), []connector.Marker{second, {Integration: 1, Item: 4}}); err != nil || len(found) != 1 || found[3].Remote.Key != "153" {
		t.Errorf("since the second: %v, %v", found, err)
	}

	d.noViolations()
}

// TestABlockOfOneTime: pages go on through a block of one time, finer than the API tells
// times.
func TestABlockOfOneTime(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) { c.Now = clock.now })
	for i := range 350 {
		d.create(fmt.Sprintf(`{"title":"%d"}`, i))
	}

	clock.pass(time.Hour + 123_456*time.Microsecond)
	if err := d.SetUpdated("acme/sub/work", 21, 330, clock.now()); err != nil {
		t.Fatal(err)
	}

	all, pages := d.changes(d.connect(clock.now), clock.now().Truncate(time.Millisecond))
	seen := map[string]bool{}
	for _, o := range all {
		seen[o.Remote.Key] = true
	}

	if pages != 4 || len(all) != 310 || len(seen) != 310 || !seen["21"] || !seen["330"] {
		t.Errorf("%d issues, %d of them once, on %d pages", len(all), len(seen), pages)
	}

	d.noViolations()
}

// fill puts issues there without HTTP.
func (d double) fill(n int, body string) {
	p := d.find("acme/sub/work")
	for range n {
		iid, id := d.next(p)
		text := fmt.Sprintf("%s\n\n<!-- integrations:1/%d/1 -->", body, iid)
		d.Server.put(p.Path, &issue{ID: id, IID: iid, Title: "x", Description: &text, State: "opened", Author: "sync-bot", CreatedAt: d.now(), UpdatedAt: d.now()}, d.now())
	}
}

// TestBehindFiftyThousand: what newer servers do not give by number is
// reached, and what older ones give only by number.
func TestBehindFiftyThousand(t *testing.T) {
	if raceDetector {
		t.Skip("the walk by cursor takes minutes under the race detector")
	}

	for _, old := range []bool{false, true} {
		clock := newClock()
		d := start(t, func(c *Config) {
			c.Now = clock.now
			c.Old = old
		})
		d.fill(50_150, "")
		c := d.connect(clock.now)
		objects, more, err := c.Changes(t.Context(), time.Time{}, 49_900)
		if err != nil || !more || len(objects) != 100 {
			t.Fatalf("page 500: %d, %v, %v", len(objects), more, err)
		}

		for offset, want := 50_000, 100; offset <= 50_100; offset, want = offset+100, 50 {
			if objects, more, err = c.Changes(t.Context(), time.Time{}, offset); err != nil || more != (offset == 50_000) || len(objects) != want {
				t.Errorf("from %d, old server %v: %d, %v, %v", offset, old, len(objects), more, err)
			}
		}

		d.noViolations()
	}
}

// TestLimitsOnAVirtualClock: a caller that waits as long as the answer says, and a minute
// where he is not, makes every issue once.
func TestLimitsOnAVirtualClock(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) {
		c.Now = clock.now
		c.Limits = true
	})
	c := d.connect(clock.now)
	began := clock.now()
	untold := 0
	const all = issueCreates + 50
	for n := 1; n <= all; {
		_, err := c.Create(t.Context(), connector.Content{Title: fmt.Sprint(n)}, connector.Marker{Integration: 1, Item: domain.Snowflake(n), Attempt: 1})
		if err == nil {
			n++
			continue
		}

		e := failureOf(t, err)
		if e.Code != "rate_limited" || e.Class != failure.Retryable || e.Wait <= 0 {
			t.Fatal(err)
		}

		if e.NoRetryAfter {
			untold++
		}

		clock.pass(e.Wait)
	}

	took := clock.now().Sub(began)
	if left := len(d.snapshot(d.find("acme/sub/work"))); left != all || took < time.Minute || took > 2*time.Minute || untold != 1 {
		t.Errorf("%d issues of %d creates in %v, %d times nobody told how long to wait", left, all, took, untold)
	}

	for page := 1; page <= projectCalls+1; page++ {
		_, _, err := c.Changes(t.Context(), clock.now().Add(time.Hour), 0)
		if err == nil {
			continue
		}

		if e := failureOf(t, err); e.Code != "rate_limited" || e.NoRetryAfter || e.Wait > time.Minute {
			t.Error(err)
		}

		break
	}

	d.noViolations()
}

// TestRealLife: what goes wrong at GitLab is told as what it is.
func TestRealLife(t *testing.T) {
	d := start(t, nil)
	at := func(path string) *product.Connector {
		return d.connect(nil, func(c *product.Config) { c.Project = path })
	}
	content := connector.Content{Title: "x", State: domain.Open}
	create := func(c *product.Connector) error {
		_, err := c.Create(t.Context(), content, marker)
		return err
	}
	update := func(c *product.Connector, iid string) error {
		_, err := c.Update(t.Context(), connector.Sent{Remote: domain.Remote{Key: iid}, State: domain.Open}, content, marker)
		return err
	}
	for range 3 {
		d.create(`{"title":"x"}`)
	}

	d.do(201, "POST", work+"/issues/1/move", fmt.Sprintf(`{"to_project_id":%d}`, d.find("acme/secret").id), "PRIVATE-TOKEN", person)
	d.find("acme/sub/work").Roles = map[string]int{"olga": Owner, "sync-bot": Reporter}
	d.do(204, "DELETE", work+"/issues/2", "", "PRIVATE-TOKEN", owner)
	spam := content
	spam.Body = "cheap watches"
	for name, test := range map[string]struct {
		err   error
		code  string
		scope failure.Scope
	}{
		"issues turned off":          {create(at("acme/locked")), "issues_disabled", failure.IntegrationScope},
		"issues turned off, update":  {update(at("acme/locked"), "1"), "issues_disabled", failure.IntegrationScope},
		"archived":                   {create(at("acme/attic")), "forbidden", failure.IntegrationScope},
		"no access":                  {create(at("acme/secret")), "target_not_found", failure.IntegrationScope},
		"no access any more, update": {update(at("acme/secret"), "1"), "target_not_found", failure.IntegrationScope},
		"renamed":                    {create(at("acme/old")), "target_moved", failure.IntegrationScope},
		"issue moved":                {update(at("acme/sub/work"), "1"), "remote_moved", failure.ItemScope},
		"issue deleted":              {update(at("acme/sub/work"), "2"), "remote_deleted", failure.ItemScope},
		"captcha": {func() error {
			_, err := at("acme/sub/work").Create(t.Context(), spam, marker)
			return err
		}(), "captcha_required", failure.ItemScope},
		"label without rights": {create(at("acme/public")), "", 0},
		"token that reads":     {create(d.connect(nil, func(c *product.Config) { c.Token = reader })), "forbidden", failure.IntegrationScope},
	} {
		if test.code == "" {
			if test.err != nil {
				t.Errorf("%s: %v", name, test.err)
			}
			continue
		}

		if e := failureOf(t, test.err); e.Code != test.code || e.Scope != test.scope || e.Class != failure.Final || e.RequestID == "" {
			t.Errorf("%s: %+v", name, e)
		}
	}

	// Who reads is sent on to a renamed project, at the same host.
	if objects, _, err := at("acme/old").Changes(t.Context(), time.Time{}, 0); err != nil || len(objects) != 2 {
		t.Errorf("renamed: %v, %v", objects, err)
	}

	// The token ends in mid-run.
	c := at("acme/sub/work")
	if _, _, err := c.Changes(t.Context(), time.Time{}, 0); err != nil {
		t.Fatal(err)
	}

	delete(d.config.Tokens, ours)
	if e := failureOf(t, create(c)); e.Code != "credentials_rejected" || e.Scope != failure.IntegrationScope {
		t.Error(e)
	}

	d.noViolations()
}

func TestCheckAgainstTheFakeServer(t *testing.T) {
	d := start(t, nil)
	const good = "reachable credentials target issues list create update close reopen labels"
	for project, want := range map[string]string{
		"acme/sub/work": good, "acme/locked": "reachable credentials target -issues -list -create -update -close -reopen -labels", "acme/attic": "reachable credentials target -issues list -create -update -close -reopen -labels",
		"acme/secret": "reachable credentials -target", "acme/old": good, "acme/public": "reachable credentials target issues list create update close reopen -labels",
	} {
		checks, _ := d.connect(nil, func(c *product.Config) { c.Project = project }).Check(t.Context())
		var got []string
		for _, one := range checks {
			got = append(got, map[bool]string{true: "", false: "-"}[one.OK != nil && *one.OK]+one.Name)
		}

		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", project, got, want)
		}
	}

	if len(d.Writes()) != 0 {
		t.Errorf("a check writes: %v", d.Writes())
	}

	d.noViolations()
}

// TestRealItems: all items of the data set, made, changed in one field, and
// closed: GitLab finds nothing in them to carry out, nobody to notify and
// nothing to refer to.
func TestRealItems(t *testing.T) {
	items := realItems(t)
	d := start(t, nil)
	c := d.connect(nil)
	armed := 0
	if raceDetector {
		items = nil
		for n, item := range realItems(t) {
			if n%10 == 0 {
				items = append(items, item)
			}
		}
	}

	for n, item := range items {
		if people, things := mentioned("example.com", item.Title, item.Description); len(people)+len(things) > 0 {
			armed++
		}

		content := c.Render(item)
		m := connector.Marker{Integration: 1, Item: item.ID, Attempt: 1}
		written, err := c.Create(t.Context(), content, m)
		if err != nil {
			t.Fatalf("%s: %v", item.FormattedNumber, err)
		}

		if item.State == domain.Closed {
			if _, err := c.Update(t.Context(), connector.Sent{Remote: written.Remote, Labels: content.Labels, State: domain.Open}, content, m); err != nil {
				t.Fatalf("%s: %v", item.FormattedNumber, err)
			}
		}

		if got := d.get(d.find("acme/sub/work"), n+1); got.Title != content.Title || !strings.HasPrefix(*got.Description, content.Body) || !slices.Equal(got.Labels, content.Labels) || got.State[:4] != map[domain.ItemState]string{domain.Open: "open", domain.Closed: "clos"}[item.State] {
			t.Errorf("%s is not kept as it was sent", item.FormattedNumber)
		}
	}

	for _, o := range d.received().Objects {
		if len(o.Commands)+len(o.Notified)+len(o.References) > 0 {
			t.Errorf("%s: commands %q, notified %q, references %q", o.Title, o.Commands, o.Notified, o.References)
		}
	}

	if armed < 10 {
		t.Errorf("%d items would have acted: the check is blind", armed)
	}

	if all, _ := d.changes(c, time.Time{}); len(all) != len(items) || all[0].Marker.Integration != 1 {
		t.Errorf("%d of %d are found again", len(all), len(items))
	}

	t.Logf("%d items, %d of which would have acted as they are, %d writes", len(items), armed, len(d.Writes()))
	d.noViolations()
}

func realItems(t *testing.T) []domain.Item {
	f, err := os.Open(filepath.Join("..", "..", "..", "..", "shared", "data", "items.jsonl"))
	if err != nil {
		t.Skip("no ../shared/data/items.jsonl beside the project: ", err)
	}

	defer f.Close()
	var items []domain.Item
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var i domain.Item
		if err := json.Unmarshal(lines.Bytes(), &i); err != nil {
			t.Fatal(err)
		}
		items = append(items, i)
	}

	return items
}

// B17: a label with tags or entities is found again, however often it is written.
func TestLabelsAreWrittenAsGitLabStoresThem(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) { c.Now = clock.now })
	c := d.connect(clock.now)
	item := domain.Item{ID: 2, Title: "x", State: domain.Open, Labels: []string{"<b>bold</b>", "R&amp;D", "a < b", "&amp;lt;i&amp;gt;"}}
	content := c.Render(item)
	written, err := c.Create(t.Context(), content, marker)
	if err != nil {
		t.Fatal(err)
	}

	labels := func() string { return strings.Join(d.snapshot(d.find("acme/sub/work"))[0].Labels, "|") }
	if got := labels(); got != strings.Join(content.Labels, "|") || got != "R&D|a < b|bold" {
		t.Errorf("stored %s, sent %v", got, content.Labels)
	}

	item.Labels = item.Labels[1:]
	after := c.Render(item)
	if _, err := c.Update(t.Context(), connector.Sent{Remote: written.Remote, Labels: content.Labels, State: domain.Open, Seen: written.Seen}, after, marker); err != nil {
		t.Fatal(err)
	}

	if got := labels(); got != "R&D|a < b" {
		t.Errorf("after one was taken away: %s", got)
	}
}
