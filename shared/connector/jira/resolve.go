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

// resolve reads the project with the configured key. Jira still answers under
// keys that a project had before, and gives its present key
// (https://support.atlassian.com/jira-cloud-administration/docs/edit-a-projects-details/).
// The id of a project never changes. A project that was deleted and created
// again has another id.
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
		return connector.Place{}, pl.classifier.unreadable("Jira's answer is not a project", answer)
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

// use makes later calls go to a project by its id. Its key is used only to read
// issues one by one by their keys: Jira answers under an old key too.
func (pl *place) use(p connector.Place) {
	if !digits(p.ID) || !projectKeyForm.MatchString(p.Name) {
		return
	}

	pl.used.Store(&projectRef{id: p.ID, key: p.Name})
}

// unresolved is the error for a project that could not be read. Before a project
// was resolved, each 404 says that the configuration is wrong: base_url may lead
// to another web server. Later a 404 that is not Jira's comes from a gateway, and
// is an outage.
func (pl *place) unresolved(answer outbound.Response) *failure.Error {
	said := pl.classifier.said(answer)
	if answer.Status == http.StatusNotFound && pl.used.Load() == nil && foreign(answer, said) && !anonymous(answer.Header) {
		return pl.classifier.fail(failure.Final, failure.IntegrationScope, "target_not_found", said.Reason(noProject), answer)
	}

	e := pl.classifier.refused(http.MethodGet, answer)
	if e.Code == "forbidden" { // a project that the token may not see
		e.Code = "target_not_found"
	}

	return e
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

// cloudID asks the site for its id, without credentials
// (https://support.atlassian.com/jira/kb/retrieve-my-atlassian-sites-cloud-id).
// Without an answer there is no identity: with the host name in its place, one
// project would count as two.
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
		return "", pl.classifier.unreadable("the site does not say which cloud id it has", answer)
	}

	return id, nil
}

// serverName is the address that a Data Center has in its own settings, so that
// two addresses of one server give one name. Where the server does not say it,
// or refuses to, it is the configured address.
func (pl *place) serverName(ctx context.Context) (string, error) {
	configured := connector.InstanceOf(pl.client.cfg.BaseURL)

	answer, err := pl.client.get(ctx, pl.client.api("/serverInfo"), 0)
	if err != nil {
		return "", err
	}

	if answer.Status != http.StatusOK {
		refusal := pl.classifier.refused(http.MethodGet, answer)
		if pl.keepsItsName(answer, refusal) {
			return configured, nil
		}

		return "", refusal
	}

	name, ok := parseServer(answer.Body)
	if !ok {
		return "", pl.classifier.unreadable("Jira's answer does not describe a server", answer)
	}
	if name == "" {
		return configured, nil
	}

	return name, nil
}

// keepsItsName reports whether a refusal concerns serverInfo alone. A proxy may
// block this one address, though the project was just read.
func (pl *place) keepsItsName(answer outbound.Response, refusal *failure.Error) bool {
	blocked := answer.Status == http.StatusForbidden || answer.Status == http.StatusNotFound
	if blocked && !pl.classifier.said(answer).Markup && !anonymous(answer.Header) {
		return true
	}

	return refusal.Class == failure.Final && refusal.Status != http.StatusUnauthorized
}

// The forms of a project's key and of a site's cloud id.
var (
	projectKeyForm = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,254}$`)
	cloudIDForm    = regexp.MustCompile(`^[a-z0-9-]{8,64}$`)
)

// A projectAnswer is what is read of a project.
type projectAnswer struct {
	ID  string `json:"id"`
	Key string `json:"key"`
}

// parseProject reads an answer with a project.
func parseProject(body []byte) (projectAnswer, bool) {
	var p projectAnswer
	err := json.Unmarshal(body, &p)

	return p, err == nil && digits(p.ID) && projectKeyForm.MatchString(p.Key)
}

// parseTenant reads the cloud id in the answer of tenant_info.
func parseTenant(body []byte) (string, bool) {
	var tenant struct {
		CloudID string `json:"cloudId"`
	}
	err := json.Unmarshal(body, &tenant)
	id := strings.ToLower(tenant.CloudID)

	return id, err == nil && cloudIDForm.MatchString(id)
}

// parseServer reads the name of the server in the answer of serverInfo, "" where
// it has none.
func parseServer(body []byte) (name string, ok bool) {
	var info map[string]json.RawMessage
	err := json.Unmarshal(body, &info)
	if err != nil || info == nil {
		return "", false
	}

	var address string
	if err := json.Unmarshal(info["baseUrl"], &address); err != nil {
		return "", true
	}

	return connector.InstanceOf(address), true
}
