// Command list is the Lambda function behind GET
// /organisations/{organisation.id}/integrations.
package main

import (
	"example.com/integrations/functions/list/handler"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/lambdaapp"
)

func main() { lambdaapp.Route(route) }

func route(b lambdaapp.App) api.Route { return handler.New(b.Store) }
