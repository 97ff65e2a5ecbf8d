package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/local/providers"
)

// kindOf is a provider in miniature: the kind of a call stands in its address.
func kindOf(r *http.Request) Call {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return Call{Kind: Kind(first), User: "bot", Person: r.Header.Get("Person") != ""}
}

// served is a kit before an API that says done and counts.
type served struct {
	*Kit
	*testing.T
	url   string
	calls int
	log   []providers.Write
}

func serve(t *testing.T, p Profile, h Hooks) *served {
	s := &served{T: t}
	h.Call = kindOf
	h.Log = func(_ *http.Request, w providers.Write) { s.log = append(s.log, w) }
	s.Kit = New(p, h)
	server := httptest.NewUnstartedServer(s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.calls++
		_, _ = io.Copy(io.Discard, r.Body)
		if Lag(r.Context()) > 0 {
			w.Header().Set("Lag", Lag(r.Context()).String())
		}

		w.Header().Set("Fault", Of(r.Context()))
		if strings.HasSuffix(r.URL.Path, "/empty") {
			w.WriteHeader(http.StatusNoContent)
			return
		}

		_, _ = io.WriteString(w, `{"done":true}`)
	})))

	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(func() { s.Close(); server.Close() })
	s.url = server.URL

	return s
}

func (s *served) order(body string) string {
	s.Helper()
	o, err := ParseOrder([]byte(body))
	if err != nil {
		s.Fatal(err)
	}

	id, err := s.Add(o)
	if err != nil {
		s.Fatal(err)
	}

	return id
}

// get calls an address and gives the status, 0 where no answer came.
func (s *served) get(path string, header ...string) int {
	s.Helper()
	status, _ := s.call(path, header...)
	return status
}

func (s *served) call(path string, header ...string) (int, http.Header) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.url+path, strings.NewReader(`{"a":1}`))
	if err != nil {
		s.Fatal(err)
	}

	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}

	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil
	}

	defer response.Body.Close()

	return response.StatusCode, response.Header
}

// The match says which calls; without one a fault takes those it is usual for,
// and the integration's own.
func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		order string
		hit   []string
	}{
		{`{"fault":"error_before","times":9}`, []string{"/create/1", "/update/1", "/read/1", "/list/1", "/other/1"}},
		{`{"fault":"error_after","times":9}`, []string{"/create/1", "/update/1"}},
		{`{"fault":"error_after","times":9,"match":{"kind":"read"}}`, []string{"/read/1"}},
		{`{"fault":"error_after","times":9,"match":{"path":"/list/*"}}`, []string{"/list/1"}},
		{`{"fault":"error_after","times":9,"match":{"method":"post"}}`, []string{"/create/1", "/update/1", "/read/1", "/list/1", "/other/1"}},
		{`{"fault":"error_before","times":9,"match":{"method":"GET"}}`, nil},
		{`{"fault":"error_before","times":9,"match":{"path":"*t*/1","kind":"create"}}`, []string{"/create/1"}},
		{`{"fault":"error_before","times":9,"match":{"path":"/create"}}`, nil},
		{`{"fault":"error_before","times":9,"match":{"by":"person"}}`, []string{"/create/person"}},
		{`{"fault":"error_before","times":9,"match":{"by":"anyone","kind":"create"}}`, []string{"/create/1", "/create/person"}},
		{`{"fault":"secondary_limit","times":9}`, []string{"/create/1"}},
	} {
		p := Discord()
		p.Refusals[SecondaryLimit] = Refusal{Kinds: []Kind{Create}, Answer: p.Refusals[SecondaryLimit].Answer}
		s := serve(t, p, Hooks{})
		s.order(tt.order)
		var hit []string
		for _, path := range []string{"/create/1", "/update/1", "/read/1", "/list/1", "/other/1"} {
			if s.get(path) != 200 {
				hit = append(hit, path)
			}
		}

		if s.get("/create/person", "Person", "1") != 200 {
			hit = append(hit, "/create/person")
		}

		if !slices.Equal(hit, tt.hit) {
			t.Errorf("%s hits %q, want %q", tt.order, hit, tt.hit)
		}
	}
}

