//go:build e2e

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"example.com/integrations/local/environment"
)

// A running is an environment in a process of its own.
type running struct {
	cmd *exec.Cmd
	dir string
}

func buildLocal(t *testing.T, bin string) {
	t.Helper()
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
}

func runLocal(t *testing.T, bin, dir string) *running {
	t.Helper()
	cmd := exec.Command(bin, "run", "-dir", dir, "-minute", "2s")
	cmd.Dir = "../../.."
	cmd.Stdout = os.Stderr
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = cmd.Process.Kill() })

	return &running{cmd: cmd, dir: dir}
}

// connect waits until the environment is ready.
func (p *running) connect(t *testing.T) *target {
	t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		var e target
		control, err := environment.ReadControl(p.dir)
		// The files of a killed environment are there still: only this
		// process's count.
		if err == nil && control.PID == p.cmd.Process.Pid && readJSON(filepath.Join(p.dir, "endpoints.json"), &e.Endpoints) == nil {
			e.Control = control
			return &e
		}

		time.Sleep(100 * time.Millisecond)
	}

	t.Fatal("the environment does not get ready")

	return nil
}

func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

func (p *running) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait()
}

func (p *running) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	if err := p.cmd.Wait(); err != nil {
		t.Errorf("stopped with %v", err)
	}
}
