package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/integrations/client"
	"example.com/integrations/docs/openapi"
	"example.com/integrations/local/testkit"
)

// A session is a terminal with an API behind it that answers by the document's
// examples.
type session struct {
	t        *testing.T
	status   int    // of the example, 0 for the first success
	contains string // of the example's body
	env      map[string]string
	stdin    string
	asked    []string // operations
	bodies   []string
	headers  []http.Header
	out, err bytes.Buffer
}

func (s *session) answer(o *testkit.Operation, r *http.Request) testkit.Answer {
	s.asked, s.headers = append(s.asked, o.ID), append(s.headers, r.Header)
	for _, a := range o.Examples() {
		first := s.status == 0 || o.ID != s.asked[0] && r.Method == http.MethodGet
		if (first && a.Status < 300 || !first && a.Status == s.status) && bytes.Contains(a.Body, []byte(s.contains)) {
			return a
		}
	}

	s.t.Errorf("no example of %s has the status %d and %q", o.ID, s.status, s.contains)

	return testkit.Answer{Status: 400}
}

// run gives the exit code.
func (s *session) run(args ...string) int {
	s.t.Helper()
	handler := testkit.ContractHandler(s.answer, func(err error) { s.t.Error(err) })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.bodies = append(s.bodies, string(body))
		r.Body = io.NopCloser(bytes.NewReader(body))
		handler.ServeHTTP(w, r)
	}))

	defer server.Close()
	env := map[string]string{"INTEGRATIONS_API": server.URL, "INTEGRATIONS_TOKEN": "T"}
	for name, value := range s.env {
		env[name] = value
	}

	a := &app{env: func(name string) string { return env[name] }, stdin: strings.NewReader(s.stdin), out: &s.out, err: &s.err}

	return a.code(a.run(s.t.Context(), args))
}

