// Command list is the Lambda function behind GET
// /organisations/{organisation.id}/integrations.
package main

import (
	"integrations/functions/list/handler"
	"integrations/shared/api"
	"integrations/shared/boot"
)

func main() { boot.Route(route) }

func route(b boot.Boot) api.Route { return handler.New(b.Store) }
