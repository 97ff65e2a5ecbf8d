package slack

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

var (
	token  = "xo" + "xb-" + strings.Repeat("1", 12) + "-" + strings.Repeat("a", 24)
	secret = strings.Repeat("s", 24)
	hook   = "https://" + host + "/services/T0/B0/" + secret
)

// host is a name of httptest's certificate.
const host = connectortest.Host

var (
	now    = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	marker = connector.Marker{Integration: 77, Item: 4711, Attempt: 2, Tag: connectortest.Tag}
)

// A call is a request the server got.
type call struct {
	method, path string
	query        map[string][]string
	body         string
}

// A fake answers with what a test sets.
type fake struct {
	t      *testing.T
	answer func(w http.ResponseWriter, r *http.Request, body string)

	mu    sync.Mutex
	calls []call
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	f.calls = append(f.calls, call{r.Method, r.URL.Path, r.URL.Query(), string(body)})
	f.mu.Unlock()
	bot := strings.HasPrefix(r.URL.Path, "/api/")
	if bot && r.Header.Get("Authorization") != "Bearer "+token || !bot && r.Header.Get("Authorization") != "" ||
		r.Method == http.MethodPost && r.Header.Get("Content-Type") != "application/json; charset=utf-8" {
		f.t.Errorf("%s %s: headers %v", r.Method, r.URL, r.Header)
	}

	w.Header().Set("X-Slack-Req-Id", "REQ1")
	w.Header().Set("Content-Type", "text/html")
	if bot {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}

	f.answer(w, r, string(body))
}

func (f *fake) answers(status int, header http.Header, body string) {
	f.answer = func(w http.ResponseWriter, _ *http.Request, _ string) {
		for name, values := range header {
			w.Header()[http.CanonicalHeaderKey(name)] = values
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func (f *fake) take() []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

func start(t *testing.T) (*fake, *outbound.Client) {
	t.Helper()
	f := &fake{t: t}
	client := connectortest.Serve(t, f, token, hook, secret)
	return f, client
}

func startBot(t *testing.T, postUpdates bool) (*fake, *Bot) {
	f, client := start(t)
	return f, NewBot(BotConfig{BaseURL: "https://" + host + "/api", Token: token, Channel: "C0123456789", PostUpdates: postUpdates, Look: Look{DigestOver: 5}},
		client, func() time.Time { return now })
}

func startHook(t *testing.T) (*fake, *Webhook) {
	f, client := start(t)
	return f, NewWebhook(WebhookConfig{URL: hook, Look: Look{DigestOver: 5}}, client, func() time.Time { return now })
}

func failureOf(t *testing.T, err error) *failure.Error {
	t.Helper()
	return connectortest.Failure(t, err, token, secret)
}
