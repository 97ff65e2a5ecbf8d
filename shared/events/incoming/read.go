package incoming

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/integrations/shared/domain"
)

// The bounds of events. An event beyond them can never be handled: it is
// malformed. MaxDescription counts bytes, the other texts count characters.
const (
	MaxDescription = 64 << 10
	MaxName        = 1000 // of an organisation
	MaxTitle       = 1000
	MaxURL         = 2048
	MaxWord        = 200  // of a formatted number, a status, a priority
	MaxLabels      = 100  // labels of an item
	MaxLabel       = 200  // the length of each
	MaxRoles       = 1000 // roles of a member
	MaxNamed       = 200  // the name of a person, a project, a milestone, a type of an item
)

// ErrMalformed reports an event that can never be handled.
var ErrMalformed = errors.New("malformed event")

// A Problem is what is wrong with one member of an event; its Member is "" when
// there are no members to be read.
type Problem struct{ Member, Detail string }

// A Malformed error is an ErrMalformed that names all that is wrong. It shows
// nothing of the event's content but short values of members that have few.
type Malformed struct{ Problems []Problem }

// Error gives the problems, the members in the order of the documentation.
func (e *Malformed) Error() string {
	if len(e.Problems) == 0 {
		return ErrMalformed.Error()
	}
	return ErrMalformed.Error() + ": " + problems(e.Problems)
}

// problems is a list of problems as text.
func problems(list []Problem) string {
	var all []string
	for _, p := range list {
		text := p.Detail
		if p.Member != "" {
			text = p.Member + " " + p.Detail
		}
		all = append(all, text)
	}

	return strings.Join(all, "; ")
}

// Unwrap makes every Malformed an ErrMalformed.
func (e *Malformed) Unwrap() error { return ErrMalformed }

// members are those of a JSON object, and what is wrong with them. Names are
// compared exactly: encoding/json itself accepts ID as id.
type members struct {
	raw      map[string]json.RawMessage
	problems []Problem
}

func read(text []byte) (*members, error) {
	m := &members{}
	if err := json.Unmarshal(text, &m.raw); err != nil || m.raw == nil {
		detail := "is not JSON"
		if json.Valid(text) {
			detail = "is not a JSON object"
		}
		return nil, &Malformed{[]Problem{{"", detail}}}
	}

	return m, nil
}

func (m *members) err() error {
	if len(m.problems) == 0 {
		return nil
	}
	return &Malformed{m.problems}
}

// A reader reads a member's value; its error says what it must be.
type reader[T any] func(json.RawMessage) (T, error)

// required reads a member that must be there.
func required[T any](m *members, name string, to *T, read reader[T]) {
	switch raw, there := m.raw[name]; {
	case !there:
		m.problems = append(m.problems, Problem{name, "is missing"})
	case string(raw) == "null":
		m.problems = append(m.problems, Problem{name, "is null"})
	default:
		take(m, name, raw, to, read)
	}
}

// optional reads a member that may be absent or null.
func optional[T any](m *members, name string, to *T, read reader[T]) {
	if raw, there := m.raw[name]; there && string(raw) != "null" {
		take(m, name, raw, to, read)
	}
}

func take[T any](m *members, name string, raw json.RawMessage, to *T, read reader[T]) {
	value, err := read(raw)
	if err != nil {
		m.problems = append(m.problems, Problem{name, err.Error()})
		return
	}

	*to = value
}

// as reads a value of a Go type; must says what it must be.
func as[T any](raw json.RawMessage, must string) (T, error) {
	var v T
	if string(raw) == "null" { // which encoding/json takes for any type
		return v, errors.New(must)
	}

	if err := json.Unmarshal(raw, &v); err != nil {
		return v, errors.New(must)
	}

	return v, nil
}

func readText(raw json.RawMessage) (string, error)   { return as[string](raw, "must be a string") }
func readTruth(raw json.RawMessage) (bool, error)    { return as[bool](raw, "must be true or false") }
func readInteger(raw json.RawMessage) (int64, error) { return as[int64](raw, "must be an integer") }
func readID(raw json.RawMessage) (domain.Snowflake, error) {
	return as[domain.Snowflake](raw, domain.ErrNotSnowflake.Error())
}

func readObject(raw json.RawMessage) (json.RawMessage, error) {
	_, err := as[map[string]json.RawMessage](raw, "must be an object")
	return raw, err
}

func readVersion(raw json.RawMessage) (int64, error) {
	v, err := readInteger(raw)
	if err != nil || v < 1 {
		return 0, errors.New("must be an integer, 1 or more")
	}
	return v, nil
}

// readTime is stricter than package time, which takes a comma before the
// fraction, one digit for the hour, and offsets of a day.
func readTime(raw json.RawMessage) (time.Time, error) {
	must := errors.New("must be a time as RFC 3339 writes it")
	text, err := readText(raw)
	if err != nil || len(text) < len("2006-01-02T15:04:05Z") || text[13] != ':' || strings.Contains(text, ",") {
		return time.Time{}, must
	}

	if offset := text[len(text)-len("07:00"):]; text[len(text)-1] != 'Z' && (offset[:2] > "23" || offset[3:] > "59") {
		return time.Time{}, must
	}

	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, must
	}

	return t, nil
}

