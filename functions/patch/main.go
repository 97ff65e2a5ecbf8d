// Command patch is the Lambda function behind PATCH
// /integrations/{integration.id}.
package main

import (
	"time"

	"integrations/functions/patch/handler"
	"integrations/shared/access"
	"integrations/shared/api"
	"integrations/shared/awsclient/keys"
	"integrations/shared/boot"
	"integrations/shared/configuration"
	"integrations/shared/sealing"
)

func main() { boot.Route(route) }

func route(b boot.Boot) api.Route {
	sealer := sealing.Sealer{Keys: keys.New(b.Clients), KeyID: b.Env.Text("KMS_KEY_ID")}
	configuration.Warm()
	h := &handler.Handler{Gate: access.New(b.Store), Writer: b.Store, Sealer: sealer, Now: time.Now}
	return h.Route
}
