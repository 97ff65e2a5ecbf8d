// Command dispatch is the Lambda function that runs every minute and sends
// what is due to the worker, and to the event bus.
package main

import (
	"time"

	"example.com/integrations/functions/dispatch/handler"
	"example.com/integrations/shared/events/publisher"
	"example.com/integrations/shared/lambdaapp"
	"example.com/integrations/shared/runs"
	"example.com/integrations/shared/syncqueue"
)

func main() { lambdaapp.Function(function) }

func function(b lambdaapp.App) any {
	queue := syncqueue.New(syncqueue.NewClient(b.Clients), b.Env.Text("SYNC_QUEUE_URL"))
	started := &runs.Runs{
		Table: b.Store, Queue: queue,
		Log: b.Log, Now: time.Now, LostAfter: b.Env.Seconds("LOST_AFTER_SECONDS", time.Minute),
	}
	h := &handler.Handler{
		Index: b.Store, Schedule: b.Store, Runs: started, Outbox: b.Store, Erasures: b.Store,
		Queue: queue, Bus: publisher.New(publisher.NewClient(b.Clients), b.Env.Text("EVENT_BUS_NAME")),
		Log: b.Log, Now: time.Now, LostAfter: b.Env.Seconds("LOST_AFTER_SECONDS", time.Minute),
	}
	return h.Handle
}
