package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// newApp fixes in code all that the cdk command line or a cdk.json would otherwise decide,
// so that `cdk synth`, `go run ./infra` and the snapshot's test write the same template.
func newApp(outdir *string, context map[string]any) awscdk.App {
	return awscdk.NewApp(&awscdk.AppProps{
		Outdir:             outdir,
		Context:            &context,
		AnalyticsReporting: jsii.Bool(false),
		TreeMetadata:       jsii.Bool(false),
		PostCliContext: &map[string]any{
			"aws:cdk:disable-stack-trace":                  true,
			"aws:cdk:enable-asset-metadata":                true,
			"aws:cdk:enable-path-metadata":                 true,
			"@aws-cdk/aws-dynamodb:retainTableReplica":     true,
			"@aws-cdk/aws-events:requireEventBusPolicySid": true,
			"@aws-cdk/aws-iam:minimizePolicies":            true,
			"@aws-cdk/aws-lambda:recognizeLayerVersion":    true,
			"@aws-cdk/core:checkSecretUsage":               true,
			"@aws-cdk/core:explicitStackTags":              true,
			"@aws-cdk/core:target-partitions":              []string{"aws", "aws-cn", "aws-us-gov"},
			"@aws-cdk/core:validateSnapshotRemovalPolicy":  true,
		},
	})
}

// service is the stack and what its resource groups have in common.
type service struct {
	awscdk.Stack
	catalogue
	functions map[string]function
}

// newStack builds the whole service under app from the binaries in assets/<architecture>/<function>/.
func newStack(app awscdk.App, settings Settings, assets string) (awscdk.Stack, error) {
	folders, err := findAssets(assets, settings.Architecture)
	if err != nil {
		return nil, err
	}

	s := &service{catalogue: catalogue{settings}}
	s.Stack = awscdk.NewStack(app, jsii.String("Integrations-"+settings.Stage), &awscdk.StackProps{
		Description:           jsii.String("Connects an organisation's items with the outside tools its people use (stage " + settings.Stage + ")."),
		AnalyticsReporting:    jsii.Bool(false),
		TerminationProtection: jsii.Bool(settings.Profile == production),
		Tags:                  &map[string]*string{"service": jsii.String("integrations"), "stage": jsii.String(settings.Stage)},
		// The command line checks the bootstrap's version itself: without the rule the template has no parameter.
		Synthesizer: awscdk.NewDefaultStackSynthesizer(&awscdk.DefaultStackSynthesizerProps{
			GenerateBootstrapVersionRule: jsii.Bool(false),
		}),
	})

	s.build(folders)
	awscdk.Aspects_Of(s.Stack).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Reports: jsii.Bool(false)}), nil)

	return s.Stack, nil
}

func (s *service) build(folders map[string]string) {
	table := s.newTable()
	key := s.newKey()
	macKey := s.newMacKey()
	queues := s.newQueues()
	bus := s.newBus()
	s.newFunctions(folders, resources{table: table, key: key, macKey: macKey, queues: queues, bus: bus.bus})
	bus.guard()
	bus.routeEvents(queues.ingest)
	s.schedule("dispatch")
	s.consume("providersync", queues.sync, 1, s.MaximumConcurrency)
	// Ingest only writes to the table, so half of what the slow worker gets is enough, and a new account has 10 in all.
	s.consume("ingest", queues.ingest, 10, max(2, s.MaximumConcurrency/2))
	api := s.newAPI()
	topic := s.newAlarmTopic()
	watched := &monitoring{service: s, api: api, queues: queues}
	watched.newAlarms(topic)
	watched.newDashboard()
	s.output("ApiUrl", "Where the API answers.", api.ApiEndpoint())
	s.output("TableName", "The one table.", table.TableName())
	s.output("BusName", "Where the platform publishes its events.", bus.bus.EventBusName())
	s.output("KeyArn", "What the stored secrets are sealed under.", key.KeyArn())
	s.output("MacKeyArn", "What markers at the providers are signed with.", macKey.KeyArn())
	s.output("AlarmTopicArn", "Where alarms go; subscribe the people on call.", topic.TopicArn())
	s.outputQueues(queues)
}

// name puts the stage in everything that is named, so that stages live side by side in one account.
func (s *service) name(parts ...string) *string {
	name := "integrations-" + s.Stage
	for _, p := range parts {
		name += "-" + p
	}
	return &name
}

func (s *service) output(name, description string, value *string) {
	awscdk.NewCfnOutput(s.Stack, &name, &awscdk.CfnOutputProps{Value: value, Description: &description})
}

// removal keeps what cannot be made again when a production stack, or the resource in it, goes.
func (s *service) removal() awscdk.RemovalPolicy {
	if s.Profile == production {
		return awscdk.RemovalPolicy_RETAIN
	}
	return awscdk.RemovalPolicy_DESTROY
}

// accept records why a cdk-nag rule does not apply to a construct; appliesTo narrows it to one finding.
func accept(construct constructs.Construct, rule, reason string, appliesTo ...any) {
	suppression := &cdknag.NagPackSuppression{Id: &rule, Reason: &reason}
	if len(appliesTo) > 0 {
		suppression.AppliesTo = &appliesTo
	}
	cdknag.NagSuppressions_AddResourceSuppressions(construct, &[]*cdknag.NagPackSuppression{suppression}, jsii.Bool(true))
}

// id names a construct after the function or the queue it belongs to: ProvidersyncRole. The local environment finds a
// function's folder by the id of its construct.
func id(name, kind string) *string {
	return jsii.String(strings.ToUpper(name[:1]) + name[1:] + kind)
}
