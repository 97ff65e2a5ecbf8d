package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A statement is one of a policy's, with Action and Resource as lists.
type statement struct {
	effect    string
	actions   []string
	resources []any
	raw       any
}

func statementsOf(document any) []statement {
	var list []statement
	for _, raw := range listOf(at(document, "Statement")) {
		list = append(list, statement{
			effect: text(at(raw, "Effect")), actions: textsOf(at(raw, "Action")), resources: listOf(at(raw, "Resource")), raw: raw,
		})
	}

	return list
}

// roleOf gives the role of a function and all that it states.
func roleOf(t *testing.T, tpl template, f resource) (resource, []statement) {
	t.Helper()
	role := tpl.Resources[target(f.at("Role"))]
	if role.Type != "AWS::IAM::Role" {
		t.Fatalf("%s has no role", text(f.at("FunctionName")))
	}

	var list []statement
	for _, policy := range listOf(role.at("Policies")) {
		list = append(list, statementsOf(at(policy, "PolicyDocument"))...)
	}

	return role, list
}

// allowed gives what a function may do, each as "action on logical id".
func allowed(t *testing.T, tpl template, f resource) []string {
	t.Helper()
	_, list := roleOf(t, tpl, f)
	var all []string
	for _, s := range list {
		for _, action := range s.actions {
			for _, r := range s.resources {
				if s.effect == "Allow" {
					all = append(all, fmt.Sprintf("%s on %s", action, tpl.Resources[target(r)].Type))
				}
			}
		}
	}

	return all
}

// resourceStatements is what a queue's own policies state.
func resourceStatements(tpl template, queue string) []statement {
	var list []statement
	for _, p := range tpl.ofType("AWS::SQS::QueuePolicy") {
		if slices.ContainsFunc(listOf(p.at("Queues")), func(q any) bool { return target(q) == queue }) {
			list = append(list, statementsOf(p.at("PolicyDocument"))...)
		}
	}

	return list
}

var (
	xrayPuts = []string{"xray:PutTelemetryRecords", "xray:PutTraceSegments"}
	// networking is what attaching a function to a VPC takes, for which EC2 has no resources to name.
	networking = []string{
		"ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
		"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
	}
)

// among says that every action is in one of the lists: CDK merges statements on the same resource.
func among(actions []string, lists ...[]string) bool {
	every := slices.Concat(lists...)
	return !slices.ContainsFunc(actions, func(a string) bool { return !slices.Contains(every, a) })
}

func TestNoWildcardIsAllowed(t *testing.T) {
	everywhere(t, func(t *testing.T, tpl template) {
		seen := 0
		for id, r := range tpl.Resources {
			if r.Type == "AWS::KMS::Key" {
				continue
			}

			walk(r.Properties, func(_ []string, value any) {
				if text(at(value, "Effect")) != "Allow" {
					return
				}

				seen++
				s := statementsOf(map[string]any{"Statement": value})[0]
				if strings.Contains(strings.Join(s.actions, ""), "*") || strings.Contains(literals(at(value, "Principal")), "*") {
					t.Errorf("%s allows %v to %v", id, s.actions, at(value, "Principal"))
				}

				if at(value, "NotAction") != nil || at(value, "NotResource") != nil {
					t.Errorf("%s allows all but something", id)
				}

				inVPC := len(tpl.ofType("AWS::EC2::SecurityGroup")) > 0
				exempt := among(s.actions, xrayPuts) || inVPC && among(s.actions, xrayPuts, networking)
				if strings.Contains(literals(s.resources), "*") && !exempt {
					t.Errorf("%s allows %v on *", id, s.actions)
				}
			})
		}

		if seen < 20 {
			t.Errorf("only %d statements were seen", seen)
		}
	})
}

func TestEveryFunctionHasARoleOfItsOwnWithNothingAttached(t *testing.T) {
	everywhere(t, func(t *testing.T, tpl template) {
		owner := map[string]string{}
		for name, f := range tpl.functions() {
			role, list := roleOf(t, tpl, f)
			if role.at("ManagedPolicyArns") != nil {
				t.Errorf("%s: has managed policies", name)
			}

			if other := owner[target(f.at("Role"))]; other != "" {
				t.Errorf("%s and %s share a role", name, other)
			}

			owner[target(f.at("Role"))] = name
			if !slices.ContainsFunc(list, func(s statement) bool { return among(xrayPuts, s.actions) }) {
				t.Errorf("%s: may not trace", name)
			}
		}

		// A policy beside the role would be one that CDK wrote.
		if n := len(tpl.ofType("AWS::IAM::Policy")) + len(tpl.ofType("AWS::IAM::ManagedPolicy")); n > 0 {
			t.Errorf("%d policies are not written out in a role", n)
		}
	})
}

