// Command syncs is the Lambda function behind GET
// /integrations/{integration.id}/syncs, one of them, and its plan.
package main

import (
	"time"

	"integrations/functions/syncs/handler"
	"integrations/shared/access"
	"integrations/shared/api"
	"integrations/shared/lambdaapp"
)

func main() {
	lambdaapp.Route(func(b lambdaapp.Boot) api.Route {
		h := &handler.Handler{Gate: access.New(b.Store), Runs: b.Store, Now: time.Now}
		return h.Route
	})
}
