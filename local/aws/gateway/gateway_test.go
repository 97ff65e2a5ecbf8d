package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

const audience = "api"

var routes = []Route{
	{Method: "GET", Path: "/integrations/{integration.id}", Function: "get"},
	{Method: "PATCH", Path: "/integrations/{integration.id}", Function: "patch"},
	{Method: "POST", Path: "/integrations/{integration.id}/sync", Function: "sync"},
	{Method: "GET", Path: "/integrations/all", Function: "static"},
	{Method: "GET", Path: "/scoped", Function: "scoped", Scopes: []string{"read", "admin"}},
}

// A stage is a gateway under test with its issuer.
type stage struct {
	url    string
	issuer *Issuer
}

// keyDir holds one key for all tests: making one takes long.
var keyDir = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "gateway")
	if err != nil {
		panic(err)
	}
	return dir
})

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(keyDir())
	os.Exit(code)
}

// generous is a time that no step of a test comes near on a slow machine: a
// test waits that long only when it fails.
const generous = 2 * time.Minute

// start serves a gateway whose functions are invoke.
func start(t *testing.T, invoke func(ctx context.Context, function string, payload []byte) ([]byte, error)) stage {
	t.Helper()
	return startWithin(t, generous, invoke)
}

// startWithin is start with a limit for the functions.
func startWithin(t *testing.T, limit time.Duration, invoke func(ctx context.Context, function string, payload []byte) ([]byte, error)) stage {
	t.Helper()
	return serve(t, Config{Routes: routes, Audience: []string{audience, "other"}, Invoke: invoke, Timeout: limit}, nil)
}

// serve serves the gateway of a configuration, with an issuer of its own. Each
// request passes through wrap, if there is one, on its way to the gateway.
func serve(t *testing.T, config Config, wrap func(http.Handler) http.Handler) stage {
	t.Helper()
	var openID http.Handler
	identity := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { openID.ServeHTTP(w, r) }))
	t.Cleanup(identity.Close)
	made, err := OpenIssuer(keyDir(), identity.URL)
	if err != nil {
		t.Fatal(err)
	}

	openID = made

	config.Issuer = identity.URL
	g := New(config).(*gateway)
	g.authorizer.keys.client.Timeout = generous
	var handler http.Handler = g
	if wrap != nil {
		handler = wrap(g)
	}

	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)

	return stage{server.URL, made}
}

func (s stage) token(t *testing.T) string {
	t.Helper()
	token, err := s.issuer.Token("42", audience, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// send sends a request with a good token unless header sets Authorization.
func (s stage) send(t *testing.T, method, path string, body io.Reader, header http.Header) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, body)
	if err != nil {
		t.Fatal(err)
	}

	request.Header.Set("Authorization", "Bearer "+s.token(t))
	maps.Copy(request.Header, header)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}

	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}

	if len(response.Header.Get("Apigw-Requestid")) != 16 {
		t.Errorf("%s %s: apigw-requestid %q", method, path, response.Header.Get("Apigw-Requestid"))
	}

	return response, string(content)
}

func answer(text string) func(context.Context, string, []byte) ([]byte, error) {
	return func(context.Context, string, []byte) ([]byte, error) { return []byte(text), nil }
}

// capture answers with nothing and keeps the event.
func capture(into *events.APIGatewayV2HTTPRequest, raw *[]byte) func(context.Context, string, []byte) ([]byte, error) {
	return func(_ context.Context, function string, payload []byte) ([]byte, error) {
		*into = events.APIGatewayV2HTTPRequest{}
		*raw = payload
		return fmt.Appendf(nil, `{"statusCode":200,"body":%q}`, function), json.Unmarshal(payload, into)
	}
}

