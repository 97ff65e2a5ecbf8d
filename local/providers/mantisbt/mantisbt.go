// Package mantisbt is a fake server of MantisBT's REST API for issues: it keeps
// what it is given, behaves as a 2.28 does, and is strict with its callers.
package mantisbt

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
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

// A Role is what a user may do: the numbers are MantisBT's.
type Role int

// The roles.
const (
	Viewer    Role = 10
	Reporter  Role = 25
	Updater   Role = 40
	Developer Role = 55
	Manager   Role = 70
	// Administrator may see every project.
	Administrator Role = 90
)

// A Project that the fake server has.
type Project struct {
	ID   int
	Name string
	// Categories are those issues may have; without any it is General.
	Categories []string
	// Parent is the number of the project it lies below, or 0.
	Parent int
	// Members lists those who see it; without any everyone does.
	Members []string
	// Roles are what users may do in this project, where it is not what they may
	// do everywhere.
	Roles map[string]Role
	// Settings replace those of the server for this project.
	Settings map[string]any
	// Fields are those that an administrator has added.
	Fields []Field
	// Disabled projects are in no list, and take nothing.
	Disabled bool
	// Description is a text about the project.
	Description string
}

// A Field is one that an administrator has added to a project.
type Field struct {
	// ID is the number of the field; 0 is its place in the project's list.
	ID   int
	Name string
	// Required says that a new issue must have a value in it.
	Required bool
	// RequiredOnUpdate is told. REST does not ask for it.
	RequiredOnUpdate bool
	// Write is the least role that may fill it in; of lower ones it is not asked.
	Write Role
}

// An Account is what a user has besides a name and a role.
type Account struct {
	// ID is the number of the account; 0 is one that is made from the name.
	ID int
	// Language is that of the labels; "" is english. Zone is the zone that the
	// account names; "" is Europe/Berlin. Times are written in the server's zone
	// all the same (recorded: time-zone-of-account).
	Language, Zone string
	// Disabled accounts are refused, whatever their token.
	Disabled  bool
	CreatedAt time.Time
}

// A Category of issues.
type Category struct {
	ID   int
	Name string
	// Project is the number of the project that has it, with those below; 0 is all.
	Project int
	// Disabled categories are not given to new issues.
	Disabled bool
}

// Config says what the fake server has and who may use it.
type Config struct {
	Dir      string
	SpecPath string            // MantisBT's OpenAPI description; without it only the own checks apply
	Limits   bool              // take no more than ten issues an hour from a reporter
	Tokens   map[string]string // token to user
	Roles    map[string]Role   // of users; who is not listed is a manager
	// PersonToken is the token with which the page lets people edit; without
	// it the page only shows.
	PersonToken string
	// Settings replace thresholds: the least role as a Role, or the roles as a
	// []Role. A Hidden one has its usual value, and the API does not tell it.
	Settings map[string]any
	// Version is what the server says it is; "" is 2.28.4.
	Version string
	// Anonymous is the account of callers without a token that is known; without
	// one they are refused.
	Anonymous string
	// Projects are all there are.
	Projects []Project
	// Accounts say more about users.
	Accounts map[string]Account
	// Categories replace those of the projects: they have numbers of their own.
	Categories []Category
	// Labels translate the English labels of statuses and other lists, by
	// language.
	Labels map[string]map[string]string
	// Filters are stored filters, by number: the statuses that they leave.
	Filters map[string][]int
	// Web is where browsers find the server.
	Web string
	// NoRewriting says that the web server knows the API as a script only.
	NoRewriting bool
	// ByTimeOnly says that sticky issues do not come first.
	ByTimeOnly bool
	// Narrow says that the database cannot store characters of four bytes.
	Narrow bool
	// Replacing says that MantisBT itself replaces them with U+FFFD, as it does
	// on MySQL's utf8 (recorded: create-emoji).
	Replacing bool
	// Lenient says that the database cuts what is too long without an error
	// (recorded: create-summary-129-not-strict).
	Lenient bool
	// Zone is the server's: times are written so. nil is an hour east of Greenwich.
	Zone *time.Location
	// RESTOff says that the REST API is switched off, Offline that the server is
	// under maintenance.
	RESTOff, Offline bool
	// Now replaces the clock.
	Now func() time.Time
}

// A Server is the fake server. It survives the death of its process.
type Server struct {
	providers.Watch
	config   Config
	contract *providers.Contract
	journal  *providers.Journal
	spam     *spam
	writes   providers.Log[entry]
	faults   *faults.Kit

	// deciding is held by a write from its decision to its commitment.
	deciding sync.Mutex

	lock sync.RWMutex
	// projects are replaced as a whole, and never changed.
	projects []Project
	issues   []*issue // number n stands at n-1; nil: deleted
	past     providers.Past[int, *issue]
}

// Open returns the fake server with all that the journal in config.Dir holds.
func Open(config Config) (*Server, error) {
	contract, err := providers.LoadContract(config.SpecPath)
	if err != nil {
		return nil, fmt.Errorf("MantisBT fake server: %w", err)
	}
	return open(config, contract)
}

func open(config Config, contract *providers.Contract) (*Server, error) {
	if config.Now == nil {
		config.Now = time.Now
	}

	if config.Web == "" {
		config.Web = "https://mantis.example.com"
	}

	s := &Server{config: config, projects: config.Projects, contract: contract, spam: newSpam(config.Limits, config.Now)}
	s.faults = faults.New(s.profile(), s.hooks())
	var err error
	if s.journal, err = providers.OpenJournal(filepath.Join(config.Dir, "mantisbt.jsonl"), s.replay); err != nil {
		return nil, fmt.Errorf("MantisBT fake server: %w", err)
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

// API is what is served under the server's name, from its root on: the API is
// under /api/rest.
func (s *Server) API() http.Handler { return s.faults.Wrap(http.HandlerFunc(s.serveAPI)) }

// role is what a user may do in general.
func (s *Server) role(user string) Role {
	if role, ok := s.config.Roles[user]; ok {
		return role
	}

	if user == guest {
		return Viewer
	}

	return Manager
}

// project returns a project by number, or by name where the number is 0.
func (s *Server) project(id int, name string) *Project {
	all := s.all()
	for i := range all {
		p := &all[i]
		if id != 0 && p.ID == id || id == 0 && p.Name == name {
			return p
		}
	}

	return nil
}

// visible reports whether a user sees a project. An administrator sees all.
func (s *Server) visible(p *Project, user string) bool {
	return p != nil && (p.Members == nil || slices.Contains(p.Members, user) || s.role(user) >= Administrator)
}

// below reports whether a project is another one or lies below it.
func (s *Server) below(p *Project, id int) bool {
	for range s.all() {
		if p == nil || p.ID == id {
			break
		}
		p = s.project(p.Parent, "")
	}

	return p != nil && p.ID == id
}
