package environment

import (
	"context"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

const (
	endpointsFile = "endpoints.json"
	controlFile   = "control.json"
	identityFile  = "identity.json"
)

// Endpoints is the form of endpoints.json, which scripts rely on.
type Endpoints struct {
	API           string            `json:"api"`
	Issuer        string            `json:"issuer"`
	Page          string            `json:"page"`
	DynamoDB      string            `json:"dynamodb"`
	SQS           string            `json:"sqs"`
	Tokens        map[string]string `json:"tokens"`
	Organisations map[string]string `json:"organisations"`
	Integrations  map[string]string `json:"integrations"`
	Providers     map[string]string `json:"providers"`
	// Events lists what was published on the bus lately; source=integrations
	// gives the service's own events.
	Events string `json:"events"`
	// OpenAPI is the API's document, Reference the page that shows it.
	OpenAPI   string `json:"openapi"`
	Reference string `json:"reference"`
	// Gallery shows the same items at each provider.
	Gallery string `json:"gallery,omitempty"`
}

// Control is the form of control.json: what the project's own tools use, and
// no promise to anyone else. Endpoint answers Lambda's Invoke, EventBridge's
// PutEvents, the calls of KMS, and GET /pids.
type Control struct {
	PID      int               `json:"pid"`
	Endpoint string            `json:"endpoint"`
	Region   string            `json:"region"`
	Bus      string            `json:"bus"`
	Table    string            `json:"table"`
	Key      string            `json:"key"`
	Queues   map[string]string `json:"queues"`
	// CA is the certificate of the authority behind the providers' names,
	// Overrides leads those names to the fake servers.
	CA        string            `json:"ca"`
	Overrides map[string]string `json:"overrides"`
}

// DynamoDB is a client of the environment's tables.
func (e *Environment) DynamoDB() *dynamodb.Client { return e.backends.DynamoDB() }

// SQS is a client of the environment's queues.
func (e *Environment) SQS() *sqs.Client { return e.backends.SQS() }

// KMS is a client of the environment's keys.
func (e *Environment) KMS() *kms.Client {
	endpoint := e.open.url("control")
	return kms.New(kms.Options{Region: region, BaseEndpoint: &endpoint, Credentials: e.backends.credentials()})
}

// Events is a client of the environment's bus.
func (e *Environment) Events() *eventbridge.Client { return eventsClient(e.open.url("control")) }

// Table is the name of the one table.
func (e *Environment) Table() string { return e.stack.tableName() }

// Key is the ARN of the key that seals, "" if the template has none.
func (e *Environment) Key() string { return e.stack.sealingKey() }

// Invoke calls a function by its short name, as AWS would.
func (e *Environment) Invoke(ctx context.Context, function string, payload []byte) ([]byte, error) {
	return e.stack.invoke(ctx, function, payload)
}

// PIDs gives the processes of each function's live instances.
func (e *Environment) PIDs() map[string][]int { return e.stack.lambda.PIDs() }

// FakeServer is the fake server of a provider, by its name; nil where there is none.
func (e *Environment) FakeServer(name string) FakeServer { return e.fakes.byName[name] }

// Token signs a token of the environment's issuer.
func (e *Environment) Token(subject, audience string, lifetime time.Duration) (string, error) {
	return e.issuer.Token(subject, audience, lifetime)
}

func (e *Environment) seed(ctx context.Context) error {
	if e.options.Sample.Seed == nil {
		return nil
	}

	if err := e.options.Sample.Seed(ctx, e); err != nil {
		return fmt.Errorf("seed the sample: %w", err)
	}

	return nil
}

// publish writes the files that tools and scripts wait for.
func (e *Environment) publish() error {
	identity := Identity{Issuer: e.Endpoints.Issuer, Audience: Audience, Users: e.options.Sample.Users}
	if err := e.state.write(identityFile, identity); err != nil {
		return err
	}

	if err := e.state.write(controlFile, e.Control); err != nil {
		return err
	}

	e.onStop(func() {
		_ = os.Remove(e.state.path(endpointsFile))
		_ = os.Remove(e.state.path(controlFile))
	})
	if err := e.state.write(endpointsFile, e.Endpoints); err != nil {
		return err
	}

	e.greet()

	return nil
}

// describe fills in Endpoints and Control; the seed needs them.
func (e *Environment) describe(context.Context) error {
	tokens := map[string]string{}
	for name, id := range e.options.Sample.Users {
		token, err := e.Token(id, Audience, tokenLife)
		if err != nil {
			return err
		}
		tokens[name] = token
	}

	e.Endpoints = Endpoints{
		API: e.open.url("api"), Issuer: e.open.url("issuer"), Page: e.open.url("page"), Events: e.open.url("page") + "/events", DynamoDB: e.backends.dynamodb, SQS: e.backends.sqs,
		Tokens: tokens, Organisations: orEmpty(e.options.Sample.Organisations), Integrations: orEmpty(e.options.Sample.Integrations),
		Providers: e.fakes.pages(),
		OpenAPI:   e.open.url("page") + "/openapi.json", Reference: e.open.url("page") + "/reference/",
	}
	if e.options.Sample.Gallery != nil {
		e.Endpoints.Gallery = e.open.url("page") + "/gallery"
	}

	queues := map[string]string{}
	for _, q := range e.stack.template.Queues {
		queues[q.Name] = e.stack.queues[q.LogicalID].URL
	}

	e.Control = Control{
		PID: os.Getpid(), Endpoint: e.open.url("control"), Region: region, Bus: e.stack.busName(), Table: e.Table(), Key: e.Key(),
		Queues: queues, CA: e.ca.CertFile(), Overrides: e.fakes.overrides(),
	}

	return nil
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// greet prints the addresses and the first commands.
func (e *Environment) greet() {
	at := e.Endpoints
	e.say("\nReady after %.1f s. A scheduled minute lasts %s. State in %s, logs in %s.\n",
		time.Since(e.began).Seconds(), e.options.Minute, e.options.Dir, e.state.path("logs"))
	e.say("  API       %s\n  page      %s\n  reference %s\n  gallery   %s\n  DynamoDB  %s\n  SQS       %s\n  events    %s?source=integrations\n  what the providers hold:", at.API, at.Page, at.Reference, at.Gallery, at.DynamoDB, at.SQS, at.Events)
	for _, name := range slices.Sorted(maps.Keys(at.Providers)) {
		e.say("    %-15s %s", name, at.Providers[name])
	}

	e.say("")
	if at.Tokens["owner"] == "" || at.Integrations["github"] == "" {
		return
	}

	url := at.API + "/integrations/" + at.Integrations["github"]
	e.say("Paste into another terminal:\n\nTOKEN=%s", at.Tokens["owner"])
	e.say(`curl -i -H "Authorization: Bearer $TOKEN" %s`, url)
	e.say(`curl -i -X PATCH -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" -d '{"enabled":true}' %s`, url)
	e.say(`curl -i -X POST -H "Authorization: Bearer $TOKEN" %s/sync`, url)
	e.say("curl %s/_/received\n\nCtrl-C stops it; its data stays.", at.Providers["github"])
}

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Integrations, local environment</title>
<style>body{font:16px/1.5 system-ui;max-width:46rem;margin:3rem auto;padding:0 1rem}td{padding:.2rem 1rem .2rem 0}</style>
<h1>Integrations, local environment</h1>
<table>
<tr><td>API<td><code>{{.API}}</code>
<tr><td>Reference<td><a href="/reference/">of the API</a>, <a href="/openapi.json">as OpenAPI 3.1</a>
{{with .Gallery}}<tr><td>Gallery<td><a href="/gallery">the same items at each provider</a>
{{end}}<tr><td>Issuer<td><a href="{{.Issuer}}/.well-known/openid-configuration">{{.Issuer}}</a>
<tr><td>DynamoDB<td><code>{{.DynamoDB}}</code>
<tr><td>SQS<td><code>{{.SQS}}</code>
{{range $name, $url := .Providers}}<tr><td>{{$name}}<td><a href="{{$url}}/">what it holds</a>, <a href="{{$url}}/_/received">as JSON</a>
{{end}}</table>
<h2>Integrations</h2>
<table>{{range $name, $id := .Integrations}}<tr><td>{{$name}}<td><code>{{$id}}</code>
{{end}}</table>
`))

// page leads a person to everything else. It shows no token.
func (e *Environment) page() (http.Handler, error) {
	documents, err := newReference(e.options.Root, e.open.url("api"))
	if err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	mux.Handle("GET /openapi.json", documents)
	mux.Handle("GET /reference/", documents)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = pageTemplate.Execute(w, e.Endpoints)
	})
	if e.options.Sample.Gallery != nil {
		mux.Handle("GET /gallery", e.options.Sample.Gallery(e.fakes.specs()))
	}

	mux.HandleFunc("GET /events", e.stack.bus.ServeRecent)

	return mux, nil
}
