package discord

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

// C13: a thread below a message has the message's id, is made once, and takes
// messages.
func TestAThreadBelowAMessage(t *testing.T) {
	d := start(t, nil)
	id := d.post(posts, ours, `{"content":"one",`+silent+`}`)
	at := posts + "/" + id + "/threads"
	in := "/channels/" + id + "/messages"
	for _, c := range []struct {
		method, path, token, body string
		status                    int
		want                      string
	}{
		{"POST", in, ours, `{"content":"x",` + silent + `}`, 404, `"code":10003`},
		{"POST", posts + "/1/threads", ours, `{"name":"x"}`, 404, `"code":10008`},
		{"POST", at, ours, `{"name":" "}`, 400, `"name":{"_errors":[{"code":"BASE_TYPE_BAD_LENGTH"`},
		{"POST", at, ours, `{"name":"` + strings.Repeat("x", 101) + `"}`, 400, `"name":{"_errors"`},
		{"POST", at, ours, `{"name":5}`, 400, `"code":50035`},
		{"POST", at, ours, `{"name":"x","auto_archive_duration":5}`, 400, `"auto_archive_duration":{"_errors"`},
		{"POST", at, ours, `{"name":" WI-1 one ","auto_archive_duration":1440}`, 201, `"name":"WI-1 one"`},
		{"POST", at, ours, `{"name":"again"}`, 400, `"code":160004`},
		{"GET", posts + "/" + id, ours, "", 200, `"flags":32`},
		{"GET", "/channels/" + id, ours, "", 200, `"parent_id":"` + channel + `"`},
		{"POST", in, ours, `{"content":"first reply","nonce":"r1","enforce_nonce":true,` + silent + `}`, 200, `"channel_id":"` + id + `"`},
		{"GET", in, ours, "", 200, `"content":"first reply"`},
		{"PATCH", posts + "/" + id, ours, `{"content":"changed",` + silent + `}`, 200, `"flags":32`},
		{"POST", "/channels/" + thread + "/messages/1/threads", ours, `{"name":"x"}`, 400, `"code":50024`},
	} {
		if r := d.send(c.method, c.path, c.token, c.body); r.status != c.status || !strings.Contains(r.body, c.want) {
			t.Errorf("%s %s %.60s: %d %s, want %d %s", c.method, c.path, c.body, r.status, r.body, c.status, c.want)
		}
	}

	if d.post(in, ours, `{"content":"first reply","nonce":"r1","enforce_nonce":true,`+silent+`}`); len(d.Messages(id)) != 1 {
		t.Error("a nonce is not looked up in a thread below a message")
	}

	d.noViolations()

	d.send("POST", posts+"/"+d.post(posts, ours, `{"content":"two",`+silent+`}`)+"/threads", ours, `{"name":"x","colour":1}`)
	if got := d.Violations(); len(got) != 1 || !strings.HasSuffix(got[0], `Discord reads no member "colour" here`) {
		t.Errorf("%q", got)
	}
}

// C13: a reply names the message that it replies to, which must be there, and
// needs the right to read it.
func TestAReplyInTheChannel(t *testing.T) {
	d := start(t, nil)
	id := d.post(posts, ours, `{"content":"one",`+silent+`}`)
	reply := func(to, more string) string {
		return `{"content":"r","message_reference":{"message_id":"` + to + `"` + more + `},` + silent + `}`
	}
	for _, c := range []struct {
		body   string
		status int
		want   string
	}{
		{reply(id, ""), 200, `"message_reference":{"channel_id":"` + channel + `","guild_id":"` + guildID + `","message_id":"` + id + `","type":0}`},
		{reply(id, `,"fail_if_not_exists":true`), 200, `"type":19`},
		{reply("1", ""), 400, `"message_reference":{"_errors":[{"code":"REPLIES_UNKNOWN_MESSAGE"`},
		{reply(id, `,"channel_id":"`+thread+`"`), 400, `REPLIES_UNKNOWN_MESSAGE`},
		{reply("1", `,"fail_if_not_exists":false`), 200, `"type":0`},
	} {
		if r := d.send("POST", posts, ours, c.body); r.status != c.status || !strings.Contains(r.body, c.want) {
			t.Errorf("%s: %d %s, want %d %s", c.body, r.status, r.body, c.status, c.want)
		}
	}

	d.noViolations()

	d.channels.Change(channel, func(c *Channel) { c.Unread = []string{bot} })
	if r := d.send("POST", posts, ours, reply(id, "")); r.json["code"] != 160002.0 {
		t.Errorf("without the history: %s", r.body)
	}
}

