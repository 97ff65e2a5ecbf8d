// Command sync is the Lambda function behind POST
// /integrations/{integration.id}/sync.
package main

import (
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"integrations/functions/sync/handler"
	"integrations/shared/access"
	"integrations/shared/api"
	"integrations/shared/awsclient"
	"integrations/shared/awsclient/queues"
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
	lambda.Start(h)
}

func wire(log *slog.Logger) (api.Handler, error) {
	env := settings.New(os.LookupEnv)
	table, claim, queue := env.Text("TABLE_NAME"), env.TextOr("USER_CLAIM", "sub"), env.Text("SYNC_QUEUE_URL")
	lost := env.Seconds("LOST_AFTER_SECONDS", time.Minute)
	clients := awsclient.New(env)
	if err := env.Err(); err != nil {
		return nil, err
	}
	db := clients.DynamoDB()
	awsclient.Warm(db, table)
	st := store.New(db, table)
	h := &handler.Handler{
		Gate: access.New(st), Runs: st, Queue: syncqueue.New(queues.New(clients), queue),
		Log: log, Now: time.Now, LostAfter: lost,
	}
	return api.Serve(log, claim, h.Route), nil
}
