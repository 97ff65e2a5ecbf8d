// Package mantisbt is a fake server of MantisBT's REST API for issues: it keeps
// what it is given, behaves as a 2.28 does, and is strict with its callers.
package mantisbt

import (
	"fmt"
	"net/http"
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
	// Members lists the users who see it. Without it all users do.
	Members []string
	// Roles are the users' roles in this project, where they differ from their
	// general roles.
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
	// RequiredOnUpdate is shown. REST does not check it.
	RequiredOnUpdate bool
	// Write is the lowest role that may fill it in. Lower ones do not have to.
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

// Config says what the fake server has and which users may use it.
type Config struct {
	Dir      string
	SpecPath string            // MantisBT's OpenAPI description; without it only the own checks apply
	Limits   bool              // take no more than ten issues an hour from a reporter
	Tokens   map[string]string // token to user
	Roles    map[string]Role   // of users; a user without one is a manager
	// PersonToken is the token with which the page lets people edit. Without
	// it the page is read-only.
	PersonToken string
	// Settings replace thresholds: the least role as a Role, or the roles as a
	// []Role. A Hidden one has its usual value, and the API does not show it.
	Settings map[string]any
	// Projects are all projects.
	Projects []Project
	// Web is where browsers find the server.
	Web string
	// Now replaces the clock.
	Now func() time.Time

	Directory
	Installation
}

// A Directory has the users and lists that an administrator sets up.
type Directory struct {
	// Anonymous is the account of callers without a token that is known; without
	// one they are refused.
	Anonymous string
	// Accounts say more about users.
	Accounts map[string]Account
	// Categories replace those of the projects: they have numbers of their own.
	Categories []Category
	// Labels translate the English labels of statuses and other lists, by
	// language.
	Labels map[string]map[string]string
	// Filters are stored filters, by number: the statuses that they leave.
	Filters map[string][]int
}

// An Installation says how the server was set up. The zero one is the usual one.
type Installation struct {
	// Version is what the server says it is; "" is 2.28.4.
	Version string
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

	served := newAPI(config, contract)
	if err := served.Ledger.Open(config.Dir, "mantisbt", config.Now, served.apply); err != nil {
		return nil, fmt.Errorf("MantisBT fake server: %w", err)
	}

	failing := &disturber{served}

	return &Server{api: served, faults: faults.New(failing.profile(), failing.hooks())}, nil
}

// newAPI returns the API of an empty fake server.
func newAPI(config Config, contract *providers.Contract) *api {
	kept := &state{config: config, projects: config.Projects}
	held := rights{kept}
	shown := views{kept, held, categories{kept}}
	limit := newSpam(config.Limits, config.Now)

	return &api{
		state: kept, contract: contract, rights: held,
		issues: issues{kept, held, shown, limit}, lists: lists{kept, held, shown}, site: site{kept, held, shown, limit},
	}
}

// Close closes the journal.
func (s *Server) Close() error {
	s.faults.Close()
	return s.Ledger.Close()
}

// Faults is what makes the fake server fail on purpose.
func (s *Server) Faults() *faults.Kit { return s.faults }

// API is what is served under the server's name, from its root on: the API is
// under /api/rest.
func (s *Server) API() http.Handler { return s.faults.Wrap(http.HandlerFunc(s.serveAPI)) }
