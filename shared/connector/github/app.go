package github

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// An App is a GitHub App, installed with the repository's owner. It asks for a
// token of an hour with which to work
// (https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app).
type App struct {
	ID, Installation string
	Key              *rsa.PrivateKey
}

const (
	// assertionLife is how long the app's own word for itself holds: GitHub takes
	// no more than ten minutes, by its clock.
	assertionLife = 9 * time.Minute
	// clockSlack is how far GitHub's clock may be behind ours without its telling.
	clockSlack = time.Minute
	// renewBefore is how long before its end a token is no longer used.
	renewBefore = 5 * time.Minute
)

// A grant is a token of an installation.
type grant struct {
	Token string    `json:"token"`
	Until time.Time `json:"expires_at"`
	// Repositories are what it is good for, where GitHub tells.
	Repositories []struct {
		ID   int64  `json:"id"`
		Name string `json:"full_name"`
	} `json:"repositories"`
	asked scope
}

// reaches reports whether a token is good for a repository, whose id is 0 where
// it is not known. A token that was asked for by name may be for a repository of
// that name that another owner has.
func (g grant) reaches(id int64, fullName string) bool {
	for _, r := range g.Repositories {
		byID := id != 0 && r.ID != 0
		if byID && r.ID == id || !byID && strings.EqualFold(r.Name, fullName) {
			return true
		}
	}

	return len(g.Repositories) == 0
}

// A scope is the one repository that a token is asked for: by its id, or by its
// name where the id is 0.
type scope struct {
	id   int64
	name string
}

// tokens gives the token of each request: the configured one, or one that an App
// asks for.
type tokens struct {
	*failures
	place *place
	token string
	app   *App // works instead of the token

	mu    sync.Mutex
	grant grant // the App's token
}

// scope is that of the place in use.
func (t *tokens) scope() scope {
	_, id := t.place.current()

	return scope{id: id, name: t.place.repo}
}

// covers reports whether a token is good for what one of a scope would be. One
// that was asked for by name is, for the same repository.
func (g grant) covers(s scope, fullName string) bool {
	switch {
	case g.asked == s:
		return true
	case s.id != 0 && g.asked.id == 0:
		return g.reaches(s.id, fullName)
	}

	return false
}

// assign notes which repository a token is for that was asked for by name and
// does not list any: the one that was just read with it.
func (t *tokens) assign() {
	_, id := t.place.current()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.grant.asked.id == 0 && len(t.grant.Repositories) == 0 {
		t.grant.asked.id = id
	}
}

// reach reports whether the App's token is good for a repository.
func (t *tokens) reach(id int64, fullName string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()

	return t.grant.reaches(id, fullName)
}

// wanted is what a token is to be good for: issues of one repository, whatever
// else the app may do.
type wanted struct {
	Repositories  []string          `json:"repositories,omitempty"`
	RepositoryIDs []int64           `json:"repository_ids,omitempty"`
	Permissions   map[string]string `json:"permissions"`
}

// bearer is the token to work with: the configured one, or one that the app
// has got and that is not about to end.
func (t *tokens) bearer(ctx context.Context) (string, error) {
	return t.bearerFor(ctx, t.scope())
}

// bearerFor is bearer for a scope.
func (t *tokens) bearerFor(ctx context.Context, s scope) (string, error) {
	if t.app == nil {
		return t.token, nil
	}

	t.mu.Lock()
	held := t.grant
	t.mu.Unlock()
	if held.covers(s, t.place.fullName()) && held.Until.Add(-renewBefore).After(t.providerNow()) {
		return held.Token, nil
	}

	got, err := t.requestToken(ctx, t.app, s)
	if err != nil {
		return "", unsent(err)
	}

	got.asked = s
	t.mu.Lock()
	defer t.mu.Unlock()
	t.grant = got

	return got.Token, nil
}

// unsent is what a failure to get a token means for the request it was for:
// that it has not left, whatever became of the one for the token.
func unsent(err error) error {
	var e *failure.Error
	if errors.As(err, &e) && e.Class == failure.Ambiguous {
		e.Class = failure.NotSent
		e.Scope = failure.IntegrationScope
	}
	return err
}

// providerNow is the time by GitHub's clock, as far as it has told.
func (t *tokens) providerNow() time.Time {
	behind, _ := t.http.ClockLag()
	return t.now().Add(-behind)
}

