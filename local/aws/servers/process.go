package servers

import (
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// A Program says what to start. Nothing is inherited: Env is the whole
// environment of the child.
type Program struct {
	Path   string
	Args   []string
	Env    []string
	Dir    string
	Stdout io.Writer
	Stderr io.Writer
}

// A Child is a started process.
type Child struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// StartChild starts the program that spec describes.
//
// Every child leads a process group of its own: Ctrl-C in a terminal reaches the
// environment alone, and a child's own children end with it. On Linux the kernel also
// kills every child when this process dies, even by SIGKILL.
func StartChild(spec Program) (*Child, error) {
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Env = spec.Env
	if cmd.Env == nil {
		cmd.Env = []string{}
	}

	cmd.Dir = spec.Dir
	cmd.Stdout = spec.Stdout
	cmd.Stderr = spec.Stderr
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = time.Second
	if err := fork(cmd); err != nil {
		return nil, err
	}

	c := &Child{cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is read from State
		close(c.done)
	}()

	return c, nil
}

// PID is the process id of the child.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Done is closed when the child has ended and its output is read.
func (c *Child) Done() <-chan struct{} { return c.done }

// State says how the child ended; it is nil until Done is closed.
func (c *Child) State() *os.ProcessState {
	select {
	case <-c.done:
		return c.cmd.ProcessState
	default:
		return nil
	}
}

// Kill ends the child and its group at once and waits for the end.
func (c *Child) Kill() {
	c.signal(syscall.SIGKILL)
	<-c.done
}

// Stop asks the child to end and kills it and its group when it has not after
// the grace.
func (c *Child) Stop(grace time.Duration) {
	c.signal(syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
		c.Kill()
	}
}

// signal reaches the whole group. A child that has been waited for is left
// alone: its id may already belong to another process.
func (c *Child) signal(s syscall.Signal) {
	select {
	case <-c.done:
	default:
		_ = syscall.Kill(-c.PID(), s)
	}
}

var (
	forkOnce sync.Once
	forks    chan func()
)

// fork starts cmd from one OS thread that lives as long as this process: the
// kernel's parent-death signal is sent when the forking *thread* ends, and the
// Go runtime is free to end any other.
func fork(cmd *exec.Cmd) error {
	forkOnce.Do(func() {
		forks = make(chan func())
		go func() {
			runtime.LockOSThread()
			for f := range forks {
				f()
			}
		}()
	})

	result := make(chan error, 1)
	forks <- func() { result <- cmd.Start() }

	return <-result
}
