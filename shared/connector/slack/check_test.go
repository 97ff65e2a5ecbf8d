package slack

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const me = `{"ok":true,"url":"https://acme.slack.com/","team_id":"T0","user_id":"U0","bot_id":"B0"}`

func TestCheck(t *testing.T) {
	const channel = `{"ok":true,"channel":{"id":"C0123456789","is_archived":%v,"is_member":%v,"is_private":%v}}`
	const all = "chat:write,channels:history,channels:read"
	for name, tt := range map[string]struct {
		status     int
		auth, info string
		scopes     string
		want       string
		logged     string
	}{
		"all is well":       {200, me, fmt.Sprintf(channel, false, true, false), all, "reachable=ok credentials=ok target=ok write=ok history=ok", ""},
		"private":           {200, me, fmt.Sprintf(channel, false, true, true), all, "reachable=ok credentials=ok target=ok write=ok history=no(history_not_allowed)", ""},
		"private, allowed":  {200, me, fmt.Sprintf(channel, false, true, true), "chat:write, groups:history, groups:read", "reachable=ok credentials=ok target=ok write=ok history=ok", ""},
		"not a member":      {200, me, fmt.Sprintf(channel, false, false, false), all, "reachable=ok credentials=ok target=ok write=no(not_in_channel) history=no(not_in_channel)", ""},
		"posts anywhere":    {200, me, fmt.Sprintf(channel, false, false, false), all + ",chat:write.public", "reachable=ok credentials=ok target=ok write=ok history=no(not_in_channel)", ""},
		"private, anywhere": {200, me, fmt.Sprintf(channel, false, false, true), all + ",chat:write.public", "reachable=ok credentials=ok target=ok write=no(not_in_channel) history=no(not_in_channel)", ""},
		"archived":          {200, me, fmt.Sprintf(channel, true, true, false), all, "reachable=ok credentials=ok target=no(archived) write=no(archived) history=ok", ""},
		"no channels:read":  {200, me, `{"ok":false,"error":"missing_scope","needed":"channels:read"}`, "chat:write,channels:history", "reachable=ok credentials=ok target=?(scope_missing) write=?(not_told) history=?(not_told)", ""},
		"both histories":    {200, me, `{"ok":false,"error":"missing_scope"}`, "chat:write,channels:history,groups:history", "reachable=ok credentials=ok target=?(scope_missing) write=?(not_told) history=?(not_told)", ""},
		"no history scope":  {200, me, `{"ok":false,"error":"missing_scope"}`, "chat:write", "reachable=ok credentials=ok target=?(scope_missing) write=?(not_told) history=no(history_not_allowed)", ""},
		"may only read":     {200, me, fmt.Sprintf(channel, false, true, false), "channels:read,channels:history", "reachable=ok credentials=ok target=ok write=no(write_not_allowed) history=ok", ""},
		"no scopes told":    {200, me, fmt.Sprintf(channel, false, true, false), "", "reachable=ok credentials=ok target=ok write=?(not_told) history=?(not_told)", ""},
		"no such channel":   {200, me, `{"ok":false,"error":"channel_not_found"}`, all, "reachable=ok credentials=ok target=no(target_not_found) write=no(target_not_found) history=no(target_not_found)", "target_not_found"},
		"half an answer":    {200, me, `{"ok":true}`, all, "reachable=ok credentials=ok target=?(provider_error) write=?(not_told) history=?(not_told)", "answer_unreadable"},
		"token revoked":     {200, `{"ok":false,"error":"token_revoked"}`, "", "", "reachable=ok credentials=no(credentials_rejected)", "credentials_rejected"},
		"rate limited":      {429, "", "", "", "reachable=ok credentials=?(rate_limited)", "rate_limited"},
		"down":              {500, "<html>", "", "", "reachable=ok credentials=?(provider_error)", "provider_unavailable"},
		"Slack fails":       {200, `{"ok":false,"error":"fatal_error"}`, "", "", "reachable=ok credentials=?(provider_error)", "provider_unavailable"},
		"another's address": {404, "", "", "", "reachable=ok credentials=?(provider_error)", "provider_unavailable"},
	} {
		f, b := startBot(t, false)
		f.answer = func(w http.ResponseWriter, r *http.Request, _ string) {
			if tt.scopes != "" {
				w.Header().Set("X-OAuth-Scopes", tt.scopes)
			}

			w.WriteHeader(tt.status)
			body := tt.info
			if r.URL.Path == "/api/auth.test" {
				body = tt.auth
			}

			fmt.Fprint(w, body)
		}

		checks, err := b.Check(t.Context())
		var said []string
		for _, c := range checks {
			said = append(said, c.String())
		}

		if got := strings.Join(said, " "); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", name, got, tt.want)
		}

		if logged := ""; err != nil {
			if logged = failureOf(t, err).Code; logged != tt.logged {
				t.Errorf("%s: %v", name, err)
			}
		} else if tt.logged != "" {
			t.Errorf("%s: nothing is told to the log", name)
		}

		for _, c := range f.take() {
			if c.method != http.MethodGet || c.path == "/api/conversations.info" && c.query["channel"][0] != "C0123456789" {
				t.Errorf("%s: %v", name, c)
			}
		}
	}
}

func TestCheckOfAWebhookAsksNothing(t *testing.T) {
	f, w := startHook(t)
	checks, err := w.Check(t.Context())
	if err != nil || len(f.take()) != 0 || fmt.Sprint(checks) != "[reachable=?(only_by_posting) credentials=?(only_by_posting) target=?(only_by_posting)]" {
		t.Error(checks, err)
	}
}
