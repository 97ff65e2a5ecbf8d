package slack

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	ours    = "our-token"
	reader  = "token-that-may-read"
	foreign = "another-bots-token"
	person  = "person-token"
)

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
	return open(t, t.TempDir(), change)
}

func open(t *testing.T, dir string, change func(*Config)) *driver {
	t.Helper()
	d := &driver{t: t, clock: &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}}
	all := []string{"chat:write", "channels:history", "groups:history", "channels:read", "groups:read"}
	config := Config{
		Dir: dir, Now: d.clock.now, PersonToken: person,
		Accounts: map[string]Account{
			ours: {Name: "our-bot", User: "U0OURBOT01", Bot: true, Scopes: all}, foreign: {Name: "other-bot", User: "U0OTHER001", Bot: true, Scopes: all},
			reader: {Name: "reader", User: "U0READER01", Bot: true, Scopes: []string{"channels:read"}}, person: {Name: "maria", User: "U0MARIA001", Scopes: all},
		},
		Channels: []Channel{
			{ID: "C0WORK", Name: "work"}, {ID: "C0OLD", Name: "old", Archived: true}, {ID: "C0ELSE", Name: "elsewhere", Members: []string{"U0MARIA001"}},
			{ID: "G0SECRET", Name: "secret", Private: true, Members: []string{"U0MARIA001"}},
		},
		Hooks: []Hook{
			{Path: "T1/B1/right", Channel: "C0WORK", App: "hook"}, {Path: "T1/B2/off", Channel: "C0WORK", Off: true},
			{Path: "T1/B3/old", Channel: "C0OLD"}, {Path: "T1/B4/gone", Channel: "C0GONE"},
		},
	}
	if change != nil {
		change(&config)
	}

	server, err := Open(config)
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

