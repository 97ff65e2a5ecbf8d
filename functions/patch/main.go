// Command patch is the Lambda function behind PATCH
// /integrations/{integration.id}.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"integrations/functions/patch/handler"
	"integrations/shared/access"
	"integrations/shared/api"
	"integrations/shared/awsclient"
	"integrations/shared/awsclient/keys"
	"integrations/shared/configuration"
	"integrations/shared/domain"
	"integrations/shared/sealing"
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
	table, claim, key := env.Text("TABLE_NAME"), env.TextOr("USER_CLAIM", "sub"), env.Text("KMS_KEY_ID")
	clients := awsclient.New(env)
	if err := env.Err(); err != nil {
		return nil, err
	}
	db, kms := clients.DynamoDB(), keys.New(clients)
	configuration.Warm()
	awsclient.Warm(db, table)
	st := store.New(db, table)
	seal := func(ctx context.Context, i domain.Integration, member, origin, secret string) ([]byte, error) {
		return sealing.Seal(ctx, kms, key, sealing.Binding{Organisation: i.OrganisationID, Integration: i.ID, Field: member, Origin: origin}, secret)
	}
	h := &handler.Handler{Gate: access.New(st), Writer: st, Seal: seal}
	return api.Serve(log, claim, h.Route), nil
}
