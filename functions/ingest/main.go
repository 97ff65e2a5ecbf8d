// Command ingest is the Lambda function that takes events from the ingest
// queue.
package main

import (
	"time"

	"integrations/functions/ingest/handler"
	"integrations/shared/awsclient/queues"
	"integrations/shared/boot"
	"integrations/shared/syncqueue"
)

func main() { boot.Function(function) }

func function(b boot.Boot) any {
	h := &handler.Handler{
		Items: b.Store, Organisations: b.Store, Grants: b.Store, Marks: b.Store, Runs: b.Store, Queue: syncqueue.New(queues.New(b.Clients), b.Env.Text("SYNC_QUEUE_URL")),
		Log: b.Log, Now: time.Now, LostAfter: b.Env.Seconds("LOST_AFTER_SECONDS", time.Minute),
	}
	return h.Handle
}
