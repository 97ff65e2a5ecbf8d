package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"example.com/integrations/client"
	"example.com/integrations/local/environment"
)

// The exit code of watch is a promise to scripts.
func TestExitCodesOfWatch(t *testing.T) {
	for status, want := range map[string]int{
		client.Succeeded: 0, client.Partial: exitFailed, client.Failed: exitFailed, client.Cancelled: exitCancelled, "unheard_of": exitFailed,
	} {
		if got := code(exitOf(&client.Run{Status: status}, nil)); got != want {
			t.Errorf("%s: %d, want %d", status, got, want)
		}
	}

	for _, c := range []struct {
		err  error
		want int
	}{{nil, 0}, {context.Canceled, exitSignal}, {fmt.Errorf("asking: %w", &client.Problem{Status: 404}), exitRefused}} {
		if got := code(exitOf(nil, c.err)); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}

	for _, args := range [][]string{{}, {"-integration"}, {"-integration", "7", "-dir", t.TempDir()}, {"stray"}} {
		if got := code(watchCommand(t.Context(), args)); got != exitRefused {
			t.Errorf("%q: %d", args, got)
		}
	}
}

// Who mistypes a name is told those there are.
func TestWatchTakesANameOrAnId(t *testing.T) {
	endpoints := environment.Endpoints{Integrations: map[string]string{"slack": "9", "github": "1"}}
	for name, want := range map[string]string{"slack": "9", "1200000000000000001": "1200000000000000001"} {
		if got, err := idOf(endpoints, name); got != want || err != nil {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}

	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "endpoints.json"), []byte(`{"integrations":{"slack":"9","github":"1"}}`), 0o600); err != nil {
		t.Fatal(err)
	}

	err := watchCommand(t.Context(), []string{"-integration", "nonsense", "-dir", dir})
	if want := `no integration is called "nonsense": give an id or one of github, slack`; code(err) != exitRefused || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func code(err error) int {
	var ends exit
	if errors.As(err, &ends) {
		return ends.code
	}
	return 0
}
