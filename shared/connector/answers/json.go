package answers

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// Bounds on what is read of a body. A hostile body costs no more than that.
const (
	maxBytes = 256 << 10
	maxNodes = 1_000
	maxDepth = 32
	maxParts = 8
)

// A node is a JSON value. Numbers and booleans keep their literal in text.
type node struct {
	kind    byte // '{', '[', '"', '0' for a number or boolean, 0 for null
	text    string
	members []member
	items   []node
}

type member struct {
	name  string
	value node
}

// member gives the first member of that name.
func (n node) member(name string) (node, bool) {
	for _, m := range n.members {
		if m.name == name {
			return m.value, true
		}
	}

	return node{}, false
}

// A reader builds nodes out of tokens, and stops at the bounds.
type reader struct {
	decoder *json.Decoder
	left    int
}

// parse reads a JSON value. Of one that is cut or broken off, what stands before
// the break is given. Not ok: the body does not begin as a JSON value.
func parse(body []byte) (n node, ok bool) {
	if len(body) > maxBytes {
		body = body[:maxBytes]
	}

	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()

	r := reader{decoder: decoder, left: maxNodes}
	token, err := decoder.Token()
	if err != nil {
		return node{}, false
	}

	n, _ = r.value(token, maxDepth)

	return n, true
}

// value reads the value that begins with a token. Whole is false where it broke
// off, or where a bound was reached: nothing can be read behind it.
func (r *reader) value(token json.Token, depth int) (n node, whole bool) {
	r.left--
	if r.left < 0 || depth <= 0 {
		return node{}, false
	}

	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return r.object(depth)
		}
		return r.list(depth)

	case string:
		return node{kind: '"', text: token}, true
	case json.Number:
		return node{kind: '0', text: token.String()}, true
	case bool:
		text := "false"
		if token {
			text = "true"
		}
		return node{kind: '0', text: text}, true
	}

	return node{}, true // null
}

func (r *reader) object(depth int) (n node, whole bool) {
	n.kind = '{'
	for r.decoder.More() {
		token, err := r.decoder.Token()
		if err != nil {
			return n, false
		}

		name, _ := token.(string)

		token, err = r.decoder.Token()
		if err != nil {
			return n, false
		}

		value, whole := r.value(token, depth-1)
		n.members = append(n.members, member{name, value})
		if !whole {
			return n, false
		}
	}

	_, err := r.decoder.Token()

	return n, err == nil
}

func (r *reader) list(depth int) (n node, whole bool) {
	n.kind = '['
	for r.decoder.More() {
		token, err := r.decoder.Token()
		if err != nil {
			return n, false
		}

		item, whole := r.value(token, depth-1)
		n.items = append(n.items, item)
		if !whole {
			return n, false
		}
	}

	_, err := r.decoder.Token()

	return n, err == nil
}

var (
	// sentences are members that hold words about the object they stand in, in
	// the order in which they are given.
	sentences = []string{"message", "error", "error_description", "error_summary", "errorMessage", "error_message", "title", "detail", "reason", "description"}
	// carriers are members that lead to more words and say nothing by their name.
	carriers = []string{"message", "error", "errors", "_errors", "errorMessages", "messages", "response_metadata", "details", "base"}
	// silent are members whose texts are no reason.
	silent = []string{
		"code", "documentation_url", "status", "statusCode", "status_code", "type", "field", "resource", "value", "localized", "instance", "timestamp",
		"path", "request_id", "requestId", "trace_id", "traceId", "provided", "next_cursor", "scope", "warning",
	}
)

// A speaker collects the words of a value.
type speaker struct{ parts []string }

// add keeps a text, behind the names that lead to it.
func (s *speaker) add(path []string, text string) {
	text = strings.TrimSpace(text)
	if text == "" || len(s.parts) >= maxParts {
		return
	}

	if len(path) > 0 {
		text = strings.Join(path, ".") + ": " + text
	}

	if !slices.Contains(s.parts, text) {
		s.parts = append(s.parts, text)
	}
}

// say collects the words of a value. Fields is true for an object whose member
// names are those of a form, whatever they are called.
func (s *speaker) say(n node, path []string, fields bool) {
	switch n.kind {
	case '"':
		s.add(path, n.text)
	case '[':
		for _, item := range n.items {
			s.say(item, path, false)
		}
	case '{':
		if fields {
			s.form(n, path)
			return
		}
		s.object(n, path)
	}
}

// object collects the words of an object: its own, then those of what it
// carries. One without any gives all that it holds.
func (s *speaker) object(n node, path []string) {
	before := len(s.parts)
	own := s.own(n, path)

	for _, m := range n.members {
		switch {
		case m.value.kind == '"' && slices.Contains(sentences, m.name):
		case m.name == "needed" && m.value.kind == '"':
			s.add(nil, "needed: "+m.value.text)
		case slices.Contains(carriers, m.name):
			s.say(m.value, path, m.name == "errors" || m.name == "message")
		}
	}

	if own || len(s.parts) > before {
		return
	}

	for _, m := range n.members {
		if !slices.Contains(carriers, m.name) && !slices.Contains(silent, m.name) {
			s.say(m.value, extend(path, m.name), false)
		}
	}
}

// own collects the words that an object says about itself.
func (s *speaker) own(n node, path []string) bool {
	var said []string
	for _, name := range sentences {
		if value, ok := n.member(name); ok && value.kind == '"' && strings.TrimSpace(value.text) != "" {
			said = append(said, value.text)
		}
	}

	text := func(name string) string {
		value, _ := n.member(name)
		if value.kind != '"' {
			return ""
		}
		return strings.TrimSpace(value.text)
	}

	field := text("field")
	code := text("code")
	if field != "" {
		path = extend(path, field)
	}

	switch {
	case len(said) == 0 && code == "":
		s.add(path, text("localized"))
		return text("localized") != ""
	case len(said) == 0:
		s.add(nil, coded(text("resource"), path, code, text("value")))
		return true
	case code != "" && len(path) == 0 && strings.Trim(code, "0123456789") != "":
		said[0] = code + ": " + said[0]
	}

	for _, one := range said {
		s.add(path, one)
	}

	return true
}

// coded is a refusal of a field that has a code and no words:
// {"value":"x","resource":"Label","field":"name","code":"invalid"}.
func coded(resource string, path []string, code, value string) string {
	text := strings.TrimSpace(resource + " " + strings.Join(path, "."))
	text = strings.TrimPrefix(text+": "+code, ": ")
	if value != "" {
		text += " (" + value + ")"
	}

	return text
}

// form collects the words about the fields of a form.
func (s *speaker) form(n node, path []string) {
	for _, m := range n.members {
		if slices.Contains(carriers, m.name) {
			s.say(m.value, path, false)
			continue
		}
		s.say(m.value, extend(path, m.name), false)
	}
}

// extend makes a longer path and leaves the given one as it is.
func extend(path []string, name string) []string {
	return append(slices.Clone(path), name)
}
