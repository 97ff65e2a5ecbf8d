package live

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/integrations/local/aws/secrets"
	"example.com/integrations/local/providers/github"
	"example.com/integrations/local/providers/gitlab"
	"example.com/integrations/local/providers/jira"
	"example.com/integrations/local/providers/mantisbt"
	"example.com/integrations/local/recording"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

// A tracker is a fake server with two accounts, and how they are configured there.
type tracker struct {
	name     string
	provider domain.Provider
	prefix   string // of tokens
	host     string
	// config is the configuration of an account.
	config func(email, token string) string
	// open starts the fake server. The first account may delete.
	open func(t *testing.T, first, second string) (http.Handler, io.Closer, error)
	// deletes says that the provider has a call for that.
	deletes bool
}

// Addresses of the two accounts.
const (
	firstEmail  = "bot@real-company.example"
	secondEmail = "maria@real-company.example"
)

func trackers() []tracker {
	jiraOf := func(name, flavor, host string, config func(email, token string) string) tracker {
		return tracker{name, domain.Jira, "ATA" + "TT3x", host, config, func(t *testing.T, first, second string) (http.Handler, io.Closer, error) {
			s, err := jira.Open(jira.Config{Flavor: flavor, Dir: t.TempDir(), BaseURL: "https://" + host, Projects: []jira.Project{{Key: "PLANS"}},
				Accounts: map[string]jira.Account{first: {Name: "sync-bot", Email: firstEmail, Admin: true}, second: {Name: "maria", Email: secondEmail, Admin: true}}})
			if err != nil {
				return nil, nil, err
			}

			return s.API(), s, nil
		}, true}
	}

	return []tracker{
		{"github", domain.GitHub, "gh" + "p_", server, func(_, token string) string {
			return `{"owner":"real-company","repo":"secret-plans","base_url":"https://` + server + `/api/v3","token":"` + token + `"}`
		}, func(t *testing.T, first, second string) (http.Handler, io.Closer, error) {
			s, err := github.Open(github.Config{Dir: t.TempDir(), Tokens: map[string]string{first: "sync-bot", second: "maria"},
				Repositories: []github.Repository{{Owner: "real-company", Name: "secret-plans"}}})
			if err != nil {
				return nil, nil, err
			}

			return http.StripPrefix("/api/v3", s.API()), s, nil
		}, false},
		{"gitlab", domain.GitLab, "gl" + "pat-", "gitlab.company.example", func(_, token string) string {
			return `{"project":"real-company/secret-plans","base_url":"https://gitlab.company.example/api/v4","token":"` + token + `"}`
		}, func(t *testing.T, first, second string) (http.Handler, io.Closer, error) {
			s, err := gitlab.Open(gitlab.Config{Dir: t.TempDir(), Host: "gitlab.company.example", Tokens: map[string]string{first: "sync-bot", second: "maria"},
				Projects: []gitlab.Project{{Path: "real-company/secret-plans", Roles: map[string]int{"sync-bot": gitlab.Owner, "maria": gitlab.Developer}}}})
			if err != nil {
				return nil, nil, err
			}

			return s.API(), s, nil
		}, true},
		jiraOf("jira", jira.Cloud, "real-company.atlassian.net", func(email, token string) string {
			return `{"flavor":"cloud","base_url":"https://real-company.atlassian.net","email":"` + email + `","api_token":"` + token + `","project_key":"PLANS","issue_type":"Task"}`
		}),
		jiraOf("jira_datacenter", jira.Datacenter, "jira.company.example", func(_, token string) string {
			return `{"flavor":"datacenter","base_url":"https://jira.company.example","token":"` + token + `","project_key":"PLANS","issue_type":"Task"}`
		}),
		{"mantisbt", domain.MantisBT, "", "mantis.company.example", func(_, token string) string {
			return `{"base_url":"https://mantis.company.example","project":"Secret plans","token":"` + token + `"}`
		}, func(t *testing.T, first, second string) (http.Handler, io.Closer, error) {
			s, err := mantisbt.Open(mantisbt.Config{Dir: t.TempDir(), Tokens: map[string]string{first: "sync-bot", second: "maria"},
				Projects: []mantisbt.Project{{ID: 1, Name: "Secret plans"}}})
			if err != nil {
				return nil, nil, err
			}

			return s.API(), s, nil
		}, true},
	}
}

