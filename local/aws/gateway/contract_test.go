package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.com/integrations/local/testkit"
)

// A situation is one in which the gateway answers for itself.
type situation struct {
	status int
	change func(*Route)
	invoke func(context.Context, string, []byte) ([]byte, error)
	header http.Header
	empty  bool // the path's parameters
	body   string
	twice  bool
	late   bool // the function never answers
}

var parameter = regexp.MustCompile(`\{[^}]+\}`)

// What the document says of the gateway's own answers is what the gateway
// answers at each route, and nothing that it says is never answered.
func TestOwnAnswersAreDocumented(t *testing.T) {
	var seen testkit.SeenCases
	var want []testkit.ContractCase
	for _, one := range testkit.MustContract().Cases() {
		if one.Gateway() {
			want = append(want, one)
		}
	}

	fine := answer(`{"statusCode":204}`)
	for name, s := range map[string]situation{
		"no token":    {status: 401, header: http.Header{"Authorization": nil}},
		"bad token":   {status: 401, header: http.Header{"Authorization": {"Bearer x"}}},
		"no scope":    {status: 403, change: func(r *Route) { r.Scopes = []string{"read", "admin"} }},
		"no route":    {status: 404, empty: true},
		"a huge body": {status: 413, body: strings.Repeat(" ", maxBody+1)},
		"too many": {status: 429, change: func(r *Route) {
			r.Rate = 0.001
			r.Burst = 1
		}, twice: true},
		"failure":     {status: 500, invoke: answer(`no JSON`)},
		"no instance": {status: 503, invoke: func(context.Context, string, []byte) ([]byte, error) { return nil, ErrThrottled }},
		"takes a year": {status: 503, late: true, invoke: func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
			<-ctx.Done()
			return nil, errors.New("late")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if s.invoke == nil {
				s.invoke = fine
			}

			for _, o := range testkit.MustContract().Operations {
				if s.body != "" && o.Method == http.MethodGet || s.body != "" && o.Method == http.MethodDelete {
					continue // the document gives them no body
				}

				got := s.ask(t, o)
				if got.Status != s.status {
					t.Errorf("%s: %d %s, want %d", o.ID, got.Status, got.Body, s.status)
				}

				if err := o.Answer(got); err != nil {
					t.Error(err)
				}

				seen.Add(o.CaseOf(got))
			}
		})
	}

	for _, one := range seen.Missing(want) {
		t.Errorf("documented, and never answered: %s", one)
	}
}

// ask sends an operation's request to a gateway with its route alone.
func (s situation) ask(t *testing.T, o *testkit.Operation) testkit.Answer {
	t.Helper()
	r := Route{Method: o.Method, Path: o.Path, Function: o.ID}
	if s.change != nil {
		s.change(&r)
	}

	limit := generous
	if s.late {
		limit = 5 * time.Millisecond
	}

	served := serve(t, Config{Routes: []Route{r}, Audience: []string{audience}, Invoke: s.invoke, Timeout: limit}, nil)
	value := "7"
	if s.empty {
		value = ""
	}

	path := parameter.ReplaceAllString(o.Path, value)
	if s.twice {
		served.send(t, o.Method, path, nil, nil)
	}

	var body io.Reader
	if s.body != "" {
		body = strings.NewReader(s.body)
	}

	response, content := served.send(t, o.Method, path, body, s.header)

	return testkit.Answer{Status: response.StatusCode, Header: response.Header, Body: []byte(content)}
}

// A throttled route lets a burst through, and then its rate.
func TestThrottle(t *testing.T) {
	r := &route{Route: Route{Rate: 2, Burst: 3}}
	now := time.Now()
	for n, c := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {0, true}, {0, true}, {0, false}, {400 * time.Millisecond, false}, {100 * time.Millisecond, true}, {0, false},
		{-time.Second, false}, {time.Hour, true}, {0, true}, {0, true}, {0, false}} {
		now = now.Add(c.after)
		if got := r.admits(now); got != c.want {
			t.Errorf("request %d: %v", n, got)
		}
	}

	for range 1000 {
		if !(&route{}).admits(now) {
			t.Fatal("a route without a throttle")
		}
	}
}
