package discord

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/chat"
)

const (
	ours     = "our-token"
	foreign  = "another-bots-token"
	person   = "person-token"
	channel  = "1000000000000000001"
	thread   = "1000000000000000002"
	closed   = "1000000000000000003"
	archived = "1000000000000000004"
	mute     = "1000000000000000005"
	hook     = "2000000000000000001"
	bot      = "3000000000000000001"
)

// described is Discord's description, read once for all tests.
var described = sync.OnceValue(func() *providers.Contract {
	path := filepath.Join("..", "..", "..", "..", "shared", "specs", "derived", "discord-messages-subset.json")
	if _, err := os.Stat(path); err != nil {
		return nil
	}

	contract, err := providers.LoadContract(path)
	if err != nil {
		panic(err)
	}

	return contract
})

// A clock that tests turn.
type clock struct {
	lock sync.Mutex
	at   time.Time
}

func (c *clock) now() time.Time {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.at
}

func (c *clock) turn(by time.Duration) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.at = c.at.Add(by)
}

// A driver speaks to a fake server by HTTP.
type driver struct {
	*Server
	t     *testing.T
	clock *clock
	url   string
	plain string // the address for people
}

func start(t *testing.T, change func(*Config)) *driver {
	t.Helper()
	return begin(t, t.TempDir(), change)
}

func begin(t *testing.T, dir string, change func(*Config)) *driver {
	t.Helper()
	d := &driver{t: t, clock: &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}}
	config := Config{
		Dir: dir, Now: d.clock.now, PersonToken: person,
		Accounts: map[string]Account{
			ours: {ID: bot, Name: "our-bot", Bot: true}, foreign: {ID: "3000000000000000002", Name: "other-bot", Bot: true}, person: {ID: "3000000000000000003", Name: "maria"},
		},
		Channels: []Channel{
			{ID: channel, Name: "work"}, {ID: thread, Name: "a thread", Parent: channel}, {ID: closed, Name: "closed", Members: []string{"3000000000000000003"}},
			{ID: archived, Name: "archived", Parent: channel, Archived: true}, {ID: mute, Name: "mute", Mute: []string{bot}, Unread: []string{bot}},
		},
		Webhooks: []Webhook{{ID: hook, Token: "right", Channel: channel, Name: "Work items"}, {ID: "2000000000000000002", Token: "right", Channel: channel, Off: true}},
	}
	if change != nil {
		change(&config)
	}

	server, err := open(config, described())
	if err != nil {
		t.Fatal(err)
	}

	d.Server = server
	api := httptest.NewServer(server.API())
	plain := httptest.NewServer(server.Plain())
	t.Cleanup(func() { api.Close(); plain.Close(); _ = server.Close() })
	d.url = api.URL
	d.plain = plain.URL

	return d
}

type reply struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

// send sends as a bot, if the token is one's, else as a webhook.
func (d *driver) send(method, path, token, body string) reply {
	d.t.Helper()
	request, err := http.NewRequest(method, d.url+"/api/v10"+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}

	request.Header.Set("User-Agent", "DiscordBot (https://example.com, 1)")
	if token != "" {
		request.Header.Set("Authorization", "Bot "+token)
	}

	if token == person {
		request.Header.Set("Authorization", token)
	}

	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}

	response, err := http.DefaultClient.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}

	defer func() { _ = response.Body.Close() }()
	content, _ := io.ReadAll(response.Body)
	r := reply{status: response.StatusCode, header: response.Header, body: string(content)}
	_ = json.Unmarshal(content, &r.json)

	return r
}

const (
	silent  = `"allowed_mentions":{"parse":[]}`
	byHook  = "/webhooks/" + hook + "/right"
	waiting = byHook + "?wait=true"
	posts   = "/channels/" + channel + "/messages"
)

func (d *driver) noViolations() {
	d.t.Helper()
	if all := d.Violations(); len(all) > 0 {
		d.t.Errorf("violations: %q", all)
	}
}

