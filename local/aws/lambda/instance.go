package lambda

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/integrations/local/aws/servers"
)

// An invocation is one event on its way through an instance.
type invocation struct {
	id       string
	trace    string
	payload  []byte
	deadline time.Time
	// answered takes the first answer.
	answered chan outcome
}

func newInvocation(payload []byte) *invocation {
	return &invocation{id: uuid(), trace: traceHeader(), payload: payload, answered: make(chan outcome, 1)}
}

// instance is one execution environment: a process and its Runtime API.
type instance struct {
	pool   *pool
	reaper *time.Timer

	child  atomic.Pointer[servers.Child]
	life   sync.Mutex // a start and an end exclude each other
	server *http.Server
	gone   chan struct{} // closed by end

	next    chan *invocation // an event for the runtime that asks for one
	asked   chan struct{}    // the runtime asks for an event
	initErr chan error       // the runtime reports that it could not start

	mu      sync.Mutex
	current *invocation
}

func newInstance(p *pool) *instance {
	return &instance{
		pool: p, gone: make(chan struct{}), next: make(chan *invocation),
		asked: make(chan struct{}, 1), initErr: make(chan error, 1),
	}
}

func (i *instance) started() bool { return i.child.Load() != nil }

func (i *instance) pid() int {
	if child := i.child.Load(); child != nil {
		return child.PID()
	}
	return 0
}

func (i *instance) alive() bool {
	child := i.child.Load()
	return child != nil && child.State() == nil
}

// start runs the function's initialisation, until it asks for its first event.
func (i *instance) start(ctx context.Context, requestID string) error {
	child, err := i.launch(requestID)
	if err != nil {
		return err
	}
	return i.awaitInit(ctx, child, requestID)
}

func (i *instance) launch(requestID string) (*servers.Child, error) {
	i.life.Lock()
	defer i.life.Unlock()
	if i.ended() {
		return nil, ErrStopped
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("runtime API of %s: %w", i.pool.function.Name, err)
	}

	i.server = &http.Server{Handler: i.runtimeAPI(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = i.server.Serve(listener) }()
	f := i.pool.function
	child, err := servers.StartChild(servers.Program{
		Path: f.Binary, Dir: filepath.Dir(f.Binary), Env: i.environment(listener.Addr().String()),
		Stdout: i.pool.log.lines(), Stderr: i.pool.log.lines(),
	})
	if err != nil {
		return nil, failure("Runtime.InvalidEntrypoint", fmt.Sprintf("RequestId: %s Error: %v", requestID, err))
	}

	i.child.Store(child)

	return child, nil
}

func (i *instance) awaitInit(ctx context.Context, child *servers.Child, requestID string) error {
	timer := time.NewTimer(initWithin)
	defer timer.Stop()
	select {
	case <-i.asked:
		return nil
	case err := <-i.initErr:
		return err
	case <-child.Done():
		select {
		case err := <-i.initErr: // said before it went
			return err
		default:
			return exitError(requestID, child.State())
		}

	case <-timer.C:
		return timedOut(requestID, initWithin)
	case <-ctx.Done():
		return ErrStopped
	}
}

// handle gives the runtime one event and waits until it is done with it: until
// it asks for the next, which is when Lambda too takes an invocation as over.
func (i *instance) handle(ctx context.Context, inv *invocation) (out outcome, reusable bool) {
	timeout := i.pool.function.Timeout
	inv.deadline = time.Now().Add(timeout)
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	child := i.child.Load()
	i.set(inv)
	defer i.set(nil)
	select {
	case i.next <- inv:
	case <-child.Done():
		return outcome{err: exitError(inv.id, child.State())}, false
	case <-ctx.Done():
		return outcome{err: ErrStopped}, false
	}

	select {
	case <-i.asked:
		return inv.outcome(exitError(inv.id, nil)), true
	case <-child.Done():
		return inv.outcome(exitError(inv.id, child.State())), false
	case <-timer.C:
		return inv.outcome(timedOut(inv.id, timeout)), false
	case <-ctx.Done():
		return inv.outcome(ErrStopped), false
	}
}

// outcome is the answer the runtime gave, or else what became of it.
func (inv *invocation) outcome(otherwise error) outcome {
	select {
	case out := <-inv.answered:
		return out
	default:
		return outcome{err: otherwise}
	}
}

func (i *instance) set(inv *invocation) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.current = inv
}

// end kills the process and closes its Runtime API.
func (i *instance) end() {
	i.life.Lock()
	defer i.life.Unlock()
	if i.ended() {
		return
	}

	close(i.gone)
	if child := i.child.Load(); child != nil {
		child.Kill()
	}

	if i.server != nil {
		_ = i.server.Close()
	}
}

func (i *instance) ended() bool {
	select {
	case <-i.gone:
		return true
	default:
		return false
	}
}

// environment is all a function sees: what Lambda sets, what the template
// sets, and what this environment adds to lead it to the local servers.
func (i *instance) environment(runtimeAPI string) []string {
	f := i.pool.function
	all := map[string]string{
		"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "en_US.UTF-8", "TZ": ":UTC",
		"LAMBDA_TASK_ROOT":                filepath.Dir(f.Binary),
		"_HANDLER":                        "bootstrap",
		"AWS_REGION":                      i.pool.config.Region,
		"AWS_DEFAULT_REGION":              i.pool.config.Region,
		"AWS_ACCESS_KEY_ID":               "local",
		"AWS_SECRET_ACCESS_KEY":           "local",
		"AWS_SESSION_TOKEN":               "local",
		"AWS_LAMBDA_FUNCTION_NAME":        f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      time.Now().UTC().Format("2006/01/02") + "/[$LATEST]" + strings.ToLower(rand.Text()),
	}

	maps.Copy(all, f.Environment)
	maps.Copy(all, i.pool.config.Extra)
	all["AWS_LAMBDA_RUNTIME_API"] = runtimeAPI
	list := make([]string, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, name+"="+all[name])
	}

	return list
}

// peakMemoryMB is the most memory the process has held, where the system reports it.
func (i *instance) peakMemoryMB() int {
	if runtime.GOOS != "linux" {
		return 0
	}

	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", i.pid()))
	if err != nil {
		return 0
	}

	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")))
			return kb / 1024
		}
	}

	return 0
}

func exitError(requestID string, state *os.ProcessState) *Error {
	how := "Runtime exited without providing a reason"
	if state != nil && !state.Success() {
		how = "Runtime exited with error: " + state.String()
	}
	return failure("Runtime.ExitError", fmt.Sprintf("RequestId: %s Error: %s", requestID, how))
}

func timedOut(requestID string, after time.Duration) *Error {
	return failure("Sandbox.Timedout", fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", requestID, after.Seconds()))
}

func failure(kind, message string) *Error {
	payload, _ := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message})
	return &Error{Type: kind, Message: message, Payload: payload}
}

func uuid() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// traceHeader starts a new X-Ray trace.
func traceHeader() string {
	var b [20]byte
	rand.Read(b[:])
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=0", time.Now().Unix(), b[:12], b[12:])
}
