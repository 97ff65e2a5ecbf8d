// Package environment composes the whole service on one machine: the functions'
// binaries, wired by the synthesized template, on local servers and fake servers.
package environment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/integrations/local/aws/delivery"
	"example.com/integrations/local/aws/gateway"
	"example.com/integrations/local/aws/lambda"
	"example.com/integrations/local/aws/secrets"
	"example.com/integrations/local/aws/servers"
	"example.com/integrations/local/aws/template"
)

// An Environment is a running one.
type Environment struct {
	// Endpoints is what endpoints.json promises.
	Endpoints Endpoints
	// Control is what tests and tools of the project use beside.
	Control Control

	options  Options
	state    *state
	open     listeners
	log      *slog.Logger
	logFile  *os.File
	template *template.Template
	issuer   *gateway.Issuer
	ca       *secrets.CA
	dynamodb string
	sqs      string
	queues   map[string]servers.CreatedQueue // by logical id
	standins map[string]FakeServer
	lambda   *lambda.Service
	bus      *delivery.Bus

	ctx    context.Context // ends when Stop begins
	cancel context.CancelFunc
	failed chan error
	busy   sync.WaitGroup
	mu     sync.Mutex
	stops  []func() // run in reverse
	once   sync.Once
	began  time.Time
}

// Start brings everything up and returns when it is ready. What it started it
// stops again when it cannot go on, or when ctx ends before it is ready.
func Start(ctx context.Context, o Options) (*Environment, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}

	e := &Environment{options: o, failed: make(chan error, 1), began: time.Now()}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	if err := e.start(ctx); err != nil {
		e.Stop()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}

	return e, nil
}

func (e *Environment) start(ctx context.Context) error {
	if err := e.check(); err != nil {
		return err
	}

	var err error
	if e.state, err = openState(e.options.Dir); err != nil {
		return err
	}

	e.onStop(func() { _ = e.state.close() })
	if err := e.openLog(); err != nil {
		return err
	}

	if e.open, err = e.state.listen(e.options.Ports.named(e.options.Sample.Providers)); err != nil {
		return err
	}

	e.onStop(e.open.close)
	if err := e.openProviders(); err != nil {
		return err
	}

	for _, step := range []func(context.Context) error{e.prepare, e.wire, e.describe, e.seed} {
		if err := step(ctx); err != nil {
			return err
		}
	}

	return e.publish()
}

// check looks for what is missing before anything is started.
func (e *Environment) check() error {
	if err := checkTools(); err != nil {
		return err
	}

	if e.options.DynamoDB == "" {
		if err := servers.DynamoDBInstalled(e.options.Root); err != nil {
			return err
		}
	}

	if e.options.SQS == "" {
		return servers.SQSInstalled(e.options.Root)
	}

	return nil
}

func (e *Environment) openLog() error {
	if e.log = e.options.Log; e.log != nil {
		return nil
	}

	file, err := os.OpenFile(e.state.path("logs", "environment.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}

	e.logFile = file
	e.onStop(func() { _ = file.Close() })
	e.log = slog.New(slog.NewTextHandler(file, nil))

	return nil
}

// prepare makes what the template is wired to: binaries, template, servers,
// identities. Most of it takes its time independently of the rest.
func (e *Environment) prepare(ctx context.Context) error {
	y, err := newSynthesis(e.options.Root, e.state, e.open.url("issuer"), e.options.Limits)
	if err != nil {
		return err
	}

	data := y.cached()
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return e.timed("functions built", func() error { return build(gctx, e.options.Root) }) })
	if data == nil {
		e.say("synthesizing the stack; its first build takes a minute or two")
		group.Go(func() error { return e.timed("stack built", func() error { return y.compile(gctx) }) })
	}

	group.Go(func() error { return e.startDynamoDB(gctx) })
	group.Go(func() error { return e.startSQS(gctx) })
	group.Go(e.openIdentities)
	if err := group.Wait(); err != nil {
		return err
	}

	if data == nil {
		if err := e.timed("stack synthesized", func() (err error) { data, err = y.run(ctx); return err }); err != nil {
			return err
		}
	}

	e.template, err = template.Parse(data, template.Parameters{Region: region, AccountID: accountID, StackName: stackName})

	return err
}

