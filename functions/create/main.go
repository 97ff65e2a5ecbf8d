// Command create is the Lambda function behind POST
// /organisations/{organisation.id}/integrations.
package main

import (
	"time"

	"integrations/functions/create/handler"
	"integrations/shared/api"
	"integrations/shared/configuration"
	"integrations/shared/lambdaapp"
	"integrations/shared/sealing"
)

func main() { lambdaapp.Route(route) }

func route(b lambdaapp.Boot) api.Route {
	sealer := sealing.Sealer{Keys: sealing.NewClient(b.Clients), KeyID: b.Env.Text("KMS_KEY_ID")}
	configuration.Warm()
	h := &handler.Handler{Members: b.Store, Creator: b.Store, Sealer: sealer, Now: time.Now}
	return h.Route
}
