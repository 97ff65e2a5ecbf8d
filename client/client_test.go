package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/integrations/local/testkit"
)

// A flaky API answers its statuses in turn, and then well; 0 hangs up.
type flaky struct {
	mu       sync.Mutex // a connection that was hung up has no say in what comes first
	statuses []int
	after    string // Retry-After
	keys     []string
	asked    int
	slept    []time.Duration
}

func (f *flaky) client(t *testing.T) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.keys = append(f.keys, r.Header.Get("Idempotency-Key"))
		f.asked++
		asked := f.asked
		f.mu.Unlock()
		if asked > len(f.statuses) {
			fmt.Fprint(w, `{}`)
			return
		}

		status := f.statuses[asked-1]
		if status == 0 {
			panic(http.ErrAbortHandler)
		}

		if f.after != "" {
			w.Header().Set("Retry-After", f.after)
		}

		w.WriteHeader(status)
		fmt.Fprint(w, `{"message":"no"}`)
	}))

	t.Cleanup(server.Close)
	c, err := New(server.URL, Token("T"), WithSleep(func(ctx context.Context, d time.Duration) error {
		f.slept = append(f.slept, d)
		return ctx.Err()
	}))
	if err != nil {
		t.Fatal(err)
	}

	return c
}

// What may have been done is sent again only where that does no harm.
func TestRepetitions(t *testing.T) {
	for name, c := range map[string]struct {
		operation string
		statuses  []int
		asked     int
		fine      bool
	}{
		"read, hung up":          {"getStatus", []int{0, 0}, 3, true},
		"read, broken":           {"getStatus", []int{500, 502, 503}, 4, true},
		"read, broken for good":  {"getStatus", []int{503, 503, 503, 503, 503}, 4, false},
		"read, refused":          {"getStatus", []int{404}, 1, false},
		"create, hung up":        {"createIntegration", []int{0, 503}, 3, true},
		"cancel, hung up":        {"cancelSync", []int{0}, 2, true},
		"change, hung up":        {"updateIntegration", []int{0}, 1, false},
		"change, broken":         {"updateIntegration", []int{503}, 1, false},
		"change, one too many":   {"updateIntegration", []int{429}, 2, true},
		"sync, broken":           {"startSync", []int{500}, 1, false},
		"sync, one too many":     {"startSync", []int{429, 429}, 3, true},
		"delete, hung up":        {"deleteIntegration", []int{0}, 1, false},
		"retry, broken":          {"retryItems", []int{503}, 1, false},
		"check, hung up":         {"checkIntegration", []int{0}, 1, false},
		"conflict is the user's": {"updateIntegration", []int{409}, 1, false},
		"a redirect is refused":  {"getStatus", []int{302}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := &flaky{statuses: c.statuses}
			_, err := calls[c.operation](t.Context(), f.client(t))
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.asked != c.asked || (err == nil) != c.fine || len(f.slept) != c.asked-1 {
				t.Errorf("asked %d times, slept %v, %v", f.asked, f.slept, err)
			}

			if c.operation == "createIntegration" && (len(slices.Compact(f.keys)) != 1 || f.keys[0] == "") {
				t.Errorf("keys %q", f.keys)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	f := &flaky{statuses: []int{429}, after: "7"}
	if _, err := f.client(t).GetStatus(t.Context(), "1"); err != nil || !slices.Equal(f.slept, []time.Duration{7 * time.Second}) {
		t.Errorf("slept %v, %v", f.slept, err)
	}

	f = &flaky{statuses: []int{503}, after: "5"} // the service's own 503 says when to come back (D6)
	if _, err := f.client(t).GetStatus(t.Context(), "1"); err != nil || !slices.Equal(f.slept, []time.Duration{5 * time.Second}) {
		t.Errorf("slept %v, %v", f.slept, err)
	}

	f = &flaky{statuses: []int{429}, after: "3600"} // nobody waits so long without being asked
	var p *Problem
	if _, err := f.client(t).GetStatus(t.Context(), "1"); !errors.As(err, &p) || p.RetryAfter != time.Hour || f.asked != 1 {
		t.Errorf("asked %d times, %v", f.asked, err)
	}
}

// Two creations have two keys unless the caller says that they are one.
func TestIdempotencyKeys(t *testing.T) {
	f := &flaky{}
	c := f.client(t)
	for range 2 {
		_, _ = c.CreateIntegration(t.Context(), "1", NewIntegration{})
		_, _ = c.CreateIntegration(t.Context(), "1", NewIntegration{}, IdempotencyKey("mine"))
	}

	if f.keys[0] == f.keys[2] || f.keys[1] != "mine" || f.keys[3] != "mine" {
		t.Errorf("%q", f.keys)
	}
}

// A token goes to the API alone, over a connection that nobody reads, and into
// no error.
func TestTheTokenIsKept(t *testing.T) {
	for address, fine := range map[string]bool{
		"https://api.example.com": true, "https://api.example.com/v1/": true, "http://127.0.0.1:80": true, "http://[::1]:80": true, "http://localhost": true,
		"http://api.example.com": false, "http://10.0.0.1": false, "ftp://api.example.com": false, "api.example.com": false, "https://": false,
		"https://u:p@api.example.com": false, "https://api.example.com?a=b": false, "https://api.example.com#a": false, "http://127.0.0.1.example.com": false, ":": false, "": false,
	} {
		if _, err := New(address, Token("T")); (err == nil) != fine {
			t.Errorf("%q: %v", address, err)
		}
	}

	secret := strings.Repeat("s", 20)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("the token went on: %v", r.Header)
	}))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	c, err := New(server.URL, Token(secret), WithTries(1), WithHTTPClient(server.Client()))
	if err != nil {
		t.Fatal(err)
	}

	for _, close := range []func(){func() {}, server.Close} {
		close()
		if _, err := c.GetStatus(t.Context(), "1"); err == nil || strings.Contains(err.Error(), secret) {
			t.Error(err)
		}
	}

	c, _ = New(server.URL, func(context.Context) (string, error) { return "", errors.New("expired") })
	if _, err := c.GetStatus(t.Context(), "1"); err == nil || !strings.Contains(err.Error(), "get a token: expired") {
		t.Error(err)
	}

	bad, _ := New(server.URL, Token(secret+"\n"), WithTries(1))
	if _, err := bad.GetStatus(t.Context(), "1"); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("a token with a line feed: %v", err)
	}
}