func (d *driver) send(method, path, token, media, body string) reply {
	d.t.Helper()
	request, err := http.NewRequest(method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}

	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}

	if media != "" {
		request.Header.Set("Content-Type", media)
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

const jsonType = "application/json; charset=utf-8"

func (d *driver) call(method, token, body string) reply {
	d.t.Helper()
	return d.send("POST", "/api/"+method, token, jsonType, body)
}

// posted posts a text and gives its time stamp.
func (d *driver) posted(text string) string {
	d.t.Helper()
	r := d.call("chat.postMessage", ours, `{"channel":"C0WORK","text":"`+text+`"}`)
	if r.json["ok"] != true {
		d.t.Fatalf("post: %s", r.body)
	}
	return r.json["ts"].(string)
}

// outcome is ok, or the code of the error.
func (r reply) outcome() string {
	if r.json["ok"] == true {
		return "ok"
	}
	return fmt.Sprint(r.json["error"])
}

func (d *driver) noViolations() {
	d.t.Helper()
	if all := d.Violations(); len(all) > 0 {
		d.t.Errorf("violations: %q", all)
	}
}

func TestErrorsOfMethods(t *testing.T) {
	d := start(t, nil)
	ts := d.posted("one")
	for _, c := range []struct{ method, token, body, want string }{
		{"chat.postMessage", "", `{"channel":"C0WORK","text":"x"}`, "not_authed"},
		{"chat.postMessage", "wrong", `{"channel":"C0WORK","text":"x"}`, "invalid_auth"},
		{"chat.postMessage", reader, `{"channel":"C0WORK","text":"x"}`, "missing_scope"},
		{"chat.postMessage", ours, `{"channel":"C0NONE","text":"x"}`, "channel_not_found"},
		{"chat.postMessage", ours, `{"channel":"G0SECRET","text":"x"}`, "channel_not_found"},
		{"chat.postMessage", ours, `{"channel":"C0ELSE","text":"x"}`, "not_in_channel"},
		{"chat.postMessage", ours, `{"channel":"C0OLD","text":"x"}`, "is_archived"},
		{"chat.postMessage", ours, `{"channel":"C0WORK"}`, "no_text"},
		{"chat.postMessage", ours, `{"channel":"C0WORK","text":"x","metadata":{"event_type":"x"}}`, "invalid_metadata_format"},
		{"chat.postMessage", ours, `{"channel":"C0WORK","blocks":{}}`, "invalid_blocks_format"},
		{"chat.postMessage", ours, `{"channel":`, "invalid_json"},
		{"chat.postMessage", ours, `[]`, "json_not_object"},
		{"chat.update", ours, `{"channel":"C0WORK","ts":"1.000001","text":"x"}`, "message_not_found"},
		{"chat.update", ours, `{"channel":"C0WORK","ts":"` + ts + `","text":"` + strings.Repeat("x", 4001) + `"}`, "msg_too_long"},
		{"chat.update", foreign, `{"channel":"C0WORK","ts":"` + ts + `","text":"x"}`, "cant_update_message"},
		{"chat.delete", foreign, `{"channel":"C0WORK","ts":"` + ts + `"}`, "cant_delete_message"},
		{"chat.nonsense", ours, `{}`, "unknown_method"},
		{"conversations.history", reader, `{"channel":"C0WORK"}`, "missing_scope"},
		{"conversations.history", ours, `{"channel":"C0ELSE"}`, "not_in_channel"},
		{"conversations.history", ours, `{"channel":"C0WORK","limit":1000}`, "invalid_limit"},
		{"conversations.history", ours, `{"channel":"C0WORK","cursor":"x"}`, "invalid_cursor"},
		{"conversations.history", ours, `{"channel":"C0WORK","oldest":"x"}`, "invalid_ts_oldest"},
		{"conversations.info", ours, `{"channel":"C0WORK"}`, "ok"},
		{"conversations.info", ours, `{"channel":"G0SECRET"}`, "channel_not_found"},
		{"auth.test", reader, `{}`, "ok"},
		{"chat.update", ours, `{"channel":"C0WORK","ts":"` + ts + `","text":"y"}`, "ok"},
		{"chat.delete", ours, `{"channel":"C0WORK","ts":"` + ts + `"}`, "ok"},
		{"chat.delete", ours, `{"channel":"C0WORK","ts":"` + ts + `"}`, "message_not_found"},
	} {
		r := d.call(c.method, c.token, c.body)
		if r.outcome() != c.want || r.status != http.StatusOK || r.header.Get("X-Slack-Req-Id") == "" {
			t.Errorf("%s %.80s: %d %s, want %s", c.method, c.body, r.status, r.body, c.want)
		}

		if c.want == "missing_scope" && (r.json["needed"] == nil || r.json["provided"] != "channels:read") {
			t.Errorf("it does not say which scope: %s", r.body)
		}
	}

	d.noViolations()
}

// What cannot be read is refused as Slack does.
func TestMediaTypes(t *testing.T) {
	d := start(t, nil)
	form := url.Values{"channel": {"C0WORK"}, "text": {"as a form"}, "token": {ours}}.Encode()
	for _, c := range []struct{ media, body, want string }{
		{"application/x-www-form-urlencoded", form, "ok"}, {"text/plain", "{}", "invalid_post_type"}, {"", "{}", "missing_post_type"},
	} {
		if r := d.send("POST", "/api/chat.postMessage", "", c.media, c.body); r.outcome() != c.want {
			t.Errorf("%q: %s, want %s", c.media, r.body, c.want)
		}
	}

	d.noViolations()
	r := d.send("POST", "/api/chat.postMessage", ours, "application/json", `{"channel":"C0WORK","text":"x"}`)
	if r.json["warning"] != "missing_charset" || len(d.Violations()) != 1 {
		t.Errorf("a missing charset: %s, %q", r.body, d.Violations())
	}
}

// The history is walked by cursors, newest first, and keeps what travels along.
func TestHistory(t *testing.T) {
	d := start(t, nil)
	var stamps []string
	for i := range 5 {
		r := d.call("chat.postMessage", ours, fmt.Sprintf(`{"channel":"C0WORK","text":"n%d","metadata":{"event_type":"e","event_payload":{"key":"%d"}}}`, i, i))
		stamps = append(stamps, r.json["ts"].(string))
	}

	seen := []string{}
	unique := map[string]bool{}
	cursor := ""
	for range 10 {
		r := d.send("GET", "/api/conversations.history?channel=C0WORK&limit=2&include_all_metadata=true&inclusive=true&oldest="+stamps[1]+"&cursor="+url.QueryEscape(cursor), ours, "", "")
		for _, m := range r.json["messages"].([]any) {
			of := m.(map[string]any)
			seen = append(seen, of["text"].(string))
			unique[of["ts"].(string)] = true
			if of["metadata"].(map[string]any)["event_payload"].(map[string]any)["key"] != strings.TrimPrefix(of["text"].(string), "n") {
				t.Errorf("metadata: %v", of)
			}
		}

		meta, _ := r.json["response_metadata"].(map[string]any)
		if cursor, _ = meta["next_cursor"].(string); cursor == "" {
			if r.json["has_more"] != false {
				t.Errorf("there is more, and no cursor: %s", r.body)
			}
			break
		}
	}

	if strings.Join(seen, " ") != "n4 n3 n2 n1" || len(unique) != 4 {
		t.Errorf("saw %v", seen)
	}

	bare := d.send("GET", "/api/conversations.history?channel=C0WORK&oldest="+stamps[3], ours, "", "")
	if n := len(bare.json["messages"].([]any)); n != 1 || strings.Contains(bare.body, "metadata") {
		t.Errorf("exclusive and without metadata: %s", bare.body)
	}

	d.noViolations()
}

func TestEditing(t *testing.T) {
	d := start(t, nil)
	r := d.call("chat.postMessage", ours, `{"channel":"C0WORK","text":"t","blocks":[{"type":"divider"}],"metadata":{"event_type":"e","event_payload":{}}}`)
	ts := r.json["ts"].(string)
	d.clock.turn(time.Hour)
	d.call("chat.update", ours, `{"channel":"C0WORK","ts":"`+ts+`","text":"changed"}`)
	got := d.send("GET", "/api/conversations.history?channel=C0WORK&include_all_metadata=true", ours, "", "")
	m := got.json["messages"].([]any)[0].(map[string]any)
	if m["text"] != "changed" || m["blocks"] != nil || m["metadata"] == nil || m["edited"].(map[string]any)["user"] != "U0OURBOT01" || m["bot_id"] != "B0OURBOT01" {
		t.Errorf("edited: %v", m)
	}

	if n := len(d.Forms("C0WORK", ts)); n != 2 {
		t.Errorf("%d forms are kept", n)
	}
}

func TestWebhooks(t *testing.T) {
	d := start(t, nil)
	for _, c := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"T1/B1/right", `{"text":"x"}`, 200, "ok"},
		{"T1/B1/right", `{"text":`, 400, "invalid_payload"},
		{"T1/B1/right", `{"text":1}`, 400, "invalid_payload"},
		{"T1/B1/right", `{}`, 400, "no_text"},
		{"T1/B1/right", `{"blocks":[{"type":"nonsense"}]}`, 400, "invalid_blocks"},
		{"T1/B1/wrong", `{"text":"x"}`, 403, "invalid_token"},
		{"T1/B9/wrong", `{"text":"x"}`, 404, "no_service"},
		{"T1/B2/off", `{"text":"x"}`, 404, "no_service"},
		{"T1/B3/old", `{"text":"x"}`, 410, "channel_is_archived"},
		{"T1/B4/gone", `{"text":"x"}`, 404, "channel_not_found"},
	} {
		if r := d.send("POST", "/services/"+c.path, "", jsonType, c.body); r.status != c.status || r.body != c.want {
			t.Errorf("%s %s: %d %q, want %d %q", c.path, c.body, r.status, r.body, c.status, c.want)
		}
	}

	if r := d.send("POST", "/services/T1/B1/right", "", "application/x-www-form-urlencoded", "payload="+url.QueryEscape(`{"text":"form"}`)); r.body != "ok" {
		t.Errorf("a form: %s", r.body)
	}

	if n := len(d.Messages("C0WORK")); n != 2 {
		t.Errorf("%d messages", n)
	}

	if r := d.call("chat.update", ours, `{"channel":"C0WORK","ts":"`+d.Messages("C0WORK")[0].ID+`","text":"x"}`); r.outcome() != "cant_update_message" {
		t.Errorf("a bot edits a webhook's message: %s", r.body)
	}

	d.noViolations()
}

