package sample

import (
	"context"
	"strings"
	"testing"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// kept takes what is seeded.
type kept struct {
	integrations map[string]store.Integration
	items        int
}

func (k *kept) PutOrganisation(context.Context, domain.Organisation) error { return nil }
func (k *kept) PutMember(context.Context, domain.Member) error             { return nil }
func (k *kept) PutItem(context.Context, domain.Item) (bool, error)         { k.items++; return true, nil }

func (k *kept) CreateIntegration(_ context.Context, i store.Integration, _ map[string][]byte) error {
	k.integrations[i.ID.String()] = i
	return nil
}

// Every integration of the sample is one that the product accepts, and every
// name of one leads to it.
func TestSeed(t *testing.T) {
	k := &kept{integrations: map[string]store.Integration{}}
	sealed := map[string]string{}
	err := Seed(t.Context(), k, k, func(_ context.Context, i domain.Integration, member, _, secret string) ([]byte, error) {
		sealed[i.ID.String()+" "+member] = secret
		return []byte("sealed"), nil
	})
	if err != nil {
		t.Fatal(err)
	}

	if len(k.integrations) != len(Integrations) || k.items == 0 {
		t.Errorf("%d integrations of %d, %d items", len(k.integrations), len(Integrations), k.items)
	}

	for name, id := range Integrations {
		i, ok := k.integrations[id]
		if !ok || i.ItemType == "" {
			t.Errorf("%s is not seeded", name)
		}

		for _, secret := range sealed {
			if strings.Contains(i.Configuration, secret) {
				t.Errorf("%s: a secret is not sealed", name)
			}
		}
	}

	for _, want := range []string{Slack.String() + " bot_token", SlackWebhook.String() + " webhook_url", Discord.String() + " bot_token", DiscordWebhook.String() + " webhook_url", Teams.String() + " workflow_url"} {
		if sealed[want] == "" {
			t.Errorf("%s is not sealed", want)
		}
	}
}
