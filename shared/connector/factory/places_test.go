package factory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// The engine asks the connector's type whether it can say which place it is.
// Where only a secret address names the place, no call is made for it, and the
// id is the hash that is stored of the address. Everywhere else a resolve that
// cannot ask fails as a call that was not sent.
func TestPlaces(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()

	for name, secret := range map[string]string{
		"jira": "", "jira_datacenter": "", "mantisbt": "", "discord": "", "discord webhook": "", "slack": "",
		"slack webhook": "webhook_url", "teams": "workflow_url",
	} {
		one := configurations[name]
		c, err := New(one.provider, one.text, one.secrets, outbound.New(outbound.Config{}), nil)
		if err != nil {
			t.Fatal(err)
		}

		r, ok := c.(connector.Resolver)
		if !ok {
			t.Errorf("%s: no resolver", name)
			continue
		}

		p, err := r.Resolve(cancelled)
		if secret == "" {
			var e *failure.Error
			if !errors.As(err, &e) || e.Class != failure.NotSent || e.Scope != failure.IntegrationScope || p != (connector.Place{}) {
				t.Errorf("%s: %+v, %v", name, p, err)
			}
			continue
		}

		address := one.secrets[secret]
		if want := form.WebhookOf(one.provider, address).Hash; err != nil || want == "" || p.ID != want {
			t.Errorf("%s: %+v, %v; want %s", name, p, err, want)
		}

		if strings.Contains(fmt.Sprintf("%+v", p), anyToken) {
			t.Errorf("%s: the secret is in %+v", name, p)
		}

		r.Use(p)
		if again, err := r.Resolve(cancelled); err != nil || again.Key(one.provider) != p.Key(one.provider) {
			t.Errorf("%s: %+v, %v", name, again, err)
		}
	}
}

// Providers with the same ids are different places.
func TestAProviderIsPartOfAPlace(t *testing.T) {
	p := connector.Place{Instance: "example.com", ID: "1"}
	keys := map[string]bool{}
	for _, provider := range domain.Providers {
		keys[p.Key(provider)] = true
	}

	if len(keys) != len(domain.Providers) {
		t.Errorf("%d keys", len(keys))
	}
}
