package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"integrations/local/environment"
	"integrations/local/watch"
	"integrations/shared/domain"
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
	exitRefused   = 2 // the API says there is nothing to watch
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
	if id, named := endpoints.Integrations[*integration]; named {
		*integration = id
	}
	token, err := environment.SignToken(*dir, *user, "", 24*time.Hour)
	if err != nil {
		return exit{exitRefused, err.Error()}
	}
	w := &watch.Watcher{
		API: endpoints.API, Token: token, Client: &http.Client{Timeout: 15 * time.Second}, Out: os.Stdout, Now: time.Now, Sleep: sleep,
	}
	if _, err := columns(); err == nil {
		w.Width = func() int { n, _ := columns(); return n }
	}
	run, err := w.Follow(ctx, *integration, *sync)
	return verdict(run, err)
}

// verdict is the exit code for how a sync has ended.
func verdict(run *domain.Run, err error) error {
	var refused *watch.Refusal
	switch {
	case errors.As(err, &refused):
		return exit{exitRefused, refused.Error()}
	case errors.Is(err, context.Canceled):
		return exit{code: exitSignal}
	case err != nil:
		return err
	case run == nil || run.Status == domain.Succeeded:
		return nil
	case run.Status == domain.Cancelled:
		return exit{code: exitCancelled}
	}
	return exit{code: exitFailed} // a status nobody has heard of is no success
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// columns is how wide the terminal is; an error where there is none.
func columns() (int, error) {
	size, err := unix.IoctlGetWinsize(int(os.Stdout.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, fmt.Errorf("no terminal: %w", err)
	}
	const usual = 80 // some terminals do not tell
	if size.Col == 0 {
		return usual, nil
	}
	return int(size.Col), nil
}
