// Command create is the Lambda function behind POST
// /organisations/{organisation.id}/integrations.
package main

import (
	"time"

	"example.com/integrations/functions/create/handler"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/configuration"
	"example.com/integrations/shared/lambdaapp"
	"example.com/integrations/shared/sealing"
)

func main() { lambdaapp.Route(route) }

func route(b lambdaapp.App) api.Route {
	sealer := sealing.Sealer{Keys: sealing.NewClient(b.Clients), KeyID: b.Env.Text("KMS_KEY_ID")}
	configuration.Warm()
	h := &handler.Handler{Members: b.Store, Creator: b.Store, Sealer: sealer, Now: time.Now}
	return h.Route
}
