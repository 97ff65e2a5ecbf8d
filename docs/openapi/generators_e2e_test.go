//go:build e2e

package openapi

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// root is the folder of the module.
const root = "../.."

// A service is what endpoints.json says of a running local environment.
type service struct {
	API           string
	Tokens        map[string]string
	Organisations map[string]string
	Integrations  map[string]string
}

// running starts the whole service by make run, in a folder of its own.
func running(t *testing.T) service {
	t.Helper()
	dir := t.TempDir()
	run := exec.Command("make", "run", "DIR="+dir)
	run.Dir = root
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var said strings.Builder
	run.Stdout = &said
	run.Stderr = &said
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}

	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(-run.Process.Pid, syscall.SIGINT)
		<-ended
	})

	limited, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	for {
		text, err := os.ReadFile(filepath.Join(dir, "endpoints.json"))
		var s service
		if err == nil && json.Unmarshal(text, &s) == nil {
			return s
		}

		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("make run: %v\n%s", err, said.String())
		case <-limited.Done():
			t.Fatal("make run is not ready after ten minutes")
		case <-time.After(time.Second):
		}
	}
}

// copied is a folder with the sources of a test client and the document.
func copied(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "generators", name))); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(dir, "openapi.json"), document(t), 0o600); err != nil {
		t.Fatal(err)
	}

	return dir
}

// do runs a command in a folder.
func do(t *testing.T, dir string, command ...string) string {
	t.Helper()
	run := exec.CommandContext(t.Context(), command[0], command[1:]...)
	run.Dir = dir
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command[0], err, out)
	}

	return string(out)
}

// Clients that generators make of the document are compiled, and work with the
// running service: they list, check and sync an integration and read an error.
func TestGeneratedClients(t *testing.T) {
	service := running(t)
	use := []string{service.API, service.Tokens["manager"], service.Organisations["sample"], service.Integrations["github"]}
	wanted := "problem: integration_not_found https://example.com/integrations/docs/errors.md#integration_not_found"

	t.Run("oapi-codegen", func(t *testing.T) {
		dir := copied(t, "go")
		do(t, dir, "go", "tool", "oapi-codegen", "-generate", "types,client", "-package", "main", "-o", "client.go", "openapi.json")
		do(t, dir, "go", "build", "-o", "generated", ".")

		said := do(t, dir, append([]string{"./generated"}, use...)...)
		if !strings.Contains(said, wanted) {
			t.Error(said)
		}
	})

	t.Run("openapi-typescript", func(t *testing.T) {
		modules, err := filepath.Abs(filepath.Join(root, "node_modules"))
		if err != nil {
			t.Fatal(err)
		}

		dir := copied(t, "typescript")
		if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
			t.Fatal(err)
		}

		bin := filepath.Join(modules, ".bin")
		do(t, dir, filepath.Join(bin, "openapi-typescript"), "openapi.json", "--default-non-nullable=false", "-o", "api.d.ts")
		do(t, dir, filepath.Join(bin, "tsc"), "-p", ".")

		said := do(t, dir, append([]string{"node", "out/main.js"}, use...)...)
		if !strings.Contains(said, wanted) {
			t.Error(said)
		}
	})
}
