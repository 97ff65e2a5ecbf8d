// Command check is the Lambda function behind POST
// /integrations/{integration.id}/check.
package main

import (
	"context"
	"time"

	"example.com/integrations/functions/check/handler"
	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/clock"
	"example.com/integrations/shared/connector/factory"
	"example.com/integrations/shared/lambdaapp"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/outbound"
	"example.com/integrations/shared/sealing"
	"example.com/integrations/shared/store"
)

func main() { lambdaapp.Route(route) }

// within is how long a check's calls may take together, and call how long one
// of them: none begins that could end too late.
const (
	within = 8 * time.Second
	call   = 3 * time.Second
	// silence is a little over the longest call.
	silence = call + time.Second/2
)

func route(b lambdaapp.App) api.Route {
	provider := outbound.New(outbound.Config{
		AllowDial: lambdaapp.Parsed(b.Env, "ALLOW_DIAL", outbound.ParseAllowDial),
		Overrides: lambdaapp.Parsed(b.Env, "DIAL_OVERRIDES", outbound.ParseOverrides),
		Timeout:   call,
	})

	decrypter := sealing.NewClient(b.Clients)
	pace := lambdaapp.Parsed(b.Env, "PACING", limits.ParseSetting)
	open := func(ctx context.Context, v store.View) (handler.Opened, error) {
		opened, err := factory.Open(ctx, decrypter, provider, v)
		if err != nil {
			return handler.Opened{}, err
		}

		return handler.Opened{
			Connector: opened.Connector, Credential: opened.Credential,
			Limits: pace.Limits(v.Integration.Provider, opened.Hosted),
		}, nil
	}

	h := &handler.Handler{
		Gate: access.New(b.Store), Limiter: b.Store, Places: b.Store, Usages: b.Store, Open: open, Log: b.Log,
		Now: clock.Clock{}.Now, Sleep: clock.Clock{}.Sleep, Within: within, Silence: silence,
	}

	return h.Route
}