func TestBlocks(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	section := func(text string) string { return `{"type":"section","text":{"type":"mrkdwn","text":"` + text + `"}}` }
	many := func(one string, n int) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	for _, c := range []struct{ blocks, want, where string }{
		{section("x"), "ok", ""}, {section(long(3000)), "ok", ""}, {section(long(3001)), "invalid_blocks", "/blocks/0/text/text"}, {section(""), "invalid_blocks", "more than 0"},
		{many(`{"type":"divider"}`, 50), "ok", ""}, {many(`{"type":"divider"}`, 51), "invalid_blocks", "50 items"},
		{many(section(long(2600)), 5), "ok", ""}, {many(section(long(2700)), 5), "msg_blocks_too_long", ""},
		{`{"type":"header","text":{"type":"plain_text","text":"` + long(150) + `"}}`, "ok", ""},
		{`{"type":"header","text":{"type":"plain_text","text":"` + long(151) + `"}}`, "invalid_blocks", "less than 151"},
		{`{"type":"header","text":{"type":"mrkdwn","text":"x"}}`, "invalid_blocks", "/text/type"},
		{`{"type":"section"}`, "invalid_blocks", "text or fields"}, {`{"type":"nonsense"}`, "invalid_blocks", "unsupported type"}, {`7`, "invalid_blocks", "/blocks/0"},
		{`{"type":"section","txt":1,"text":{"type":"mrkdwn","text":"x"}}`, "invalid_blocks", "invalid additional property: txt"},
		{`{"type":"section","text":{"type":"plain_text","text":"x","verbatim":true}}`, "invalid_blocks", "verbatim"},
		{`{"type":"section","text":{"type":"mrkdwn","text":"x","emoji":true}}`, "invalid_blocks", "emoji"},
		{`{"type":"section","fields":[` + many(`{"type":"mrkdwn","text":"x"}`, 11) + `]}`, "invalid_blocks", "10 items"},
		{`{"type":"section","fields":[{"type":"mrkdwn","text":"` + long(2001) + `"}]}`, "invalid_blocks", "less than 2001"},
		{`{"type":"context","elements":[]}`, "invalid_blocks", "fewer than 1"}, {`{"type":"context","elements":[{"type":"mrkdwn","text":"x"}]}`, "ok", ""},
		{`{"type":"divider","block_id":"a"},{"type":"divider","block_id":"a"}`, "invalid_blocks", "already exists"},
	} {
		d := start(t, nil)
		r := d.call("chat.postMessage", ours, `{"channel":"C0WORK","text":"x","blocks":[`+c.blocks+`]}`)
		if r.outcome() != c.want || !strings.Contains(strings.ReplaceAll(r.body, `\/`, "/"), c.where) {
			t.Errorf("%.90s: %.300s, want %s at %s", c.blocks, r.body, c.want, c.where)
		}

		d.noViolations()
	}
}

