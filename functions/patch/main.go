// Command patch is the Lambda function behind PATCH
// /integrations/{integration.id}.
package main

import (
	"time"

	"integrations/functions/patch/handler"
	"integrations/shared/access"
	"integrations/shared/api"
	"integrations/shared/configuration"
	"integrations/shared/lambdaapp"
	"integrations/shared/sealing"
)

func main() { lambdaapp.Route(route) }

func route(b lambdaapp.Boot) api.Route {
	sealer := sealing.Sealer{Keys: sealing.NewClient(b.Clients), KeyID: b.Env.Text("KMS_KEY_ID")}
	configuration.Warm()
	h := &handler.Handler{Gate: access.New(b.Store), Writer: b.Store, Sealer: sealer, Now: time.Now}
	return h.Route
}
