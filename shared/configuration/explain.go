package configuration

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sort"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"example.com/integrations/shared/configuration/form"
)

// check validates a document and says what is wrong with it in our own words:
// the library's repeat the values they refuse.
func (s *schema) check(doc *object, texts []string) []FieldError {
	err := s.compiled().Validate(doc.plain())
	if err == nil {
		return nil
	}

	var failed *jsonschema.ValidationError
	if !errors.As(err, &failed) {
		return whole("cannot be checked")
	}

	return s.explain(failed, texts, nil)
}

// explain walks to the leaves: what is above them only groups them.
func (s *schema) explain(failed *jsonschema.ValidationError, texts []string, fields []FieldError) []FieldError {
	if len(failed.Causes) > 0 {
		for _, cause := range failed.Causes {
			fields = s.explain(cause, texts, fields)
		}
		return fields
	}

	path := strings.Join(append([]string{root}, failed.InstanceLocation...), ".")
	node, rule := s.at(failed.SchemaURL)
	switch k := failed.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			fields = append(fields, FieldError{path + "." + name, sentence("is required", rule)})
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			fields = append(fields, unknown(path, name, node, texts))
		}
	default:
		fields = append(fields, FieldError{path, detail(failed.ErrorKind, node, rule, texts)})
	}

	return fields
}

// at finds the part of the schema that failed, and the nearest x-rule at or
// above it.
func (s *schema) at(location string) (node map[string]any, rule string) {
	_, fragment, _ := strings.Cut(location, "#")
	if text, err := url.PathUnescape(fragment); err == nil {
		fragment = text
	}

	var here any = s.raw
	for _, token := range strings.Split(strings.TrimPrefix(fragment, "/"), "/") {
		if node, _ = here.(map[string]any); node != nil {
			if text, ok := node["x-rule"].(string); ok {
				rule = text
			}
		}

		here = step(here, token)
	}

	if node, _ = here.(map[string]any); node != nil {
		if text, ok := node["x-rule"].(string); ok {
			rule = text
		}
	}

	if fragment == "" {
		node = s.raw
	}

	return node, rule
}

func step(here any, token string) any {
	switch here := here.(type) {
	case map[string]any:
		return here[strings.NewReplacer("~1", "/", "~0", "~").Replace(token)]
	case []any:
		if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(here) {
			return here[i]
		}
	}

	return nil
}

func sentence(start, rule string) string {
	if rule == "" {
		return start
	}
	return start + ": " + rule
}

func unknown(path, name string, node map[string]any, texts []string) FieldError {
	properties, _ := node["properties"].(map[string]any)
	members := make([]string, 0, len(properties))
	for member := range properties {
		members = append(members, member)
	}

	sort.Strings(members)
	list := strings.Join(members, ", ")
	if shown, ok := echo(name, texts); ok {
		return FieldError{path + "." + shown, "is unknown: the members are " + list}
	}

	return FieldError{path, "has an unknown member (its name is not repeated here): the members are " + list}
}

// detail says in a sentence what a leaf of the library's error means. It uses
// what the schema wants and never what the manager gave.
func detail(k jsonschema.ErrorKind, node map[string]any, rule string, texts []string) string {
	switch k := k.(type) {
	case *kind.Type:
		return wrongType(k)
	case *kind.Enum:
		return "must be " + alternatives(k.Want)
	case *kind.Format:
		return formatDetail(k.Err, texts)
	case *kind.MaxLength:
		return fmt.Sprintf("must be at most %d characters long", k.Want)
	case *kind.Minimum, *kind.Maximum:
		if rule == "" {
			return fmt.Sprintf("must be from %v to %v", node["minimum"], node["maximum"])
		}
	}

	if rule == "" {
		return "is not valid"
	}

	return rule
}

var typeNames = map[string]string{
	"string": "a string (in quotation marks)", "integer": "a whole number", "object": "an object",
}

func wrongType(k *kind.Type) string {
	if k.Got == "null" {
		return "must not be null"
	}

	names := make([]string, len(k.Want))
	for i, want := range k.Want {
		names[i] = typeNames[want]
	}

	return "must be " + strings.Join(names, " or ")
}

func alternatives(values []any) string {
	words := make([]string, len(values))
	for i, value := range values {
		b, err := json.Marshal(value)
		if err != nil {
			b = []byte("?")
		}
		words[i] = string(b)
	}

	return strings.Join(words, " or ")
}

func formatDetail(err error, texts []string) string {
	var field *form.UnknownFieldError
	if !errors.As(err, &field) {
		return err.Error()
	}

	list := "the fields are " + strings.Join(form.Fields, ", ")
	if shown, ok := echo(field.Name, texts); ok {
		return fmt.Sprintf("names the unknown field {{%s}}: %s", shown, list)
	}

	return "has {{…}} around what is not a field's name: " + list
}
