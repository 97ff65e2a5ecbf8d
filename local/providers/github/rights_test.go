package github

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	product "example.com/integrations/shared/connector/github"
	"example.com/integrations/shared/domain"
)

const (
	classicToken = "gh" + "p_worker"
	fineToken    = "github" + "_pat_worker"
)

// A stage is a repository on which each call is tried: issues of the account's
// own, in the states that the calls are about.
type stage struct {
	double
	t                                *testing.T
	open, closing, closedBy, ownShut connector.Sent
}

func sentOf(w connector.Written, labels ...string) connector.Sent {
	return connector.Sent{Remote: w.Remote, State: w.Seen.State, Seen: w.Seen, Labels: labels}
}

// prepare makes the issues of the account with rights that are enough, has a
// person close one, and takes the rights away.
func prepare(t *testing.T, change func(r *Repository, c *Config)) stage {
	t.Helper()
	s := stage{t: t}
	s.double = start(t, func(c *Config) {
		c.Tokens[classicToken] = "worker"
		c.Tokens[fineToken] = "worker"
	})
	full := s.as(classicToken)
	for i, sent := range []*connector.Sent{&s.open, &s.closing, &s.closedBy, &s.ownShut} {
		written, err := full.Create(t.Context(), connector.Content{Title: "T", State: domain.Open}, connector.Marker{Integration: 1, Item: domain.Snowflake(i + 10), Attempt: 1})
		if err != nil {
			t.Fatal(err)
		}
		*sent = sentOf(written)
	}

	if got := s.send("PATCH", "/repos/acme/work/issues/"+s.closedBy.Remote.Key, `{"state":"closed"}`, "Authorization", "Bearer "+person); got.status != 200 {
		t.Fatal(got)
	}

	s.closedBy.State = domain.Closed

	r := s.find("acme", "work")
	change(&r.Repository, &s.config)

	return s
}

// as is the product's connector with a token.
func (s stage) as(token string) *product.Connector {
	return s.connect(nil, func(c *product.Config) { c.Token = token; c.Labels = true })
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
		connector.CheckReopen: func() error { return update(s.closedBy, open) },
		connector.CheckLabels: func() error {
			labelled := open
			labelled.Labels = []string{"ours"}
			if err := update(s.open, labelled); err != nil {
				return err
			}

			number := s.open.Remote.Key
			if got := s.send("GET", "/repos/acme/work/issues/"+number, "", "Authorization", "Bearer "+person); !strings.Contains(got.text, `"ours"`) {
				return fmt.Errorf("the label was dropped")
			}

			return nil
		},
	}
}

// For each role and each kind of token: what the check says of a call is what
// GitHub answers when the call is made. Where the check leaves it open, the
// reason is in the table.
func TestTheCheckIsRightAboutEachCall(t *testing.T) {
	const notTold = "GitHub does not say what a fine-grained token may do"
	fine := map[string]string{"create": notTold, "update": notTold, "close": notTold, "reopen": notTold, "labels": notTold}
	own := map[string]string{"reopen": "a reader reopens only what it closed itself"}
	people := []string{"maria"}
	for name, tt := range map[string]struct {
		token  string
		change func(r *Repository, c *Config)
		open   map[string]string
	}{
		"Write": {classicToken, func(r *Repository, _ *Config) { r.Push = []string{"worker", "maria"} }, nil},
		"Triage": {classicToken, func(r *Repository, _ *Config) {
			r.Push = people
			r.Triage = []string{"worker"}
		}, nil},
		"Read": {classicToken, func(r *Repository, _ *Config) { r.Push = people }, own},
		"Read, private": {classicToken, func(r *Repository, _ *Config) {
			r.Push = people
			r.Read = []string{"worker"}
			r.Private = true
		}, own},
		"Write, public_repo":  {classicToken, func(_ *Repository, c *Config) { c.Scopes = map[string]string{classicToken: "public_repo, gist"} }, nil},
		"Write, other scopes": {classicToken, func(_ *Repository, c *Config) { c.Scopes = map[string]string{classicToken: "gist"} }, nil},
		"Read, other scopes": {classicToken, func(r *Repository, c *Config) {
			r.Push = people
			c.Scopes = map[string]string{classicToken: ""}
		}, nil},
		"archived":                {classicToken, func(r *Repository, _ *Config) { r.Archived = true }, nil},
		"without issues":          {classicToken, func(r *Repository, _ *Config) { r.NoIssues = true }, nil},
		"fine-grained":            {fineToken, func(*Repository, *Config) {}, fine},
		"fine-grained, Read":      {fineToken, func(r *Repository, _ *Config) { r.Push = people }, fine},
		"fine-grained, read only": {fineToken, func(_ *Repository, c *Config) { c.Permissions = map[string]string{fineToken: "read"} }, fine},
		"fine-grained, no issues, private": {fineToken, func(r *Repository, c *Config) {
			r.Private = true
			c.Permissions = map[string]string{fineToken: "none"}
		}, fine},
		"fine-grained, no issues, public": {fineToken, func(_ *Repository, c *Config) { c.Permissions = map[string]string{fineToken: "none"} }, fine},
	} {
		s := prepare(t, tt.change)
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
				t.Errorf("%s: the check says %v, GitHub %v", name, result, failed)
			}
		}
	}
}

// The same for an App: all or nothing.
func TestTheCheckIsRightAboutAnApp(t *testing.T) {
	for _, readOnly := range []bool{false, true} {
		d := start(t, func(c *Config) {
			withApp(c)
			c.Apps[0].ReadOnly = readOnly
		})
		c := d.asApp(nil, func(c *product.Config) { c.Labels = true })
		checks, _ := c.Check(t.Context())
		_, err := c.Create(t.Context(), connector.Content{Title: "T", Labels: []string{"ours"}}, connector.Marker{Integration: 1, Item: 2, Attempt: 1})
		for _, name := range []string{"list", "create", "update", "close", "reopen", "labels"} {
			at := slices.IndexFunc(checks, func(one connector.Check) bool { return one.Name == name })
			if at < 0 || checks[at].OK == nil || *checks[at].OK != (err == nil) || *checks[at].OK == readOnly {
				t.Errorf("may only read: %v: %v, and a create %v", readOnly, checks, err)
			}
		}
	}
}

// Every call of the connector is in the table of needs, and none that it does
// not make.
func TestTheTableOfNeedsIsComplete(t *testing.T) {
	s := prepare(t, func(*Repository, *Config) {})
	recorder := &connectortest.Recorder{Handler: s.API()}
	client := connectortest.Serve(t, recorder)
	c := product.New(product.Config{Owner: "acme", Repo: "work", Token: classicToken, Labels: true, BaseURL: "https://" + connectortest.Host}, client, nil)
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

	recorder.Handler = start(t, withApp).API()
	if _, err := product.New(product.Config{Owner: "acme", Repo: "work", App: &product.App{ID: "12", Installation: "345", Key: appKey}, BaseURL: "https://" + connectortest.Host}, client, nil).Check(t.Context()); err != nil {
		t.Fatal(err)
	}

	recorder.Needed(t, product.Needs)
}
