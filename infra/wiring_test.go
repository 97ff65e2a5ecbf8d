package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestEveryRouteIsAuthorisedThrottledAndPermitted(t *testing.T) {
	everywhere(t, func(t *testing.T, tpl template) {
		stages := tpl.ofType("AWS::ApiGatewayV2::Stage")
		if len(stages) != 1 {
			t.Fatalf("%d stages", len(stages))
		}

		for _, stage := range stages {
			if number(stage.at("DefaultRouteSettings", "ThrottlingRateLimit")) == 0 || number(stage.at("DefaultRouteSettings", "ThrottlingBurstLimit")) == 0 {
				t.Error("the stage is not throttled")
			}

			if target(stage.at("AccessLogSettings", "DestinationArn")) == "" {
				t.Error("the stage has no access log")
			}

			for id, r := range tpl.ofType("AWS::ApiGatewayV2::Route") {
				checkRoute(t, tpl, id, r)
				if number(stage.at("RouteSettings", text(r.at("RouteKey")), "ThrottlingRateLimit")) == 0 {
					t.Errorf("%s: not throttled", id)
				}
			}
		}
	})
}

func checkRoute(t *testing.T, tpl template, id string, r resource) {
	t.Helper()
	authorizer := tpl.Resources[target(r.at("AuthorizerId"))]
	if text(r.at("AuthorizationType")) != "JWT" || text(authorizer.at("AuthorizerType")) != "JWT" {
		t.Errorf("%s: no JWT authorizer", id)
	}

	if text(authorizer.at("JwtConfiguration", "Issuer")) == "" || len(listOf(authorizer.at("JwtConfiguration", "Audience"))) == 0 {
		t.Errorf("%s: its authorizer checks no issuer or no audience", id)
	}

	if text(authorizer.at("IdentitySource", "0")) == "" && !slices.Contains(textsOf(authorizer.at("IdentitySource")), "$request.header.Authorization") {
		t.Errorf("%s: its authorizer does not read the Authorization header", id)
	}

	parts, _ := r.at("Target", "Fn::Join").([]any)
	if len(parts) != 2 {
		t.Fatalf("%s: its target is no integration", id)
	}

	integration := tpl.Resources[target(listOf(parts[1])[1])]
	if text(integration.at("PayloadFormatVersion")) != "2.0" {
		t.Errorf("%s: payload format is not 2.0", id)
	}

	function := target(integration.at("IntegrationUri"))
	permitted := false
	for _, p := range tpl.ofType("AWS::Lambda::Permission") {
		permitted = permitted || target(p.at("FunctionName")) == function && text(p.at("Principal")) == "apigateway.amazonaws.com"
	}

	if function == "" || !permitted {
		t.Errorf("%s: the gateway may not call its function", id)
	}
}

func TestScopesAreAskedForOnEveryRoute(t *testing.T) {
	for id, r := range complete().ofType("AWS::ApiGatewayV2::Route") {
		if !slices.Equal(textsOf(r.at("AuthorizationScopes")), []string{"integrations.manage"}) {
			t.Errorf("%s: scopes %v", id, r.at("AuthorizationScopes"))
		}
	}
}

func TestEveryQueueThatIsConsumed(t *testing.T) {
	everywhere(t, func(t *testing.T, tpl template) {
		mappings := tpl.ofType("AWS::Lambda::EventSourceMapping")
		if len(mappings) < 2 {
			t.Fatalf("%d event source mappings", len(mappings))
		}

		for id, m := range mappings {
			function := tpl.Resources[target(m.at("FunctionName"))]
			queue := tpl.Resources[target(m.at("EventSourceArn"))]
			if queue.Type != "AWS::SQS::Queue" || function.Type != "AWS::Lambda::Function" {
				t.Fatalf("%s joins %s and %s", id, queue.Type, function.Type)
			}

			least := 6*number(function.at("Timeout")) + number(m.at("MaximumBatchingWindowInSeconds"))
			if got := number(queue.at("VisibilityTimeout")); got < least {
				t.Errorf("%s: visibility %v s, six timeouts are %v s", id, got, least)
			}

			if !slices.Contains(textsOf(m.at("FunctionResponseTypes")), "ReportBatchItemFailures") {
				t.Errorf("%s: does not report partial failures", id)
			}

			if got := number(m.at("ScalingConfig", "MaximumConcurrency")); got < 2 || got > 1000 {
				t.Errorf("%s: maximum concurrency %v", id, got)
			}

			checkDeadLetters(t, tpl, id, queue)
		}
	})
}

