package github

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/outbound"
)

var _ connector.Resolver = (*Connector)(nil)

// longestName bounds owner/repo: GitHub's owners have 39 characters and its
// repositories 100, an Enterprise Server may have longer ones.
const longestName = 400

// Resolve reads the repository that the configuration names, and follows one
// redirect, so that the old name of a renamed repository leads to it
// (https://docs.github.com/en/rest/repos/repos#get-a-repository). Later calls go
// to the name that the repository has now. A redirect that stays below the API's
// root is followed on the configured host only.
func (c *Connector) Resolve(ctx context.Context) (connector.Place, error) {
	answer, _, err := c.locate(ctx)
	if err != nil {
		return connector.Place{}, err
	}

	if answer.Status >= 300 {
		return connector.Place{}, c.unresolved(answer)
	}

	if answers.Read(answer, c.client.Clean).Markup {
		return connector.Place{}, c.foreign(http.MethodGet, answer)
	}

	place, ok := parsePlace(c.cfg.BaseURL, answer.Body)
	if !ok || answer.Status != http.StatusOK {
		return connector.Place{}, c.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "GitHub's answer is not a repository", answer)
	}

	c.Use(place)
	c.assign()

	return place, nil
}

// assign notes which repository a token is for that was asked for by name and
// does not list any: the one that was just read with it.
func (c *Connector) assign() {
	_, id := c.used()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.grant.asked.id == 0 && len(c.grant.Repositories) == 0 {
		c.grant.asked.id = id
	}
}

// unresolved says why there is no place. No refusal of this read is about one
// item. Before a place is in use, a 404 of any form says that the configuration
// is wrong: base_url may lead to another web server. Later such an answer is one
// of a gateway, and an outage.
func (c *Connector) unresolved(answer outbound.Response) *failure.Error {
	e := c.refused(http.MethodGet, answer)
	gone := answer.Status == http.StatusNotFound || answer.Status == http.StatusGone
	if gone && c.place.Load() == nil {
		e = c.readVerdict(answer, answers.Read(answer, c.client.Clean))
	}

	e.Scope = failure.IntegrationScope
	if answer.Status == http.StatusGone && e.Class == failure.Final {
		e.Code = "target_not_found"
	}

	return e
}

// Use makes later calls go to the repository by the name it had when it was
// resolved, and app tokens be asked for by its id. A place that is not a
// repository of GitHub's is ignored.
func (c *Connector) Use(p connector.Place) {
	if _, _, ok := splitName(p.Name); !ok {
		return
	}

	if id, err := strconv.ParseInt(p.ID, 10, 64); err != nil || id <= 0 {
		return
	}

	c.place.Store(&p)
}

// used is the place in use and its numeric id, nil and 0 before Use.
func (c *Connector) used() (*connector.Place, int64) {
	place := c.place.Load()
	if place == nil {
		return nil, 0
	}

	id, err := strconv.ParseInt(place.ID, 10, 64)
	if err != nil {
		return nil, 0
	}

	return place, id
}

// fullName is owner/repo as calls go to it.
func (c *Connector) fullName() string {
	owner, repo := c.names()

	return owner + "/" + repo
}

// names are the owner and the repository that calls go to.
func (c *Connector) names() (owner, repo string) {
	if place, _ := c.used(); place != nil {
		if owner, repo, ok := splitName(place.Name); ok {
			return owner, repo
		}
	}

	return c.cfg.Owner, c.cfg.Repo
}

// locate reads the repository by the spelling in the configuration. It reports
// whether there was a token to do it with. An app's token for the place in use
// may not reach the repository that is spelled now, then a token for that one is
// asked for.
func (c *Connector) locate(ctx context.Context) (answer outbound.Response, granted bool, err error) {
	spelled := scope{name: c.cfg.Repo}
	_, id := c.used()
	if c.cfg.App == nil || id == 0 {
		return c.readSpelled(ctx, spelled)
	}

	answer, granted, err = c.readSpelled(ctx, scope{id: id, name: c.cfg.Repo})
	var e *failure.Error
	notInstalled := errors.As(err, &e) && e.Code == "target_not_found"
	if notInstalled || err == nil && answer.Status == http.StatusNotFound {
		return c.readSpelled(ctx, spelled)
	}

	return answer, granted, err
}

// readSpelled reads the repository by its configured spelling with a token of a
// scope, and follows one redirect.
func (c *Connector) readSpelled(ctx context.Context, s scope) (answer outbound.Response, granted bool, err error) {
	token, err := c.bearerFor(ctx, s)
	if err != nil {
		return outbound.Response{}, false, err
	}

	r := outbound.Request{URL: c.address(c.cfg.Owner, c.cfg.Repo), Header: headerFor(token)}
	answer, err = c.client.Read(ctx, r, c.cfg.BaseURL)

	return answer, true, err
}

// address is where a repository is in the API.
func (c *Connector) address(owner, repo string) string {
	return c.cfg.BaseURL + "/repos/" + url.PathEscape(owner) + "/" + url.PathEscape(repo)
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

func isName(text string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

	return text != "" && text != "." && text != ".." && strings.Trim(text, letters) == ""
}
