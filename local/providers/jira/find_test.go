package jira

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	product "example.com/integrations/shared/connector/jira"
	"example.com/integrations/shared/domain"
)

// TestFind: what the index does not know yet is found by its key.
func TestFind(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		clock := newClock()
		d := start(t, flavor, func(c *Config) {
			c.Now = clock.now
			c.IndexLag = time.Minute
		})
		c := d.connect("WORK", nil)
		for n := range 5 {
			d.make("WORK", fmt.Sprint(n))
		}

		clock.pass(10 * time.Minute)
		began := clock.now()
		content := c.Render(domain.Item{ID: 22, Title: "T", State: domain.Open})
		create := func(item domain.Snowflake) connector.Written {
			t.Helper()
			w, err := c.Create(t.Context(), content, connector.Marker{Integration: 11, Item: item, Attempt: 1})
			if err != nil {
				t.Fatal(err)
			}
			return w
		}

		first := create(22)
		d.send(ours, "POST", "/issue", `{"fields":{"project":{"key":"WORK"},"issuetype":{"name":"Task"}}}`) // uses up a key
		second := create(23)
		d.make("WORK", "another's")
		want := []connector.Marker{{Integration: 11, Item: 22}, {Integration: 11, Item: 23}, {Integration: 11, Item: 24}, {Integration: 12, Item: 22}}
		look := func() map[domain.Snowflake]connector.Written {
			t.Helper()
			found, err := d.connect("WORK", nil).Find(t.Context(), began.Add(-5*time.Minute), want)
			if err != nil {
				t.Fatal(err)
			}
			return found
		}

		found := look()
		if len(found) != 2 || found[22] != first || found[23] != second {
			t.Errorf("the index knows nothing: %+v", found)
		}

		clock.pass(2 * time.Minute)
		if found = look(); len(found) != 2 || found[22] != first {
			t.Errorf("the index knows: %+v", found)
		}

		// A copy with our label is younger, and does not count.
		copied := d.make("WORK", "a copy")
		if err := d.Change(copied.key(), func(e *Edit) { e.Labels = d.get(first.Remote.ID).Labels }); err != nil {
			t.Fatal(err)
		}

		clock.pass(2 * time.Minute)
		if found = look(); found[22].Remote.ID != first.Remote.ID {
			t.Errorf("the copy was taken: %+v", found[22])
		}

		if got, err := c.Find(t.Context(), clock.now().Add(time.Minute), want); err != nil || len(got) != 0 {
			t.Errorf("later than all: %v, %v", got, err)
		}

		d.noViolations()
	})
}

// TestFindIsUnsure: where too much is not in the index, nothing is concluded,
// so that nothing is created twice; but not for ever.
func TestFindIsUnsure(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		clock := newClock()
		d := start(t, flavor, func(c *Config) {
			c.Now = clock.now
			c.IndexLag = time.Hour
		})
		began := clock.now()
		for n := range 70 {
			d.make("WORK", fmt.Sprint(n))
		}

		want := []connector.Marker{{Integration: 11, Item: 22}}
		_, err := d.connect("WORK", nil).Find(t.Context(), began, want)
		if e := failed(t, err); e.Class != failure.Retryable || e.Code != "reconcile_unsure" || e.Wait == 0 {
			t.Errorf("%v", e)
		}

		clock.pass(time.Hour + time.Minute)
		found, err := d.connect("WORK", nil).Find(t.Context(), began, want)
		if err != nil || len(found) != 0 {
			t.Errorf("an hour later: %v, %v", found, err)
		}
	})
}

// TestFindIsUnsureOfGaps: the same where the index knows younger issues, and
// where what is missing was deleted.
func TestFindIsUnsureOfGaps(t *testing.T) {
	clock := newClock()
	d := start(t, Cloud, func(c *Config) { c.Now = clock.now })
	began := clock.now()
	d.make("WORK", "the first")
	for range 70 {
		if err := d.Change(d.make("WORK", "to be deleted").ID, func(e *Edit) { e.Deleted = true }); err != nil {
			t.Fatal(err)
		}
	}

	d.make("WORK", "the last")
	want := []connector.Marker{{Integration: 11, Item: 22}}
	_, err := d.connect("WORK", nil).Find(t.Context(), began.Add(-time.Minute), want)
	if e := failed(t, err); e.Code != "reconcile_unsure" {
		t.Errorf("%v", e)
	}

	clock.pass(time.Hour)
	if found, err := d.connect("WORK", nil).Find(t.Context(), began.Add(-time.Minute), want); err != nil || len(found) != 0 {
		t.Errorf("an hour later: %v, %v", found, err)
	}
}

// A check says what is amiss before anything was written, and writes nothing.
func TestCheck(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		d := start(t, flavor, nil)
		const known = "reachable=ok credentials=ok "
		// unseen: of a project without issues Jira does not say more.
		const unseen = "list=ok create=ok update=?(not_told) close=?(not_told) reopen=?(not_told) "
		for _, tt := range []struct {
			project string
			change  func(*product.Config)
			want    string
		}{
			{"WORK", nil, known + "target=ok " + unseen + "issue_type=ok required_fields=ok labels=?(not_told)"},
			{"WORK", func(c *product.Config) { c.Token = "another" }, "reachable=ok credentials=no(credentials_rejected)"},
			{"WORK", func(c *product.Config) { c.Token = locked }, "reachable=ok credentials=no(captcha_required)"},
			{"NOPE", nil, known + "target=no(target_not_found)"},
			{"SECRET", nil, known + "target=no(target_not_found)"},
			{"READ", nil, known + "target=ok list=ok create=no(role_too_low) update=no(role_too_low) close=no(role_too_low) reopen=no(role_too_low)"},
			{"WORK", func(c *product.Config) { c.IssueType = "Epos" }, known + "target=ok " + unseen + "issue_type=no(issue_type_unknown)"},
			{"FIELDS", nil, known + "target=ok " + unseen + "issue_type=ok required_fields=no(field_required) labels=?(not_told)"},
			{"PLAIN", nil, known + "target=ok " + unseen + "issue_type=ok required_fields=" + map[string]string{Cloud: "ok", Datacenter: "no(labels_not_allowed)"}[flavor] + " labels=no(labels_not_settable)"},
			{"WORK", func(c *product.Config) { c.BaseURL = "https://elsewhere.test" }, "reachable=no(unreachable)"},
		} {
			checks, err := d.connect(tt.project, tt.change).Check(t.Context())
			if got := strings.Trim(fmt.Sprint(checks), "[]"); got != tt.want || (err == nil) != strings.Contains(got, "required_fields=ok") {
				t.Errorf("%s: %s (%v), want %s", tt.project, got, err, tt.want)
			}
		}

		if n := len(d.Writes()); n != 0 {
			t.Errorf("%d writes", n)
		}

		d.noViolations()
	})
}
