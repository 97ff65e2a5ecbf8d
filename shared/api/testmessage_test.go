package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/integrations/local/providers/chat"
	fakediscord "example.com/integrations/local/providers/discord"
	"example.com/integrations/local/providers/faults"
	fakeslack "example.com/integrations/local/providers/slack"
	faketeams "example.com/integrations/local/providers/teams"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/discord"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/slack"
	"example.com/integrations/shared/connector/teams"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/outbound"
	"example.com/integrations/shared/store"
)

// The chats' secrets, put together here, so that no scanner takes them for real ones.
var (
	slackToken = "xo" + "xb-" + strings.Repeat("1", 12) + "-" + strings.Repeat("s", 24)
	slackHook  = "T0/B0/" + strings.Repeat("S", 24)
	discordBot = strings.Repeat("M", 24) + "." + strings.Repeat("a", 6) + "." + strings.Repeat("b", 27)
	hookToken  = strings.Repeat("h", 68)
	teamsSig   = strings.Repeat("t", 43)

	chatSecrets = []string{slackToken, strings.Repeat("S", 24), discordBot, hookToken, teamsSig}
)

const (
	slackChannel   = "C0WORK00001"
	discordChannel = "1000000000000000001"
	discordThread  = "1000000000000000002"
	discordHook    = "2000000000000000001"
	onServer       = "https://" + connectortest.Host
)

// A way is one of the five ways to post into a chat, with a fake server behind it.
type way struct {
	name          string
	id            domain.Snowflake
	provider      domain.Provider
	configuration string
	channel       string
	stood         *chat.Chat
	api           http.Handler
	open          func(client *outbound.Client) connector.Connector
	// posted are the checks where all is well.
	posted string
	// finds says that the message's id and address are told.
	finds bool
}

// A scenery is what differs between tests of the fake servers.
type scenery struct {
	slackOff, slackArchived bool
	blind                   bool // the bot of Slack may not read the channel's history
	discordOff, mute        bool
	thread                  string // of the Discord webhook
	flowOff                 bool
	teamsSig                string
}

// ways are all five, on fake servers of their own.
func ways(t *testing.T, s scenery) []way {
	t.Helper()
	scopes := []string{"chat:write", "channels:read", "channels:history"}
	if s.blind {
		scopes = scopes[:2]
	}

	onSlack, err1 := fakeslack.Open(fakeslack.Config{
		Dir:      t.TempDir(),
		Accounts: map[string]fakeslack.Account{slackToken: {Name: "sync", User: "U0SYNC0001", Bot: true, Scopes: scopes}},
		Channels: []fakeslack.Channel{{ID: slackChannel, Name: "work", Archived: s.slackArchived}},
		Hooks:    []fakeslack.Hook{{Path: slackHook, Channel: slackChannel, App: "sync", Off: s.slackOff}},
	})

	work := fakediscord.Channel{ID: discordChannel, Name: "work"}
	if s.mute {
		work.Mute = []string{"3000000000000000001"}
	}

	onDiscord, err2 := fakediscord.Open(fakediscord.Config{
		Dir:      t.TempDir(),
		Accounts: map[string]fakediscord.Account{discordBot: {ID: "3000000000000000001", Name: "sync", Bot: true}},
		Channels: []fakediscord.Channel{work, {ID: discordThread, Name: "thread", Parent: discordChannel}},
		Webhooks: []fakediscord.Webhook{{ID: discordHook, Token: hookToken, Channel: discordChannel, Name: "sync", Off: s.discordOff}},
	})

	onTeams, err3 := faketeams.Open(faketeams.Config{
		Dir: t.TempDir(), Channels: []faketeams.Channel{{ID: "work", Name: "Work"}},
		Flows: []faketeams.Flow{{ID: "flow1", Sig: teamsSig, Channel: "work", Off: s.flowOff}},
	})
	must(t, errors.Join(err1, err2, err3))
	t.Cleanup(func() { _ = errors.Join(onSlack.Close(), onDiscord.Close(), onTeams.Close()) })

	workflow := func(host, sig string) string { return faketeams.Flow{ID: "flow1", Sig: sig}.URL(host) }
	if s.teamsSig == "" {
		s.teamsSig = teamsSig
	}

	return []way{
		{
			name: "slack", id: 601, provider: domain.Slack, configuration: `{"bot_token":"` + slackToken + `","channel":"` + slackChannel + `"}`,
			channel: slackChannel, stood: onSlack.Chat, api: onSlack.API(), finds: true,
			open: func(client *outbound.Client) connector.Connector {
				return slack.NewBot(slack.BotConfig{BaseURL: onServer + "/api", Token: slackToken, Channel: slackChannel}, client, nil)
			},
			posted: "true reachable=ok credentials=ok target=ok write=ok history=ok post=ok",
		},
		{
			name: "slack webhook", id: 602, provider: domain.Slack, configuration: `{"webhook_url":"https://hooks.slack.com/services/` + slackHook + `"}`,
			channel: slackChannel, stood: onSlack.Chat, api: onSlack.API(),
			open: func(client *outbound.Client) connector.Connector {
				return slack.NewWebhook(slack.WebhookConfig{URL: onServer + "/services/" + slackHook}, client, nil)
			},
			posted: "true reachable=ok credentials=ok target=ok post=ok",
		},
		{
			name: "discord", id: 603, provider: domain.Discord, configuration: `{"bot_token":"` + discordBot + `","channel_id":"` + discordChannel + `"}`,
			channel: discordChannel, stood: onDiscord.Chat, api: onDiscord.API(), finds: true,
			open: func(client *outbound.Client) connector.Connector {
				return discord.NewBot(discord.BotConfig{BaseURL: onServer + "/api/v10", Token: discordBot, Channel: discordChannel}, client, nil)
			},
			posted: "true reachable=ok credentials=ok target=ok write=ok history=ok post=ok",
		},
		{
			name: "discord webhook", id: 604, provider: domain.Discord, configuration: `{"webhook_url":"https://discord.com/api/webhooks/` + discordHook + `/` + hookToken + `"}`,
			channel: discordChannel, stood: onDiscord.Chat, api: onDiscord.API(), finds: true,
			open: func(client *outbound.Client) connector.Connector {
				return discord.NewWebhook(discord.WebhookConfig{URL: onServer + "/api/webhooks/" + discordHook + "/" + hookToken, Thread: s.thread}, client, nil)
			},
			posted: "true reachable=ok credentials=ok target=ok post=ok",
		},
		{
			name: "teams", id: 605, provider: domain.Teams, configuration: `{"workflow_url":"` + workflow("default0123456789abcdef0123456789abcd.0a.environment.api.powerplatform.com", teamsSig) + `"}`,
			channel: "work", stood: onTeams.Chat, api: onTeams.API(),
			open: func(client *outbound.Client) connector.Connector {
				return teams.New(teams.Config{URL: workflow(connectortest.Host, s.teamsSig)}, client, nil)
			},
			posted: "null reachable=ok credentials=ok target=?(accepted) post=?(accepted)",
		},
	}
}

