package template

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
)

// self gives Ref or an attribute of the resource being read.
func (p *properties) self(id, what string) string {
	value, err := p.resolver.identify(id, p.resolver.resources[id], what)
	if err != nil {
		p.problems = append(p.problems, err)
	}

	text, _ := value.(string)
	return text
}

func addFunction(t *Template, id string, res *resource, p *properties) error {
	short, err := shortName(res)
	if err != nil {
		return err
	}

	f := Function{
		LogicalID: id, Short: short, Name: p.self(id, "Ref"), ARN: p.self(id, "Arn"),
		Handler:  p.only("Handler", "bootstrap"),
		Timeout:  p.seconds("Timeout", 3),
		MemoryMB: p.number("MemorySize", 128),
	}

	f.Asset, _ = res.Metadata["aws:asset:path"].(string)
	f.RecursiveLoop = "Terminate"
	if loop := p.only("RecursiveLoop", "", "Allow", "Terminate"); loop != "" {
		f.RecursiveLoop = loop
	}

	logging := p.object("LoggingConfig", "LogGroup", "SystemLogLevel")
	f.LogFormat, f.LogLevel = logging.only("LogFormat", "", "Text", "JSON"), logging.text("ApplicationLogLevel")
	p.close(logging, "LoggingConfig")
	p.take("FunctionName")
	p.only("Runtime", "provided.al2023")
	for _, architecture := range p.texts("Architectures") {
		if architecture != "arm64" && architecture != "x86_64" {
			p.wrong("Architectures", architecture)
		}
	}

	environment := p.object("Environment")
	variables := environment.object("Variables")
	f.Environment = map[string]string{}
	for name := range variables.values {
		f.Environment[name] = variables.text(name)
	}

	environment.close(variables, "Variables")
	p.close(environment, "Environment")
	t.Functions = append(t.Functions, f)

	return nil
}

// shortName finds the folder of a function by the path of its construct,
// Stack/GetFunction/Resource: hashes and physical names say less.
func shortName(res *resource) (string, error) {
	path, _ := res.Metadata["aws:cdk:path"].(string)
	parts := strings.Split(path, "/")
	if len(parts) < 3 {
		return "", fmt.Errorf("the metadata aws:cdk:path (%q) does not lead to a function's folder", path)
	}

	name := strings.ToLower(parts[len(parts)-2])
	return strings.TrimSuffix(name, "function"), nil
}

func addQueue(t *Template, id string, _ *resource, p *properties) error {
	q := Queue{
		LogicalID: id, Name: p.self(id, "QueueName"), ARN: p.self(id, "Arn"), URL: p.self(id, "Ref"),
		Attributes: map[string]string{},
	}
	p.take("QueueName")
	for property, attribute := range map[string]string{
		"VisibilityTimeout": "VisibilityTimeout", "MessageRetentionPeriod": "MessageRetentionPeriod",
		"DelaySeconds": "DelaySeconds", "MaximumMessageSize": "MaximumMessageSize",
		"ReceiveMessageWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
	} {
		if text := p.text(property); text != "" {
			q.Attributes[attribute] = text
		}
	}

	redrive := p.object("RedrivePolicy")
	q.DeadLetterARN, q.MaxReceives = redrive.text("deadLetterTargetArn"), redrive.number("maxReceiveCount", 0)
	p.close(redrive, "RedrivePolicy")
	p.take("RedriveAllowPolicy")
	t.Queues = append(t.Queues, q)

	return nil
}

func addBus(t *Template, id string, _ *resource, p *properties) error {
	p.required("Name")
	t.Buses = append(t.Buses, Bus{LogicalID: id, Name: p.self(id, "Name"), ARN: p.self(id, "Arn")})
	return nil
}

func addKey(t *Template, id string, _ *resource, p *properties) error {
	key := Key{
		LogicalID: id, ID: p.self(id, "Ref"), ARN: p.self(id, "Arn"),
		Spec:  cmp.Or(p.only("KeySpec", "", symmetricSpec, hmacSpec), symmetricSpec),
		Usage: cmp.Or(p.only("KeyUsage", "", sealUsage, macUsage), sealUsage),
	}
	if (key.Spec == hmacSpec) != (key.Usage == macUsage) {
		p.wrong("KeyUsage", key.Usage+" with KeySpec "+key.Spec)
	}

	t.Keys = append(t.Keys, key)

	return nil
}

func addMapping(t *Template, id string, _ *resource, p *properties) error {
	scaling := p.object("ScalingConfig")
	m := Mapping{
		LogicalID: id, QueueARN: p.required("EventSourceArn"), Function: p.reference("FunctionName", functionType),
		BatchSize: p.number("BatchSize", 10), Window: p.seconds("MaximumBatchingWindowInSeconds", 0),
		MaximumConcurrency: scaling.number("MaximumConcurrency", 0),
		Enabled:            p.only("Enabled", "", "true", "false") != "false",
	}

	p.close(scaling, "ScalingConfig")
	for _, kind := range p.texts("FunctionResponseTypes") {
		if kind != "ReportBatchItemFailures" {
			p.wrong("FunctionResponseTypes", kind)
		}
		m.PartialFailures = true
	}

	if m.BatchSize > 10 && m.Window == 0 {
		return errors.New("a BatchSize over 10 needs a MaximumBatchingWindowInSeconds")
	}

	t.Mappings = append(t.Mappings, m)

	return nil
}

func addRule(t *Template, id string, _ *resource, p *properties) error {
	r := Rule{
		LogicalID: id, Name: p.self(id, "Ref"), ARN: p.self(id, "Arn"), Bus: p.text("EventBusName"),
		Pattern: p.raw("EventPattern"), Schedule: p.text("ScheduleExpression"),
		Enabled: p.only("State", "", "ENABLED", "DISABLED") != "DISABLED",
	}

	p.take("Name")
	if r.Bus == "" {
		r.Bus = "default"
	}

	if (r.Pattern == nil) == (r.Schedule == "") {
		return errors.New("a rule needs either an EventPattern or a ScheduleExpression")
	}

	for _, target := range p.objects("Targets", "RetryPolicy") {
		sqs := target.object("SqsParameters")
		dead := target.object("DeadLetterConfig")
		r.Targets = append(r.Targets, Target{
			ID: target.required("Id"), ARN: target.required("Arn"),
			MessageGroupID: sqs.text("MessageGroupId"), DeadLetterARN: dead.text("Arn"),
		})
		target.close(sqs, "SqsParameters")
		target.close(dead, "DeadLetterConfig")
		p.close(target, "Targets")
	}

	t.Rules = append(t.Rules, r)

	return nil
}

func uuidFrom(text string) string {
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