func TestEvent(t *testing.T) {
	var event events.APIGatewayV2HTTPRequest
	var raw []byte
	s := start(t, capture(&event, &raw))
	response, body := s.send(t, "PATCH", "/integrations/1%2F2%20x?a=1&a=2&b=x%20y&c", strings.NewReader(`{"enabled":true}`), http.Header{
		"Content-Type": {"application/json"}, "X-Twice": {"one", "two"}, "Cookie": {"a=1; b=2"}, "User-Agent": {"tester"},
		"X-Forwarded-For": {"198.51.100.7"},
	})
	if response.StatusCode != 200 || body != "patch" {
		t.Fatalf("%s %s", response.Status, body)
	}

	for name, pair := range map[string][2]string{
		"version": {event.Version, "2.0"}, "routeKey": {event.RouteKey, "PATCH /integrations/{integration.id}"},
		"rawPath": {event.RawPath, "/integrations/1/2 x"}, "rawQueryString": {event.RawQueryString, "a=1&a=2&b=x%20y&c"},
		"query a": {event.QueryStringParameters["a"], "1,2"}, "query b": {event.QueryStringParameters["b"], "x y"},
		"parameter": {event.PathParameters["integration.id"], "1/2 x"}, "header": {event.Headers["x-twice"], "one,two"},
		"cookies": {strings.Join(event.Cookies, "|"), "a=1|b=2"}, "cookie header": {event.Headers["cookie"], ""},
		"content-length": {event.Headers["content-length"], "16"}, "host": {"http://" + event.Headers["host"], s.url},
		"forwarded": {event.Headers["x-forwarded-for"], "198.51.100.7, 127.0.0.1"},
		"body":      {event.Body, `{"enabled":true}`}, "stage": {event.RequestContext.Stage, "$default"},
		"request id": {event.RequestContext.RequestID, response.Header.Get("Apigw-Requestid")},
		"context":    {event.RequestContext.RouteKey, event.RouteKey}, "domain": {event.RequestContext.DomainName, "127.0.0.1"},
		"method": {event.RequestContext.HTTP.Method, "PATCH"}, "path": {event.RequestContext.HTTP.Path, "/integrations/1/2 x"},
		"protocol": {event.RequestContext.HTTP.Protocol, "HTTP/1.1"}, "source": {event.RequestContext.HTTP.SourceIP, "127.0.0.1"},
		"agent": {event.RequestContext.HTTP.UserAgent, "tester"}, "sub": {event.RequestContext.Authorizer.JWT.Claims["sub"], "42"},
		"iss": {event.RequestContext.Authorizer.JWT.Claims["iss"], s.issuer.URL()},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %q, want %q", name, pair[0], pair[1])
		}
	}

	at, err := time.Parse("02/Jan/2006:15:04:05 -0700", event.RequestContext.Time)
	if err != nil || at.Unix() != event.RequestContext.TimeEpoch/1000 {
		t.Errorf("time %q, epoch %d", event.RequestContext.Time, event.RequestContext.TimeEpoch)
	}

	if _, ok := event.QueryStringParameters["c"]; !ok || event.IsBase64Encoded {
		t.Errorf("query %v, base64 %v", event.QueryStringParameters, event.IsBase64Encoded)
	}
}

func TestEventLeavesOutWhatIsNotThere(t *testing.T) {
	var event events.APIGatewayV2HTTPRequest
	var raw []byte
	s := start(t, capture(&event, &raw))
	s.send(t, "GET", "/integrations/all", nil, nil)
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		t.Fatal(err)
	}

	for _, name := range []string{"body", "cookies", "queryStringParameters", "pathParameters", "stageVariables"} {
		if members[name] != nil {
			t.Errorf("%s is %s", name, members[name])
		}
	}

	if string(members["isBase64Encoded"]) != "false" || string(members["rawQueryString"]) != `""` {
		t.Errorf("event %s", raw)
	}
}

func TestBodyEncoding(t *testing.T) {
	var event events.APIGatewayV2HTTPRequest
	var raw []byte
	s := start(t, capture(&event, &raw))
	for _, test := range []struct {
		media, body string
		encoded     bool
	}{
		{"application/json", `{}`, false},
		{"application/json; charset=utf-8", `{}`, false},
		{"APPLICATION/JSON", `{}`, false},
		{"application/xml", `<a/>`, false},
		{"application/javascript", `1`, false},
		{"text/plain", "Grüße", false},
		{"text/plain; charset=iso-8859-1", "x", true},
		{"application/json", "\xff", true},
		{"application/merge-patch+json", `{}`, true},
		{"application/x-www-form-urlencoded", "a=b", true},
		{"application/octet-stream", "x", true},
		{"", "x", true},
		{"garbage/", "x", true},
		{"application/octet-stream", "", false},
	} {
		s.send(t, "PATCH", "/integrations/1", strings.NewReader(test.body), http.Header{"Content-Type": {test.media}})
		want := test.body
		if test.encoded {
			want = base64.StdEncoding.EncodeToString([]byte(test.body))
		}

		if event.IsBase64Encoded != test.encoded || event.Body != want {
			t.Errorf("%q %q: %q, base64 %v", test.media, test.body, event.Body, event.IsBase64Encoded)
		}
	}
}

