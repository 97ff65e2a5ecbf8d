package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
)

// newAlarmTopic leaves the topic unencrypted: under the key that AWS manages for SNS, CloudWatch's alarms would be
// dropped without a word, and an alarm holds nothing secret. The policy names CloudWatch since any policy of its own
// takes the place of the one by which a topic lets its account publish.
func (s *service) newAlarmTopic() awssns.Topic {
	topic := awssns.NewTopic(s.Stack, jsii.String("Alarms"), &awssns.TopicProps{
		TopicName:  s.name("alarms"),
		EnforceSSL: jsii.Bool(true),
	})
	topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)},
		Actions:    jsii.Strings("sns:Publish"),
		Resources:  &[]*string{topic.TopicArn()},
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()}},
	}))
	if s.AlarmEmail != "" {
		awssns.NewCfnSubscription(s.Stack, jsii.String("AlarmEmail"), &awssns.CfnSubscriptionProps{
			TopicArn: topic.TopicArn(), Protocol: jsii.String("email"), Endpoint: &s.AlarmEmail,
		})
	}

	return topic
}

// A symptom is something that a user or an operator would notice, and how long it must last to call someone.
type symptom struct {
	name, about string
	metric      awscloudwatch.Metric
	// atLeast is the value that is bad, in bad of the last periods of five minutes.
	atLeast      float64
	bad, periods int
	// silence says that the absence of calls is the symptom.
	silence bool
}

// monitoring watches what the service is made of, from the API inwards.
type monitoring struct {
	*service
	api    awsapigatewayv2.HttpApi
	queues queueSet
}

func (m *monitoring) newAlarms(topic awssns.Topic) {
	symptoms := apiSymptoms(m.api)
	for _, q := range m.queues.all() {
		symptoms = append(symptoms, queueSymptoms(q)...)
	}

	for _, d := range m.definitions() {
		symptoms = append(symptoms, functionSymptoms(m.functions[d.name])...)
	}

	action := awscloudwatchactions.NewSnsAction(topic)
	for _, sy := range symptoms {
		m.newAlarm(sy).AddAlarmAction(action)
	}
}

func (m *monitoring) newAlarm(sy symptom) awscloudwatch.Alarm {
	props := &awscloudwatch.AlarmProps{
		AlarmName:          m.name(sy.name),
		AlarmDescription:   jsii.String(sy.about),
		Metric:             sy.metric,
		Threshold:          &sy.atLeast,
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
		DatapointsToAlarm:  jsii.Number(sy.bad),
		EvaluationPeriods:  jsii.Number(sy.periods),
		TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
	}
	if sy.silence {
		props.ComparisonOperator = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD
		props.TreatMissingData = awscloudwatch.TreatMissingData_BREACHING
	}

	return awscloudwatch.NewAlarm(m.Stack, jsii.String("Alarm-"+sy.name), props)
}

func apiSymptoms(api awsapigatewayv2.HttpApi) []symptom {
	return []symptom{
		{
			name: "api-5xx", metric: apiMetric(api, "5xx", "Sum"), atLeast: 5, bad: 1, periods: 1,
			about: "Callers get 5xx answers: see the API's access log, then the function's log of that request id.",
		},
		{
			name: "api-latency", metric: apiMetric(api, "Latency", "p99"), atLeast: 3000, bad: 3, periods: 3,
			about: "One caller in a hundred waits 3 s or longer: look for cold starts, throttles and a slow table.",
		},
	}
}

func queueSymptoms(q queue) []symptom {
	return []symptom{
		{
			name: q.name + "-dead-letters", metric: visible(q.dead), atLeast: 1, bad: 1, periods: 1,
			about: "Work of " + q.name + " was given up: read a dead letter and its log, mend the cause, then redrive.",
		},
		{
			name: q.name + "-age", metric: oldest(q.work), atLeast: 900, bad: 2, periods: 2,
			about: "Messages of " + q.name + " wait a quarter of an hour: raise maximumConcurrency or find what blocks the function.",
		},
	}
}

