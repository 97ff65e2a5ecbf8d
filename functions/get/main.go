// Command get is the Lambda function behind GET /integrations/{integration.id}.
package main

import (
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"integrations/functions/get/handler"
	"integrations/shared/access"
	"integrations/shared/api"
	"integrations/shared/awsclient"
	"integrations/shared/settings"
	"integrations/shared/store"
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
	table, claim := env.Text("TABLE_NAME"), env.TextOr("USER_CLAIM", "sub")
	clients := awsclient.New(env)
	if err := env.Err(); err != nil {
		return nil, err
	}
	db := clients.DynamoDB()
	awsclient.Warm(db, table)
	return api.Serve(log, claim, handler.New(access.New(store.New(db, table)))), nil
}
