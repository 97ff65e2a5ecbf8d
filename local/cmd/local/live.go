package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"example.com/integrations/local/environment"
	"example.com/integrations/local/environment/sample"
	"example.com/integrations/local/live"
	"example.com/integrations/shared/clock"
	"example.com/integrations/shared/domain"
)

// liveOptions are the flags of the live command.
type liveOptions struct {
	dir      string
	provider string
	config   string
	yes      bool
	person   string
	record   string
	fake     string
}

func parseLive(args []string) (liveOptions, error) {
	var o liveOptions
	flags, dir := newFlags("live")
	flags.StringVar(&o.provider, "provider", "", "discord, github, gitlab, jira, mantisbt, slack or teams")
	flags.StringVar(&o.config, "config", "", "a file with the configuration of an integration, secrets in it")
	flags.BoolVar(&o.yes, "yes", false, "post to a chat, or work in a place that holds objects of others")
	flags.StringVar(&o.person, "person", "", "1: ask a person to edit and to rename at the provider; else a file with a configuration of another account at the same place, which edits")
	flags.StringVar(&o.record, "record", "", "a folder for a recording of all exchanges, without secrets, names and addresses")
	flags.StringVar(&o.fake, "fake", "", "instead of both: a fake server of the running local environment, by its name in endpoints.json")
	err := parse(flags, args)
	o.dir = *dir

	return o, err
}

// liveCommand holds a connector against a real account and prints which of its
// promises are kept.
func liveCommand(ctx context.Context, args []string) error {
	o, err := parseLive(args)
	if err != nil {
		return err
	}

	line, err := openLine(o)
	if err != nil {
		return err
	}

	defer func() { _ = line.Close() }()

	if o.record != "" {
		// An error that would come at the end is reported before the first call.
		if err := errors.Join(line.CanSave(), os.MkdirAll(o.record, 0o755)); err != nil {
			return fmt.Errorf("nothing can be recorded in %s: %w", o.record, err)
		}
	}

	trial := &live.Trial{Connector: line.Connector, Wire: line.Wire, Recorder: line.Recorder, Clock: clock.Clock{}, Yes: o.yes}
	done, err := withPerson(trial, line, o.person)
	if err != nil {
		return err
	}

	defer done()

	_, _ = fmt.Fprint(os.Stderr, ofOthers(o.yes, o.record))
	rows, err := trial.Run(ctx)
	line.Hide(trial.Places())
	broken := printed(os.Stdout, rows)
	if failed := line.Failed(); failed != nil && broken > 0 {
		_, _ = fmt.Println("\nThe provider was not reached:", failed)
	}

	compared(ctx, os.Stdout, line)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stdout, "\nThe trial was stopped: what is not in the table was not tried.")
	}

	if o.record != "" {
		if failed := recorded(line, o.record, cmp.Or(o.fake, o.provider)); failed != nil {
			return failed
		}
	}

	switch broken {
	case 0:
		return err
	case 1:
		return exit{exitFailed, "1 promise is broken"}
	}

	return exit{exitFailed, fmt.Sprintf("%d promises are broken", broken)}
}

// openLine opens the connector that the options name.
func openLine(o liveOptions) (*live.Line, error) {
	switch {
	case o.fake != "" && o.provider == "" && o.config == "":
		return atFakeServer(o.dir, o.fake)
	case o.fake == "" && slices.Contains(domain.Providers, domain.Provider(o.provider)) && o.config != "":
		return atAccount(domain.Provider(o.provider), o.config)
	}

	return nil, wrongOptions(o.provider, o.config, o.fake)
}

// wrongOptions says what is wrong with the options of a trial.
func wrongOptions(provider, config, fake string) error {
	const needs = "live needs -provider and -config, or -fake: "
	switch {
	case fake != "":
		return errors.New(needs + "FAKE goes without PROVIDER and CONFIG")
	case provider != "" && !slices.Contains(domain.Providers, domain.Provider(provider)):
		return fmt.Errorf(needs+"there is no provider %q, they are discord, github, gitlab, jira, mantisbt, slack and teams", provider)
	case provider != "":
		return errors.New(needs + "CONFIG is missing, a file with the configuration")
	case config != "":
		return errors.New(needs + "PROVIDER is missing")
	}

	return errors.New(needs + "make live PROVIDER=mantisbt CONFIG=file.json")
}