func (d *driver) post(path, token, body string) string {
	d.t.Helper()
	r := d.send("POST", path, token, body)
	if r.status != http.StatusOK {
		d.t.Fatalf("%s: %d %s", path, r.status, r.body)
	}
	return r.json["id"].(string)
}

func TestAWebhooksMessage(t *testing.T) {
	d := start(t, nil)
	id := d.post(waiting, "", `{"content":"one",`+silent+`}`)
	at := byHook + "/messages/" + id
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", byHook, "", 200, `"type":1`},
		{"GET", at, "", 200, `"content":"one"`},
		{"PATCH", at, `{"content":"two","embeds":[{"title":"T","url":"https://example.com/1","color":5}],` + silent + `}`, 200, `"edited_timestamp":"2026`},
		{"PATCH", at, `{"content":null,` + silent + `}`, 200, `"content":""`},
		{"PATCH", at, `{"embeds":[],` + silent + `}`, 400, `"code":50006`},
		{"GET", at, "", 200, `"title":"T"`},
		{"DELETE", at, "", 204, ""},
		{"DELETE", at, "", 404, `"code":10008`},
		{"PATCH", at, `{"content":"x",` + silent + `}`, 404, `"code":10008`},
		{"POST", waiting + "&thread_id=" + thread, `{"content":"x",` + silent + `}`, 200, `"channel_id":"` + thread + `"`},
		{"POST", waiting + "&thread_id=" + closed, `{"content":"x",` + silent + `}`, 404, `"code":10003`},
		{"POST", "/webhooks/" + hook + "/wrong?wait=true", `{"content":"x",` + silent + `}`, 401, `"code":50027`},
		{"POST", "/webhooks/2000000000000000002/right?wait=true", `{"content":"x",` + silent + `}`, 404, `"code":10015`},
		{"POST", waiting, `{"content":"  ",` + silent + `}`, 400, `"code":50006`},
		{"POST", waiting, `{"content":`, 400, `"code":50109`},
	} {
		if r := d.send(c.method, c.path, "", c.body); r.status != c.status || !strings.Contains(r.body, c.want) {
			t.Errorf("%s %s %s: %d %s, want %d %s", c.method, c.path, c.body, r.status, r.body, c.status, c.want)
		}
	}

	blank := "PATCH /webhooks/*/*/messages/*: content: it is blank, so notifications show nothing"
	if got := d.Violations(); !slices.Equal(got, []string{blank}) {
		t.Errorf("%q", got)
	}

	if r := d.send("POST", byHook, "", `{"content":"x",`+silent+`}`); r.status != 204 || r.body != "" || len(d.Violations()) != 2 {
		t.Errorf("without wait: %d %q, %q", r.status, r.body, d.Violations())
	}
}

func TestABotsMessage(t *testing.T) {
	d := start(t, nil)
	id := d.post(posts, ours, `{"content":"one",`+silent+`}`)
	at := posts + "/" + id
	for _, c := range []struct {
		method, path, token, body string
		status                    int
		want                      string
	}{
		{"GET", "/users/@me", ours, "", 200, `"id":"` + bot + `"`},
		{"GET", "/users/@me", "", "", 401, `"message":"401: Unauthorized"`},
		{"GET", "/channels/" + channel, ours, "", 200, `"name":"work"`},
		{"GET", "/channels/" + thread, ours, "", 200, `"parent_id":"` + channel + `"`},
		{"GET", "/channels/" + closed, ours, "", 403, `"code":50001`},
		{"GET", "/channels/1", ours, "", 404, `"code":10003`},
		{"PATCH", at, ours, `{"content":"two",` + silent + `}`, 200, `"content":"two"`},
		{"PATCH", at, foreign, `{"content":"x",` + silent + `}`, 403, `"code":50005`},
		{"DELETE", at, foreign, "", 403, `"code":50013`},
		{"POST", "/channels/" + mute + "/messages", ours, `{"content":"x",` + silent + `}`, 403, `"code":50013`},
		{"GET", "/channels/" + mute + "/messages", ours, "", 200, `[]`},
		{"DELETE", at, person, "", 204, ""},
		{"GET", at, ours, "", 404, `"code":10008`},
		{"GET", "/nowhere", ours, "", 404, `404: Not Found`},
	} {
		if r := d.send(c.method, c.path, c.token, c.body); r.status != c.status || !strings.Contains(r.body, c.want) {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, r.status, r.body, c.status, c.want)
		}
	}

	in := d.post("/channels/"+archived+"/messages", ours, `{"content":"x",`+silent+`}`)
	if r := d.send("PATCH", "/channels/"+archived+"/messages/"+in, ours, `{"content":"y",`+silent+`}`); r.json["code"] != 50083.0 {
		t.Errorf("an edit in an archived thread: %s", r.body)
	}

	d.noViolations()
}

