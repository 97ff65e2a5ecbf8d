package main

import (
	"context"

	"example.com/integrations/functions/providersync/worker"
	"example.com/integrations/shared/connector/factory"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/outbound"
	"example.com/integrations/shared/sealing"
	"example.com/integrations/shared/store"
)

// opener opens the connector for what is configured, with the limits of whose
// credentials it uses.
func opener(keys sealing.KeyDecrypter, provider *outbound.Client, pace limits.Setting) worker.Opener {
	return func(ctx context.Context, v store.View) (worker.Opened, error) {
		opened, err := factory.Open(ctx, keys, provider, v)
		if err != nil {
			return worker.Opened{}, err
		}

		return worker.Opened{
			Connector: opened.Connector, Credential: opened.Credential,
			Limits: pace.Limits(v.Integration.Provider, opened.Hosted),
		}, nil
	}
}
