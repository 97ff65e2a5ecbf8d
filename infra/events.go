package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"example.com/integrations/shared/events/incoming"
)

// ownSource is the source of the events that the service itself publishes.
const ownSource = "integrations"

// An eventBus is the bus that the platform publishes on, with its rules.
type eventBus struct {
	*service
	bus awsevents.EventBus
}

// newBus makes the bus that the platform publishes on, apart from the account's default bus. Events on it are trusted. So
// if `publishers` are given, no other principal may put events, even if its account's policies allow it.
func (s *service) newBus() *eventBus {
	bus := awsevents.NewEventBus(s.Stack, jsii.String("Bus"), &awsevents.EventBusProps{
		EventBusName: s.name(),
		Description:  jsii.String("Changes of organisations and items (stage " + s.Stage + ")"),
	})

	return &eventBus{service: s, bus: bus}
}

// guard lets the named publishers put any event and the service's own functions put the service's events. All other
// principals are denied.
func (b *eventBus) guard() {
	if len(b.Publishers) == 0 {
		return
	}

	own := []*string{}
	for _, d := range b.definitions() {
		if d.publishes {
			own = append(own, b.functions[d.name].Role().RoleArn())
		}
	}

	mayPublish := []any{}
	for _, p := range b.Publishers {
		mayPublish = append(mayPublish, p)
	}

	for _, arn := range own {
		mayPublish = append(mayPublish, arn)
	}

	b.policy("Publishers", map[string]any{
		"Effect":    "Allow",
		"Principal": map[string]any{"AWS": b.Publishers},
	})
	b.policy("NobodyElse", map[string]any{
		"Effect":    "Deny",
		"Principal": "*",
		"Condition": map[string]any{"ArnNotEquals": map[string]any{"aws:PrincipalArn": mayPublish}},
	})

	b.policy("OwnEventsOnly", map[string]any{
		"Effect":    "Deny",
		"Principal": "*",
		"Condition": map[string]any{
			"ArnEquals":       map[string]any{"aws:PrincipalArn": own},
			"StringNotEquals": map[string]any{"events:source": ownSource},
		},
	})
}

func (b *eventBus) policy(sid string, statement map[string]any) {
	statement["Sid"] = sid
	statement["Action"] = "events:PutEvents"
	statement["Resource"] = b.bus.EventBusArn()
	awsevents.NewCfnEventBusPolicy(b.Stack, jsii.String("Bus"+sid), &awsevents.CfnEventBusPolicyProps{
		EventBusName: b.bus.EventBusName(),
		StatementId:  &sid,
		Statement:    statement,
	})
}

// routeEvents sends the platform's events to the ingest queue, grouped by organisation; anything else on the bus is not
// for us. The events of an organisation itself have its id in another member than the events within it, and a target reads one
// path: so there are two rules.
func (b *eventBus) routeEvents(to queue) {
	rules := []*string{
		b.ingestRule(to, "IngestRule", "ingest", "$.detail.organisation_id", incoming.InOrganisations),
		b.ingestRule(to, "IngestOrganisationRule", "ingest-organisations", "$.detail.id", incoming.OfOrganisations),
	}
	for _, q := range []interface {
		AddToResourcePolicy(awsiam.PolicyStatement) *awsiam.AddToResourcePolicyResult
		QueueArn() *string
	}{to.work, to.dead} {
		q.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil)},
			Actions:    jsii.Strings("sqs:SendMessage"),
			Resources:  &[]*string{q.QueueArn()},
			Conditions: &map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": rules}},
		}))
	}
}

// ingestRule brings the platform's events of some types to the ingest queue. What EventBridge cannot deliver goes where
// ingest's own failures go: both hold the same body, so one redrive repairs both.
// The rule is written as CloudFormation has it, as CDK's own target refuses a message group on a standard queue.
func (b *eventBus) ingestRule(to queue, logical, name, group string, detailTypes []string) *string {
	rule := awsevents.NewCfnRule(b.Stack, &logical, &awsevents.CfnRuleProps{
		Name:         b.name(name),
		Description:  jsii.String("Brings the platform's events to the ingest queue"),
		EventBusName: b.bus.EventBusName(),
		EventPattern: map[string]any{"source": []string{b.EventSource}, "detail-type": detailTypes},
		Targets: []any{&awsevents.CfnRule_TargetProperty{
			Id:               jsii.String("ingest"),
			Arn:              to.work.QueueArn(),
			SqsParameters:    &awsevents.CfnRule_SqsParametersProperty{MessageGroupId: &group},
			DeadLetterConfig: &awsevents.CfnRule_DeadLetterConfigProperty{Arn: to.dead.QueueArn()},
		}},
	})
	return rule.AttrArn()
}

// schedule calls a function every minute. A tick that could not be delivered within its minute is worthless,
// as the next one does all of its work.
func (s *service) schedule(name string) {
	target := s.functions[name].Function
	rule := awsevents.NewCfnRule(s.Stack, id(name, "Schedule"), &awsevents.CfnRuleProps{
		Name:               s.name(name),
		Description:        jsii.String("Runs " + name + " every minute"),
		ScheduleExpression: jsii.String("rate(1 minute)"),
		Targets: []any{&awsevents.CfnRule_TargetProperty{
			Id:  &name,
			Arn: target.FunctionArn(),
			RetryPolicy: &awsevents.CfnRule_RetryPolicyProperty{
				MaximumEventAgeInSeconds: jsii.Number(60),
				MaximumRetryAttempts:     jsii.Number(0),
			},
		}},
	})

	awslambda.NewCfnPermission(s.Stack, id(name, "SchedulePermission"), &awslambda.CfnPermissionProps{
		Action:       jsii.String("lambda:InvokeFunction"),
		FunctionName: target.FunctionArn(),
		Principal:    jsii.String("events.amazonaws.com"),
		SourceArn:    rule.AttrArn(),
	})
}
