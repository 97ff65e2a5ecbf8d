package gitlab

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/outbound"
)

var _ connector.Resolver = (*Connector)(nil)

// movedWords are GitLab's answer, with 405, to every method but GET at the old
// path of a project: find_project! in lib/api/helpers.rb of gitlabhq.
const movedWords = "not allowed for moved projects"

// Resolve reads the project that the configuration names by path or number, and
// follows one redirect, so that the old path of a renamed project leads to it
// (https://docs.gitlab.com/api/projects/#retrieve-a-project). Later calls go to
// the project's number. A redirect that stays below the API's root is followed
// on the configured host only.
func (c *Connector) Resolve(ctx context.Context) (connector.Place, error) {
	answer, err := c.locate(ctx)
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
		return connector.Place{}, c.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "GitLab's answer is not a project", answer)
	}

	c.Use(place)

	return place, nil
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

// Use makes later calls go to a project by its number. A place that is not a
// project of GitLab's is ignored.
func (c *Connector) Use(p connector.Place) {
	if id, err := strconv.ParseInt(p.ID, 10, 64); err != nil || id <= 0 {
		return
	}

	c.place.Store(&p)
}

// locate reads the project by the spelling in the configuration, and follows one
// redirect.
func (c *Connector) locate(ctx context.Context) (outbound.Response, error) {
	r := outbound.Request{URL: c.address(c.cfg.Project), Header: c.header()}

	return c.client.Read(ctx, r, c.cfg.BaseURL)
}

// address is where a project is in the API, by its path or its number. The
// slashes in a path are escaped, and stay so on the wire.
func (c *Connector) address(project string) string {
	return c.cfg.BaseURL + "/projects/" + url.PathEscape(project)
}

// parsePlace reads which place a project is. What identifies it must be there; a
// link that cannot be shown is left out.
func parsePlace(baseURL string, body []byte) (connector.Place, bool) {
	var p struct {
		ID      int64  `json:"id"`
		Path    string `json:"path_with_namespace"`
		WebURL  any    `json:"web_url"`
		Created any    `json:"created_at"`
	}
	if err := json.Unmarshal(body, &p); err != nil || p.ID <= 0 || p.Path == "" {
		return connector.Place{}, false
	}

	link, _ := p.WebURL.(string)
	page, _ := markup.WebURL(link)
	created, _ := p.Created.(string)

	return connector.Place{
		Instance: instance(baseURL, page), ID: strconv.FormatInt(p.ID, 10), Created: connector.Instant(created),
		Name: markup.Cut(markup.OneLine(p.Path), longestPath, ""), URL: page,
	}, true
}

// longestPath bounds a project's full path: GitLab allows 255 characters a part
// and twenty levels of groups. It is only shown.
const longestPath = 1024

// instance names the server: gitlab.com, or the host of the pages that a server
// links to. It is used for nothing but the identity.
func instance(baseURL, page string) string {
	if baseURL == DefaultBaseURL {
		return "gitlab.com"
	}

	return connector.HostOf(page, baseURL)
}