// The times count down; of two faults that decide about an answer the first one
// does, until it is used up.
func TestTimes(t *testing.T) {
	s := serve(t, Discord(), Hooks{})
	s.order(`{"fault":"error_before","times":2,"status":502}`)
	s.order(`{"fault":"error_before","times":1,"status":504}`)
	var got []int
	for range 4 {
		got = append(got, s.get("/create/1"))
	}

	if fmt.Sprint(got) != "[502 502 504 200]" || s.Applied(ErrorBefore) != 3 || s.calls != 1 {
		t.Errorf("%v, applied %d, %d calls", got, s.Applied(ErrorBefore), s.calls)
	}

	if len(s.log) != 3 || s.log[0].Fault != ErrorBefore || s.log[0].Status != 502 || string(s.log[0].Body) != `{"a":1}` || s.log[0].User != "bot" {
		t.Errorf("the log: %+v", s.log)
	}

	if s.get("/read/1"); len(s.log) != 3 {
		t.Error("a read is among the writes")
	}
}

// With a seed the same calls are hit every time, and about as many as asked for.
func TestProbability(t *testing.T) {
	draw := func(order string) (hit []bool, n int) {
		s := serve(t, Discord(), Hooks{})
		s.order(order)
		for range 300 {
			failed := s.get("/create/1") != 200
			hit = append(hit, failed)
			if failed {
				n++
			}
		}

		return hit, n
	}

	one, n := draw(`{"fault":"error_before","probability":0.3,"seed":5}`)
	again, _ := draw(`{"fault":"error_before","probability":0.3,"seed":5}`)
	other, _ := draw(`{"fault":"error_before","probability":0.3,"seed":6}`)
	if !slices.Equal(one, again) || slices.Equal(one, other) || n < 60 || n > 120 {
		t.Errorf("%d of 300 hit; the same seed gives the same: %t, another one: %t", n, slices.Equal(one, again), slices.Equal(one, other))
	}

	if _, n := draw(`{"fault":"error_before","probability":0}`); n != 0 {
		t.Errorf("never is %d times", n)
	}

	if _, n := draw(`{"fault":"error_before","probability":1}`); n != 300 {
		t.Errorf("always is %d times", n)
	}
}

// What is done to the objects happens beside what is done to the answer; where
// there is nothing to do it to, the fault waits.
func TestDisturbances(t *testing.T) {
	there := false
	deleted := 0
	h := Hooks{Lags: true, Delete: func(*http.Request) error {
		if !there {
			return ErrNothing
		}
		deleted++
		return nil
	}}

	s := serve(t, Slack(), h)
	s.order(`{"fault":"deleted_object","times":1}`)
	s.order(`{"fault":"lagging_lists","times":1,"duration":"7m"}`)
	s.order(`{"fault":"lagging_lists","times":2,"duration":"3m"}`)
	if s.get("/update/1") != 200 || s.Applied(DeletedObject) != 0 {
		t.Errorf("nothing was there, and it counts: %d", s.Applied(DeletedObject))
	}

	there = true
	for _, want := range []string{DeletedObject, ""} {
		if _, header := s.call("/update/1"); header.Get("Fault") != want {
			t.Errorf("under %q, want %q", header.Get("Fault"), want)
		}
	}

	var lags []string
	for range 3 {
		_, header := s.call("/list/1")
		lags = append(lags, header.Get("Lag"))
	}

	if deleted != 1 || s.Applied(DeletedObject) != 1 || fmt.Sprintf("%q", lags) != `["7m0s" "3m0s" ""]` {
		t.Errorf("deleted %d, applied %d, lags %q", deleted, s.Applied(DeletedObject), lags)
	}

	h.Delete = func(*http.Request) error { return errors.New("disk full") }
	s = serve(t, Slack(), h)
	s.order(`{"fault":"deleted_object","times":1}`)
	if status := s.get("/update/1"); status != http.StatusInternalServerError || s.calls != 0 {
		t.Errorf("a hook that fails: %d", status)
	}
}

