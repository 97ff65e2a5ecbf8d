package recording

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// longestShown bounds a value in a difference, in bytes.
const longestShown = 80

// compare lists the differences between a recorded answer and that of the
// fake server.
func (p Replay) compare(e Exchange, got Response, m *mapping) []Difference {
	want := e.Response
	if want.Status == 0 {
		return nil
	}

	own, _ := m.about(e.Request.Path)
	c := &comparison{replay: p, mapping: m, name: e.Case, own: own || collection(e) != ""}
	if got.Cut != "" {
		c.add("the answer", "status "+strconv.Itoa(want.Status), "absent: "+got.Cut)

		return c.found
	}

	if want.Status != got.Status {
		c.add("the status", strconv.Itoa(want.Status), strconv.Itoa(got.Status))
	}

	if p.Modelled && (want.Status < http.StatusMultipleChoices) != (got.Status < http.StatusMultipleChoices) {
		return c.found // a refusal has other members than a success
	}

	if p.Reason && want.Reason != got.Reason {
		c.add("the reason phrase", strconv.Quote(want.Reason), strconv.Quote(got.Reason))
	}

	if want, got := mediaType(want.Header), mediaType(got.Header); want != got {
		c.add("the content type", strconv.Quote(want), strconv.Quote(got))
	}

	if want.Cut == "" {
		c.bodies(want.Body.Bytes(), got.Body.Bytes())
	}

	return c.found
}

// A comparison of one answer.
type comparison struct {
	replay  Replay
	mapping *mapping
	name    string
	found   []Difference
	// own says that the answer is about an object that was made in the recording, and
	// loose that the values at hand are of two objects. What is null in one object has a
	// value in another.
	own, loose bool
}

func (c *comparison) add(what, want, got string) {
	c.found = append(c.found, Difference{Case: c.name, What: what, Want: shown(want), Got: shown(got)})
}

// shown is a value, cut if it is long.
func shown(text string) string {
	if len(text) <= longestShown {
		return text
	}

	text = text[:longestShown]
	for !utf8.ValidString(text) && text != "" {
		text = text[:len(text)-1]
	}

	return text + "…"
}

func (c *comparison) bodies(want, got []byte) {
	wanted, wantErr := parse(want)
	gotten, gotErr := parse(got)
	if wantErr != nil || gotErr != nil {
		if want, got := formOf(want), formOf(got); want != got {
			c.add("the body", want, got)
		}

		return
	}

	c.values(nil, wanted, gotten)
}

// formOf is what a body is.
func formOf(body []byte) string {
	trimmed := bytes.ToLower(bytes.TrimSpace(body))
	switch {
	case len(trimmed) == 0:
		return "empty"
	case json.Valid(body):
		return "JSON"
	case bytes.HasPrefix(trimmed, []byte("<!doctype html")), bytes.HasPrefix(trimmed, []byte("<html")):
		return "HTML"
	}

	return "text"
}

// values compares two values at a path.
func (c *comparison) values(at []string, want, got any) {
	if matches(c.replay.Ignore, at) {
		return
	}

	if want, got := kindName(want), kindName(got); want != got {
		if c.replay.Modelled && (!c.own && got == null || c.loose && (want == null || got == null)) {
			return
		}

		c.add(memberAt(at), want, got)

		return
	}

	switch want := want.(type) {
	case object:
		if got, ok := got.(object); ok {
			c.objects(at, want, got)
		}
	case []any:
		if got, ok := got.([]any); ok {
			c.arrays(at, want, got)
		}
	default:
		if matches(c.replay.Values, at) && !c.mapping.same(want, got) {
			c.add(memberAt(at), string(encode(want)), string(encode(got)))
		}
	}
}

// cutMark is the member of a recorded object that says that a list in it was cut.
const cutMark = "_cut"

func (c *comparison) objects(at []string, want, got object) {
	_, cut := want.get(cutMark)
	for _, m := range want {
		below := append(slices.Clone(at), m.name)
		own, found := got.get(m.name)
		switch {
		case m.name == cutMark:
		case !found && !c.replay.Modelled && !matches(c.replay.Ignore, below):
			c.add(memberAt(below), kindName(m.value), "missing")
		case found && cut:
			c.values(below, m.value, shortened(own, m.value))
		case found:
			c.values(below, m.value, own)
		}
	}

	for _, m := range got {
		below := append(slices.Clone(at), m.name)
		if _, found := want.get(m.name); !found && !matches(c.replay.Ignore, below) {
			c.add(memberAt(below), "missing", kindName(m.value))
		}
	}
}

// shortened is a list cut to the length of a recorded one.
func shortened(got, want any) any {
	long, ok := got.([]any)
	short, alsoList := want.([]any)
	if !ok || !alsoList || len(long) < len(short) {
		return got
	}

	return long[:len(short)]
}

func (c *comparison) arrays(at []string, want, got []any) {
	if len(want) != len(got) && !c.replay.Modelled {
		c.add("the number of elements of "+memberAt(at), strconv.Itoa(len(want)), strconv.Itoa(len(got)))
	}

	if c.replay.Modelled {
		c.elements(append(slices.Clone(at), "*"), want, got)

		return
	}

	for i := range min(len(want), len(got)) {
		c.values(append(slices.Clone(at), strconv.Itoa(i)), want[i], got[i])
	}
}

// elements compares the elements of two lists, which may be of another length and in
// another order: an object with the one that stands for it. Where none does, all are
// of others, and each is compared with any.
func (c *comparison) elements(at []string, want, got []any) {
	outer := c.loose
	defer func() { c.loose = outer }()

	if len(got) == 0 {
		return
	}

	own := slices.ContainsFunc(want, func(one any) bool {
		return slices.ContainsFunc(got, func(other any) bool { return c.mapping.sameObject(one, other) })
	})
	for i, one := range want {
		partner := slices.IndexFunc(got, func(other any) bool { return c.mapping.sameObject(one, other) })
		if own && partner < 0 {
			continue
		}

		c.loose = outer || partner < 0
		if partner < 0 {
			partner = slices.IndexFunc(got, func(other any) bool { return alike(one, other) })
		}

		if partner < 0 {
			partner = min(i, len(got)-1)
		}

		c.values(at, one, got[partner])
	}
}

// alike reports whether two objects are called the same: an option of MantisBT's, a
// label.
func alike(want, got any) bool {
	wanted, ok := want.(object)
	gotten, also := got.(object)
	if !ok || !also {
		return false
	}

	for _, name := range []string{"option", "name"} {
		before, found := wanted.get(name)
		if after, _ := gotten.get(name); found {
			return scalar(before) != "" && scalar(before) == scalar(after)
		}
	}

	return false
}

// memberAt is a path in a sentence.
func memberAt(at []string) string {
	if len(at) == 0 {
		return "the body"
	}

	return "the member " + strings.Join(at, ".")
}

// matches reports whether a path is in a list of them.
func matches(list []string, at []string) bool {
	return slices.ContainsFunc(list, func(form string) bool {
		parts := strings.Split(form, ".")
		if len(parts) != len(at) {
			return false
		}

		for i, part := range parts {
			if ok, err := path.Match(part, at[i]); part != at[i] && (err != nil || !ok) {
				return false
			}
		}

		return true
	})
}

const null = "null"

// kindName is the kind of a JSON value.
func kindName(value any) string {
	switch value.(type) {
	case nil:
		return null
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case []any:
		return "an array"
	case object:
		return "an object"
	}

	panic(fmt.Sprintf("no kind of JSON: %T", value))
}
