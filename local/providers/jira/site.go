package jira

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/integrations/local/providers"
)

// site has the resources of the account, the server and its projects.
type site struct {
	*state

	views views
}

// tenantInfo answers with the cloud id of the site. It needs no token
// (https://support.atlassian.com/jira/kb/retrieve-my-atlassian-sites-cloud-id).
func (s *site) tenantInfo(w http.ResponseWriter) {
	providers.SendJSON(w, map[string]string{"cloudId": s.config.CloudID})
}

func (s *site) myself(made *call) (*answer, *issue) {
	zone := made.account.Zone
	if zone == "" {
		zone = "UTC"
	}

	me := map[string]any{
		"self": s.views.root(made) + "/myself", "displayName": made.account.Name, "active": true, "timeZone": zone, "locale": "de_DE",
	}
	if s.cloud() {
		me["accountId"] = "5b10ac8d82e05b22cc7d4ef5"
		me["accountType"] = "atlassian"
		me["emailAddress"] = made.account.Email
	} else {
		me["name"] = made.account.Name
		me["key"] = "JIRAUSER10100"
	}

	return &answer{status: http.StatusOK, value: me}, nil
}

func (s *site) serverInfo(made *call) (*answer, *issue) {
	info := map[string]any{
		"baseUrl": cmp.Or(s.config.PublicURL, s.config.BaseURL), "version": "9.12.0", "versionNumbers": []int{9, 12, 0}, "deploymentType": "Server",
		"buildNumber": 912000, "serverTitle": "Jira fake server", "serverTime": stamp(s.now(), made.account.zone()),
	}
	if s.cloud() {
		info["version"] = "1001.0.0-SNAPSHOT"
		info["versionNumbers"] = []int{1001, 0, 0}
		info["deploymentType"] = "Cloud"
		info["serverTime"] = s.now().Format(time.RFC3339)
	}

	return &answer{status: http.StatusOK, value: info}, nil
}

func (s *site) mypermissions(made *call) (*answer, *issue) {
	asked := cmp.Or(made.URL.Query().Get("projectId"), made.URL.Query().Get("projectKey")) // the key is read over beside an id
	p := s.find(asked)
	if p == nil {
		return refuse(http.StatusNotFound, "No project could be found with key '"+asked+"'."), nil
	}

	if see, _ := p.may(made.account.Name); !see {
		return refuse(http.StatusNotFound, "No project could be found with key '"+p.Key+"'."), nil
	}

	names := made.URL.Query().Get("permissions")
	if names == "" && s.cloud() {
		return refuse(http.StatusBadRequest, "The 'permissions' query parameter is required."), nil
	}

	permissions := map[string]any{}
	for _, name := range []string{"BROWSE_PROJECTS", "CREATE_ISSUES", "EDIT_ISSUES", "TRANSITION_ISSUES", "ADMINISTER_PROJECTS"} {
		have := p.has(made.account, name)
		if !s.cloud() || slices.Contains(strings.Split(names, ","), name) {
			permissions[name] = map[string]any{"id": "1", "key": name, "name": name, "type": "PROJECT", "description": "", "havePermission": have}
		}
	}

	return &answer{status: http.StatusOK, value: map[string]any{"permissions": permissions}}, nil
}

func (s *site) projectView(made *call) (*answer, *issue) {
	p, refused := s.visible(made, made.route.last)
	if refused != nil {
		return refused, nil
	}

	return &answer{status: http.StatusOK, value: map[string]any{
		"self": s.views.root(made) + "/project/" + p.id, "id": p.id, "key": p.Key, "name": p.Name, "projectTypeKey": "software",
	}}, nil
}

// createTypes lists the types that an account may create.
func (s *site) createTypes(made *call) (*answer, *issue) {
	p, refused := s.visible(made, made.route.last)
	if refused != nil {
		return refuse(http.StatusBadRequest, "The project does not exist."), nil
	}
	if p.NoMeta != 0 {
		return closedOff(p.NoMeta), nil
	}

	types := []map[string]any{}
	if p.has(made.account, createIssues) {
		for _, name := range p.Types {
			types = append(types, map[string]any{"id": typeID(p, name), "name": name, "subtask": false, "description": ""})
		}
	}

	return s.listed("issueTypes", types), nil
}

// listed is a page: Data Center calls every list values.
func (s *site) listed(name string, list []map[string]any) *answer {
	page := map[string]any{"startAt": 0, "maxResults": 200, "total": len(list)}
	if !s.cloud() {
		name = "values"
	}

	page[name] = list
	return &answer{status: http.StatusOK, value: page}
}

func (s *site) createFields(made *call) (*answer, *issue) {
	p, refused := s.visible(made, made.route.last)
	if refused != nil {
		return refuse(http.StatusBadRequest, "The project does not exist."), nil
	}
	if p.NoMeta != 0 {
		return closedOff(p.NoMeta), nil
	}

	fields := []map[string]any{}
	add := func(id, name, kind string, required bool) {
		fields = append(fields, map[string]any{
			"fieldId": id, "key": id, "name": name, "required": required, "hasDefaultValue": false, "operations": []string{"set"},
			"schema": map[string]string{"type": kind},
		})
	}

	add("summary", "Zusammenfassung", "string", true)
	add("issuetype", "Vorgangstyp", "issuetype", true)
	add("project", "Projekt", "project", true)
	if !slices.Contains(p.NotOnCreate, "description") {
		add("description", "Beschreibung", "string", false)
	}

	if !p.NoLabels && !slices.Contains(p.NotOnCreate, "labels") {
		add("labels", "Stichwörter", "array", false)
	}

	for id, name := range p.Required {
		add(id, name, "string", true)
	}

	slices.SortFunc(fields, func(a, b map[string]any) int { return strings.Compare(a["fieldId"].(string), b["fieldId"].(string)) })

	return s.listed("fields", fields), nil
}
