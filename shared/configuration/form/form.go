// Package form gives a validated configuration its type: one struct for each
// provider, defaults filled in, and the place it points to. The worker and the
// connectors read configurations through it; it judges nothing and links no
// schema library.
package form

import (
	"encoding/json"
	"fmt"

	"example.com/integrations/shared/domain"
)

// A Form is a provider's configuration.
type Form interface {
	// Destination says where secrets and items go. The webhook is only looked
	// at where a secret URL stands for the channel: see WebhookOf.
	Destination(hook Webhook) Destination
	// Rendering is what changes how an item looks at the provider.
	Rendering() any
}

// settable is a pointer to a form, so that defaults can be filled in.
type settable interface {
	Form
	setDefaults()
}

// Parse reads a stored configuration as T. A member that reads as the mask
// takes its plaintext from secrets; where there is none the mask stays.
func Parse[T any, P interface {
	*T
	settable
}](public string, secrets map[string]string) (T, error) {
	var form T
	err := read(public, secrets, P(&form))
	return form, err
}

// Decode is Parse for a provider known only at run time. It gives a pointer to
// the provider's struct.
func Decode(provider domain.Provider, public string, secrets map[string]string) (Form, error) {
	form := empty(provider)
	if form == nil {
		return nil, fmt.Errorf("configuration of %q: unknown provider", provider)
	}
	return form, read(public, secrets, form)
}

func empty(provider domain.Provider) settable {
	switch provider {
	case domain.Discord:
		return &Discord{}
	case domain.GitHub:
		return &GitHub{}
	case domain.GitLab:
		return &GitLab{}
	case domain.Jira:
		return &Jira{}
	case domain.MantisBT:
		return &MantisBT{}
	case domain.Slack:
		return &Slack{}
	case domain.Teams:
		return &Teams{}
	}

	return nil
}

func read(public string, secrets map[string]string, form settable) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(public), &members); err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}

	for name, raw := range members {
		secret, given := secrets[name]
		if given && string(raw) == maskJSON {
			text, err := json.Marshal(secret)
			if err != nil {
				return fmt.Errorf("read configuration: %s: %w", name, err)
			}
			members[name] = text
		}
	}

	full, err := json.Marshal(members)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}

	if err := json.Unmarshal(full, form); err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}

	form.setDefaults()

	return nil
}

const maskJSON = `"` + domain.Mask + `"`

// An ID is a name or number the provider gave out. It is written as a JSON
// string or, where that loses nothing, as a number.
type ID string

// UnmarshalJSON takes a string or an integer.
func (id *ID) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*id = ID(text)
		return nil
	}

	var number json.Number
	if err := json.Unmarshal(b, &number); err != nil {
		return err
	}

	*id = ID(number)

	return nil
}

func orElse(member *string, value string) {
	if *member == "" {
		*member = value
	}
}