// trying is a world with an integration of that way, through a server that
// between may stand before.
func (y way) trying(t *testing.T, between func(http.Handler) http.Handler) *world {
	t.Helper()
	w := newWorld(t)
	w.within = time.Hour
	w.restart()
	w.create(t, y.id, org, y.provider, true, y.configuration)

	handler := y.api
	if between != nil {
		handler = between(handler)
	}

	c := y.open(connectortest.Serve(t, handler, chatSecrets...))
	w.provider = func(context.Context, store.View) (connector.Connector, error) { return c, nil }
	t.Cleanup(func() {
		for _, secret := range chatSecrets {
			if strings.Contains(w.log.String(), secret) {
				t.Errorf("a secret is in the log: %s", w.log)
			}
		}
	})

	return w
}

// post asks for a test message.
func (y way) post(t *testing.T, w *world) (status int, body string, header map[string]string) {
	t.Helper()
	resp := send(t, w.check, request{id: y.id.String(), body: `{"post":true}`})
	for _, secret := range chatSecrets {
		if strings.Contains(resp.Body, secret) {
			t.Errorf("a secret is in %s", resp.Body)
		}
	}

	return resp.StatusCode, resp.Body, resp.Headers
}

// said is an answer in one line: the whole, and each check.
func said(t *testing.T, status int, body string) string {
	t.Helper()
	if status != 200 {
		t.Fatalf("%d %s", status, body)
	}

	var a struct {
		OK     json.RawMessage
		Checks []connector.Check
	}
	must(t, json.Unmarshal([]byte(body), &a))
	text := string(a.OK)
	for _, c := range a.Checks {
		text += " " + c.String()
	}

	return text
}

// messagesOf are those in the channel.
func (y way) messagesOf() []*chat.Message { return y.stood.Messages(y.channel) }

// C14: all five ways post one message that says which integration it is, who asked
// and when, that it is a test, and that mentions nobody and is no item's.
func TestATestMessage(t *testing.T) {
	markers := regexp.MustCompile(`[0-9]+/[0-9]+/[0-9]+|integrations_item`)
	for _, y := range ways(t, scenery{}) {
		t.Run(y.name, func(t *testing.T) {
			w := y.trying(t, nil)
			before := len(y.messagesOf())
			status, body, _ := y.post(t, w)
			if got := said(t, status, body); got != y.posted {
				t.Errorf("%s\nwant %s", got, y.posted)
			}

			all := y.messagesOf()
			if len(all) != before+1 {
				t.Fatalf("%d messages", len(all)-before)
			}

			m := all[len(all)-1]
			wire := strings.ReplaceAll(string(m.Wire), `\\_`, "_") // an escape of Markdown
			for _, part := range []string{"Test message from Integrations", "This is a test", y.id.String(), "work_item", "User 12 asked", "05:06:07 UTC on 4 March 2026", "You may delete"} {
				if !strings.Contains(wire, part) {
					t.Errorf("%q is not in %s", part, wire)
				}
			}

			if found := markers.FindString(wire); found != "" {
				t.Errorf("%q could be the marker of an item", found)
			}

			if bad := y.stood.Violations(); len(bad) > 0 || m.Failed != "" {
				t.Errorf("%v %s", bad, m.Failed)
			}

			y.tellsWhere(t, body, m)
		})
	}
}

