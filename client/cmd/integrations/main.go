// Command integrations reads, changes and syncs integrations from a terminal.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"example.com/integrations/client"
	"example.com/integrations/client/watch"
)

// The exit codes, which scripts rely on.
const (
	exitFailed    = 1   // no answer, or the service's fault
	exitUsage     = 2   // the command line cannot be understood
	exitRefused   = 3   // the API has refused it
	exitNotFound  = 4   // there is no such integration or sync
	exitUnwell    = 5   // a sync has failed for some items or all, or a check found a fault
	exitCancelled = 6   // the sync was cancelled
	exitSignal    = 130 // Ctrl-C, as a shell has it
)

const environment = `
  INTEGRATIONS_API    the API's address
  INTEGRATIONS_TOKEN  a bearer token of its issuer

exit codes: 0 done, 1 no answer or a fault of the service, 2 wrong usage, 3 refused,
4 not found, 5 a sync failed for some items or all or a check found a fault,
6 the sync was cancelled, 130 Ctrl-C
`

// An app is a run of the command, with what surrounds it.
type app struct {
	env      func(string) string
	stdin    io.Reader
	stdout   *os.File // nil in tests
	out, err io.Writer
}

// An invocation is a command with what was given to it.
type invocation struct {
	*app
	api  *client.Client
	args []string
	json bool
}

// A usageError is what the caller got wrong.
type usageError struct{ text string }

func (u usageError) Error() string { return u.text }

func wrong(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// An outcome is an exit code without anything more to say.
type outcome int

func (o outcome) Error() string { return fmt.Sprint("exit ", int(o)) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	a := &app{env: os.Getenv, stdin: os.Stdin, stdout: os.Stdout, out: os.Stdout, err: os.Stderr}
	code := a.code(a.run(ctx, os.Args[1:]))
	stop()
	os.Exit(code)
}

func (a *app) run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		a.usage(a.err)
		return outcome(exitUsage)
	}

	switch args[0] {
	case "-h", "-help", "--help", "help":
		a.usage(a.out)
		return nil
	}

	for _, c := range commands {
		if c.name == args[0] {
			return a.invoke(ctx, c, args[1:])
		}
	}

	return wrong("there is no command %q; integrations -h lists them", args[0])
}

func (a *app) invoke(ctx context.Context, c command, args []string) error {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	i := &invocation{app: a}
	flags.BoolVar(&i.json, "json", false, "write JSON; of a list, one object a line")
	do := c.prepare(flags)
	var err error
	if i.args, err = parse(flags, args); errors.Is(err, flag.ErrHelp) {
		c.help(a.out, flags)
		return nil
	} else if err != nil {
		return wrong("%s: %v (-h tells more)", c.name, err)
	}

	if len(i.args) < c.least || c.most >= 0 && len(i.args) > c.most {
		return wrong("usage: integrations %s %s (-h tells more)", c.name, c.args)
	}

	if i.api, err = a.dial(); err != nil {
		return err
	}

	return do(ctx, i)
}

// parse reads flags wherever they stand, and gives the rest.
func parse(flags *flag.FlagSet, args []string) ([]string, error) {
	var rest []string
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}

		if flags.NArg() == 0 {
			return rest, empty(flags)
		}

		rest = append(rest, flags.Arg(0))
		args = flags.Args()[1:]
	}
}

// empty refuses a flag that is given and says nothing, as from a variable that
// was never set: the request would go without the version or the key.
func empty(flags *flag.FlagSet) error {
	var err error
	flags.Visit(func(f *flag.Flag) {
		if value, ok := f.Value.(flag.Getter); ok && value.Get() == "" {
			err = fmt.Errorf("-%s is empty", f.Name)
		}
	})
	return err
}

func (a *app) dial(options ...client.Option) (*client.Client, error) {
	address := a.env("INTEGRATIONS_API")
	token := a.env("INTEGRATIONS_TOKEN")
	if address == "" || token == "" {
		return nil, wrong("INTEGRATIONS_API and INTEGRATIONS_TOKEN must be set: the API's address and a token")
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, wrong("INTEGRATIONS_TOKEN is no token: it has spaces, line breaks or other characters")
	}

	c, err := client.New(address, client.Token(token), options...)
	if err != nil {
		return nil, wrong("INTEGRATIONS_API: %v", err)
	}

	return c, nil
}

func (a *app) usage(to io.Writer) {
	_, _ = fmt.Fprint(to, "usage: integrations COMMAND …\n\n")
	for _, c := range commands {
		_, _ = fmt.Fprintf(to, "  %-8s %-34s %s\n", c.name, c.args, c.about)
	}
	_, _ = fmt.Fprint(to, "\n-h after a command lists its flags; -json makes any answer JSON\n", environment)
}

// code prints what went wrong, and returns the exit code for it.
func (a *app) code(err error) int {
	var o outcome
	var u usageError
	var p *client.Problem
	switch {
	case err == nil:
		return 0
	case errors.As(err, &o):
		return int(o)
	case errors.Is(err, context.Canceled):
		return exitSignal
	}

	_, _ = fmt.Fprintln(a.err, "integrations:", watch.Clean(summary(err)))
	switch {
	case errors.As(err, &u):
		return exitUsage
	case !errors.As(err, &p):
		return exitFailed
	}

	for _, f := range p.Fields {
		_, _ = fmt.Fprintln(a.err, " ", watch.Clean(f.Field+": "+f.Detail))
	}

	if p.RequestID != "" {
		_, _ = fmt.Fprintln(a.err, "  request id:", watch.Clean(p.RequestID))
	}

	switch {
	case p.Status == 404:
		return exitNotFound
	case p.Status < 500:
		return exitRefused
	}

	return exitFailed
}

// summary leaves out the fields, which have lines of their own.
func summary(err error) string {
	var p *client.Problem
	if !errors.As(err, &p) {
		return err.Error()
	}

	short := *p
	short.Fields = nil
	return short.Error()
}
