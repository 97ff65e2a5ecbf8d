package jira

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/outbound"
)

// ours are the fields we fill in, and one that Jira fills in itself.
var ours = []string{"project", "issuetype", "summary", "description", "labels", "reporter"}

// A field is what Jira tells of one on the create screen.
type field struct {
	ID       string `json:"fieldId"`
	Name     string `json:"name"`
	Required bool   `json:"required"`
	Default  bool   `json:"hasDefaultValue"`
}

// name is the field as people know it.
func (f field) name() string {
	return markup.Cut(f.Name, maxName, "…") + " (" + markup.Cut(f.ID, maxName, "…") + ")"
}

const (
	maxTold = 10 // told of
	maxName = 60 // code points of each
)

// A naming names the first of many fields and counts the others.
type naming struct {
	told []string
	more int
}

func (n *naming) add(name string) {
	if len(n.told) == maxTold {
		n.more++
		return
	}
	n.told = append(n.told, name)
}

func (n naming) String() string {
	text := strings.Join(n.told, ", ")
	if n.more > 0 {
		text += " and " + strconv.Itoa(n.more) + " more"
	}
	return text
}

// names are the fields as people know them, and any other that is required.
// Where Jira does not tell, they are as the refusal names them.
func (c *Connector) names(ctx context.Context, refused []string) naming {
	var known naming
	open := map[string]bool{}
	for _, id := range refused {
		open[id] = true
	}

	if type_, err := c.findType(ctx); err == nil && type_ != "" {
		// A list that breaks off has named some.
		_ = c.fields(ctx, type_, func(f field) {
			if open[f.ID] || f.asks() {
				known.add(f.name())
				delete(open, f.ID)
			}
		})
	}

	for _, id := range refused {
		if open[id] {
			known.add(markup.Cut(id, maxName, "…"))
		}
	}

	return known
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
	return c.client.api("/issue/createmeta/" + url.PathEscape(c.project().name()) + "/issuetypes")
}

const (
	// metaPage is how many entries a page has.
	metaPage = 200
	// metaPages bounds a list whose end never comes, in pages of that size.
	metaPages = 10
)

// A metaList is a page of what a new issue needs. Cloud and Data Center call the
// list by different names.
type metaList[T any] struct {
	Types  []T `json:"issueTypes"`
	Fields []T `json:"fields"`
	Values []T `json:"values"`
	Total  int `json:"total"`
}

// listOf reads a list of what a new issue needs, and holds no more than a page
// of it.
func listOf[T any](ctx context.Context, c *Connector, where string, each func(T)) error {
	got := 0
	for n := 0; n < metaPages*metaPage/c.metaSizes.Now(); n++ {
		var page metaList[T]
		err := c.metaSizes.Read(func(size int) error {
			query := url.Values{"maxResults": {strconv.Itoa(size)}}
			if got > 0 {
				query.Set("startAt", strconv.Itoa(got))
			}

			page = metaList[T]{}
			return c.client.getJSON(ctx, where+"?"+query.Encode(), &page)
		})
		if err != nil {
			return err
		}

		before := got
		for _, list := range [][]T{page.Types, page.Fields, page.Values} {
			for _, one := range list {
				each(one)
			}
			got += len(list)
		}

		if got == before || got >= page.Total {
			return nil
		}
	}

	// Half a list must not pass for a whole one.
	return c.answers.amiss("list_endless", "what Jira tells of new issues does not end")
}

// findType is the id of the type new issues get, "" where there is none.
func (c *Connector) findType(ctx context.Context) (string, error) {
	want := issueType(c.client.cfg.IssueType)
	id := ""
	err := listOf(ctx, c, c.createmeta(), func(k issueKind) {
		if id == "" && (want.ID != "" && k.ID == want.ID || want.Name != "" && strings.EqualFold(k.Name, want.Name)) {
			id = k.ID
		}
	})
	if id != "" { // however the list ends
		return id, nil
	}

	return "", err
}

// fields hands out those of the create screen of a type.
func (c *Connector) fields(ctx context.Context, id string, each func(field)) error {
	return listOf(ctx, c, c.createmeta()+"/"+url.PathEscape(id), each)
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
	name, project := c.project().rights()
	query := url.Values{name: {project}, "permissions": {strings.Join(needed, ",")}}
	answer, err := c.client.get(ctx, c.client.api("/mypermissions?"+query.Encode()), 0)
	if err != nil || answer.Status != http.StatusOK {
		return nil, answer, err
	}

	var told struct {
		Permissions map[string]struct {
			Have bool `json:"havePermission"`
		} `json:"permissions"`
	}
	if err := json.Unmarshal(answer.Body, &told); err != nil || told.Permissions == nil {
		return nil, answer, c.answers.noIssue(answer)
	}

	may := map[string]bool{}
	for _, name := range needed {
		may[name] = told.Permissions[name].Have
	}

	return may, answer, nil
}
