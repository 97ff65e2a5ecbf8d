// Command retry is the Lambda function behind POST
// /integrations/{integration.id}/items/retry.
package main

import (
	"time"

	"example.com/integrations/functions/retry/handler"
	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/lambdaapp"
	"example.com/integrations/shared/runs"
	"example.com/integrations/shared/syncqueue"
)

func main() { lambdaapp.Route(route) }

func route(b lambdaapp.App) api.Route {
	started := &runs.Runs{
		Table: b.Store, Queue: syncqueue.New(syncqueue.NewClient(b.Clients), b.Env.Text("SYNC_QUEUE_URL")),
		Log: b.Log, Now: time.Now, LostAfter: b.Env.Seconds("LOST_AFTER_SECONDS", time.Minute),
	}
	h := &handler.Handler{
		Gate: access.New(b.Store), Links: b.Store, Runs: started,
	}
	return h.Route
}
