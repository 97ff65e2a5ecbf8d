// Command syncs is the Lambda function behind GET
// /integrations/{integration.id}/syncs, one of them, and its plan.
package main

import (
	"time"

	"integrations/functions/syncs/handler"
	"integrations/shared/access"
	"integrations/shared/api"
	"integrations/shared/boot"
)

func main() {
	boot.Route(func(b boot.Boot) api.Route {
		h := &handler.Handler{Gate: access.New(b.Store), Runs: b.Store, Now: time.Now}
		return h.Route
	})
}
