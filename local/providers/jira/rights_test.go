package jira

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	product "example.com/integrations/shared/connector/jira"
	"example.com/integrations/shared/domain"
)

// A stage is a project on which each call is tried: issues of the account's own,
// in the states that the calls are about.
type stage struct {
	*double
	t                   *testing.T
	open, closing, shut connector.Sent
}

func asSent(w connector.Written) connector.Sent {
	return connector.Sent{Remote: w.Remote, State: w.Seen.State, Seen: w.Seen}
}

// prepare makes the issues with rights and a workflow that are enough, then
// changes the project.
func prepare(t *testing.T, flavor string, bare bool, change func(*Project)) stage {
	t.Helper()
	s := stage{double: start(t, flavor, nil), t: t}
	full := s.connect("WORK", nil)
	for i, sent := range []*connector.Sent{&s.open, &s.closing, &s.shut} {
		if bare {
			break
		}

		written, err := full.Create(t.Context(), s.content(domain.Open), connector.Marker{Integration: 1, Item: domain.Snowflake(i + 10), Attempt: 1})
		if err != nil {
			t.Fatal(err)
		}

		*sent = asSent(written)
	}

	if !bare {
		written, err := full.Update(t.Context(), s.shut, s.content(domain.Closed), connector.Marker{Integration: 1, Item: 12, Attempt: 1})
		if err != nil {
			t.Fatal(err)
		}

		s.shut = asSent(written)
		s.shut.State = domain.Closed
	}

	change(&s.find("WORK").Project)

	return s
}

func (s stage) content(state domain.ItemState, labels ...string) connector.Content {
	c := s.connect("WORK", nil).Render(domain.Item{ID: 1, Title: "T", Description: "Text", Labels: labels})
	c.State = state
	return c
}

// tries make the calls that the checks are about.
func (s stage) tries(c *product.Connector) map[string]func() error {
	marker := connector.Marker{Integration: 1, Item: 2, Attempt: 1}
	update := func(sent connector.Sent, to connector.Content) error {
		_, err := c.Update(s.t.Context(), sent, to, marker)
		return err
	}

	return map[string]func() error{
		connector.CheckList: func() error {
			_, _, err := c.Changes(s.t.Context(), time.Now().Add(-time.Hour), 1)
			return err
		},
		connector.CheckCreate: func() error {
			_, err := c.Create(s.t.Context(), s.content(domain.Open), marker)
			return err
		},
		connector.CheckUpdate: func() error {
			changed := s.content(domain.Open)
			changed.Title = "Changed"
			return update(s.open, changed)
		},
		connector.CheckClose:  func() error { return update(s.closing, s.content(domain.Closed)) },
		connector.CheckReopen: func() error { return update(s.shut, s.content(domain.Open)) },
		connector.CheckLabels: func() error {
			written, err := c.Update(s.t.Context(), s.open, s.content(domain.Open, "ours"), marker)
			if err == nil && written.Note != "" {
				err = errors.New(written.Note)
			}

			if err != nil {
				return err
			}

			created, err := c.Create(s.t.Context(), s.content(domain.Open, "ours"), connector.Marker{Integration: 1, Item: 3, Attempt: 1})
			if err == nil && created.Note != "" {
				err = errors.New(created.Note)
			}

			return err
		},
	}
}

