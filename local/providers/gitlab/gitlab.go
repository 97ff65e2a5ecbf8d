// Package gitlab is a fake server of GitLab's REST API for issues: it keeps what
// it is given, behaves as the real one does, and is strict with its callers.
package gitlab

import (
	"errors"
	"fmt"
	"net/http"
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
	// Custom lists users with a role of the organisation's own making, which
	// allows what a Planner may besides what Roles says.
	Custom []string
	// Private projects are not there for those without a role.
	Private bool
	// NoIssues says that issues are turned off, Archived that all is read-only.
	NoIssues, Archived bool
	// OldPaths are those the project was known by: who asks for one is sent on.
	OldPaths []string
}

// Config says what the fake server has and who may use it.
type Config struct {
	Dir    string
	Host   string            // "" is gitlab.com
	Root   string            // the path GitLab is served under, such as /gitlab
	Limits bool              // apply the published rate limits
	Tokens map[string]string // token to user name
	// Scopes are those of tokens that have other ones than api.
	Scopes map[string][]string
	// PersonToken is the token with which the page lets people edit; without
	// it the page only shows.
	PersonToken string
	// Projects are all there are.
	Projects []Project
	// Spam is a word that makes an issue look like spam: a captcha is asked for.
	Spam string
	// Old is a server from before lists by cursor.
	Old bool
	// Now replaces the clock.
	Now func() time.Time
}

// A Server is the fake server. It survives the death of its process.
type Server struct {
	providers.Watch
	config  Config
	journal *providers.Journal
	limiter *limiter
	writes  providers.Log[entry]
	faults  *faults.Kit

	// deciding is held by a write from its decision to its commitment.
	deciding sync.Mutex

	lock     sync.RWMutex
	projects map[string]*project // by path in lower case, old ones too
	order    []*project
	placed   int // how often a path was led elsewhere
	lastID   int64
}

// Open returns the fake server with all that the journal in config.Dir holds.
func Open(config Config) (*Server, error) {
	if config.Now == nil {
		config.Now = time.Now
	}

	if config.Host == "" {
		config.Host = "gitlab.com"
	}

	s := &Server{config: config, limiter: newLimiter(config.Limits, config.Now), projects: map[string]*project{}, lastID: firstID}
	s.faults = faults.New(s.profile(), s.hooks())
	for _, one := range config.Projects {
		added := newProject(one)
		s.order = append(s.order, added)
		for _, path := range append([]string{one.Path}, one.OldPaths...) {
			s.projects[strings.ToLower(path)] = added
		}
	}

	var err error
	if s.journal, err = providers.OpenJournal(filepath.Join(config.Dir, "gitlab.jsonl"), s.replay); err != nil {
		return nil, fmt.Errorf("GitLab fake server: %w", err)
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

// API is what is served under GitLab's host name, from its root on.
func (s *Server) API() http.Handler { return s.faults.Wrap(http.HandlerFunc(s.serveAPI)) }

// SetUpdated gives the issues from number first to last one time of their last
// change, as whoever edits many at once leaves them.
func (s *Server) SetUpdated(path string, first, last int, at time.Time) error {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	found := s.find(path)
	if found == nil {
		return fmt.Errorf("GitLab fake server: there is no %s", path)
	}

	var changes []entry
	for iid := first; iid <= last; iid++ {
		one := s.get(found, iid)
		if one == nil {
			return fmt.Errorf("GitLab fake server: there is no %s#%d", path, iid)
		}

		changed := *one
		changed.UpdatedAt = at.UTC()
		changes = append(changes, entry{Project: found.Path, Issue: &changed})
	}

	var err error
	for _, one := range changes {
		err = errors.Join(err, s.commit(one))
	}

	return err
}