// A revoked token is so for all its calls, whatever the match, until the fault is
// cleared.
func TestRevokedToken(t *testing.T) {
	s := serve(t, Discord(), Hooks{})
	id := s.order(`{"fault":"revoked_token","times":1,"match":{"kind":"update"}}`)
	steps := []int{s.get("/create/1"), s.get("/update/1"), s.get("/create/1"), s.get("/list/1"), s.get("/create/1", "Person", "1")}
	if fmt.Sprint(steps) != "[200 401 401 401 200]" {
		t.Errorf("%v", steps)
	}

	if active := s.State().Active; len(active) != 1 || !active[0].Revoked || active[0].ID != id {
		t.Errorf("%+v", active)
	}

	if n := s.Clear(id, ""); n != 1 || s.get("/create/1") != 200 {
		t.Errorf("cleared %d, and the token is still no good", n)
	}
}

// The late answer waits for the clock, and not for a caller who is gone or a
// fake server that stops.
func TestSlowAnswer(t *testing.T) {
	clock := make(chan time.Time)
	asked := make(chan time.Duration, 3)
	s := serve(t, Slack(), Hooks{After: func(d time.Duration) <-chan time.Time { asked <- d; return clock }})
	s.order(`{"fault":"slow_answer","times":3,"duration":"2h"}`)
	answers := make(chan int, 1)
	go func() { answers <- s.get("/create/1") }()
	if d := <-asked; d != 2*time.Hour {
		t.Errorf("waits %s", d)
	}

	select {
	case status := <-answers:
		t.Fatalf("answered at once: %d", status)
	default:
	}

	clock <- time.Time{}
	if status := <-answers; status != 200 || s.calls != 1 {
		t.Errorf("%d after %d calls", status, s.calls)
	}

	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		r := httptest.NewRequest(http.MethodPost, "/create/1", nil).WithContext(ctx)
		s.Wrap(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
		close(gone)
	}()

	<-asked
	cancel()
	<-gone
	go func() { answers <- s.get("/create/1") }()
	<-asked
	s.Close()
	<-answers
}

// The endless answer ends with its caller, and with the fake server.
func TestEndlessAnswer(t *testing.T) {
	for _, pause := range []string{"", `,"duration":"1ns"`} {
		s := serve(t, Slack(), Hooks{})
		s.order(`{"fault":"endless_answer","times":9` + pause + `}`)
		for _, path := range []string{"/create/1", "/create/empty"} {
			response, err := http.Post(s.url+path, "", nil)
			if err != nil {
				t.Fatal(err)
			}

			start := make([]byte, 100)
			if _, err := io.ReadFull(response.Body, start); err != nil || response.StatusCode != 200 || json.Valid(start) || response.ContentLength >= 0 {
				t.Errorf("%d %q %v", response.StatusCode, start, err)
			}

			response.Body.Close() // the server can be closed only if this ends it
		}

		response, err := http.Post(s.url+"/create/1", "", nil)
		if err != nil {
			t.Fatal(err)
		}

		s.Close()
		if _, err := io.Copy(io.Discard, response.Body); err == nil {
			t.Error("it came to an end of its own")
		}

		response.Body.Close()
	}
}

