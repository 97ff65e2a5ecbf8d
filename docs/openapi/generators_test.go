package openapi

import (
	"strings"
	"testing"
)

// Generators of clients cannot read a boolean in the place of a member's schema, and
// make a file of a text that has a media type.
func TestGeneratorsCanReadTheDocument(t *testing.T) {
	parsed, err := Parse(document(t))
	if err != nil {
		t.Fatal(err)
	}

	for _, found := range unreadable("", parsed) {
		t.Error(found)
	}
}

// What generators cannot read is found, and nothing else.
func TestUnreadable(t *testing.T) {
	for source, want := range map[string]string{
		`{"properties": {"a": false}}`:                             "/properties/a is a boolean in the place of a schema",
		`{"anyOf": [{"properties": {"a": true}}]}`:                 "/anyOf/properties/a is a boolean in the place of a schema",
		`{"type": "string", "contentMediaType": "text/plain"}`:     " names a media type",
		`{"properties": {"a": {"not": {}}}}`:                       "",
		`{"properties": {"a": {}}, "additionalProperties": false}`: "",
	} {
		parsed, err := Parse([]byte(source))
		if err != nil {
			t.Fatal(err)
		}

		if got := strings.Join(unreadable("", parsed), "; "); got != want {
			t.Errorf("%s: %q, want %q", source, got, want)
		}
	}
}

// unreadable says where a schema has what generators cannot read.
func unreadable(place string, schema any) []string {
	var found []string
	switch value := schema.(type) {
	case []any:
		for _, one := range value {
			found = append(found, unreadable(place, one)...)
		}
	case map[string]any:
		if _, ok := value["contentMediaType"]; ok {
			found = append(found, place+" names a media type")
		}

		members, _ := value["properties"].(map[string]any)
		for name, member := range members {
			if _, ok := member.(bool); ok {
				found = append(found, place+"/properties/"+name+" is a boolean in the place of a schema")
			}
		}

		for name, one := range value {
			found = append(found, unreadable(place+"/"+name, one)...)
		}
	}

	return found
}