// tellsWhere reports whether the answer has the message's id and address, where the
// provider tells it.
func (y way) tellsWhere(t *testing.T, body string, m *chat.Message) {
	t.Helper()
	var a struct{ Message *struct{ ID, URL string } }
	must(t, json.Unmarshal([]byte(body), &a))
	if !y.finds {
		if a.Message != nil {
			t.Errorf("%+v", a.Message)
		}
		return
	}

	want := "https://discord.com/channels/1100000000000000001/" + discordChannel + "/" + m.ID
	if y.provider == domain.Slack {
		want = ".slack.com/archives/" + slackChannel + "/p" + strings.ReplaceAll(m.ID, ".", "")
	}

	if a.Message == nil || a.Message.ID != m.ID || !strings.HasSuffix(a.Message.URL, want) {
		t.Errorf("%+v, want the message %s at %s", a.Message, m.ID, want)
	}
}

// C14: a sync that looks for lost messages does not take a test message for one.
func TestATestMessageIsNoItems(t *testing.T) {
	for _, y := range ways(t, scenery{}) {
		w := y.trying(t, nil)
		y.post(t, w)
		c, err := w.provider(t.Context(), store.View{})
		must(t, err)
		finder, finds := c.(connector.Finder)
		if !finds {
			continue
		}

		want := []connector.Marker{{Integration: y.id, Item: 1}, {Integration: y.id, Item: 1, Attempt: 1}, {}}
		if found, err := finder.Find(t.Context(), time.Now().Add(-time.Hour), want); err != nil || len(found) != 0 {
			t.Errorf("%s: %v, %v", y.name, found, err)
		}
	}
}

// C14: a disabled integration can be tried: it is before the first sync that
// people want to.
func TestATestMessageOfADisabledIntegration(t *testing.T) {
	y := ways(t, scenery{})[1]
	w := y.trying(t, nil)
	if resp := send(t, w.patch, request{id: y.id.String(), body: `{"enabled":false}`}); resp.StatusCode != 200 {
		t.Fatal(resp.Body)
	}

	status, body, _ := y.post(t, w)
	if got := said(t, status, body); got != y.posted || len(y.messagesOf()) != 1 {
		t.Errorf("%s, %d messages", got, len(y.messagesOf()))
	}
}

// C14: what is wrong shows, of a webhook too, and where a check without a message
// finds it, none is sent.
func TestATestMessageThatIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		scenery
		way  int
		want string
		sent bool
	}{
		"no webhook of Slack":      {scenery{slackOff: true}, 1, "false reachable=ok credentials=no(credentials_rejected) target=?(only_by_posting) post=no(credentials_rejected)", true},
		"archived, by webhook":     {scenery{slackArchived: true}, 1, "false reachable=ok credentials=ok target=no(target_not_found) post=no(target_not_found)", true},
		"archived, by bot":         {scenery{slackArchived: true}, 0, "false reachable=ok credentials=ok target=no(archived) write=no(archived) history=ok post=?(not_sent)", false},
		"no right to read":         {scenery{blind: true}, 0, "false reachable=ok credentials=ok target=ok write=ok history=no(history_not_allowed) post=ok", true},
		"no webhook of Discord":    {scenery{discordOff: true}, 3, "false reachable=ok credentials=no(target_not_found) post=?(not_sent)", false},
		"an unknown thread":        {scenery{thread: "1000000000000000009"}, 3, "false reachable=ok credentials=ok target=no(target_not_found) post=no(target_not_found)", true},
		"a thread":                 {scenery{thread: discordThread}, 3, "true reachable=ok credentials=ok target=ok post=ok", true},
		"a bot that may not write": {scenery{mute: true}, 2, "false reachable=ok credentials=ok target=ok write=no(write_not_allowed) history=ok post=?(not_sent)", false},
		"a workflow that is off":   {scenery{flowOff: true}, 4, "false reachable=ok credentials=ok target=no(target_not_found) post=no(target_not_found)", true},
		"a wrong signature":        {scenery{teamsSig: strings.Repeat("x", 43)}, 4, "false reachable=ok credentials=no(credentials_rejected) target=?(only_by_posting) post=no(credentials_rejected)", true},
	} {
		t.Run(name, func(t *testing.T) {
			y := ways(t, c.scenery)[c.way]
			var posts atomic.Int32
			w := y.trying(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodPost {
						posts.Add(1)
					}
					next.ServeHTTP(rw, r)
				})
			})

			status, body, _ := y.post(t, w)
			if got := said(t, status, body); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}

			if want := map[bool]int{true: 1}[c.sent]; int(posts.Load()) != want {
				t.Errorf("%d posts, want %d", posts.Load(), want)
			}
		})
	}
}

