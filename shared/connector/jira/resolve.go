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
func (pl *place) resolve(ctx context.Context) (connector.Place, error) {
	answer, err := pl.client.get(ctx, pl.client.api("/project/"+url.PathEscape(pl.client.cfg.ProjectKey)), 0)
	if err != nil {
		return connector.Place{}, connector.OfPlace(err)
	}
	if answer.Status != http.StatusOK {
		return connector.Place{}, connector.OfPlace(pl.unresolved(answer))
	}

	found, ok := parseProject(answer.Body)
	if !ok {
		return connector.Place{}, pl.answers.unreadable("Jira's answer is not a project", answer)
	}

	instance, err := pl.instance(ctx)
	if err != nil {
		return connector.Place{}, connector.OfPlace(err)
	}

	p := connector.Place{Instance: instance, ID: found.ID, Name: found.Key}
	if home := pl.home(ctx); home != "" {
		p.URL, _ = markup.WebURL(home + "/browse/" + found.Key)
	}

	pl.use(p)

	return p, nil
}

// Use makes later calls go to a project by its id. Its key is used only to read
// issues one by one by their keys: Jira answers under an old key too.
func (pl *place) use(p connector.Place) {
	if !digits(p.ID) || !projectKeyForm.MatchString(p.Name) {
		return
	}
	pl.used.Store(&spot{id: p.ID, key: p.Name})
}

// unresolved says why there is no place. Before a place is in use, a 404 of any
// form says that the configuration is wrong: base_url may lead to another web
// server. Later such an answer is one of a gateway, and an outage.
func (pl *place) unresolved(answer outbound.Response) *failure.Error {
	said := pl.answers.said(answer)
	if answer.Status == http.StatusNotFound && pl.used.Load() == nil && foreign(answer, said) && !nobody(answer.Header) {
		return pl.answers.fail(failure.Final, failure.IntegrationScope, "target_not_found", said.Reason(noProject), answer)
	}

	return unseen(pl.answers.refused(http.MethodGet, answer))
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
func (pl *place) instance(ctx context.Context) (string, error) {
	if pl.client.cfg.Flavor != form.Cloud {
		return pl.serverName(ctx)
	}

	if id, ok := strings.CutPrefix(pl.client.cfg.BaseURL, gateway+"ex/jira/"); ok {
		return strings.ToLower(id), nil
	}

	return pl.cloudID(ctx)
}

// cloudID asks the site for its id, which takes no credentials
// (https://support.atlassian.com/jira/kb/retrieve-my-atlassian-sites-cloud-id).
// Without an answer there is no identity: to take the host name instead would
// make one place two.
func (pl *place) cloudID(ctx context.Context) (string, error) {
	answer, err := pl.client.http.Do(ctx, outbound.Request{
		Method: http.MethodGet, URL: pl.client.cfg.BaseURL + "/_edge/tenant_info", Header: http.Header{"Accept": {"application/json"}},
	})
	if err != nil {
		return "", err
	}
	if answer.Status != http.StatusOK {
		return "", pl.unresolved(answer)
	}

	id, ok := parseTenant(answer.Body)
	if !ok {
		return "", pl.answers.unreadable("the site does not say which cloud id it has", answer)
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
func (pl *place) serverName(ctx context.Context) (string, error) {
	configured := connector.InstanceOf(pl.client.cfg.BaseURL)

	answer, err := pl.client.get(ctx, pl.client.api("/serverInfo"), 0)
	if err != nil {
		return "", err
	}

	if answer.Status != http.StatusOK {
		refusal := pl.answers.refused(http.MethodGet, answer)
		// A proxy may keep this one address closed: the project was just answered.
		closed := (answer.Status == http.StatusForbidden || answer.Status == http.StatusNotFound) && !pl.answers.said(answer).Markup && !nobody(answer.Header)
		if closed || refusal.Class == failure.Final && refusal.Status != http.StatusUnauthorized {
			return configured, nil
		}

		return "", refusal
	}

	told, ok := parseServer(answer.Body)
	if !ok {
		return "", pl.answers.unreadable("Jira's answer does not describe a server", answer)
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
