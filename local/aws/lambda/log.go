package lambda

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// log is a function's log group: a file to which all of its instances write
// whole lines.
type log struct {
	mu   sync.Mutex
	file *os.File
	name string
}

func openLog(path, name string) (*log, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}

	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}

	return &log{file: file, name: name}, nil
}

func (l *log) Close() error { return l.file.Close() }

func (l *log) line(text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = fmt.Fprintf(l.file, "%s | %s\n", l.name, text)
}

func (l *log) start(id string) { l.line([]byte("START RequestId: " + id + " Version: $LATEST")) }

// A report is what Lambda measures of an invocation.
type report struct {
	took     time.Duration
	initTook time.Duration // 0 if the instance was started before
	memoryMB int           // the most that was used
	failed   error
}

// end writes the lines with which Lambda ends an invocation.
func (l *log) end(inv *invocation, f Function, r report) {
	var known *Error
	if errors.As(r.failed, &known) {
		l.line(fmt.Appendf(nil, "%s %s %s: %s", time.Now().UTC().Format(time.RFC3339), inv.id, known.Type, known.Message))
	}

	l.line([]byte("END RequestId: " + inv.id))
	text := fmt.Sprintf("REPORT RequestId: %s\tDuration: %s ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB",
		inv.id, milliseconds(r.took), (r.took + r.initTook + time.Millisecond - 1).Milliseconds(), f.MemoryMB, r.memoryMB)
	if r.initTook > 0 {
		text += "\tInit Duration: " + milliseconds(r.initTook) + " ms"
	}

	l.line([]byte(text))
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d.Microseconds())/1000) }

// lines is a stream of an instance's output.
func (l *log) lines() io.Writer { return &lineWriter{log: l} }

// maxLine is the size of one CloudWatch log event.
const maxLine = 256 << 10

// lineWriter keeps the lines of different streams apart.
type lineWriter struct {
	log  *log
	part []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.part = append(w.part, p...)
	for {
		end := bytes.IndexByte(w.part, '\n')
		if end < 0 {
			break
		}

		w.log.line(w.part[:end])
		w.part = w.part[end+1:]
	}

	if len(w.part) > maxLine {
		w.log.line(w.part)
		w.part = nil
	}

	return len(p), nil
}
