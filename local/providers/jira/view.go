package jira

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// views render what the API shows.
type views struct{ *state }

// root is the address of the API as the caller sees it.
func (v views) root(made *call) string {
	if made.gateway {
		return "https://api.atlassian.com/ex/jira/" + v.config.CloudID + v.version()
	}
	return v.config.BaseURL + v.version()
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
func (v views) view(made *call, i *issue, all bool) map[string]any {
	query := made.URL.Query()
	wanted := known
	if asked := query.Get("fields"); asked != "" && !all {
		wanted = strings.Split(asked, ",")
	}

	view := v.bare(made, i)
	view["fields"] = v.fieldsOf(made, i, wanted)
	if asked := query.Get("properties"); asked != "" && v.cloud() {
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

func (v views) bare(made *call, i *issue) map[string]any {
	return map[string]any{"id": i.ID, "key": i.key(), "self": v.root(made) + "/issue/" + i.ID, "expand": "renderedFields,names,schema,operations"}
}

func (v views) fieldsOf(made *call, i *issue, wanted []string) map[string]any {
	var description any
	if len(i.Description) > 0 {
		description = i.Description
	}

	zone := made.account.zone()
	all := map[string]any{
		"summary": i.Summary, "description": description, "status": v.statusView(made, findStatus(i.Status)),
		"labels": append([]string{}, i.Labels...), "created": stamp(i.Created, zone), "updated": stamp(i.Updated, zone),
		"issuetype": map[string]any{"id": v.typeOf(i), "name": i.Type}, "project": v.projectRef(i.Project), "creator": map[string]any{"displayName": i.Creator},
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
func (v views) projectRef(key string) map[string]any {
	ref := map[string]any{"key": key}
	if p := v.find(key); p != nil {
		ref["id"] = p.id
		ref["key"] = p.Key
		ref["name"] = p.Name
	}

	return ref
}

var categoryIDs = map[string]int{"new": 2, "indeterminate": 4, "done": 3}

func (v views) statusView(made *call, to status) map[string]any {
	id := categoryIDs[to.category]
	return map[string]any{
		"self": v.root(made) + "/status/" + to.id, "description": "", "name": to.name, "id": to.id,
		"statusCategory": map[string]any{
			"self": v.root(made) + "/statuscategory/" + strconv.Itoa(id), "id": id, "key": to.category, "colorName": "green", "name": to.name,
		},
	}
}

// typeID is a type's id in a project.
func typeID(p *project, name string) string {
	return strconv.Itoa(10_100 + slices.Index(p.Types, name))
}

// typeOf is the id of an issue's type.
func (v views) typeOf(i *issue) string {
	p := v.find(i.Project)
	if p == nil {
		return ""
	}

	return typeID(p, i.Type)
}
