package discord

import (
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
)

func said(checks []connector.Check) string {
	var all []string
	for _, c := range checks {
		all = append(all, c.String())
	}
	return strings.Join(all, " ")
}

func TestCheck(t *testing.T) {
	const known = "reachable=ok credentials=ok "
	last := `"last_message_id":"` + postedID + `"`
	for name, tt := range map[string]struct{ me, channel, list, message, want, logged string }{
		"all is well":    {`200 {"id":"1"}`, `200 {"id":"2","type":0,` + last + `}`, `200 [` + posted1 + `]`, `200 {}`, known + "target=ok write=?(only_by_posting) history=ok", ""},
		"hidden history": {`200 {"id":"1"}`, `200 {"id":"2","type":11,` + last + `}`, `200 []`, `403 {"code":50013}`, known + "target=ok write=?(only_by_posting) history=no(history_not_allowed)", "forbidden"},
		"last deleted":   {`200 {"id":"1"}`, `200 {"id":"2","type":0,` + last + `}`, `200 []`, `404 {"code":10008}`, known + "target=ok write=?(only_by_posting) history=?(not_told)", ""},
		"empty channel":  {`200 {"id":"1"}`, `200 {"id":"2","type":0}`, `200 []`, ``, known + "target=ok write=?(only_by_posting) history=?(not_told)", ""},
		"list refused":   {`200 {"id":"1"}`, `200 {"id":"2","type":0}`, `403 {"code":50001}`, ``, known + "target=ok write=?(only_by_posting) history=no(history_not_allowed)", "forbidden"},
		"forum":          {`200 {"id":"1"}`, `200 {"id":"2","type":15}`, ``, ``, known + "target=no(channel_takes_no_messages)", ""},
		"not seen":       {`200 {"id":"1"}`, `403 {"code":50001}`, ``, ``, known + "target=no(forbidden)", "forbidden"},
		"no channel":     {`200 {"id":"1"}`, `404 {"code":10003}`, ``, ``, known + "target=no(target_not_found)", "target_not_found"},
		"channel down":   {`200 {"id":"1"}`, `502 x`, ``, ``, known + "target=?(provider_error)", "provider_unavailable"},
		"bad token":      {`401 {"code":0}`, ``, ``, ``, "reachable=ok credentials=no(credentials_rejected)", "credentials_rejected"},
		"limited":        {`429 {"retry_after":1.5}`, ``, ``, ``, "reachable=ok credentials=?(rate_limited)", "rate_limited"},
		"nonsense":       {`200 []`, ``, ``, ``, "reachable=ok credentials=?(provider_error)", "answer_unreadable"},
	} {
		f, b := startBot(t, false)
		at := "GET /channels/" + channelID
		f.routes(map[string]string{"GET /users/@me": tt.me, at: tt.channel, at + "/messages": tt.list, at + "/messages/" + postedID: tt.message})
		checks, err := b.Check(t.Context())
		if got := said(checks); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", name, got, tt.want)
		}

		if logged := ""; err != nil {
			if logged = failureOf(t, err).Code; logged != tt.logged {
				t.Errorf("%s: %v", name, err)
			}
		} else if tt.logged != "" {
			t.Errorf("%s: nothing is told to the log", name)
		}
	}
}

func TestCheckOfAWebhook(t *testing.T) {
	for name, tt := range map[string]struct{ thread, answer, want string }{
		"all is well":  {"", `200 {"id":"1","type":1}`, "reachable=ok credentials=ok target=?(only_by_posting)"},
		"in a thread":  {thread, `200 {"id":"1","type":1}`, "reachable=ok credentials=ok target=?(only_by_posting)"},
		"deleted":      {"", `404 {"code":10015}`, "reachable=ok credentials=no(target_not_found)"},
		"a wrong URL":  {"", `401 {"code":50027}`, "reachable=ok credentials=no(credentials_rejected)"},
		"down":         {"", `500 x`, "reachable=ok credentials=?(provider_error)"},
		"not a hook's": {"", `200 5`, "reachable=ok credentials=?(provider_error)"},
	} {
		f, w := startHook(t, tt.thread)
		f.routes(map[string]string{"GET " + hookPath + secret: tt.answer})
		checks, err := w.Check(t.Context())
		if got := said(checks); got != tt.want || (err == nil) != strings.HasPrefix(tt.answer, "200 {") {
			t.Errorf("%s\n got %s\nwant %s %v", name, got, tt.want, err)
		}
	}
}
