package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"integrations/functions/providersync/engine"
	"integrations/shared/connector"
	"integrations/shared/connector/registry"
	"integrations/shared/domain"
	"integrations/shared/outbound"
	"integrations/shared/pacing"
	"integrations/shared/sealing"
	"integrations/shared/store"
)

// opener opens the connector for what is configured: it unseals the secrets,
// each for the origin it was sealed for, and asks the registry.
func opener(keys sealing.KeyDecrypter, provider *outbound.Client, pace pacing.Setting) engine.Opener {
	return func(ctx context.Context, v store.View) (engine.Opened, error) {
		i := v.Integration
		secrets := map[string]string{}
		for member, origin := range i.SecretOrigins {
			b := sealing.Binding{Organisation: i.OrganisationID, Integration: i.ID, Field: member, Origin: origin}
			secret, err := sealing.Open(ctx, keys, b, v.Sealed(member))
			if errors.Is(err, sealing.ErrMalformed) {
				return engine.Opened{}, ends("secret_unreadable", "The stored secret of "+member+" cannot be opened; give it again.")
			}
			if err != nil {
				return engine.Opened{}, err
			}
			secrets[member] = secret
		}
		c, err := registry.Open(i.Provider, i.Configuration, secrets, provider, time.Now)
		var unsupported *registry.NotSupportedError
		if errors.As(err, &unsupported) {
			return engine.Opened{}, ends(unsupported.Code(), unsupported.Error()+".")
		}
		if err != nil {
			return engine.Opened{}, ends("configuration_unusable", "The stored configuration cannot be used; give it again.")
		}
		return engine.Opened{
			Connector: c, Credential: credential(i.Provider, i.SecretOrigins, secrets),
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

// ends is an error that ends the run.
func ends(code, detail string) error {
	return &connector.Error{Class: connector.Final, Scope: connector.IntegrationScope, Code: code, Detail: detail}
}
