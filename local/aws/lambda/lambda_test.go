package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// generous is a time that no step of a test comes near on a slow machine: a
// test waits that long only when it fails.
const generous = 2 * time.Minute

var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lambda")
	if err == nil {
		binary = filepath.Join(dir, "bootstrap")
		build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", binary, "./testdata/bootstrap")
		build.Stderr = os.Stderr
		err = build.Run()
	}

	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}

	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func service(t *testing.T, change func(*Config)) *Service {
	t.Helper()
	config := Config{
		Region: "eu-central-1", LogDir: t.TempDir(),
		Functions: []Function{{Name: "integrations-local-get", LogName: "get", ARN: "arn:get", Binary: binary,
			Timeout: generous, MemoryMB: 256, Environment: map[string]string{"TABLE_NAME": "t"}}},
	}
	if change != nil {
		change(&config)
	}

	s, err := New(config)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(s.Stop)

	return s
}

func invoke(t *testing.T, s *Service, do string) map[string]any {
	t.Helper()
	answer, err := s.Invoke(t.Context(), "integrations-local-get", []byte(`{"Do":"`+do+`"}`))
	if err != nil {
		t.Fatalf("%s: %v", do, err)
	}

	var out map[string]any
	if err := json.Unmarshal(answer, &out); err != nil {
		t.Fatalf("%s: %s", do, answer)
	}

	return out
}

func fails(t *testing.T, s *Service, event string) *Error {
	t.Helper()
	_, err := s.Invoke(t.Context(), "integrations-local-get", []byte(event))
	var failed *Error
	if !errors.As(err, &failed) {
		t.Fatalf("%s: %v", event, err)
	}

	return failed
}

func TestAnInstanceIsReused(t *testing.T) {
	s := service(t, func(c *Config) { c.Functions[0].Timeout = time.Hour })
	first := invoke(t, s, "hello")
	for range 20 {
		if next := invoke(t, s, "hello"); next["pid"] != first["pid"] {
			t.Fatalf("pid %v, then %v", first["pid"], next["pid"])
		}
	}

	if first["arn"] != "arn:get" || len(first["id"].(string)) != 36 || !strings.HasPrefix(first["trace"].(string), "Root=1-") {
		t.Errorf("context: %v", first)
	}

	if left := first["left_ms"].(float64); left < 3_000_000 || left > 3_600_000 {
		t.Errorf("left: %v ms of an hour", left)
	}
}

func TestOneEventAtATimeAndACap(t *testing.T) {
	s := service(t, func(c *Config) { c.Functions[0].Instances = 3 })
	ended := make(chan error, 5)
	for range cap(ended) {
		go func() {
			_, err := s.Invoke(context.Background(), "integrations-local-get", []byte(`{"Do":"sleep"}`))
			ended <- err
		}()
	}

	// The function never answers, so the first to end are those beyond the cap.
	for range 2 {
		if err := <-ended; !errors.Is(err, ErrThrottled) {
			t.Errorf("beyond a cap of 3: %v", err)
		}
	}

	s.Stop()
	for range 3 {
		if err := <-ended; err == nil || errors.Is(err, ErrThrottled) {
			t.Errorf("within a cap of 3: %v", err)
		}
	}
}

func TestFailures(t *testing.T) {
	s := service(t, nil)
	for _, tc := range []struct {
		event, kind, message string
	}{
		{`{"Do":"fail"}`, "errorString", "as asked"},
		{`{"Do":"panic"}`, "string", "as asked"},
		{`{"Do":"exit"}`, "Runtime.ExitError", "Error: Runtime exited with error: exit status 3"},
		{`{"Do":"big","Size":7000000}`, "Function.ResponseSizeTooLarge", "6291556 bytes"},
	} {
		failed := fails(t, s, tc.event)
		checkFailure(t, tc.event, failed, tc.kind, tc.message)
		invoke(t, s, "hello") // the next call finds a sound instance
	}
}

// The short limit is only for the call that never answers: a call that answers
// may take longer than that on a slow machine.
func TestATimeout(t *testing.T) {
	const event = `{"Do":"sleep"}`
	s := service(t, nil)
	function := &s.pools["integrations-local-get"].function

	function.Timeout = 500 * time.Millisecond
	failed := fails(t, s, event)
	checkFailure(t, event, failed, "Sandbox.Timedout", "Error: Task timed out after 0.50 seconds")

	function.Timeout = generous
	invoke(t, s, "hello") // the next call finds a sound instance
}

func checkFailure(t *testing.T, event string, failed *Error, kind, message string) {
	t.Helper()
	if failed.Type != kind || !strings.Contains(failed.Message, message) {
		t.Errorf("%s: %s: %s", event, failed.Type, failed.Message)
	}

	var payload struct{ ErrorType, ErrorMessage string }
	err := json.Unmarshal(failed.Payload, &payload)
	if err != nil || payload.ErrorType != kind {
		t.Errorf("%s: payload %s", event, failed.Payload)
	}
}

func TestTheRequestIsBounded(t *testing.T) {
	s := service(t, nil)
	if failed := fails(t, s, `"`+strings.Repeat("x", MaxPayload)+`"`); failed.Type != "RequestTooLargeException" {
		t.Errorf("%v", failed)
	}

	answer, err := s.Invoke(t.Context(), "integrations-local-get", []byte(`{"Do":"big","Size":6291500}`))
	if err != nil || len(answer) != 6291502 {
		t.Errorf("%d bytes, %v", len(answer), err)
	}
}

