// Package servers runs child processes that end with this one: the DynamoDB- and
// SQS-compatible servers that npm installs, and the programs that its callers start.
// It also creates in the servers the tables and queues of a template.
package servers

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// ErrNotInstalled says that the servers are not in node_modules.
var ErrNotInstalled = errors.New("the local DynamoDB and SQS servers are not installed: run `npm ci` (make test and make run do)")

//go:embed fauxqs.mjs
var fauxqs string

const (
	readyWithin = 30 * time.Second
	stopGrace   = time.Second
)

// Options say how to start a server.
type Options struct {
	// Root is the folder with node_modules.
	Root string
	// Port to listen on; 0 takes a free one.
	Port int
	// Database is the file the tables live in; without one they live in memory.
	Database string
	// Log takes the server's own output; nil drops it.
	Log io.Writer
}

// A Server is a running one.
type Server struct {
	Endpoint string
	child    *Child
}

// Done is closed when the server has ended, asked or not.
func (s *Server) Done() <-chan struct{} { return s.child.Done() }

// Stop ends the server.
func (s *Server) Stop() { s.child.Stop(stopGrace) }

// StartDynamoDB starts a DynamoDB-compatible server and waits until it
// listens.
func StartDynamoDB(ctx context.Context, o Options) (*Server, error) {
	path, err := dynoxide(o.Root)
	if err != nil {
		return nil, err
	}

	return start(ctx, o, func(port string) Program {
		args := []string{"serve", "--host", "127.0.0.1", "--port", port}
		if o.Database != "" {
			args = append(args, "--db-path", o.Database)
		}
		return Program{Path: path, Args: args, Dir: o.Root}
	})
}

// StartSQS starts an SQS-compatible server and waits until it listens.
func StartSQS(ctx context.Context, o Options) (*Server, error) {
	if err := SQSInstalled(o.Root); err != nil {
		return nil, err
	}

	node, err := exec.LookPath("node")
	if err != nil {
		return nil, errors.New("node is not on the PATH: install Node.js 20 or newer")
	}

	return start(ctx, o, func(port string) Program {
		args := []string{"--input-type=module", "-e", fauxqs, port}
		return Program{Path: node, Args: args, Dir: o.Root}
	})
}

// DynamoDBInstalled reports, in one sentence, what StartDynamoDB would miss.
func DynamoDBInstalled(root string) error {
	_, err := dynoxide(root)
	return err
}

// SQSInstalled reports, in one sentence, what StartSQS would miss.
func SQSInstalled(root string) error {
	if _, err := os.Stat(filepath.Join(root, "node_modules", "fauxqs")); err != nil {
		return ErrNotInstalled
	}
	return nil
}

func dynoxide(root string) (string, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return "", fmt.Errorf("no DynamoDB-compatible server is packaged for %s/%s: set DYNAMODB_ENDPOINT to one of your own", runtime.GOOS, runtime.GOARCH)
	}

	path := filepath.Join(root, "node_modules", "@dynoxide", "linux-x64", "dynoxide")
	if _, err := os.Stat(path); err != nil {
		return "", ErrNotInstalled
	}

	return path, nil
}

// start runs the server, again on another port when the free one it was given
// was taken meanwhile.
func start(ctx context.Context, o Options, spec func(port string) Program) (*Server, error) {
	attempts := 1
	if o.Port == 0 {
		attempts = 5
	}

	var err error
	for range attempts {
		port := o.Port
		if port == 0 {
			if port, err = freePort(); err != nil {
				return nil, err
			}
		}

		var server *Server
		if server, err = startOn(ctx, port, o.Log, spec(strconv.Itoa(port))); err == nil {
			return server, nil
		}
	}

	return nil, err
}

func startOn(ctx context.Context, port int, log io.Writer, spec Program) (*Server, error) {
	endpoint := "http://127.0.0.1:" + strconv.Itoa(port)
	said := &output{announcement: endpoint, announced: make(chan struct{}), log: log}
	spec.Stdout = said
	spec.Stderr = said
	child, err := StartChild(spec)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(spec.Path), err)
	}

	if err := ready(ctx, said, child); err != nil {
		child.Kill()
		return nil, fmt.Errorf("%s on port %d: %w: %s", filepath.Base(spec.Path), port, err, said.text())
	}

	return &Server{Endpoint: endpoint, child: child}, nil
}

// ready waits until the server prints that it listens. Asking the port would not
// do: on one that is taken, another process answers.
func ready(ctx context.Context, said *output, child *Child) error {
	timer := time.NewTimer(readyWithin)
	defer timer.Stop()
	select {
	case <-said.announced:
		return nil
	case <-child.Done():
		return errors.New("ended at its start")
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return fmt.Errorf("not ready after %s", readyWithin)
	}
}

// Root is the project's folder: the nearest one above the working directory with a go.mod.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}

	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}

		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("the working directory is not inside the project: no go.mod above it")
		}

		dir = parent
	}
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}

	port := listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}

// output is what a server prints: its first lines are kept for the message when
// it does not start.
type output struct {
	announcement string
	announced    chan struct{}
	log          io.Writer

	mu    sync.Mutex
	first bytes.Buffer
	told  bool
}

const maxFirst = 2048

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if room := maxFirst - o.first.Len(); room > 0 {
		o.first.Write(p[:min(room, len(p))])
		if !o.told && bytes.Contains(o.first.Bytes(), []byte(o.announcement)) {
			o.told = true
			close(o.announced)
		}
	}

	if o.log != nil {
		_, _ = o.log.Write(p)
	}

	return len(p), nil
}

func (o *output) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(bytes.TrimSpace(o.first.Bytes()))
}
