package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"integrations/local/live"
)

// What is wrong with the command line or the configuration is said before any
// call, and without the secrets.
func TestLiveCommandRefuses(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "config.json")
	secret := "a-secret-" + strings.Repeat("s", 20)
	if err := os.WriteFile(config, []byte(`{"base_url":"http://mantis.example","project":"Work","token":"`+secret+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}

	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"nothing":           {nil, "live needs -provider and -config, or -standin"},
		"no configuration":  {[]string{"-provider", "mantisbt"}, "live needs -provider and -config, or -standin"},
		"another provider":  {[]string{"-provider", "trello", "-config", config}, "live needs -provider and -config, or -standin"},
		"both":              {[]string{"-provider", "mantisbt", "-config", config, "-standin", "github"}, "live needs -provider and -config, or -standin"},
		"no such file":      {[]string{"-provider", "mantisbt", "-config", filepath.Join(dir, "none.json")}, "no such file"},
		"a wrong address":   {[]string{"-provider", "mantisbt", "-config", config}, "base_url"},
		"no environment":    {[]string{"-standin", "github", "-dir", dir}, "make run"},
		"an argument alone": {[]string{"github"}, "takes no argument"},
	} {
		err := liveCommand(t.Context(), tt.args)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLiveTable(t *testing.T) {
	var out bytes.Buffer
	broken := printed(&out, []live.Row{
		{Promise: "one", Outcome: live.Kept, Detail: "after 1s"}, {Promise: "the second", Outcome: live.Broken, Detail: "why"}, {Promise: "three", Outcome: live.NotTried},
	})
	want := "one         kept       after 1s\nthe second  BROKEN     why\nthree       not tried  \n"
	if broken != 1 || out.String() != want {
		t.Errorf("%d broken:\n%s", broken, out.String())
	}
}

// A person is asked in words, and the trial goes on at Enter, or ends with its
// context.
func TestAsking(t *testing.T) {
	var out bytes.Buffer
	ask := asking(strings.NewReader("\n"), &out)
	if err := ask(t.Context(), "Rename it"); err != nil || out.String() != "Rename it, then press Enter: " {
		t.Errorf("%v, %q", err, out.String())
	}
	if err := ask(t.Context(), "Once more"); err == nil {
		t.Error("the input has ended")
	}

	waiting, _, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := asking(waiting, &out)(ctx, "Never"); err != context.Canceled {
		t.Error(err)
	}
}