// B5, B13: for each permission, screen and workflow, what the check says of a
// call is what Jira answers when the call is made. Where the check leaves it
// open, the reason is in the table.
func TestTheCheckIsRightAboutEachCall(t *testing.T) {
	lacks := func(permissions ...string) func(*Project) {
		return func(p *Project) { p.Lacks = map[string][]string{"sync-bot": permissions} }
	}
	const noIssue = "Jira tells it of existing issues only, and there is none"
	const noMeta = "Jira does not say which fields a new issue needs"
	for name, tt := range map[string]struct {
		bare   bool // the project has no issue
		change func(*Project)
		open   map[string]string
	}{
		"all is well":                {change: func(*Project) {}},
		"a project without issues":   {bare: true, change: func(*Project) {}, open: map[string]string{"update": noIssue, "close": noIssue, "reopen": noIssue, "labels": noIssue}},
		"no Create Issues":           {change: lacks(createIssues)},
		"no Edit Issues":             {change: lacks(editIssues)},
		"no Transition Issues":       {change: lacks(transitionIssues)},
		"may only look":              {change: lacks(createIssues, editIssues, transitionIssues)},
		"no way to done":             {change: func(p *Project) { p.Stuck = true }},
		"several steps to done":      {change: func(p *Project) { p.Steps = true }},
		"no way back":                {change: func(p *Project) { p.NoWayBack = true }},
		"done asks for a resolution": {change: func(p *Project) { p.AsksResolution = true }},
		"B5: a field is required":    {change: func(p *Project) { p.Required = map[string]string{"customfield_1": "Customer"} }},
		"B5: no description":         {change: func(p *Project) { p.NotOnCreate = []string{"description"} }},
		"B5: no description on edit": {change: func(p *Project) { p.NotOnEdit = []string{"description"} }},
		"B13: no labels on edit":     {change: func(p *Project) { p.NotOnEdit = []string{"labels"} }},
		"B13: no labels on create":   {change: func(p *Project) { p.NotOnCreate = []string{"labels"} }},
		"B13: no labels at all":      {change: func(p *Project) { p.NoLabels = true }},
		"B13: createmeta is 403":     {change: func(p *Project) { p.NoMeta = 403 }, open: map[string]string{"required_fields": noMeta}},
	} {
		each(t, func(t *testing.T, flavor string) {
			s := prepare(t, flavor, tt.bare, tt.change)
			checks, _ := s.connect("WORK", nil).Check(t.Context())
			find := func(name string) connector.Check {
				at := slices.IndexFunc(checks, func(one connector.Check) bool { return one.Name == name })
				if at < 0 {
					return connector.Check{}
				}
				return checks[at]
			}
			for call, try := range s.tries(s.connect("WORK", nil)) {
				result := find(call)
				if fields := find(connector.CheckRequiredFields); call == connector.CheckCreate && result.Holds() && !fields.Holds() {
					result = fields
				}

				if call == connector.CheckLabels && !(find(connector.CheckCreate).Holds() && find(connector.CheckRequiredFields).Holds() && find(connector.CheckUpdate).Holds()) && !strings.HasPrefix(name, "B13") {
					continue // labels need both of these calls
				}

				failed := error(nil)
				if !tt.bare || call == connector.CheckCreate || call == connector.CheckList {
					failed = try()
				}

				switch {
				case result.Name == "":
					t.Errorf("%s: there is no check %s: %v", name, call, checks)
				case result.OK == nil && tt.open[result.Name] == "" && call != connector.CheckLabels:
					t.Errorf("%s: left open: %v", name, result)
				case result.OK != nil && *result.OK != (failed == nil):
					t.Errorf("%s: the check says %v, Jira %v", name, result, failed)
				case !result.Holds() && result.Detail == nil:
					t.Errorf("%s: no sentence for a manager: %v", name, result)
				}
			}
		})
	}
}

// B13: a createmeta that is closed off says nothing about the token, the project
// or anything that was asked for before.
func TestCreatemetaClosedOff(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		for _, status := range []int{401, 403, 404} {
			s := prepare(t, flavor, false, func(p *Project) { p.NoMeta = status })
			checks, err := s.connect("WORK", nil).Check(t.Context())
			got := ""
			for _, one := range checks {
				got += one.String() + " "
			}

			const want = "reachable=ok credentials=ok target=ok list=ok create=ok update=ok close=ok reopen=ok issue_type=?(not_told) required_fields=?(not_told) labels=?(not_told) "
			if got != want || err == nil {
				t.Errorf("%d: %s, %v", status, got, err)
			}
		}
	})
}