// The routes a test drives a fake server by.
func TestRoutes(t *testing.T) {
	k := New(Teams(), Hooks{Call: kindOf})
	mux := http.NewServeMux()
	k.Mount(mux)
	ask := func(method, path, body string) (int, string, http.Header) {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		return w.Code, w.Body.String(), w.Header()
	}

	status, body, header := ask("POST", "/_/faults", `{"fault":"slow_answer","times":3,"match":{"kind":"create"}}`)
	if status != 201 || body != `{"fault":"slow_answer","id":"1"}` || header.Get("Location") != "/_/faults?id=1" {
		t.Errorf("%d %s %v", status, body, header)
	}

	ask("POST", "/_/faults", `{"fault":"lost_answer","probability":0.5}`)
	ask("POST", "/_/faults", `{"fault":"lost_answer","times":1}`)
	_, body, header = ask("GET", "/_/faults", "")
	var state State
	if err := json.Unmarshal([]byte(body), &struct {
		*State
		Active *[]json.RawMessage `json:"active"`
	}{State: &state, Active: new([]json.RawMessage)}); err != nil || header.Get("Content-Type") != "application/json" || state.Provider != "Teams" || len(state.Faults) != len(Names()) {
		t.Errorf("%v %s", err, body)
	}

	if want := `{"id":"1","fault":"slow_answer","times":3,"match":{"kind":"create"},"duration":"5s","left":3,"applied":0}`; !strings.Contains(body, want) {
		t.Errorf("%s\nhas not %s", body, want)
	}

	if want := `{"fault":"captcha","does":"wants a captcha solved","cannot":"a workflow has no captchas","applied":0}`; !strings.Contains(body, want) {
		t.Errorf("%s\nhas not %s", body, want)
	}

	for _, step := range []struct {
		method, path, body string
		status, left       int
		field              string
	}{
		{"POST", "/_/faults", `{"fault":"captcha","times":1}`, 400, 3, "fault"},
		{"POST", "/_/faults", `{"fault":"lagging_lists","times":1}`, 400, 3, "fault"},
		{"POST", "/_/faults", `{"fault":"lost_answer","times":1,"when":"now"}`, 400, 3, "when"},
		{"POST", "/_/faults", `fault=lost_answer`, 400, 3, "body"},
		{"POST", "/_/faults", `{"fault":"` + strings.Repeat("x", maxOrder) + `"}`, 400, 3, "body"},
		{"DELETE", "/_/faults?name=x", "", 400, 3, "name"},
		{"DELETE", "/_/faults?fault=nonsense", "", 400, 3, "fault"},
		{"DELETE", "/_/faults?id=9", "", 404, 3, ""},
		{"DELETE", "/_/faults?id=2", "", 204, 2, ""},
		{"DELETE", "/_/faults?fault=lost_answer", "", 204, 1, ""},
		{"DELETE", "/_/faults?fault=lost_answer", "", 204, 1, ""},
		{"DELETE", "/_/faults", "", 204, 0, ""},
	} {
		status, body, header := ask(step.method, step.path, step.body)
		if status != step.status || len(k.State().Active) != step.left {
			t.Errorf("%s %s: %d, %d are left", step.method, step.path, status, len(k.State().Active))
		}

		if status >= 400 && (header.Get("Content-Type") != "application/problem+json" || !strings.Contains(body, `"field":"`+step.field+`"`) && step.field != "") {
			t.Errorf("%s %s: %s", step.method, step.path, body)
		}
	}
}