func (e *Environment) openIdentities() error {
	var err error
	if e.issuer, err = gateway.OpenIssuer(e.state.dir, e.open.url("issuer")); err != nil {
		return err
	}

	e.ca, err = secrets.OpenCA(e.state.dir)
	return err
}

func (e *Environment) startDynamoDB(ctx context.Context) error {
	if e.options.DynamoDB != "" {
		e.dynamodb = e.options.DynamoDB
		return e.open["dynamodb"].Close()
	}

	server, err := e.startServer(ctx, "dynamodb", e.options.Ports.DynamoDB, servers.StartDynamoDB)
	if err != nil {
		return err
	}

	e.dynamodb = server.Endpoint
	e.keep("the DynamoDB server", server)

	return nil
}

func (e *Environment) startSQS(ctx context.Context) error {
	if e.options.SQS != "" {
		e.sqs = e.options.SQS
		return e.open["sqs"].Close()
	}

	server, err := e.startServer(ctx, "sqs", e.options.Ports.SQS, servers.StartSQS)
	if err != nil {
		return err
	}

	e.sqs = server.Endpoint
	e.keep("the SQS server", server)

	return nil
}

// startServer hands a port over. One that nobody asked for may be lost to
// another process meanwhile: then any other will do.
func (e *Environment) startServer(ctx context.Context, name string, asked int,
	start func(context.Context, servers.Options) (*servers.Server, error)) (*servers.Server, error) {
	o := servers.Options{Root: e.options.Root, Port: e.open.hand(name), Database: e.state.path("dynamodb.sqlite")}
	server, err := start(ctx, o)
	if err != nil && asked == 0 && ctx.Err() == nil {
		o.Port = 0
		server, err = start(ctx, o)
	}

	return server, err
}

// keep stops a server with the environment, and the environment with a server
// that ends by itself.
func (e *Environment) keep(name string, server *servers.Server) {
	e.onStop(server.Stop)
	e.busy.Go(func() {
		select {
		case <-e.ctx.Done():
		case <-server.Done():
			e.fail(fmt.Errorf("%s ended by itself", name))
		}
	})
}

// serve answers HTTP on one of the open ports.
func (e *Environment) serve(name string, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	e.onStop(func() { _ = server.Close() })
	e.serveOn(name, func() error { return server.Serve(e.open[name]) })
}

func (e *Environment) serveOn(name string, serve func() error) {
	e.busy.Go(func() {
		if err := serve(); !errors.Is(err, http.ErrServerClosed) && e.ctx.Err() == nil {
			e.fail(fmt.Errorf("%s: %w", name, err))
		}
	})
}

// Failed tells why the environment cannot go on.
func (e *Environment) Failed() <-chan error { return e.failed }

func (e *Environment) fail(err error) {
	select {
	case e.failed <- err:
	default:
	}
}

func (e *Environment) onStop(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stops = append(e.stops, f)
}

// Stop ends everything that Start started, in reverse order.
func (e *Environment) Stop() {
	e.once.Do(func() {
		e.cancel()
		for i := len(e.stops) - 1; i >= 0; i-- {
			e.stops[i]()
		}
		e.busy.Wait()
	})
}

func (e *Environment) say(format string, args ...any) {
	_, _ = fmt.Fprintf(e.options.Out, format+"\n", args...)
}

// timed tells of a step that took long enough to wonder about.
func (e *Environment) timed(what string, step func() error) error {
	began := time.Now()
	err := step()
	if took := time.Since(began); err == nil && took > 2*time.Second {
		e.say("%s in %.1f s", what, took.Seconds())
	}
	return err
}
