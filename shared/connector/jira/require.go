package jira

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"integrations/shared/connector"
	"integrations/shared/outbound"
)

// ours are the fields we fill in, and one that Jira fills in itself.
var ours = []string{"project", "issuetype", "summary", "description", "labels", "reporter"}

// createRefused is refused for a create. Where Jira names a field, every issue
// would be refused alike, and each would use up a key.
func (c *Connector) createRefused(ctx context.Context, answer outbound.Response) *connector.Error {
	said := parseProblem(answer.Body)
	if answer.Status != http.StatusBadRequest || len(said.Errors) == 0 {
		return c.refused(http.MethodPost, answer)
	}
	whole := func(code, detail string) *connector.Error {
		return c.fail(connector.Final, connector.IntegrationScope, code, detail, answer)
	}
	switch {
	case said.Errors["project"] != "":
		return whole("target_not_found", "the project does not exist, or the token may not create issues in it: "+said.Errors["project"])
	case said.Errors["issuetype"] != "":
		return whole("issue_type_unknown", "the project has no issue type "+c.cfg.IssueType+" that the token may create: "+said.Errors["issuetype"])
	case said.Errors["labels"] != "":
		return whole("labels_not_allowed", "labels cannot be set in the project, though issues are found again by one: put the field on the create screen: "+said.Errors["labels"])
	}
	foreign := slices.DeleteFunc(said.fields(), func(name string) bool { return slices.Contains(ours, name) })
	if len(foreign) == 0 {
		return c.refused(http.MethodPost, answer)
	}
	return whole("field_required", "the project wants to know what items do not tell: "+strings.Join(c.names(ctx, foreign), ", ")+
		". Make it optional or give it a default for the issue type "+c.cfg.IssueType+": "+said.String())
}

// A field is what Jira tells of one on the create screen.
type field struct {
	ID       string `json:"fieldId"`
	Name     string `json:"name"`
	Required bool   `json:"required"`
	Default  bool   `json:"hasDefaultValue"`
}

// names are the fields as people know them, and any other that is required.
// Where Jira does not tell, they are as the refusal names them.
func (c *Connector) names(ctx context.Context, refused []string) []string {
	type_, err := c.findType(ctx)
	if err != nil {
		return refused
	}
	all, err := c.fields(ctx, type_)
	if err != nil {
		return refused
	}
	var names []string
	for _, f := range all {
		if slices.Contains(refused, f.ID) || f.asks() {
			names = append(names, f.Name+" ("+f.ID+")")
			refused = slices.DeleteFunc(refused, func(id string) bool { return id == f.ID })
		}
	}
	return append(names, refused...)
}

// asks reports whether an issue cannot be made without it being filled in.
func (f field) asks() bool {
	return f.Required && !f.Default && !slices.Contains(ours, f.ID)
}

// An issueKind is a type of issue.
type issueKind struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Subtask bool   `json:"subtask"`
}

// createmeta is the path under which Jira tells what a new issue needs.
func (c *Connector) createmeta() string {
	return c.api("/issue/createmeta/" + url.PathEscape(c.cfg.ProjectKey) + "/issuetypes")
}

// metaPages bounds a list whose end never comes.
const metaPages = 50

// listOf reads a list of what a new issue needs, page by page. Cloud and Data
// Center call it by different names.
func listOf[T any](ctx context.Context, c *Connector, where string) ([]T, error) {
	var all []T
	for range metaPages {
		var page struct {
			Types  []T `json:"issueTypes"`
			Fields []T `json:"fields"`
			Values []T `json:"values"`
			Total  int `json:"total"`
		}
		query := url.Values{"maxResults": {"200"}}
		if len(all) > 0 {
			query.Set("startAt", strconv.Itoa(len(all)))
		}
		if err := c.getJSON(ctx, where+"?"+query.Encode(), &page); err != nil {
			return nil, err
		}
		got := slices.Concat(page.Types, page.Fields, page.Values)
		all = append(all, got...)
		if len(got) == 0 || len(all) >= page.Total {
			break
		}
	}
	return all, nil
}

// findType is the id of the type new issues get, "" where there is none.
func (c *Connector) findType(ctx context.Context) (string, error) {
	kinds, err := listOf[issueKind](ctx, c, c.createmeta())
	if err != nil {
		return "", err
	}
	want := issueType(c.cfg.IssueType)
	for _, k := range kinds {
		if want.ID != "" && k.ID == want.ID || want.Name != "" && strings.EqualFold(k.Name, want.Name) {
			return k.ID, nil
		}
	}
	return "", nil
}

// fields are those of the create screen of a type.
func (c *Connector) fields(ctx context.Context, id string) ([]field, error) {
	return listOf[field](ctx, c, c.createmeta()+"/"+url.PathEscape(id))
}

// The permissions the sync lives on.
const (
	browse  = "BROWSE_PROJECTS"
	create  = "CREATE_ISSUES"
	edit    = "EDIT_ISSUES"
	transit = "TRANSITION_ISSUES"
)

var needed = []string{browse, create, edit, transit}

// permissions are those of the token in the project.
func (c *Connector) permissions(ctx context.Context) (map[string]bool, outbound.Response, error) {
	query := url.Values{"projectKey": {c.cfg.ProjectKey}, "permissions": {strings.Join(needed, ",")}}
	answer, err := c.get(ctx, c.api("/mypermissions?"+query.Encode()), 0)
	if err != nil || answer.Status != http.StatusOK {
		return nil, answer, err
	}
	var told struct {
		Permissions map[string]struct {
			Have bool `json:"havePermission"`
		} `json:"permissions"`
	}
	if err := json.Unmarshal(answer.Body, &told); err != nil || told.Permissions == nil {
		return nil, answer, c.noIssue(answer)
	}
	may := map[string]bool{}
	for _, name := range needed {
		may[name] = told.Permissions[name].Have
	}
	return may, answer, nil
}

// getJSON reads an answer into a value.
func (c *Connector) getJSON(ctx context.Context, where string, into any) error {
	answer, err := c.get(ctx, where, 0)
	if err != nil {
		return err
	}
	if answer.Status != http.StatusOK {
		return c.refused(http.MethodGet, answer)
	}
	if err := json.Unmarshal(answer.Body, into); err != nil {
		return c.fail(connector.Retryable, connector.IntegrationScope, "answer_unreadable", "Jira's answer is not what was asked for", answer)
	}
	return nil
}
