package mantisbt

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	product "example.com/integrations/shared/connector/mantisbt"
	"example.com/integrations/shared/domain"
)

const worker = "worker-token"

// A stage is a server on which each call is tried: five issues of the account's
// own, in the states that the calls are about.
type stage struct {
	double
	t                           *testing.T
	open, noted, closing, other connector.Sent
	shut                        connector.Sent
}

// prepare makes the issues with rights that are enough, then takes them away.
func prepare(t *testing.T, role Role, version string, settings map[string]any, fields []Field) stage {
	t.Helper()
	clock := newClock()
	s := stage{t: t}
	s.double = start(t, func(c *Config) {
		c.Now = clock.now
		c.Tokens[worker] = "worker"
		c.Version = version
		c.Settings = maps.Clone(settings)
		c.Projects[0].Roles = map[string]Role{"worker": Manager}
	})

	s.config.Settings = nil
	full := s.as(worker)
	for i, sent := range []*connector.Sent{&s.open, &s.noted, &s.closing, &s.other, &s.shut} {
		written, err := full.Create(t.Context(), content, connector.Marker{Integration: 1, Item: domain.Snowflake(i + 10), Attempt: 1})
		if err != nil {
			t.Fatal(err)
		}
		*sent = sentOf(written)
	}

	for _, sent := range []*connector.Sent{&s.other, &s.shut} {
		closed := content
		closed.State = domain.Closed
		written, err := full.Update(t.Context(), *sent, closed, marker)
		if err != nil {
			t.Fatal(err)
		}

		*sent = sentOf(written)
		sent.State = domain.Closed
	}

	if err := s.AddNotes(number(s.noted.Remote.Key, 0), 4); err != nil {
		t.Fatal(err)
	}

	s.config.Settings = settings
	s.projects[0].Roles["worker"] = role
	s.projects[0].Fields = fields
	clock.pass(time.Minute)

	return s
}

// as is the product's connector with a token.
func (s stage) as(token string) *product.Connector {
	return s.connect(nil, func(c *product.Config) { c.Token = token })
}

// tries make the calls that the checks are about.
func (s stage) tries(c *product.Connector) map[string]func() error {
	changed := content
	changed.Title = "Changed"
	closed := changed
	closed.State = domain.Closed
	update := func(sent connector.Sent, to connector.Content) error {
		_, err := c.Update(s.t.Context(), sent, to, marker)
		return err
	}

	return map[string]func() error{
		connector.CheckList: func() error {
			_, err := c.Find(s.t.Context(), time.Time{}, []connector.Marker{marker})
			return err
		},
		connector.CheckCreate: func() error {
			_, err := c.Create(s.t.Context(), content, connector.Marker{Integration: 1, Item: 99, Attempt: 1})
			return err
		},
		connector.CheckUpdate: func() error { return update(s.open, changed) },
		connector.CheckClose:  func() error { return update(s.closing, closed) },
		connector.CheckReopen: func() error { return update(s.other, changed) },
		"update_closed":       func() error { return update(s.shut, closed) },
		"update_with_notes":   func() error { return update(s.noted, changed) },
	}
}