// TestWhoMayDoWhat holds the lines that a stolen function must not cross.
func TestWhoMayDoWhat(t *testing.T) {
	tests := []struct {
		action string
		only   []string
	}{
		{"kms:Decrypt", []string{"check", "providersync"}},
		{"kms:GenerateDataKey", []string{"create", "patch"}},
		{"kms:GenerateMac", []string{"providersync"}},
		{"kms:VerifyMac", nil},
		{"dynamodb:Scan", nil},
		{"dynamodb:Query", []string{"dispatch", "ingest", "items", "list", "providersync", "status", "syncs"}},
		{"dynamodb:PutItem", []string{"cancel", "check", "create", "delete", "dispatch", "ingest", "patch", "providersync"}},
		{"dynamodb:BatchWriteItem", []string{"dispatch", "providersync"}},
		{"events:PutEvents", []string{"dispatch", "providersync"}},
		{"dynamodb:DeleteItem", []string{"create", "delete", "dispatch", "ingest", "patch", "providersync"}},
		{"dynamodb:UpdateItem", []string{"cancel", "check", "create", "delete", "dispatch", "ingest", "patch", "providersync", "retry", "sync"}},
		{"sqs:SendMessage", []string{"delete", "dispatch", "ingest", "providersync", "retry", "sync"}},
		{"sqs:ReceiveMessage", []string{"ingest", "providersync"}},
		{"sqs:PurgeQueue", nil},
		{"logs:CreateLogGroup", nil},
	}

	everywhere(t, func(t *testing.T, tpl template) {
		for _, tt := range tests {
			var who []string
			for name, f := range tpl.functions() {
				if slices.ContainsFunc(allowed(t, tpl, f), func(a string) bool { return strings.HasPrefix(a, tt.action+" ") }) {
					who = append(who, name)
				}
			}

			if slices.Sort(who); !slices.Equal(who, tt.only) {
				t.Errorf("%s: allowed to %v, only %v need it", tt.action, who, tt.only)
			}
		}
	})
}

// TestGetOnlyReads names what it may do rather than what it may not, as AWS may add ways of writing.
func TestGetOnlyReads(t *testing.T) {
	tpl := shipped()
	reads := []string{
		"dynamodb:GetItem on AWS::DynamoDB::GlobalTable", "dynamodb:BatchGetItem on AWS::DynamoDB::GlobalTable",
		"logs:CreateLogStream on AWS::Logs::LogGroup", "logs:PutLogEvents on AWS::Logs::LogGroup",
		"xray:PutTraceSegments on ", "xray:PutTelemetryRecords on ",
	}
	for _, a := range allowed(t, tpl, tpl.functions()["get"]) {
		if !slices.Contains(reads, a) {
			t.Errorf("get may %s", a)
		}
	}
}

// TestFunctionsMayUseWhatTheyAreTold: a name in the environment without the permission fails only in AWS.
func TestFunctionsMayUseWhatTheyAreTold(t *testing.T) {
	tests := map[string]string{
		"TABLE_NAME":     "dynamodb:GetItem on AWS::DynamoDB::GlobalTable",
		"SYNC_QUEUE_URL": "sqs:SendMessage on AWS::SQS::Queue",
		"EVENT_BUS_NAME": "events:PutEvents on AWS::Events::EventBus",
		"KMS_KEY_ID":     "kms:GenerateDataKey on AWS::KMS::Key",
		"MAC_KEY_ID":     "kms:GenerateMac on AWS::KMS::Key",
	}

	everywhere(t, func(t *testing.T, tpl template) {
		for name, f := range tpl.functions() {
			may := allowed(t, tpl, f)
			for variable, action := range tests {
				told := f.at("Environment", "Variables", variable) != nil
				if told != slices.Contains(may, action) {
					t.Errorf("%s: is told %s: %v; may %s: %v", name, variable, told, action, !told)
				}
			}
		}
	})
}

// TestEachKeyHasItsUse: the worker opens secrets with one key and signs with the other, and nobody does more with either.
func TestEachKeyHasItsUse(t *testing.T) {
	everywhere(t, func(t *testing.T, tpl template) {
		seen := 0
		for name, f := range tpl.functions() {
			_, list := roleOf(t, tpl, f)
			for _, s := range list {
				for _, action := range s.actions {
					if !strings.HasPrefix(action, "kms:") {
						continue
					}

					seen++
					key := tpl.Resources[target(s.resources[0])]
					signs := text(key.at("KeyUsage")) == "GENERATE_VERIFY_MAC"
					if key.Type != "AWS::KMS::Key" || len(s.resources) != 1 || signs != (action == "kms:GenerateMac") {
						t.Errorf("%s: %s on %v", name, action, s.resources)
					}
				}
			}
		}

		if seen != 5 {
			t.Errorf("%d statements about keys", seen)
		}
	})
}

