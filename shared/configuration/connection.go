package configuration

import (
	"encoding/json"
	"fmt"
	"reflect"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/domain"
)

// contentMembers are the members that decide what is sent and when, not by whom
// and where. A member that is not listed here counts as part of the connection.
var contentMembers = []string{
	"templates", "labels", "pull", "events", "filter", "map", "on_delete", "on_conflict", "on_leave", "on_update", "open", "digest_over",
}

// SameConnection reports whether two stored configurations of a provider reach
// the same place with the same credentials, as far as the text says: a secret is
// the mask in both. What the provider has said of one then holds for the other.
func SameConnection(provider domain.Provider, before, after string) (bool, error) {
	first, err := connection(provider, before)
	if err != nil {
		return false, err
	}

	second, err := connection(provider, after)
	if err != nil {
		return false, err
	}

	return reflect.DeepEqual(first, second), nil
}

// connection gives the members of a configuration that name the place and who
// calls it, defaults filled in.
func connection(provider domain.Provider, public string) (map[string]any, error) {
	typed, err := form.Decode(provider, public, nil)
	if err != nil {
		return nil, err
	}

	text, err := json.Marshal(typed)
	if err != nil {
		return nil, fmt.Errorf("compare configurations: %w", err)
	}

	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, fmt.Errorf("compare configurations: %w", err)
	}

	for _, name := range contentMembers {
		delete(members, name)
	}

	return members, nil
}
