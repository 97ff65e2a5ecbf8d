package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"example.com/integrations/client"
	"example.com/integrations/client/watch"
	"example.com/integrations/local/environment"
	"example.com/integrations/shared/domain"
)

// exit ends the command with a code of its own. Without a text it has said all.
type exit struct {
	code int
	text string
}

func (e exit) Error() string { return e.text }

// The exit codes of watch: 0 for a sync that has succeeded, and these.
const (
	exitFailed    = 1 // failed or partial
	exitRefused   = 2 // the API has nothing to watch
	exitCancelled = 3
	exitSignal    = 130 // Ctrl-C, as a shell has it
)

// watchCommand follows a sync until it has ended.
func watchCommand(ctx context.Context, args []string) error {
	flags, dir := newFlags("watch")
	integration := flags.String("integration", "", "its id, or its name in endpoints.json")
	sync := flags.String("sync", "", "a sync's id (default the active one)")
	user := flags.String("user", "owner", "who asks")
	if err := parse(flags, args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "exit codes: 0 succeeded, 1 failed or partial, 2 nothing to watch, 3 cancelled, 130 Ctrl-C")
		return err
	} else if err != nil {
		return exit{exitRefused, err.Error()}
	}

	if *integration == "" {
		return exit{exitRefused, "watch needs -integration"}
	}

	endpoints, err := environment.ReadEndpoints(*dir)
	if err != nil {
		return exit{exitRefused, err.Error()}
	}

	if *integration, err = idOf(endpoints, *integration); err != nil {
		return exit{exitRefused, err.Error()}
	}

	token, err := environment.SignToken(*dir, *user, "", 24*time.Hour)
	if err != nil {
		return exit{exitRefused, err.Error()}
	}

	api, err := client.New(endpoints.API, client.Token(token), client.WithTries(1), client.WithHTTPClient(&http.Client{Timeout: 15 * time.Second}))
	if err != nil {
		return exit{exitRefused, err.Error()}
	}

	run, err := watch.OnTerminal(api, os.Stdout).Follow(ctx, *integration, *sync)

	return exitOf(run, err)
}

// idOf is an integration's id, given that or its name.
func idOf(endpoints environment.Endpoints, name string) (string, error) {
	if id, named := endpoints.Integrations[name]; named {
		return id, nil
	}

	if _, err := domain.ParseSnowflake(name); err != nil {
		return "", fmt.Errorf("no integration is called %q: give an id or one of %s", name, strings.Join(slices.Sorted(maps.Keys(endpoints.Integrations)), ", "))
	}

	return name, nil
}

// exitOf is the exit code for how a sync has ended.
func exitOf(run *client.Run, err error) error {
	var refused *client.Problem
	switch {
	case errors.As(err, &refused):
		return exit{exitRefused, refused.Error()}
	case errors.Is(err, context.Canceled):
		return exit{code: exitSignal}
	case err != nil:
		return err
	case run == nil || run.Status == client.Succeeded:
		return nil
	case run.Status == client.Cancelled:
		return exit{code: exitCancelled}
	}

	return exit{code: exitFailed} // an unknown status is no success
}