func TestRouting(t *testing.T) {
	var event events.APIGatewayV2HTTPRequest
	var raw []byte
	s := start(t, capture(&event, &raw))
	for _, test := range []struct{ method, path, want string }{
		{"GET", "/integrations/1", "get"},
		{"GET", "/integrations/all", "static"},
		{"PATCH", "/integrations/all", "patch"},
		{"POST", "/integrations/1/sync", "sync"},
		{"POST", "/integrations/1", ""},
		{"GET", "/integrations/1/", ""},
		{"GET", "/integrations/", ""},
		{"GET", "/integrations//sync", ""},
		{"POST", "/integrations//sync", ""},
		{"GET", "//integrations/1", ""},
		{"GET", "/", ""},
		{"DELETE", "/integrations/1", ""},
	} {
		response, body := s.send(t, test.method, test.path, nil, nil)
		if test.want == "" && (response.StatusCode != 404 || body != `{"message":"Not Found"}`) {
			t.Errorf("%s %s: %s %s, want 404", test.method, test.path, response.Status, body)
		}

		if test.want != "" && body != test.want {
			t.Errorf("%s %s went to %q, want %q", test.method, test.path, body, test.want)
		}
	}

	if response, body := s.send(t, "GET", "/nowhere", nil, http.Header{"Authorization": nil}); response.StatusCode != 404 {
		t.Errorf("no route, no token: %s %s", response.Status, body)
	}
}

func TestResponses(t *testing.T) {
	var current string
	s := start(t, func(context.Context, string, []byte) ([]byte, error) { return []byte(current), nil })
	for _, test := range []struct {
		answer string
		status int
		body   string
		media  string
	}{
		{`{"statusCode":202,"headers":{"Content-Type":"application/problem+json"},"body":"{}"}`, 202, "{}", "application/problem+json"},
		{`{"statusCode":200,"body":"x"}`, 200, "x", "text/plain;charset=UTF-8"},
		{`{"statusCode":200,"body":"aGk=","isBase64Encoded":true}`, 200, "hi", "text/plain;charset=UTF-8"},
		{`{"statusCode":204}`, 204, "", ""},
		{`{"statusCode":304,"headers":{"etag":"\"1\""},"body":""}`, 304, "", ""},
		{`{"statusCode":200,"headers":{"x":1,"y":true},"body":"x"}`, 200, "x", "text/plain;charset=UTF-8"},
		{`{"a":1}`, 200, `{"a":1}`, "application/json"},
		{`"text"`, 200, `"text"`, "application/json"},
		{`null`, 200, `null`, "application/json"},
		{`{"statusCode":"two"}`, 500, internal, "application/json"},
		{`{"statusCode":99}`, 500, internal, "application/json"},
		{`{"statusCode":1000}`, 500, internal, "application/json"},
		{`{"statusCode":200,"body":{}}`, 500, internal, "application/json"},
		{`{"statusCode":200,"headers":{"x":[]}}`, 500, internal, "application/json"},
		{`{"statusCode":200,"body":"%","isBase64Encoded":true}`, 500, internal, "application/json"},
		{`{`, 500, internal, "application/json"},
		{``, 500, internal, "application/json"},
	} {
		current = test.answer
		response, body := s.send(t, "GET", "/integrations/1", nil, nil)
		if response.StatusCode != test.status || body != test.body || response.Header.Get("Content-Type") != test.media {
			t.Errorf("%s: %s %q %s", test.answer, response.Status, body, response.Header.Get("Content-Type"))
		}
	}
}

const internal = `{"message":"Internal Server Error"}`

func TestResponseHeadersAndCookies(t *testing.T) {
	s := start(t, answer(`{"statusCode":200,"headers":{"ETag":"\"7\"","content-length":"999","connection":"close"},"cookies":["a=1","b=2; Path=/"],"body":"x"}`))
	response, body := s.send(t, "GET", "/integrations/1", nil, nil)
	if body != "x" || response.Header.Get("Etag") != `"7"` || response.Close {
		t.Errorf("%q %v", body, response.Header)
	}

	if got := strings.Join(response.Header.Values("Set-Cookie"), "|"); got != "a=1|b=2; Path=/" {
		t.Errorf("cookies %q", got)
	}
}

