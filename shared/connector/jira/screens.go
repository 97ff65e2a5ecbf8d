package jira

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/markup"
)

// A screens reads which fields Jira's screens have: what a new issue needs and
// may have, and what may be edited.
type screens struct {
	client     *client
	classifier *classifier
	place      *place
	sizes      *paging.Size // of the pages that describe new issues
}

// issueKind finds the id of the type of new issues. The error says also that
// there is none.
func (sc *screens) issueKind(ctx context.Context) (string, error) {
	kind, err := sc.findType(ctx)
	if err == nil && kind == "" {
		err = sc.classifier.amiss("issue_type_unknown", sc.place.project().key+" has no issue type "+sc.client.cfg.IssueType+" that the token may create")
	}

	return kind, err
}

// findType is the id of the type of new issues, "" where there is none.
func (sc *screens) findType(ctx context.Context) (string, error) {
	want := issueType(sc.client.cfg.IssueType)
	id := ""
	err := listOf(ctx, sc, sc.createmeta(), func(k issueKind) {
		if id == "" && want.isType(k.ID, k.Name) {
			id = k.ID
		}
	})
	if id != "" { // an error behind it does not matter
		return id, nil
	}

	return "", err
}

// isType reports whether a type of issue is the configured one.
func (n named) isType(id, name string) bool {
	if n.ID != "" {
		return id == n.ID
	}

	return n.Name != "" && strings.EqualFold(name, n.Name)
}

// fields hands out the fields of the create screen of a type.
func (sc *screens) fields(ctx context.Context, kind string, each func(field)) error {
	return listOf(ctx, sc, sc.createmeta()+"/"+url.PathEscape(kind), each)
}

// createScreen are the fields that a new issue can have. With an error they are
// not known, or not all of them.
func (sc *screens) createScreen(ctx context.Context) (map[string]bool, error) {
	kind, err := sc.findType(ctx)
	if err != nil {
		return nil, err
	}
	if kind == "" {
		return nil, sc.classifier.amiss("issue_type_unknown", "the project has no issue type "+sc.client.cfg.IssueType)
	}

	on := map[string]bool{}
	err = sc.fields(ctx, kind, func(f field) { on[f.ID] = true })
	if err != nil {
		return nil, err
	}

	return on, nil
}

// editScreen are the fields of an issue that may be edited.
func (sc *screens) editScreen(ctx context.Context, id string) (map[string]bool, error) {
	var meta struct {
		Fields map[string]json.RawMessage `json:"fields"`
	}
	if err := sc.client.getJSON(ctx, sc.client.issueAt(id)+"/editmeta", &meta); err != nil {
		return nil, err
	}

	on := map[string]bool{}
	for name := range meta.Fields {
		on[name] = true
	}

	return on, nil
}

// A newIssueScreen is what Jira says about the create screen.
type newIssueScreen struct {
	asked                        fieldNames // required fields that items do not fill in
	summary, description, labels bool
	whole                        bool // the list was read to its end
}

// newIssueScreen reads the create screen of a type. Beside an error, it returns
// what was read before.
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

// checkFields reads the create screen of a type. The error says that it has
// required fields that items do not fill in, that it lacks a field that every
// create fills in, or why it could not be read. A Data Center needs labels: they
// are its only markers.
func (sc *screens) checkFields(ctx context.Context, kind string) (newIssueScreen, error) {
	screen, err := sc.newIssueScreen(ctx, kind)
	where := sc.client.cfg.IssueType + " in " + sc.place.project().key
	switch {
	case len(screen.asked.first) > 0: // also if the list breaks off behind them
		return screen, sc.classifier.amiss(connector.FieldRequired, where+" asks for what items do not tell: "+screen.asked.String())
	case err != nil:
		return screen, err
	case !screen.summary:
		return screen, sc.classifier.amiss(connector.FieldNotSettable, "summary is not on the create screen of "+where)
	case !screen.description:
		return screen, sc.classifier.amiss(connector.FieldNotSettable, "description is not on the create screen of "+where)
	case !screen.labels && !sc.client.flavor.findsWithoutLabel():
		return screen, sc.classifier.amiss("labels_not_allowed", "labels are not on the create screen of "+where)
	}

	return screen, nil
}

// names are the names of refused fields as people know them, and of all other
// required ones. Fields that Jira does not describe have the ids of the refusal.
func (sc *screens) names(ctx context.Context, refused []string) fieldNames {
	var known fieldNames
	open := map[string]bool{}
	for _, id := range refused {
		open[id] = true
	}

	kind, err := sc.findType(ctx)
	if err == nil && kind != "" {
		// A list that breaks off has named some.
		_ = sc.fields(ctx, kind, func(f field) {
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

// createmeta is the address at which Jira describes new issues.
func (sc *screens) createmeta() string {
	return sc.client.api("/issue/createmeta/" + url.PathEscape(sc.place.project().name()) + "/issuetypes")
}

const (
	// metaPage is how many entries a page has at most.
	metaPage = 200
	// metaPages bounds a list that does not end, in pages of that size.
	metaPages = 10
)

// A metaList is a page of the description of new issues. Cloud and Data Center
// use different names for the list.
type metaList[T any] struct {
	Types  []T `json:"issueTypes"`
	Fields []T `json:"fields"`
	Values []T `json:"values"`
	Total  int `json:"total"`
}

func (l metaList[T]) all() []T { return slices.Concat(l.Types, l.Fields, l.Values) }

// listOf reads a list of the description of new issues, page by page. It holds
// one page at a time. An incomplete list is an error.
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

		entries := page.all()
		for _, one := range entries {
			each(one)
		}

		got += len(entries)
		if len(entries) == 0 || got >= page.Total {
			return nil
		}
	}

	return sc.classifier.amiss("list_endless", "the answer about new issues does not end")
}

// An issueKind is a type of issue.
type issueKind struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Subtask bool   `json:"subtask"`
}

// A field is what Jira says of a field on the create screen.
type field struct {
	ID       string `json:"fieldId"`
	Name     string `json:"name"`
	Required bool   `json:"required"`
	Default  bool   `json:"hasDefaultValue"`
}

// knownFields are the fields that a create fills in, and one that Jira fills in itself.
var knownFields = []string{"project", "issuetype", "summary", "description", "labels", "reporter"}

// asks reports whether an issue cannot be created because items do not fill in
// the field.
func (f field) asks() bool {
	return f.Required && !f.Default && !slices.Contains(knownFields, f.ID)
}

// name is the field as people know it, with its id.
func (f field) name() string {
	return markup.Cut(f.Name, maxName, "…") + " (" + markup.Cut(f.ID, maxName, "…") + ")"
}

const (
	maxNames = 10 // in a sentence
	maxName  = 60 // code points of each
)

// A fieldNames holds the names of the first fields and the number of the others.
type fieldNames struct {
	first []string
	more  int
}

func (n *fieldNames) add(name string) {
	if len(n.first) == maxNames {
		n.more++
		return
	}

	n.first = append(n.first, name)
}

func (n fieldNames) String() string {
	text := strings.Join(n.first, ", ")
	if n.more > 0 {
		text += " and " + strconv.Itoa(n.more) + " more"
	}

	return text
}
