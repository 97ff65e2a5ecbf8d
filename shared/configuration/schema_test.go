package configuration

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/domain"
)

func TestSecretsAndDestinationOfEachSchema(t *testing.T) {
	for provider, want := range map[domain.Provider][2]string{
		domain.GitHub:   {"private_key token", "app_id base_url installation_id"},
		domain.GitLab:   {"token", "base_url"},
		domain.Jira:     {"api_token token", "base_url email flavor"},
		domain.MantisBT: {"token", "base_url"},
		domain.Discord:  {"bot_token webhook_url", ""},
		domain.Slack:    {"bot_token webhook_url", "base_url"},
		domain.Teams:    {"workflow_url", ""},
	} {
		if got := strings.Join(Secrets(provider), " "); got != want[0] {
			t.Errorf("%s: secrets %s", provider, got)
		}

		if got := strings.Join(schemas()[provider].destination, " "); got != want[1] {
			t.Errorf("%s: destination %s", provider, got)
		}
	}
}

// Every member is one the typed form reads, with the schema's default, and can
// be explained to a manager and a reader of the documents.
func TestSchemasAgreeWithForms(t *testing.T) {
	for provider, s := range schemas() {
		typed, err := form.Decode(provider, `{}`, nil)
		if err != nil {
			t.Fatal(err)
		}

		defaults := marshal(t, typed)
		for name, property := range s.properties() {
			got, known := defaults[name]
			if !known {
				t.Errorf("%s.%s: the form does not read it", provider, name)
			}

			if want, ok := property["default"]; ok && !reflect.DeepEqual(text(want), text(got)) {
				t.Errorf("%s.%s: default %v in the schema, %v in the form", provider, name, want, got)
			}

			if property["title"] == nil || property["description"] == nil {
				t.Errorf("%s.%s: no title or description", provider, name)
			}

			_, pattern := property["pattern"]
			_, not := property["not"]
			if (pattern || not) && property["x-rule"] == nil {
				t.Errorf("%s.%s: no sentence for its rule", provider, name)
			}

			if property["writeOnly"] == true && property["format"] == nil {
				t.Errorf("%s.%s: a secret's format lets the mask pass and refuses a damaged one", provider, name)
			}
		}

		if len(defaults) != len(s.properties()) {
			t.Errorf("%s: the form has %d members, the schema %d", provider, len(defaults), len(s.properties()))
		}
	}
}

func text(v any) string { b, _ := json.Marshal(v); return string(b) }

func marshal(t *testing.T, v any) map[string]any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}

	members := map[string]any{}
	if err := json.Unmarshal(b, &members); err != nil {
		t.Fatal(err)
	}

	return members
}

// Each file stands alone, so what providers share is written more than once.
func TestSharedMembersAreTheSame(t *testing.T) {
	for _, name := range []string{"templates", "labels", "pull", "on_delete", "digest_over"} {
		var first any
		for provider, s := range schemas() {
			property, ok := s.properties()[name]
			if !ok {
				continue
			}

			if first == nil {
				first = property
			}

			if !reflect.DeepEqual(first, any(property)) {
				t.Errorf("%s.%s differs from another provider's", provider, name)
			}
		}
	}
}

func TestTemplateFieldsAreDocumented(t *testing.T) {
	for provider, s := range schemas() {
		description, _ := s.properties()["templates"]["description"].(string)
		if !strings.Contains(description, strings.Join(form.Fields, ", ")) {
			t.Errorf("%s: the fields are not listed", provider)
		}
	}
}

func TestSchemaFilesCompile(t *testing.T) {
	Warm()
	for _, provider := range domain.Providers {
		text, err := Schema(provider)
		if err != nil || !json.Valid(text) {
			t.Errorf("%s: %v", provider, err)
		}
	}
}

func BenchmarkCompileAll(b *testing.B) {
	for b.Loop() {
		for _, provider := range domain.Providers {
			load(provider).compiled()
		}
	}
}

func BenchmarkAccept(b *testing.B) {
	text := fill("{" + good[domain.GitHub][0] + "}")
	for b.Loop() {
		if _, err := Accept(domain.GitHub, text, nil); err != nil {
			b.Fatal(err)
		}
	}
}