// C14: where the answer is lost, the message may have arrived. The answer says so,
// and nothing is sent again: neither by this request nor by the next one within
// the minute.
func TestATestMessageWhoseAnswerIsLost(t *testing.T) {
	for i, name := range []string{"slack", "slack webhook", "discord", "discord webhook", "teams"} {
		for fault, arrives := range map[string]int{faults.LostAnswer: 1, faults.ErrorAfter: 1, faults.ErrorBefore: 0} {
			t.Run(name+" "+fault, func(t *testing.T) {
				y := ways(t, scenery{})[i]
				order := faults.Order{Fault: fault, Times: 100, Match: faults.Match{Kind: faults.Create}}
				if fault != faults.LostAnswer {
					order.Status = 500
				}

				_, err := y.stood.Faults().Add(order)
				must(t, err)

				w := y.trying(t, nil)
				status, body, _ := y.post(t, w)
				got := said(t, status, body)
				if !strings.HasPrefix(got, "null ") || !strings.HasSuffix(got, " post=?(no_answer)") || strings.Contains(got, "no(") || strings.Contains(got, "only_by_posting") {
					t.Error(got)
				}

				if n := len(y.messagesOf()); n != arrives {
					t.Errorf("%d messages, want %d", n, arrives)
				}

				w.now = w.now.Add(59 * time.Second)
				if status, body, _ := y.post(t, w); status != 429 || len(y.messagesOf()) != arrives {
					t.Errorf("%d %s, %d messages", status, body, len(y.messagesOf()))
				}
			})
		}
	}
}

// C14: one message a minute and 20 a day an integration. A refusal says when the
// next one may be sent, and neither it nor a change of the configuration counts.
func TestTestMessagesAreLimited(t *testing.T) {
	y := ways(t, scenery{})[1]
	w := y.trying(t, nil)
	sent := 0
	post := func(want int, wait time.Duration) {
		t.Helper()
		status, body, header := y.post(t, w)
		if status == 200 {
			sent++
		}

		after := ""
		if wait > 0 {
			after = strconv.Itoa(int(wait.Seconds()))
		}

		if status != want || header["retry-after"] != after || len(y.messagesOf()) != sent {
			t.Fatalf("%d %s after %d messages, Retry-After %q, want %q", status, body, sent, header["retry-after"], after)
		}
	}

	began := w.now
	post(200, 0)
	post(429, time.Minute)
	w.now = w.now.Add(15 * time.Second)
	post(429, 45*time.Second)
	if resp := send(t, w.check, request{id: y.id.String()}); resp.StatusCode != 200 { // a check is limited by itself
		t.Fatal(resp.Body)
	}

	w.now = w.now.Add(45*time.Second - time.Millisecond)
	post(429, time.Second)
	w.now = w.now.Add(time.Millisecond)
	for range 19 {
		post(200, 0)
		w.now = w.now.Add(time.Minute)
	}

	post(429, 24*time.Hour-20*time.Minute)
	w.now = began.Add(24*time.Hour - time.Second)
	post(429, time.Second)
	w.now = began.Add(24 * time.Hour)
	post(200, 0)
	if sent != 21 {
		t.Errorf("%d messages", sent)
	}

	resp := send(t, w.check, request{id: y.id.String(), body: `{"post":true}`})
	refused(t, resp, refusal{429, "too_many_requests", nil})
	for _, part := range []string{"once a minute", "20 times in 24 hours", "every 10 seconds"} {
		if !strings.Contains(resp.Body, part) {
			t.Errorf("%q is not in %s", part, resp.Body)
		}
	}
}

