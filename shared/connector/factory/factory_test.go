package factory

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

var anyToken = "gh" + "p_" + strings.Repeat("x", 36)

// configurations are one of each provider and kind, with the secrets it masks.
var configurations = map[string]struct {
	provider domain.Provider
	text     string
	secrets  map[string]string
}{
	"github":          {domain.GitHub, `{"owner":"o","repo":"r","token":"********"}`, map[string]string{"token": anyToken}},
	"github app":      {domain.GitHub, `{"owner":"o","repo":"r","app_id":"1","installation_id":"2","private_key":"********"}`, map[string]string{"private_key": anyKey()}},
	"gitlab":          {domain.GitLab, `{"project":"g/p","token":"********"}`, map[string]string{"token": anyToken}},
	"jira":            {domain.Jira, `{"flavor":"cloud","base_url":"https://acme.atlassian.net","email":"a@b.example","project_key":"WORK","api_token":"********"}`, map[string]string{"api_token": anyToken}},
	"jira_datacenter": {domain.Jira, `{"flavor":"datacenter","base_url":"https://jira.acme.example/jira","project_key":"WORK","token":"********"}`, map[string]string{"token": anyToken}},
	"discord":         {domain.Discord, `{"bot_token":"********","channel_id":"123456789012345678","on_update":"post","digest_over":3}`, map[string]string{"bot_token": anyToken}},
	"discord webhook": {domain.Discord, `{"webhook_url":"********","thread_id":"123456789012345678"}`,
		map[string]string{"webhook_url": "https://discord.com/api/webhooks/123456789012345678/" + anyToken}},
	"slack":         {domain.Slack, `{"bot_token":"********","channel":"C0123456789"}`, map[string]string{"bot_token": anyToken}},
	"slack webhook": {domain.Slack, `{"webhook_url":"********"}`, map[string]string{"webhook_url": "https://hooks.slack.com/services/T0/B0/" + anyToken}},
	"teams": {domain.Teams, `{"workflow_url":"********"}`, map[string]string{
		"workflow_url": "https://default0.01.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/0a/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=" + anyToken}},
	"mantisbt": {domain.MantisBT, `{"base_url":"https://mantis.acme.example","project":"1","token":"********"}`, map[string]string{"token": anyToken}},
}

func anyKey() string {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)}))
}

func TestNew(t *testing.T) {
	base := outbound.New(outbound.Config{})
	supported := map[domain.Provider]bool{}
	for name, one := range configurations {
		if c, err := New(one.provider, one.text, one.secrets, base, nil); err != nil || c == nil {
			t.Errorf("%s: %v", name, err)
		}
		supported[one.provider] = true
	}

	for _, provider := range domain.Providers {
		if supported[provider] {
			continue
		}

		_, err := New(provider, `{}`, nil, base, nil)
		var unsupported *NotSupportedError
		if !errors.As(err, &unsupported) || unsupported.Code() != "provider_not_supported" || !strings.Contains(err.Error(), string(provider)) {
			t.Errorf("%s: %v", provider, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	base := outbound.New(outbound.Config{})
	for name, one := range configurations {
		none := map[string]string{"another": anyToken}
		for what, bad := range map[string]struct {
			text    string
			secrets map[string]string
		}{
			"without its secret": {one.text, none},
			"without a member for it": {strings.NewReplacer(`,"token":"********"`, "", `,"api_token":"********"`, "", `,"private_key":"********"`, "", `"bot_token":"********",`, "",
				`"webhook_url":"********"`, `"digest_over":1`, `"workflow_url":"********"`, `"digest_over":1`).Replace(one.text), one.secrets},
			"with half a configuration":    {"{", one.secrets},
			"with an address that is none": {strings.TrimSuffix(one.text, "}") + `,"base_url":":"}`, one.secrets},
		} {
			if _, typed := typedAddress[one.provider]; !typed && strings.Contains(bad.text, "base_url") {
				continue // there is none to be typed
			}

			if c, err := New(one.provider, bad.text, bad.secrets, base, nil); err == nil || c != nil || strings.Contains(err.Error(), anyToken) {
				t.Errorf("%s %s: %v %v", name, what, c, err)
			}
		}
	}
}

// typedAddress are the providers whose address a manager may type.
var typedAddress = map[domain.Provider]bool{domain.GitHub: true, domain.GitLab: true, domain.Jira: true, domain.MantisBT: true}

// What can edit and what can find hangs on the credential, and the engine asks
// the connector's type.
func TestChats(t *testing.T) {
	for name, want := range map[string]struct {
		finds  bool
		manner connector.DeliveryMode
	}{
		"discord":         {true, connector.DeliveryMode{DigestOver: 3}},
		"discord webhook": {false, connector.DeliveryMode{Edits: true, DigestOver: 20}},
		"slack":           {true, connector.DeliveryMode{Edits: true, DigestOver: 20}},
		"slack webhook":   {false, connector.DeliveryMode{DigestOver: 20}},
		"teams":           {false, connector.DeliveryMode{DigestOver: 20}},
	} {
		one := configurations[name]
		c, err := New(one.provider, one.text, one.secrets, outbound.New(outbound.Config{}), nil)
		if err != nil {
			t.Fatal(err)
		}

		_, finds := c.(connector.Finder)
		_, pulls := c.(connector.Puller)
		if finds != want.finds || pulls || c.(connector.Chat).DeliveryMode() != want.manner {
			t.Errorf("%s: finds %v, pulls %v, %+v", name, finds, pulls, c.(connector.Chat).DeliveryMode())
		}
	}
}

// Requests go to one host, and what could call it is in no error, whole or in
// parts.
func TestWebhooksArePinnedAndHidden(t *testing.T) {
	for _, name := range []string{"discord webhook", "slack webhook", "teams"} {
		one := configurations[name]
		for member, secret := range one.secrets {
			known := anyToken
			token := strings.Repeat("Zq7", 20) // of no form that is known
			secret = strings.TrimSuffix(secret, known) + token
			s := stored{one.text, map[string]string{member: secret}, outbound.New(outbound.Config{}), nil}
			client, err := s.webhook(one.provider, secret)
			if err != nil {
				t.Fatal(err)
			}

			_, path, _ := strings.Cut(strings.TrimPrefix(secret, "https://"), "/")
			said := client.Clean("you asked " + secret + " and /" + path + " with " + token)
			if strings.Contains(said, token) || strings.Contains(said, path) {
				t.Errorf("%s: %s", name, said)
			}

			for _, host := range []string{"discord.com", "hooks.slack.com", "default0.01.environment.api.powerplatform.com", "slack.com", "another.01.environment.api.powerplatform.com"} {
				if strings.Contains(secret, "//"+host) {
					continue
				}

				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				_, err := client.Do(ctx, outbound.Request{Method: "POST", URL: "https://" + host + "/x"})
				var e *failure.Error
				if !errors.As(err, &e) || e.Code != "address_refused" {
					t.Errorf("%s may ask %s: %v", name, host, err)
				}
			}
		}
	}
}