func TestPages(t *testing.T) {
	pages := map[string]string{"": `{"items":[{"item_id":"1"},{"item_id":"2"}],"next":"b"}`, "b": `{"items":[],"next":"c"}`, "c": `{"items":[{"item_id":"3"}],"next":null}`}
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		after := r.URL.Query().Get("after")
		if after == "c" && r.URL.Path == "/integrations/broken/items" {
			w.WriteHeader(http.StatusForbidden)
			return
		}

		fmt.Fprint(w, pages[after])
	}))

	defer server.Close()
	c, err := New(server.URL, Token("T"))
	if err != nil {
		t.Fatal(err)
	}

	var got []string
	for row, err := range c.Items(t.Context(), "7", "") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, row.ItemID)
	}

	if !slices.Equal(got, []string{"1", "2", "3"}) || asked != 3 {
		t.Errorf("%v after %d questions", got, asked)
	}

	asked = 0
	for range c.Items(t.Context(), "7", "") {
		break
	}

	if asked != 1 {
		t.Errorf("%d questions for the first item", asked)
	}

	n := 0
	failures := 0
	for _, err := range c.Items(t.Context(), "broken", "") {
		if n++; err != nil {
			failures++
		}
	}

	if n != 3 || failures != 1 {
		t.Errorf("%d rows, %d errors", n, failures)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, maxAnswer+1))
	}))
	defer server.Close()
	c, err := New(server.URL, Token("T"))
	if err != nil {
		t.Fatal(err)
	}

	if _, err := c.GetStatus(t.Context(), "1"); err == nil || !strings.Contains(err.Error(), "over") {
		t.Error(err)
	}
}

// Ids lead nowhere else, whatever they are.
func TestPathsAreEscaped(t *testing.T) {
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked = r.RequestURI; fmt.Fprint(w, "{}") }))
	defer server.Close()
	c, err := New(server.URL, Token("T"))
	if err != nil {
		t.Fatal(err)
	}

	_, _ = c.GetSync(t.Context(), "a/b?c#d", "e f%")
	if asked != "/integrations/a%2Fb%3Fc%23d/syncs/e%20f%25" {
		t.Error(asked)
	}
}

// A sync is looked at until it has ended, more rarely while it stands still.
func TestWaitForSync(t *testing.T) {
	states := []string{"queued", "running", "running", "running", "waiting", "succeeded"}
	d := &documented{t: t}
	d.answer = func(*testkit.Operation) testkit.Answer {
		body := fmt.Sprintf(`{"id":"2","integration_id":"1","status":%q}`, states[min(len(d.asked), len(states))-1])
		return testkit.Answer{Status: 200, Body: []byte(body)}
	}
	var slept []time.Duration
	seen := 0
	c := d.client(WithSleep(func(_ context.Context, p time.Duration) error { slept = append(slept, p); return nil }))
	run, err := c.WaitForSync(t.Context(), "1", "2", func(Run) { seen++ })
	if err != nil || run.Status != Succeeded || seen != 6 || !slices.Equal(slept, []time.Duration{soon, soon, 2 * soon, 4 * soon, soon}) {
		t.Errorf("%+v %v after %d looks, slept %v", run, err, seen, slept)
	}

	ctx, cancel := context.WithCancel(t.Context())
	d.asked = nil
	c = d.client(WithSleep(func(ctx context.Context, _ time.Duration) error { cancel(); return ctx.Err() }))
	if run, err := c.WaitForSync(ctx, "1", "2", nil); !errors.Is(err, context.Canceled) || run.Status != Queued {
		t.Errorf("%+v %v", run, err)
	}
}

// Whatever stands before the API may answer in its stead.
func TestOthersWords(t *testing.T) {
	for body, want := range map[string]string{
		`{"message":"Unauthorized"}`: "401 Unauthorized", `<html>`: "401 Unauthorized", `{"message":"Too long ago"}`: "401 Too long ago",
		`{"code":"c","detail":"d","errors":[{"field":"f","detail":"is g"}]}`: "401 c: d; f is g",
	} {
		resp := &http.Response{StatusCode: http.StatusUnauthorized, Header: http.Header{"Apigw-Requestid": {"id"}}}
		var p *Problem
		if err := problem(resp, []byte(body)); err.Error() != want || !errors.As(err, &p) || p.RequestID != "id" {
			t.Errorf("%s: %q, want %q", body, err, want)
		}
	}
}