func TestHazards(t *testing.T) {
	for text, want := range map[string]int{
		"plain, @here and #channel": 0, "a &amp; b &lt;!channel&gt;": 0, "<https://example.com|see> <http://example.com>": 0, "> quoted": 0,
		"<!channel>": 1, "<!here|here>": 1, "<!subteam^S1>": 1, "<@U1>": 1, "<@W1|maria>": 1, "<#C1|general>": 1, "`<@U1>`": 1, "<!date^1^{date}|x>": 1,
		"<javascript:alert(1)|x>": 1, "<mailto:a@b.example|x>": 1, "<tel:1>": 1, "<x>": 1, "a < b": 1, "a & b": 1, "<@U1> <!everyone>": 2, "<\n@U1>": 1,
	} {
		got := hazards(text)
		if len(got) != want {
			t.Errorf("%q: %q, want %d", text, got, want)
		}

		for _, what := range got {
			if names := len(what) > 1 && strings.ContainsAny(strings.TrimSpace(what[1:])[:1], "@!#"); names != strings.Contains(what, "mentions") {
				t.Errorf("%q is told as %q", text, what)
			}
		}
	}
}

func FuzzHazards(f *testing.F) {
	f.Add("<!channel> <@U1> &amp; <https://x|y>")
	f.Fuzz(func(t *testing.T, text string) {
		escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
		if got := hazards(escaped); len(got) > 0 {
			t.Errorf("escaped text has %q", got)
		}

		if _, err := draw(encode(content{Text: text})).HTML(); err != nil {
			t.Error(err)
		}
	})
}

// Item text that mentions is listed, in every place that Slack reads.
func TestMentionsAreViolations(t *testing.T) {
	for _, message := range []string{
		`"text":"<!channel>"`, `"text":"x","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"<@U1>"}}]`,
		`"text":"x","blocks":[{"type":"context","elements":[{"type":"mrkdwn","text":"<!here>"}]}]`, `"text":"@x","link_names":true`, `"text":"x","parse":"full"`,
		`"text":"x","blocks":[{"type":"markdown","text":"x"}]`, `"text":"x","colour":"red"`, `"text":"<https://evil.example|bank.example>"`,
		`"text":"x","blocks":[{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"Open"},"url":"https://example.com"}]}]`,
	} {
		d := start(t, nil)
		if r := d.call("chat.postMessage", ours, `{"channel":"C0WORK",`+message+`}`); r.outcome() != "ok" || len(d.Violations()) != 1 {
			t.Errorf("%s: %s, %q", message, r.body, d.Violations())
		}
	}

	d := start(t, nil)
	d.call("chat.postMessage", ours, `{"channel":"C0WORK","text":"x","blocks":[{"type":"section","text":{"type":"plain_text","text":"<!channel>"}}]}`)
	d.noViolations()
}

