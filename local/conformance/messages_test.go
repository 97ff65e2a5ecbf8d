package conformance

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/chat"
	fakediscord "example.com/integrations/local/providers/discord"
	fakeslack "example.com/integrations/local/providers/slack"
	faketeams "example.com/integrations/local/providers/teams"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

// A stage holds a fake server that a chat's connector speaks to.
type chatStage struct {
	kit
	stood *chat.Chat
	api   http.Handler
	// channel is where its messages are.
	channel string
}

// described is a file of the providers' own descriptions, "" where it is absent.
func described(name string) string {
	path := filepath.Join("..", "..", "..", "shared", "specs", filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// chatStages are the chats' fake servers, one for each kit.
func chatStages(t *testing.T) []chatStage {
	t.Helper()
	scopes := []string{"chat:write", "channels:history", "channels:read"}
	onSlack, err1 := fakeslack.Open(fakeslack.Config{
		Dir: t.TempDir(), Accounts: map[string]fakeslack.Account{slackToken: {Name: "sync", User: "U0SYNC0001", Bot: true, Scopes: scopes}},
		Channels: []fakeslack.Channel{{ID: slackChannel, Name: "work"}},
		Hooks:    []fakeslack.Hook{{Path: slackHook[len("https://"+host+"/services/"):], Channel: slackChannel, App: "sync"}},
	})

	onDiscord, err2 := fakediscord.Open(fakediscord.Config{
		Dir:      t.TempDir(),
		Accounts: map[string]fakediscord.Account{discordBot: {ID: "3000000000000000001", Name: "sync", Bot: true}},
		Channels: []fakediscord.Channel{{ID: discordChannel, Name: "work"}},
		Webhooks: []fakediscord.Webhook{{ID: "2000000000000000001", Token: discordHook, Channel: discordChannel, Name: "sync"}},
	})

	onTeams, err3 := faketeams.Open(faketeams.Config{
		Dir: t.TempDir(), SchemaPath: described("adaptive-card-1.4.0.schema.json"), Channels: []faketeams.Channel{{ID: "work", Name: "Work"}},
		Flows: []faketeams.Flow{{ID: "flow1", Sig: teamsSig, Channel: "work"}},
	})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = errors.Join(onSlack.Close(), onDiscord.Close(), onTeams.Close()) })

	return []chatStage{
		{slackKit, onSlack.Chat, onSlack.API(), slackChannel}, {slackWebhookKit, onSlack.Chat, onSlack.API(), slackChannel},
		{discordKit, onDiscord.Chat, judged(t, onDiscord.API()), discordChannel}, {discordWebhookKit, onDiscord.Chat, judged(t, onDiscord.API()), discordChannel},
		{teamsKit, onTeams.Chat, onTeams.API(), "work"},
	}
}

// judged holds each body against its schema in Discord's description. The
// fake server can hold whole requests against it, which takes too long for many.
func judged(t *testing.T, api http.Handler) http.Handler {
	contract, err := providers.LoadContract(described("derived/discord-messages-subset.json"))
	if err != nil {
		t.Fatal(err)
	}

	if contract != nil && contract.CheckSchema("MessageCreateRequest", []byte(`{"embeds":[{"title":"`+strings.Repeat("x", 257)+`"}]}`)) == nil {
		t.Fatal("the description allows any title")
	}

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		name := map[string]string{
			"POST bot": "MessageCreateRequest", "PATCH bot": "MessageEditRequestPartial",
			"POST hook": "IncomingWebhookRequestPartial", "PATCH hook": "IncomingWebhookUpdateRequestPartial",
		}[r.Method+" "+map[bool]string{true: "hook", false: "bot"}[strings.Contains(r.URL.Path, "/webhooks/")]]
		if name != "" {
			if err := contract.CheckSchema(name, body); err != nil {
				t.Errorf("%s: %v: %s", name, err, body)
			}
		}

		api.ServeHTTP(w, r)
	})
}

