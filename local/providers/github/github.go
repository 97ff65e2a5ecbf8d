// Package github is a fake server of GitHub's REST API for issues: it keeps what
// it is given, behaves as the real one does, and is strict with its callers.
package github

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
)

// The phases of a create that a hook is told of.
const (
	Received = providers.Received
	Applied  = providers.Applied
)

// A Repository that the fake server has.
type Repository struct {
	Owner, Name string
	// ID is the number that GitHub has for it. 0 makes one from the name.
	ID int64
	// Created is when it was made, zero for the first day of 2026.
	Created time.Time
	// Admin lists the logins that administer it, which may write too.
	Admin []string
	// Push lists the logins that may write; without it everyone may.
	Push []string
	// Triage lists the logins that may triage but not write.
	Triage []string
	// Archived repositories can only be read.
	Archived bool
	// Read lists the logins that may only read a private repository.
	Read []string
	// Private repositories are hidden from logins in none of these lists.
	Private bool
	// NoIssues says that issues are disabled.
	NoIssues bool
	// PullRequests is how many pull requests a new repository starts with:
	// GitHub lists them among the issues.
	PullRequests int
}

// Config says what the fake server has and which logins may use it.
type Config struct {
	Dir      string
	SpecPath string            // GitHub's OpenAPI description; without it only the own checks apply
	Limits   bool              // apply the published rate limits
	Tokens   map[string]string // token to login
	// Scopes are the scopes of classic tokens, where they are not repo.
	Scopes map[string]string
	// Permissions limit fine-grained tokens to "read" or "none" for issues. Other
	// tokens may do everything.
	Permissions map[string]string
	// PersonToken is the token with which the page lets people edit. Without
	// it the page is read-only.
	PersonToken string
	// Repositories are all repositories.
	Repositories []Repository
	// Apps may ask for tokens.
	Apps []App
	// Now replaces the clock.
	Now func() time.Time
}

// A Server is the fake server. It survives the death of its process.
type Server struct {
	*api

	faults *faults.Kit
	calls  atomic.Int64
}

// Open returns the fake server with all that the journal in config.Dir holds.
func Open(config Config) (*Server, error) {
	contract, err := providers.LoadContract(config.SpecPath)
	if err != nil {
		return nil, fmt.Errorf("GitHub fake server: %w", err)
	}
	return open(config, contract)
}

func open(config Config, contract *providers.Contract) (*Server, error) {
	if config.Now == nil {
		config.Now = time.Now
	}

	kept := &state{config: config, lastID: firstID}
	for _, one := range config.Repositories {
		kept.repositories.Add(newRepository(one))
	}

	if err := kept.Ledger.Open(config.Dir, "github", config.Now, kept.apply); err != nil {
		return nil, fmt.Errorf("GitHub fake server: %w", err)
	}

	if err := kept.seed(); err != nil {
		return nil, errors.Join(err, kept.Close())
	}

	served := &api{
		state: kept, contract: contract, limiter: newLimiter(config.Limits, config.Now), issues: issues{kept}, apps: apps{state: kept},
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

// API is what is served as api.github.com.
func (s *Server) API() http.Handler {
	api := s.faults.Wrap(http.HandlerFunc(s.serveAPI))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.calls.Add(1)
		api.ServeHTTP(w, r)
	})
}

// Calls is how many requests the API has got since it was opened.
func (s *Server) Calls() int { return int(s.calls.Load()) }
