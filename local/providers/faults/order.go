package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"example.com/integrations/shared/domain"
)

// An Order says which fault a kit is to apply, to which calls and how often.
type Order struct {
	Fault string `json:"fault"`
	// Times is how often, Probability is the share of the calls. Exactly one of them
	// is given.
	Times       int      `json:"times,omitempty"`
	Probability *float64 `json:"probability,omitempty"`
	// Seed makes the random choice of calls repeatable.
	Seed  *uint64 `json:"seed,omitempty"`
	Match Match   `json:"match,omitzero"`
	// Duration depends on the fault: how long to wait, how late, how far behind.
	// Status is that of the answer, Objects how many objects get one time.
	// Without a duration the fault's own one counts.
	Duration *Duration `json:"duration,omitempty"`
	Status   int       `json:"status,omitempty"`
	Objects  int       `json:"objects,omitempty"`
	// Form is one of the fault's forms. Pattern is a text of the body or of the
	// object's path, with * for any characters. Page is the largest page that is
	// answered. Nth counts the objects that calls are about, from 1. Done says that
	// the call is carried out.
	Form    string `json:"form,omitempty"`
	Pattern string `json:"pattern,omitempty"`
	Page    int    `json:"page,omitempty"`
	Nth     int    `json:"nth,omitempty"`
	Done    bool   `json:"done,omitempty"`
}

// A Match selects calls. An empty member selects all.
type Match struct {
	Kind   Kind   `json:"kind,omitempty"`
	Method string `json:"method,omitempty"`
	// Path is the path as it was sent, with * for any characters.
	Path string `json:"path,omitempty"`
	// By is the kind of caller, Integration if it is empty.
	By string `json:"by,omitempty"`
}

// The callers that a match selects.
const (
	Integration = "integration"
	Person      = "person"
	Anyone      = "anyone"
)

// A Duration is one in Go's notation, as 1m30s.
type Duration time.Duration

// MarshalJSON writes the notation.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// long is how long it is, nothing for nil.
func (d *Duration) long() time.Duration {
	if d == nil {
		return 0
	}

	return time.Duration(*d)
}

// Long is the duration as people write it, "" for none.
func (d *Duration) Long() string {
	if d.long() == 0 {
		return ""
	}

	return d.long().String()
}

// Refused lists what is wrong with an order, by member.
type Refused []domain.FieldError

// Error is the whole list in one sentence.
func (r Refused) Error() string {
	var all []string
	for _, one := range r {
		all = append(all, one.Field+" "+one.Detail)
	}
	return strings.Join(all, "; ")
}

const (
	maxTimes   = 1_000_000
	maxObjects = 10_000
	maxPage    = 1000
)

// ParseOrder reads an order from a JSON object. The error is a Refused that
// names each invalid member.
func ParseOrder(body []byte) (Order, error) {
	var o Order
	members, err := object(body)
	if err != nil {
		return o, Refused{{Field: "body", Detail: err.Error()}}
	}

	r := reader{prefix: "", given: members}
	r.text("fault", &o.Fault)
	r.number("times", &o.Times, 1, maxTimes)
	r.number("objects", &o.Objects, 2, maxObjects)
	r.number("status", &o.Status, 300, 599)
	r.number("page", &o.Page, 1, maxPage)
	r.number("nth", &o.Nth, 1, maxObjects)
	r.text("form", &o.Form)
	r.text("pattern", &o.Pattern)
	r.value("done", &o.Done, "must be true or false")
	r.duration("duration", &o.Duration)
	r.value("probability", &o.Probability, "must be a number from 0 to 1")
	r.value("seed", &o.Seed, "must be a whole number from 0 on")
	if raw, ok := r.take("match"); ok {
		r.match(raw, &o.Match)
	}

	r.rest()
	r.judge(o, members)
	if len(r.refused) > 0 {
		return Order{}, r.refused
	}

	return o, nil
}

// judge checks members that depend on each other.
func (r *reader) judge(o Order, members map[string]json.RawMessage) {
	if p := o.Probability; p != nil && (*p < 0 || *p > 1) {
		r.refuse("probability", "must be a number from 0 to 1")
	}

	switch {
	case members["times"] == nil && members["probability"] == nil:
		r.refuse("times", "or probability must be given")
	case members["times"] != nil && members["probability"] != nil:
		r.refuse("probability", "cannot be given together with times")
	case members["times"] != nil && members["seed"] != nil:
		r.refuse("seed", "goes with a probability only")
	}

	d, known := define(o.Fault)
	if !known {
		if o.Fault != "" || members["fault"] == nil {
			r.refuse("fault", "must be one of "+strings.Join(Names(), ", "))
		}
		return
	}

	for _, name := range []string{"duration", "status", "objects", "form", "pattern", "page", "nth", "done"} {
		if members[name] != nil && !slices.Contains(d.takes, name) {
			r.refuse(name, "is nothing that "+d.name+" takes")
		}
	}

	if members["status"] != nil && !slices.Contains(d.statuses, o.Status) {
		r.refuse("status", "must be one of "+strings.Trim(fmt.Sprint(slices.Sorted(slices.Values(d.statuses))), "[]"))
	}

	if members["form"] != nil && !slices.Contains(d.forms, o.Form) {
		r.refuse("form", "must be one of "+strings.Join(d.forms, ", "))
	}

	if members["pattern"] != nil && o.Pattern == "" {
		r.refuse("pattern", "must not be empty")
	}

	if members["pattern"] != nil && members["nth"] != nil {
		r.refuse("nth", "cannot be given together with pattern")
	}

	if d.name == LaggingLists && o.Duration.long() > MaxLag {
		r.refuse("duration", "must be at most "+MaxLag.String())
	}

	if k := o.Match.Kind; d.bound && k != "" && !slices.Contains(d.kinds, k) {
		r.refuse("match.kind", fmt.Sprintf("must be one of %s: %s concerns nothing else", join(d.kinds), d.name))
	}
}

