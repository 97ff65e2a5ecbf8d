package environment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"example.com/integrations/local/aws/delivery"
	"example.com/integrations/local/aws/gateway"
	"example.com/integrations/local/aws/lambda"
	"example.com/integrations/local/aws/secrets"

	"example.com/integrations/local/aws/servers"
	"example.com/integrations/local/aws/template"
)

// wire brings up what the template asks for.
func (e *Environment) wire(ctx context.Context) error {
	for _, table := range e.template.Tables {
		if err := servers.CreateTable(ctx, e.DynamoDB(), table); err != nil {
			return err
		}
	}

	var err error
	if e.queues, err = servers.CreateQueues(ctx, e.SQS(), e.template.Queues); err != nil {
		return err
	}

	e.serve("issuer", e.issuer)
	for _, step := range []func() error{e.wireProviders, e.wireFunctions, e.wireBus, e.wireControl, e.wireAPI, e.wireSchedules, e.wireMappings} {
		if err := step(); err != nil {
			return err
		}
	}

	page, err := e.page()
	if err != nil {
		return err
	}

	e.serve("page", page)

	return nil
}

// wireFunctions makes the functions callable; their first call starts them.
func (e *Environment) wireFunctions() error {
	extra, err := e.variables()
	if err != nil {
		return err
	}

	var fs []lambda.Function
	for _, f := range e.template.Functions {
		path := binary(e.options.Root, f.Short)
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("the template has a function %s (%s), but there is no functions/%s", f.Name, f.LogicalID, f.Short)
		}

		fs = append(fs, lambda.Function{
			Name: f.Name, LogName: f.Short, ARN: f.ARN, Binary: path, Environment: e.environmentOf(f),
			Timeout: f.Timeout, MemoryMB: f.MemoryMB,
		})
	}

	e.lambda, err = lambda.New(lambda.Config{Functions: fs, Region: region, Extra: extra, LogDir: e.state.path("logs")})
	if err != nil {
		return err
	}

	e.onStop(e.lambda.Stop)

	return nil
}

// environmentOf is what the template gives a function, with the queues where
// they really are.
func (e *Environment) environmentOf(f template.Function) map[string]string {
	env := maps.Clone(f.Environment)
	for name, value := range env {
		for _, q := range e.template.Queues {
			if value == q.URL {
				env[name] = e.queues[q.LogicalID].URL
			}
		}
	}

	if f.LogFormat == "JSON" {
		env["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
		env["AWS_LAMBDA_LOG_LEVEL"] = "INFO"
		if f.LogLevel != "" {
			env["AWS_LAMBDA_LOG_LEVEL"] = f.LogLevel
		}
	}

	return env
}

// variables lead every function to the local servers, fake servers and the
// development authority: what no template sets.
func (e *Environment) variables() (map[string]string, error) {
	dynamodb, err := through(e.options.FunctionDynamoDB, e.dynamodb)
	if err != nil {
		return nil, err
	}

	sqs, err := through(e.options.FunctionSQS, e.sqs)
	if err != nil {
		return nil, err
	}

	all := map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
		"AWS_ENDPOINT_URL_SQS":      sqs,
		"AWS_ENDPOINT_URL_KMS":      e.open.url("control"),
		// What the service publishes goes to the bus.
		"AWS_ENDPOINT_URL_EVENTBRIDGE": e.open.url("control"),
		"DIAL_OVERRIDES":               pairs(e.dialOverrides()),
		"SSL_CERT_FILE":                e.ca.CertFile(),
	}

	maps.Copy(all, credentialsFromHost(e.options))
	maps.Copy(all, e.options.Variables)

	return all, nil
}

// pairs are names and values as a variable holds them.
func pairs(m map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		all = append(all, name+"="+m[name])
	}
	return strings.Join(all, ",")
}

func through(proxy func(string) (string, error), endpoint string) (string, error) {
	if proxy == nil {
		return endpoint, nil
	}
	return proxy(endpoint)
}

func (e *Environment) wireAPI() error {
	config := gateway.Config{Invoke: e.invokeAPI, Log: e.log}
	for i, r := range e.template.Routes {
		route := gateway.Route{Method: r.Method, Path: r.Path, Function: e.template.Function(r.Function).Name, Scopes: r.Scopes}
		if e.options.Limits {
			throttle := e.template.Throttles[r.Method+" "+r.Path]
			route.Rate = throttle.Rate
			route.Burst = throttle.Burst
		}

		config.Routes = append(config.Routes, route)
		if i > 0 && (r.Authorizer.Issuer != config.Issuer || !slices.Equal(r.Authorizer.Audience, config.Audience)) {
			return errors.New("the template has routes with different authorizers, which the local gateway does not know")
		}

		config.Issuer = r.Authorizer.Issuer
		config.Audience = r.Authorizer.Audience
	}

	e.serve("api", gateway.New(config))

	return nil
}

func (e *Environment) invokeAPI(ctx context.Context, function string, payload []byte) ([]byte, error) {
	answer, err := e.lambda.Invoke(ctx, function, payload)
	if errors.Is(err, lambda.ErrThrottled) {
		err = fmt.Errorf("%w: %w", gateway.ErrThrottled, err)
	}
	return answer, err
}