// A nonce that comes again within minutes makes nothing, if it is enforced.
func TestNonce(t *testing.T) {
	d := start(t, nil)
	send := func(token, nonce, enforce string) string {
		return d.post(posts, token, `{"content":"x","nonce":"`+nonce+`","enforce_nonce":`+enforce+`,`+silent+`}`)
	}
	first := send(ours, "n1", "true")
	if send(ours, "n1", "true") != first {
		t.Error("a repeat is a message of its own")
	}

	if d.post("/channels/"+thread+"/messages", ours, `{"content":"x","nonce":"n1","enforce_nonce":true,`+silent+`}`) != first || len(d.Messages(thread)) != 0 {
		t.Error("a nonce is not looked up in all channels")
	}

	for _, other := range []string{send(ours, "n2", "true"), send(foreign, "n1", "true"), send(ours, "n1", "false")} {
		if other == first {
			t.Error("what is no repeat is taken for one")
		}
	}

	d.clock.turn(repeats)
	if send(ours, "n1", "true") == first {
		t.Error("a nonce counts longer than minutes")
	}

	if n := len(d.Messages(channel)); n != 5 {
		t.Errorf("%d messages", n)
	}

	d.noViolations()
}

func TestList(t *testing.T) {
	d := start(t, nil)
	var ids []string
	for i := range 5 {
		ids = append(ids, d.post(posts, ours, fmt.Sprintf(`{"content":"n%d",%s}`, i, silent)))
	}

	for query, want := range map[string]string{
		"": "n4 n3 n2 n1 n0", "?limit=2": "n4 n3", "?limit=2&after=" + ids[0]: "n2 n1", "?limit=2&before=" + ids[3]: "n2 n1", "?after=" + ids[4]: "", "?limit=100": "n4 n3 n2 n1 n0",
	} {
		r := d.send("GET", posts+query, ours, "")
		var list []struct{ Content string }
		if err := json.Unmarshal([]byte(r.body), &list); err != nil {
			t.Fatal(err)
		}

		var got []string
		for _, m := range list {
			got = append(got, m.Content)
		}

		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}

	d.noViolations()
	if r := d.send("GET", posts+"?limit=101", ours, ""); r.status != 400 || r.json["code"] != 50035.0 {
		t.Errorf("101: %d %s", r.status, r.body)
	}
}

// A channel names its newest message, and goes on to when that is deleted.
func TestLastMessage(t *testing.T) {
	d := start(t, nil)
	last := func() any { return d.send("GET", "/channels/"+channel, ours, "").json["last_message_id"] }
	if got := last(); got != nil {
		t.Errorf("an empty channel: %v", got)
	}

	d.post(posts, ours, `{"content":"x",`+silent+`}`)
	id := d.post(posts, ours, `{"content":"y",`+silent+`}`)
	if got := last(); got != id {
		t.Errorf("%v, want %s", got, id)
	}

	d.send("DELETE", posts+"/"+id, ours, "")
	if got := last(); got != id || len(d.Messages(channel)) != 1 {
		t.Errorf("after it was deleted: %v, want %s", got, id)
	}

	d.noViolations()
}

