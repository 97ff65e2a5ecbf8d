package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"integrations/client"
)

// The exit code of watch is a promise to scripts.
func TestExitCodesOfWatch(t *testing.T) {
	for status, want := range map[string]int{
		client.Succeeded: 0, client.Partial: exitFailed, client.Failed: exitFailed, client.Cancelled: exitCancelled, "unheard_of": exitFailed,
	} {
		if got := code(verdict(&client.Run{Status: status}, nil)); got != want {
			t.Errorf("%s: %d, want %d", status, got, want)
		}
	}
	for _, c := range []struct {
		err  error
		want int
	}{{nil, 0}, {context.Canceled, exitSignal}, {fmt.Errorf("asking: %w", &client.Problem{Status: 404}), exitRefused}} {
		if got := code(verdict(nil, c.err)); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
	for _, args := range [][]string{{}, {"-integration"}, {"-integration", "7", "-dir", t.TempDir()}, {"stray"}} {
		if got := code(watchCommand(t.Context(), args)); got != exitRefused {
			t.Errorf("%q: %d", args, got)
		}
	}
}

func code(err error) int {
	var ends exit
	if errors.As(err, &ends) {
		return ends.code
	}
	return 0
}
