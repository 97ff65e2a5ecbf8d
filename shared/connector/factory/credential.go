package factory

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.com/integrations/shared/domain"
)

// credential names who calls the provider: integrations with the same secrets
// for the same place share its limits. It is a hash, from which no secret can
// be learned: all are long and random.
func credential(provider domain.Provider, origins, secrets map[string]string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q", provider)
	for _, member := range slices.Sorted(maps.Keys(secrets)) {
		fmt.Fprintf(h, "%q%q%q", member, origins[member], secrets[member])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// hosted reports whether the provider itself runs the place, with the limits
// it publishes, and not the customer.
func hosted(provider domain.Provider, origins map[string]string) bool {
	for _, origin := range origins {
		host := strings.TrimPrefix(origin, "https://")
		switch provider {
		case domain.GitHub:
			return host == "api.github.com" || strings.HasSuffix(host, ".ghe.com")
		case domain.GitLab:
			return host == "gitlab.com"
		case domain.Jira:
			return host == "api.atlassian.com" || strings.HasSuffix(host, ".atlassian.net")
		case domain.MantisBT:
			return strings.HasSuffix(host, ".mantishub.io")
		}
	}

	return true
}