func checkDeadLetters(t *testing.T, tpl template, id string, queue resource) {
	t.Helper()
	dead := tpl.Resources[target(queue.at("RedrivePolicy", "deadLetterTargetArn"))]
	if dead.Type != "AWS::SQS::Queue" {
		t.Fatalf("%s: its queue has no dead-letter queue", id)
	}

	if got := number(queue.at("RedrivePolicy", "maxReceiveCount")); got < 5 {
		t.Errorf("%s: dead letters after %v receives, AWS advises at least 5", id, got)
	}

	const fortnight = 14 * 24 * 60 * 60
	if got := number(dead.at("MessageRetentionPeriod")); got != fortnight {
		t.Errorf("%s: dead letters kept %v s", id, got)
	}

	if number(queue.at("MessageRetentionPeriod")) >= fortnight {
		t.Errorf("%s: a message may be as old as its dead-letter queue keeps it, and vanish on arrival", id)
	}
}

func TestConcurrencyComesFromContextAndLeavesRoomInANewAccount(t *testing.T) {
	sum := 0.0
	for _, m := range shipped().ofType("AWS::Lambda::EventSourceMapping") {
		sum += number(m.at("ScalingConfig", "MaximumConcurrency"))
	}

	if sum >= 10 {
		t.Errorf("queues may take %v of the 10 concurrent executions of a new account", sum)
	}

	tpl := complete()
	for _, m := range tpl.ofType("AWS::Lambda::EventSourceMapping") {
		worker := target(m.at("FunctionName")) == target(map[string]any{"Ref": logicalID(tpl, "providersync")})
		if got := number(m.at("ScalingConfig", "MaximumConcurrency")); worker && got != 9 {
			t.Errorf("the worker's maximum concurrency is %v, context says 9", got)
		}
	}

	for name, f := range tpl.functions() {
		if f.at("ReservedConcurrentExecutions") != nil {
			t.Errorf("%s reserves concurrency, which new accounts refuse", name)
		}
	}
}

// logicalID finds a function by its folder's name.
func logicalID(tpl template, name string) string {
	for id, f := range tpl.ofType("AWS::Lambda::Function") {
		if text(f.at("FunctionName")) == "integrations-"+tpl.stage+"-"+name {
			return id
		}
	}
	return ""
}

func TestEventsReachTheirTargets(t *testing.T) {
	everywhere(t, func(t *testing.T, tpl template) {
		for id, rule := range tpl.ofType("AWS::Events::Rule") {
			for _, to := range listOf(rule.at("Targets")) {
				switch aim := target(at(to, "Arn")); tpl.Resources[aim].Type {
				case "AWS::SQS::Queue":
					checkQueueTarget(t, tpl, id, rule, to)
				case "AWS::Lambda::Function":
					if !mayInvoke(tpl, id, aim) {
						t.Errorf("%s may not call %s", id, aim)
					}
				default:
					t.Errorf("%s: its target %q is neither a queue nor a function", id, aim)
				}
			}
		}
	})
}

// TestEveryEventOfThePlatformIsBrought: what no rule matches reaches nobody, and nobody hears of it.
func TestEveryEventOfThePlatformIsBrought(t *testing.T) {
	everywhere(t, func(t *testing.T, tpl template) {
		var brought []string
		for _, rule := range tpl.ofType("AWS::Events::Rule") {
			brought = append(brought, textsOf(rule.at("EventPattern", "detail-type"))...)
		}

		slices.Sort(brought)
		want := []string{
			"item.created", "item.deleted", "item.updated", "member.removed", "member.updated",
			"organisation.deleted", "organisation.purged", "organisation.updated", "role.deleted", "role.updated",
		}
		if !slices.Equal(brought, want) {
			t.Errorf("brought are %v, want %v, each once", brought, want)
		}
	})
}