// compared prints where the provider's answers differ from those of its fake server.
func compared(ctx context.Context, out io.Writer, line *live.Line) {
	found, err := line.Differences(ctx, false)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		_, _ = fmt.Fprintf(out, "\nThe answers could not be compared with those of the fake server: %v\n", err)
	case len(found) == 0:
		_, _ = fmt.Fprintln(out, "\nThe fake server gives the same answers, as far as it has them.")
	default:
		_, _ = fmt.Fprintln(out, "\nWhere the answers differ from those of the fake server:")
		for _, d := range live.Grouped(found) {
			_, _ = fmt.Fprintln(out, "-", d)
		}
	}
}

// withPerson asks a person at the terminal, or opens the connector of another
// account that edits in place of a person. Done closes that one.
func withPerson(trial *live.Trial, line *live.Line, person string) (done func(), err error) {
	switch person {
	case "":
		return func() {}, nil
	case "1":
		trial.Ask = asking(os.Stdin, os.Stdout)
		return func() {}, nil
	}

	text, err := os.ReadFile(person)
	if err != nil {
		return nil, err
	}

	second, err := line.OpenPerson(string(text))
	if err != nil {
		return nil, fmt.Errorf("the second configuration, in %s: %w", person, err)
	}

	trial.Person = second.Connector

	return func() { _ = second.Close() }, nil
}

// ofOthers is the warning about a recording in a place that may hold objects of
// others, "" for none.
func ofOthers(yes bool, record string) string {
	if !yes || record == "" {
		return ""
	}

	return "YES=1 with RECORD: if the place holds objects or messages of others, their texts can be in the recording. Names and addresses are replaced, prose is not. Read it before you hand it on.\n"
}

// recorded writes the recording into a new file of a folder.
func recorded(line *live.Line, dir, name string) error {
	var lines bytes.Buffer
	if err := line.Save(&lines); err != nil {
		return fmt.Errorf("nothing was recorded: %w", err)
	}

	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}

	configuration, err := line.Configuration()
	if err != nil {
		return err
	}

	path := filepath.Join(dir, name+"-"+time.Now().UTC().Format("20060102-150405"))
	if err := os.WriteFile(path+".json", []byte(configuration+"\n"), 0o644); err != nil {
		return err
	}

	if err := os.WriteFile(path+".jsonl", lines.Bytes(), 0o644); err != nil {
		return err
	}

	_, err = fmt.Printf("recorded in %s.jsonl, with the configuration in %s.json\n", path, path)

	return err
}

// atAccount opens the connector of a configuration in a file.
func atAccount(provider domain.Provider, file string) (*live.Line, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}

	line, err := live.Open(provider, string(text), live.Upstream{})
	if err != nil {
		return nil, fmt.Errorf("the configuration in %s: %w", file, err)
	}

	return line, nil
}

// atFakeServer opens the connector of the sample's integration with a fake server.
func atFakeServer(dir, name string) (*live.Line, error) {
	endpoints, err := environment.ReadEndpoints(dir)
	if err != nil {
		return nil, err
	}

	control, err := environment.ReadControl(dir)
	if err != nil {
		return nil, err
	}

	id, known := endpoints.Integrations[name]
	if !known {
		return nil, fmt.Errorf("there is no fake server %q: the names are in %s", name, filepath.Join(dir, "endpoints.json"))
	}

	up := live.Upstream{CA: control.CA, Dial: func(host string) string { return control.Overrides[host] }}
	for _, i := range sample.List() {
		if i.ID.String() == id {
			return live.Open(i.Provider, i.Configuration, up)
		}
	}

	return nil, fmt.Errorf("the sample has no integration %s", id)
}

// asking asks a person to do something, and waits for Enter.
func asking(in io.Reader, out io.Writer) func(context.Context, string) error {
	lines := bufio.NewReader(in)

	return func(ctx context.Context, what string) error {
		_, _ = fmt.Fprintf(out, "%s, then press Enter: ", what)
		done := make(chan error, 1)
		go func() {
			_, err := lines.ReadString('\n')
			done <- err
		}()

		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// printed prints the rows as a table, and counts the broken promises.
func printed(out io.Writer, rows []live.Row) int {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	broken := 0
	for _, r := range rows {
		if r.Outcome == live.Broken {
			broken++
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", r.Promise, r.Outcome, r.Detail)
	}

	_ = table.Flush()

	return broken
}