func object(body []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&members); err != nil || members == nil {
		return nil, fmt.Errorf("must be a JSON object")
	}

	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("must be one JSON object with nothing after it")
	}

	return members, nil
}

// A reader reads the members of an object and collects what is wrong with them.
type reader struct {
	prefix  string
	given   map[string]json.RawMessage
	taken   []string
	refused Refused
}

func (r *reader) refuse(name, detail string) {
	if !slices.ContainsFunc(r.refused, func(f domain.FieldError) bool { return f.Field == r.prefix+name }) {
		r.refused = append(r.refused, domain.FieldError{Field: r.prefix + name, Detail: detail})
	}
}

func (r *reader) take(name string) (json.RawMessage, bool) {
	r.taken = append(r.taken, name)
	raw, ok := r.given[name]
	return raw, ok
}

func (r *reader) value(name string, into any, detail string) bool {
	raw, ok := r.take(name)
	if !ok {
		return false
	}

	if string(raw) == "null" || json.Unmarshal(raw, into) != nil {
		r.refuse(name, detail)
		return false
	}

	return true
}

func (r *reader) text(name string, into *string) bool { return r.value(name, into, "must be a text") }

func (r *reader) number(name string, into *int, least, most int) {
	detail := fmt.Sprintf("must be a whole number from %d to %d", least, most)
	if r.value(name, into, detail) && (*into < least || *into > most) {
		r.refuse(name, detail)
	}
}

func (r *reader) duration(name string, into **Duration) {
	var text string
	if !r.text(name, &text) {
		return
	}

	read, err := time.ParseDuration(text)
	if err != nil || read < 0 || read > 24*time.Hour {
		r.refuse(name, "must be a duration up to a day, as 500ms or 1m30s")
	}

	*into = new(Duration(read))
}

func (r *reader) match(raw json.RawMessage, into *Match) {
	members, err := object(raw)
	if err != nil {
		r.refuse("match", err.Error())
		return
	}

	m := reader{prefix: "match.", given: members}
	var kind string
	if m.text("kind", &kind) && !slices.Contains(kinds, Kind(kind)) {
		m.refuse("kind", "must be one of "+join(kinds))
	}

	into.Kind = Kind(kind)
	m.text("method", &into.Method)
	m.text("path", &into.Path)
	if m.text("by", &into.By) && !slices.Contains([]string{Integration, Person, Anyone}, into.By) {
		m.refuse("by", "must be one of integration, person, anyone")
	}

	m.rest()
	r.refused = append(r.refused, m.refused...)
}

// rest refuses members that were not read.
func (r *reader) rest() {
	for _, name := range slices.Sorted(maps.Keys(r.given)) {
		if !slices.Contains(r.taken, name) {
			r.refuse(name, "is not known")
		}
	}
}

func join(all []Kind) string {
	var names []string
	for _, k := range all {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// ParseFlag reads an order from a command line, as
//
//	github=rate_limited:times=3:kind=create
//
// and returns the name of the fake server that it is for.
func ParseFlag(text string) (fakeServer string, o Order, err error) {
	fakeServer, rest, ok := strings.Cut(text, "=")
	name, settings, _ := strings.Cut(rest, ":")
	if !ok || fakeServer == "" || name == "" || strings.Contains(fakeServer, ":") {
		return "", Order{}, fmt.Errorf("%q is not of the form fake server=fault:times=3", text)
	}

	given := map[string]string{}
	for setting := range strings.SplitSeq(settings, ":") {
		if setting == "" {
			continue
		}

		key, value, ok := strings.Cut(setting, "=")
		if _, twice := given[key]; !ok || twice || key == "fault" {
			return "", Order{}, fmt.Errorf("%q: %q is not of the form name=value, once each", text, setting)
		}

		given[key] = value
	}

	given["fault"] = name
	if o, err = fromTexts(given); err != nil {
		return "", Order{}, fmt.Errorf("%q: %w", text, err)
	}

	return fakeServer, o, nil
}

// fromTexts reads an order from texts, in which the members of the match stand beside
// the others.
func fromTexts(given map[string]string) (Order, error) {
	members := map[string]any{}
	match := map[string]string{}
	for name, value := range given {
		switch name {
		case "kind", "method", "path", "by":
			match[name] = value
		case "times", "probability", "seed", "status", "objects", "page", "nth", "done":
			members[name] = value
			if json.Valid([]byte(value)) {
				members[name] = json.RawMessage(value)
			}

		default:
			members[name] = value
		}
	}

	if len(match) > 0 {
		members["match"] = match
	}

	body, err := json.Marshal(members)
	if err != nil {
		return Order{}, err
	}

	return ParseOrder(body)
}
