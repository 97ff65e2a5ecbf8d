// Command providersync is the Lambda function that brings items to the
// providers.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"integrations/functions/providersync/engine"
	"integrations/functions/providersync/handler"
	"integrations/shared/awsclient"
	"integrations/shared/awsclient/keys"
	"integrations/shared/awsclient/queues"
	"integrations/shared/outbound"
	"integrations/shared/settings"
	"integrations/shared/store"
	"integrations/shared/syncqueue"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	h, err := wire(log)
	if err != nil {
		log.Error("start", "error", err.Error())
		os.Exit(1)
	}
	lambda.Start(h.Handle)
}

func wire(log *slog.Logger) (*handler.Handler, error) {
	env := settings.New(os.LookupEnv)
	table, queue := env.Text("TABLE_NAME"), env.Text("SYNC_QUEUE_URL")
	times := engine.Settings{
		Slice: env.Seconds("SLICE_SECONDS", time.Minute), Call: env.Seconds("CALL_SECONDS", 30*time.Second),
		Settle: env.Seconds("SETTLE_SECONDS", 2*time.Minute), LeaseMargin: env.Seconds("LEASE_MARGIN_SECONDS", 15*time.Second),
		LostAfter: env.Seconds("LOST_AFTER_SECONDS", time.Minute),
	}
	provider := outbound.New(outbound.Config{
		AllowDial: settings.Parsed(env, "ALLOW_DIAL", outbound.ParseAllowDial),
		Overrides: settings.Parsed(env, "DIAL_OVERRIDES", outbound.ParseOverrides),
		Timeout:   times.Call,
	})
	clients := awsclient.New(env)
	if err := env.Err(); err != nil {
		return nil, err
	}
	e := &engine.Engine{
		Store: store.New(clients.DynamoDB(), table), Queue: syncqueue.New(queues.New(clients), queue),
		Open: opener(keys.New(clients), provider), Clock: wall{}, Log: log, Settings: times,
	}
	return &handler.Handler{Engine: e, Log: log}, nil
}

// wall is the wall clock.
type wall struct{}

func (wall) Now() time.Time { return time.Now().Round(0) }

func (wall) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
