package environment

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// state is the folder in which an environment keeps its data.
type state struct {
	dir  string
	lock *os.File
}

// openState locks the folder for this process. The lock goes with the
// process, however it ends.
func openState(dir string) (*state, error) {
	if err := os.MkdirAll(filepath.Join(dir, "logs"), 0o700); err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}

	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}

	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("another environment runs in %s: stop it first, or choose another folder with DIR=…", dir)
	}

	s := &state{dir: dir, lock: lock}
	// What a killed environment left behind would send scripts to closed ports.
	for _, name := range []string{endpointsFile, controlFile} {
		if err := os.Remove(s.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			_ = lock.Close()
			return nil, err
		}
	}

	return s, nil
}

func (s *state) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

func (s *state) close() error { return s.lock.Close() }

// write replaces a file at once: a reader sees the old or the new one.
func (s *state) write(name string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return replace(s.path(name), append(data, '\n'))
}

func replace(path string, data []byte) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// read fills value from a file; one that is missing or damaged changes nothing.
func (s *state) read(name string, value any) {
	if data, err := os.ReadFile(s.path(name)); err == nil {
		_ = json.Unmarshal(data, value)
	}
}

const portsFile = "ports.json"

// listeners are the open ports, by the names in ports.json.
type listeners map[string]net.Listener

// listen opens every port: the one asked for, else the one of the last time,
// so that addresses and tokens stay good over a restart, else a free one.
func (s *state) listen(asked map[string]int) (listeners, error) {
	last := map[string]int{}
	now := map[string]int{}
	s.read(portsFile, &last)
	open := listeners{}
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		one, err := listenOn(name, asked[name], last[name])
		if err != nil {
			open.close()
			return nil, err
		}

		open[name] = one
		now[name] = open.port(name)
	}

	return open, s.write(portsFile, now)
}

func listenOn(name string, asked, last int) (net.Listener, error) {
	if asked != 0 {
		one, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(asked))
		if err != nil {
			return nil, fmt.Errorf("port %d, asked for %s, is taken or not allowed: choose another, or stop what listens there", asked, name)
		}
		return one, nil
	}

	if last != 0 {
		if one, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(last)); err == nil {
			return one, nil
		}
	}

	one, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("a free port for %s: %w", name, err)
	}

	return one, nil
}

func (l listeners) port(name string) int { return l[name].Addr().(*net.TCPAddr).Port }

func (l listeners) url(name string) string { return "http://" + l[name].Addr().String() }

// hand gives a port to another process.
func (l listeners) hand(name string) int {
	port := l.port(name)
	_ = l[name].Close()
	return port
}

func (l listeners) close() {
	for _, one := range l {
		_ = one.Close()
	}
}