// What is too long is refused, with the place where it is.
func TestForms(t *testing.T) {
	d := start(t, nil)
	long := func(n int) string { return strings.Repeat("x", n) }
	embed := func(members string) string { return `"embeds":[{` + members + `}]` }
	fields := func(n int) string {
		return `"title":"x","fields":[` + strings.TrimSuffix(strings.Repeat(`{"name":"n","value":"v"},`, n), ",") + `]`
	}
	for _, c := range []struct{ body, path string }{
		{`"content":"` + long(2000) + `"`, ""}, {`"content":"` + long(2001) + `"`, "content"}, {`"content":"` + strings.Repeat("🎫", 1001) + `"`, "content"},
		{embed(`"title":"` + long(256) + `"`), ""}, {embed(`"title":"` + long(257) + `"`), "embeds.0.title"},
		{embed(`"description":"` + long(4096) + `"`), ""}, {embed(`"description":"` + long(4097) + `"`), "embeds.0.description"},
		{embed(`"title":"x","url":"javascript:x"`), "embeds.0.url"}, {embed(`"title":"x","url":"nowhere"`), "embeds.0.url"},
		{embed(`"title":"x","color":16777216`), "embeds.0.color"}, {embed(`"title":"x","timestamp":"yesterday"`), "embeds.0.timestamp"},
		{embed(`"title":"x","footer":{"text":"` + long(2049) + `"}`), "embeds.0.footer.text"}, {embed(`"title":"x","footer":{"text":""}`), "embeds.0.footer.text"},
		{embed(`"title":"x","author":{"name":"` + long(257) + `"}`), "embeds.0.author.name"}, {embed(``), "embeds.0.description"},
		{embed(fields(25)), ""}, {embed(fields(26)), "embeds.0.fields"}, {embed(`"fields":[{"name":"","value":"v"}]`), "embeds.0.fields.0.name"},
		{embed(`"fields":[{"name":"n","value":"` + long(1025) + `"}]`), "embeds.0.fields.0.value"},
		{`"embeds":[` + strings.TrimSuffix(strings.Repeat(`{"title":"x"},`, 11), ",") + `]`, "embeds"},
		{`"embeds":[{"description":"` + long(3000) + `"},{"description":"` + long(3000) + `"}]`, ""},
		{`"embeds":[{"description":"` + long(3000) + `"},{"description":"` + long(3001) + `"}]`, "embeds"},
		{`"content":"x","username":"discord bot"`, "username"}, {`"content":"x","username":"` + long(81) + `"`, "username"}, {`"content":"x","flags":64`, "flags"},
		{`"content":7`, "content"}, {`"content":"x","allowed_mentions":{"parse":["users"],"users":["1"]}`, "allowed_mentions"},
	} {
		body := `{` + c.body + `,` + silent + `}`
		if strings.Contains(c.body, "allowed_mentions") {
			body = `{` + c.body + `}`
		}

		r := d.send("POST", waiting, "", body)
		at := any(r.json["errors"])
		found := c.path != ""
		for part := range strings.SplitSeq(c.path, ".") {
			next, _ := at.(map[string]any)
			at = next[part]
		}

		list, _ := at.(map[string]any)
		if _, wrong := list["_errors"]; wrong != found || found != (r.status == 400 && r.json["code"] == 50035.0) || !found && r.status != 200 {
			t.Errorf("%.80s: %d %.300s, want an error at %q", c.body, r.status, r.body, c.path)
		}
	}

	if r := d.send("POST", posts, ours, `{"content":"x","nonce":"`+long(26)+`",`+silent+`}`); r.json["code"] != 50035.0 {
		t.Errorf("a long nonce: %s", r.body)
	}

	for _, what := range d.Violations() {
		if !strings.HasPrefix(what, "request ") && !strings.HasSuffix(what, "it is blank, so notifications show nothing") {
			t.Error(what)
		}
	}
}