// requestToken asks for a token. Where it is refused to a word given by the wrong
// clock, it is asked for once more by GitHub's, which the refusal tells.
func (t *tokens) requestToken(ctx context.Context, app *App, s scope) (grant, error) {
	want := wanted{Permissions: map[string]string{"issues": "write", "metadata": "read"}}
	if s.id != 0 {
		want.RepositoryIDs = []int64{s.id}
	} else {
		want.Repositories = []string{s.name}
	}

	said := t.providerNow()
	answer, err := t.postTokenRequest(ctx, app, want, said)
	if err == nil && answer.Status == http.StatusUnauthorized && t.providerNow().Sub(said).Abs() > clockSlack/2 {
		answer, err = t.postTokenRequest(ctx, app, want, t.providerNow())
	}

	if err != nil {
		return grant{}, err
	}
	if !answer.Success() {
		return grant{}, t.notGranted(answer)
	}
	if answers.Read(answer, t.http.Clean).Markup {
		return grant{}, t.foreign(http.MethodGet, answer)
	}

	var got grant
	if err := json.Unmarshal(answer.Body, &got); err != nil || !tokenProof.Holds(answer) || got.Token == "" || strings.Trim(got.Token, visible) != "" || got.Until.IsZero() {
		// The body may hold a token, so nothing of it is shown.
		return grant{}, t.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "GitHub's answer is not a token of the installation", outbound.Response{Status: answer.Status, Header: answer.Header})
	}

	return got, nil
}

// postTokenRequest makes the request
// (https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app).
func (t *tokens) postTokenRequest(ctx context.Context, app *App, want wanted, now time.Time) (outbound.Response, error) {
	body, err := json.Marshal(want)
	if err != nil {
		panic(err) // strings always marshal
	}

	header := headerFor(app.assertion(now))
	header.Set("Content-Type", "application/json")

	return t.http.Do(ctx, outbound.Request{
		Method: http.MethodPost, URL: t.place.baseURL + "/app/installations/" + url.PathEscape(app.Installation) + "/access_tokens", Header: header, Body: body,
	})
}

// visible are the characters a header's value may have.
const visible = "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

// notGranted says why there is no token.
func (t *tokens) notGranted(answer outbound.Response) *failure.Error {
	e := t.refused(http.MethodPost, answer)
	p := answers.Read(answer, t.http.Clean)
	said := p.Reason("")
	rejected := func(code, detail string) *failure.Error {
		return t.fail(failure.Final, failure.IntegrationScope, code, detail+": "+said, answer)
	}
	switch {
	case e.Class != failure.Final:
		return e
	case answer.Status >= 400 && !p.JSON && !answers.Unauthenticated(answer, p):
		// A page of a proxy says nothing about the app.
		return t.fail(failure.Retryable, failure.IntegrationScope, p.ForeignCode(), p.Summary, answer)
	case answer.Status == http.StatusUnauthorized:
		return rejected("credentials_rejected", "GitHub takes app_id and private_key for no app's")
	case answer.Status == http.StatusForbidden:
		return rejected("credentials_rejected", "the app's installation was suspended")
	case answer.Status == http.StatusNotFound:
		return rejected("installation_not_found", "the app has no such installation_id, or was uninstalled")
	case answer.Status == http.StatusUnprocessableEntity && strings.Contains(strings.ToLower(said), "permission"):
		return rejected("forbidden", "the app's installation lacks the permission issues: write")
	case answer.Status == http.StatusUnprocessableEntity:
		return rejected("target_not_found", "the app is not installed on the repository")
	}

	e.Scope = failure.IntegrationScope

	return e
}

// assertion is the app's word for itself: a JSON Web Token, signed with its key
// (https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app).
func (a *App) assertion(now time.Time) string {
	claims, err := json.Marshal(map[string]any{"iss": a.ID, "iat": now.Add(-clockSlack).Unix(), "exp": now.Add(assertionLife).Unix()})
	if err != nil {
		panic(err) // a string and numbers always marshal
	}

	var text bytes.Buffer
	for _, part := range [][]byte{[]byte(`{"alg":"RS256","typ":"JWT"}`), claims} {
		text.WriteString(base64.RawURLEncoding.EncodeToString(part) + ".")
	}

	sum := sha256.Sum256(bytes.TrimSuffix(text.Bytes(), []byte(".")))
	signature, err := rsa.SignPKCS1v15(rand.Reader, a.Key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err) // keys that are too short are not accepted
	}

	return text.String() + base64.RawURLEncoding.EncodeToString(signature)
}
