// Command patch is the Lambda function behind PATCH
// /integrations/{integration.id}.
package main

import (
	"context"
	"time"

	"integrations/functions/patch/handler"
	"integrations/shared/access"
	"integrations/shared/api"
	"integrations/shared/awsclient/keys"
	"integrations/shared/boot"
	"integrations/shared/configuration"
	"integrations/shared/domain"
	"integrations/shared/sealing"
)

func main() { boot.Route(route) }

func route(b boot.Boot) api.Route {
	key, kms := b.Env.Text("KMS_KEY_ID"), keys.New(b.Clients)
	configuration.Warm()
	seal := func(ctx context.Context, i domain.Integration, member, origin, secret string) ([]byte, error) {
		return sealing.Seal(ctx, kms, key, sealing.Binding{Organisation: i.OrganisationID, Integration: i.ID, Field: member, Origin: origin}, secret)
	}
	h := &handler.Handler{Gate: access.New(b.Store), Writer: b.Store, Seal: seal, Now: time.Now}
	return h.Route
}
