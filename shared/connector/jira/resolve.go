package jira

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/outbound"
)

// A spot is the project that calls go to.
type spot struct {
	id  string // "" before the project was resolved
	key string
}

// project is where calls go: the project that was resolved, else the configured
// one.
func (c *Connector) project() spot {
	if used := c.used.Load(); used != nil {
		return *used
	}
	return spot{key: c.client.cfg.ProjectKey}
}

// ref names the project in the body of a create.
func (s spot) ref() *named {
	if s.id != "" {
		return &named{ID: s.id}
	}
	return &named{Key: s.key}
}

// name is what stands for the project in the paths of the API, which take an id
// or a key.
func (s spot) name() string {
	if s.id != "" {
		return s.id
	}
	return s.key
}

// jql is the condition that an issue is in the project. A number without quotes
// is an id (https://support.atlassian.com/jira-software-cloud/docs/jql-fields/#Project).
func (s spot) jql() string {
	if s.id != "" {
		return "project = " + s.id
	}
	return "project = " + quote(s.key)
}

// rights names the project in the query for one's own permissions.
func (s spot) rights() (name, value string) {
	if s.id != "" {
		return "projectId", s.id
	}
	return "projectKey", s.key
}

// The forms of a project's key and of a site's cloud id.
var (
	projectKeyForm = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,254}$`)
	cloudIDForm    = regexp.MustCompile(`^[a-z0-9-]{8,64}$`)
)

// A projectAnswer is what we read of a project.
type projectAnswer struct {
	ID  string `json:"id"`
	Key string `json:"key"`
}

// parseProject reads the answer to a question for a project.
func parseProject(body []byte) (projectAnswer, bool) {
	var p projectAnswer
	err := json.Unmarshal(body, &p)

	return p, err == nil && digits(p.ID) && projectKeyForm.MatchString(p.Key)
}

// Resolve reads the project under the configured key. Jira goes on answering
// under the keys that a project had before, and gives the one it has now
// (https://support.atlassian.com/jira-cloud-administration/docs/edit-a-projects-details/).
// Its id never changes; a project deleted and made again has another one.
func (c *Connector) Resolve(ctx context.Context) (connector.Place, error) {
	answer, err := c.client.get(ctx, c.client.api("/project/"+url.PathEscape(c.client.cfg.ProjectKey)), 0)
	if err != nil {
		return connector.Place{}, connector.OfPlace(err)
	}
	if answer.Status != http.StatusOK {
		return connector.Place{}, connector.OfPlace(c.unresolved(answer))
	}

	found, ok := parseProject(answer.Body)
	if !ok {
		return connector.Place{}, c.answers.unreadable("Jira's answer is not a project", answer)
	}

	instance, err := c.instance(ctx)
	if err != nil {
		return connector.Place{}, connector.OfPlace(err)
	}

	p := connector.Place{Instance: instance, ID: found.ID, Name: found.Key}
	if home := c.pages(ctx); home != "" {
		p.URL, _ = markup.WebURL(home + "/browse/" + found.Key)
	}

	c.Use(p)

	return p, nil
}

// Use makes later calls go to a project by its id. Its key is used only to read
// issues one by one by their keys: Jira answers under an old key too.
func (c *Connector) Use(p connector.Place) {
	if !digits(p.ID) || !projectKeyForm.MatchString(p.Name) {
		return
	}
	c.used.Store(&spot{id: p.ID, key: p.Name})
}

// unresolved says why there is no place. Before a place is in use, a 404 of any
// form says that the configuration is wrong: base_url may lead to another web
// server. Later such an answer is one of a gateway, and an outage.
func (c *Connector) unresolved(answer outbound.Response) *failure.Error {
	said := c.answers.said(answer)
	if answer.Status == http.StatusNotFound && c.used.Load() == nil && foreign(answer, said) && !nobody(answer.Header) {
		return c.answers.fail(failure.Final, failure.IntegrationScope, "target_not_found", said.Reason(noProject), answer)
	}

	return unseen(c.answers.refused(http.MethodGet, answer))
}

// unseen says of a project that the token may not see that it is not found.
func unseen(err *failure.Error) *failure.Error {
	if err.Code == "forbidden" {
		err.Code = "target_not_found"
	}
	return err
}

// instance names the server. A site of Jira Cloud has an id that stays when its
// name changes, and that is part of the gateway's address.
func (c *Connector) instance(ctx context.Context) (string, error) {
	if c.client.cfg.Flavor != form.Cloud {
		return c.serverName(ctx)
	}

	if id, ok := strings.CutPrefix(c.client.cfg.BaseURL, gateway+"ex/jira/"); ok {
		return strings.ToLower(id), nil
	}

	return c.cloudID(ctx)
}

// cloudID asks the site for its id, which takes no credentials
// (https://support.atlassian.com/jira/kb/retrieve-my-atlassian-sites-cloud-id).
// Without an answer there is no identity: to take the host name instead would
// make one place two.
func (c *Connector) cloudID(ctx context.Context) (string, error) {
	answer, err := c.client.http.Do(ctx, outbound.Request{
		Method: http.MethodGet, URL: c.client.cfg.BaseURL + "/_edge/tenant_info", Header: http.Header{"Accept": {"application/json"}},
	})
	if err != nil {
		return "", err
	}
	if answer.Status != http.StatusOK {
		return "", c.unresolved(answer)
	}

	id, ok := parseTenant(answer.Body)
	if !ok {
		return "", c.answers.unreadable("the site does not say which cloud id it has", answer)
	}

	return id, nil
}

// parseTenant reads the answer of tenant_info.
func parseTenant(body []byte) (string, bool) {
	var told struct {
		CloudID string `json:"cloudId"`
	}
	err := json.Unmarshal(body, &told)
	id := strings.ToLower(told.CloudID)

	return id, err == nil && cloudIDForm.MatchString(id)
}

// serverName is the address a Data Center gives itself, so that a proxy's name
// and the public one are the same server. Where it does not say, or refuses to,
// it is the configured address.
func (c *Connector) serverName(ctx context.Context) (string, error) {
	configured := connector.InstanceOf(c.client.cfg.BaseURL)

	answer, err := c.client.get(ctx, c.client.api("/serverInfo"), 0)
	if err != nil {
		return "", err
	}

	if answer.Status != http.StatusOK {
		refusal := c.answers.refused(http.MethodGet, answer)
		// A proxy may keep this one address closed: the project was just answered.
		closed := (answer.Status == http.StatusForbidden || answer.Status == http.StatusNotFound) && !c.answers.said(answer).Markup && !nobody(answer.Header)
		if closed || refusal.Class == failure.Final && refusal.Status != http.StatusUnauthorized {
			return configured, nil
		}

		return "", refusal
	}

	told, ok := parseServer(answer.Body)
	if !ok {
		return "", c.answers.unreadable("Jira's answer does not describe a server", answer)
	}
	if told == "" {
		return configured, nil
	}

	return told, nil
}

// parseServer reads the name of the server out of the answer of serverInfo, ""
// where it does not give one.
func parseServer(body []byte) (name string, ok bool) {
	var info map[string]json.RawMessage
	if err := json.Unmarshal(body, &info); err != nil || info == nil {
		return "", false
	}

	var address string
	if err := json.Unmarshal(info["baseUrl"], &address); err != nil {
		return "", true
	}

	return connector.InstanceOf(address), true
}
