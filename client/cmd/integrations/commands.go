package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"example.com/integrations/client"
	"example.com/integrations/client/watch"
)

// An action is what a command does once its flags are read.
type action func(context.Context, *invocation) error

// A command is one of those that a person can give.
type command struct {
	name, args, about string
	least, most       int // arguments; most is -1 for any number
	prepare           func(*flag.FlagSet) action
	more              string // of its help
}

// commands in the order in which people need them.
var commands []command

// They are filled in here as their help lists them.
func init() {
	commands = []command{
		{"list", "ORGANISATION", "list an organisation's integrations", 1, 1, plain(listIntegrations), ""},
		{"get", "INTEGRATION", "show an integration", 1, 1, plain(getIntegration), ""},
		{"create", "ORGANISATION MEMBER=VALUE…", "create an integration", 1, -1, createIntegration, configurationHelp},
		{"set", "INTEGRATION MEMBER=VALUE…", "change an integration's configuration", 1, -1, setConfiguration, configurationHelp},
		{"enable", "INTEGRATION", "have changes brought to the provider", 1, 1, plain(enable(true)), ""},
		{"disable", "INTEGRATION", "bring nothing to the provider any more", 1, 1, plain(enable(false)), ""},
		{"delete", "INTEGRATION -yes", "delete an integration", 1, 1, deleteIntegration, ""},
		{"check", "INTEGRATION [-post]", "try credentials and target, or a chat with a test message", 1, 1, check, checkHelp},
		{"status", "INTEGRATION", "show how an integration stands", 1, 1, plain(status), ""},
		{"sync", "INTEGRATION", "start a sync, or join the active one", 1, 1, startSync, ""},
		{"watch", "INTEGRATION [SYNC]", "follow a sync until it has ended", 1, 2, plain(follow), ""},
		{"syncs", "INTEGRATION [SYNC]", "list syncs, newest first, or show one", 1, 2, listSyncs, ""},
		{"plan", "INTEGRATION SYNC", "list what a dry run would do", 2, 2, plain(plan), ""},
		{"cancel", "INTEGRATION SYNC", "stop a sync", 2, 2, plain(cancel), ""},
		{"items", "INTEGRATION", "list what became of items", 1, 1, listItems, ""},
		{"retry", "INTEGRATION [ITEM…]", "try items again; without one, all that failed", 1, -1, plain(retry), ""},
	}
}

// plain is a command without flags of its own.
func plain(do action) func(*flag.FlagSet) action { return func(*flag.FlagSet) action { return do } }

func (c command) help(to io.Writer, flags *flag.FlagSet) {
	_, _ = fmt.Fprintf(to, "usage: integrations %s %s\n\n%s\n\n", c.name, c.args, c.about)
	flags.SetOutput(to)
	flags.PrintDefaults()
	_, _ = fmt.Fprint(to, c.more, environment)
}

func listIntegrations(ctx context.Context, i *invocation) error {
	return show(i, i.api.Integrations(ctx, i.args[0]), integrationHead, integrationRow)
}

func getIntegration(ctx context.Context, i *invocation) error {
	got, err := i.api.GetIntegration(ctx, i.args[0])
	return i.one(got, err, integrationText)
}

func enable(enabled bool) action {
	return func(ctx context.Context, i *invocation) error {
		got, err := i.api.UpdateIntegration(ctx, i.args[0], client.Change{Enabled: &enabled})
		return i.one(got, err, integrationText)
	}
}

func deleteIntegration(flags *flag.FlagSet) action {
	yes := flags.Bool("yes", false, "say that it is meant: its secrets are gone at once")
	match := flags.String("if-match", "", "only while it is at this version, an ETag as `get` shows it")

	return func(ctx context.Context, i *invocation) error {
		if !*yes {
			return wrong("delete wants -yes: the integration and its secrets are gone at once")
		}

		var options []client.CallOption
		if *match != "" {
			options = append(options, client.IfMatch(*match))
		}

		return i.api.DeleteIntegration(ctx, i.args[0], options...)
	}
}