func TestLimits(t *testing.T) {
	d := start(t, func(c *Config) {
		c.Limits = true
		c.Scarce = true
	})
	d.posted("one")
	r := d.call("chat.postMessage", ours, `{"channel":"C0WORK","text":"two"}`)
	if r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") != "1" || r.outcome() != "ratelimited" || strings.Contains(r.body, "retry-after") {
		t.Errorf("a second post: %d %s %v", r.status, r.body, r.header)
	}

	if r := d.send("POST", "/services/T1/B1/right", "", jsonType, `{"text":"x"}`); r.body != "ok" {
		t.Errorf("a webhook has a limit of its own: %s", r.body)
	}

	if r := d.send("POST", "/services/T1/B1/right", "", jsonType, `{"text":"x"}`); r.status != 429 || r.header.Get("Retry-After") != "1" {
		t.Errorf("the webhook's second: %d %s", r.status, r.body)
	}

	d.clock.turn(time.Second)
	d.posted("two")
	for _, want := range []int{200, 429} {
		if r := d.send("GET", "/api/conversations.history?channel=C0WORK", ours, "", ""); r.status != want {
			t.Errorf("history: %d, want %d", r.status, want)
		}
	}

	d.noViolations()
}

// A process that is killed loses nothing it answered for, and goes on with
// stamps of its own.
func TestItSurvives(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir, nil)
	first := d.posted("one")
	gone := d.posted("two")
	d.call("chat.update", ours, `{"channel":"C0WORK","ts":"`+first+`","text":"changed"}`)
	d.call("chat.delete", ours, `{"channel":"C0WORK","ts":"`+gone+`"}`)
	again := open(t, dir, nil) // the first is not closed
	all := again.Messages("C0WORK")
	if len(all) != 1 || contentOf(all[0]).Text != "changed" || len(again.Forms("C0WORK", first)) != 2 || len(again.Writes()) != 4 {
		t.Fatalf("%d messages, %d writes", len(all), len(again.Writes()))
	}

	if next := again.posted("three"); next == gone || next <= first {
		t.Errorf("the next is %s after %s and %s", next, first, gone)
	}
}

func TestPhasesOfCreates(t *testing.T) {
	d := start(t, nil)
	var told []string
	d.OnCreate(func(phase string, n int) {
		told = append(told, fmt.Sprintf("%s %d with %d", phase, n, len(d.Messages("C0WORK"))))
	})
	d.posted("one")
	d.call("chat.postMessage", ours, `{"channel":"C0NONE","text":"x"}`)
	d.call("conversations.info", ours, `{"channel":"C0WORK"}`)
	if got := strings.Join(told, ", "); got != "received 1 with 0, applied 1 with 1, received 2 with 1" {
		t.Errorf("told %s", got)
	}
}

// At the plain address any unknown token acts as the person, who posts and deletes
// messages.
func TestThePerson(t *testing.T) {
	d := start(t, nil)
	ts := d.posted("one")
	d.url = d.plain
	if r := d.call("auth.test", "anything", `{}`); r.json["user"] != "maria" || r.json["bot_id"] != nil {
		t.Errorf("it is %s", r.body)
	}

	if r := d.call("auth.test", ours, `{}`); r.json["user"] != "our-bot" {
		t.Errorf("the bot is %s", r.body)
	}

	hers := d.call("chat.postMessage", "anything", `{"channel":"C0WORK","text":"hers"}`)
	if r := d.call("chat.delete", "anything", `{"channel":"C0WORK","ts":"`+hers.json["ts"].(string)+`"}`); r.outcome() != "ok" {
		t.Errorf("her own: %s", r.body)
	}

	response, err := http.PostForm(d.plain+"/messages/C0WORK/"+ts+"/delete", nil) // as an owner of the workspace may
	if err != nil {
		t.Fatal(err)
	}

	_ = response.Body.Close()
	if r := d.call("chat.update", ours, `{"channel":"C0WORK","ts":"`+ts+`","text":"x"}`); r.outcome() != "message_not_found" {
		t.Errorf("what she deleted: %s", r.body)
	}
}

// Slack escapes each slash once, in whatever spelling it came.
func TestSlashesAreEscapedOnce(t *testing.T) {
	for given, want := range map[string]string{
		`{"a":"x/y"}`: `{"a":"x\/y"}`, `{"a":"x\/y"}`: `{"a":"x\/y"}`, `{"a":"\\/"}`: `{"a":"\\\/"}`, `{"a":"\\\/"}`: `{"a":"\\\/"}`,
	} {
		if got := string(slashes([]byte(given))); got != want {
			t.Errorf("%s: %s, want %s", given, got, want)
		}
	}
}
