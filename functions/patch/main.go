// Command patch is the Lambda function behind PATCH
// /integrations/{integration.id}.
package main

import (
	"time"

	"example.com/integrations/functions/patch/handler"
	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/configuration"
	"example.com/integrations/shared/lambdaapp"
	"example.com/integrations/shared/sealing"
)

func main() { lambdaapp.Route(route) }

func route(b lambdaapp.App) api.Route {
	sealer := sealing.Sealer{Keys: sealing.NewClient(b.Clients), KeyID: b.Env.Text("KMS_KEY_ID")}
	configuration.Warm()
	h := &handler.Handler{Gate: access.New(b.Store), Writer: b.Store, Sealer: sealer, Now: time.Now}
	return h.Route
}
