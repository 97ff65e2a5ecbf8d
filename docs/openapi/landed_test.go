package openapi

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// landed is the document that callers rely on: as it was when it was last
// handed over. `make landed` moves it.
const landed = "landed.json"

var land = flag.Bool("landed", false, "hand the document over: what callers rely on from now on")

// breaks tells what in a document breaks those who rely on another, "" for
// nothing. A major version more allows it.
func breaks(t *testing.T, old, current []byte) string {
	t.Helper()
	dir := t.TempDir()
	a := filepath.Join(dir, "old.json")
	b := filepath.Join(dir, "new.json")
	for path, text := range map[string][]byte{a: old, b: current} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	if major(t, current) > major(t, old) {
		return ""
	}

	// The levels say what our strictness adds: what a route does not know it refuses.
	tool, err := oasdiff()
	if err != nil {
		t.Fatal(err)
	}

	out, err := exec.CommandContext(t.Context(), tool, "breaking", "--flatten-params", "--fail-on", "ERR", "--severity-levels", "../../.ci/oasdiff.severity", "--color", "never", "--format", "singleline", a, b).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		return string(out)
	}

	t.Fatalf("oasdiff: %v\n%s", err, out)

	return ""
}

// oasdiff builds the tool, once, and says where it is. Its modules are apart
// from the project's.
var oasdiff = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "tool", "-n", "-modfile=../../.ci/oasdiff.mod", "oasdiff").Output()
	if err != nil {
		return "", fmt.Errorf("build oasdiff: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
})

func major(t *testing.T, document []byte) int {
	t.Helper()
	parsed, err := Parse(document)
	if err != nil {
		t.Fatal(err)
	}

	first, _, _ := strings.Cut(text(At(parsed, "info", "version")), ".")
	n, err := strconv.Atoi(first)
	if err != nil {
		t.Fatalf("info.version: %v", err)
	}

	return n
}

func read(t *testing.T) []byte {
	t.Helper()
	old, err := os.ReadFile(landed)
	if err != nil {
		t.Fatal(err)
	}
	return old
}

func document(t *testing.T) []byte {
	t.Helper()
	current, err := Document()
	if err != nil {
		t.Fatal(err)
	}
	return current
}

// Who relies on the document as it was handed over can rely on it still.
func TestNothingBreaks(t *testing.T) {
	current := document(t)
	if *land {
		if err := os.WriteFile(landed, current, 0o644); err != nil {
			t.Fatal(err)
		}
	}

	if why := breaks(t, read(t), current); why != "" {
		t.Errorf("this breaks callers; keep what was there, or raise the major of info.version:\n%s", why)
	}
}

// Handing a document over is no way round the check: it must not break who
// relied on the one before. A clone without history has nothing to compare.
func TestHandingOverBreaksNothing(t *testing.T) {
	git := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), "git", args...).Output()
		if err != nil {
			t.Skipf("no history: git %s: %v", args[0], err)
		}
		return string(out)
	}

	commits := strings.Fields(git("log", "--first-parent", "--format=%H", "--", landed))
	if len(commits) == 0 {
		t.Skip("no history of " + landed)
	}

	before := commits[0] // with what is not committed yet, HEAD's is the one before
	if git("show", before+":./"+landed) == string(read(t)) {
		if len(commits) == 1 {
			return
		}
		before = commits[1]
	}

	if why := breaks(t, []byte(git("show", before+":./"+landed)), read(t)); why != "" {
		t.Errorf("what was handed over breaks callers of the version before (%s):\n%s", before, why)
	}
}