// Each operation has a command, which asks it and shows the answer in words and
// as JSON.
func TestCommands(t *testing.T) {
	met := map[string]bool{}
	for line, c := range map[string]struct {
		operation, contains, want string
		code                      int
	}{
		"list 1":                       {"listIntegrations", "", "1200000000000000002  document   slack     false", 0},
		"get 1":                        {"getIntegration", "", "  token       ********", 0},
		"enable 1":                     {"updateIntegration", "", "enabled       true", 0},
		"disable 1":                    {"updateIntegration", "", "provider      github", 0},
		"delete 1 -yes":                {"deleteIntegration", "", "", 0},
		"check 1":                      {"checkIntegration", `"target"`, "target       yes", 0},
		"check 1 -post":                {"checkIntegration", "1408512", "message        https://discord.com/channels/", 0},
		"status 1":                     {"getStatus", "paused\"", "waits until", 0},
		"sync 1 -mode full":            {"startSync", "", "status  queued", 0},
		"syncs 1 -n 1":                 {"listSyncs", "", "created 12, updated 3, unchanged 600, skipped 1, failed 2", 0},
		"syncs 1 2":                    {"getSync", "pacing", "(pacing)", 0},
		"watch 1 2":                    {"getSync", "succeeded", "", 0},
		"plan 1 2":                     {"listPlan", "", "create, close", 0},
		"cancel 1 2":                   {"cancelSync", "succeeded", "status  succeeded", 0},
		"items -outcome failed 1 -n 2": {"listItems", "", "The title is too long.", 0},
		"retry 1 2 3":                  {"retryItems", "", "sync    1214350950498304001", 0},
		"create 1 -type work_item -provider github owner=octo repo=hello token=env:SECRET": {"createIntegration", "", "version       \"7\"", 0},
	} {
		t.Run(line, func(t *testing.T) {
			s := &session{t: t, contains: c.contains, env: map[string]string{"SECRET": "s3"}}
			if code := s.run(strings.Fields(line)...); code != c.code || !strings.Contains(s.out.String(), c.want) || s.asked[0] != c.operation {
				t.Errorf("exit %d of %v\n%s%s", code, s.asked, s.out.String(), s.err.String())
			}

			met[c.operation] = true
			if c.operation == "deleteIntegration" {
				return
			}

			s = &session{t: t, contains: c.contains, env: map[string]string{"SECRET": "s3"}}
			s.run(append(strings.Fields(line), "-json")...)
			decoder := json.NewDecoder(&s.out)
			n := 0
			for ; ; n++ {
				var one map[string]any
				if err := decoder.Decode(&one); err == io.EOF {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}

			if n == 0 {
				t.Error("no JSON")
			}
		})
	}

	for _, o := range testkit.MustContract().Operations {
		if !met[o.ID] {
			t.Errorf("no command asks %s", o.ID)
		}
	}
}

// The exit codes are a promise to scripts.
func TestExitCodes(t *testing.T) {
	for name, c := range map[string]struct {
		session
		line string
		code int
		says string // on the standard error
	}{
		"refused":            {session{status: 403, contains: "forbidden"}, "get 1", exitRefused, "403 forbidden"},
		"no token":           {session{status: 401}, "get 1", exitRefused, "401 Unauthorized"},
		"not found":          {session{status: 404, contains: "sync_not_found"}, "syncs 1 2", exitNotFound, "sync_not_found"},
		"fields":             {session{status: 400, contains: "invalid_configuration"}, "enable 1", exitRefused, "\n  configuration.repo: is required\n  request id: JKJaXmPLvHcESHA=\n"},
		"stale":              {session{status: 412}, "delete 1 -yes -if-match \"6\"", exitRefused, "precondition_failed"},
		"a fault":            {session{status: 500, contains: "internal_error"}, "enable 1", exitFailed, "internal_error"},
		"a tracker":          {session{status: 400, contains: "invalid_body"}, "check 1 -post", exitRefused, "invalid_body"},
		"post while unwell":  {session{status: 409, contains: "integration_unhealthy"}, "check -post 1", exitRefused, "integration_unhealthy"},
		"post while waiting": {session{status: 409, contains: "integration_waiting"}, "check -post 1", exitRefused, "integration_waiting"},
		"check finds":        {session{contains: "credentials_rejected"}, "check 1", exitUnwell, ""},
		"no command":         {session{}, "frobnicate", exitUsage, "no command"},
		"no arguments":       {session{}, "get", exitUsage, "usage: integrations get INTEGRATION"},
		"too many":           {session{}, "get 1 2", exitUsage, "usage:"},
		"unknown flag":       {session{}, "get 1 -force", exitUsage, "-force"},
		"delete unconfirmed": {session{}, "delete 1", exitUsage, "-yes"},
		"an empty version":   {session{}, "delete 1 -yes -if-match=", exitUsage, "-if-match is empty"},
		"an empty key":       {session{}, "create 1 -type work_item -provider github -key= owner=octo repo=hello", exitUsage, "-key is empty"},
		"nothing to set":     {session{}, "set 1", exitUsage, "something to change"},
		"create without":     {session{}, "create 1", exitUsage, "-type"},
		"no address":         {session{env: map[string]string{"INTEGRATIONS_API": ""}}, "get 1", exitUsage, "must be set"},
		"an open address":    {session{env: map[string]string{"INTEGRATIONS_API": "http://api.example.com"}}, "get 1", exitUsage, "https"},
		"a bad token":        {session{env: map[string]string{"INTEGRATIONS_TOKEN": "hidden\nthing"}}, "get 1", exitUsage, "is no token"},
		"nobody there":       {session{env: map[string]string{"INTEGRATIONS_API": "http://127.0.0.1:1"}}, "enable 1", exitFailed, "connection refused"},
		"help":               {session{}, "help", 0, ""},
		"help of one":        {session{}, "set -h", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := &c.session
			s.t = t
			if code := s.run(strings.Fields(c.line)...); code != c.code || !strings.Contains(s.err.String(), c.says) || (code == 0) != (s.err.Len() == 0) && c.says != "" {
				t.Errorf("exit %d, want %d\n%s", code, c.code, s.err.String())
			}

			if strings.Contains(s.err.String(), "hidden") {
				t.Errorf("a token is told: %s", s.err.String())
			}
		})
	}

	for state, want := range map[string]int{"succeeded": 0, "partial": exitUnwell, "failed": exitUnwell, "unheard": exitUnwell, "cancelled": exitCancelled} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"id":"2","integration_id":"1","status":%q}`, state)
		}))
		for _, line := range []string{"sync 1 -wait", "watch 1 2"} {
			s := &session{t: t, env: map[string]string{"INTEGRATIONS_API": server.URL}}
			if code := s.run(strings.Fields(line)...); code != want {
				t.Errorf("%s, %s: %d, want %d", line, state, code, want)
			}
		}

		server.Close()
	}

	ctx, stop := context.WithCancel(t.Context())
	stop()
	a := &app{env: func(string) string { return "http://127.0.0.1:1" }, out: io.Discard, err: io.Discard}
	if code := a.code(a.run(ctx, []string{"watch", "1", "2"})); code != exitSignal {
		t.Errorf("Ctrl-C: %d", code)
	}
}

// set changes members of what is stored, on the version that it has read.
func TestSet(t *testing.T) {
	file := filepath.Join(t.TempDir(), "configuration.json")
	if err := os.WriteFile(file, []byte(`{"owner":"o","repo":"r","token":"********"}`), 0o600); err != nil {
		t.Fatal(err)
	}

	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("of-a-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	for line, want := range map[string]string{
		"set 1 repo=world":                        `{"labels":"sync","owner":"octo","repo":"world","token":"********"}`,
		"set 1 repo=world -unset labels":          `{"owner":"octo","repo":"world","token":"********"}`,
		"set 1 token=@" + secret:                  `{"labels":"sync","owner":"octo","repo":"hello","token":"of-a-file"}`,
		"set 1 token=@-":                          `{"labels":"sync","owner":"octo","repo":"hello","token":"of-stdin"}`,
		"set 1 token=env:SECRET":                  `{"labels":"sync","owner":"octo","repo":"hello","token":"of-env"}`,
		`set 1 templates:={"title":"<{{url}}>="}`: `{"labels":"sync","owner":"octo","repo":"hello","templates":{"title":"<{{url}}>="},"token":"********"}`,
		"set 1 -file " + file:                     `{"owner":"o","repo":"r","token":"********"}`,
	} {
		s := &session{t: t, stdin: "of-stdin\n", env: map[string]string{"SECRET": "of-env"}}
		code := s.run(strings.Fields(line)...)
		var body struct{ Configuration string }
		if code != 0 || !slices.Equal(s.asked, []string{"getIntegration", "updateIntegration"}) || json.Unmarshal([]byte(s.bodies[1]), &body) != nil || body.Configuration != want {
			t.Errorf("%s: exit %d, sent %s\n%s", line, code, s.bodies, s.err.String())
			continue
		}

		if s.headers[1].Get("If-Match") != `"7"` {
			t.Errorf("If-Match %q", s.headers[1].Get("If-Match"))
		}
	}

	for line, says := range map[string]string{
		"set 1 token=visible": "is a secret", `set 1 token:="visible"`: "is a secret", "set 1 digest_over:=visible{": "no JSON",
		"set 1 visible": "MEMBER=VALUE", "set 1 =visible": "MEMBER=VALUE", "set 1 token=env:NOWHERE": "has no NOWHERE", "set 1 token=@/nowhere": "no such file",
		"set 1 repo=visible -file " + file: "leave the members out",
	} {
		s := &session{t: t}
		if code := s.run(strings.Fields(line)...); code != exitUsage || !strings.Contains(s.err.String(), says) || strings.Contains(s.err.String(), "visible") || slices.Contains(s.asked, "updateIntegration") {
			t.Errorf("%s: exit %d: %s", line, code, s.err.String())
		}
	}
}

// The members that are never taken from the command line are the secret ones of
// the document's forms.
func TestSecretsAreTheForms(t *testing.T) {
	document, err := openapi.Document()
	if err != nil {
		t.Fatal(err)
	}

	parsed, err := openapi.Parse(document)
	if err != nil {
		t.Fatal(err)
	}

	found := map[string]bool{}
	schemas, _ := openapi.At(parsed, "components", "schemas").(map[string]any)
	for name := range schemas {
		if !strings.HasSuffix(name, "Configuration") {
			continue
		}

		members, _ := openapi.At(schemas[name], "properties").(map[string]any)
		for member := range members {
			if openapi.At(members, member, "writeOnly") == true {
				found[member] = true
			}
		}
	}

	if want := keys(found); !slices.Equal(secrets, want) {
		t.Errorf("%v, the forms have %v", secrets, want)
	}
}

// A sync that has ended has nothing more to do.
func TestASyncThatDidNothing(t *testing.T) {
	for status, want := range map[string]string{"queued": "nothing yet", "running": "nothing yet", "waiting": "nothing yet", "succeeded": "nothing", "cancelled": "nothing"} {
		if got := runRow(client.Run{Status: status})[4]; got != want {
			t.Errorf("%s: %q, want %q", status, got, want)
		}
	}
}

// What has come of a list is shown, also where the rest does not come.
func TestAListThatBreaksOff(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("after") {
			w.WriteHeader(http.StatusForbidden)
		}
		fmt.Fprint(w, `{"items":[{"item_id":"1190000000000000001"}],"next":"x"}`)
	}))

	defer server.Close()
	s := &session{t: t, env: map[string]string{"INTEGRATIONS_API": server.URL}}
	if code := s.run("items", "1"); code != exitRefused || !strings.Contains(s.out.String(), "1190000000000000001") {
		t.Errorf("exit %d: %q", code, s.out.String())
	}
}

// A provider's words steer no terminal.
func TestTerminalsAreNotSteered(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "status") {
			w.WriteHeader(http.StatusForbidden)
		}
		fmt.Fprint(w, `{"items":[{"item_id":"1","reason":"a\u001b[2Jb\u0007\n"}],"next":null,"code":"c","detail":"\u001b[2J","errors":[{"field":"\u001b","detail":"\u0007"}]}`)
	}))

	defer server.Close()
	for _, line := range []string{"items 1", "status 1"} {
		s := &session{t: t, env: map[string]string{"INTEGRATIONS_API": server.URL}}
		s.run(strings.Fields(line)...)
		if all := s.out.String() + s.err.String(); all == "" || strings.ContainsAny(all, "\x1b\x07") {
			t.Errorf("%q", all)
		}
	}
}
