package jira

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/markup"
)

// A screens reads which fields Jira's screens have: what a new issue needs and
// may have.
type screens struct {
	client  *client
	answers *answers
	place   *place
	sizes   *paging.Size // of the pages that describe new issues
}

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
func (sc *screens) names(ctx context.Context, refused []string) naming {
	var known naming
	open := map[string]bool{}
	for _, id := range refused {
		open[id] = true
	}

	if type_, err := sc.findType(ctx); err == nil && type_ != "" {
		// A list that breaks off has named some.
		_ = sc.fields(ctx, type_, func(f field) {
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
func (sc *screens) createmeta() string {
	return sc.client.api("/issue/createmeta/" + url.PathEscape(sc.place.project().name()) + "/issuetypes")
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
func listOf[T any](ctx context.Context, sc *screens, where string, each func(T)) error {
	got := 0
	for n := 0; n < metaPages*metaPage/sc.sizes.Now(); n++ {
		var page metaList[T]
		err := sc.sizes.Read(func(size int) error {
			query := url.Values{"maxResults": {strconv.Itoa(size)}}
			if got > 0 {
				query.Set("startAt", strconv.Itoa(got))
			}

			page = metaList[T]{}
			return sc.client.getJSON(ctx, where+"?"+query.Encode(), &page)
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
	return sc.answers.amiss("list_endless", "what Jira tells of new issues does not end")
}

// findType is the id of the type new issues get, "" where there is none.
func (sc *screens) findType(ctx context.Context) (string, error) {
	want := issueType(sc.client.cfg.IssueType)
	id := ""
	err := listOf(ctx, sc, sc.createmeta(), func(k issueKind) {
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
func (sc *screens) fields(ctx context.Context, id string, each func(field)) error {
	return listOf(ctx, sc, sc.createmeta()+"/"+url.PathEscape(id), each)
}

// createScreen are the fields that a new issue can have. An error says that
// they are not known, or not all of them.
func (sc *screens) createScreen(ctx context.Context) (map[string]bool, error) {
	kind, err := sc.findType(ctx)
	if err == nil && kind == "" {
		err = sc.answers.amiss("issue_type_unknown", "the project has no issue type "+sc.client.cfg.IssueType)
	}

	if err != nil {
		return nil, err
	}

	on := map[string]bool{}
	if err := sc.fields(ctx, kind, func(f field) { on[f.ID] = true }); err != nil {
		return nil, err
	}

	return on, nil
}

// closedOff reports whether Jira refused to say what a new issue needs. That is
// no verdict on the token or the project: both were asked for before.
func closedOff(err error) bool {
	e, ok := err.(*failure.Error)

	return ok && e.Class == failure.Final && e.Status >= 400
}

// A newIssueScreen is what Jira says about the create screen.
type newIssueScreen struct {
	asked                        naming
	summary, description, labels bool
	whole                        bool // the list was read to its end
}

// newIssueScreen reads the create screen of a type. What was read before an
// error is given beside it.
func (sc *screens) newIssueScreen(ctx context.Context, kind string) (newIssueScreen, error) {
	var screen newIssueScreen
	err := sc.fields(ctx, kind, func(f field) {
		if f.asks() {
			screen.asked.add(f.name())
		}

		screen.summary = screen.summary || f.ID == "summary"
		screen.description = screen.description || f.ID == "description"
		screen.labels = screen.labels || f.ID == "labels"
	})

	screen.whole = err == nil

	return screen, err
}

// lookAtFields reads the create screen of a type. The error says that it asks for
// more than items tell, that it lacks a field that every create fills in, or why
// it could not be read. A Data Center has no other marker than a label.
func (sc *screens) lookAtFields(ctx context.Context, kind string) (newIssueScreen, error) {
	screen, err := sc.newIssueScreen(ctx, kind)
	switch {
	case len(screen.asked.told) > 0: // however the list ends
		return screen, sc.answers.amiss(connector.FieldRequired, sc.client.cfg.IssueType+" in "+sc.place.project().key+" asks for what items do not tell: "+screen.asked.String())
	case err != nil:
		return screen, err
	case !screen.summary || !screen.description:
		missing := "summary"
		if screen.summary {
			missing = "description"
		}
		return screen, sc.answers.amiss(connector.FieldNotSettable, missing+" is not on the create screen of "+sc.client.cfg.IssueType+" in "+sc.place.project().key)

	case !screen.labels && !sc.client.flavor.findsWithoutLabel():
		return screen, sc.answers.amiss("labels_not_allowed", "labels are not on the create screen of "+sc.client.cfg.IssueType+" in "+sc.place.project().key)
	}

	return screen, nil
}

func (sc *screens) lookForType(ctx context.Context) (string, error) {
	kind, err := sc.findType(ctx)
	if err == nil && kind == "" {
		err = sc.answers.amiss("issue_type_unknown", sc.place.project().key+" has no issue type "+sc.client.cfg.IssueType+" that the token may create")
	}
	return kind, err
}