func readItemType(raw json.RawMessage) (domain.ItemType, error) {
	t, err := as[domain.ItemType](raw, "must be a string")
	if err == nil && !t.Valid() {
		err = fmt.Errorf("%.40q is no type of item", t)
	}
	return t, err
}

func readState(raw json.RawMessage) (domain.ItemState, error) {
	s, err := as[domain.ItemState](raw, "must be a string")
	if err == nil && s != domain.Open && s != domain.Closed {
		err = fmt.Errorf(`is %.40q, must be "open" or "closed"`, s)
	}
	return s, err
}

func readDescription(raw json.RawMessage) (string, error) {
	text, err := readText(raw)
	if err == nil && len(text) > MaxDescription {
		err = fmt.Errorf("has %d bytes, at most %d are kept", len(text), MaxDescription)
	}
	return text, err
}

func readName(raw json.RawMessage) (string, error)  { return readTextUpTo(raw, MaxName) }
func readTitle(raw json.RawMessage) (string, error) { return readTextUpTo(raw, MaxTitle) }
func readURL(raw json.RawMessage) (string, error)   { return readTextUpTo(raw, MaxURL) }
func readWord(raw json.RawMessage) (string, error)  { return readTextUpTo(raw, MaxWord) }

// readTextUpTo reads a text of at most so many characters.
func readTextUpTo(raw json.RawMessage, most int) (string, error) {
	text, err := readText(raw)
	if n := utf8.RuneCountInString(text); err == nil && n > most {
		err = fmt.Errorf("has %d characters, at most %d are kept", n, most)
	}
	return text, err
}

func readLabels(raw json.RawMessage) ([]string, error) {
	labels, err := list(raw, readText, "must be an array of strings")
	if err == nil && len(labels) > MaxLabels {
		err = fmt.Errorf("has %d labels, at most %d are kept", len(labels), MaxLabels)
	}

	for n, label := range labels {
		if length := utf8.RuneCountInString(label); err == nil && length > MaxLabel {
			err = fmt.Errorf("has a label of %d characters (number %d), at most %d are kept", length, n+1, MaxLabel)
		}
	}

	return labels, err
}

// readNamed reads an object or a person that an item refers to. White space
// around the name is cut. nil stands for one whose name has no text: there is
// nothing to show, and the change of the item is not refused for it.
func readNamed(raw json.RawMessage) (*domain.Named, error) {
	m, err := read(raw)
	if err != nil {
		return nil, errors.New("must be an object with id and name")
	}

	var n domain.Named
	required(m, "id", &n.ID, readID)
	required(m, "name", &n.Name, readTrimmed)
	if len(m.problems) > 0 {
		return nil, errors.New("is wrong: " + problems(m.problems))
	}

	if n.Name == "" {
		return nil, nil
	}

	return &n, nil
}

// readTrimmed reads a name. Its length counts without the white space around it.
func readTrimmed(raw json.RawMessage) (string, error) {
	text, err := readText(raw)
	text = strings.TrimSpace(text)
	if n := utf8.RuneCountInString(text); err == nil && n > MaxNamed {
		err = fmt.Errorf("has %d characters, at most %d are kept", n, MaxNamed)
	}
	return text, err
}

// readRoleIDs reads the ids of a member's roles.
func readRoleIDs(raw json.RawMessage) ([]domain.Snowflake, error) {
	ids, err := list(raw, readID, "must be an array of ids, each "+strings.TrimPrefix(domain.ErrNotSnowflake.Error(), "must be "))
	if err == nil && len(ids) > MaxRoles {
		err = fmt.Errorf("has %d roles, at most %d are kept", len(ids), MaxRoles)
	}
	return ids, err
}

func list[T any](raw json.RawMessage, read reader[T], must string) ([]T, error) {
	elements, err := as[[]json.RawMessage](raw, must)
	all := make([]T, 0, len(elements))
	for _, e := range elements {
		v, elementErr := read(e)
		if elementErr != nil {
			return nil, errors.New(must)
		}
		all = append(all, v)
	}

	return all, err
}

// readGrant reads permissions and keeps the one that the service asks for.
func readGrant(raw json.RawMessage) (domain.Grant, error) {
	const must = "must be an object of grants, each -1, 0 or 1"
	permissions, err := as[map[string]json.RawMessage](raw, must)
	if err != nil {
		return 0, err
	}

	var kept domain.Grant
	for name, text := range permissions {
		g, err := as[domain.Grant](text, must)
		if err != nil || !slices.Contains([]domain.Grant{domain.Deny, domain.Inherit, domain.Allow}, g) {
			return 0, fmt.Errorf("%s: that of %.60q is not", must, name)
		}

		if name == domain.ManageOrganisation {
			kept = g
		}
	}

	return kept, nil
}