// C14: a check without a message is limited as before, and a check with one
// counts as a check.
func TestATestMessageIsACheck(t *testing.T) {
	y := ways(t, scenery{})[1]
	w := y.trying(t, nil)
	if resp := send(t, w.check, request{id: y.id.String()}); resp.StatusCode != 200 {
		t.Fatal(resp.Body)
	}

	if status, _, header := y.post(t, w); status != 429 || header["retry-after"] != "10" {
		t.Errorf("%d, Retry-After %q", status, header["retry-after"])
	}

	w.now = w.now.Add(10 * time.Second)
	if status, body, _ := y.post(t, w); status != 200 {
		t.Errorf("%d %s", status, body)
	}

	if resp := send(t, w.check, request{id: y.id.String()}); resp.StatusCode != 429 {
		t.Errorf("%d %s", resp.StatusCode, resp.Body)
	}

	if n := len(y.messagesOf()); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// C14: the body is strict, a tracker takes no messages, and what is refused counts
// for nothing.
func TestTheBodyOfACheck(t *testing.T) {
	y := ways(t, scenery{})[1]
	w := y.trying(t, nil)
	chatID := y.id.String()
	for body, fields := range map[string][]string{
		`{"post":1}`: {"post"}, `{"post":null}`: {"post"}, `{"post":"true"}`: {"post"}, `{"post":[true]}`: {"post"},
		`{"post":true,"post":true}`: {"post"}, `{"post":true,"deep":true}`: {"deep"}, `{"Post":true}`: {"Post"},
	} {
		refused(t, send(t, w.check, request{id: chatID, body: body}), refusal{400, "invalid_body", fields})
	}

	refused(t, send(t, w.check, request{id: chatID, body: `{"post":true}`, header: map[string]string{"content-type": "text/plain"}}), refusal{415, "unsupported_media_type", nil})
	refused(t, send(t, w.check, request{body: `{"post":true}`}), refusal{400, "invalid_body", []string{"post"}})

	w.provider = healthy
	if resp := send(t, w.check, request{body: `{"post":false}`}); resp.StatusCode != 200 || strings.Contains(resp.Body, `"post"`) {
		t.Errorf("a tracker without a message: %d %s", resp.StatusCode, resp.Body)
	}

	if resp := send(t, w.check, request{id: chatID, body: `{"post":false}`}); resp.StatusCode != 200 || strings.Contains(resp.Body, `"post"`) {
		t.Errorf("a chat without a message: %d %s", resp.StatusCode, resp.Body)
	}

	if n := len(y.messagesOf()); n != 0 {
		t.Errorf("%d messages", n)
	}
}

// C14: nobody posts for an organisation in which they do not hold
// MANAGE_ORGANISATION.
func TestATestMessageOfAForeigner(t *testing.T) {
	y := ways(t, scenery{})[1]
	w := y.trying(t, nil)
	for _, who := range []string{stranger, plain, pending, denied, removed} {
		refused(t, send(t, w.check, request{id: y.id.String(), body: `{"post":true}`, caller: who}), refusal{403, "forbidden", nil})
	}

	refused(t, send(t, w.check, request{id: y.id.String(), body: `{"post":true}`, caller: "-"}), refusal{403, "caller_unknown", nil})
	refused(t, send(t, w.check, request{id: "999", body: `{"post":true}`}), refusal{404, "integration_not_found", nil})
	if n := len(y.messagesOf()); n != 0 {
		t.Errorf("%d messages", n)
	}

	if status, body, _ := y.post(t, w); status != 200 { // what was refused has counted for nothing
		t.Errorf("%d %s", status, body)
	}
}

// held gives a worker's hold on a run of the integration.
func (y way) held(t *testing.T, w *world) (store.ActiveRun, store.Lease) {
	t.Helper()
	p := store.IntegrationRef{ID: y.id, OrganisationID: org, ItemType: "work_item"}
	run := store.ActiveRun{Run: domain.Run{ID: 4712, IntegrationID: y.id, OrganisationID: org, Mode: domain.Full, Trigger: domain.ByRequest, RequestedAt: w.now, Status: domain.Queued}}
	_, _, err := w.store.RequestRun(t.Context(), p, run, 0, w.now)
	must(t, err)
	st, lease, held, err := w.store.Acquire(t.Context(), p, run.ID, "worker", w.now, w.now.Add(time.Minute))
	if err != nil || !held {
		t.Fatal(held, err)
	}

	return *st.Run, lease
}

// C14: no message while the provider refuses the integration.
func TestNoTestMessageWhileUnhealthy(t *testing.T) {
	y := ways(t, scenery{})[1]
	w := y.trying(t, nil)
	run, lease := y.held(t, w)
	i := w.view(t, y.id).Integration
	ill := store.Condition{
		ConnectionVersion: i.ConnectionVersion, ConfigurationVersion: i.ConfigurationVersion, State: domain.Unhealthy,
		Reason: &domain.RunError{Code: "credentials_rejected", ProviderMessage: "no_service"}, PausedUntil: w.now.Add(5 * time.Minute).UnixMilli(),
	}
	must(t, w.store.Commit(t.Context(), lease, store.Batch{Run: run, Condition: &ill}))
	for range 3 { // after the pause too, until the provider has been asked
		resp := send(t, w.check, request{id: y.id.String(), body: `{"post":true}`})
		refused(t, resp, refusal{409, "integration_unhealthy", nil})
		if !strings.Contains(resp.Body, "credentials_rejected") || resp.Headers["retry-after"] != "" {
			t.Errorf("%v %s", resp.Headers, resp.Body)
		}

		w.now = w.now.Add(time.Hour)
	}

	if resp := send(t, w.check, request{id: y.id.String()}); resp.StatusCode != 200 { // a check asks all the same
		t.Error(resp.Body)
	}

	if n := len(y.messagesOf()); n != 0 {
		t.Errorf("%d messages", n)
	}

	w.now = w.now.Add(time.Minute)
	mended := ill
	mended.State = domain.Healthy
	mended.Reason = nil
	must(t, w.store.Commit(t.Context(), lease, store.Batch{Run: run, Condition: &mended}))
	if status, body, _ := y.post(t, w); status != 200 || len(y.messagesOf()) != 1 {
		t.Errorf("%d %s", status, body)
	}
}

// C14: no message while the integration's sync waits.
func TestNoTestMessageWhileWaiting(t *testing.T) {
	y := ways(t, scenery{})[1]
	w := y.trying(t, nil)
	run, lease := y.held(t, w)
	until := w.now.Add(90 * time.Second)
	reason := "rate_limited"
	run.Status = domain.Waiting
	run.WaitingUntil = &until
	run.WaitingReason = &reason
	must(t, w.store.Commit(t.Context(), lease, store.Batch{Run: run}))

	resp := send(t, w.check, request{id: y.id.String(), body: `{"post":true}`})
	refused(t, resp, refusal{409, "integration_waiting", nil})
	if resp.Headers["retry-after"] != "90" || !strings.Contains(resp.Body, "(rate_limited) until 2026-03-04T05:07:37Z") || len(y.messagesOf()) != 0 {
		t.Errorf("%v %s", resp.Headers, resp.Body)
	}

	run.Status = domain.Running
	run.WaitingUntil = nil
	run.WaitingReason = nil
	must(t, w.store.Commit(t.Context(), lease, store.Batch{Run: run}))
	if status, body, _ := y.post(t, w); status != 200 || len(y.messagesOf()) != 1 {
		t.Errorf("a run that works: %d %s", status, body)
	}
}

// C14: no message while the provider refuses the credential, or what is written at
// the place, as other integrations with the credential know, and none while it
// wants to be left alone.
func TestNoTestMessageAgainstTheCredential(t *testing.T) {
	y := ways(t, scenery{})[1]
	for name, c := range map[string]struct {
		usage func(now time.Time) store.Usage
		code  string
		wait  string
	}{
		"refused": {func(now time.Time) store.Usage {
			return store.Usage{Credential: store.Credential{Refusal: &store.Refusal{Reason: domain.RunError{Code: "credentials_rejected", ProviderMessage: "of another organisation"}, Until: now.Add(-time.Hour).UnixMilli()}}}
		}, "integration_unhealthy", ""},
		"refused at the place": {func(now time.Time) store.Usage {
			return store.Usage{Credential: store.Credential{Writes: map[string]store.Refusal{"the-place": {Reason: domain.RunError{Code: "writes_refused"}, Until: now.Add(time.Hour).UnixMilli()}}}}
		}, "integration_unhealthy", ""},
		"limited": {func(now time.Time) store.Usage {
			return store.Usage{Usage: limits.Usage{Blocked: now.Add(90 * time.Second).UnixMilli()}}
		}, "integration_waiting", "90"},
		"limited for some seconds": {func(now time.Time) store.Usage {
			return store.Usage{Usage: limits.Usage{Blocked: now.Add(5 * time.Second).UnixMilli()}}
		}, "integration_waiting", "60"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			w := y.trying(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { asked.Add(1); next.ServeHTTP(rw, r) })
			})
			_, lease := y.held(t, w)
			w.resolved(t, lease)
			_, err := w.store.PutUsage(t.Context(), credential, c.usage(w.now), w.now)
			must(t, err)

			resp := send(t, w.check, request{id: y.id.String(), body: `{"post":true}`})
			refused(t, resp, refusal{409, c.code, nil})
			if resp.Headers["retry-after"] != c.wait || asked.Load() != 0 || strings.Contains(resp.Body, "another organisation") {
				t.Errorf("%v %s, %d requests", resp.Headers, resp.Body, asked.Load())
			}

			w.now = w.now.Add(30 * time.Second) // it has counted
			if status, body, _ := y.post(t, w); status != 429 {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}

// C14: a message takes its time out of the pace of the credential, sleeps for a
// short one, and does not wait for a long one.
func TestATestMessageKeepsThePace(t *testing.T) {
	y := ways(t, scenery{})[1]
	for free, want := range map[time.Duration]struct {
		status int
		slept  []time.Duration
	}{
		0:                       {200, nil},
		1500 * time.Millisecond: {200, []time.Duration{1500 * time.Millisecond}},
		49 * time.Second:        {409, nil},
	} {
		t.Run(free.String(), func(t *testing.T) {
			before := len(y.messagesOf())
			w := y.trying(t, nil)
			w.limits = limits.Published(domain.Slack, true)
			_, err := w.store.PutUsage(t.Context(), credential, store.Usage{Usage: limits.Usage{Free: w.now.Add(free).UnixMilli()}}, w.now)
			must(t, err)

			status, body, _ := y.post(t, w)
			if status != want.status || !slices.Equal(w.slept, want.slept) || len(y.messagesOf())-before != map[int]int{200: 1}[status] {
				t.Errorf("%d %s, slept %v", status, body, w.slept)
			}

			usage, err := w.store.Usage(t.Context(), credential)
			must(t, err)
			next := w.now.Add(free)
			if status == 200 {
				next = next.Add(time.Second) // Slack's gap, after this message
			}

			if usage.Free != next.UnixMilli() {
				t.Errorf("the next message may leave at %s, want %s", time.UnixMilli(usage.Free), next)
			}
		})
	}
}

// C14: what is learned of the credential while the checks are made counts too.
func TestThePaceDuringTheChecks(t *testing.T) {
	for name, c := range map[string]struct {
		usage func(now time.Time) store.Usage
		want  string
	}{
		"limited": {func(now time.Time) store.Usage {
			return store.Usage{Usage: limits.Usage{Blocked: now.Add(time.Minute).UnixMilli()}}
		}, "post=?(rate_limited)"},
		"spent": {func(now time.Time) store.Usage {
			return store.Usage{Usage: limits.Usage{Free: now.Add(time.Minute).UnixMilli()}}
		}, "post=?(pacing)"},
		"refused": {func(now time.Time) store.Usage {
			return store.Usage{Credential: store.Credential{Refusal: &store.Refusal{Until: now.Add(time.Minute).UnixMilli()}}}
		}, "post=?(not_sent)"},
	} {
		y := ways(t, scenery{})[3] // its check makes a request
		var w *world
		w = y.trying(t, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				usage, err := w.store.Usage(t.Context(), credential)
				if err == nil && usage.Version == 0 {
					_, err = w.store.PutUsage(t.Context(), credential, c.usage(w.now), w.now)
				}

				if err != nil {
					t.Error(err)
				}

				next.ServeHTTP(rw, r)
			})
		})

		w.limits = limits.Limits{Gap: time.Second}
		status, body, _ := y.post(t, w)
		if got := said(t, status, body); !strings.HasPrefix(got, "null ") || !strings.HasSuffix(got, c.want) || len(y.messagesOf()) != 0 {
			t.Errorf("%s: %s, %d messages", name, got, len(y.messagesOf()))
		}
	}
}

