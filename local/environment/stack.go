package environment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"

	"example.com/integrations/local/aws/delivery"
	"example.com/integrations/local/aws/gateway"
	"example.com/integrations/local/aws/lambda"
	"example.com/integrations/local/aws/secrets"

	"example.com/integrations/local/aws/servers"
	"example.com/integrations/local/aws/template"
)

// A stack is what the template asks for, running: tables, queues, functions, and all that
// calls the functions.
type stack struct {
	*site
	template *template.Template
	ca       *secrets.CA
	backends *backends
	fakes    *fakeServers
	queues   map[string]servers.CreatedQueue // by logical id
	lambda   *lambda.Service
	bus      *delivery.Bus
}

// create makes the tables and queues.
func (s *stack) create(ctx context.Context) error {
	for _, table := range s.template.Tables {
		if err := servers.CreateTable(ctx, s.backends.DynamoDB(), table); err != nil {
			return err
		}
	}

	queues, err := servers.CreateQueues(ctx, s.backends.SQS(), s.template.Queues)
	s.queues = queues

	return err
}

// wire makes the functions callable, then starts what calls them.
func (s *stack) wire() error {
	for _, step := range []func() error{s.wireFunctions, s.wireBus, s.wireControl, s.wireAPI, s.wireSchedules, s.wireMappings} {
		if err := step(); err != nil {
			return err
		}
	}

	return nil
}

// wireFunctions makes the functions callable; their first call starts them.
func (s *stack) wireFunctions() error {
	extra, err := s.variables()
	if err != nil {
		return err
	}

	var fs []lambda.Function
	for _, f := range s.template.Functions {
		path := binary(s.options.Root, f.Short)
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("the template has a function %s (%s), but there is no functions/%s", f.Name, f.LogicalID, f.Short)
		}

		fs = append(fs, lambda.Function{
			Name: f.Name, LogName: f.Short, ARN: f.ARN, Binary: path, Environment: s.environmentOf(f),
			Timeout: f.Timeout, MemoryMB: f.MemoryMB,
		})
	}

	s.lambda, err = lambda.New(lambda.Config{Functions: fs, Region: region, Extra: extra, LogDir: s.state.path("logs")})
	if err != nil {
		return err
	}

	s.onStop(s.lambda.Stop)

	return nil
}

// environmentOf is what the template gives a function, with the queues where
// they really are.
func (s *stack) environmentOf(f template.Function) map[string]string {
	env := maps.Clone(f.Environment)
	for name, value := range env {
		for _, q := range s.template.Queues {
			if value == q.URL {
				env[name] = s.queues[q.LogicalID].URL
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
func (s *stack) variables() (map[string]string, error) {
	dynamodb, err := through(s.options.Functions.DynamoDB, s.backends.dynamodb)
	if err != nil {
		return nil, err
	}

	sqs, err := through(s.options.Functions.SQS, s.backends.sqs)
	if err != nil {
		return nil, err
	}

	all := map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
		"AWS_ENDPOINT_URL_SQS":      sqs,
		"AWS_ENDPOINT_URL_KMS":      s.open.url("control"),
		// What the service publishes goes to the bus.
		"AWS_ENDPOINT_URL_EVENTBRIDGE": s.open.url("control"),
		"DIAL_OVERRIDES":               pairs(s.fakes.overrides()),
		"SSL_CERT_FILE":                s.ca.CertFile(),
	}

	maps.Copy(all, credentialsFromHost(s.options))
	maps.Copy(all, s.options.Functions.Variables)

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

func (s *stack) wireAPI() error {
	config := gateway.Config{Invoke: s.invokeAPI, Log: s.log}
	for i, r := range s.template.Routes {
		route := gateway.Route{Method: r.Method, Path: r.Path, Function: s.template.Function(r.Function).Name, Scopes: r.Scopes}
		if s.options.Limits {
			throttle := s.template.Throttles[r.Method+" "+r.Path]
			route.Rate = throttle.Rate
			route.Burst = throttle.Burst
		}

		config.Routes = append(config.Routes, route)
		if i > 0 && (r.Authorizer.Issuer != config.Issuer || !slices.Equal(r.Authorizer.Audience, config.Audience)) {
			return errors.New("the template has routes with different authorizers, which the local gateway does not support")
		}

		config.Issuer = r.Authorizer.Issuer
		config.Audience = r.Authorizer.Audience
	}

	s.serve("api", gateway.New(config))

	return nil
}

func (s *stack) invokeAPI(ctx context.Context, function string, payload []byte) ([]byte, error) {
	answer, err := s.lambda.Invoke(ctx, function, payload)
	if errors.Is(err, lambda.ErrThrottled) {
		err = fmt.Errorf("%w: %w", gateway.ErrThrottled, err)
	}
	return answer, err
}

func (s *stack) wireMappings() error {
	for _, m := range s.template.Mappings {
		if !m.Enabled {
			continue
		}

		function := s.template.Function(m.Function)
		queue := s.queue(m.QueueARN)
		config := delivery.Mapping{
			Queue: s.backends.SQS(), QueueURL: queue.URL, QueueARN: m.QueueARN, Region: region,
			BatchSize: m.BatchSize, Window: m.Window, PartialFailures: m.PartialFailures,
			MaximumConcurrency: m.MaximumConcurrency, Log: s.log,
			Invoke: func(ctx context.Context, payload []byte) ([]byte, error) {
				answer, err := s.lambda.Invoke(ctx, function.Name, payload)
				if errors.Is(err, lambda.ErrThrottled) {
					err = fmt.Errorf("%w: %w", delivery.ErrThrottled, err)
				}
				return answer, err
			},
		}

		s.busy.Go(func() { delivery.RunMapping(s.ctx, config) })
	}

	return nil
}

// queue finds a queue by the ARN it has in the template.
func (s *stack) queue(arn string) servers.CreatedQueue {
	for _, q := range s.template.Queues {
		if q.ARN == arn {
			return s.queues[q.LogicalID]
		}
	}
	return servers.CreatedQueue{}
}

func (s *stack) wireBus() error {
	config := delivery.BusConfig{Queue: s.backends.SQS(), Region: region, AccountID: accountID, Log: s.log}
	for _, b := range s.template.Buses {
		config.Buses = append(config.Buses, b.Name)
	}

	for _, r := range s.template.Rules {
		if r.Schedule != "" || !r.Enabled {
			continue
		}

		rule := delivery.Rule{Name: r.Name, Bus: r.Bus, Pattern: r.Pattern}
		for _, t := range r.Targets {
			queue := s.queue(t.ARN)
			if queue.URL == "" {
				return fmt.Errorf("rule %s: the local bus delivers only to queues, not to %s", r.Name, t.ARN)
			}

			rule.Targets = append(rule.Targets, delivery.Target{
				QueueURL: queue.URL, MessageGroupID: t.MessageGroupID, DeadLetterURL: s.queue(t.DeadLetterARN).URL,
			})
		}

		config.Rules = append(config.Rules, rule)
	}

	var err error
	if s.bus, err = delivery.NewBus(config); err == nil {
		s.onStop(s.bus.Close)
	}

	return err
}

func (s *stack) wireSchedules() error {
	for _, r := range s.template.Rules {
		if r.Schedule == "" || !r.Enabled {
			continue
		}

		every, err := delivery.ParseRate(r.Schedule, s.options.Minute)
		if err != nil {
			return err
		}

		for _, t := range r.Targets {
			function := s.template.FunctionByARN(t.ARN)
			if function == nil {
				return fmt.Errorf("rule %s: a local schedule calls only functions, not %s", r.Name, t.ARN)
			}

			rule := delivery.Schedule{
				ARN: r.ARN, Every: every, Region: region, AccountID: accountID, Log: s.log,
				Invoke: func(ctx context.Context, payload []byte) ([]byte, error) {
					return s.lambda.Invoke(ctx, function.Name, payload)
				},
			}

			s.busy.Go(func() { rule.Run(s.ctx) })
		}
	}

	return nil
}

// wireControl serves the AWS calls that no other server answers, each where
// the SDK sends it, and what tests ask the environment itself.
func (s *stack) wireControl() error {
	if s.sealingKey() == "" {
		return errors.New("the template has no KMS key that seals")
	}

	var known []secrets.Key
	for _, k := range s.template.Keys {
		known = append(known, secrets.Key{ARN: k.ARN, Spec: k.Spec, Usage: k.Usage})
	}

	keys, err := secrets.OpenKMS(s.state.dir, known...)
	if err != nil {
		return err
	}

	mux := http.NewServeMux()
	mux.Handle("POST /2015-03-31/", s.lambda.Handler())
	mux.HandleFunc("GET /pids", s.servePIDs)
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AWSEvents.") {
			s.bus.ServeHTTP(w, r)
			return
		}
		keys.ServeHTTP(w, r)
	})

	s.serve("control", mux)

	return nil
}

// tableName is the name of the one table.
func (s *stack) tableName() string { return s.template.Tables[0].Name }

// sealingKey is the ARN of the key that seals, "" if the template has none.
func (s *stack) sealingKey() string {
	for _, k := range s.template.Keys {
		if k.Seals() {
			return k.ARN
		}
	}

	return ""
}

// invoke calls a function by its short name, as AWS would.
func (s *stack) invoke(ctx context.Context, function string, payload []byte) ([]byte, error) {
	for _, f := range s.template.Functions {
		if f.Short == function {
			return s.lambda.Invoke(ctx, f.Name, payload)
		}
	}
	return nil, fmt.Errorf("function %s: %w", function, os.ErrNotExist)
}

func (s *stack) servePIDs(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.lambda.PIDs())
}

func (s *stack) busName() string {
	if len(s.template.Buses) == 0 {
		return "default"
	}
	return s.template.Buses[0].Name
}
