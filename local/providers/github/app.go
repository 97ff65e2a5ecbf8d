package github

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// An App that is installed with an owner.
type App struct {
	ID, Installation string
	Login            string // of its own account, as sync[bot]
	Key              *rsa.PublicKey
	// Repositories are the names of those it is installed on.
	Repositories []string
	// ReadOnly says that it may not write issues, Suspended that it may nothing.
	ReadOnly, Suspended bool
}

const (
	// grantLife is how long a token of an installation is good for.
	grantLife = time.Hour
	// longestAssertion is how long an app's own token may be good for.
	longestAssertion = 10 * time.Minute
)

// A pass is a token of an installation.
type pass struct {
	login string
	until time.Time
	// repositories and write are what it was asked for.
	repositories []int64
	write        bool
}

// apps give out tokens of installations.
type apps struct {
	*state

	granted grants
}

// grants are the tokens that were given out. They end with the process.
type grants struct {
	mu   sync.Mutex
	held map[string]pass
}

func (g *grants) give(token string, p pass) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held == nil {
		g.held = map[string]pass{}
	}

	g.held[token] = p
}

func (g *grants) get(token string) (pass, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, ok := g.held[token]
	return p, ok
}

// whose is the account behind a token. A token of an app's installation is good
// for an hour, for the repositories and the rights it was asked for.
func (s *apps) whose(made *call, token string) (login string, ok bool) {
	if made.route.installation != "" {
		app := s.claimed(token)
		if app == nil {
			return "", false
		}
		return app.Login, true
	}

	if login, ok = s.config.Tokens[token]; ok {
		return login, true
	}

	p, ok := s.granted.get(token)
	if !ok || !s.config.Now().Before(p.until) {
		return "", false
	}

	made.pass = &p

	return p.login, true
}

// claimed is the app that a token of its own says it comes from: signed with
// its key, not from the future, and good for ten minutes at most.
func (s *apps) claimed(token string) *App {
	signed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil
	}

	for i, app := range s.config.Apps {
		var c jwt.Claims
		if signed.Claims(app.Key, &c) != nil || c.Issuer != app.ID || c.Expiry == nil || c.IssuedAt == nil {
			continue
		}

		now := s.config.Now()
		if c.Expiry.Time().After(now.Add(longestAssertion)) || !c.Expiry.Time().After(now) || c.IssuedAt.Time().After(now) {
			return nil
		}

		return &s.config.Apps[i]
	}

	return nil
}

// grant gives out a token of an installation.
func (s *apps) grant(made *call) (*answer, *issue) {
	_, token, _ := strings.Cut(made.Header.Get("Authorization"), " ")
	app := s.claimed(strings.TrimSpace(token))
	if app == nil || app.Installation != made.route.installation {
		return notFound(), nil
	}
	if app.Suspended {
		return refuse(http.StatusForbidden, "This installation has been suspended"), nil
	}

	var asked struct {
		Repositories []string          `json:"repositories"`
		IDs          []int64           `json:"repository_ids"`
		Permissions  map[string]string `json:"permissions"`
	}

	d := json.NewDecoder(bytes.NewReader(made.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&asked); len(made.body) > 0 && err != nil {
		s.Violation("request %s %s: %v", made.Method, made.URL.Path, err)
		return invalid(err.Error()), nil
	}

	within, refused := s.within(app, asked.Repositories, asked.IDs)
	if refused != nil {
		return refused, nil
	}
	if app.ReadOnly && asked.Permissions["issues"] == "write" {
		return refuse(http.StatusUnprocessableEntity, "The permissions requested are not granted to this installation."), nil
	}

	given := pass{login: app.Login, until: s.config.Now().Add(grantLife), write: asked.Permissions["issues"] == "write"}
	listed := []map[string]any{}
	for _, one := range within {
		given.repositories = append(given.repositories, one.id)
		listed = append(listed, map[string]any{"id": one.id, "name": one.Name, "full_name": one.FullName()})
	}

	text := "gh" + "s_" + app.ID + "_" + rand.Text() + "." + rand.Text()
	s.granted.give(text, given)

	return &answer{status: http.StatusCreated, value: map[string]any{
		"token": text, "expires_at": given.until.UTC().Format(time.RFC3339), "permissions": asked.Permissions, "repository_selection": "selected",
		"repositories": listed,
	}}, nil
}

// within are the repositories that a token is asked for, by their names of now
// or by their ids, or all the app is installed on.
func (s *apps) within(app *App, names []string, ids []int64) ([]*repository, *answer) {
	var installed []*repository
	for _, one := range s.repositories.All() {
		if one.installed != "" && holds(app.Repositories, one.installed) {
			installed = append(installed, one)
		}
	}

	if len(names)+len(ids) == 0 {
		return installed, nil
	}

	unknown := func() *answer {
		return refuse(http.StatusUnprocessableEntity, "There is at least one repository that does not exist or is not accessible to the parent installation.")
	}
	var within []*repository
	pick := func(fits func(*repository) bool) bool {
		at := slices.IndexFunc(installed, fits)
		if at < 0 {
			return false
		}

		within = append(within, installed[at])
		return true
	}
	for _, name := range names {
		if !pick(func(one *repository) bool { return strings.EqualFold(one.Name, name) }) {
			return nil, unknown()
		}
	}

	for _, id := range ids {
		if !pick(func(one *repository) bool { return one.id == id }) {
			return nil, unknown()
		}
	}

	return within, nil
}

// admits reports whether a request is within what its token was asked for.
func (p *pass) admits(made *call) bool {
	r := made.route.repository
	return p == nil || r != nil && slices.Contains(p.repositories, r.id) && (p.write || made.Method == http.MethodGet)
}
