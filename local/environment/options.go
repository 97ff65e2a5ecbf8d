package environment

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"example.com/integrations/local/aws/servers"
	"example.com/integrations/local/providers/faults"
)

const (
	// DefaultMinute is how long a scheduled minute lasts: long enough to watch,
	// short enough to wait for.
	DefaultMinute = 5 * time.Second
	// DefaultDir keeps the state of an environment, below the root.
	DefaultDir = ".local"

	stage     = "local"
	region    = "eu-central-1"
	accountID = "000000000000"
	stackName = "Integrations-" + stage
	// Audience is the audience of the environment's tokens.
	Audience = "integrations-local"

	tokenLife = 24 * time.Hour
)

// Options say how to start an environment. The zero value starts one in the
// project's own .local.
type Options struct {
	// Root is the project's folder; without one the nearest above with a go.mod.
	Root string
	// Dir keeps the state; it is created.
	Dir string
	// Minute is how long a scheduled minute lasts.
	Minute time.Duration
	// Ports asks for some; what it leaves 0 gets a free one.
	Ports Ports
	// DynamoDB and SQS name servers of one's own to use instead of npm's.
	DynamoDB, SQS string
	// Functions changes what the functions run with.
	Functions FunctionOptions
	// Limits enforces the providers' published rate limits, and the routes' own
	// throttles.
	Limits bool
	// Faults are what the fake servers do from the start, by their names.
	Faults map[string][]faults.Order
	// Sample is what the environment starts with.
	Sample Sample
	// Out gets the messages for a person; nil drops them.
	Out io.Writer
	// Log takes what went on; nil writes to logs/environment.log in Dir.
	Log *slog.Logger
}

// FunctionOptions change what all functions run with.
type FunctionOptions struct {
	// DynamoDB and SQS lead the functions elsewhere than the environment itself, for
	// example to a proxy that injects faults. They get the server's address.
	DynamoDB, SQS func(endpoint string) (string, error)
	// Variables are added to each function's environment.
	Variables map[string]string
}

// Ports are the ports of what a person or a script talks to.
type Ports struct{ API, Issuer, Page, DynamoDB, SQS int }

// named are all ports, by the names they are remembered by: one for each
// provider's page, and one that serves them all under their real host names.
func (p Ports) named(providers []Provider) map[string]int {
	all := map[string]int{
		"api": p.API, "issuer": p.Issuer, "page": p.Page, "dynamodb": p.DynamoDB, "sqs": p.SQS, "control": 0, providersTLS: 0,
	}
	for _, one := range providers {
		all[one.Name] = 0
	}

	return all
}

// A Provider is served by a fake server of its own, under its real host names.
type Provider struct {
	Name string // in endpoints.json
	// Also are further names of it there: those of the other integrations that
	// lead to it.
	Also  []string
	Hosts []string
	Open  func(o ProviderOptions) (FakeServer, error)
}

// ProviderOptions are what an environment gives to a fake server.
type ProviderOptions struct {
	Dir    string // for its state
	Specs  string // the folder of the providers' own descriptions; it may be absent
	Limits bool   // whether it enforces the published rate limits
	// Now replaces the clock.
	Now func() time.Time
}

// A FakeServer behaves as a provider does. API is the provider's own, Plain the
// page that shows what it holds.
type FakeServer interface {
	API() http.Handler
	Plain() http.Handler
	Close() error
}

// A Sample is the organisation an environment starts with, by the names that
// endpoints.json gives its parts.
type Sample struct {
	Users         map[string]string
	Organisations map[string]string
	Integrations  map[string]string
	Providers     []Provider
	// Gallery is a page that shows the same items at each provider; nil is none.
	Gallery func(specs string) http.Handler
	// Seed stores the sample; it must be safe to repeat.
	Seed func(context.Context, *Environment) error
}

func (o Options) complete() (Options, error) {
	if o.Root == "" {
		root, err := servers.Root()
		if err != nil {
			return o, err
		}
		o.Root = root
	}

	if o.Dir == "" {
		o.Dir = filepath.Join(o.Root, DefaultDir)
	}

	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return o, err
	}

	o.Dir = dir
	if o.Minute == 0 {
		o.Minute = DefaultMinute
	}

	if o.Minute < 0 {
		return o, errors.New("a minute cannot last a negative time")
	}

	if o.Out == nil {
		o.Out = io.Discard
	}

	return o, nil
}
