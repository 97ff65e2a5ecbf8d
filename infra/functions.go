package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
)

// apiTimeout is well under the 30 s after which API Gateway gives up, and
// checkTimeout too: a check gives its provider 8 s.
const (
	apiTimeout   = 10 * time.Second
	checkTimeout = 15 * time.Second
)

// A definition is one Lambda function: its folder under functions/, its limits, its environment variables and its permissions.
// Adding a function is adding one of these.
type definition struct {
	name    string
	about   string
	timeout time.Duration
	// memory also sets the share of a CPU: 128 MB answers a warm read well; functions that seal or read many pages get more.
	memory int
	// environment and statements see the resources that definitions are made before.
	environment func(resources) map[string]*string
	statements  func(resources) []awsiam.PolicyStatement
	// loops says that the function feeds its own queue on purpose, which Lambda otherwise stops after 16 rounds.
	loops bool
	// dials says that the function connects to hosts that managers name, which may be in a private network.
	dials bool
	// publishes says that the function puts events of the service's own on the bus.
	publishes bool
	// scheduled says that a call which could not be made at once is not worth making later.
	scheduled bool
}

// resources is what functions may use.
type resources struct {
	table  awsdynamodb.TableV2
	key    awskms.Key
	macKey awskms.Key
	queues queueSet
	bus    awsevents.EventBus
}

// function is a definition made real.
type function struct {
	awslambda.Function
	definition
}

// A catalogue lists all functions, as the settings have them.
type catalogue struct{ Settings }

// definitions are all functions there are.
func (s catalogue) definitions() []definition {
	return slices.Concat(s.managing(), s.following(), s.working())
}

// managing are those behind the routes that read and change integrations.
func (s catalogue) managing() []definition {
	return []definition{
		{
			name: "get", about: "Reads an integration", timeout: apiTimeout, memory: 128,
			environment: s.callerEnvironment(),
			statements:  readsIntegration,
		},
		{
			name: "list", about: "Lists an organisation's integrations", timeout: apiTimeout, memory: 128,
			environment: s.callerEnvironment(),
			statements:  listsIntegrations,
		},
		{
			name: "create", about: "Creates an integration", timeout: apiTimeout, memory: 256,
			environment: s.callerEnvironment(func(r resources, env map[string]*string) { env["KMS_KEY_ID"] = r.key.KeyArn() }),
			statements:  createsIntegration,
		},
		{
			name: "delete", about: "Deletes an integration", timeout: apiTimeout, memory: 128,
			environment: s.callerEnvironment(tellSyncQueue),
			statements:  deletesIntegration,
		},
		{
			name: "check", about: "Asks a provider whether what is configured works", timeout: checkTimeout, memory: 128,
			dials:       true,
			environment: s.callerEnvironment(s.tellDials, s.tellPacing),
			statements:  checksIntegration,
		},
		{
			name: "patch", about: "Changes an integration", timeout: apiTimeout, memory: 256,
			environment: s.callerEnvironment(func(r resources, env map[string]*string) { env["KMS_KEY_ID"] = r.key.KeyArn() }),
			statements:  changesIntegration,
		},
	}
}

// following are those behind the routes that start, show and steer syncs.
func (s catalogue) following() []definition {
	return []definition{
		{
			name: "sync", about: "Starts a sync", timeout: apiTimeout, memory: 128,
			environment: s.callerEnvironment(tellSyncQueue, s.tellLostAfter),
			statements:  startsSync,
		},
		{
			name: "status", about: "Tells how an integration stands", timeout: apiTimeout, memory: 128,
			environment: s.callerEnvironment(),
			statements:  countsBacklog,
		},
		{
			name: "syncs", about: "Shows an integration's syncs", timeout: apiTimeout, memory: 128,
			environment: s.callerEnvironment(),
			statements:  showsSyncs,
		},
		{
			name: "cancel", about: "Stops a sync", timeout: apiTimeout, memory: 128,
			environment: s.callerEnvironment(),
			statements:  stopsSync,
		},
		{
			name: "items", about: "Shows an integration's ledger", timeout: apiTimeout, memory: 128,
			environment: s.callerEnvironment(),
			statements:  countsBacklog,
		},
		{
			name: "retry", about: "Has items tried again", timeout: apiTimeout, memory: 128,
			environment: s.callerEnvironment(tellSyncQueue, s.tellLostAfter),
			statements:  startsSync,
		},
	}
}

// working are those that queues and the clock call.
func (s catalogue) working() []definition {
	return []definition{
		{
			name: "providersync", about: "Brings items to a provider", timeout: s.Timings.Worker, memory: 256,
			loops: true, dials: true, publishes: true,
			environment: s.environment(tellSyncQueue, tellBus, s.tellLostAfter, s.tellDials, s.tellWorker),
			statements:  worksSync,
		},
		{
			name: "ingest", about: "Stores what the platform publishes", timeout: s.Timings.Ingest, memory: 256,
			environment: s.environment(tellSyncQueue, s.tellLostAfter, s.tellPurgeAfter),
			statements:  ingestsEvents,
		},
		{
			name: "dispatch", about: "Sends again what got lost or has become due", timeout: 50 * time.Second, memory: 128,
			scheduled:   true,
			publishes:   true,
			environment: s.environment(tellSyncQueue, tellBus, s.tellLostAfter),
			statements:  dispatchesDue,
		},
	}
}

// timeout is asked for before functions exist, as queues are made first.
func (s catalogue) timeout(name string) time.Duration {
	for _, d := range s.definitions() {
		if d.name == name {
			return d.timeout
		}
	}

	panic("no function is named " + name)
}

