package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"example.com/integrations/client"
)

// B3: the command line shows the result, the code and the sentence of each
// check.
func TestCheckText(t *testing.T) {
	no := false
	yes := true
	code := "role_too_low"
	detail := "The server lets developer (55) and above change the status."
	open := "not_told"
	lines := checkText(client.CheckResult{OK: &no, Checks: []client.Check{
		{Name: "create", OK: &yes}, {Name: "close", OK: &no, Code: &code, Detail: &detail}, {Name: "reopen", Code: &open},
	}})
	want := [][2]string{{"works", "no"}, {"  create", "yes"}, {"  close", "no: role_too_low. " + detail}, {"  reopen", "cannot be known: not_told"}}
	if len(lines) != len(want) {
		t.Fatal(lines)
	}

	for i := range want {
		if lines[i] != want[i] {
			t.Errorf("%q, want %q", lines[i], want[i])
		}
	}
}

// C14: with -post the command asks once for a test message, and shows where it is
// or that nobody can know whether it arrived. Without it no message is asked for.
func TestCheckPosts(t *testing.T) {
	for line, c := range map[string]struct {
		contains, body string
		shows          []string
	}{
		"check 1":       {"credentials_rejected", "", []string{"works"}},
		"check 1 -post": {"1408512000000000001", `{"post":true}`, []string{"post         yes", "message        https://discord.com/channels/1100000000000000001/1000000000000000001/1408512000000000001"}},
		"check -post 1": {"no_answer", `{"post":true}`, []string{"works", "cannot be known", "no_answer. The message was sent", "look in the channel"}},
	} {
		s := &session{t: t, contains: c.contains}
		s.run(strings.Fields(line)...)
		if !slices.Equal(s.bodies, []string{c.body}) {
			t.Errorf("%s: sent %q", line, s.bodies)
		}

		for _, want := range c.shows {
			if !strings.Contains(s.out.String(), want) {
				t.Errorf("%s: no %q in\n%s", line, want, s.out.String())
			}
		}
	}

	// An answer that is lost is not asked for again.
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	s := &session{t: t, env: map[string]string{"INTEGRATIONS_API": server.URL}}
	if code := s.run("check", "1", "-post"); code != exitFailed || asked.Load() != 1 {
		t.Errorf("exit %d after %d requests", code, asked.Load())
	}
}

// A message without an address is shown by its id.
func TestMessageText(t *testing.T) {
	url := "https://chat.example/1"
	for want, m := range map[string]client.TestMessage{url: {ID: "1", URL: &url}, "1": {ID: "1"}} {
		lines := checkText(client.CheckResult{Message: &m})
		if got := lines[len(lines)-1]; got != [2]string{"message", want} {
			t.Errorf("%v, want %s", got, want)
		}
	}
}