// lines opens the lines of both accounts at a tracker. Their tokens are given too.
func (tr tracker) lines(t *testing.T) (first, second *Line, tokens []string) {
	t.Helper()
	tokens = []string{tr.prefix + strings.Repeat("sample", 6), tr.prefix + strings.Repeat("person", 6)}
	api, fake, err := tr.open(t, tokens[0], tokens[1])
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = fake.Close() })

	first, err = Open(tr.provider, tr.config(firstEmail, tokens[0]), tlsAt(t, tr.host, api))
	if err != nil {
		t.Fatal(err)
	}

	second, err = first.OpenPerson(tr.config(secondEmail, tokens[1]))
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = errors.Join(first.Close(), second.Close()) })

	return first, second, tokens
}

// tlsAt serves a provider under its name, and says how it is reached.
func tlsAt(t *testing.T, host string, api http.Handler) Upstream {
	t.Helper()
	ca, err := secrets.OpenCA(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}

	certificate, err := ca.Certificate(host)
	if err != nil {
		t.Fatal(err)
	}

	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}

	web := &http.Server{Handler: api, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = web.Serve(listener) }()
	t.Cleanup(func() { _ = web.Close() })

	return Upstream{CA: ca.CertFile(), Dial: func(string) string { return listener.Addr().String() }}
}

// A second account edits in place of a person, and the first one sees it. What the
// trial made is deleted through the proxy. The recording names both, and holds no
// secret of either.
func TestASecondAccountEdits(t *testing.T) {
	for _, tr := range trackers() {
		t.Run(tr.name, func(t *testing.T) {
			first, second, tokens := tr.lines(t)
			trial := &Trial{Connector: first.Connector, Wire: first.Wire, Recorder: first.Recorder, Clock: &waiting{}, Person: second.Connector}
			rows, err := trial.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}

			for _, r := range rows {
				want := Kept
				unlabelled := r.Promise == "labels are taken" && tr.name == "mantisbt"
				if strings.HasPrefix(r.Promise, "the place is known again") || unlabelled || r.Promise == deletedPromise && !tr.deletes {
					want = NotTried
				}

				if r.Promise != "limits are told" && r.Outcome != want {
					t.Errorf("%s: %s %s", r.Promise, r.Outcome, r.Detail)
				}
			}

			if trial.made.all[0].item.Title == personsTitle {
				t.Error("the second account's title became that of the item")
			}

			saved(t, first, tokens, tr.deletes)
			differences, err := first.Differences(t.Context(), false)
			if err != nil || len(differences) > 0 {
				t.Errorf("the fake server does not answer alike: %q, %v", Grouped(differences), err)
			}
		})
	}
}

// saved looks at a recording of both accounts.
func saved(t *testing.T, line *Line, tokens []string, deletes bool) {
	t.Helper()
	var file bytes.Buffer
	if err := line.Save(&file); err != nil {
		t.Fatal(err)
	}

	for _, token := range tokens {
		for _, hidden := range []string{token, base64.StdEncoding.EncodeToString([]byte(token)), base64.StdEncoding.EncodeToString([]byte(secondEmail + ":" + token))} {
			if strings.Contains(file.String(), hidden) {
				t.Errorf("%s is in the recording", hidden)
			}
		}
	}

	for _, hidden := range []string{line.host, "real-company", firstEmail, secondEmail} {
		if strings.Contains(file.String(), hidden) {
			t.Errorf("%s is in the recording", hidden)
		}
	}

	all, err := recording.Read(&file)
	if err != nil {
		t.Fatal(err)
	}

	edits := 0
	deleted := 0
	last := "" // who made the last call of the row: the list that shows the edit
	for _, e := range all {
		byPerson := e.Role == "person"
		if byPerson != (strings.HasPrefix(e.Case, "a-person-s-edit-is-seen") && e.Role != "ours") {
			t.Errorf("%s is by %s", e.Case, e.Role)
		}

		if strings.HasPrefix(e.Case, "a-person-s-edit-is-seen") {
			last = e.Role
		}

		if byPerson && e.Request.Method != http.MethodGet {
			edits++
		}

		if e.Request.Method == http.MethodDelete {
			deleted++
			if !strings.HasPrefix(e.Case, "delete") || e.Role != "ours" || e.Response.Status != http.StatusNoContent {
				t.Errorf("%s by %s: %d", e.Case, e.Role, e.Response.Status)
			}
		}
	}

	if last != "ours" || edits == 0 || (deleted == 2) != deletes {
		t.Errorf("%d edits of the person, %d deletes, seen by %q", edits, deleted, last)
	}
}