// How the chats word it. Their webhooks answer otherwise than their APIs.
func TestChatProfiles(t *testing.T) {
	for _, tt := range []struct {
		p      Profile
		path   string
		fault  string
		status int
		body   string
		header string // name and value
		absent string
	}{
		{Slack(), "/api/chat.postMessage", RateLimited, 429, `{"ok":false,"error":"ratelimited"}`, "Retry-After 5", ""},
		{Slack(), "/api/chat.postMessage", RateLimitedBare, 429, `"ratelimited"`, "", "Retry-After"},
		{Slack(), "/api/chat.postMessage", SecondaryLimit, 200, `"ok":false,"error":"rate_limited"`, "", "Retry-After"},
		{Slack(), "/services/T1/B1/x", RateLimited, 429, "rate_limited", "Content-Type text/plain; charset=utf-8", ""},
		{Slack(), "/api/chat.postMessage", ErrorBefore, 503, "<html>", "Content-Type text/html", ""},
		{Slack(), "/api/chat.postMessage", RevokedToken, 200, `"token_revoked"`, "", ""},
		{Slack(), "/services/T1/B1/x", RevokedToken, 404, "no_service", "", ""},
		{Slack(), "/api/chat.postMessage", AddressBan, 200, `"invalid_auth"`, "", ""},
		{Discord(), "/api/v10/webhooks/1/x", RateLimited, 429, `"retry_after":5.000,"global":false`, "Retry-After 5", ""},
		{Discord(), "/api/v10/webhooks/1/x", RateLimitedBare, 429, `"retry_after":5.000`, "X-Ratelimit-Scope user", "Retry-After"},
		{Discord(), "/api/v10/webhooks/1/x", SecondaryLimit, 429, `"global":true`, "X-Ratelimit-Global true", "X-Ratelimit-Bucket"},
		{Discord(), "/api/v10/webhooks/1/x", RevokedToken, 404, `"code":10015`, "", ""},
		{Discord(), "/api/v10/channels/1/messages", RevokedToken, 401, `"401: Unauthorized"`, "", ""},
		{Discord(), "/api/v10/webhooks/1/x", AddressBan, 429, "Error 1015", "Content-Type text/html; charset=UTF-8", "Via"},
		{Discord(), "/api/v10/webhooks/1/x", AddressBan, 429, "<html", "Server cloudflare", "Retry-After"},
		{Teams(), "/workflows/1/triggers/manual/paths/invoke", RateLimited, 429, "Try again in 5 seconds", "Retry-After 5", ""},
		{Teams(), "/workflows/1/triggers/manual/paths/invoke", RateLimitedBare, 429, `"statusCode":429`, "", "Retry-After"},
		{Teams(), "/workflows/1/triggers/manual/paths/invoke", SecondaryLimit, 200, "Microsoft Teams endpoint returned HTTP error 429", "", ""},
		{Teams(), "/workflows/1/triggers/manual/paths/invoke", ErrorBefore, 503, `"code":"ServiceUnavailable"`, "", ""},
		{Teams(), "/workflows/1/triggers/manual/paths/invoke", RevokedToken, 401, "DirectApiAuthorizationRequired", "", ""},
		{Teams(), "/workflows/1/triggers/manual/paths/invoke", AddressBan, 401, "AuthorizationFailed", "", ""},
	} {
		k := New(tt.p, Hooks{Call: func(*http.Request) Call { return Call{Kind: Create} }})
		o, err := ParseOrder([]byte(`{"fault":"` + tt.fault + `","times":1}`))
		if err == nil {
			_, err = k.Add(o)
		}

		if err != nil {
			t.Fatalf("%s %s: %v", tt.p.Provider, tt.fault, err)
		}

		w := httptest.NewRecorder()
		k.Wrap(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest(http.MethodPost, tt.path, strings.NewReader("{}")))
		name, value, _ := strings.Cut(tt.header, " ")
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.body) || w.Header().Get(name) != value || tt.absent != "" && w.Header().Get(tt.absent) != "" {
			t.Errorf("%s %s at %s: %d %v %s", tt.p.Provider, tt.fault, tt.path, w.Code, w.Header(), w.Body)
		}

		if media := w.Header().Get("Content-Type"); strings.HasPrefix(media, "application/json") && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s: %s is no JSON", tt.p.Provider, tt.fault, w.Body)
		}
	}
}

// A profile that forgets a fault is found out when its fake server is opened.
func TestAProfileIsWhole(t *testing.T) {
	defer func() {
		if told := fmt.Sprint(recover()); !strings.Contains(told, "Slack says nothing of "+AddressBan) {
			t.Error(told)
		}
	}()

	p := Slack()
	delete(p.Refusals, AddressBan)
	New(p, Hooks{})
}

// An order that a test makes by hand is checked like any other.
func TestAddChecks(t *testing.T) {
	s := serve(t, Slack(), Hooks{})
	for _, o := range []Order{{Fault: LostAnswer}, {Fault: "nonsense", Times: 1}, {Fault: LostAnswer, Times: 1, Status: 500}} {
		if id, err := s.Add(o); !errors.As(err, new(Refused)) || id != "" {
			t.Errorf("%+v: %q, %v", o, id, err)
		}
	}

	if _, err := s.Add(Order{Fault: RateLimited, Times: 1, Duration: new(Duration(7 * time.Second))}); err != nil {
		t.Fatal(err)
	}

	if _, header := s.call("/api/create"); header.Get("Retry-After") != "7" {
		t.Errorf("%v", header)
	}
}

// The page of docs knows every fault.
func TestEveryFaultIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/faults.md")
	if err != nil {
		t.Fatal(err)
	}

	for _, name := range Names() {
		if !strings.Contains(string(page), "| `"+name+"` | ") {
			t.Errorf("docs/faults.md does not say what %s does", name)
		}
	}
}

