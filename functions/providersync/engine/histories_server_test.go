package engine

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standchat "integrations/local/standin/chat"
	standdiscord "integrations/local/standin/discord"
	standjira "integrations/local/standin/jira"
	standslack "integrations/local/standin/slack"
	standteams "integrations/local/standin/teams"
	"integrations/shared/configuration/form"
	"integrations/shared/connector"
	"integrations/shared/connector/connectortest"
	"integrations/shared/connector/discord"
	"integrations/shared/connector/jira"
	"integrations/shared/connector/slack"
	"integrations/shared/connector/teams"
	"integrations/shared/domain"
	"integrations/shared/outbound"
	"integrations/shared/store"
)

// A reply is an answer that is given in a provider's place.
type reply struct {
	name   string
	status int
	media  string
	body   string
	// words must stand in the reason of the item that was refused.
	words string
}

func (a reply) write(w http.ResponseWriter) {
	w.Header()["Content-Type"] = nil
	if a.media != "" {
		w.Header().Set("Content-Type", a.media)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

const jsonMedia = "application/json"

// aboutOneItem are the refusals of a write that say nothing about the
// integration as a whole: those of the issue, and the provider's own. No row of
// a provider's table of refusals that count at once fits one of them.
func (p place) aboutOneItem() []reply {
	all := []reply{
		{"HTML 403", 403, "text/html; charset=UTF-8", "<!DOCTYPE html><title>Attention Required!</title><p>You have been blocked", `403 text/html "Attention Required!"`},
		{"HTML 406", 406, "text/html", "<html><head><title>Not Acceptable!</title></head></html>", `406 text/html "Not Acceptable!"`},
		p.object,
		{"422 without a body", 422, "", "", "422 without a body"},
		{"400 with a string", 400, jsonMedia, `"The text is not possible"`, "The text is not possible"},
	}
	if p.own.name != "" {
		all = append(all, p.own)
	}

	return all
}

// A place is one way to a provider: a stand-in, and the connector to it.
type place struct {
	name string
	// kinds are the writes that the connector makes. Where an object's state has
	// no call of its own, "close" is the same call as "update" with other content.
	kinds []string
	// object is a 403 about one object in the provider's own form, and own another
	// refusal of one item that only this provider has.
	object, own reply
	// atOnce is a refusal of a create that concerns everything, and means its code.
	atOnce reply
	means  string
	// twice says why a refused write is sent once more in another form.
	twice string
	open  func(t *testing.T, now func() time.Time) standing
}

// A standing is a stand-in that is up.
type standing struct {
	handler    http.Handler
	secrets    []string
	connect    func(client *outbound.Client) connector.Connector
	violations func() []string
	// messages are what a chat shows; nil for a tracker, whose issues are listed
	// by the connector.
	messages func() []string
}

// ofTracker is a standing of one of the four trackers.
func ofTracker(name string) func(*testing.T, func() time.Time) standing {
	return func(t *testing.T, now func() time.Time) standing {
		tr := trackers(t, now)[name]()

		return standing{handler: tr.handler, secrets: []string{trackerToken}, violations: tr.violations,
			connect: func(client *outbound.Client) connector.Connector { return tr.open(client, tr.spellings[0], now) }}
	}
}

// onJiraCloud is a standing of Jira Cloud.
func onJiraCloud(t *testing.T, now func() time.Time) standing {
	const account = "bot@acme.test"
	s, err := standjira.Open(standjira.Config{Flavor: standjira.Cloud, Dir: t.TempDir(), Now: now, BaseURL: base,
		Accounts: map[string]standjira.Account{trackerToken: {Name: "sync-bot", Email: account, Admin: true}},
		Projects: []standjira.Project{{Key: "WORK", Name: "Work"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })

	return standing{handler: s.API(), secrets: []string{trackerToken}, violations: s.Violations, connect: func(client *outbound.Client) connector.Connector {
		return jira.New(jira.Config{Flavor: form.Cloud, BaseURL: base, Email: account, Token: trackerToken, ProjectKey: "WORK", IssueType: "Task", Labels: true}, client, now)
	}}
}

// What the chats' stand-ins have.
const (
	chatToken      = "a-bot-token-of-the-test"
	hookSecret     = "a-hook-secret-of-the-test"
	slackChannel   = "C0WORK00001"
	discordChannel = "1000000000000000001"
	discordHook    = "2000000000000000001"
	teamsChannel   = "work"
)

// ofChat is a standing of a chat.
func ofChat(t *testing.T, c *standchat.Chat, api http.Handler, channel string) standing {
	t.Cleanup(func() { _ = c.Close() })

	return standing{handler: api, secrets: []string{chatToken, hookSecret}, violations: c.Violations, messages: func() (shown []string) {
		for _, m := range c.Messages(channel) {
			shown = append(shown, string(m.Wire))
		}
		return shown
	}}
}

// onSlack is a standing of Slack, for a bot or for a webhook.
func onSlack(hook bool) func(*testing.T, func() time.Time) standing {
	return func(t *testing.T, now func() time.Time) standing {
		path := "T0/B0/" + hookSecret
		s, err := standslack.Open(standslack.Config{Dir: t.TempDir(), Now: now,
			Accounts: map[string]standslack.Account{chatToken: {Name: "sync", User: "U0SYNC0001", Bot: true, Scopes: []string{"chat:write", "channels:history", "channels:read"}}},
			Channels: []standslack.Channel{{ID: slackChannel, Name: "work"}},
			Hooks:    []standslack.Hook{{Path: path, Channel: slackChannel, App: "sync"}}})
		if err != nil {
			t.Fatal(err)
		}
		up := ofChat(t, s.Chat, s.API(), slackChannel)
		up.connect = func(client *outbound.Client) connector.Connector {
			return slack.NewBot(slack.BotConfig{BaseURL: base + "/api", Token: chatToken, Channel: slackChannel, Look: slack.Look{DigestOver: digestOver}}, client, now)
		}
		if hook {
			up.connect = func(client *outbound.Client) connector.Connector {
				return slack.NewWebhook(slack.WebhookConfig{URL: base + "/services/" + path, Look: slack.Look{DigestOver: digestOver}}, client, now)
			}
		}

		return up
	}
}

// onDiscord is a standing of Discord, for a bot or for a webhook.
func onDiscord(hook bool) func(*testing.T, func() time.Time) standing {
	return func(t *testing.T, now func() time.Time) standing {
		s, err := standdiscord.Open(standdiscord.Config{Dir: t.TempDir(), Now: now,
			Accounts: map[string]standdiscord.Account{chatToken: {ID: "3000000000000000001", Name: "sync", Bot: true}},
			Channels: []standdiscord.Channel{{ID: discordChannel, Name: "work"}},
			Webhooks: []standdiscord.Webhook{{ID: discordHook, Token: hookSecret, Channel: discordChannel, Name: "sync"}}})
		if err != nil {
			t.Fatal(err)
		}
		up := ofChat(t, s.Chat, s.API(), discordChannel)
		up.connect = func(client *outbound.Client) connector.Connector {
			return discord.NewBot(discord.BotConfig{BaseURL: base + "/api/v10", Token: chatToken, Channel: discordChannel, Look: discord.Look{DigestOver: digestOver}}, client, now)
		}
		if hook {
			up.connect = func(client *outbound.Client) connector.Connector {
				return discord.NewWebhook(discord.WebhookConfig{URL: base + "/api/webhooks/" + discordHook + "/" + hookSecret, Look: discord.Look{DigestOver: digestOver}}, client, now)
			}
		}

		return up
	}
}

// onTeams is a standing of a workflow that posts into Teams.
func onTeams(t *testing.T, now func() time.Time) standing {
	flow := standteams.Flow{ID: "flow1", Sig: hookSecret, Channel: teamsChannel}
	s, err := standteams.Open(standteams.Config{Dir: t.TempDir(), Now: now, Channels: []standteams.Channel{{ID: teamsChannel, Name: "Work"}}, Flows: []standteams.Flow{flow}})
	if err != nil {
		t.Fatal(err)
	}
	up := ofChat(t, s.Chat, s.API(), teamsChannel)
	up.connect = func(client *outbound.Client) connector.Connector {
		return teams.New(teams.Config{URL: flow.URL(connectortest.Host), DigestOver: digestOver}, client, now)
	}

	return up
}

// Two words name an item.
var (
	firstWords  = []string{"alpha", "bravo", "charlie", "delta", "foxtrot", "golf"}
	secondWords = []string{"black", "brown", "green", "orange", "white", "yellow"}
)

// mostItems is how many names there are.
const mostItems = 36

// nameOf is an item's name: it stands in what is written of the item and in
// nothing else.
func nameOf(id domain.Snowflake) string {
	return firstWords[(id-1)%6] + secondWords[(id-1)/6]
}

// A wall stands before a stand-in and sees each write.
type wall struct {
	next http.Handler

	mu sync.Mutex
	// objects are the ids of the items' objects, once they are known.
	objects map[string]domain.Snowflake
	// stop gives the answer to a write in the stand-in's place, nil to let it
	// through. Item is 0 where the write names none.
	stop func(r *http.Request, item domain.Snowflake) *reply
	// carry says that a stopped write is carried out all the same.
	carry bool
	// stopped are the items whose writes were stopped, in order.
	stopped []domain.Snowflake
}

func (l *wall) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet || strings.HasSuffix(r.URL.Path, "/search") {
		l.next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))

	l.mu.Lock()
	var answer *reply
	if item := l.item(r, body); l.stop != nil {
		if answer = l.stop(r, item); answer != nil {
			l.stopped = append(l.stopped, item)
		}
	}
	carry := l.carry
	l.mu.Unlock()

	if answer == nil {
		l.next.ServeHTTP(w, r)
		return
	}
	if carry {
		l.next.ServeHTTP(&lost{header: http.Header{}}, r)
	}
	answer.write(w)
}

// A lost answer never reaches the caller.
type lost struct{ header http.Header }

func (l *lost) Header() http.Header         { return l.header }
func (l *lost) Write(b []byte) (int, error) { return len(b), nil }
func (l *lost) WriteHeader(int)             {}

// item is the item that a write is about: by the name in its body, or by the
// object in its path.
func (l *wall) item(r *http.Request, body []byte) domain.Snowflake {
	for id := domain.Snowflake(1); id <= mostItems; id++ {
		if bytes.Contains(body, []byte(nameOf(id))) {
			return id
		}
	}
	for part := range strings.SplitSeq(r.URL.Path, "/") {
		if item := l.objects[part]; item != 0 {
			return item
		}
	}

	return 0
}

// set changes what is stopped.
func (l *wall) set(stop func(r *http.Request, item domain.Snowflake) *reply) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop, l.stopped = stop, nil
}

// tried are the items whose writes were stopped, each once in a row.
func (l *wall) tried() []domain.Snowflake {
	return slices.Compact(l.requests())
}

func (l *wall) requests() []domain.Snowflake {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.stopped)
}

