package gitlab

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	product "example.com/integrations/shared/connector/gitlab"
	"example.com/integrations/shared/domain"
)

// A stage is a project on which each call is tried: issues of the account's own,
// in the states that the calls are about.
type stage struct {
	double
	t                   *testing.T
	token               string
	open, closing, shut connector.Sent
}

func asSent(w connector.Written) connector.Sent {
	return connector.Sent{Remote: w.Remote, State: w.Seen.State, Seen: w.Seen}
}

// prepare makes the issues of the account with rights that are enough, has a
// person close one, and changes the rights.
func prepare(t *testing.T, token string, change func(p *Project, c *Config)) stage {
	t.Helper()
	s := stage{double: start(t, nil), t: t, token: token}
	full := s.as(ours)
	for i, sent := range []*connector.Sent{&s.open, &s.closing, &s.shut} {
		written, err := full.Create(t.Context(), connector.Content{Title: "T", State: domain.Open}, connector.Marker{Integration: 1, Item: domain.Snowflake(i + 10), Attempt: 1})
		if err != nil {
			t.Fatal(err)
		}
		*sent = asSent(written)
	}

	if got := s.send("PUT", "/gitlab/api/v4/projects/acme%2Fsub%2Fwork/issues/"+s.shut.Remote.Key, `{"state_event":"close"}`, "Private-Token", person); got.status != 200 {
		t.Fatal(got)
	}

	s.shut.State = domain.Closed

	change(&s.find("acme/sub/work").Project, &s.config)

	return s
}

// as is the product's connector with a token.
func (s stage) as(token string) *product.Connector {
	return s.connect(nil, func(c *product.Config) {
		c.Token = token
		c.Labels = true
		c.Project = "acme/sub/work"
	})
}

// tries make the calls that the checks are about.
func (s stage) tries(c *product.Connector) map[string]func() error {
	marker := connector.Marker{Integration: 1, Item: 2, Attempt: 1}
	open := connector.Content{Title: "Changed", State: domain.Open}
	closed := open
	closed.State = domain.Closed
	update := func(sent connector.Sent, to connector.Content) error {
		_, err := c.Update(s.t.Context(), sent, to, marker)
		return err
	}

	return map[string]func() error{
		connector.CheckList: func() error {
			_, _, err := c.Changes(s.t.Context(), time.Time{}, 1)
			return err
		},
		connector.CheckCreate: func() error {
			_, err := c.Create(s.t.Context(), open, marker)
			return err
		},
		connector.CheckUpdate: func() error { return update(s.open, open) },
		connector.CheckClose:  func() error { return update(s.closing, closed) },
		connector.CheckReopen: func() error { return update(s.shut, open) },
		connector.CheckLabels: func() error {
			labelled := open
			labelled.Labels = []string{"ours"}
			if err := update(s.open, labelled); err != nil {
				return err
			}

			got := s.send("GET", "/gitlab/api/v4/projects/acme%2Fsub%2Fwork/issues/"+s.open.Remote.Key, "", "Private-Token", person)
			if !strings.Contains(got.text, `"ours"`) {
				return errors.New("the label was dropped")
			}

			return nil
		},
	}
}

// For each role and each scope: what the check says of a call is what GitLab
// answers when the call is made. Where the check leaves it open, the reason is
// in the table.
func TestTheCheckIsRightAboutEachCall(t *testing.T) {
	const minimal = 5
	role := func(level int) func(*Project, *Config) {
		return func(p *Project, _ *Config) { p.Roles = map[string]int{"sync-bot": level, "maria": Owner} }
	}
	const unknown = "GitLab tells no role of one who is no member"
	for name, tt := range map[string]struct {
		token  string
		change func(*Project, *Config)
		open   map[string]string
	}{
		"Minimal Access": {ours, role(minimal), map[string]string{"create": unknown, "update": unknown, "close": unknown, "reopen": unknown, "labels": unknown}},
		"Guest":          {ours, role(Guest), nil},
		"Planner":        {ours, role(Planner), nil},
		"Reporter":       {ours, role(Reporter), nil},
		"Developer":      {ours, role(Developer), nil},
		"Owner":          {ours, role(Owner), nil},
		"Guest with a custom role": {ours, func(p *Project, c *Config) {
			role(Guest)(p, c)
			p.Custom = []string{"sync-bot"}
		}, map[string]string{"labels": "GitLab does not say what a custom role allows"}},
		"no member of a public project": {ours, func(p *Project, _ *Config) { p.Roles = map[string]int{"maria": Owner} },
			map[string]string{"create": unknown, "update": unknown, "close": unknown, "reopen": unknown, "labels": unknown}},
		"read_api only": {reader, role(Developer), nil},
		"no issues":     {ours, func(p *Project, _ *Config) { p.NoIssues = true }, nil},
		"archived":      {ours, func(p *Project, _ *Config) { p.Archived = true }, nil},
	} {
		s := prepare(t, tt.token, tt.change)
		checks, _ := s.as(tt.token).Check(t.Context())
		for call, try := range s.tries(s.as(tt.token)) {
			at := slices.IndexFunc(checks, func(one connector.Check) bool { return one.Name == call })
			if at < 0 {
				t.Errorf("%s: there is no check %s: %v", name, call, checks)
				continue
			}

			result := checks[at]
			failed := try()
			switch {
			case result.OK == nil && tt.open[call] == "":
				t.Errorf("%s: left open: %v", name, result)
			case result.OK == nil && result.Detail == nil:
				t.Errorf("%s: no sentence for a manager: %v", name, result)
			case result.OK != nil && *result.OK != (failed == nil):
				t.Errorf("%s: the check says %v, GitLab %v", name, result, failed)
			}
		}
	}
}

// Every call of the connector is in the table of needs, and none that it does
// not make.
func TestTheTableOfNeedsIsComplete(t *testing.T) {
	s := prepare(t, ours, func(p *Project, _ *Config) { p.Roles = map[string]int{"sync-bot": Guest} })
	recorder := &connectortest.Recorder{Handler: s.API()}
	client := connectortest.Serve(t, recorder)
	c := product.New(product.Config{Project: "acme/sub/work", Token: ours, BaseURL: "https://" + connectortest.Host + "/gitlab/api/v4"}, client, nil)
	if _, err := c.Check(t.Context()); err != nil {
		t.Fatal(err)
	}

	for call, try := range s.tries(c) {
		if err := try(); err != nil && call != connector.CheckLabels {
			t.Fatal(call, err)
		}
	}

	if _, err := c.Find(t.Context(), time.Now().Add(-time.Hour), []connector.Marker{{Integration: 1, Item: 2, Attempt: 1}}); err != nil {
		t.Fatal(err)
	}

	recorder.Needed(t, product.Needs)
}