func (e *Environment) wireMappings() error {
	for _, m := range e.template.Mappings {
		if !m.Enabled {
			continue
		}

		function := e.template.Function(m.Function)
		queue := e.queue(m.QueueARN)
		config := delivery.Mapping{
			Queue: e.SQS(), QueueURL: queue.URL, QueueARN: m.QueueARN, Region: region,
			BatchSize: m.BatchSize, Window: m.Window, PartialFailures: m.PartialFailures,
			MaximumConcurrency: m.MaximumConcurrency, Log: e.log,
			Invoke: func(ctx context.Context, payload []byte) ([]byte, error) {
				answer, err := e.lambda.Invoke(ctx, function.Name, payload)
				if errors.Is(err, lambda.ErrThrottled) {
					err = fmt.Errorf("%w: %w", delivery.ErrThrottled, err)
				}
				return answer, err
			},
		}

		e.busy.Go(func() { delivery.RunMapping(e.ctx, config) })
	}

	return nil
}

// queue finds a queue by the ARN it has in the template.
func (e *Environment) queue(arn string) servers.CreatedQueue {
	for _, q := range e.template.Queues {
		if q.ARN == arn {
			return e.queues[q.LogicalID]
		}
	}
	return servers.CreatedQueue{}
}

func (e *Environment) wireBus() error {
	config := delivery.BusConfig{Queue: e.SQS(), Region: region, AccountID: accountID, Log: e.log}
	for _, b := range e.template.Buses {
		config.Buses = append(config.Buses, b.Name)
	}

	for _, r := range e.template.Rules {
		if r.Schedule != "" || !r.Enabled {
			continue
		}

		rule := delivery.Rule{Name: r.Name, Bus: r.Bus, Pattern: r.Pattern}
		for _, t := range r.Targets {
			queue := e.queue(t.ARN)
			if queue.URL == "" {
				return fmt.Errorf("rule %s: the local bus delivers to queues alone, not to %s", r.Name, t.ARN)
			}

			rule.Targets = append(rule.Targets, delivery.Target{
				QueueURL: queue.URL, MessageGroupID: t.MessageGroupID, DeadLetterURL: e.queue(t.DeadLetterARN).URL,
			})
		}

		config.Rules = append(config.Rules, rule)
	}

	var err error
	if e.bus, err = delivery.NewBus(config); err == nil {
		e.onStop(e.bus.Close)
	}

	return err
}

func (e *Environment) wireSchedules() error {
	for _, r := range e.template.Rules {
		if r.Schedule == "" || !r.Enabled {
			continue
		}

		every, err := delivery.ParseRate(r.Schedule, e.options.Minute)
		if err != nil {
			return err
		}

		for _, t := range r.Targets {
			function := e.template.FunctionByARN(t.ARN)
			if function == nil {
				return fmt.Errorf("rule %s: a local schedule calls functions alone, not %s", r.Name, t.ARN)
			}

			rule := delivery.Schedule{
				ARN: r.ARN, Every: every, Region: region, AccountID: accountID, Log: e.log,
				Invoke: func(ctx context.Context, payload []byte) ([]byte, error) {
					return e.lambda.Invoke(ctx, function.Name, payload)
				},
			}

			e.busy.Go(func() { rule.Run(e.ctx) })
		}
	}

	return nil
}

// wireControl serves the AWS calls that no other server answers, each where
// the SDK sends it, and what tests ask the environment itself.
func (e *Environment) wireControl() error {
	if e.Key() == "" {
		return errors.New("the template has no KMS key that seals")
	}

	var known []secrets.Key
	for _, k := range e.template.Keys {
		known = append(known, secrets.Key{ARN: k.ARN, Spec: k.Spec, Usage: k.Usage})
	}

	keys, err := secrets.OpenKMS(e.state.dir, known...)
	if err != nil {
		return err
	}

	mux := http.NewServeMux()
	mux.Handle("POST /2015-03-31/", e.lambda.Handler())
	mux.HandleFunc("GET /pids", e.servePIDs)
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AWSEvents.") {
			e.bus.ServeHTTP(w, r)
			return
		}
		keys.ServeHTTP(w, r)
	})

	e.serve("control", mux)

	return nil
}

// credentialsFromHost passes on the caller's credentials when real servers
// stand behind the endpoints; the local ones take any.
func credentialsFromHost(o Options) map[string]string {
	out := map[string]string{}
	if o.DynamoDB == "" && o.SQS == "" {
		return out
	}

	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		if value, ok := os.LookupEnv(name); ok {
			out[name] = value
		}
	}

	return out
}

// credentials gives them, or what the local servers are content with.
func (e *Environment) credentials() aws.CredentialsProvider {
	given := credentialsFromHost(e.options)
	value := aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local", SessionToken: "local"}
	if given["AWS_ACCESS_KEY_ID"] != "" {
		value = aws.Credentials{
			AccessKeyID: given["AWS_ACCESS_KEY_ID"], SecretAccessKey: given["AWS_SECRET_ACCESS_KEY"],
			SessionToken: given["AWS_SESSION_TOKEN"],
		}
	}

	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return value, nil })
}
