// Package environment composes the whole service on one machine: the functions'
// binaries, wired by the synthesized template, on local servers and fake servers.
package environment

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"example.com/integrations/local/aws/gateway"
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

	*site
	issuer   *gateway.Issuer
	ca       *secrets.CA
	backends *backends
	fakes    *fakeServers
	stack    *stack
	began    time.Time
}

// Start brings everything up and returns when it is ready. If it fails, or ctx ends
// before it is ready, it stops what it started.
func Start(ctx context.Context, o Options) (*Environment, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}

	e := &Environment{site: newSite(o), began: time.Now()}
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

	if err := e.openSite(); err != nil {
		return err
	}

	e.backends = &backends{site: e.site}
	e.fakes = &fakeServers{site: e.site}
	if err := e.fakes.openAll(); err != nil {
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

	group.Go(func() error { return e.backends.startDynamoDB(gctx) })
	group.Go(func() error { return e.backends.startSQS(gctx) })
	group.Go(e.openIdentities)
	if err := group.Wait(); err != nil {
		return err
	}

	if data == nil {
		if err := e.timed("stack synthesized", func() (err error) { data, err = y.run(ctx); return err }); err != nil {
			return err
		}
	}

	parsed, err := template.Parse(data, template.Parameters{Region: region, AccountID: accountID, StackName: stackName})
	if err != nil {
		return err
	}

	e.stack = &stack{site: e.site, template: parsed, ca: e.ca, backends: e.backends, fakes: e.fakes}

	return nil
}

func (e *Environment) openIdentities() error {
	var err error
	if e.issuer, err = gateway.OpenIssuer(e.state.dir, e.open.url("issuer")); err != nil {
		return err
	}

	e.ca, err = secrets.OpenCA(e.state.dir)
	return err
}

// wire brings up what the template asks for.
func (e *Environment) wire(ctx context.Context) error {
	if err := e.stack.create(ctx); err != nil {
		return err
	}

	e.serve("issuer", e.issuer)
	if err := e.fakes.serveAll(e.ca); err != nil {
		return err
	}

	if err := e.stack.wire(); err != nil {
		return err
	}

	page, err := e.page()
	if err != nil {
		return err
	}

	e.serve("page", page)

	return nil
}
