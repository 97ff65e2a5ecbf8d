// Command infra synthesizes the CloudFormation stack that the service is deployed as, and that the local environment is wired by.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/aws/jsii-runtime-go"
)

func main() {
	stderr := os.Stderr
	flush := filterStderr()
	err := run()
	flush()
	if err != nil {
		fmt.Fprintln(stderr, err)
		os.Exit(1)
	}
}

// run works from the module's root: that is where `cdk` and `go run ./infra` start it, and where `make build` puts the binaries.
func run() error {
	defer jsii.Close()
	if err := findNode(); err != nil {
		return err
	}

	app := newApp(nil, nil)
	settings, err := readSettings(func(name string) any { return app.Node().TryGetContext(&name) })
	if err != nil {
		return err
	}

	if _, err := newStack(app, settings, "build"); err != nil {
		return err
	}

	app.Synth(nil)

	return nil
}

// findNode reports a missing node before the first call into CDK, which is JavaScript in a node process, panics.
func findNode() error {
	if _, err := exec.LookPath("node"); err != nil && os.Getenv("JSII_NODE") == "" {
		return errors.New("infra: node is not on the PATH: CDK runs on it, install Node.js 20 or newer")
	}
	return nil
}

// filterStderr drops one line that means nothing: jsii waits for its node process in two places at once and reports the
// one that comes second as an abnormal exit. It must be called before jsii starts anything, and what it returns last.
func filterStderr() (flush func()) {
	read, write, err := os.Pipe()
	if err != nil {
		return func() {}
	}

	stderr := os.Stderr
	drained := make(chan struct{})
	os.Stderr = write
	go func() {
		defer close(drained)
		for lines := bufio.NewReader(read); ; {
			line, err := lines.ReadString('\n')
			if !strings.HasPrefix(line, "Runtime process exited abnormally:") || !strings.HasSuffix(line, "no child processes") {
				io.WriteString(stderr, line)
			}

			if err != nil {
				return
			}
		}
	}()

	return func() { write.Close(); <-drained }
}
