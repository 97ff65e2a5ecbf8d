package discord

import (
	"fmt"
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
	token  = strings.Repeat("M", 24) + "." + strings.Repeat("a", 6) + "." + strings.Repeat("b", 27)
	secret = strings.Repeat("s", 68)
)

// host is a name of httptest's certificate.
const (
	host      = connectortest.Host
	channelID = "223456789012345678"
	thread    = "323456789012345678"
	hookPath  = "/webhooks/123456789012345678/"
)

var (
	now    = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	marker = connector.Marker{Integration: 77, Item: 4711, Attempt: 2, Tag: connectortest.Tag}
)

// A call is a request the server got.
type call struct{ method, path, query, body string }

// A fake answers with what a test sets.
type fake struct {
	t      *testing.T
	answer func(w http.ResponseWriter, r *http.Request, body string)

	mu    sync.Mutex
	calls []call
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	path, ok := strings.CutPrefix(r.URL.Path, "/api/v10")
	f.mu.Lock()
	f.calls = append(f.calls, call{r.Method, path, r.URL.RawQuery, string(body)})
	f.mu.Unlock()
	hook := strings.HasPrefix(path, hookPath+secret)
	if !ok || !strings.HasPrefix(r.UserAgent(), "DiscordBot (") || !hook && r.Header.Get("Authorization") != "Bot "+token || hook && r.Header.Get("Authorization") != "" ||
		(len(body) > 0) != (r.Header.Get("Content-Type") == "application/json") {
		f.t.Errorf("%s %s: headers %v", r.Method, r.URL.Path, r.Header)
	}

	w.Header().Set("Cf-Ray", "RAY1")
	w.Header().Set("Content-Type", "application/json")
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

// routes answers by method and path, each with "STATUS body".
func (f *fake) routes(answers map[string]string) {
	f.answer = func(w http.ResponseWriter, r *http.Request, _ string) {
		status, body, _ := strings.Cut(answers[r.Method+" "+strings.TrimPrefix(r.URL.Path, "/api/v10")], " ")
		n := 500
		_, _ = fmt.Sscan(status, &n)
		w.WriteHeader(n)
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
	client := connectortest.Serve(t, f, token, secret)
	return f, client
}

func startBot(t *testing.T, postUpdates bool) (*fake, *Bot) {
	f, client := start(t)
	return f, NewBot(BotConfig{BaseURL: "https://" + host + "/api/v10", Token: token, Channel: channelID, Look: Look{DigestOver: 5, PostUpdates: postUpdates}},
		client, func() time.Time { return now })
}

func startHook(t *testing.T, thread string) (*fake, *Webhook) {
	f, client := start(t)
	return f, NewWebhook(WebhookConfig{URL: "https://" + host + "/api" + hookPath + secret, Thread: thread, Look: Look{DigestOver: 5}}, client, func() time.Time { return now })
}

func failureOf(t *testing.T, err error) *failure.Error {
	t.Helper()
	return connectortest.Failure(t, err, token, secret)
}

func second[T any](_ T, err error) error { return err }
