package delivery

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
)

// A pattern is what events must look like: a member that is an object holds
// further members, a member that is a list holds the values allowed.
type pattern struct {
	members map[string]pattern
	allowed []any
}

func parsePattern(data json.RawMessage) (pattern, error) {
	value, err := decode(data)
	if err != nil {
		return pattern{}, fmt.Errorf("event pattern: %w", err)
	}

	object, ok := value.(map[string]any)
	if !ok || len(object) == 0 {
		return pattern{}, errors.New("event pattern: not an object with members")
	}

	return compile(object, "")
}

func compile(object map[string]any, path string) (pattern, error) {
	p := pattern{members: map[string]pattern{}}
	for name, value := range object {
		where := strings.TrimPrefix(path+"."+name, ".")
		var err error
		switch v := value.(type) {
		case map[string]any:
			p.members[name], err = compile(v, where)
		case []any:
			p.members[name], err = compileLeaf(v, where)
		default:
			err = fmt.Errorf("event pattern: %s is neither an object nor a list", where)
		}

		if err != nil {
			return p, err
		}
	}

	return p, nil
}

func compileLeaf(values []any, path string) (pattern, error) {
	if len(values) == 0 {
		return pattern{}, fmt.Errorf("event pattern: %s allows nothing", path)
	}

	for _, value := range values {
		switch v := value.(type) {
		case map[string]any:
			for operator := range v {
				return pattern{}, fmt.Errorf("event pattern: the operator %s of %s is unknown to the local environment", operator, path)
			}
		case []any:
			return pattern{}, fmt.Errorf("event pattern: %s holds a list in a list", path)
		}
	}

	return pattern{allowed: values}, nil
}

// matches reports whether every member of the pattern is met. A list in the
// event meets a pattern when one of its values does.
func (p pattern) matches(value any) bool {
	if p.members == nil {
		return p.allows(value)
	}

	object, ok := value.(map[string]any)
	if !ok {
		return false
	}

	for name, member := range p.members {
		inner, ok := object[name]
		if !ok || !member.matches(inner) {
			return false
		}
	}

	return true
}

func (p pattern) allows(value any) bool {
	if list, ok := value.([]any); ok {
		for _, one := range list {
			if p.allows(one) {
				return true
			}
		}
		return false
	}

	if _, ok := value.(map[string]any); ok {
		return false
	}

	for _, allowed := range p.allowed {
		if allowed == value {
			return true
		}
	}

	return false
}

// checkPath accepts a fixed text and the plain paths that occur.
func checkPath(path string) error {
	rest, ok := strings.CutPrefix(path, "$")
	if !ok {
		return nil
	}
	if !strings.HasPrefix(rest, ".") || strings.ContainsAny(rest, "[]*()?") || strings.Contains(rest, "..") {
		return fmt.Errorf("the path %s is unknown to the local environment", path)
	}

	return nil
}

// groupOf gives the text at a path of an event, or the fixed text.
func groupOf(path string, event any) string {
	rest, ok := strings.CutPrefix(path, "$.")
	if !ok {
		return path
	}

	for name := range strings.SplitSeq(rest, ".") {
		object, _ := event.(map[string]any)
		event = object[name]
	}

	switch v := event.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}

	return ""
}

// encode gives an event as text and as values.
func encode(event envelope) (string, any, error) {
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(event); err != nil {
		return "", nil, err
	}

	value, err := decode(buf.Bytes())

	return escape(strings.TrimSuffix(buf.String(), "\n")), value, err
}

// escape writes as \u what fauxqs refuses in a message although SQS takes it:
// everything beyond the basic plane, such as an emoji. To a JSON parser, which
// every target is, both are the same.
func escape(body string) string {
	var out strings.Builder
	for _, r := range body {
		if r <= 0xFFFD {
			out.WriteRune(r)
			continue
		}

		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&out, "\\u%04x", unit)
		}
	}

	return out.String()
}

// decode keeps numbers as they are written: 1 and 1.0 do not match, as on AWS.
func decode(data []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	return value, err
}