// What breaks callers is found, and what does not is let through.
func TestWhatBreaks(t *testing.T) {
	integration := []string{"components", "schemas", "Integration"}
	change := []string{"components", "schemas", "IntegrationChange"}
	in := func(d map[string]any, path []string, members ...string) map[string]any {
		object, _ := At(At(d, path...), members...).(map[string]any)
		if object == nil {
			t.Fatalf("the document has no %v %v", path, members)
		}
		return object
	}

	without := func(list any, name string) []any {
		var left []any
		for _, one := range list.([]any) {
			if one != name {
				left = append(left, one)
			}
		}

		return left
	}
	for name, c := range map[string]struct {
		do     func(d map[string]any)
		breaks string // "" for nothing
	}{
		"a removed field": {func(d map[string]any) {
			delete(in(d, integration, "properties"), "enabled")
			in(d, integration)["required"] = without(in(d, integration)["required"], "enabled")
		}, "removed the required property `enabled`"},
		"a field that may be missing": {func(d map[string]any) {
			in(d, integration)["required"] = without(in(d, integration)["required"], "enabled")
		}, "enabled"},
		"a field of another type": {func(d map[string]any) { in(d, integration, "properties", "enabled")["type"] = "string" }, "enabled"},
		"a narrowed enumeration": {func(d map[string]any) {
			o := in(d, []string{"components", "schemas", "Outcome"})
			o["enum"] = without(o["enum"], "unknown")
		}, "unknown"},
		"a new required member": {func(d map[string]any) {
			in(d, change, "properties")["reason"] = map[string]any{"type": "string"}
			in(d, change)["required"] = []any{"reason"}
		}, "reason"},
		"a removed member of a body": {func(d map[string]any) { delete(in(d, change, "properties"), "enabled") }, "enabled"},
		"a removed route":            {func(d map[string]any) { delete(in(d, []string{"paths"}), "/integrations/{integration.id}/status") }, "removed"},
		"a removed method":           {func(d map[string]any) { delete(in(d, []string{"paths"}, "/integrations/{integration.id}"), "patch") }, "removed"},
		"a smaller page":             {func(d map[string]any) { in(d, []string{"components", "parameters", "Limit", "schema"})["maximum"] = 50 }, "50"},
		"a new required form member": {func(d map[string]any) {
			f := in(d, []string{"components", "schemas", "TeamsConfiguration"})
			f["required"] = append(f["required"].([]any), "payload")
		}, "payload"},
		"a removed parameter": {func(d map[string]any) {
			delete(in(d, []string{"paths"}, "/integrations/{integration.id}/syncs", "get"), "parameters")
		}, "limit"},
		"a new error code": {func(d map[string]any) {
			p := in(d, []string{"components", "schemas", "Problem"}, "properties", "code")
			p["enum"] = append(p["enum"].([]any), "new")
		}, ""},
		"a break with a new major": {func(d map[string]any) {
			delete(in(d, []string{"paths"}), "/integrations/{integration.id}/status")
			in(d, []string{"info"})["version"] = "3.0.0"
		}, ""},
		"a new optional member": {func(d map[string]any) { in(d, change, "properties")["note"] = map[string]any{"type": "string"} }, ""},
		"a new field":           {func(d map[string]any) { in(d, integration, "properties")["name"] = map[string]any{"type": "string"} }, ""},
		"a new route": {func(d map[string]any) {
			in(d, []string{"paths"})["/health"] = map[string]any{"get": map[string]any{"operationId": "health", "responses": map[string]any{"204": map[string]any{"description": "d"}}}}
		}, ""},
		"a new optional parameter": {func(d map[string]any) {
			get := in(d, []string{"paths"}, "/integrations/{integration.id}/status", "get")
			get["parameters"] = append(get["parameters"].([]any), map[string]any{"name": "verbose", "in": "query", "schema": map[string]any{"type": "boolean"}})
		}, ""},
		"other words": {func(d map[string]any) { in(d, integration)["description"] = "Another." }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doctored, err := Parse(document(t))
			if err != nil {
				t.Fatal(err)
			}

			c.do(doctored)
			text, err := json.Marshal(doctored)
			if err != nil {
				t.Fatal(err)
			}

			got := breaks(t, document(t), text)
			if (got == "") != (c.breaks == "") || !strings.Contains(got, c.breaks) {
				t.Errorf("breaks %q, want %q", got, c.breaks)
			}
		})
	}
}
