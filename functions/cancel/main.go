// Command cancel is the Lambda function behind POST
// /integrations/{integration.id}/syncs/{sync.id}/cancel.
package main

import (
	"time"

	"example.com/integrations/functions/cancel/handler"
	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/lambdaapp"
)

func main() {
	lambdaapp.Route(func(b lambdaapp.App) api.Route { return handler.New(access.New(b.Store), b.Store, time.Now) })
}
