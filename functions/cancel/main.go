// Command cancel is the Lambda function behind POST
// /integrations/{integration.id}/syncs/{sync.id}/cancel.
package main

import (
	"time"

	"integrations/functions/cancel/handler"
	"integrations/shared/access"
	"integrations/shared/api"
	"integrations/shared/lambdaapp"
)

func main() {
	lambdaapp.Route(func(b lambdaapp.Boot) api.Route { return handler.New(access.New(b.Store), b.Store, time.Now) })
}
