package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/integrations/local/live"
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

	short := filepath.Join(dir, "short.json")
	good := filepath.Join(dir, "good.json")
	other := filepath.Join(dir, "other.json")
	for file, text := range map[string]string{
		short: `{"base_url":"https://mantis.example","project":"Work","token":"abc"}`,
		good:  `{"base_url":"https://mantis.example","project":"Work","token":"` + secret + `"}`,
		other: `{"base_url":"https://mantis.example","project":"Play","token":"another-` + secret + `"}`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	with := func(person string) []string {
		return []string{"-provider", "mantisbt", "-config", good, "-person", person}
	}

	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"the same token":    {with(good), "the second configuration, in " + good + ": its token is that of the first configuration"},
		"another place":     {with(other), "the second configuration, in " + other + ": it leads to another place"},
		"a wrong second":    {with(config), "the second configuration, in " + config + ": "},
		"no second file":    {with(filepath.Join(dir, "none.json")), "no such file"},
		"nothing":           {nil, "live needs -provider and -config, or -fake"},
		"no configuration":  {[]string{"-provider", "mantisbt"}, "CONFIG is missing"},
		"another provider":  {[]string{"-provider", "Mantisbt", "-config", config}, `no provider "Mantisbt", they are discord, github`},
		"both":              {[]string{"-provider", "mantisbt", "-config", config, "-fake", "github"}, "FAKE goes without PROVIDER"},
		"no provider":       {[]string{"-config", config}, "PROVIDER is missing"},
		"no folder":         {[]string{"-provider", "mantisbt", "-config", good, "-record", filepath.Join(config, "to")}, "nothing can be recorded in"},
		"a short secret":    {[]string{"-provider", "mantisbt", "-config", short, "-record", dir}, "shorter than 6 bytes"},
		"no such file":      {[]string{"-provider", "mantisbt", "-config", filepath.Join(dir, "none.json")}, "no such file"},
		"a wrong address":   {[]string{"-provider", "mantisbt", "-config", config}, "base_url"},
		"no environment":    {[]string{"-fake", "github", "-dir", dir}, "make run"},
		"an argument alone": {[]string{"github"}, "takes no argument"},
	} {
		err := liveCommand(t.Context(), tt.args)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A recording may hold the texts of other people where YES=1 lets the trial into
// their place.
func TestLiveWarnsOfTextsOfOthers(t *testing.T) {
	for _, tt := range []struct {
		yes    bool
		record string
		warns  bool
	}{{true, "folder", true}, {true, "", false}, {false, "folder", false}, {false, "", false}} {
		said := ofOthers(tt.yes, tt.record)
		if tt.warns != strings.Contains(said, "their texts can be in the recording") || !tt.warns && said != "" {
			t.Errorf("%+v: %q", tt, said)
		}
	}

	// The command says it before the first call: here the trial may make none.
	dir := t.TempDir()
	config := filepath.Join(dir, "config.json")
	if err := os.WriteFile(config, []byte(`{"base_url":"https://mantis.example","project":"Work","token":"`+strings.Repeat("s", 32)+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}

	said, err := os.Create(filepath.Join(dir, "stderr"))
	if err != nil {
		t.Fatal(err)
	}

	usual := os.Stderr
	os.Stderr = said
	t.Cleanup(func() { os.Stderr = usual })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := liveCommand(ctx, []string{"-provider", "mantisbt", "-config", config, "-yes", "-record", filepath.Join(dir, "to")}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}

	text, err := os.ReadFile(said.Name())
	if err != nil || string(text) != ofOthers(true, dir) {
		t.Errorf("%q %v", text, err)
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
