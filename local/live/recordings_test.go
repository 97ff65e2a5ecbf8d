package live

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/integrations/local/recording"
	"example.com/integrations/shared/domain"
)

// held holds the fake server of a provider against a recording of a real server, with
// its configuration beside it. Differences that are known stand in a file of lines
// beside it too, so that a new one, and one that is gone, are noticed.
func held(ctx context.Context, path string, provider domain.Provider) ([]string, error) {
	lines, err := os.Open(path)
	if err != nil {
		return nil, err
	}

	defer func() { _ = lines.Close() }()
	all, err := recording.Read(lines)
	if err != nil {
		return nil, err
	}

	base := strings.TrimSuffix(path, ".jsonl")
	configuration, err := os.ReadFile(base + ".json")
	if err != nil {
		return nil, err
	}

	found, err := Compare(ctx, provider, string(configuration), all, false)
	if err != nil {
		return nil, err
	}

	var wrong []string
	known, _ := os.ReadFile(base + ".differences")
	listed := strings.Split(strings.TrimSpace(string(known)), "\n")
	now := Grouped(found)
	for _, one := range now {
		if !slices.Contains(listed, one) {
			wrong = append(wrong, "new: "+one)
		}
	}

	for _, one := range listed {
		if one != "" && !slices.Contains(now, one) {
			wrong = append(wrong, "gone: "+one)
		}
	}

	return wrong, nil
}

// Each recording of a trial that somebody has contributed.
func TestContributedRecordings(t *testing.T) {
	all, err := filepath.Glob("../providers/*/testdata/recordings/*.jsonl")
	if err != nil {
		t.Fatal(err)
	}

	if len(all) == 0 {
		t.Skip("no recording has been contributed yet (docs/guides/live.md)")
	}

	for _, path := range all {
		provider := domain.Provider(strings.Split(filepath.ToSlash(path), "/")[2])
		wrong, err := held(t.Context(), path, provider)
		if err != nil {
			t.Fatal(err)
		}

		for _, one := range wrong {
			t.Errorf("%s: %s", path, one)
		}
	}
}

// A recording is held against the fake server: a difference that is not listed is
// wrong, and so is one that is listed and gone.
func TestARecordingIsHeldAgainstTheFakeServer(t *testing.T) {
	token := "gh" + "p_" + strings.Repeat("s", 36)
	config := `{"owner":"real-company","repo":"secret-plans","base_url":"https://` + server + `/api/v3","token":"` + token + `","templates":{"title":"Maria: {title}"}}`
	line, err := Open(domain.GitHub, config, serve(t, token))
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = line.Close() })
	trial := &Trial{Connector: line.Connector, Wire: line.Wire, Recorder: line.Recorder, Clock: &waiting{}}
	if _, err := trial.Run(t.Context()); err != nil {
		t.Fatal(err)
	}

	var file bytes.Buffer
	if err := line.Save(&file); err != nil {
		t.Fatal(err)
	}

	public, err := line.Configuration()
	if err != nil {
		t.Fatal(err)
	}

	for _, hidden := range []string{token, server, "real-company", "secret-plans", "Maria"} {
		if strings.Contains(public, hidden) {
			t.Errorf("%s is in %s", hidden, public)
		}
	}

	path := filepath.Join(t.TempDir(), "one.jsonl")
	write := func(ending, text string) {
		t.Helper()
		if err := os.WriteFile(strings.TrimSuffix(path, ".jsonl")+ending, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	write(".json", public)
	changed := strings.Replace(file.String(), `"state":"open"`, `"state":7`, 1)
	for name, tt := range map[string]struct{ lines, known, want string }{
		"alike":               {file.String(), "", "[]"},
		"a difference":        {changed, "", "new: "},
		"listed":              {changed, "the member state is a number, the fake server's is a string (an-object-is-created-and-read-as-it-was-sent)\n", "[]"},
		"listed, and is gone": {file.String(), "the status is 201, the fake server's is 200 (close)\n", "gone: "},
	} {
		write(".jsonl", tt.lines)
		write(".differences", tt.known)
		wrong, err := held(t.Context(), path, domain.GitHub)
		if err != nil || !strings.Contains(fmt.Sprint(wrong), tt.want) {
			t.Errorf("%s: %v, %v", name, wrong, err)
		}
	}
}