// C13: where the bot may open threads its replies go there, else into the channel.
// Either is found again by the bot.
func TestRepliesOfTheBot(t *testing.T) {
	me := []string{bot}
	for name, tt := range map[string]struct {
		where    string
		change   func(*Channel)
		inThread bool
	}{
		"all":                 {channel, func(*Channel) {}, true},
		"no new threads":      {channel, func(c *Channel) { c.NoNewThreads = me }, false},
		"silent in threads":   {channel, func(c *Channel) { c.NoThreads = me }, false},
		"channel is a thread": {thread, func(*Channel) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, nil)
			d.channels.Change(channel, tt.change)
			b, _ := d.connected(tt.where)
			content := connector.Content{Number: "WI-1", Title: "Site is down", State: domain.Open}
			made, err := b.Create(t.Context(), content, connector.Marker{Integration: 1, Item: 1, Attempt: 1})
			if err != nil {
				t.Fatal(err)
			}

			r := connector.Reply{
				Message: made.Remote, Content: content, Since: d.clock.now(), From: domain.Progress{State: domain.Open, Status: "planned"}, To: domain.Progress{State: domain.Open, Status: "see https://evil.example @everyone"},
				Markers: []connector.Marker{{Integration: 1, Item: 2, Attempt: 1}},
			}
			for n := range 2 {
				if _, found, err := b.FindReply(t.Context(), r); err != nil || found {
					t.Fatalf("%d: found before it was posted: %v %v", n, found, err)
				}

				d.clock.turn(time.Second)
				w, err := b.Reply(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}

				if inThread := w.Remote.Key == made.Remote.ID; inThread != tt.inThread {
					t.Errorf("%d: it went to %s", n, w.Remote.Key)
				}

				if found, ok, err := b.FindReply(t.Context(), r); err != nil || !ok || found.Remote.ID != w.Remote.ID {
					t.Errorf("%d: %+v %v %v", n, found, ok, err)
				}

				r.After, r.Markers = w.Remote, []connector.Marker{{Integration: 1, Item: domain.Snowflake(3 + n), Attempt: 1}}
			}

			d.noViolations()
		})
	}
}

// C13: a thread and its messages are there after the death of the process.
func TestAThreadBelowAMessageSurvives(t *testing.T) {
	dir := t.TempDir()
	d := begin(t, dir, nil)
	id := d.post(posts, ours, `{"content":"one",`+silent+`}`)
	d.send("POST", posts+"/"+id+"/threads", ours, `{"name":"WI-1 one"}`)
	d.post("/channels/"+id+"/messages", ours, `{"content":"reply",`+silent+`}`)
	again := begin(t, dir, nil) // the first is not closed
	var list []struct{ Content string }
	r := again.send("GET", "/channels/"+id+"/messages", ours, "")
	if err := json.Unmarshal([]byte(r.body), &list); err != nil || len(list) != 1 || list[0].Content != "reply" {
		t.Errorf("%v %s", err, r.body)
	}

	if r := again.send("POST", posts+"/"+id+"/threads", ours, `{"name":"x"}`); r.json["code"] != 160004.0 {
		t.Errorf("%s", r.body)
	}
}