// functionSymptoms lets a single error pass: messages are delivered again, and a lasting fault shows in two periods.
func functionSymptoms(f function) []symptom {
	list := []symptom{
		{
			name: f.name + "-errors", metric: functionMetric(f, "Errors", "Sum"), atLeast: 1, bad: 2, periods: 3,
			about: "Calls of " + f.name + " end in errors or time-outs: see its log.",
		},
		{
			name: f.name + "-throttles", metric: functionMetric(f, "Throttles", "Sum"), atLeast: 1, bad: 3, periods: 3,
			about: "Calls of " + f.name + " are throttled: the account's concurrency is used up.",
		},
	}
	if f.scheduled {
		list = append(list, symptom{
			name: f.name + "-silent", metric: functionMetric(f, "Invocations", "Sum"), atLeast: 1, bad: 2, periods: 2, silence: true,
			about: f.name + " has not run for ten minutes: lost messages and ended waits are not taken up again.",
		})
	}

	return list
}

func apiMetric(api awsapigatewayv2.HttpApi, name, statistic string) awscloudwatch.Metric {
	return metric("AWS/ApiGateway", name, statistic, map[string]*string{"ApiId": api.ApiId()})
}

func functionMetric(f function, name, statistic string) awscloudwatch.Metric {
	return metric("AWS/Lambda", name, statistic, map[string]*string{"FunctionName": f.FunctionName()})
}

func visible(q awssqs.Queue) awscloudwatch.Metric {
	return metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", map[string]*string{"QueueName": q.QueueName()})
}

func oldest(q awssqs.Queue) awscloudwatch.Metric {
	return metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", map[string]*string{"QueueName": q.QueueName()})
}

func metric(namespace, name, statistic string, dimensions map[string]*string) awscloudwatch.Metric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: &namespace, MetricName: &name, Statistic: &statistic, DimensionsMap: &dimensions,
		Period: awscdk.Duration_Minutes(jsii.Number(5)),
	})
}

// newDashboard reads from the outside in: what callers see, what waits, what works.
func (m *monitoring) newDashboard() {
	var waiting, ages, dead []awscloudwatch.IMetric
	for _, q := range m.queues.all() {
		waiting = append(waiting, visible(q.work))
		ages = append(ages, oldest(q.work))
		dead = append(dead, visible(q.dead))
	}

	rows := [][]awscloudwatch.IWidget{
		{
			graph("Requests", apiMetric(m.api, "Count", "Sum")),
			graph("4xx and 5xx answers", apiMetric(m.api, "4xx", "Sum"), apiMetric(m.api, "5xx", "Sum")),
			graph("Latency (ms)", apiMetric(m.api, "Latency", "p50"), apiMetric(m.api, "Latency", "p99")),
		},
		{graph("Messages waiting", waiting...), graph("Age of the oldest (s)", ages...), graph("Dead letters", dead...)},
		{
			graph("Calls", m.everyFunction("Invocations", "Sum")...),
			graph("Errors", m.everyFunction("Errors", "Sum")...),
			graph("Throttles", m.everyFunction("Throttles", "Sum")...),
		},
		{
			graph("Duration p99 (ms)", m.everyFunction("Duration", "p99")...),
			graph("Concurrent executions", m.everyFunction("ConcurrentExecutions", "Maximum")...),
		},
	}

	dashboard := awscloudwatch.NewDashboard(m.Stack, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{DashboardName: m.name()})
	for _, row := range rows {
		dashboard.AddWidgets(row...)
	}
}

func (m *monitoring) everyFunction(name, statistic string) []awscloudwatch.IMetric {
	var metrics []awscloudwatch.IMetric
	for _, d := range m.definitions() {
		metrics = append(metrics, functionMetric(m.functions[d.name], name, statistic))
	}
	return metrics
}

func graph(about string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
		Title: &about, Left: &metrics, Width: jsii.Number(8), Height: jsii.Number(6),
	})
}
