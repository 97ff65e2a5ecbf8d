package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
)

func TestProductionKeepsWhatCannotBeMadeAgain(t *testing.T) {
	for _, tpl := range []template{shipped(), complete()} {
		checkKept(t, tpl, true)
	}
	checkKept(t, onLoopback(), false)
}

func checkKept(t *testing.T, tpl template, kept bool) {
	t.Helper()
	tables := tpl.ofType("AWS::DynamoDB::GlobalTable")
	keys := tpl.ofType("AWS::KMS::Key")
	if len(tables) != 1 || len(keys) != 2 {
		t.Fatalf("%s: %d tables and %d keys", tpl.stage, len(tables), len(keys))
	}

	for id, table := range tables {
		for _, replica := range listOf(table.at("Replicas")) {
			if on := at(replica, "DeletionProtectionEnabled") == true; on != kept {
				t.Errorf("%s %s: deletion protection %v", tpl.stage, id, on)
			}

			if at(replica, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled") != true {
				t.Errorf("%s %s: no point-in-time recovery", tpl.stage, id)
			}
		}

		if text(table.at("BillingMode")) != "PAY_PER_REQUEST" || table.at("TimeToLiveSpecification", "Enabled") != true {
			t.Errorf("%s %s: not on demand, or without expiry", tpl.stage, id)
		}

		checkRetained(t, tpl.stage, id, table, kept)
	}

	for id, key := range keys {
		// KMS refuses to rotate an HMAC key.
		mac := text(key.at("KeySpec")) == "HMAC_256"
		if rotates := key.at("EnableKeyRotation") == true; rotates == mac {
			t.Errorf("%s %s: rotates: %v", tpl.stage, id, rotates)
		}

		if number(key.at("PendingWindowInDays")) != 30 {
			t.Errorf("%s %s: can be gone within %v days", tpl.stage, id, key.at("PendingWindowInDays"))
		}

		checkRetained(t, tpl.stage, id, key, kept)
	}
}

func checkRetained(t *testing.T, stage, id string, r resource, kept bool) {
	t.Helper()
	want := "Delete"
	if kept {
		want = "Retain"
	}

	if r.DeletionPolicy != want || r.UpdateReplacePolicy != want {
		t.Errorf("%s %s: %q when deleted, %q when replaced, want %q", stage, id, r.DeletionPolicy, r.UpdateReplacePolicy, want)
	}
}

func TestFunctions(t *testing.T) {
	everywhere(t, func(t *testing.T, tpl template) {
		if len(tpl.functions()) < 6 {
			t.Fatalf("only %d functions", len(tpl.functions()))
		}

		for name, f := range tpl.functions() {
			loops := text(f.at("RecursiveLoop")) == "Allow"
			if loops != (name == "providersync") {
				t.Errorf("%s: may feed itself without end: %v", name, loops)
			}

			if text(f.at("TracingConfig", "Mode")) != "Active" {
				t.Errorf("%s: not traced", name)
			}

			if text(f.at("Runtime")) != "provided.al2023" || text(f.at("Handler")) != "bootstrap" {
				t.Errorf("%s: runs %v %v", name, f.at("Runtime"), f.at("Handler"))
			}

			variables, _ := f.at("Environment", "Variables").(map[string]any)
			for variable := range variables {
				// Both lead a function away from the hosts it is meant for.
				if variable == "DIAL_OVERRIDES" || strings.HasPrefix(variable, "AWS_ENDPOINT_URL") {
					t.Errorf("%s: sets %s", name, variable)
				}
			}

			if text(variables["STAGE"]) != tpl.stage {
				t.Errorf("%s: told stage %v", name, variables["STAGE"])
			}
		}
	})
}

// TestTheWorkersTimesFitTogether: a slice that outlasts the function is cut off, and each later time rests on an earlier one.
func TestTheWorkersTimesFitTogether(t *testing.T) {
	for _, p := range []Profile{production, local} {
		tm := timingsOf(p)
		if tm.Slice <= 0 || tm.Slice >= tm.Worker || tm.Settle <= 0 || tm.LeaseMargin <= 0 || tm.LostAfter <= 0 {
			t.Errorf("%s: %+v", p, tm)
		}
	}

	if tm := timingsOf(production); tm.Settle.Minutes() < 2 {
		t.Errorf("production settles for %v, providers' lists lag by minutes", tm.Settle)
	}
}

// TestEveryNameHoldsTheStage lets stages live side by side in one account.
func TestEveryNameHoldsTheStage(t *testing.T) {
	everywhere(t, func(t *testing.T, tpl template) {
		// The first is the name that makes the stage the API's root, the other is AWS's.
		others := []string{"StageName", "MetricName"}
		seen := 0
		for id, r := range tpl.Resources {
			for property, value := range r.Properties {
				name, literal := value.(string)
				if !literal || !strings.HasSuffix(property, "Name") || slices.Contains(others, property) {
					continue
				}

				if seen++; !strings.Contains(name, tpl.stage) {
					t.Errorf("%s: %s %q", id, property, name)
				}
			}
		}

		if seen < 20 {
			t.Errorf("only %d names were seen", seen)
		}
	})
}

