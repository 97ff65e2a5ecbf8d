package main

import (
	"context"
	"errors"
	"time"

	"integrations/functions/providersync/engine"
	"integrations/shared/connector"
	"integrations/shared/connector/registry"
	"integrations/shared/outbound"
	"integrations/shared/sealing"
	"integrations/shared/store"
)

// opener opens the connector for what is configured: it unseals the secrets,
// each for the origin it was sealed for, and asks the registry.
func opener(keys sealing.KeyDecrypter, provider *outbound.Client) engine.Opener {
	return func(ctx context.Context, v store.View) (connector.Connector, error) {
		i := v.Integration
		secrets := map[string]string{}
		for member, origin := range i.SecretOrigins {
			b := sealing.Binding{Organisation: i.OrganisationID, Integration: i.ID, Field: member, Origin: origin}
			secret, err := sealing.Open(ctx, keys, b, v.Sealed(member))
			if errors.Is(err, sealing.ErrMalformed) {
				return nil, ends("secret_unreadable", "The stored secret of "+member+" cannot be opened; give it again.")
			}
			if err != nil {
				return nil, err
			}
			secrets[member] = secret
		}
		c, err := registry.Open(i.Provider, i.Configuration, secrets, provider, time.Now)
		var unsupported *registry.NotSupportedError
		if errors.As(err, &unsupported) {
			return nil, ends(unsupported.Code(), unsupported.Error()+".")
		}
		if err != nil {
			return nil, ends("configuration_unusable", "The stored configuration cannot be used; give it again.")
		}
		return c, nil
	}
}

// ends is an error that ends the run.
func ends(code, detail string) error {
	return &connector.Error{Class: connector.Final, Scope: connector.IntegrationScope, Code: code, Detail: detail}
}
