package jira

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

type (
	condition func(*issue) bool
	ordering  func(a, b *issue) int
)

// A query is as much of JQL as a sync needs.
type query struct {
	projects   []string
	conditions []condition
	order      []ordering
}

// words are what JQL is made of: strings in quotes, names, and signs.
var words = regexp.MustCompile(`^\s*("(?:[^"\\]|\\["\\])*"|[A-Za-z]+|[0-9]+|<=|>=|[=<>(),])`)

// split gives the words of a query.
func split(jql string) ([]string, error) {
	var list []string
	for strings.TrimSpace(jql) != "" {
		at := words.FindStringSubmatchIndex(jql)
		if at == nil {
			return nil, fmt.Errorf("unexpected %q", jql)
		}

		list = append(list, jql[at[2]:at[3]])
		jql = jql[at[1]:]
	}

	return list, nil
}

// A parser reads a query word by word.
type parser struct {
	words []string
	zone  *time.Location
	// id gives the id of a project by any of its names.
	id func(name string) string
}

func (p *parser) next() string {
	if len(p.words) == 0 {
		return ""
	}

	word := p.words[0]
	p.words = p.words[1:]
	return word
}

func (p *parser) accept(word string) bool {
	if len(p.words) > 0 && strings.EqualFold(p.words[0], word) {
		p.words = p.words[1:]
		return true
	}
	return false
}

// text is the next word without its quotes; whoever leaves them off takes
// chances with what text may hold.
func (p *parser) text() (string, error) {
	word := p.next()
	if len(word) < 2 || word[0] != '"' {
		return "", fmt.Errorf("expecting a string in quotes but got %q", word)
	}
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(word[1 : len(word)-1]), nil
}

func parseJQL(jql string, zone *time.Location, id func(name string) string) (query, error) {
	var q query
	list, err := split(jql)
	if err != nil {
		return q, err
	}

	p := &parser{words: list, zone: zone, id: id}
	for len(p.words) > 0 && !strings.EqualFold(p.words[0], "order") {
		if len(q.conditions) > 0 && !p.accept("and") {
			return q, fmt.Errorf("expecting AND but got %q", p.next())
		}

		c, err := p.condition(&q)
		if err != nil {
			return q, err
		}

		q.conditions = append(q.conditions, c)
	}

	return q, p.orderBy(&q)
}

func (p *parser) condition(q *query) (condition, error) {
	switch field := strings.ToLower(p.next()); field {
	case "project":
		if !p.accept("=") {
			return nil, fmt.Errorf("the operator of project is unknown here")
		}

		name, err := p.project()
		q.projects = append(q.projects, name)
		wanted := p.id(name)

		return func(i *issue) bool { return p.id(i.Project) == wanted }, err

	case "labels":
		return p.labels()
	case "created", "updated":
		return p.moment(field)
	default:
		return nil, fmt.Errorf("field '%s' does not exist or you do not have permission to view it", field)
	}
}

// project is a key in quotes or an id, which needs none.
func (p *parser) project() (string, error) {
	if len(p.words) > 0 && strings.Trim(p.words[0], "0123456789") == "" {
		return p.next(), nil
	}
	return p.text()
}

func (p *parser) labels() (condition, error) {
	if !p.accept("in") || !p.accept("(") {
		return nil, fmt.Errorf("the operator of labels is unknown here")
	}

	var all []string
	for {
		label, err := p.text()
		if err != nil {
			return nil, err
		}

		all = append(all, label)
		if p.accept(")") {
			break
		}
		if !p.accept(",") {
			return nil, fmt.Errorf("expecting ',' but got %q", p.next())
		}
	}

	return func(i *issue) bool {
		return slices.ContainsFunc(i.Labels, func(l string) bool {
			return slices.ContainsFunc(all, func(wanted string) bool { return strings.EqualFold(l, wanted) })
		})
	}, nil
}

// moment compares times, which JQL knows to the minute, in the zone of the
// caller.
func (p *parser) moment(field string) (condition, error) {
	sign := p.next()
	text, err := p.text()
	if err != nil {
		return nil, err
	}

	at, err := time.ParseInLocation("2006-01-02 15:04", text, p.zone)
	if err != nil {
		return nil, fmt.Errorf("date value '%s' for field '%s' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm'", text, field)
	}

	of := func(i *issue) time.Time { return i.Created }
	if field == "updated" {
		of = func(i *issue) time.Time { return i.Updated }
	}

	switch sign {
	case ">=":
		return func(i *issue) bool { return !of(i).Before(at) }, nil
	case "<":
		return func(i *issue) bool { return of(i).Before(at) }, nil
	}

	return nil, fmt.Errorf("the operator %q of %s is unknown here", sign, field)
}

var orders = map[string]ordering{
	"created": func(a, b *issue) int { return a.Created.Compare(b.Created) },
	"updated": func(a, b *issue) int { return a.Updated.Compare(b.Updated) },
	"id":      func(a, b *issue) int { return compareIDs(a.ID, b.ID) },
}

func (p *parser) orderBy(q *query) error {
	if len(p.words) == 0 {
		return nil
	}
	if !p.accept("order") || !p.accept("by") {
		return fmt.Errorf("expecting ORDER BY but got %q", p.next())
	}

	for {
		by, ok := orders[strings.ToLower(p.next())]
		if !ok {
			return fmt.Errorf("not able to sort using that field")
		}

		if p.accept("desc") {
			up := by
			by = func(a, b *issue) int { return up(b, a) }
		} else {
			p.accept("asc")
		}

		q.order = append(q.order, by)
		if len(p.words) == 0 {
			return nil
		}
		if !p.accept(",") {
			return fmt.Errorf("expecting ',' but got %q", p.next())
		}
	}
}