func checkQueueTarget(t *testing.T, tpl template, id string, rule resource, to any) {
	t.Helper()
	if bus := tpl.Resources[target(rule.at("EventBusName"))]; bus.Type != "AWS::Events::EventBus" {
		t.Errorf("%s: not on a bus of its own", id)
	}

	if len(listOf(rule.at("EventPattern", "source"))) == 0 || len(listOf(rule.at("EventPattern", "detail-type"))) == 0 {
		t.Errorf("%s: does not choose by source and detail-type", id)
	}

	group := "$.detail.organisation_id"
	if strings.HasPrefix(textsOf(rule.at("EventPattern", "detail-type"))[0], "organisation.") {
		group = "$.detail.id" // its own
	}

	if got := text(at(to, "SqsParameters", "MessageGroupId")); got != group {
		t.Errorf("%s: message group %q, want %q", id, got, group)
	}

	for _, queue := range []string{target(at(to, "Arn")), target(at(to, "DeadLetterConfig", "Arn"))} {
		if !mayReceiveFrom(tpl, queue, id) {
			t.Errorf("%s may not send to %q", id, queue)
		}
	}
}

func mayInvoke(tpl template, rule, function string) bool {
	for _, p := range tpl.ofType("AWS::Lambda::Permission") {
		if target(p.at("FunctionName")) == function && target(p.at("SourceArn")) == rule && text(p.at("Principal")) == "events.amazonaws.com" {
			return true
		}
	}
	return false
}

func mayReceiveFrom(tpl template, queue, rule string) bool {
	for _, s := range resourceStatements(tpl, queue) {
		if s.effect == "Allow" && text(at(s.raw, "Principal", "Service")) == "events.amazonaws.com" && slices.Contains(s.actions, "sqs:SendMessage") &&
			slices.ContainsFunc(listOf(at(s.raw, "Condition", "ArnEquals", "aws:SourceArn")), func(arn any) bool { return target(arn) == rule }) {
			return true
		}
	}

	return false
}

func TestEveryQueueIsEncryptedAndRefusesPlainHTTP(t *testing.T) {
	everywhere(t, func(t *testing.T, tpl template) {
		for id, q := range tpl.ofType("AWS::SQS::Queue") {
			if q.at("SqsManagedSseEnabled") != true {
				t.Errorf("%s: not encrypted", id)
			}

			refused := slices.ContainsFunc(resourceStatements(tpl, id), func(s statement) bool {
				return s.effect == "Deny" && text(at(s.raw, "Condition", "Bool", "aws:SecureTransport")) == "false"
			})
			if !refused {
				t.Errorf("%s: takes requests without TLS", id)
			}

			if q.at("FifoQueue") != nil {
				t.Errorf("%s: not a standard queue", id)
			}
		}
	})
}

// TestOnlyWhatTheLocalEnvironmentResolves keeps the template within what it can be wired by: few intrinsics, all known at once.
func TestOnlyWhatTheLocalEnvironmentResolves(t *testing.T) {
	everywhere(t, func(t *testing.T, tpl template) {
		if len(tpl.Parameters)+len(tpl.Rules)+len(tpl.Conditions) > 0 {
			t.Error("the template has parameters, rules or conditions")
		}

		walk(tpl.whole, func(path []string, value any) {
			inner, _ := value.(map[string]any)
			for key := range maps.Keys(inner) {
				known := key == "Fn::GetAtt" || key == "Fn::Join" || key == "Fn::Sub" && strings.HasSuffix(strings.Join(path, "."), "Code.S3Bucket")
				if strings.HasPrefix(key, "Fn::") && !known {
					t.Errorf("%s: %s", strings.Join(path, "."), key)
				}
			}
		})
		for id, r := range tpl.Resources {
			if strings.HasPrefix(r.Type, "Custom::") || strings.HasPrefix(r.Type, "AWS::CloudFormation::") {
				t.Errorf("%s: %s", id, r.Type)
			}
		}
	})
}

func TestEveryFunctionIsFoundByItsConstructsPath(t *testing.T) {
	everywhere(t, func(t *testing.T, tpl template) {
		for name, f := range tpl.functions() {
			want := "Integrations-" + tpl.stage + "/" + *id(name, "Function") + "/Resource"
			if got := text(f.Metadata["aws:cdk:path"]); got != want {
				t.Errorf("%s: path %s, want %s", name, got, want)
			}

			if text(f.Metadata["aws:asset:path"]) == "" {
				t.Errorf("%s: does not say where its binary is", name)
			}
		}
	})
}
