package secrets

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// LoadOrCreate returns the content of the file at path. Where there is none,
// it stores what create returns, readable only by its owner. The file appears
// whole or not at all; of two processes that race, both get the first one's.
func LoadOrCreate(path string, create func() ([]byte, error)) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return content, err
	}

	content, err = create()
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", filepath.Base(path), err)
	}

	if err := place(path, content); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("store %s: %w", filepath.Base(path), err)
	}

	return os.ReadFile(path)
}

// Replace stores content at path, readable only by its owner.
func Replace(path string, content []byte) error {
	return write(path, content, os.Rename)
}

// place is like Replace but fails with fs.ErrExist where a file is already.
func place(path string, content []byte) error {
	return write(path, content, os.Link)
}

func write(path string, content []byte, publish func(from, to string) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}

	// CreateTemp makes the file with mode 0600.
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}

	defer os.Remove(file.Name())
	_, err = file.Write(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}

	return publish(file.Name(), path)
}
