// Command get is the Lambda function behind GET /integrations/{integration.id}.
package main

import (
	"example.com/integrations/functions/get/handler"
	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/lambdaapp"
)

func main() {
	lambdaapp.Route(func(b lambdaapp.App) api.Route { return handler.New(access.New(b.Store)) })
}
