// Command delete is the Lambda function behind DELETE
// /integrations/{integration.id}.
package main

import (
	"time"

	"example.com/integrations/functions/delete/handler"
	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/lambdaapp"
	"example.com/integrations/shared/syncqueue"
)

func main() { lambdaapp.Route(route) }

func route(b lambdaapp.App) api.Route {
	queue := syncqueue.New(syncqueue.NewClient(b.Clients), b.Env.Text("SYNC_QUEUE_URL"))
	h := &handler.Handler{Gate: access.New(b.Store), Deleter: b.Store, Queue: queue, Log: b.Log, Now: time.Now}
	return h.Route
}