func TestOwnFailures(t *testing.T) {
	for name, test := range map[string]struct {
		invoke func(context.Context, string, []byte) ([]byte, error)
		status int
		body   string
	}{
		"function fails": {func(context.Context, string, []byte) ([]byte, error) { return nil, errors.New("secret") }, 500, internal},
		"throttled": {func(context.Context, string, []byte) ([]byte, error) { return nil, fmt.Errorf("x: %w", ErrThrottled) },
			503, `{"message":"Service Unavailable"}`},
		"own time-out of a function": {func(context.Context, string, []byte) ([]byte, error) { return nil, context.DeadlineExceeded }, 500, internal},
	} {
		s := start(t, test.invoke)
		response, body := s.send(t, "GET", "/integrations/1", nil, nil)
		if response.StatusCode != test.status || body != test.body {
			t.Errorf("%s: %s %s", name, response.Status, body)
		}
	}
}

// The short limit is only for the function that never answers: one that answers
// may take longer than that on a slow machine.
func TestAFunctionThatIsTooSlow(t *testing.T) {
	s := startWithin(t, 200*time.Millisecond, func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	response, body := s.send(t, "GET", "/integrations/1", nil, nil)
	if response.StatusCode != 503 || body != `{"message":"Service Unavailable"}` {
		t.Errorf("%s %s", response.Status, body)
	}
}

func TestBodyLimit(t *testing.T) {
	calls := 0
	s := start(t, func(context.Context, string, []byte) ([]byte, error) { calls++; return []byte(`{}`), nil })
	if response, _ := s.send(t, "PATCH", "/integrations/1", bytes.NewReader(make([]byte, maxBody)), nil); response.StatusCode != 200 {
		t.Errorf("10 MB: %s", response.Status)
	}

	response, body := s.send(t, "PATCH", "/integrations/1", bytes.NewReader(make([]byte, maxBody+1)), nil)
	if response.StatusCode != 413 || body != `{"message":"Request Entity Too Large"}` || calls != 1 {
		t.Errorf("over 10 MB: %s %s after %d calls", response.Status, body, calls)
	}
}

func TestCallerWhoHangsUpDoesNotStopTheFunction(t *testing.T) {
	entered := make(chan struct{})
	gone := make(chan struct{})
	ended := make(chan error, 1)
	invoke := func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
		close(entered)
		<-gone
		ended <- context.Cause(ctx)
		return []byte(`{}`), nil
	}

	noticing := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			go func() {
				<-r.Context().Done() // the caller has hung up
				close(gone)
			}()
			next.ServeHTTP(w, r)
		})
	}

	s := serve(t, Config{Routes: routes, Audience: []string{audience}, Invoke: invoke, Timeout: generous}, noticing)

	ctx, hangUp := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, "GET", s.url+"/integrations/1", nil)
	if err != nil {
		t.Fatal(err)
	}

	request.Header.Set("Authorization", s.token(t))
	go func() {
		<-entered
		hangUp()
	}()
	if _, err := http.DefaultClient.Do(request); err == nil {
		t.Fatal("answered")
	}

	if cause := <-ended; cause != nil {
		t.Errorf("the function was stopped by %v", cause)
	}
}

// FuzzMatch: a match gives every parameter a value, and only paths with the
// right number of parts match.
func FuzzMatch(f *testing.F) {
	for _, path := range []string{"/integrations/1", "/integrations/%2F", "//", "", "/integrations/%zz", "/integrations/all"} {
		f.Add(path)
	}

	compiled := compile(routes)
	f.Fuzz(func(t *testing.T, path string) {
		route, parameters := match(compiled, "GET", path)
		if route == nil {
			return
		}

		if strings.Count(path, "/") != strings.Count(route.Path, "/") {
			t.Fatalf("%q matches %s", path, route.Path)
		}

		if route.Function == "get" && parameters["integration.id"] == "" {
			t.Fatalf("%q gives an empty parameter", path)
		}
	})
}

// FuzzResponse: every answer of a function is understood or refused, and one
// that is understood has a status that can be sent.
func FuzzResponse(f *testing.F) {
	f.Add([]byte(`{"statusCode":200,"body":"x","headers":{"a":"b"}}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		parsed, err := parseResponse(payload)
		if err == nil && (parsed.status < 200 || parsed.status > 599) {
			t.Fatalf("status %d", parsed.status)
		}

		if err == nil {
			parsed.write(httptest.NewRecorder())
		}
	})
}
