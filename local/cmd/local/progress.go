package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Progress is how much of a file a bus has taken. It is written after each
// call that was taken whole: a load that is interrupted between the two sends that
// call's events again. So each event goes at least once.
type Progress struct {
	path string
	// Bus and Input, the file's SHA-256, say of what it is the progress.
	Bus   string `json:"bus"`
	Input string `json:"input_sha256"`
	Sent  int    `json:"sent"`
}

// ErrOtherInput reports a file that has changed since it was begun.
var ErrOtherInput = errors.New("the file has changed since the load began")

// ReadProgress reads how far a file is at a bus; one that was not begun yet is
// at its beginning.
func ReadProgress(path, bus string, input io.Reader) (*Progress, error) {
	h := sha256.New()
	if _, err := io.Copy(h, input); err != nil {
		return nil, err
	}

	fresh := Progress{path: path, Bus: bus, Input: hex.EncodeToString(h.Sum(nil))}
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return &fresh, nil
	}
	if err != nil {
		return nil, err
	}

	p := Progress{path: path}
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}

	if p.Bus != bus || p.Input != fresh.Input {
		return nil, fmt.Errorf("%w: remove %s to begin anew", ErrOtherInput, path)
	}

	return &p, nil
}

// Write replaces the file at once, so that it is never half written.
func (p *Progress) Write(sent int) error {
	p.Sent = sent
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}

	f, err := os.CreateTemp(filepath.Dir(p.path), filepath.Base(p.path)+".*")
	if err != nil {
		return err
	}

	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), p.path)
	}

	if err != nil {
		_ = os.Remove(f.Name())
	}

	return err
}