// B2, B3, B5: for each role and each call, what the check says is what the
// server answers when the call is made. Where the check leaves it open, the
// reason is in the table.
func TestTheCheckIsRightAboutEachCall(t *testing.T) {
	names := map[Role]string{Viewer: "viewer", Reporter: "reporter", Updater: "updater", Developer: "developer", Manager: "manager", Administrator: "administrator"}
	for setting, tt := range map[string]struct {
		version  string // "" is one where notes can be left alone
		settings map[string]any
		fields   []Field
		open     map[string]string // the checks that stay open, and why
	}{
		"usual":               {},
		"B2: another version": {version: "2.27.0"},
		"all may change the status": {
			settings: map[string]any{"update_bug_status_threshold": Updater, "update_readonly_bug_threshold": Developer},
		},
		"roles by list": {
			settings: map[string]any{"update_bug_threshold": []Role{Updater, Manager}, "report_bug_threshold": []Role{Viewer, Manager}},
		},
		"closed issues are not read-only": {
			settings: map[string]any{"bug_readonly_status_threshold": 100},
		},
		"notes of all may be changed": {
			version:  "2.27.0",
			settings: map[string]any{"update_bugnote_threshold": Updater},
		},
		"few may write over the API": {
			settings: map[string]any{"webservice_readwrite_access_level_threshold": Developer},
		},
		"a threshold is private": {
			settings: map[string]any{"update_bug_status_threshold": Hidden{}},
			open:     map[string]string{"close": "the server keeps it to itself", "reopen": "the server keeps it to itself"},
		},
		"nobody may reopen, says an option": {
			settings: map[string]any{"reopen_bug_threshold": Administrator, "update_readonly_bug_threshold": Updater, "update_bug_status_threshold": Updater},
			open:     map[string]string{"reopen": "whether the API asks for it was not recorded"},
		},
		"a field is required":               {fields: []Field{{Name: "Customer", Required: true, Write: Viewer}}},
		"a field is required of managers":   {fields: []Field{{Name: "Budget", Required: true, Write: Manager}}},
		"a field is there and not required": {fields: []Field{{Name: "Customer", Write: Viewer}}},
	} {
		for _, role := range slices.Sorted(maps.Keys(names)) {
			s := prepare(t, role, tt.version, tt.settings, tt.fields)
			checks, err := s.as(worker).Check(t.Context())
			if err != nil {
				t.Fatal(setting, names[role], err)
			}

			said := map[string]connector.Check{}
			for _, one := range checks {
				said[one.Name] = one
			}

			for call, try := range s.tries(s.as(worker)) {
				result := said[call]
				if call == connector.CheckCreate && result.Holds() {
					result = said[connector.CheckRequiredFields]
				}

				where := fmt.Sprintf("%s, %s, %s", setting, names[role], call)
				failed := try()
				switch {
				case result.Name == "":
					t.Errorf("%s: there is no such check", where)
				case result.OK == nil && tt.open[call] == "":
					t.Errorf("%s: left open: %v", where, result)
				case result.OK != nil && *result.OK != (failed == nil):
					t.Errorf("%s: the check says %v, the server %v", where, result, failed)
				case !result.Holds() && result.Detail == nil:
					t.Errorf("%s: no sentence for a manager: %v", where, result)
				}
			}
		}
	}
}

// What B3 wants the check to say about an updater.
func TestWhatAManagerReadsOfAnUpdater(t *testing.T) {
	s := prepare(t, Updater, "", nil, nil)
	checks, err := s.as(worker).Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	at := slices.IndexFunc(checks, func(c connector.Check) bool { return c.Name == connector.CheckClose })
	const want = "The server lets developer (55) and above change the status (update_bug_status_threshold). The token's user is updater (40) in the project."
	if got := checks[at]; got.String() != "close=no(role_too_low)" || got.Detail == nil || *got.Detail != want {
		t.Errorf("%v: %v", got, got.Detail)
	}
}

// B19: a token that is revoked on a server with anonymous access does not pass,
// and a disabled project does not.
func TestWhatDoesNotPass(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Config)
		token  string
		want   string
	}{
		"anonymous": {func(c *Config) { c.Anonymous = "anonymous"; c.Roles["anonymous"] = Viewer }, "revoked", "reachable=ok credentials=no(credentials_rejected)"},
		"disabled":  {func(c *Config) { c.Projects[0].Disabled = true }, ours, "reachable=ok credentials=ok target=no(project_disabled)"},
	} {
		d := start(t, tt.change)
		c := d.connect(nil, func(cfg *product.Config) {
			cfg.Token = tt.token
			cfg.Project = "1"
		})
		if got := told(t, c); got != tt.want {
			t.Errorf("%s: %s", name, got)
		}

		if _, err := c.Create(t.Context(), content, marker); err == nil {
			t.Errorf("%s: the call is taken", name)
		}
	}
}

// Every call of the connector is in the table of needs, and none that it does
// not make.
func TestTheTableOfNeedsIsComplete(t *testing.T) {
	s := prepare(t, Manager, "", nil, nil)
	recorder := &connectortest.Recorder{Handler: s.API()}
	client := connectortest.Serve(t, recorder, worker)
	connect := func(project string) *product.Connector {
		return product.New(product.Config{BaseURL: "https://" + connectortest.Host + root, Token: worker, Project: project, Category: "Docs"}, client, nil)
	}
	for _, project := range []string{"1", "Part"} {
		if _, err := connect(project).Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}

	c := connect("1")
	for call, try := range s.tries(c) {
		if err := try(); err != nil {
			t.Fatal(call, err)
		}
	}

	if _, _, err := c.Changes(t.Context(), time.Time{}, 1); err != nil {
		t.Fatal(err)
	}

	recorder.Needed(t, product.Needs)
}