// A secret of the second account is kept out of a recording even where the
// provider repeats it in a text.
func TestASecondSecretIsScrubbed(t *testing.T) {
	tr := trackers()[1]
	first, second, tokens := tr.lines(t)
	planted := domain.Item{ID: 1, Title: "Live check", Description: "the token is " + tokens[1] + ", or " + base64.StdEncoding.EncodeToString([]byte(tokens[1]))}
	if _, err := second.Connector.Resolve(t.Context()); err != nil {
		t.Fatal(err)
	}

	if _, err := second.Connector.Create(t.Context(), second.Connector.Render(planted), connector.Marker{Integration: 1, Item: 1, Attempt: 1}); err != nil {
		t.Fatal(err)
	}

	exchanges := first.Recorder.Exchanges()
	sent := false
	for _, e := range exchanges {
		sent = sent || strings.Contains(string(e.Request.Body), tokens[1])
	}

	var file bytes.Buffer
	err := first.Save(&file)
	if !sent || err != nil {
		t.Fatalf("sent %t, %v", sent, err)
	}

	for _, hidden := range []string{tokens[1], base64.StdEncoding.EncodeToString([]byte(tokens[1]))} {
		if strings.Contains(file.String(), hidden) {
			t.Errorf("%s is in the recording", hidden)
		}
	}
}

// A second configuration with the first one's token, or of another place, is
// refused, without its secret.
func TestOpenPersonRefuses(t *testing.T) {
	for _, tr := range trackers() {
		t.Run(tr.name, func(t *testing.T) {
			first, _, tokens := tr.lines(t)
			another := strings.NewReplacer("secret-plans", "other-plans", "Secret plans", "Other plans", "PLANS", "OTHER")
			for name, tt := range map[string]struct{ config, want string }{
				"the same token":  {tr.config(firstEmail, tokens[0]), "token is that of the first configuration"},
				"another place":   {another.Replace(tr.config(secondEmail, tokens[1])), "it leads to another place than the first configuration"},
				"another server":  {strings.Replace(tr.config(secondEmail, tokens[1]), "company", "firm", 2), "it leads to another place than the first configuration"},
				"no token":        {tr.config(secondEmail, ""), "token"},
				"no JSON at all":  {"x", "configuration"},
				"another's forms": {`{"bot_token":"` + tokens[1] + `"}`, "bot_token"},
			} {
				_, err := first.OpenPerson(tt.config)
				if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), tokens[0]) || strings.Contains(err.Error(), tokens[1]) {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

// Nobody edits messages in a chat.
func TestOpenPersonRefusesAChat(t *testing.T) {
	hook := "https://discord.com/api/webhooks/1210000000000000004/" + strings.Repeat("s", 68)
	line, err := Open(domain.Discord, `{"webhook_url":"`+hook+`"}`, Upstream{})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = line.Close() })
	if _, err := line.OpenPerson(`{"webhook_url":"` + hook + `x"}`); err == nil || !strings.Contains(err.Error(), "chat") || strings.Contains(err.Error(), hook) {
		t.Error(err)
	}
}

// The second account may reach another place under the same words: then it does
// not edit.
func TestASecondAccountInAnotherPlace(t *testing.T) {
	tr := trackers()[1]
	first, _, tokens := tr.lines(t)
	other, fake, err := tr.open(t, "x", tokens[1])
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = fake.Close() })
	renamed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}

		held := &taken{header: http.Header{}}
		other.ServeHTTP(held, r)
		body := strings.Replace(held.body.String(), `"id":`, `"id":9`, 1)
		w.Header().Set("Content-Type", held.header.Get("Content-Type"))
		w.WriteHeader(held.status)
		_, _ = io.WriteString(w, body)
	})

	first.second.up = tlsAt(t, tr.host, renamed)
	second, err := first.OpenPerson(tr.config(secondEmail, tokens[1]))
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = second.Close() })

	trial := &Trial{Connector: first.Connector, Wire: first.Wire, Clock: &waiting{}, Person: second.Connector}
	rows, err := trial.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	for _, r := range rows {
		if r.Promise == editPromise && (r.Outcome != Broken || !strings.Contains(r.Detail, "which is another place")) {
			t.Errorf("%+v", r)
		}
	}
}
