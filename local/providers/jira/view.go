package jira

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// root is where the caller found the API.
func (s *Server) root(made *call) string {
	if made.gateway {
		return "https://api.atlassian.com/ex/jira/" + s.config.CloudID + s.version()
	}
	return s.config.BaseURL + s.version()
}

func (a Account) zone() *time.Location {
	if zone, err := time.LoadLocation(a.Zone); err == nil {
		return zone
	}
	return time.UTC
}

// known are the fields an issue has here.
var known = []string{"summary", "description", "status", "labels", "created", "updated", "issuetype", "project", "creator"}

// view is an issue as it is asked for: the fields named, or, of a single issue,
// all.
func (s *Server) view(made *call, i *issue, all bool) map[string]any {
	query := made.URL.Query()
	wanted := known
	if asked := query.Get("fields"); asked != "" && !all {
		wanted = strings.Split(asked, ",")
	}

	view := s.bare(made, i)
	view["fields"] = s.fieldsOf(made, i, wanted)
	if asked := query.Get("properties"); asked != "" && s.config.Flavor == Cloud {
		properties := map[string]json.RawMessage{}
		for name := range strings.SplitSeq(asked, ",") {
			if value, ok := i.Properties[name]; ok {
				properties[name] = value
			}
		}

		view["properties"] = properties
	}

	return view
}

func (s *Server) bare(made *call, i *issue) map[string]any {
	return map[string]any{"id": i.ID, "key": i.key(), "self": s.root(made) + "/issue/" + i.ID, "expand": "renderedFields,names,schema,operations"}
}

func (s *Server) fieldsOf(made *call, i *issue, wanted []string) map[string]any {
	var description any
	if len(i.Description) > 0 {
		description = i.Description
	}

	zone := made.account.zone()
	all := map[string]any{
		"summary": i.Summary, "description": description, "status": s.statusView(made, findStatus(i.Status)),
		"labels": append([]string{}, i.Labels...), "created": stamp(i.Created, zone), "updated": stamp(i.Updated, zone),
		"issuetype": map[string]any{"id": s.typeOf(i), "name": i.Type}, "project": s.projectRef(i.Project), "creator": map[string]any{"displayName": i.Creator},
	}

	fields := map[string]any{}
	for _, name := range wanted {
		if value, ok := all[strings.TrimSpace(name)]; ok {
			fields[strings.TrimSpace(name)] = value
		}
	}

	return fields
}

// projectRef is a project as an issue names it.
func (s *Server) projectRef(key string) map[string]any {
	ref := map[string]any{"key": key}
	if p := s.find(key); p != nil {
		ref["id"] = p.id
		ref["key"] = p.Key
		ref["name"] = p.Name
	}

	return ref
}

var categoryIDs = map[string]int{"new": 2, "indeterminate": 4, "done": 3}

func (s *Server) statusView(made *call, to status) map[string]any {
	id := categoryIDs[to.category]
	return map[string]any{
		"self": s.root(made) + "/status/" + to.id, "description": "", "name": to.name, "id": to.id,
		"statusCategory": map[string]any{
			"self": s.root(made) + "/statuscategory/" + strconv.Itoa(id), "id": id, "key": to.category, "colorName": "green", "name": to.name,
		},
	}
}

func (s *Server) myself(made *call) (*answer, *issue) {
	zone := made.account.Zone
	if zone == "" {
		zone = "UTC"
	}

	me := map[string]any{
		"self": s.root(made) + "/myself", "displayName": made.account.Name, "active": true, "timeZone": zone, "locale": "de_DE",
	}
	if s.config.Flavor == Cloud {
		me["accountId"] = "5b10ac8d82e05b22cc7d4ef5"
		me["accountType"] = "atlassian"
		me["emailAddress"] = made.account.Email
	} else {
		me["name"] = made.account.Name
		me["key"] = "JIRAUSER10100"
	}

	return &answer{status: http.StatusOK, value: me}, nil
}