// Every real item is posted, changed, and reported as deleted, as far as the chat can.
// The fake servers check each message against the provider's description, its limits
// and its syntax. A mention that notifies, a command or a link that hides its address
// is a violation.
func TestRealItemsAsMessages(t *testing.T) {
	items := realItems(t)
	for _, s := range chatStages(t) {
		t.Run(s.name, func(t *testing.T) {
			c := s.open(connectortest.Serve(t, s.api, s.secrets...)).(connector.Chat)
			began := len(s.stood.Messages(s.channel))
			for n, item := range items {
				tell(t, c, item, n)
			}

			var digest connector.Digest
			for _, item := range items {
				line := c.Render(item)
				line.Body = ""
				if digest.New++; len(digest.First) < connector.DigestShows {
					digest.First = append(digest.First, line)
				}
			}

			if _, err := c.Digest(t.Context(), digest, connector.Marker{Integration: 77, Item: 5, Attempt: 1}); err != nil {
				t.Fatal(err)
			}

			want := 1 + len(items)
			if !c.DeliveryMode().Edits {
				want += 2 * len(items)
			}

			if got := len(s.stood.Messages(s.channel)) - began; got != want {
				t.Errorf("%d messages, want %d", got, want)
			}

			bad := s.stood.Violations()
			for _, what := range bad[:min(len(bad), 10)] {
				t.Error(what)
			}

			t.Logf("%d items, %d messages, %d violations", len(items), want, len(bad))
		})
	}
}

// tell posts an item, then what became of it, by an edit or a new message.
func tell(t *testing.T, c connector.Chat, item domain.Item, n int) {
	t.Helper()
	first := c.Render(item)
	made, err := c.Create(t.Context(), first, connector.Marker{Integration: 77, Item: item.ID, Attempt: 1})
	if err != nil {
		t.Fatalf("%s: %v", item.FormattedNumber, err)
	}

	was := first
	for attempt, change := range []func(*domain.Item){
		func(i *domain.Item) {
			i.Title, i.Description, i.Labels = i.Description, i.Title, append(slices.Clone(i.Labels), "@everyone", "<!here>", "[x](https://evil.test)")
			i.State = []domain.ItemState{domain.Open, domain.Closed}[n%2]
		},
		func(i *domain.Item) { i.Deleted = true },
	} {
		change(&item)
		is := c.Render(item)
		is.Previous = was.AsPrevious()
		m := connector.Marker{Integration: 77, Item: item.ID, Attempt: attempt + 2}
		if c.DeliveryMode().Edits {
			_, err = c.Update(t.Context(), connector.Sent{Remote: made.Remote, Labels: was.Labels, State: was.State}, is, m)
		} else {
			_, err = c.Create(t.Context(), is, m)
		}

		if err != nil {
			t.Fatalf("%s: %v", item.FormattedNumber, err)
		}

		was = is
	}
}

// A message whose answer was lost is found, edited where it stands, and not
// posted again.
func TestLostAnswers(t *testing.T) {
	for _, s := range chatStages(t) {
		t.Run(s.name, func(t *testing.T) {
			lose := true
			c := s.open(connectortest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !lose {
					s.api.ServeHTTP(w, r)
					return
				}

				s.api.ServeHTTP(httptest.NewRecorder(), r)
				panic(http.ErrAbortHandler)
			}), s.secrets...)).(connector.Chat)

			before := len(s.stood.Messages(s.channel))
			began := time.Now().Add(-time.Minute)
			made := content(c)
			_, err := c.Create(t.Context(), made, marker)
			if e := failureOf(t, "create", err); e.Class != failure.Ambiguous || len(s.stood.Messages(s.channel)) != before+1 {
				t.Fatalf("%v, %d messages", err, len(s.stood.Messages(s.channel))-before)
			}

			finder, finds := c.(connector.Finder)
			if !finds {
				return // the engine leaves it at that, and says so
			}

			lose = false
			found, err := finder.Find(t.Context(), began, []connector.Marker{marker, {Integration: 77, Item: 1, Attempt: 1}})
			if err != nil || len(found) != 1 {
				t.Fatal(found, err)
			}

			made.Deleted = true
			if _, err := c.Update(t.Context(), connector.Sent{Remote: found[marker.Item].Remote}, made, marker); err != nil {
				t.Fatal(err)
			}

			if got := len(s.stood.Messages(s.channel)); got != before+1 {
				t.Errorf("%d messages", got-before)
			}
		})
	}
}

// What the checks say of fake servers where all is well.
func TestChecksOfChats(t *testing.T) {
	want := map[string]string{
		"slack":           "[reachable=ok credentials=ok target=ok write=ok history=ok]",
		"slack_webhook":   "[reachable=?(only_by_posting) credentials=?(only_by_posting) target=?(only_by_posting)]",
		"discord":         "[reachable=ok credentials=ok target=ok write=ok history=ok]",
		"discord_webhook": "[reachable=ok credentials=ok target=?(only_by_posting)]",
		"teams":           "[reachable=?(only_by_posting) credentials=?(only_by_posting) target=?(only_by_posting)]",
	}
	for _, s := range chatStages(t) {
		c := s.open(connectortest.Serve(t, s.api, s.secrets...))
		if _, err := c.Create(t.Context(), content(c), marker); err != nil {
			t.Fatal(s.name, err)
		}

		checks, err := c.(connector.Checker).Check(t.Context())
		if got := show(checks); err != nil || got != want[s.name] {
			t.Errorf("%s: %s %v", s.name, got, err)
		}
	}
}