// C14: a worker that reserves at the same moment is not overwritten: the message
// takes the time after.
func TestThePaceOfTwoAtOnce(t *testing.T) {
	y := ways(t, scenery{})[1]
	w := y.trying(t, nil)
	w.limits = limits.Limits{Gap: time.Second}
	w.wire.beforePut = func() {
		_, err := w.store.PutUsage(t.Context(), credential, store.Usage{Usage: limits.Usage{Free: w.now.Add(time.Second).UnixMilli()}}, w.now)
		if err != nil {
			t.Error(err)
		}
	}

	status, body, _ := y.post(t, w)
	if got := said(t, status, body); got != y.posted || !slices.Equal(w.slept, []time.Duration{time.Second}) {
		t.Errorf("%s, slept %v", got, w.slept)
	}

	usage, err := w.store.Usage(t.Context(), credential)
	must(t, err)
	if want := w.now.Add(2 * time.Second).UnixMilli(); usage.Free != want {
		t.Errorf("the next message may leave at %d, want %d", usage.Free, want)
	}
}

// C14: a limit that the message meets is recorded, so that a sync and the next
// message keep it.
func TestATestMessageThatIsLimited(t *testing.T) {
	for i, name := range []string{"slack", "slack webhook", "discord", "discord webhook", "teams"} {
		t.Run(name, func(t *testing.T) {
			y := ways(t, scenery{})[i]
			_, err := y.stood.Faults().Add(faults.Order{Fault: faults.RateLimited, Times: 1, Duration: new(faults.Duration(2 * time.Minute)), Match: faults.Match{Kind: faults.Create}})
			must(t, err)
			w := y.trying(t, nil)
			status, body, _ := y.post(t, w)
			if got := said(t, status, body); !strings.HasPrefix(got, "null ") || !strings.HasSuffix(got, " post=?(rate_limited)") || len(y.messagesOf()) != 0 {
				t.Errorf("%s, %d messages", got, len(y.messagesOf()))
			}

			usage, err := w.store.Usage(t.Context(), credential)
			must(t, err)
			if wait := time.UnixMilli(usage.Blocked).Sub(w.now); wait < 110*time.Second || wait > 2*time.Minute || usage.AskedAt != w.now.UnixMilli() {
				t.Errorf("left alone for %s", wait)
			}

			w.now = w.now.Add(time.Minute)
			refused(t, send(t, w.check, request{id: y.id.String(), body: `{"post":true}`}), refusal{409, "integration_waiting", nil})
			w.now = w.now.Add(2 * time.Minute)
			if status, body, _ := y.post(t, w); said(t, status, body) != y.posted || len(y.messagesOf()) != 1 {
				t.Errorf("%s, %d messages", body, len(y.messagesOf()))
			}
		})
	}
}

