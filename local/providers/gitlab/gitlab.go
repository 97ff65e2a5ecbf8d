// Package gitlab is a fake server of GitLab's REST API for issues: it keeps what
// it is given, behaves as the real one does, and is strict with its callers.
package gitlab

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

// The roles GitLab has, by their numbers.
const (
	Guest     = 10
	Planner   = 15
	Reporter  = 20
	Developer = 30
	Owner     = 50
)

// A Project that the fake server has.
type Project struct {
	Path string // group/project
	// Roles are what the users are there; without it everyone is a Developer.
	Roles map[string]int
	// Custom lists users with a custom role, which allows what a Planner may in
	// addition to Roles.
	Custom []string
	// Private projects are hidden from users without a role.
	Private bool
	// NoIssues turns issues off, Archived makes everything read-only.
	NoIssues, Archived bool
	// OldPaths are paths that the project had: a request for one is redirected.
	OldPaths []string
}

// Config says what the fake server has and which accounts may use it.
type Config struct {
	Dir    string
	Host   string            // "" is gitlab.com
	Root   string            // the path GitLab is served under, such as /gitlab
	Limits bool              // apply the published rate limits
	Tokens map[string]string // token to user name
	// Scopes are the scopes of tokens that do not have the scope api.
	Scopes map[string][]string
	// PersonToken is the token with which the page lets people edit. Without
	// it the page is read-only.
	PersonToken string
	// Projects are all projects.
	Projects []Project
	// Spam is a word that makes an issue look like spam: GitLab asks for a captcha.
	Spam string
	// Old is a server from before lists by cursor.
	Old bool
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
	if config.Now == nil {
		config.Now = time.Now
	}

	if config.Host == "" {
		config.Host = "gitlab.com"
	}

	kept := &state{config: config, lastID: firstID}
	for _, one := range config.Projects {
		kept.projects.Add(newProject(one), one.OldPaths...)
	}

	if err := kept.Ledger.Open(config.Dir, "gitlab", config.Now, kept.apply); err != nil {
		return nil, fmt.Errorf("GitLab fake server: %w", err)
	}

	shown := views{base: "https://" + config.Host + config.Root}
	served := &api{
		state: kept, limiter: newLimiter(config.Limits, config.Now), views: shown,
		issues: issues{kept, shown}, lists: lists{kept, shown}, accounts: accounts{kept, shown},
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

// API is what is served under GitLab's host name, from its root on.
func (s *Server) API() http.Handler { return s.faults.Wrap(http.HandlerFunc(s.serveAPI)) }
