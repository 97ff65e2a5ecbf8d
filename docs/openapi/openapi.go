// Package openapi holds the document of the HTTP API, which people write by
// hand in openapi.yaml.
package openapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/oasdiff/yaml"

	"example.com/integrations/shared/configuration"
	"example.com/integrations/shared/domain"
)

//go:embed openapi.yaml
var source []byte

// forms is where the document finds the configuration forms, seen from itself.
const forms = "../../shared/configuration/schemas/"

// Document is the whole document as JSON, indented and with sorted members.
// The providers' configuration forms are in it: each stands where the source
// refers to the file from which the service itself reads it.
func Document() ([]byte, error) {
	document, err := Parse(source)
	if err != nil {
		return nil, err
	}

	schemas, _ := At(document, "components", "schemas").(map[string]any)
	for name, schema := range schemas {
		file, ok := strings.CutPrefix(text(At(schema, "$ref")), forms)
		if !ok {
			continue
		}

		if schemas[name], err = form(domain.Provider(strings.TrimSuffix(file, path.Ext(file)))); err != nil {
			return nil, err
		}
	}

	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err = encoder.Encode(document)

	return out.Bytes(), err
}

// form is a provider's configuration form without what names it as a document
// of its own.
func form(provider domain.Provider) (map[string]any, error) {
	schema, err := configuration.Schema(provider)
	if err != nil {
		return nil, err
	}

	parsed, err := Parse(schema)
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", provider, err)
	}

	delete(parsed, "$schema")
	delete(parsed, "$id")
	forbid(parsed)

	return parsed, nil
}

// forbid writes each member that must be absent as {"not": {}} in place of false.
// Both mean the same, and generators of clients cannot read a boolean in the place
// of a member's schema.
func forbid(schema any) {
	switch value := schema.(type) {
	case []any:
		for _, one := range value {
			forbid(one)
		}
	case map[string]any:
		members, _ := value["properties"].(map[string]any)
		for name, member := range members {
			if member == false {
				members[name] = map[string]any{"not": map[string]any{}}
			}
		}

		for _, one := range value {
			forbid(one)
		}
	}
}

// Parse reads a document in YAML or JSON. Its numbers are json.Numbers.
func Parse(document []byte) (map[string]any, error) {
	asJSON, err := yaml.YAMLToJSON(document)
	if err != nil {
		return nil, err
	}

	var parsed map[string]any
	decoder := json.NewDecoder(bytes.NewReader(asJSON))
	decoder.UseNumber()

	return parsed, decoder.Decode(&parsed)
}

// At walks down the members of objects; nil where there is none.
func At(value any, members ...string) any {
	for _, member := range members {
		object, _ := value.(map[string]any)
		value = object[member]
	}
	return value
}

func text(value any) string {
	s, _ := value.(string)
	return s
}
