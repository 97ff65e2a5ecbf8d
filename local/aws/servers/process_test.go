package servers_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/integrations/local/aws/servers"
)

// init keeps the main thread for the main goroutine: it is the one thread that
// Go never ends.
func init() { runtime.LockOSThread() }

// TestMain lets the test binary play the parent that is killed.
func TestMain(m *testing.M) {
	if os.Getenv("PLAY") == "parent" {
		// Started from another goroutine: the thread that asks is not the one
		// that forks, and may end.
		done := make(chan *servers.Child)
		go func() {
			runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
			child, err := servers.StartChild(servers.Program{Path: "/bin/sleep", Args: []string{"3600"}})
			if err != nil {
				panic(err)
			}

			done <- child
		}()

		child := <-done
		time.Sleep(50 * time.Millisecond)
		fmt.Println(child.PID(), child.State() == nil)
		select {}
	}

	os.Exit(m.Run())
}

// generous is a time that no step of a test comes near on a slow machine: a
// test waits that long only when it fails.
const generous = 2 * time.Minute

func alive(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}

	after := string(status[bytes.LastIndexByte(status, ')')+1:])
	return !strings.HasPrefix(strings.TrimSpace(after), "Z")
}

func TestNoChildOutlivesAKilledParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux kills the children of a killed process")
	}

	parent := exec.Command(os.Args[0])
	parent.Env = []string{"PLAY=parent"}
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}

	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}

	var pid int
	var running bool
	if _, err := fmt.Fscan(out, &pid, &running); err != nil || !running || !alive(pid) {
		t.Fatalf("child %d did not outlast the thread that asked for it: %v", pid, err)
	}

	_ = parent.Process.Kill()
	_ = parent.Wait()
	for deadline := time.Now().Add(generous); alive(pid); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatalf("child %d outlived its parent", pid)
		}
	}
}

func TestTheGroupEndsWithTheChild(t *testing.T) {
	var out syncBuffer
	child, err := servers.StartChild(servers.Program{
		Path: "/bin/sh", Args: []string{"-c", "/bin/sleep 3600 & echo $!; wait"}, Stdout: &out,
	})
	if err != nil {
		t.Fatal(err)
	}

	var grandchild int
	for deadline := time.Now().Add(generous); grandchild == 0; time.Sleep(time.Millisecond) {
		_, _ = fmt.Sscan(out.String(), &grandchild)
		if time.Now().After(deadline) {
			t.Fatal("no grandchild")
		}
	}

	child.Kill()
	for deadline := time.Now().Add(generous); alive(grandchild); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the grandchild lives")
		}
	}
}

func TestStopIsPatientOnlySoLong(t *testing.T) {
	deaf, err := servers.StartChild(servers.Program{Path: "/bin/sh", Args: []string{"-c", "trap '' TERM; while :; do /bin/sleep 1; done"}})
	if err != nil {
		t.Fatal(err)
	}

	deaf.Stop(20 * time.Millisecond)
	if state := deaf.State(); state == nil || state.Success() {
		t.Errorf("state %v", state)
	}

	polite, err := servers.StartChild(servers.Program{Path: "/bin/sleep", Args: []string{"3600"}})
	if err != nil {
		t.Fatal(err)
	}

	stopped := make(chan struct{})
	go func() {
		polite.Stop(time.Hour)
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-time.After(generous):
		t.Error("a process that ends when asked was waited for")
	}

	polite.Kill() // once more is nothing
}

func TestNothingIsInherited(t *testing.T) {
	t.Setenv("HOST_SECRET", "x")
	var out syncBuffer
	child, err := servers.StartChild(servers.Program{Path: "/usr/bin/env", Stdout: &out})
	if err != nil {
		t.Fatal(err)
	}

	<-child.Done()
	if out.String() != "" {
		t.Errorf("inherited %q", out.String())
	}

	if _, err := servers.StartChild(servers.Program{Path: "/nowhere"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a program that is not there: %v", err)
	}
}
