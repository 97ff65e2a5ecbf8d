package recording

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// longestShown bounds a value in a difference, in bytes.
const longestShown = 80

// compare lists the differences between a recorded answer and that of the
// stand-in.
func (p Replay) compare(e Exchange, got Response, m *mapping) []Difference {
	want := e.Response
	if want.Status == 0 {
		return nil
	}
	c := &comparison{replay: p, mapping: m, name: e.Case}
	if got.Cut != "" {
		c.add("the answer", "status "+strconv.Itoa(want.Status), "absent: "+got.Cut)

		return c.found
	}

	if want.Status != got.Status {
		c.add("the status", strconv.Itoa(want.Status), strconv.Itoa(got.Status))
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
	for i := range min(len(want), len(got)) {
		c.values(append(slices.Clone(at), strconv.Itoa(i)), want[i], got[i])
	}
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

// kindName is the kind of a JSON value.
func kindName(value any) string {
	switch value.(type) {
	case nil:
		return "null"
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
