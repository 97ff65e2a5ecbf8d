package connector_test

import (
	"strings"
	"testing"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

func TestInstanceOf(t *testing.T) {
	for address, want := range map[string]string{
		"https://Jira.Acme.test/Work/":       "jira.acme.test/work",
		"https://jira.acme.test:443/work//":  "jira.acme.test/work",
		"http://jira.acme.test:80":           "jira.acme.test",
		"https://jira.acme.test:8443/":       "jira.acme.test:8443",
		"http://jira.acme.test:443/":         "jira.acme.test:443",
		"https://[2001:DB8::1]:443/x?y=1#z":  "[2001:db8::1]/x",
		" https://jira.acme.test ":           "jira.acme.test",
		"":                                   "",
		"jira.acme.test":                     "",
		"ftp://jira.acme.test":               "",
		"https://":                           "",
		"https://:443/":                      "",
		"https://user@jira.acme.test/x":      "jira.acme.test/x",
		"https://jira.acme.test/%zz":         "",
		"https://jira.acme.test\x00/":        "",
		"https://user:secret@jira.acme.test": "jira.acme.test",
	} {
		if got := connector.InstanceOf(address); got != want {
			t.Errorf("%q is %q, want %q", address, got, want)
		}
	}
}

// The id of a secret place is the hash that a configuration stores of it.
func TestSecretPlaceID(t *testing.T) {
	slack := "https://hooks.slack.com/serv" + "ices/T00000000/B00000000/" + strings.Repeat("x", 24)
	flow := "https://default0a1b2c.0f.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/abc123" +
		"/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=" + strings.Repeat("y", 20)
	for provider, address := range map[domain.Provider]string{domain.Slack: slack, domain.Teams: flow} {
		id := connector.SecretPlaceID(provider, address)
		if want := form.WebhookOf(provider, address).Hash; id != want || len(id) != 64 {
			t.Errorf("%s: %s, want %s", provider, id, want)
		}

		if connector.SecretPlaceID(provider, address+"z") == id {
			t.Errorf("%s: another address has the same id", provider)
		}

		if connector.SecretPlaceID(provider, strings.Replace(address, "?", "/?", 1)) != id {
			t.Errorf("%s: a slash at the end makes another place", provider)
		}
	}

	if connector.SecretPlaceID(domain.Slack, "") == connector.SecretPlaceID(domain.Teams, "") {
		t.Error("the provider is not part of it")
	}
}

func TestHostOf(t *testing.T) {
	for want, addresses := range map[string][]string{
		"git.example":      {"https://Git.Example:443/o/r", "https://proxy.example/api"},
		"git.example:8443": {"https://git.example:8443/o/r"},
		"proxy.example":    {"", "not an address", "https://proxy.example/api/v3"},
		"":                 {"", "%"},
	} {
		if got := connector.HostOf(addresses...); got != want {
			t.Errorf("%q: %q, want %q", addresses, got, want)
		}
	}
}

func TestInstant(t *testing.T) {
	for text, want := range map[string]string{
		"2026-03-04T05:06:07Z":          "2026-03-04T05:06:07Z",
		"2026-03-04T06:06:07.123+01:00": "2026-03-04T05:06:07Z",
		"yesterday":                     "yesterday",
		"":                              "",
		strings.Repeat("ü", 70):         strings.Repeat("ü", 64),
	} {
		if got := connector.Instant(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