const checkHelp = `
Without -post nothing is written at the provider. With it a chat gets one message
that says who asked for it: once a minute and 20 times in 24 hours, and not while
the integration is unhealthy or waits. The line "post" says whether it was posted.
Where that cannot be known, look in the channel before you send another one.
`

func check(flags *flag.FlagSet) action {
	post := flags.Bool("post", false, "post one test message into the chat (Discord, Slack and Teams)")
	return func(ctx context.Context, i *invocation) error {
		ask := i.api.CheckIntegration
		if *post {
			ask = i.api.PostTestMessage
		}

		got, err := ask(ctx, i.args[0])
		if err := i.one(got, err, checkText); err != nil {
			return err
		}

		if got.OK != nil && !*got.OK {
			return outcome(exitUnwell)
		}

		return nil
	}
}

func status(ctx context.Context, i *invocation) error {
	got, err := i.api.GetStatus(ctx, i.args[0])
	return i.one(got, err, statusText)
}

func startSync(flags *flag.FlagSet) action {
	var how client.SyncRequest
	flags.StringVar(&how.Mode, "mode", "", "incremental or full (default: full if one is needed or with -announce)")
	flags.BoolVar(&how.DryRun, "dry-run", false, "plan it and write nothing; `plan` shows what it would do")
	flags.BoolVar(&how.Announce, "announce", false, "tell a chat of all that is new to it")
	flags.StringVar(&how.AcceptTarget, "accept-target", "", "the id of the place to go on at after target_moved; needs -mode full")
	wait := flags.Bool("wait", false, "wait until it has ended; the exit code tells how")

	return func(ctx context.Context, i *invocation) error {
		run, err := i.api.StartSync(ctx, i.args[0], how)
		if err == nil && *wait {
			run, err = i.api.WaitForSync(ctx, i.args[0], run.ID, nil)
		}

		if err := i.one(run, err, runText); err != nil || !*wait {
			return err
		}

		return exitOf(&run)
	}
}

// exitOf is how a sync has ended, as an exit code.
func exitOf(run *client.Run) error {
	switch {
	case run == nil || run.Status == client.Succeeded:
		return nil
	case run.Status == client.Cancelled:
		return outcome(exitCancelled)
	}

	return outcome(exitUnwell) // an unknown status is no success
}

func follow(ctx context.Context, i *invocation) error {
	sync := ""
	if len(i.args) > 1 {
		sync = i.args[1]
	}

	api, err := i.dial(client.WithTries(1)) // the line shows each failure
	if err != nil {
		return err
	}

	w := watch.OnTerminal(api, i.stdout)
	if i.json || i.stdout == nil { // the line is for people
		w.Out = i.err
		w.Width = nil
	}

	run, err := w.Follow(ctx, i.args[0], sync)
	if err != nil {
		return err
	}

	if i.json && run != nil {
		if err := i.writeJSON(run); err != nil {
			return err
		}
	}

	return exitOf(run)
}

func listSyncs(flags *flag.FlagSet) action {
	n := flags.Int("n", 20, "how many at most")
	return func(ctx context.Context, i *invocation) error {
		if len(i.args) > 1 {
			run, err := i.api.GetSync(ctx, i.args[0], i.args[1])
			return i.one(run, err, runText)
		}
		return show(i, first(*n, i.api.Syncs(ctx, i.args[0])), runHead, runRow)
	}
}

func plan(ctx context.Context, i *invocation) error {
	return show(i, i.api.Plan(ctx, i.args[0], i.args[1]), planHead, planRow)
}

func cancel(ctx context.Context, i *invocation) error {
	run, err := i.api.CancelSync(ctx, i.args[0], i.args[1])
	return i.one(run, err, runText)
}

func listItems(flags *flag.FlagSet) action {
	of := flags.String("outcome", "", "only created, updated, unchanged, skipped, deferred, failed, unknown or accepted")
	n := flags.Int("n", 0, "how many at most; 0 for all")
	return func(ctx context.Context, i *invocation) error {
		return show(i, first(*n, i.api.Items(ctx, i.args[0], *of)), itemHead, itemRow)
	}
}

func retry(ctx context.Context, i *invocation) error {
	run, err := i.api.RetryItems(ctx, i.args[0], i.args[1:]...)
	return i.one(run, err, runText)
}