func TestEveryAlarmReachesSomeone(t *testing.T) {
	everywhere(t, func(t *testing.T, tpl template) {
		for id, alarm := range tpl.ofType("AWS::CloudWatch::Alarm") {
			actions := listOf(alarm.at("AlarmActions"))
			if len(actions) == 0 || alarm.at("ActionsEnabled") == false {
				t.Errorf("%s: no action", id)
			}

			for _, action := range actions {
				checkTopic(t, tpl, target(action))
			}

			if text(alarm.at("AlarmDescription")) == "" {
				t.Errorf("%s: does not say what to do", id)
			}
		}
	})
}

// checkTopic holds what silently drops alarms: a key that CloudWatch may not use, or a policy that leaves it out.
func checkTopic(t *testing.T, tpl template, topic string) {
	t.Helper()
	if r := tpl.Resources[topic]; r.Type != "AWS::SNS::Topic" || r.at("KmsMasterKeyId") != nil {
		t.Errorf("%s: not a topic that CloudWatch can publish to", topic)
	}

	for _, p := range tpl.ofType("AWS::SNS::TopicPolicy") {
		for _, s := range statementsOf(p.at("PolicyDocument")) {
			if s.effect == "Allow" && text(at(s.raw, "Principal", "Service")) == "cloudwatch.amazonaws.com" && target(s.resources[0]) == topic {
				return
			}
		}
	}

	t.Errorf("%s: its policy leaves out CloudWatch", topic)
}

func TestEverythingThatCanFailIsWatched(t *testing.T) {
	everywhere(t, func(t *testing.T, tpl template) {
		for id := range tpl.ofType("AWS::Lambda::Function") {
			watched(t, tpl, id, "Errors")
			watched(t, tpl, id, "Throttles")
		}

		for id, q := range tpl.ofType("AWS::SQS::Queue") {
			if q.at("RedrivePolicy") == nil {
				watched(t, tpl, id, "ApproximateNumberOfMessagesVisible")
			} else {
				watched(t, tpl, id, "ApproximateAgeOfOldestMessage")
			}
		}

		for id := range tpl.ofType("AWS::ApiGatewayV2::Api") {
			watched(t, tpl, id, "5xx")
			watched(t, tpl, id, "Latency")
		}

		if len(tpl.ofType("AWS::CloudWatch::Dashboard")) != 1 {
			t.Error("no dashboard")
		}
	})
}

func watched(t *testing.T, tpl template, id, metric string) {
	t.Helper()
	for _, alarm := range tpl.ofType("AWS::CloudWatch::Alarm") {
		for _, d := range listOf(alarm.at("Dimensions")) {
			if text(alarm.at("MetricName")) == metric && target(at(d, "Value")) == id {
				return
			}
		}
	}

	t.Errorf("%s: no alarm on its %s", id, metric)
}

func TestAlarmEmailIsSubscribed(t *testing.T) {
	for _, s := range complete().ofType("AWS::SNS::Subscription") {
		if text(s.at("Endpoint")) == "oncall@example.com" && text(s.at("Protocol")) == "email" {
			return
		}
	}

	t.Error("nobody is subscribed")
}

func TestOutputs(t *testing.T) {
	everywhere(t, func(t *testing.T, tpl template) {
		for _, name := range []string{"ApiUrl", "TableName", "BusName", "SyncQueueUrl", "IngestQueueUrl", "SyncDeadLetterQueueUrl", "IngestDeadLetterQueueUrl", "KeyArn", "MacKeyArn", "AlarmTopicArn"} {
			if at(tpl.Outputs[name], "Value") == nil {
				t.Errorf("no output %s", name)
			}
		}
	})
}

func TestNoUnexplainedFinding(t *testing.T) {
	everywhere(t, func(t *testing.T, tpl template) {
		for _, finding := range tpl.findings {
			t.Error(finding)
		}

		for id, r := range tpl.Resources {
			for _, s := range listOf(at(r.Metadata, "cdk_nag", "rules_to_suppress")) {
				if len(strings.Fields(text(at(s, "reason")))) < 6 {
					t.Errorf("%s: %v is suppressed without a reason", id, at(s, "id"))
				}

				if len(listOf(at(s, "applies_to"))) == 0 {
					t.Errorf("%s: all of %v is suppressed, not one finding", id, at(s, "id"))
				}
			}
		}
	})
}

// TestFindingsAreSeen proves that the absence of findings means something.
func TestFindingsAreSeen(t *testing.T) {
	tpl, err := synthesize(map[string]any{"stage": "worse", "issuer": "https://issuer.example.com", "audience": "a"}, func(stack awscdk.Stack) {
		awssqs.NewQueue(stack, jsii.String("Careless"), nil)
	})
	if err != nil {
		t.Fatal(err)
	}

	if !strings.Contains(strings.Join(tpl.findings, "\n"), "AwsSolutions-SQS") {
		t.Errorf("a queue without TLS and dead letters gave %q", tpl.findings)
	}
}
