// Command status is the Lambda function behind GET
// /integrations/{integration.id}/status.
package main

import (
	"integrations/functions/status/handler"
	"integrations/shared/access"
	"integrations/shared/api"
	"integrations/shared/lambdaapp"
)

func main() {
	lambdaapp.Route(func(b lambdaapp.Boot) api.Route { return handler.New(access.New(b.Store), b.Store) })
}