func TestAKilledInstanceIsReplaced(t *testing.T) {
	dir := t.TempDir()
	s := service(t, func(c *Config) { c.LogDir = dir })
	done := make(chan error, 1)
	go func() {
		_, err := s.Invoke(context.Background(), "integrations-local-get", []byte(`{"Do":"sleep"}`))
		done <- err
	}()
	until(t, "the event is taken", func() bool {
		text, _ := os.ReadFile(filepath.Join(dir, "get.log"))
		return strings.Contains(string(text), "sleeping")
	})
	kill(t, s)
	var failed *Error
	if err := <-done; !errors.As(err, &failed) || !strings.HasSuffix(failed.Error(), "Runtime exited with error: signal: killed") {
		t.Errorf("the killed invocation: %v", err)
	}

	pid := invoke(t, s, "hello")["pid"]
	kill(t, s) // idle
	until(t, "the idle instance is gone", func() bool { return len(s.PIDs()["get"]) == 0 })
	if next := invoke(t, s, "hello"); next["pid"] == pid {
		t.Error("a dead process answered")
	}
}

func kill(t *testing.T, s *Service) {
	t.Helper()
	pids := s.PIDs()["get"]
	if len(pids) != 1 {
		t.Fatalf("pids %v", pids)
	}

	if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(generous); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestInitFailures(t *testing.T) {
	for name, want := range map[string]string{
		"exit":  "Runtime.ExitError: RequestId: ",
		"error": "Settings: TABLE_NAME is missing",
		// A runtime that stays alive is ended: it will not serve.
		"linger": "Settings: TABLE_NAME is missing",
	} {
		s := service(t, func(c *Config) { c.Extra = map[string]string{"INIT": name} })
		if failed := fails(t, s, "{}"); !strings.HasPrefix(failed.Error(), want) {
			t.Errorf("%s: %v", name, failed)
		}
	}

	s := service(t, func(c *Config) { c.Functions[0].Binary = "/nowhere/bootstrap" })
	if failed := fails(t, s, "{}"); failed.Type != "Runtime.InvalidEntrypoint" {
		t.Errorf("no binary: %v", failed)
	}
}

func TestNothingOfTheHostIsInherited(t *testing.T) {
	t.Setenv("HOST_SECRET", "x")
	s := service(t, func(c *Config) { c.Extra = map[string]string{"DIAL_OVERRIDES": "a=b"} })
	answer, err := s.Invoke(t.Context(), "integrations-local-get", []byte(`{"Do":"environment"}`))
	if err != nil {
		t.Fatal(err)
	}

	var all []string
	if err := json.Unmarshal(answer, &all); err != nil {
		t.Fatal(err)
	}

	for _, want := range []string{"TABLE_NAME=t", "DIAL_OVERRIDES=a=b", "_HANDLER=bootstrap", "AWS_REGION=eu-central-1",
		"AWS_LAMBDA_FUNCTION_NAME=integrations-local-get", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256"} {
		if !slices.Contains(all, want) {
			t.Errorf("no %s in %v", want, all)
		}
	}

	for _, pair := range all {
		if strings.HasPrefix(pair, "HOST_SECRET") || strings.HasPrefix(pair, "HOME=") {
			t.Errorf("inherited %s", pair)
		}
	}
}

func TestIdleInstancesEnd(t *testing.T) {
	s := service(t, func(c *Config) { c.Idle = time.Millisecond })
	invoke(t, s, "hello")
	until(t, "the idle instance ends", func() bool { return len(s.PIDs()["get"]) == 0 })
}

func TestStopLeavesNoProcess(t *testing.T) {
	s := service(t, nil)
	pid := int(invoke(t, s, "hello")["pid"].(float64))
	s.Stop()
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d after Stop: %v", pid, err)
	}

	if _, err := s.Invoke(t.Context(), "integrations-local-get", nil); !errors.Is(err, ErrStopped) {
		t.Errorf("invoked after Stop: %v", err)
	}
}

func TestTheLogReadsAsLambdas(t *testing.T) {
	dir := t.TempDir()
	s := service(t, func(c *Config) { c.LogDir = dir })
	id := invoke(t, s, "hello")["id"].(string)
	s.Stop()
	text, err := os.ReadFile(filepath.Join(dir, "get.log"))
	if err != nil {
		t.Fatal(err)
	}

	for _, want := range []string{"get | START RequestId: " + id + " Version: $LATEST\n", "get | said hello\n",
		"get | END RequestId: " + id + "\n", "get | REPORT RequestId: " + id + "\tDuration: ", "\tInit Duration: "} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}

func TestInvokeEndpoint(t *testing.T) {
	s := service(t, nil)
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	for _, tc := range []struct {
		name, body, failed string
		status             int
	}{
		{"get", `{"Do":"hello"}`, "", 200},
		{"integrations-local-get", ``, "", 200},
		{"get", `{"Do":"fail"}`, "Unhandled", 200},
		{"get", `{`, "", 400},
		{"nobody", `{}`, "", 404},
		{"get", `"` + strings.Repeat("x", MaxPayload) + `"`, "", 413},
	} {
		response, err := http.Post(server.URL+"/2015-03-31/functions/"+tc.name+"/invocations", "application/json", strings.NewReader(tc.body))
		if err != nil {
			t.Fatal(err)
		}

		_ = response.Body.Close()
		if response.StatusCode != tc.status || response.Header.Get("X-Amz-Function-Error") != tc.failed {
			t.Errorf("%s %.20s: %d %q", tc.name, tc.body, response.StatusCode, response.Header.Get("X-Amz-Function-Error"))
		}
	}
}
