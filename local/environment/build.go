package environment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"

	"example.com/integrations/local/aws/servers"
)

// checkTools reports a missing tool before anything is started.
func checkTools() error {
	if _, err := exec.LookPath("go"); err != nil {
		return errors.New("go is not on the PATH: install Go 1.26 or newer")
	}

	if _, err := exec.LookPath("node"); err != nil {
		return errors.New("node is not on the PATH: install Node.js 20 or newer")
	}

	return nil
}

// functions lists the folders of the functions.
func functions(root string) ([]string, error) {
	mains, err := filepath.Glob(filepath.Join(root, "functions", "*", "main.go"))
	if err != nil || len(mains) == 0 {
		return nil, errors.New("there is no function under functions/")
	}

	names := make([]string, len(mains))
	for i, main := range mains {
		names[i] = filepath.Base(filepath.Dir(main))
	}

	return names, nil
}

// binary is where a function's binary for this host is.
func binary(root, function string) string {
	return filepath.Join(root, "build", runtime.GOARCH, function, "bootstrap")
}

// build makes the functions' binaries for this host, with the flags of those
// that are deployed. Environments that start side by side share them, so only
// one builds at a time.
func build(ctx context.Context, root string) error {
	names, err := functions(root)
	if err != nil {
		return err
	}

	unlock, err := lockBuild(root, "functions")
	if err != nil {
		return err
	}

	defer unlock()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU())
	for _, name := range names {
		group.Go(func() error {
			return command(ctx, root, []string{"CGO_ENABLED=0", "GOARCH=" + runtime.GOARCH}, "go", "build", "-buildvcs=false", "-trimpath",
				"-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", binary(root, name), "./functions/"+name)
		})
	}

	return group.Wait()
}

func lockBuild(root, what string) (func(), error) {
	dir := filepath.Join(root, "build", runtime.GOARCH)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}

	lock, err := os.OpenFile(filepath.Join(dir, "."+what+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}

	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		_ = lock.Close()
		return nil, err
	}

	return func() { _ = lock.Close() }, nil
}

// command runs a tool to its end, or to that of ctx, with its output in the
// error.
func command(ctx context.Context, dir string, env []string, name string, args ...string) error {
	path, err := exec.LookPath(name)
	if err != nil {
		return fmt.Errorf("%s is not on the PATH", name)
	}

	var said bytes.Buffer
	child, err := servers.StartChild(servers.Program{
		Path: path, Args: args, Dir: dir, Env: append(os.Environ(), env...), Stdout: &said, Stderr: &said,
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}

	select {
	case <-child.Done():
	case <-ctx.Done():
		child.Kill()
		return ctx.Err()
	}

	if !child.State().Success() {
		return fmt.Errorf("%s %s: %s\n%s", filepath.Base(name), args[0], child.State(), strings.TrimSpace(said.String()))
	}

	return nil
}
