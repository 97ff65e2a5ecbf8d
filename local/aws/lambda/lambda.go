// Package lambda runs functions as AWS Lambda does: the real binaries, driven
// through the Runtime API.
//
// An instance handles one event at a time. A function scales out to a cap,
// keeps idle instances for reuse, starts a new one after a crash, and is
// killed when it overruns its timeout.
package lambda

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	// MaxPayload is the most bytes an invocation carries.
	MaxPayload = 6 << 20
	// MaxResponse is the most bytes an invocation answers.
	MaxResponse = MaxPayload + 100

	initWithin  = 10 * time.Second
	defaultIdle = 5 * time.Minute
	defaultCap  = 10
)

// ErrThrottled says that a function already runs as many instances as it may.
var ErrThrottled = errors.New("rate exceeded: every instance is busy")

// ErrStopped says that the functions are being shut down.
var ErrStopped = errors.New("the functions are stopped")

// An Error is the failure of a function: what it returned, or what became of
// it.
type Error struct {
	Type    string
	Message string
	// Payload is the error as the function's caller sees it, in JSON.
	Payload []byte
}

func (e *Error) Error() string { return e.Type + ": " + e.Message }

// A Function is what to run.
type Function struct {
	// Name is what callers invoke it by, LogName what its log is called.
	Name, LogName string
	ARN           string
	Binary        string
	Environment   map[string]string
	Timeout       time.Duration
	MemoryMB      int
	// Instances caps how many run at once; 0 is what a new AWS account has in all.
	Instances int
}

// Config says what to run and how.
type Config struct {
	Functions []Function
	Region    string
	// Extra goes into every function's environment and wins over its own.
	Extra map[string]string
	// LogDir takes one file per function.
	LogDir string
	// Idle is how long an instance without work lives; 0 is five minutes.
	Idle time.Duration
}

// A Service runs functions.
type Service struct {
	pools map[string]*pool
	stop  context.CancelFunc
	ended context.Context

	mu   sync.RWMutex // written by Stop, so that no work begins after it
	busy sync.WaitGroup
}

// New returns a service that has started nothing yet: the first call of a
// function does.
func New(config Config) (*Service, error) {
	if config.Idle == 0 {
		config.Idle = defaultIdle
	}

	s := &Service{pools: map[string]*pool{}}
	s.ended, s.stop = context.WithCancel(context.Background())
	for _, f := range config.Functions {
		if f.Instances == 0 {
			f.Instances = defaultCap
		}

		if f.LogName == "" {
			f.LogName = f.Name
		}

		log, err := openLog(filepath.Join(config.LogDir, f.LogName+".log"), f.LogName)
		if err != nil {
			s.Stop()
			return nil, fmt.Errorf("function %s: %w", f.Name, err)
		}

		s.pools[f.Name] = &pool{function: f, config: config, log: log, all: map[*instance]bool{}}
	}

	return s, nil
}

// Invoke calls a function and returns what it answered. The error is an
// *Error when the function failed, ErrThrottled when it had no instance to
// spare. The end of ctx ends the waiting, not the invocation.
func (s *Service) Invoke(ctx context.Context, name string, payload []byte) ([]byte, error) {
	p, ok := s.pools[name]
	if !ok {
		return nil, fmt.Errorf("function %s: %w", name, os.ErrNotExist)
	}
	if len(payload) > MaxPayload {
		return nil, tooLarge
	}

	done, err := s.begin(p, payload)
	if err != nil {
		return nil, err
	}

	select {
	case out := <-done:
		return out.answer, out.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *Service) begin(p *pool, payload []byte) (<-chan outcome, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.ended.Err() != nil {
		return nil, ErrStopped
	}

	instance, err := p.acquire()
	if err != nil {
		return nil, err
	}

	done := make(chan outcome, 1)
	s.busy.Go(func() { done <- p.run(s.ended, instance, payload) })

	return done, nil
}

// tooLarge has the words of RequestTooLargeException.
var tooLarge = &Error{
	Type:    "RequestTooLargeException",
	Message: fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", MaxPayload),
}

// PIDs gives the process ids of each function's live instances.
func (s *Service) PIDs() map[string][]int {
	out := map[string][]int{}
	for _, p := range s.pools {
		pids := p.pids()
		slices.Sort(pids)
		out[p.function.LogName] = pids
	}

	return out
}

// Stop kills every instance; invocations under way fail.
func (s *Service) Stop() {
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	for _, p := range s.pools {
		p.close()
	}

	s.busy.Wait()
	for _, p := range s.pools {
		_ = p.log.Close()
	}
}