// A fake server without a kit is like one whose kit has no orders.
func TestNoKit(t *testing.T) {
	var k *Kit
	w := httptest.NewRecorder()
	k.Wrap(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	mux := http.NewServeMux()
	k.Mount(mux)
	if _, pattern := mux.Handler(httptest.NewRequest(http.MethodGet, "/_/faults", nil)); w.Code != http.StatusNotFound || pattern != "" {
		t.Errorf("%d, %q", w.Code, pattern)
	}

	if form, err := k.Form(); form != "" || err != nil {
		t.Errorf("%q, %v", form, err)
	}

	k.Close()
}

// The objects are counted in the order in which calls are about them.
func TestNth(t *testing.T) {
	s := serve(t, Discord(), Hooks{})
	call := s.Kit.hooks.Call
	s.Kit.hooks.Call = func(r *http.Request) Call {
		c := call(r)
		_, c.Object, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		return c
	}

	s.order(`{"fault":"forbidden_item","times":2,"nth":2}`)
	var got []int
	for _, path := range []string{"/update/b", "/update/a", "/update/b", "/create/a", "/update/a", "/update/a"} {
		got = append(got, s.get(path))
	}

	if fmt.Sprint(got) != "[200 403 200 200 403 200]" {
		t.Errorf("%v", got)
	}
}

// A firewall looks at writes that hold a text.
func TestBlockedContent(t *testing.T) {
	for _, tt := range []struct {
		more, body string
		status     int
	}{
		{"", `{"text":"cat /etc/passwd"}`, 403},
		{"", `{"text":"cat /etc/hosts"}`, 200},
		{`,"status":406`, `{"text":"cat /etc/passwd"}`, 406},
		{`,"pattern":"<script*alert("`, `<script>x; alert(1)`, 403},
		{`,"pattern":"<script*alert("`, `alert(1) <script>`, 200},
	} {
		s := serve(t, Slack(), Hooks{})
		s.order(`{"fault":"blocked_content","times":1` + tt.more + `}`)
		for _, kind := range []string{"read", "create"} {
			response, err := http.Post(s.url+"/"+kind+"/1", "text/plain", strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}

			response.Body.Close()
			if want := map[string]int{"read": 200, "create": tt.status}[kind]; response.StatusCode != want {
				t.Errorf("%s%s %s: %d", kind, tt.more, tt.body, response.StatusCode)
			}
		}
	}
}

// A link leads to another host, or to the same one without TLS.
func TestForeignLinkForms(t *testing.T) {
	const link = `<https://api.example/x?page=2>; rel="next", <https://api.example/x?page=9>; rel="last"`
	for form, want := range map[string]string{
		Host:  `<https://elsewhere.example/x?page=2>; rel="next", <https://elsewhere.example/x?page=9>; rel="last"`,
		Plain: `<http://api.example/x?page=2>; rel="next", <http://api.example/x?page=9>; rel="last"`,
	} {
		out, changed := change(Order{Fault: ForeignLink, Form: form}, Answer{Header: http.Header{"Link": {link}}})
		if got := out.Header.Get("Link"); !changed || got != want {
			t.Errorf("%s: %s", form, got)
		}
	}

	if _, changed := change(Order{Fault: ForeignLink, Form: Host}, Answer{Header: http.Header{}}); changed {
		t.Error("an answer without a link is changed")
	}
}

// Another status of success stays one, and a failure stays as it is.
func TestWrongSuccess(t *testing.T) {
	for status, want := range map[int]int{200: 201, 201: 200, 202: 200, 204: 200, 301: 301, 400: 400, 500: 500} {
		if out, changed := swapped(Answer{Status: status}); out.Status != want || changed != (status != want) {
			t.Errorf("%d becomes %d, %t", status, out.Status, changed)
		}
	}
}

// A guest is one until the fault is cleared.
func TestAnonymous(t *testing.T) {
	p := Slack()
	delete(p.Cannot, Anonymous)
	k := New(p, Hooks{Call: kindOf, Guests: true})
	id, err := k.Add(Order{Fault: Anonymous, Times: 1})
	if err != nil {
		t.Fatal(err)
	}

	guest := func() (is bool) {
		k.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { is = Guest(r.Context()) })).
			ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/read/1", nil))
		return is
	}
	for range 2 {
		if !guest() {
			t.Error("the token is good again by itself")
		}
	}

	if k.Clear(id, ""); guest() {
		t.Error("the token is still dead")
	}
}
