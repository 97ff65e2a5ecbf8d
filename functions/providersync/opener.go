package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"integrations/functions/providersync/engine"
	"integrations/shared/connector/opening"
	"integrations/shared/domain"
	"integrations/shared/outbound"
	"integrations/shared/pacing"
	"integrations/shared/sealing"
	"integrations/shared/store"
)

// opener opens the connector for what is configured, with the limits of whose
// credentials it uses.
func opener(keys sealing.KeyDecrypter, provider *outbound.Client, pace pacing.Setting) engine.Opener {
	return func(ctx context.Context, v store.View) (engine.Opened, error) {
		opened, err := opening.Open(ctx, keys, provider, v)
		if err != nil {
			return engine.Opened{}, err
		}
		i := v.Integration
		return engine.Opened{
			Connector: opened.Connector, Credential: credential(i.Provider, i.SecretOrigins, opened.Secrets),
			Limits: pace.Limits(i.Provider, hosted(i.Provider, i.SecretOrigins)),
		}, nil
	}
}

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
