// Command list is the Lambda function behind GET
// /organisations/{organisation.id}/integrations.
package main

import (
	"integrations/functions/list/handler"
	"integrations/shared/api"
	"integrations/shared/lambdaapp"
)

func main() { lambdaapp.Route(route) }

func route(b lambdaapp.Boot) api.Route { return handler.New(b.Store) }