func TestConsumersMayConsumeTheirQueueAlone(t *testing.T) {
	needs := []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"}
	everywhere(t, func(t *testing.T, tpl template) {
		for id, m := range tpl.ofType("AWS::Lambda::EventSourceMapping") {
			_, list := roleOf(t, tpl, tpl.Resources[target(m.at("FunctionName"))])
			for _, action := range needs {
				var queues []string
				for _, s := range list {
					if slices.Contains(s.actions, action) {
						queues = append(queues, target(s.resources[0]))
					}
				}

				if want := []string{target(m.at("EventSourceArn"))}; !slices.Equal(queues, want) {
					t.Errorf("%s: %s on %v, want %v", id, action, queues, want)
				}
			}
		}
	})
}

func TestFunctionsLogToTheirOwnGroupAlone(t *testing.T) {
	everywhere(t, func(t *testing.T, tpl template) {
		for name, f := range tpl.functions() {
			group := target(f.at("LoggingConfig", "LogGroup"))
			if number(tpl.Resources[group].at("RetentionInDays")) == 0 {
				t.Errorf("%s: its log %q is kept for ever", name, group)
			}

			_, list := roleOf(t, tpl, f)
			for _, s := range list {
				if slices.Contains(s.actions, "logs:PutLogEvents") && (len(s.resources) != 1 || target(s.resources[0]) != group) {
					t.Errorf("%s: may write to %v", name, s.resources)
				}
			}
		}

		for id, group := range tpl.ofType("AWS::Logs::LogGroup") {
			if number(group.at("RetentionInDays")) == 0 {
				t.Errorf("%s is kept for ever", id)
			}
		}
	})
}

func TestNobodyElseCallsAFunction(t *testing.T) {
	everywhere(t, func(t *testing.T, tpl template) {
		for id, p := range tpl.ofType("AWS::Lambda::Permission") {
			if !strings.HasSuffix(text(p.at("Principal")), ".amazonaws.com") || p.at("SourceArn") == nil {
				t.Errorf("%s lets %v call from anywhere", id, p.at("Principal"))
			}
		}
	})
}

func TestOnlyNamedPublishersMayPutEvents(t *testing.T) {
	var allow, deny []any
	var own, held []string // our own roles, and those held to our own events
	for _, p := range complete().ofType("AWS::Events::EventBusPolicy") {
		switch text(p.at("Statement", "Effect")) {
		case "Allow":
			allow = append(allow, listOf(p.at("Statement", "Principal", "AWS"))...)
		case "Deny":
			for _, who := range listOf(p.at("Statement", "Condition", "ArnNotEquals", "aws:PrincipalArn")) {
				if role := target(who); role != "" {
					own = append(own, role)
				} else {
					deny = append(deny, who)
				}
			}

			for _, who := range listOf(p.at("Statement", "Condition", "ArnEquals", "aws:PrincipalArn")) {
				if text(p.at("Statement", "Condition", "StringNotEquals", "events:source")) == "integrations" {
					held = append(held, target(who))
				}
			}
		}
	}

	if want := []any{"arn:aws:iam::123456789012:role/product"}; !slices.Equal(allow, want) || !slices.Equal(deny, want) {
		t.Errorf("allowed %v, all refused but %v", allow, deny)
	}

	tpl := complete()
	var want []string
	for _, name := range []string{"dispatch", "providersync"} {
		want = append(want, target(tpl.functions()[name].at("Role")))
	}

	for _, got := range [][]string{own, held} {
		if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("our own roles: %v, want %v", got, want)
		}
	}
}

// TestOurFunctionsPublishOurEventsAlone: what comes in the platform's name is trusted with everything.
func TestOurFunctionsPublishOurEventsAlone(t *testing.T) {
	everywhere(t, func(t *testing.T, tpl template) {
		seen := 0
		for name, f := range tpl.functions() {
			_, list := roleOf(t, tpl, f)
			for _, s := range list {
				if !slices.Contains(s.actions, "events:PutEvents") {
					continue
				}

				if seen++; text(at(s.raw, "Condition", "StringEquals", "events:source")) != "integrations" {
					t.Errorf("%s may publish whatever it likes", name)
				}
			}
		}

		if seen != 2 {
			t.Errorf("%d functions publish", seen)
		}
	})
}

func TestInAVPCCodeMayNotTouchTheNetwork(t *testing.T) {
	tpl := complete()
	for name, f := range tpl.functions() {
		_, list := roleOf(t, tpl, f)
		var allows, denies bool
		for _, s := range list {
			same := among(networking, s.actions)
			allows = allows || same && s.effect == "Allow"
			denies = denies || same && s.effect == "Deny" && at(s.raw, "Condition", "ArnEquals", "lambda:SourceFunctionArn") != nil
		}

		inside := f.at("VpcConfig") != nil
		if dials := name == "providersync" || name == "check"; inside != dials || allows != dials || denies != dials {
			t.Errorf("%s: in the VPC %v, may be attached %v, its code is refused %v", name, inside, allows, denies)
		}
	}
}
