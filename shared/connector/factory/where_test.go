package factory

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// A bot of GovSlack calls slack-gov.com and no other host, a bot of Slack
// slack.com and no other host.
func TestGovSlackIsPinned(t *testing.T) {
	for member, want := range map[string]string{"": "slack.com", `,"base_url":"https://slack.com"`: "slack.com", `,"base_url":"https://slack-gov.com"`: "slack-gov.com"} {
		var lock sync.Mutex
		var asked []string
		base := outbound.New(outbound.Config{Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			lock.Lock()
			defer lock.Unlock()
			asked = append(asked, host)
			return nil, errors.New("no such host")
		}})

		c, err := New(domain.Slack, `{"bot_token":"********","channel":"C0123456789"`+member+`}`, map[string]string{"bot_token": anyToken}, base, nil)
		if err != nil {
			t.Fatal(err)
		}

		if _, err := c.Resolve(t.Context()); err == nil {
			t.Error("resolved without a server")
		}

		if len(asked) == 0 || slices.ContainsFunc(asked, func(host string) bool { return host != want }) {
			t.Errorf("%q: asked %q, want %s", member, asked, want)
		}
	}
}

// C11: the template of a thread's name reaches the webhook.
func TestThreadNameReachesTheWebhook(t *testing.T) {
	hook := map[string]string{"webhook_url": "https://discord.com/api/webhooks/123456789012345678/" + anyToken}
	c, err := New(domain.Discord, `{"webhook_url":"********","thread_name":"{{formatted_number}}"}`, hook, outbound.New(outbound.Config{}), nil)
	if err != nil {
		t.Fatal(err)
	}

	if got := c.Render(domain.Item{ID: 1, FormattedNumber: "WI-1"}).Thread; got != "WI-1" {
		t.Errorf("%q", got)
	}
}
