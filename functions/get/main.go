// Command get is the Lambda function behind GET /integrations/{integration.id}.
package main

import (
	"integrations/functions/get/handler"
	"integrations/shared/access"
	"integrations/shared/api"
	"integrations/shared/lambdaapp"
)

func main() {
	lambdaapp.Route(func(b lambdaapp.Boot) api.Route { return handler.New(access.New(b.Store)) })
}
