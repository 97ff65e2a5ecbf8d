// Command items is the Lambda function behind GET
// /integrations/{integration.id}/items.
package main

import (
	"integrations/functions/items/handler"
	"integrations/shared/access"
	"integrations/shared/api"
	"integrations/shared/lambdaapp"
)

func main() {
	lambdaapp.Route(func(b lambdaapp.Boot) api.Route { return handler.New(access.New(b.Store), b.Store) })
}