// C14: an unreachable provider takes as long as any, and a message that could end
// too late is not sent.
func TestATestMessageThatDoesNotLeave(t *testing.T) {
	y := ways(t, scenery{})[1]
	w := y.trying(t, nil)
	closed := httptest.NewTLSServer(http.NotFoundHandler())
	closed.Close()
	away := outbound.New(outbound.Config{Hosts: []string{strings.TrimPrefix(closed.URL, "https://")}})
	c := slack.NewWebhook(slack.WebhookConfig{URL: closed.URL + "/services/" + slackHook}, away, nil)
	w.provider = func(context.Context, store.View) (connector.Connector, error) { return c, nil }
	status, body, _ := y.post(t, w)
	want := "false reachable=no(unreachable) credentials=?(only_by_posting) target=?(only_by_posting) post=no(unreachable)"
	if got := said(t, status, body); got != want || !slices.Equal(w.slept, []time.Duration{3 * time.Second}) {
		t.Errorf("%s, slept %v", got, w.slept)
	}

	w = y.trying(t, nil)
	w.within = time.Second // less than a call of the server's may last
	w.restart()
	status, body, _ = y.post(t, w)
	want = "null reachable=?(only_by_posting) credentials=?(only_by_posting) target=?(only_by_posting) post=?(no_time_left)"
	if got := said(t, status, body); got != want || len(y.messagesOf()) != 0 || len(w.slept) != 0 {
		t.Errorf("%s, slept %v", got, w.slept)
	}
}

