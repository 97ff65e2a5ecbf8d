package configuration

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of the text as a whole.
const (
	MaxBytes = 64 << 10
	maxDepth = 8
)

// An object keeps its members in the order they were written.
type object struct {
	names  []string
	values map[string]any
}

// A reader reads JSON so that only one reading is possible: no duplicate
// members, no invalid UTF-8, no lone surrogates, nothing after the object.
type reader struct {
	text   string
	dec    *json.Decoder
	fields []FieldError
	texts  []string // every string value, so that none of them is echoed as a name
	dups   []dup
}

// A dup is held back until all string values are known.
type dup struct{ path, name string }

// parse reads a configuration's text. The strings it returns are all string
// values of the text.
func parse(text string) (*object, []string, []FieldError) {
	if len(text) > MaxBytes {
		return nil, nil, whole(fmt.Sprintf("must be at most %d bytes long", MaxBytes))
	}

	if detail := syntax(text); detail != "" {
		return nil, nil, whole(detail)
	}

	r := &reader{text: text, dec: json.NewDecoder(strings.NewReader(text))}
	r.dec.UseNumber()
	doc := r.value(root)
	for _, d := range r.dups {
		r.addDup(d)
	}

	if len(r.fields) > 0 {
		return nil, r.texts, r.fields
	}

	return doc.(*object), r.texts, nil // syntax has seen the brace
}

func whole(detail string) []FieldError { return []FieldError{{root, detail}} }

// syntax says what keeps the text from being one JSON object, "" if nothing.
func syntax(text string) string {
	if strings.Trim(text, " \t\r\n") == "" {
		return "must be a JSON object, not an empty text"
	}

	dec := json.NewDecoder(strings.NewReader(text))
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		var bad *json.SyntaxError
		if errors.As(err, &bad) {
			return fmt.Sprintf("is not JSON (byte %d)", bad.Offset)
		}
		return "is not JSON (it ends too early)"
	}

	if _, err := dec.Token(); err != io.EOF {
		return "must be one JSON object with nothing after it"
	}

	if raw[0] != '{' {
		return "must be a JSON object"
	}
	if depth(text) > maxDepth {
		return fmt.Sprintf("must be nested at most %d deep", maxDepth)
	}

	return ""
}

// depth counts how deep valid JSON is nested, before anything recurses into it.
func depth(text string) int {
	deepest := 0
	now := 0
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}

	return deepest
}

// value reads the next value; the text is known to be JSON.
func (r *reader) value(path string) any {
	token, raw := r.next()
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return r.object(path)
		}
		return r.array(path)

	case string:
		r.check(path, raw)
		r.texts = append(r.texts, token)
		return token
	case json.Number:
		return r.number(path, token)
	}

	return token
}

func (r *reader) object(path string) any {
	o := &object{values: map[string]any{}}
	for r.dec.More() {
		token, raw := r.next()
		name, _ := token.(string)
		r.check(path, raw)
		below := path
		if shown, ok := echo(name, nil); ok {
			below = path + "." + shown
		}

		value := r.value(below)
		if _, twice := o.values[name]; twice {
			r.dups = append(r.dups, dup{path, name})
			continue
		}

		o.names = append(o.names, name)
		o.values[name] = value
	}

	r.next()

	return o
}

func (r *reader) array(path string) any {
	list := []any{}
	for r.dec.More() {
		list = append(list, r.value(path))
	}

	r.next()
	return list
}

// next gives a token and its spelling in the text.
func (r *reader) next() (json.Token, string) {
	from := r.dec.InputOffset()
	token, err := r.dec.Token()
	if err != nil {
		panic("configuration: JSON that was valid is not: " + err.Error())
	}
	return token, strings.TrimLeft(r.text[from:r.dec.InputOffset()], " \t\r\n,:")
}

// check refuses what the decoder would silently replace by U+FFFD.
func (r *reader) check(path, raw string) {
	if !utf8.ValidString(raw) {
		r.fail(path, "is not valid UTF-8")
	}

	if loneSurrogate(raw) {
		r.fail(path, `has half of a surrogate pair (\ud800 to \udfff)`)
	}
}

func loneSurrogate(raw string) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}

		unit := escaped(raw[i:])
		switch {
		case unit < 0:
			i++ // the escaped character, perhaps a backslash
			continue
		case unit >= 0xdc00 && unit <= 0xdfff:
			return true
		case unit >= 0xd800 && unit <= 0xdbff:
			low := escaped(raw[i+6:])
			if low < 0xdc00 || low > 0xdfff {
				return true
			}
			i += 6
		}

		i += 5
	}

	return false
}

// escaped reads a \uXXXX at the start of s, -1 if there is none.
func escaped(s string) int {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}

	n, err := strconv.ParseUint(s[2:6], 16, 16)
	if err != nil {
		return -1
	}

	return int(n)
}

// number keeps whole numbers as they are and turns 2e1 or 20.0 into 20. Huge
// exponents never reach the schema library, which would compute them exactly.
func (r *reader) number(path string, n json.Number) any {
	text := string(n)
	if len(text) <= 19 && strings.Trim(strings.TrimPrefix(text, "-"), "0123456789") == "" {
		if text == "-0" {
			text = "0"
		}
		return json.Number(text)
	}

	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.Abs(f) > 1e15 {
		r.fail(path, "is a number out of range")
		return json.Number("0")
	}

	if f == math.Trunc(f) {
		return json.Number(strconv.FormatInt(int64(f), 10))
	}

	return f
}

func (r *reader) fail(path, detail string) {
	r.fields = append(r.fields, FieldError{path, detail})
}

func (r *reader) addDup(d dup) {
	if shown, ok := echo(d.name, r.texts); ok {
		r.fail(d.path+"."+shown, "is given more than once")
		return
	}
	r.fail(d.path, "has a member twice (its name is not repeated here)")
}

// plain is the object as the schema library wants it.
func (o *object) plain() map[string]any {
	m := make(map[string]any, len(o.values))
	for name, value := range o.values {
		if inner, ok := value.(*object); ok {
			value = inner.plain()
		} else if list, ok := value.([]any); ok {
			value = make([]any, len(list)) // no form has lists: its kind is enough
		}

		m[name] = value
	}

	return m
}

// text gives a member that is a string or a number as text, "" if absent.
func (o *object) text(name string) string {
	switch v := o.values[name].(type) {
	case string:
		return v
	case json.Number:
		return string(v)
	}

	return ""
}

// encode writes the object compactly, its members in their order.
func (o *object) encode(out *strings.Builder) {
	out.WriteByte('{')
	for i, name := range o.names {
		if i > 0 {
			out.WriteByte(',')
		}

		out.WriteString(literal(name))
		out.WriteByte(':')
		if inner, ok := o.values[name].(*object); ok {
			inner.encode(out)
			continue
		}

		out.WriteString(literal(o.values[name]))
	}

	out.WriteByte('}')
}

// literal writes a scalar without HTML escapes.
func literal(v any) string {
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("configuration: " + err.Error()) // strings, numbers and booleans always encode
	}

	return strings.TrimSuffix(out.String(), "\n")
}
