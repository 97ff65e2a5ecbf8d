package main

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
)

// maxReceives is how often a message is tried before it is a dead letter: five is the least that
// AWS advises, so that a few throttled or crashed invocations do not bury good work.
const maxReceives = 5

// visibilityFactor is how many function timeouts a message stays hidden: less, and Lambda's own
// retries of a throttled batch would run beside a second delivery of it.
const visibilityFactor = 6

// queue is a source of work and where its messages go that could not be handled.
type queue struct {
	name       string
	work, dead awssqs.Queue
}

type queueSet struct{ sync, ingest queue }

func (q queueSet) all() []queue { return []queue{q.sync, q.ingest} }

// newQueues makes both queues standard ones: every message carries its organisation as MessageGroupId,
// by which SQS keeps one noisy organisation from delaying the others.
func (s *service) newQueues() queueSet {
	return queueSet{
		// A sync message only names an integration and dispatch sends lost ones again, so four days are plenty.
		sync: s.newQueue("sync", s.timeout("providersync"), 4),
		// An event is nowhere else: it waits as long as its dead letter can still be redriven afterwards.
		ingest: s.newQueue("ingest", s.timeout("ingest"), 7),
	}
}

func (s *service) newQueue(name string, consumer time.Duration, days float64) queue {
	dead := awssqs.NewQueue(s.Stack, id(name, "DeadLetters"), &awssqs.QueueProps{
		QueueName:       s.name(name, "dead"),
		RetentionPeriod: awscdk.Duration_Days(jsii.Number(14)),
		Encryption:      awssqs.QueueEncryption_SQS_MANAGED,
		EnforceSSL:      jsii.Bool(true),
		RemovalPolicy:   awscdk.RemovalPolicy_DESTROY,
	})

	work := awssqs.NewQueue(s.Stack, id(name, "Queue"), &awssqs.QueueProps{
		QueueName:         s.name(name),
		RetentionPeriod:   awscdk.Duration_Days(&days),
		VisibilityTimeout: seconds(visibilityFactor * consumer),
		DeadLetterQueue:   &awssqs.DeadLetterQueue{Queue: dead, MaxReceiveCount: jsii.Number(maxReceives)},
		Encryption:        awssqs.QueueEncryption_SQS_MANAGED,
		EnforceSSL:        jsii.Bool(true),
		RemovalPolicy:     awscdk.RemovalPolicy_DESTROY,
	})

	return queue{name: name, work: work, dead: dead}
}

// consume feeds a function from a queue. The function reports which messages of a batch failed, so that the others
// are not delivered again; the concurrency is capped here as new accounts cannot reserve any.
func (s *service) consume(name string, from queue, batch, concurrency int) {
	awslambda.NewEventSourceMapping(s.Stack, id(name, "Source"), &awslambda.EventSourceMappingProps{
		Target:                  s.functions[name].Function,
		EventSourceArn:          from.work.QueueArn(),
		BatchSize:               jsii.Number(batch),
		ReportBatchItemFailures: jsii.Bool(true),
		MaxConcurrency:          jsii.Number(concurrency),
	})
}

func (s *service) outputQueues(queues queueSet) {
	for _, q := range queues.all() {
		s.output(*id(q.name, "QueueUrl"), "Feeds "+q.name+".", q.work.QueueUrl())
		s.output(*id(q.name, "DeadLetterQueueUrl"), "Holds what "+q.name+" could not handle.", q.dead.QueueUrl())
	}
}

func seconds(d time.Duration) awscdk.Duration {
	return awscdk.Duration_Seconds(jsii.Number(d.Seconds()))
}