// A scene is a world whose provider is a stand-in behind a wall.
type scene struct {
	*world
	standing
	wall   *wall
	client *outbound.Client

	// ids are the six items, version and form what is to be written of them.
	ids     []domain.Snowflake
	version int64
	form    domain.ItemState
}

func newScene(t *testing.T, p place) *scene {
	t.Helper()
	w := newWorld(t)
	up := p.open(t, w.clock.Now)
	h := &scene{world: w, standing: up, wall: &wall{next: up.handler}}
	h.client = connectortest.Serve(t, h.wall, up.secrets...)
	w.engine.Open = func(ctx, store.View) (Opened, error) {
		return Opened{Connector: up.connect(h.client), Credential: w.credential, Limits: w.limits}, nil
	}

	return h
}

// put marks a version of an item, as an event does.
func (h *scene) put(id domain.Snowflake, version int64, state domain.ItemState) {
	h.told(id, version, func(i *domain.Item) {
		i.Title, i.State = titleOf(id, version), state
	})
}

// linkAll tells the wall which objects belong to the items.
func (h *scene) linkAll() {
	h.t.Helper()
	links, err := h.sure.Links(h.ctx, 77, h.state().Target.Key, h.ids)
	h.must(err)
	h.wall.mu.Lock()
	defer h.wall.mu.Unlock()
	h.wall.objects = map[string]domain.Snowflake{}
	for id, l := range links {
		if l.Remote != nil {
			h.wall.objects[l.Remote.ID] = id
		}
	}
}

// shown is what the provider shows: of an issue title and state, of a message
// its content.
func (h *scene) shown() (all []string) {
	h.t.Helper()
	if h.messages != nil {
		return h.messages()
	}
	conn := h.connect(h.client)
	puller, lists := conn.(connector.Puller)
	if !lists {
		h.t.Fatal("the tracker cannot be listed")
	}
	_, err := conn.(connector.Resolver).Resolve(h.ctx)
	h.must(err)
	for more := true; more; {
		var page []connector.Object
		page, more, err = puller.Changes(h.ctx, time.Time{}, len(all))
		h.must(err)
		for _, o := range page {
			all = append(all, o.Title+" "+string(o.Remote.State))
		}
	}

	return all
}
