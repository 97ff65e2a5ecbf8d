package factory

import (
	"strings"
	"testing"

	"example.com/integrations/shared/domain"
)

// Integrations with the same secret for the same host share a credential. Its name
// gives no secret away.
func TestCredential(t *testing.T) {
	origins := map[string]string{"token": origin}
	one := credential(domain.GitHub, origins, map[string]string{"token": token})
	if one != credential(domain.GitHub, origins, map[string]string{"token": token}) {
		t.Error("the same credential has two names")
	}

	for name, other := range map[string]string{
		"another secret":   credential(domain.GitHub, origins, map[string]string{"token": token + "x"}),
		"another host":     credential(domain.GitHub, map[string]string{"token": "https://ghe.example"}, map[string]string{"token": token}),
		"another provider": credential(domain.GitLab, origins, map[string]string{"token": token}),
	} {
		if other == one {
			t.Errorf("%s has the same name", name)
		}
	}

	if len(one) != 32 || strings.Contains(one, "x") {
		t.Errorf("%q is no short hash", one)
	}
}

// Published limits hold where the provider itself runs the place.
func TestHosted(t *testing.T) {
	for where, want := range map[string]bool{
		"github https://api.github.com": true, "github https://acme.ghe.com": true, "github https://ghe.example": false,
		"gitlab https://gitlab.com": true, "gitlab https://gitlab.example": false,
		"jira https://acme.atlassian.net": true, "jira https://api.atlassian.com": true, "jira https://jira.example": false,
		"mantisbt https://acme.mantishub.io": true, "mantisbt https://bugs.example": false,
		"slack https://hooks.slack.com": true, "discord https://discord.com": true, "teams https://prod-1.westeurope.logic.azure.com": true,
	} {
		provider, at, _ := strings.Cut(where, " ")
		if got := hosted(domain.Provider(provider), map[string]string{"secret": at}); got != want {
			t.Errorf("%s: %v", where, got)
		}
	}
}
