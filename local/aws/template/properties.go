package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// properties reads the members of an object, resolved, and remembers which
// were read: any other would be ignored without notice.
type properties struct {
	resolver *resolver
	values   map[string]any
	known    []string
	problems []error
}

func (p *properties) take(name string) any {
	p.known = append(slices.Clip(p.known), name)
	raw, ok := p.values[name]
	if !ok {
		return nil
	}

	value, err := p.resolver.value(raw)
	if err != nil {
		p.problems = append(p.problems, fmt.Errorf("%s: %w", name, err))
		return nil
	}

	if _, absent := value.(noValue); absent {
		return nil
	}

	return value
}

func (p *properties) wrong(name string, value any) {
	p.problems = append(p.problems, fmt.Errorf("%s has the unexpected value %v", name, value))
}

// text accepts numbers and booleans too: CloudFormation takes either form.
func (p *properties) text(name string) string { return p.asText(name, p.take(name)) }

func (p *properties) asText(name string, value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}

	p.wrong(name, value)

	return ""
}

func (p *properties) required(name string) string {
	text := p.text(name)
	if text == "" {
		p.problems = append(p.problems, fmt.Errorf("%s is missing", name))
	}
	return text
}

// only insists on one of the values the local environment can run.
func (p *properties) only(name string, allowed ...string) string {
	text := p.text(name)
	if !slices.Contains(allowed, text) {
		p.problems = append(p.problems, fmt.Errorf("%s is %q: the local environment supports only %q", name, text, allowed))
	}
	return text
}

func (p *properties) number(name string, preset int) int {
	text := p.text(name)
	if text == "" {
		return preset
	}

	n, err := strconv.Atoi(text)
	if err != nil {
		p.wrong(name, text)
	}

	return n
}

func (p *properties) seconds(name string, preset int) time.Duration {
	return time.Duration(p.number(name, preset)) * time.Second
}

func (p *properties) texts(name string) []string {
	var out []string
	for _, value := range p.list(name) {
		out = append(out, p.asText(name, value))
	}
	return out
}

func (p *properties) list(name string) []any {
	value := p.take(name)
	list, ok := value.([]any)
	if !ok && value != nil {
		p.wrong(name, value)
	}
	return list
}

// object opens a member that is an object; a missing one has no members.
func (p *properties) object(name string, ignored ...string) *properties {
	return p.open(name, p.take(name), ignored)
}

// objects opens the members of a list of objects.
func (p *properties) objects(name string, ignored ...string) []*properties {
	var out []*properties
	for _, value := range p.list(name) {
		out = append(out, p.open(name, value, ignored))
	}
	return out
}

func (p *properties) open(name string, value any, ignored []string) *properties {
	values, ok := value.(map[string]any)
	if !ok && value != nil {
		p.wrong(name, value)
	}
	return &properties{resolver: p.resolver, values: values, known: ignored}
}

// close ends the reading of a nested object.
func (p *properties) close(nested *properties, name string) {
	if err := nested.end(); err != nil {
		p.problems = append(p.problems, fmt.Errorf("%s: %w", name, err))
	}
}

// end reports what was wrong and what was not read.
func (p *properties) end() error {
	problems := p.problems
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		if !slices.Contains(p.known, name) {
			problems = append(problems, fmt.Errorf("the property %s is unknown to the local environment", name))
		}
	}

	return errors.Join(problems...)
}

// raw is a member as JSON.
func (p *properties) raw(name string) json.RawMessage {
	value := p.take(name)
	if value == nil {
		return nil
	}

	encoded, err := json.Marshal(value)
	if err != nil {
		p.wrong(name, value)
	}

	return encoded
}

// reference reads a member that must be {"Ref": id} or GetAtt of a resource of
// one type and gives the resource's logical id.
func (p *properties) reference(name, kind string) string {
	p.take(name)
	raw, _ := p.values[name].(map[string]any)
	id := ""
	switch fn, argument, _ := intrinsic(raw); fn {
	case "Ref":
		id, _ = argument.(string)
	case "Fn::GetAtt":
		if pair, ok := argument.([]any); ok && len(pair) == 2 {
			id, _ = pair[0].(string)
		} else if text, ok := argument.(string); ok {
			id, _, _ = strings.Cut(text, ".")
		}
	}

	if res := p.resolver.resources[id]; res == nil || res.Type != kind {
		p.problems = append(p.problems, fmt.Errorf("%s does not refer to a resource of type %s of the stack", name, kind))
	}

	return id
}
