// Package providers holds what the fake servers of the providers share: a journal that
// survives a crash, a log of the writes that they received, and the check of requests
// and answers against a provider's own OpenAPI description.
package providers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// A Journal is a file of JSON lines that only grows. A line is handed to the
// kernel before Append returns, so it survives the death of the process.
type Journal struct {
	lock sync.Mutex
	file *os.File
	size int64
}

// OpenJournal opens the journal at path and creates it if it does not exist. It calls
// replay for every line, oldest first. It drops a last line that a crash cut short:
// that line was never acknowledged.
func OpenJournal(path string, replay func(line []byte) error) (*Journal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("journal %s: %w", path, err)
	}

	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal %s: %w", path, err)
	}

	journal := &Journal{file: file}
	if err := journal.replay(replay); err != nil {
		return nil, errors.Join(fmt.Errorf("journal %s: %w", path, err), file.Close())
	}

	return journal, nil
}

func (j *Journal) replay(each func(line []byte) error) error {
	content, err := io.ReadAll(j.file)
	if err != nil {
		return err
	}

	for number := 1; ; number++ {
		end := bytes.IndexByte(content, '\n')
		if end < 0 {
			break
		}

		if err := each(content[:end]); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}

		content = content[end+1:]
		j.size = j.size + int64(end) + 1
	}

	return j.rewind()
}

// rewind cuts off what follows the last whole line.
func (j *Journal) rewind() error {
	if err := j.file.Truncate(j.size); err != nil {
		return err
	}
	_, err := j.file.Seek(j.size, io.SeekStart)
	return err
}

// Append adds a line.
func (j *Journal) Append(entry any) error {
	line, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}

	j.lock.Lock()
	defer j.lock.Unlock()
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return errors.Join(fmt.Errorf("journal: %w", err), j.rewind())
	}

	j.size += int64(len(line)) + 1

	return nil
}

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }
