package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2authorizers"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2integrations"
	"github.com/aws/jsii-runtime-go"
)

// A route is one line of the API: requests a second, and how many at once, are for all callers together.
type route struct {
	method      awsapigatewayv2.HttpMethod
	path        string
	function    string
	rate, burst float64
}

func (r route) key() string { return string(r.method) + " " + r.path }

var routes = []route{
	{awsapigatewayv2.HttpMethod_GET, "/integrations/{integration.id}", "get", 100, 200},
	{awsapigatewayv2.HttpMethod_PATCH, "/integrations/{integration.id}", "patch", 25, 50},
	{awsapigatewayv2.HttpMethod_DELETE, "/integrations/{integration.id}", "delete", 25, 50},
	{awsapigatewayv2.HttpMethod_POST, "/integrations/{integration.id}/check", "check", 10, 20},
	{awsapigatewayv2.HttpMethod_GET, "/organisations/{organisation.id}/integrations", "list", 50, 100},
	{awsapigatewayv2.HttpMethod_POST, "/organisations/{organisation.id}/integrations", "create", 25, 50},
	{awsapigatewayv2.HttpMethod_POST, "/integrations/{integration.id}/sync", "sync", 25, 50},
	{awsapigatewayv2.HttpMethod_GET, "/integrations/{integration.id}/status", "status", 50, 100},
	{awsapigatewayv2.HttpMethod_GET, "/integrations/{integration.id}/syncs", "syncs", 50, 100},
	{awsapigatewayv2.HttpMethod_GET, "/integrations/{integration.id}/syncs/{sync.id}", "syncs", 50, 100},
	{awsapigatewayv2.HttpMethod_GET, "/integrations/{integration.id}/syncs/{sync.id}/items", "syncs", 50, 100},
	{awsapigatewayv2.HttpMethod_POST, "/integrations/{integration.id}/syncs/{sync.id}/cancel", "cancel", 25, 50},
	{awsapigatewayv2.HttpMethod_GET, "/integrations/{integration.id}/items", "items", 50, 100},
	{awsapigatewayv2.HttpMethod_POST, "/integrations/{integration.id}/items/retry", "retry", 25, 50},
}

// stageRate and stageBurst hold for all routes together.
const (
	stageRate  = 150
	stageBurst = 300
)

// newAPI makes the authorizer the default of every route, so that a new one cannot be left open by oversight.
func (s *service) newAPI() awsapigatewayv2.HttpApi {
	props := &awsapigatewayv2.HttpApiProps{
		ApiName:            s.name(),
		Description:        jsii.String("Read, change and sync integrations (stage " + s.Stage + ")"),
		CreateDefaultStage: jsii.Bool(false),
		DefaultAuthorizer: awsapigatewayv2authorizers.NewHttpJwtAuthorizer(jsii.String("Authorizer"), &s.Issuer,
			&awsapigatewayv2authorizers.HttpJwtAuthorizerProps{
				AuthorizerName: s.name(),
				JwtAudience:    jsii.Strings(s.Audience...),
			}),
	}
	if len(s.Scopes) > 0 {
		props.DefaultAuthorizationScopes = jsii.Strings(s.Scopes...)
	}

	api := awsapigatewayv2.NewHttpApi(s.Stack, jsii.String("Api"), props)
	s.newStage(api, s.addRoutes(api))

	return api
}

func (s *service) addRoutes(api awsapigatewayv2.HttpApi) []awsapigatewayv2.CfnRoute {
	var added []awsapigatewayv2.CfnRoute
	integrations := map[string]awsapigatewayv2integrations.HttpLambdaIntegration{}
	for _, r := range routes {
		integration := integrations[r.function]
		if integration == nil {
			integration = awsapigatewayv2integrations.NewHttpLambdaIntegration(
				id(r.function, "Integration"), s.functions[r.function].Function,
				&awsapigatewayv2integrations.HttpLambdaIntegrationProps{
					PayloadFormatVersion: awsapigatewayv2.PayloadFormatVersion_VERSION_2_0(),
				})

			integrations[r.function] = integration
		}

		for _, made := range *api.AddRoutes(&awsapigatewayv2.AddRoutesOptions{
			Path:        &r.path,
			Methods:     &[]awsapigatewayv2.HttpMethod{r.method},
			Integration: integration,
		}) {
			added = append(added, made.Node().DefaultChild().(awsapigatewayv2.CfnRoute))
		}
	}

	return added
}

// accessLogFormat logs the caller, the request and the outcome; tokens and bodies are not among API Gateway's variables.
const accessLogFormat = `{"request_id":"$context.requestId","at":"$context.requestTimeEpoch","route":"$context.routeKey",` +
	`"path":"$context.path","status":"$context.status","source":"$context.identity.sourceIp",` +
	`"subject":"$context.authorizer.claims.sub","length":"$context.responseLength","latency_ms":"$context.responseLatency",` +
	`"integration_latency_ms":"$context.integrationLatency","integration_status":"$context.integrationStatus",` +
	`"integration_error":"$context.integrationErrorMessage","authorizer_error":"$context.authorizer.error",` +
	`"error":"$context.error.message"}`

// newStage throttles each route as well as all of them, so that a flood on one leaves room for the others.
func (s *service) newStage(api awsapigatewayv2.HttpApi, made []awsapigatewayv2.CfnRoute) {
	logs := s.newLogGroup(id("api", "Logs"), "/aws/vendedlogs/"+*s.name("api"))
	stage := awsapigatewayv2.NewHttpStage(s.Stack, jsii.String("ApiStage"), &awsapigatewayv2.HttpStageProps{
		HttpApi:    api,
		StageName:  jsii.String("$default"),
		AutoDeploy: jsii.Bool(true),
		Throttle:   &awsapigatewayv2.ThrottleSettings{RateLimit: jsii.Number(stageRate), BurstLimit: jsii.Number(stageBurst)},
	})

	limits := map[string]any{}
	for _, r := range routes {
		limits[r.key()] = map[string]any{"ThrottlingRateLimit": r.rate, "ThrottlingBurstLimit": r.burst}
	}

	resource := stage.Node().DefaultChild().(awsapigatewayv2.CfnStage)
	resource.SetRouteSettings(limits)
	resource.SetAccessLogSettings(&awsapigatewayv2.CfnStage_AccessLogSettingsProperty{
		DestinationArn: logs.LogGroupArn(),
		Format:         jsii.String(accessLogFormat),
	})
	for _, r := range made {
		// API Gateway refuses the settings of a route that does not exist yet.
		resource.AddDependency(r)
	}
}
