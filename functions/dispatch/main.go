// Command dispatch is the Lambda function that runs every minute and sends
// what is due to the worker.
package main

import (
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"integrations/functions/dispatch/handler"
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
	lambda.Start(h.Handle)
}

func wire(log *slog.Logger) (*handler.Handler, error) {
	env := settings.New(os.LookupEnv)
	table, queue := env.Text("TABLE_NAME"), env.Text("SYNC_QUEUE_URL")
	lost := env.Seconds("LOST_AFTER_SECONDS", time.Minute)
	clients := awsclient.New(env)
	if err := env.Err(); err != nil {
		return nil, err
	}
	st := store.New(clients.DynamoDB(), table)
	return &handler.Handler{
		Index: st, Schedule: st, Queue: syncqueue.New(queues.New(clients), queue),
		Log: log, Now: time.Now, LostAfter: lost,
	}, nil
}
