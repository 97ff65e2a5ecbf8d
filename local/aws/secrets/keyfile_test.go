package secrets

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestLoadOrCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "key")
	first, err := LoadOrCreate(path, func() ([]byte, error) { return []byte("one"), nil })
	if err != nil || string(first) != "one" {
		t.Fatalf("got %q, %v", first, err)
	}

	second, err := LoadOrCreate(path, func() ([]byte, error) { return nil, errors.New("made again") })
	if err != nil || string(second) != "one" {
		t.Fatalf("second time: got %q, %v", second, err)
	}

	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v, want 0600", info.Mode(), err)
	}

	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left over: %v", entries)
	}
}

func TestCreateFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	want := errors.New("no entropy")
	if _, err := LoadOrCreate(path, func() ([]byte, error) { return nil, want }); !errors.Is(err, want) {
		t.Fatalf("got %v", err)
	}

	if _, err := os.Stat(path); err == nil {
		t.Error("a file was left")
	}
}

func TestRaceHasOneWinner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	var all sync.WaitGroup
	got := make([]string, 16)
	for i := range got {
		all.Go(func() {
			content, _ := LoadOrCreate(path, func() ([]byte, error) { return []byte{'a' + byte(i)}, nil })
			got[i] = string(content)
		})
	}

	all.Wait()
	for _, one := range got {
		if one != got[0] || one == "" {
			t.Fatalf("different contents: %q", got)
		}
	}
}
