// Command providersync is the Lambda function that brings items to the
// providers.
package main

import (
	"fmt"
	"strconv"
	"time"

	"example.com/integrations/functions/providersync/handler"
	"example.com/integrations/functions/providersync/worker"
	"example.com/integrations/shared/events/publisher"
	"example.com/integrations/shared/lambdaapp"
	"example.com/integrations/shared/sealing"
	"example.com/integrations/shared/syncqueue"

	"example.com/integrations/shared/clock"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/outbound"
	"example.com/integrations/shared/signing"
)

func main() { lambdaapp.Function(function) }

func function(b lambdaapp.App) any {
	env := b.Env
	times := worker.Settings{
		Slice: env.Seconds("SLICE_SECONDS", time.Minute), Call: env.Seconds("CALL_SECONDS", 30*time.Second),
		Settle: env.Seconds("SETTLE_SECONDS", 2*time.Minute), LeaseMargin: env.Seconds("LEASE_MARGIN_SECONDS", 15*time.Second),
		LostAfter: env.Seconds("LOST_AFTER_SECONDS", time.Minute), PullEvery: env.Seconds("PULL_SECONDS", 15*time.Minute),
		Room:         lambdaapp.Parsed(env, "MAXIMUM_CONCURRENCY", half),
		ItemsURL:     lambdaapp.Parsed(env, "ITEMS_URL", worker.ParseItemsURL),
		RelinkBefore: lambdaapp.Parsed(env, "RELINK_BEFORE", restored),
	}

	provider := outbound.New(outbound.Config{
		AllowDial: lambdaapp.Parsed(env, "ALLOW_DIAL", outbound.ParseAllowDial),
		Overrides: lambdaapp.Parsed(env, "DIAL_OVERRIDES", outbound.ParseOverrides),
		Timeout:   times.Call,
	})

	kmsKeys := sealing.NewClient(b.Clients)
	e := &worker.Engine{
		Store: b.Store, Queue: syncqueue.New(syncqueue.NewClient(b.Clients), env.Text("SYNC_QUEUE_URL")),
		Open:    opener(kmsKeys, provider, lambdaapp.Parsed(env, "PACING", limits.ParseSetting)),
		Bus:     publisher.New(publisher.NewClient(b.Clients), env.Text("EVENT_BUS_NAME")),
		Markers: signing.NewMarkers(kmsKeys, env.Text("MAC_KEY_ID")), Clock: clock.Clock{}, Log: b.Log, Settings: times,
	}

	return (&handler.Handler{Engine: e, Log: b.Log}).Handle
}

// half is how many runs of one organisation are worked on at once: half of what
// the deployment allows in all, which is 4 unless it says otherwise.
func half(maximum string) (int, error) {
	if maximum == "" {
		return 2, nil
	}

	n, err := strconv.Atoi(maximum)
	if err != nil || n < 2 {
		return 0, fmt.Errorf("must be a number from 2 on")
	}

	return n / 2, nil
}

// restored reads when the table was restored, the zero time if it never was.
func restored(at string) (time.Time, error) {
	if at == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339, at)
}
