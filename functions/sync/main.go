// Command sync is the Lambda function behind POST
// /integrations/{integration.id}/sync.
package main

import (
	"time"

	"integrations/functions/sync/handler"
	"integrations/shared/access"
	"integrations/shared/api"
	"integrations/shared/lambdaapp"
	"integrations/shared/syncqueue"
)

func main() { lambdaapp.Route(route) }

func route(b lambdaapp.Boot) api.Route {
	h := &handler.Handler{
		Gate: access.New(b.Store), Runs: b.Store, Queue: syncqueue.New(syncqueue.NewClient(b.Clients), b.Env.Text("SYNC_QUEUE_URL")),
		Log: b.Log, Now: time.Now, LostAfter: b.Env.Seconds("LOST_AFTER_SECONDS", time.Minute),
	}
	return h.Route
}
