// Package jira is a fake server of Jira's REST API for issues, Cloud or Data
// Center: it keeps what it is given, behaves as the real one does, and is
// strict with its callers.
package jira

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
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
	// Required are fields, id to name, that an issue is not made without and
	// that have no default.
	Required map[string]string
	// Members lists the accounts that may see the project; without it all may.
	Members []string
	// Readers lists the members that may only look.
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
	// Steps says that only what is in progress can be done, as in a workflow of
	// several steps.
	Steps bool
	// NoWayBack says that no transition leads out of done.
	NoWayBack bool
	// Stuck says that no transition leads to done.
	Stuck bool
	// AsksResolution says that the transition to done has a screen that wants a
	// resolution.
	AsksResolution bool
	// LocksClosed says that what is done cannot be edited.
	LocksClosed bool
}

// An Account may call the API with its token.
type Account struct {
	Name  string
	Email string // Cloud: the user name that goes with the token
	Zone  string // of the clock on the wall; "" is UTC
	// Scoped tokens work at the gateway alone.
	Scoped bool
	// Admin may keep Jira from telling the watchers.
	Admin bool
	// Captcha says that the account has to solve one before it may log in.
	Captcha bool
}

// Config says what the fake server has and who may use it.
type Config struct {
	Flavor   string
	Dir      string
	SpecPath string // the OpenAPI description of the Cloud; without it only the own checks apply
	Limits   bool   // apply the published rate limits
	// BaseURL is where the API is found, with a context path if it is to have
	// one (Data Center).
	BaseURL string
	// PublicURL is the address that a Data Center gives itself, where it is
	// reached under another name. "" is BaseURL.
	PublicURL string
	// CloudID is what the gateway knows the site by (Cloud). "" makes one from
	// BaseURL.
	CloudID string
	// Accounts by token.
	Accounts map[string]Account
	// PersonToken is the token with which the page lets people edit; without
	// it the page only shows.
	PersonToken string
	// Projects are all there are.
	Projects []Project
	// IndexLag is how far searches lag behind.
	IndexLag time.Duration
	// Now replaces the clock.
	Now func() time.Time
}

// A Server is the fake server. It survives the death of its process.
type Server struct {
	providers.Watch
	config   Config
	context  string // the path before /rest
	contract *providers.Contract
	journal  *providers.Journal
	limiter  *limiter
	writes   providers.Log[entry]
	faults   *faults.Kit

	// deciding is held by a write from its decision to its commitment.
	deciding sync.Mutex

	lock     sync.RWMutex
	projects map[string]*project
	order    []*project
	issues   map[string]*providers.Versions[*issue] // by id
	keys     map[string]string                      // every key an issue ever had to its id
	lastID   int64
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
		contract = nil // nobody describes Data Center
	}

	s := &Server{
		config: config, context: strings.TrimSuffix(base.Path, "/"), contract: contract,
		limiter:  newLimiter(config.Flavor, config.Limits, config.Now),
		projects: map[string]*project{}, issues: map[string]*providers.Versions[*issue]{}, keys: map[string]string{}, lastID: firstID,
	}

	s.faults = faults.New(s.profile(), s.hooks())
	for i, one := range config.Projects {
		added := newProject(one, i)
		s.projects[one.Key] = added
		s.order = append(s.order, added)
	}

	if s.journal, err = providers.OpenJournal(filepath.Join(config.Dir, "jira_"+config.Flavor+".jsonl"), s.replay); err != nil {
		return nil, fmt.Errorf("fake server of Jira: %w", err)
	}

	return s, nil
}

// Close closes the journal.
func (s *Server) Close() error {
	s.faults.Close()
	return s.journal.Close()
}

// Faults is what makes the fake server fail on purpose.
func (s *Server) Faults() *faults.Kit { return s.faults }

// API is what is served under the host of BaseURL and, for the Cloud, as
// api.atlassian.com.
func (s *Server) API() http.Handler { return s.faults.Wrap(http.HandlerFunc(s.serveAPI)) }
