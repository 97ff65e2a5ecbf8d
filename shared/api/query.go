package api

import (
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"

	"example.com/integrations/shared/domain"
)

// The sizes of a page of a list.
const (
	defaultLimit = 20
	maxLimit     = 100
)

// A Page says which part of a list is asked for.
type Page struct {
	// After is where the page begins: a sortable id, "" for the beginning.
	After string
	Limit int
}

// Page reads the query's limit and after, and the parameters in more, whose
// readers return what is wrong as the end of a sentence. Any other parameter is
// refused, as an unknown member of a body is. kind distinguishes the cursors of one
// list from those of another.
func (r Request) Page(kind string, more map[string]func(value string) string) (Page, error) {
	return r.PageAfter(kind, sortable, more)
}

// PageAfter is Page for a list whose pages do not begin after an id; place
// reports whether one may.
func (r Request) PageAfter(kind string, place func(after string) bool, more map[string]func(value string) string) (Page, error) {
	p := Page{Limit: defaultLimit}
	readers := map[string]func(string) string{
		"limit": func(value string) string {
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > maxLimit || strconv.Itoa(n) != value {
				return "must be a number from 1 to 100"
			}

			p.Limit = n
			return ""
		},
		"after": func(value string) string {
			after, ok := parseCursor(kind, value, place)
			if !ok {
				return "must be the next of an earlier page of this list"
			}

			p.After = after
			return ""
		},
	}

	maps.Copy(readers, more)
	err := r.query(readers)

	return p, err
}

// NoQuery refuses every query parameter.
func (r Request) NoQuery() error { return r.query(nil) }

// query reads the query's parameters. One that is given twice has both values
// joined by a comma, as the gateway sends it.
func (r Request) query(readers map[string]func(value string) string) error {
	var fields []domain.FieldError
	for _, name := range slices.Sorted(maps.Keys(r.event.QueryStringParameters)) {
		wrong := "is not a parameter of this route"
		if read := readers[name]; read != nil {
			wrong = read(r.event.QueryStringParameters[name])
		}

		if wrong != "" {
			fields = append(fields, domain.FieldError{Field: shown(name), Detail: wrong})
		}

		if len(fields) == maxFields {
			break
		}
	}

	if len(fields) == 0 {
		return nil
	}

	return &domain.Error{Code: domain.CodeInvalidQuery, Detail: "The query has parameters that cannot be taken.", Fields: fields}
}

// A List is the answer with one page of a list.
type List struct {
	Items any     `json:"items"`
	Next  *string `json:"next"` // null where there are no more
}

// ListOf makes a page of a list; next is the sortable id it ends with, "" when
// there are no more.
func ListOf[T any](kind string, items []T, next string) List {
	l := List{Items: items}
	if items == nil {
		l.Items = []T{}
	}

	if next != "" {
		after := cursor(kind, next)
		l.Next = &after
	}

	return l
}

// cursor is opaque to callers. It holds a sort key and nothing else: the
// partition always comes from the path, for which access was checked.
func cursor(kind, after string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(kind + ":" + after))
}

// parseCursor reads a cursor of a kind. Each place has one cursor: what else
// the decoder takes, such as line feeds, is refused.
func parseCursor(kind, text string, place func(after string) bool) (string, bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	after, ok := strings.CutPrefix(string(b), kind+":")
	if err != nil || !ok || !place(after) || cursor(kind, after) != text {
		return "", false
	}
	return after, true
}

// sortable reports whether text is a sortable id, of 19 digits.
func sortable(text string) bool {
	id, err := domain.ParseSnowflake(strings.TrimLeft(text, "0"))
	return err == nil && id.Sortable() == text
}

// SortableAfter reports whether text is a prefix that known takes, a # and a
// sortable id.
func SortableAfter(known func(prefix string) bool) func(text string) bool {
	return func(text string) bool {
		prefix, id, ok := strings.Cut(text, "#")
		return ok && known(prefix) && sortable(id)
	}
}

// Sync reads the id of the sync in the path.
func (r Request) Sync() (domain.Snowflake, error) {
	id, err := domain.ParseSnowflake(r.SyncID)
	if err != nil {
		return 0, &domain.Error{Code: domain.CodeInvalidID, Detail: "the sync's id " + err.Error() + "."}
	}
	return id, nil
}
