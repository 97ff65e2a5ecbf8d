// Package jira is a fake server of Jira's REST API for issues, Cloud or Data
// Center: it keeps what it is given, behaves as the real one does, and is
// strict with its callers.
package jira

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
)

// The phases of a create that a hook is told of.
const (
	Received = providers.Received
	Applied  = providers.Applied
)

// The flavors.
const (
	Cloud      = "cloud"
	Datacenter = "datacenter"
)

// A Project that the fake server has.
type Project struct {
	Key, Name string
	Types     []string // names of the issue types; without any Task and Bug
	// Required are fields without a default, id to name, that a new issue must
	// have.
	Required map[string]string
	// Members lists the accounts that may see the project. Without it all may.
	Members []string
	// Readers lists the members that may only read.
	Readers []string
	// NoLabels says that labels are on no screen.
	NoLabels bool
	// NotOnCreate and NotOnEdit are fields that are not on that screen.
	NotOnCreate, NotOnEdit []string
	// Lacks are the permissions that accounts do not have, by account.
	Lacks map[string][]string
	// NoMeta is the status with which questions for the create screen are
	// refused, 0 where they are answered.
	NoMeta int
	// Workflow limits the transitions and edits of issues.
	Workflow
}

// A Workflow says what the statuses of a project allow. The zero one allows all.
type Workflow struct {
	// Steps allows done only after in progress, as in a workflow of several steps.
	Steps bool
	// NoWayBack says that no transition leads out of done.
	NoWayBack bool
	// Stuck says that no transition leads to done.
	Stuck bool
	// AsksResolution gives the transition to done a screen with a required
	// resolution.
	AsksResolution bool
	// LocksClosed forbids edits of done issues.
	LocksClosed bool
}

// An Account may call the API with its token.
type Account struct {
	Name  string
	Email string // Cloud: the user name that goes with the token
	Zone  string // time zone; "" is UTC
	// Scoped tokens work only at the gateway.
	Scoped bool
	// Admin may edit without a notification of the watchers.
	Admin bool
	// Captcha says that the account has to solve one before it may log in.
	Captcha bool
}

// Config says what the fake server has and which accounts may use it.
type Config struct {
	Flavor   string
	Dir      string
	SpecPath string // the OpenAPI description of the Cloud; without it only the own checks apply
	Limits   bool   // apply the published rate limits
	// BaseURL is where the API is found, with a context path if it is to have
	// one (Data Center).
	BaseURL string
	// PublicURL is the address that a Data Center reports as its own. "" is
	// BaseURL.
	PublicURL string
	// CloudID is the site's id at the gateway (Cloud). "" makes one from BaseURL.
	CloudID string
	// Accounts by token.
	Accounts map[string]Account
	// PersonToken is the token with which the page lets people edit. Without
	// it the page is read-only.
	PersonToken string
	// Projects are all projects.
	Projects []Project
	// IndexLag is how far searches lag behind the issues.
	IndexLag time.Duration
	// Now replaces the clock.
	Now func() time.Time
}

// A Server is the fake server. It survives the death of its process.
type Server struct {
	*api

	faults *faults.Kit
}

// Open returns the fake server with all that the journal in config.Dir holds.
func Open(config Config) (*Server, error) {
	contract, err := providers.LoadContract(config.SpecPath)
	if err != nil {
		return nil, fmt.Errorf("fake server of Jira: %w", err)
	}
	return open(config, contract)
}

func open(config Config, contract *providers.Contract) (*Server, error) {
	if config.Now == nil {
		config.Now = time.Now
	}

	base, err := url.Parse(config.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("fake server of Jira: %w", err)
	}

	if config.CloudID == "" {
		config.CloudID = cloudIDOf(config.BaseURL)
	}

	if config.Flavor != Cloud {
		contract = nil // there is no description of Data Center
	}

	kept := &state{config: config, context: strings.TrimSuffix(base.Path, "/"), keys: map[string]string{}, lastID: firstID}
	kept.projects.Exact = true
	for i, one := range config.Projects {
		kept.projects.Add(newProject(one, i))
	}

	if err := kept.Ledger.Open(config.Dir, "jira_"+config.Flavor, config.Now, kept.apply); err != nil {
		return nil, fmt.Errorf("fake server of Jira: %w", err)
	}

	shown := views{kept}
	served := &api{
		state: kept, contract: contract, limiter: newLimiter(config.Flavor, config.Limits, config.Now),
		issues: issues{kept, shown}, searches: searches{kept, shown}, site: site{kept, shown},
	}
	failing := &disturber{served}

	return &Server{api: served, faults: faults.New(failing.profile(), failing.hooks())}, nil
}

// Close closes the journal.
func (s *Server) Close() error {
	s.faults.Close()
	return s.Ledger.Close()
}

// Faults is what makes the fake server fail on purpose.
func (s *Server) Faults() *faults.Kit { return s.faults }

// API is what is served under the host of BaseURL and, for the Cloud, as
// api.atlassian.com.
func (s *Server) API() http.Handler { return s.faults.Wrap(http.HandlerFunc(s.serveAPI)) }