// B13: where labels are not on the edit screen, or in the Cloud on the create
// screen, the text arrives without them: one refused call and one more for the
// first issue, one call for those that follow, and no twin. The result says what
// was left out.
func TestLabelsThatCannotBeSet(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		s := prepare(t, flavor, false, func(p *Project) {
			p.NotOnEdit = []string{"labels"}
			if flavor == Cloud {
				p.NotOnCreate = []string{"labels"}
			}
		})

		c := s.connect("WORK", func(cfg *product.Config) { cfg.Labels = true })
		before := s.counts()
		for i, sent := range []connector.Sent{s.open, s.closing} {
			changed := s.content(domain.Open, "ours")
			changed.Title = "Changed"
			written, err := c.Update(t.Context(), sent, changed, connector.Marker{Integration: 1, Item: domain.Snowflake(i + 10), Attempt: 1})
			if err != nil || written.Note != connector.NoteLabelsNotSettable || written.Remote.ID != sent.Remote.ID {
				t.Fatalf("edit %d: %+v %v", i, written, err)
			}

			if got := s.get(sent.Remote.ID); got.Summary != "Changed" {
				t.Errorf("edit %d: the text did not arrive: %+v", i, got)
			}
		}

		after := s.counts()
		if refused := after["sync-bot PUT 400"] - before["sync-bot PUT 400"]; refused != 1 {
			t.Errorf("%d refused edits", refused)
		}

		plain, err := c.Update(t.Context(), s.open, s.content(domain.Open), connector.Marker{Integration: 1, Item: 10, Attempt: 1})
		if err != nil || plain.Note != "" {
			t.Errorf("an item without labels: %+v %v", plain, err)
		}

		if flavor == Datacenter {
			return
		}

		for i := range 2 {
			marker := connector.Marker{Integration: 1, Item: domain.Snowflake(i + 50), Attempt: 1}
			written, err := c.Create(t.Context(), s.content(domain.Open, "ours"), marker)
			if err != nil || written.Note != connector.NoteLabelsNotSettable {
				t.Fatalf("create %d: %+v %v", i, written, err)
			}

			found, err := c.Find(t.Context(), time.Now().Add(-time.Hour), []connector.Marker{marker})
			if err != nil || found[marker.Item].Remote.ID != written.Remote.ID {
				t.Errorf("create %d is not found again: %+v %v", i, found, err)
			}
		}

		created := s.counts()
		if made, refused := created["sync-bot POST 201"]-before["sync-bot POST 201"], created["sync-bot POST 400"]-before["sync-bot POST 400"]; made != 2 || refused != 1 {
			t.Errorf("%d made, %d refused", made, refused)
		}
	})
}

// Every call of the connector is in the table of needs, and none that it does
// not make.
func TestTheTableOfNeedsIsComplete(t *testing.T) {
	recorder := &connectortest.Recorder{}
	var lock sync.Mutex
	for _, flavor := range []string{Cloud, Datacenter} {
		s := prepare(t, flavor, false, func(*Project) {})
		s.between = func(api http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				lock.Lock()
				defer lock.Unlock()
				recorder.Handler = api
				recorder.ServeHTTP(w, r)
			})
		}

		c := s.connect("WORK", nil)
		if _, err := c.Resolve(t.Context()); err != nil {
			t.Fatal(err)
		}

		if _, err := c.Check(t.Context()); err != nil {
			t.Fatal(err)
		}

		for call, try := range s.tries(c) {
			if err := try(); err != nil {
				t.Fatal(call, err)
			}
		}

		if _, err := c.Find(t.Context(), time.Now().Add(-time.Hour), []connector.Marker{{Integration: 1, Item: 2, Attempt: 1}}); err != nil {
			t.Fatal(err)
		}
	}

	recorder.Needed(t, product.Needs)
}

// An index that lags behind shows an issue that was deleted a moment ago. That it is
// not there says nothing about the project.
func TestTheCheckPassesBesideADeletedIssue(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		s := prepare(t, flavor, false, func(*Project) {})
		s.between = func(api http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if at := strings.Index(r.URL.Path, "/issue/"); at >= 0 && !strings.Contains(r.URL.Path, "/createmeta") {
					gone := r.Clone(r.Context())
					gone.URL.Path = r.URL.Path[:at] + "/issue/99999"
					api.ServeHTTP(w, gone)
					return
				}

				api.ServeHTTP(w, r)
			})
		}

		checks, err := s.connect("WORK", nil).Check(t.Context())
		got := ""
		for _, one := range checks {
			got += one.String() + " "
		}

		const want = "reachable=ok credentials=ok target=ok list=ok create=ok update=?(not_told) close=?(not_told) reopen=?(not_told) issue_type=ok required_fields=ok labels=?(not_told) "
		if got != want || err != nil {
			t.Errorf("%s, %v", got, err)
		}
	})
}