type tell func(resources, map[string]*string)

// environment gives the variables of every function, and those that more adds.
func (s catalogue) environment(more ...tell) func(resources) map[string]*string {
	return func(r resources) map[string]*string {
		env := map[string]*string{"STAGE": &s.Stage, "TABLE_NAME": r.table.TableName()}
		for _, add := range more {
			add(r, env)
		}
		return env
	}
}

// callerEnvironment adds the claim by which a function identifies its caller.
func (s catalogue) callerEnvironment(more ...tell) func(resources) map[string]*string {
	return s.environment(append(more, func(_ resources, env map[string]*string) { env["USER_CLAIM"] = &s.UserClaim })...)
}

func tellSyncQueue(r resources, env map[string]*string) {
	env["SYNC_QUEUE_URL"] = r.queues.sync.work.QueueUrl()
}

func tellBus(r resources, env map[string]*string) { env["EVENT_BUS_NAME"] = r.bus.EventBusName() }

func (s catalogue) tellLostAfter(_ resources, env map[string]*string) {
	env["LOST_AFTER_SECONDS"] = secondsText(s.Timings.LostAfter)
}

func (s catalogue) tellPurgeAfter(_ resources, env map[string]*string) {
	env["PURGE_AFTER_DAYS"] = jsii.String(strconv.Itoa(s.PurgeAfterDays))
}

// tellDials sets which private addresses may be dialled.
func (s catalogue) tellDials(_ resources, env map[string]*string) {
	rules := make([]string, len(s.AllowDial))
	for i, rule := range s.AllowDial {
		rules[i] = rule.String()
	}
	env["ALLOW_DIAL"] = jsii.String(strings.Join(rules, ","))
}

func (s catalogue) tellWorker(r resources, env map[string]*string) {
	env["MAC_KEY_ID"] = r.macKey.KeyArn()
	env["SLICE_SECONDS"] = secondsText(s.Timings.Slice)
	env["CALL_SECONDS"] = secondsText(s.Timings.Call)
	env["SETTLE_SECONDS"] = secondsText(s.Timings.Settle)
	env["LEASE_MARGIN_SECONDS"] = secondsText(s.Timings.LeaseMargin)
	env["PULL_SECONDS"] = secondsText(s.Timings.Pull)
	env["MAXIMUM_CONCURRENCY"] = jsii.String(strconv.Itoa(s.MaximumConcurrency))
	s.tellPacing(r, env)
	env["RELINK_BEFORE"] = &s.RestoredAt
	env["ITEMS_URL"] = &s.ItemsURL
}

// tellPacing sets how fast providers may be called.
func (s catalogue) tellPacing(_ resources, env map[string]*string) { env["PACING"] = &s.Pacing }

func secondsText(d time.Duration) *string { return jsii.String(strconv.Itoa(int(d.Seconds()))) }

func (s *service) newFunctions(folders map[string]string, r resources) {
	s.functions = map[string]function{}
	for _, d := range s.definitions() {
		s.functions[d.name] = function{Function: s.newFunction(d, folders[d.name], r), definition: d}
	}
}

func (s *service) newFunction(d definition, folder string, r resources) awslambda.Function {
	logs := s.newLogGroup(id(d.name, "Logs"), "/aws/lambda/"+*s.name(d.name))
	env := d.environment(r)
	props := &awslambda.FunctionProps{
		FunctionName:  s.name(d.name),
		Description:   &d.about,
		Runtime:       awslambda.Runtime_PROVIDED_AL2023(),
		Architecture:  architectures[s.Architecture](),
		Handler:       jsii.String("bootstrap"),
		Code:          awslambda.Code_FromAsset(&folder, nil),
		Timeout:       seconds(d.timeout),
		MemorySize:    jsii.Number(d.memory),
		Environment:   &env,
		Role:          s.newRole(d, r, logs),
		LogGroup:      logs,
		LoggingFormat: awslambda.LoggingFormat_JSON,
		Tracing:       awslambda.Tracing_ACTIVE,
	}
	if d.loops {
		props.RecursiveLoop = awslambda.RecursiveLoop_ALLOW
	}

	if d.scheduled {
		props.RetryAttempts, props.MaxEventAge = jsii.Number(0), seconds(time.Minute)
	}

	f := awslambda.NewFunction(s.Stack, id(d.name, "Function"), props)
	if d.dials && s.VPC != "" {
		s.enterVPC(d, f)
	}

	return f
}

var architectures = map[string]func() awslambda.Architecture{
	"arm64": awslambda.Architecture_ARM_64,
	"amd64": awslambda.Architecture_X86_64,
}

// newLogGroup makes a function's log group before Lambda would make one that keeps its logs for ever.
func (s *service) newLogGroup(id *string, name string) awslogs.LogGroup {
	return awslogs.NewLogGroup(s.Stack, id, &awslogs.LogGroupProps{
		LogGroupName:  &name,
		Retention:     awslogs.RetentionDays_ONE_MONTH,
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
}

// findAssets looks for every function's binary, since CDK itself panics at the first folder that is missing.
func findAssets(assets, architecture string) (map[string]string, error) {
	folders := map[string]string{}
	var missing []error
	for _, d := range (catalogue{}).definitions() {
		folder := filepath.Join(assets, architecture, d.name)
		if info, err := os.Stat(filepath.Join(folder, "bootstrap")); err != nil || !info.Mode().IsRegular() {
			missing = append(missing, fmt.Errorf("%s/bootstrap is missing: run `make build` first", folder))
		}
		folders[d.name] = folder
	}

	return folders, errors.Join(missing...)
}