func show(checks []connector.Check) string {
	text := "["
	for i, c := range checks {
		if i > 0 {
			text += " "
		}
		text += c.String()
	}

	return text + "]"
}

// C14: a test message keeps the provider's description, limits and syntax, notifies no
// user, and is one message.
func TestTestMessages(t *testing.T) {
	for _, s := range chatStages(t) {
		t.Run(s.name, func(t *testing.T) {
			c := s.open(connectortest.Serve(t, s.api, s.secrets...))
			before := len(s.stood.Messages(s.channel))
			bad := len(s.stood.Violations())
			for _, itemType := range domain.ItemTypes {
				m := connector.TestMessage{Integration: 9223372036854775807, ItemType: itemType, AskedBy: 9223372036854775807, AskedAt: now}
				if _, err := c.(connector.Tester).Test(t.Context(), m); err != nil {
					t.Fatal(err)
				}
			}

			if got := len(s.stood.Messages(s.channel)) - before; got != len(domain.ItemTypes) {
				t.Errorf("%d messages", got)
			}

			for _, what := range s.stood.Violations()[bad:] {
				t.Error(what)
			}

			for _, m := range s.stood.Messages(s.channel)[before:] {
				if m.Failed != "" {
					t.Errorf("not shown: %s", m.Failed)
				}
			}
		})
	}
}

// C14: every answer means of a test message what it means of an item's first one,
// and each is sent once. So what the table of refusals says holds for both.
func TestAnswersToTestMessages(t *testing.T) {
	answers := []struct {
		status int
		header http.Header
		body   string
	}{
		{200, nil, ""}, {200, nil, "ok"}, {200, nil, "<html>Log in"}, {202, nil, ""}, {204, nil, ""},
		{200, nil, `{"ok":false,"error":"channel_not_found"}`}, {200, nil, `{"ok":false,"error":"invalid_auth"}`}, {200, nil, `{"ok":false,"error":"internal_error"}`},
		{302, http.Header{"Location": {"https://elsewhere.example/"}}, ""}, {400, nil, "invalid_payload"}, {400, nil, `{"code":50035,"message":"Invalid Form Body"}`},
		{401, nil, `{"code":0,"message":"401: Unauthorized"}`}, {403, nil, "action_prohibited"}, {403, nil, `{"code":50013,"message":"Missing Permissions"}`}, {403, nil, "<html>blocked"},
		{404, nil, "no_service"}, {404, nil, `{"code":10003,"message":"Unknown Channel"}`}, {410, nil, "channel_is_archived"}, {429, nil, ""}, {429, http.Header{"Retry-After": {"7"}}, ""},
		{500, nil, ""}, {502, nil, ""}, {503, nil, ""}, {503, http.Header{"Retry-After": {"9"}}, ""}, {504, nil, ""},
	}
	for _, s := range chatStages(t) {
		for _, a := range answers {
			var asked atomic.Int32
			client := connectortest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				w.Header().Set("Content-Type", "application/json")
				for name, values := range a.header {
					w.Header()[name] = values
				}

				w.WriteHeader(a.status)
				_, _ = io.WriteString(w, a.body)
			}), s.secrets...)

			c := s.open(client)

			_, first := c.Create(t.Context(), content(c), marker)
			asked.Store(0)
			_, err := c.(connector.Tester).Test(t.Context(), connector.TestMessage{Integration: 1, ItemType: "work_item", AskedBy: 2, AskedAt: now})
			if (err == nil) != (first == nil) || asked.Load() != 1 {
				t.Errorf("%s, %d %q: %v after %d requests, an item's message %v", s.name, a.status, a.body, err, asked.Load(), first)
			}

			if err == nil || first == nil {
				continue
			}

			got := failureOf(t, "test", err)
			want := failureOf(t, "create", first)
			if *got != *want {
				t.Errorf("%s, %d %q: %+v, an item's message %+v", s.name, a.status, a.body, *got, *want)
			}
		}
	}
}
