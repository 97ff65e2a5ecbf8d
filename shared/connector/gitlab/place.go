package gitlab

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/outbound"
)

var _ connector.Resolver = (*Connector)(nil)

// movedWords are GitLab's answer, with 405, to every method but GET at the old
// path of a project: find_project! in lib/api/helpers.rb of gitlabhq.
const movedWords = "not allowed for moved projects"

// A place is the project that calls go to: the one that the configuration spells,
// until a resolved one is used.
type place struct {
	baseURL string // of the API, without a trailing slash
	project string // as the configuration spells it
	used    atomic.Pointer[connector.Place]
}

// use makes later calls go to a project by its number. A place that is not a
// project of GitLab's is ignored.
func (p *place) use(resolved connector.Place) {
	if id, err := strconv.ParseInt(resolved.ID, 10, 64); err != nil || id <= 0 {
		return
	}

	p.used.Store(&resolved)
}

// address is the address that calls go to: the number of the place in use, else
// what the configuration spells.
func (p *place) address() string {
	if place := p.used.Load(); place != nil {
		return p.addressOf(place.ID)
	}

	return p.addressOf(p.project)
}

// addressOf is where a project is in the API, by its path or its number. The
// slashes in a path are escaped, and stay so on the wire.
func (p *place) addressOf(project string) string {
	return p.baseURL + "/projects/" + url.PathEscape(project)
}

// issueAt is the address of the linked issue. The link holds a number.
func (p *place) issueAt(linked domain.Remote) string {
	return p.address() + "/issues/" + url.PathEscape(linked.Key)
}

// resolve reads the project that the configuration names by path or number, and
// follows one redirect, so that the old path of a renamed project leads to it
// (https://docs.gitlab.com/api/projects/#retrieve-a-project). Later calls go to
// the project's number. A redirect that stays below the API's root is followed
// on the configured host only.
func (c *client) resolve(ctx context.Context) (connector.Place, error) {
	answer, err := c.locate(ctx)
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
		return connector.Place{}, c.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "GitLab's answer is not a project", answer)
	}

	c.place.use(place)

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

// locate reads the project by the spelling in the configuration, and follows one
// redirect.
func (c *client) locate(ctx context.Context) (outbound.Response, error) {
	r := outbound.Request{URL: c.place.addressOf(c.place.project), Header: c.header()}

	return c.http.Read(ctx, r, c.place.baseURL)
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