func (s *Server) serverInfo(made *call) (*answer, *issue) {
	info := map[string]any{
		"baseUrl": cmp.Or(s.config.PublicURL, s.config.BaseURL), "version": "9.12.0", "versionNumbers": []int{9, 12, 0}, "deploymentType": "Server",
		"buildNumber": 912000, "serverTitle": "Jira fake server", "serverTime": stamp(s.now(), made.account.zone()),
	}
	if s.config.Flavor == Cloud {
		info["version"] = "1001.0.0-SNAPSHOT"
		info["versionNumbers"] = []int{1001, 0, 0}
		info["deploymentType"] = "Cloud"
		info["serverTime"] = s.now().Format(time.RFC3339)
	}

	return &answer{status: http.StatusOK, value: info}, nil
}

func (s *Server) mypermissions(made *call) (*answer, *issue) {
	asked := cmp.Or(made.URL.Query().Get("projectId"), made.URL.Query().Get("projectKey")) // the key is read over beside an id
	p := s.find(asked)
	if p == nil {
		return refuse(http.StatusNotFound, "No project could be found with key '"+asked+"'."), nil
	}

	if see, _ := p.may(made.account.Name); !see {
		return refuse(http.StatusNotFound, "No project could be found with key '"+p.Key+"'."), nil
	}

	names := made.URL.Query().Get("permissions")
	if names == "" && s.config.Flavor == Cloud {
		return refuse(http.StatusBadRequest, "The 'permissions' query parameter is required."), nil
	}

	permissions := map[string]any{}
	for _, name := range []string{"BROWSE_PROJECTS", "CREATE_ISSUES", "EDIT_ISSUES", "TRANSITION_ISSUES", "ADMINISTER_PROJECTS"} {
		have := p.has(made.account, name)
		if s.config.Flavor != Cloud || slices.Contains(strings.Split(names, ","), name) {
			permissions[name] = map[string]any{"id": "1", "key": name, "name": name, "type": "PROJECT", "description": "", "havePermission": have}
		}
	}

	return &answer{status: http.StatusOK, value: map[string]any{"permissions": permissions}}, nil
}

func (s *Server) visible(made *call, key string) (*project, *answer) {
	p := s.find(key)
	if p != nil {
		if see, _ := p.may(made.account.Name); see {
			return p, nil
		}
	}

	return nil, refuse(http.StatusNotFound, "No project could be found with key '"+key+"'.")
}

func (s *Server) projectView(made *call) (*answer, *issue) {
	p, refused := s.visible(made, made.route.last)
	if refused != nil {
		return refused, nil
	}

	return &answer{status: http.StatusOK, value: map[string]any{
		"self": s.root(made) + "/project/" + p.id, "id": p.id, "key": p.Key, "name": p.Name, "projectTypeKey": "software",
	}}, nil
}

// typeID is a type's id in a project.
func typeID(p *project, name string) string {
	return strconv.Itoa(10_100 + slices.Index(p.Types, name))
}

func (s *Server) createmeta(method string, parts []string) route {
	switch {
	case method != http.MethodGet || len(parts) < 2 || parts[1] != "issuetypes":
		return route{}
	case len(parts) == 2:
		return route{handle: s.createTypes, name: "createmeta", last: parts[0]}
	case len(parts) == 3:
		return route{handle: s.createFields, name: "createmeta", last: parts[0], issue: parts[2]}
	}

	return route{}
}

// createTypes are the types an account may create: none where it may create
// nothing.
func (s *Server) createTypes(made *call) (*answer, *issue) {
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

	return s.listed(made, "issueTypes", types), nil
}

// listed is a page: Data Center calls every list values.
func (s *Server) listed(_ *call, name string, list []map[string]any) *answer {
	page := map[string]any{"startAt": 0, "maxResults": 200, "total": len(list)}
	if s.config.Flavor != Cloud {
		name = "values"
	}

	page[name] = list
	return &answer{status: http.StatusOK, value: page}
}

func (s *Server) createFields(made *call) (*answer, *issue) {
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

	return s.listed(made, "fields", fields), nil
}