func TestPings(t *testing.T) {
	user := "<@123456789012345678>"
	role := "<@&123456789012345678>"
	for _, c := range []struct {
		content, allowed string
		hook             bool
		want             int
	}{
		{"@everyone @here " + user + role, `{"parse":[]}`, false, 0},
		{"@everyone", `{"parse":["everyone"]}`, false, 1}, {"@here " + user, `{"parse":["everyone"]}`, false, 1}, {user, `{"parse":["users"]}`, false, 1},
		{role, `{"parse":["users"]}`, false, 0}, {role, `{"parse":["roles"]}`, false, 1}, {user, `{"users":["123456789012345678"]}`, false, 1}, {user, `{"users":["123456789012345679"]}`, false, 0},
		{"`@everyone` ```\n" + user + "```", `{"parse":["everyone","users"]}`, false, 0}, {`\@everyone`, `{"parse":["everyone"]}`, false, 1},
		{"@everyone " + user, "", false, 3}, {"@everyone " + user, "", true, 2}, {"nobody", "", false, 1}, {"@\u200beveryone", `{"parse":["everyone"]}`, false, 0},
	} {
		d := start(t, nil)
		body, _ := json.Marshal(map[string]string{"content": c.content})
		text := string(body)
		if c.allowed != "" {
			text = strings.TrimSuffix(text, "}") + `,"allowed_mentions":` + c.allowed + `}`
		}

		where := posts
		token := ours
		if c.hook {
			where = waiting
			token = ""
		}

		d.post(where, token, text)
		got := slices.DeleteFunc(d.Violations(), func(what string) bool { return strings.HasSuffix(what, "is drawn as more than text") })
		if len(got) != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func TestMaskedLinks(t *testing.T) {
	const own = "https://items.example/1"
	for _, c := range []struct {
		e    embed
		want int
	}{
		{embed{Title: "T", URL: own, Description: "see <https://elsewhere.example>"}, 0},
		{embed{Title: "T", URL: own, Description: "[the rest](" + own + ")"}, 1},
		{embed{Title: "T", URL: own, Description: "[x](https://elsewhere.example)"}, 1},
		{embed{Title: "T", URL: own, Description: "[x](<https://elsewhere.example>) [y](https://z.example \"t\")"}, 2},
		{embed{Title: "T", URL: own, Description: `\[x\](https://elsewhere.example) [x\](https://y.example)`}, 0},
		{embed{Title: "T", URL: own, Description: "`[x](https://elsewhere.example)`"}, 0},
		{embed{Title: "T", URL: own, Description: "```go\na\n[x](https://elsewhere.example)\n```"}, 0},
		{embed{Title: "T", URL: own, Description: "```\na\n```\n[x](https://elsewhere.example)\n```\nb\n```"}, 1},
		{embed{Title: "T", URL: own, Description: "```\n[x](https://elsewhere.example)"}, 1},
		{embed{Title: "T", URL: own, Description: "[a [b] c](https://elsewhere.example)"}, 1},
		{embed{Title: "[x](https://elsewhere.example)", URL: own}, 1},
		{embed{Title: "T", Description: "[x](https://elsewhere.example)"}, 1},
		{embed{Title: "T", URL: own, Fields: []embedField{{Name: "n", Value: "[x](https://elsewhere.example)"}}}, 1},
	} {
		if got := (content{Embeds: []embed{c.e}, Allowed: &allowed{}}).hazards(); len(got) != c.want {
			t.Errorf("%+v: %q, want %d", c.e, got, c.want)
		}
	}
}

// A digest's lines have one link each, under the item's number.
func TestLinksOfADigest(t *testing.T) {
	const totals = "**2 items: 1 new, 1 closed**"
	for _, c := range []struct {
		content, description string
		want                 int
	}{
		{totals, "🟢 [WI-1](https://items.example/1) A — open · in review\n✅ ~~[B 2](https://items.example/2)~~ — closed\n🟢 [item](https://items.example/3) \\[x\\](https:\u200b//e.example) — open\nand 3 more", 0},
		{totals, "🟢 [WI-1](https://items.example/1) `A`\n```\na\n```\n🟢 [WI-2](https://items.example/2) B — open", 1},
		{totals, "🟢 [WI-1](https://items.example/1) [B](https://items.example/2) — closed", 2},
		{totals, "🟢 [good.example](https://items.example/1) A — open", 1},
		{totals, "🟢 [https://good.example](https://items.example/1) A — open", 1},
		{totals, "[WI-1](https://items.example/1)", 1},
		{"🟢 **A**", "🟢 [WI-1](https://items.example/1) A — open", 1},
		{totals + "\nx", "🟢 [WI-1](https://items.example/1) A — open", 1},
	} {
		if got := (content{Content: c.content, Embeds: []embed{{Description: c.description}}, Allowed: &allowed{}}).hazards(); len(got) != c.want {
			t.Errorf("%+v: %q, want %d", c, got, c.want)
		}
	}
}

// C7, C9: what people would see and should not is a violation.
func TestLooks(t *testing.T) {
	invite := "discord" + ".gg/abc"
	footed := func(text string) content {
		return content{Content: "x", Embeds: []embed{{Title: "T", Footer: &footer{Text: text}}}}
	}
	titled := func(title, address string) content {
		return content{Content: "x", Embeds: []embed{{Title: title, URL: address}}}
	}
	for _, tt := range []struct {
		c    content
		want []string
	}{
		{content{Content: "🟢 **WI-1 x**\nopen", Embeds: []embed{{Description: "see <https://a.example>"}}}, nil},
		{content{Embeds: []embed{{Title: "T"}}}, []string{"content: it is blank, so notifications show nothing"}},
		{content{Content: "x", Embeds: []embed{{Title: "T"}}, Flags: 4}, []string{"flags: the embeds are hidden"}},
		{content{Content: "x", Flags: 4}, nil},
		{content{Content: "see https://a.example/x <https://b.example> `https://c.example` https:\u200b//d.example"}, []string{"content: https://a.example/x gets a preview"}},
		{content{Content: "<@1> <@!1> <@&1> <#1> </x:1> <t:1:R> <a:e:1> <id:home>"}, []string{
			"content: <@1> is drawn as more than text", "content: <@!1> is drawn as more than text", "content: <@&1> is drawn as more than text", "content: <#1> is drawn as more than text",
			"content: </x:1> is drawn as more than text", "content: <t:1:R> is drawn as more than text", "content: <a:e:1> is drawn as more than text", "content: <id:home> is drawn as more than text",
		}},
		{content{Content: "`<@1>` <\u200b@1> <at> a@b.example"}, nil},
		{content{Content: "x", Embeds: []embed{{Title: "@everyone", Description: "@here", Fields: []embedField{{Name: invite, Value: "<@1>"}}}}}, []string{
			"embeds.0.description: @here is drawn as more than text", "embeds.0.fields.0.name: " + invite + " is an invitation", "embeds.0.fields.0.value: <@1> is drawn as more than text", "embeds.0.title: @everyone is drawn as more than text",
		}},
		{titled("Open WI-1", "https://a.example"), nil},
		{titled("good.example", ""), nil},
		{titled("good.example", "https://a.example"), []string{`embeds.0.title: "good.example" looks like an address and leads to https://a.example`}},
		{titled("https://x", "https://a.example"), []string{`embeds.0.title: "https://x" looks like an address and leads to https://a.example`}},
		{footed("Integrations · k7f3q2x2m4pdabcd"), nil},
		{footed("sync 1200000000000000001/1190000000000000001/1"), []string{`embeds.0.footer: "sync 1200000000000000001/1190000000000000001/1" is text for machines`}},
		{footed("sync 77/5/1"), []string{`embeds.0.footer: "sync 77/5/1" is text for machines`}},
	} {
		if got := tt.c.looks(); !slices.Equal(got, tt.want) {
			t.Errorf("%+v\n got %q\nwant %q", tt.c, got, tt.want)
		}
	}
}

// A member that Discord does not read is a mistake of ours.
func TestUnreadMembers(t *testing.T) {
	d := start(t, nil)
	d.post(waiting, "", `{"content":"x","embeds":[{"title":"T","colour":5,"fields":[{"name":"n","value":"v","inline":true,"short":true}]}],`+silent+`}`)
	want := []string{`embeds.0: Discord reads no member "colour" here`, `embeds.0.fields.0: Discord reads no member "short" here`}
	for i, what := range d.Violations() {
		if i >= len(want) || !strings.HasSuffix(what, want[i]) {
			t.Errorf("%q", what)
		}
	}

	if n := len(d.Violations()); n != 2 {
		t.Errorf("%d violations", n)
	}
}

// Inline fields stand beside each other, others alone.
func TestFieldsAreDrawn(t *testing.T) {
	one := content{Content: "🟢 **A**", Embeds: []embed{{
		Title: "Open WI-1", URL: "https://a.example", Footer: &footer{Text: "Integrations"},
		Fields: []embedField{{"Type", "bug", true}, {"Owner", "`Maria`", true}, {"Labels", "many", false}, {"Due", "2026-12-01", true}, {"Changed by", "Jo", true}},
	}}}
	p := draw(chat.Encode(one))
	if got, want := p.String(), "🟢 A\nOpen WI-1\nType: bug\nOwner: Maria\n\nLabels: many\n\nDue: 2026-12-01\nChanged by: Jo\n\nIntegrations"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}

	if n := len(p.Cards[0].Blocks); n != 5 {
		t.Errorf("%d blocks", n)
	}
}

// Code is what Discord's client shows as code: an escaped backtick begins none.
func TestUncoded(t *testing.T) {
	for text, want := range map[string]string{
		"a `b` c": "a   c", "a ``b`c`` d": "a   d", "```go\nb\n``` c": " \n\n c", "`a\nb` c": " \n c", "a `b": "a `b", "a ``b` c": "a ``b` c",
		"\\`a\\` `b`": "\\`a\\`  ", "\\`\\`\\` [x] \\`": "\\`\\`\\` [x] \\`", "`a\\` b`": "  b`", "``````": "``````", "```": "```", "````a````": " `", "\\": "\\", "": "",
	} {
		if got := uncoded(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzLinks(f *testing.F) {
	f.Add(`[a](https://b) \[ ` + "`" + `[`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, l := range links(text) {
			if !strings.Contains(text, l.Label) || !strings.HasPrefix(l.Address, "http") {
				t.Errorf("%q: %+v", text, l)
			}
		}

		if _, err := draw(chat.Encode(content{Content: text})).HTML(); err != nil {
			t.Error(err)
		}

		if strings.Count(uncoded(text), "\n") != strings.Count(text, "\n") {
			t.Errorf("%q loses a line without its code", text)
		}

		content{Content: text, Embeds: []embed{{Title: text, URL: text, Description: text, Footer: &footer{Text: text}}}}.looks()
	})
}

func TestLimits(t *testing.T) {
	d := start(t, func(c *Config) { c.Limits = true })
	for i := range 5 {
		r := d.send("POST", waiting, "", `{"content":"x",`+silent+`}`)
		if r.status != 200 || r.header.Get("X-RateLimit-Remaining") != fmt.Sprint(4-i) || r.header.Get("X-RateLimit-Limit") != "5" || r.header.Get("X-RateLimit-Bucket") == "" {
			t.Fatalf("%d: %d %v", i, r.status, r.header)
		}
		d.clock.turn(100 * time.Millisecond)
	}

	r := d.send("POST", waiting, "", `{"content":"x",`+silent+`}`)
	if r.status != 429 || r.json["retry_after"] != 1.5 || r.json["global"] != false || r.header.Get("Retry-After") != "2" || r.header.Get("X-RateLimit-Scope") != "user" || r.header.Get("X-RateLimit-Reset-After") != "1.500" {
		t.Errorf("the sixth: %d %s %v", r.status, r.body, r.header)
	}

	d.clock.turn(1500 * time.Millisecond)
	d.post(waiting, "", `{"content":"x",`+silent+`}`)
	d.noViolations()
}

// Messages older than an hour take few edits.
func TestOldMessagesTakeFewEdits(t *testing.T) {
	d := start(t, func(c *Config) { c.OldEdits = 2 })
	id := d.post(posts, ours, `{"content":"x",`+silent+`}`)
	edit := func() reply { return d.send("PATCH", posts+"/"+id, ours, `{"content":"y",`+silent+`}`) }
	for range 5 {
		if r := edit(); r.status != 200 {
			t.Fatalf("a young message: %s", r.body)
		}
	}

	d.clock.turn(aged)
	for _, want := range []int{200, 200, 429} {
		r := edit()
		if r.status != want || want == 429 && (r.json["code"] != 30046.0 || r.json["retry_after"] != 20.0) {
			t.Errorf("an old one: %d %s, want %d", r.status, r.body, want)
		}
	}

	d.clock.turn(OldWindow)
	if r := edit(); r.status != 200 {
		t.Errorf("later: %s", r.body)
	}

	d.noViolations()
}

func TestItSurvives(t *testing.T) {
	dir := t.TempDir()
	d := begin(t, dir, nil)
	id := d.post(posts, ours, `{"content":"one","nonce":"n","enforce_nonce":true,`+silent+`}`)
	d.send("PATCH", posts+"/"+id, ours, `{"content":"two",`+silent+`}`)
	again := begin(t, dir, nil) // the first is not closed
	if r := again.send("GET", posts+"/"+id, ours, ""); r.json["content"] != "two" || r.json["edited_timestamp"] == nil {
		t.Errorf("after the death: %s", r.body)
	}

	if again.post(posts, ours, `{"content":"one","nonce":"n","enforce_nonce":true,`+silent+`}`) != id {
		t.Error("the nonce is forgotten")
	}

	if next := again.post(posts, ours, `{"content":"three",`+silent+`}`); number(next) <= number(id) {
		t.Errorf("%s after %s", next, id)
	}
}

// Discord may refuse a User-Agent of another form than it asks for.
func TestUserAgent(t *testing.T) {
	d := start(t, nil)
	response, err := http.Get(d.url + "/api/webhooks/" + hook + "/right")
	if err != nil {
		t.Fatal(err)
	}

	_ = response.Body.Close()
	if got := d.Violations(); response.StatusCode != 200 || len(got) != 1 || !strings.Contains(got[0], "User-Agent") {
		t.Errorf("%d %q", response.StatusCode, got)
	}
}

// The scheme of a token tells a bot from a person.
func TestSchemes(t *testing.T) {
	d := start(t, nil)
	for authorization, want := range map[string]int{"Bot " + ours: 200, ours: 401, "Bearer " + ours: 401, person: 200, "Bot " + person: 401, "Bot nonsense": 401} {
		request, _ := http.NewRequest(http.MethodGet, d.url+"/api/v10/users/@me", nil)
		request.Header = http.Header{"Authorization": {authorization}, "User-Agent": {"DiscordBot (x, 1)"}}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}

		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: %d, want %d", authorization, response.StatusCode, want)
		}
	}
}

// At the plain address any unknown token acts as the person.
func TestThePerson(t *testing.T) {
	d := start(t, nil)
	id := d.post(posts, ours, `{"content":"one",`+silent+`}`)
	d.url = d.plain
	if r := d.send("GET", "/users/@me", "anything", ""); r.json["username"] != "maria" {
		t.Errorf("she is %s", r.body)
	}

	if r := d.send("PATCH", posts+"/"+id, "anything", `{"content":"x",`+silent+`}`); r.json["code"] != 50005.0 {
		t.Errorf("she edits the bot's: %s", r.body)
	}

	if r := d.send("DELETE", posts+"/"+id, "anything", ""); r.status != 204 {
		t.Errorf("she deletes: %s", r.body)
	}

	if r := d.send("PATCH", posts+"/"+id, ours, `{"content":"x",`+silent+`}`); r.json["code"] != 10008.0 {
		t.Errorf("what she deleted: %s", r.body)
	}

	d.noViolations()
}
