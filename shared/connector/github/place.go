package github

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/outbound"
)

var _ connector.Resolver = (*Connector)(nil)

// longestName bounds owner/repo: GitHub's owners have 39 characters and its
// repositories 100, an Enterprise Server may have longer ones.
const longestName = 400

// A place is the repository that calls go to: the one that the configuration
// spells, until a resolved one is used.
type place struct {
	baseURL     string // of the API, without a trailing slash
	owner, repo string // as the configuration spells them
	used        atomic.Pointer[connector.Place]
}

// use makes later calls go to the repository by the name it had when it was
// resolved, and app tokens be asked for by its id. A place that is not a
// repository of GitHub's is ignored.
func (p *place) use(resolved connector.Place) {
	if _, _, ok := splitName(resolved.Name); !ok {
		return
	}

	if id, err := strconv.ParseInt(resolved.ID, 10, 64); err != nil || id <= 0 {
		return
	}

	p.used.Store(&resolved)
}

// current is the place in use and its numeric id, nil and 0 before use.
func (p *place) current() (*connector.Place, int64) {
	place := p.used.Load()
	if place == nil {
		return nil, 0
	}

	id, err := strconv.ParseInt(place.ID, 10, 64)
	if err != nil {
		return nil, 0
	}

	return place, id
}

// names are the owner and the repository that calls go to.
func (p *place) names() (owner, repo string) {
	if place, _ := p.current(); place != nil {
		if owner, repo, ok := splitName(place.Name); ok {
			return owner, repo
		}
	}

	return p.owner, p.repo
}

// fullName is owner/repo as calls go to it.
func (p *place) fullName() string {
	owner, repo := p.names()

	return owner + "/" + repo
}

// address is the address that calls go to: that of the place in use, else the
// one that the configuration spells.
func (p *place) address() string {
	return p.addressOf(p.names())
}

// addressOf is where a repository is in the API.
func (p *place) addressOf(owner, repo string) string {
	return p.baseURL + "/repos/" + url.PathEscape(owner) + "/" + url.PathEscape(repo)
}

// issueAt is the address of the linked issue. The link holds a number.
func (p *place) issueAt(linked domain.Remote) string {
	return p.address() + "/issues/" + url.PathEscape(linked.Key)
}

// resolve reads the repository that the configuration names, and follows one
// redirect, so that the old name of a renamed repository leads to it
// (https://docs.github.com/en/rest/repos/repos#get-a-repository). Later calls go
// to the name that the repository has now. A redirect that stays below the API's
// root is followed on the configured host only.
func (c *client) resolve(ctx context.Context) (connector.Place, error) {
	answer, _, err := c.locate(ctx)
	if err != nil {
		return connector.Place{}, err
	}

	if answer.Status >= 300 {
		return connector.Place{}, c.unresolved(answer)
	}

	if answers.Read(answer, c.http.Clean).Markup {
		return connector.Place{}, c.foreign(http.MethodGet, answer)
	}

	place, ok := parsePlace(c.place.baseURL, answer.Body)
	if !ok || answer.Status != http.StatusOK {
		return connector.Place{}, c.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "GitHub's answer is not a repository", answer)
	}

	c.place.use(place)
	c.tokens.assign()

	return place, nil
}

// unresolved says why there is no place. No refusal of this read is about one
// item. Before a place is in use, a 404 of any form says that the configuration
// is wrong: base_url may lead to another web server. Later such an answer is one
// of a gateway, and an outage.
func (c *client) unresolved(answer outbound.Response) *failure.Error {
	e := c.refused(http.MethodGet, answer)
	gone := answer.Status == http.StatusNotFound || answer.Status == http.StatusGone
	if gone && c.place.used.Load() == nil {
		e = c.readVerdict(answer, answers.Read(answer, c.http.Clean))
	}

	e.Scope = failure.IntegrationScope
	if answer.Status == http.StatusGone && e.Class == failure.Final {
		e.Code = "target_not_found"
	}

	return e
}

// locate reads the repository by the spelling in the configuration. It reports
// whether there was a token to do it with. An app's token for the place in use
// may not reach the repository that is spelled now, then a token for that one is
// asked for.
func (c *client) locate(ctx context.Context) (answer outbound.Response, granted bool, err error) {
	spelled := scope{name: c.place.repo}
	_, id := c.place.current()
	if c.tokens.app == nil || id == 0 {
		return c.readSpelled(ctx, spelled)
	}

	answer, granted, err = c.readSpelled(ctx, scope{id: id, name: c.place.repo})
	var e *failure.Error
	notInstalled := errors.As(err, &e) && e.Code == "target_not_found"
	if notInstalled || err == nil && answer.Status == http.StatusNotFound {
		return c.readSpelled(ctx, spelled)
	}

	return answer, granted, err
}

// readSpelled reads the repository by its configured spelling with a token of a
// scope, and follows one redirect.
func (c *client) readSpelled(ctx context.Context, s scope) (answer outbound.Response, granted bool, err error) {
	token, err := c.tokens.bearerFor(ctx, s)
	if err != nil {
		return outbound.Response{}, false, err
	}

	r := outbound.Request{URL: c.place.addressOf(c.place.owner, c.place.repo), Header: headerFor(token)}
	answer, err = c.http.Read(ctx, r, c.place.baseURL)

	return answer, true, err
}

// parsePlace reads which place a repository is. What identifies it must be
// there; a link that cannot be shown is left out.
func parsePlace(baseURL string, body []byte) (connector.Place, bool) {
	var r struct {
		ID       int64  `json:"id"`
		FullName string `json:"full_name"`
		HTMLURL  string `json:"html_url"`
		Created  any    `json:"created_at"`
	}
	if err := json.Unmarshal(body, &r); err != nil || r.ID <= 0 {
		return connector.Place{}, false
	}

	if _, _, ok := splitName(r.FullName); !ok {
		return connector.Place{}, false
	}

	page, _ := markup.WebURL(r.HTMLURL)
	created, _ := r.Created.(string)

	return connector.Place{
		Instance: instance(baseURL, page), ID: strconv.FormatInt(r.ID, 10), Created: connector.Instant(created),
		Name: r.FullName, URL: page, ByName: true,
	}, true
}

// instance names the server: github.com, or the host of the pages that a server
// links to. It is used for nothing but the identity.
func instance(baseURL, page string) string {
	if baseURL == DefaultBaseURL {
		return "github.com"
	}

	return connector.HostOf(page, baseURL)
}

// splitName splits owner/repo. Names that GitHub cannot give are refused: they
// become part of a path.
func splitName(fullName string) (owner, repo string, ok bool) {
	owner, repo, ok = strings.Cut(fullName, "/")

	return owner, repo, ok && len(fullName) <= longestName && isName(owner) && isName(repo)
}

// isName reports whether a text can be an owner or a repository.
func isName(text string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

	return text != "" && text != "." && text != ".." && strings.Trim(text, letters) == ""
}