// C14: nothing is posted into a place that another integration syncs with, or by
// what is stored and cannot be used.
func TestNoTestMessageWhereAnotherSyncs(t *testing.T) {
	for _, y := range ways(t, scenery{}) {
		w := y.trying(t, nil)
		c, err := w.provider(t.Context(), store.View{})
		must(t, err)
		place, err := c.Resolve(t.Context())
		must(t, err)
		w.create(t, 701, org, domain.Discord, true, `{"webhook_url":"https://discord.com/api/webhooks/2000000000000000009/`+hookToken+`"}`)
		run := store.ActiveRun{Run: domain.Run{ID: 4713, IntegrationID: 701, OrganisationID: org, Mode: domain.Full, Trigger: domain.ByRequest, RequestedAt: w.now, Status: domain.Queued}}
		p := store.IntegrationRef{ID: 701, OrganisationID: org, ItemType: "work_item"}
		_, _, err = w.store.RequestRun(t.Context(), p, run, 0, w.now)
		must(t, err)
		_, lease, _, err := w.store.Acquire(t.Context(), p, run.ID, "worker", w.now, w.now.Add(time.Minute))
		must(t, err)
		must(t, w.store.ResolveTarget(t.Context(), lease, store.Resolution{Target: store.Target{Key: place.Key(y.provider), ID: place.ID}}))

		before := len(y.messagesOf())
		status, body, _ := y.post(t, w)
		got := said(t, status, body)
		if !strings.Contains(got, "target=no(target_in_use)") || !strings.HasSuffix(got, "post=?(not_sent)") || len(y.messagesOf()) != before {
			t.Errorf("%s: %s", y.name, got)
		}
	}
}

// C14: what is stored and cannot be used sends nothing, nor does a connector that
// cannot post a test message.
func TestATestMessageOfWhatCannotBeUsed(t *testing.T) {
	y := ways(t, scenery{})[1]
	w := y.trying(t, nil)
	w.provider = func(context.Context, store.View) (connector.Connector, error) {
		return nil, &failure.Error{Class: failure.Final, Scope: failure.IntegrationScope, Code: "secret_unreadable"}
	}
	status, body, _ := y.post(t, w)
	if got := said(t, status, body); got != "false credentials=no(secret_unreadable) post=?(not_sent)" {
		t.Error(got)
	}

	w.now = w.now.Add(time.Minute)
	w.provider = func(context.Context, store.View) (connector.Connector, error) {
		return &resolver{asked: asked{checks: []connector.Check{connector.Passed(connector.CheckTarget)}}}, nil
	}
	status, body, _ = y.post(t, w)
	if got := said(t, status, body); got != "null target=ok post=?(not_supported)" {
		t.Error(got)
	}
}

// C14: the message is counted before it is sent. Where that cannot be done, or its
// time cannot be reserved, nothing is sent.
func TestNoTestMessageWithoutTheTable(t *testing.T) {
	for _, operation := range []string{"UpdateItem", "PutItem"} {
		y := ways(t, scenery{})[1]
		w := y.trying(t, nil)
		w.limits = limits.Limits{Gap: time.Second}
		w.wire.fail = map[string]bool{operation: true}
		refused(t, send(t, w.check, request{id: y.id.String(), body: `{"post":true}`}), refusal{503, "unavailable", nil})
		if n := len(y.messagesOf()); n != 0 {
			t.Errorf("%s: %d messages", operation, n)
		}

		w.wire.fail = nil
		status, body, _ := y.post(t, w)
		if want := map[string]int{"UpdateItem": 200, "PutItem": 429}[operation]; status != want {
			t.Errorf("%s: then %d %s, want %d", operation, status, body, want)
		}
	}
}

// The round trips of a test message, and their order: it is counted before
// anything is asked.
func TestRoundTripsOfATestMessage(t *testing.T) {
	y := ways(t, scenery{})[1]
	w := y.trying(t, nil)
	w.limits = limits.Limits{Gap: time.Second}
	w.wire.take()
	y.post(t, w)
	var got []string
	for _, c := range w.wire.take() {
		got = append(got, c.operation)
	}

	want := []string{"GetItem", "BatchGetItem", "GetItem", "UpdateItem", "GetItem", "GetItem", "GetItem", "PutItem"}
	if !slices.Equal(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
}
