// Command syncs is the Lambda function behind GET
// /integrations/{integration.id}/syncs, one of them, and its plan.
package main

import (
	"time"

	"example.com/integrations/functions/syncs/handler"
	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/lambdaapp"
)

func main() {
	lambdaapp.Route(func(b lambdaapp.App) api.Route {
		h := &handler.Handler{Gate: access.New(b.Store), Runs: b.Store, Now: time.Now}
		return h.Route
	})
}
