package configuration

import (
	"bytes"
	"embed"
	"fmt"
	"sort"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"example.com/integrations/shared/domain"
)

//go:embed schemas/*.json
var files embed.FS

// A schema is a provider's form: what the library checks, and what our own
// annotations say.
type schema struct {
	provider    domain.Provider
	raw         map[string]any
	secrets     []string // members marked writeOnly
	destination []string // members marked x-destination
	compiled    func() *jsonschema.Schema
}

var schemas = sync.OnceValue(func() map[domain.Provider]*schema {
	all := map[domain.Provider]*schema{}
	for _, provider := range domain.Providers {
		all[provider] = load(provider)
	}
	return all
})

// load reads an embedded schema. What is wrong with one is wrong in every
// build, so it panics and every test shows it.
func load(provider domain.Provider) *schema {
	text, err := Schema(provider)
	if err != nil {
		panic(err)
	}

	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		panic(fmt.Errorf("schema of %s: %w", provider, err))
	}

	s := &schema{provider: provider, raw: doc.(map[string]any)}
	for name, property := range s.properties() {
		if property["writeOnly"] == true {
			s.secrets = append(s.secrets, name)
		}

		if property["x-destination"] == true {
			s.destination = append(s.destination, name)
		}
	}

	sort.Strings(s.secrets)
	sort.Strings(s.destination)
	s.compiled = sync.OnceValue(s.compile)

	return s
}

func (s *schema) properties() map[string]map[string]any {
	members := map[string]map[string]any{}
	properties, _ := s.raw["properties"].(map[string]any)
	for name, property := range properties {
		members[name], _ = property.(map[string]any)
	}
	return members
}

func (s *schema) compile() *jsonschema.Schema {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	for _, format := range formats {
		compiler.RegisterFormat(format)
	}

	id := s.raw["$id"].(string)
	if err := compiler.AddResource(id, s.raw); err != nil {
		panic(fmt.Errorf("schema of %s: %w", s.provider, err))
	}

	return compiler.MustCompile(id)
}

func (s *schema) isSecret(member string) bool {
	i := sort.SearchStrings(s.secrets, member)
	return i < len(s.secrets) && s.secrets[i] == member
}

// Schema is a provider's JSON Schema (2020-12) as documents show it. Besides
// the standard ones it uses four annotations of our own: writeOnly members are
// secret, x-destination members decide where secrets are sent, x-rule is the
// sentence a manager reads when a member breaks its pattern or condition, and
// the formats, which only Accept has, check addresses, keys and templates.
func Schema(provider domain.Provider) ([]byte, error) {
	text, err := files.ReadFile("schemas/" + string(provider) + ".json")
	if err != nil {
		return nil, fmt.Errorf("schema of provider %q: %w", provider, err)
	}
	return text, nil
}

// Secrets lists a provider's secret members, sorted; nil for an unknown
// provider.
func Secrets(provider domain.Provider) []string {
	s, known := schemas()[provider]
	if !known {
		return nil
	}
	return append([]string(nil), s.secrets...)
}

// Warm compiles every schema, for a function that does so while it starts.
func Warm() {
	for _, s := range schemas() {
		s.compiled()
	}
}
