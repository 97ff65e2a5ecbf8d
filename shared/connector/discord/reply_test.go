package discord

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

const (
	messageID = "423456789012345678"
	lastReply = "523456789012345678"
	bot       = "623456789012345678"
)

func startReplies(t *testing.T) (*fake, *Bot) {
	f, client := start(t)
	cfg := BotConfig{BaseURL: "https://" + host + "/api/v10", Token: token, Channel: channelID, Replies: true}

	return f, NewBot(cfg, client, func() time.Time { return now })
}

// aReply says that a status changed.
func aReply(after domain.Remote) connector.Reply {
	return connector.Reply{
		Message: domain.Remote{ID: messageID, Key: channelID},
		After:   after,
		From:    domain.Progress{State: domain.Open, Status: "planned"},
		To:      domain.Progress{State: domain.Open, Status: "in *review*"},
		Content: connector.Content{Number: "WI-1", Title: "Site is down"},
		Markers: []connector.Marker{{Integration: 77, Item: 5, Attempt: 1}, {Integration: 77, Item: 5, Attempt: 2}},
	}
}

// message is an answer with a message in a channel.
func answered(channel string) string {
	return fmt.Sprintf(`{"id":"723456789012345678","channel_id":%q}`, channel)
}

// C13: the first reply makes a thread on the message; later ones go into it. Where
// the bot may not make one, the reply goes into the channel and mentions nobody.
func TestReplyCalls(t *testing.T) {
	const (
		open = "POST /channels/" + channelID + "/messages/" + messageID + "/threads"
		in   = "POST /channels/" + messageID + "/messages"
		at   = "POST /channels/" + channelID + "/messages"
	)

	opened := `201 {"id":"` + messageID + `"}`
	refusal := func(status, code int) string { return fmt.Sprintf(`%d {"code":%d,"message":"no"}`, status, code) }
	inThread := domain.Remote{ID: lastReply, Key: messageID}
	inChannel := domain.Remote{ID: lastReply, Key: channelID}
	for name, c := range map[string]struct {
		after   domain.Remote
		answers map[string]string
		calls   []string
		channel string
	}{
		"first":             {domain.Remote{}, map[string]string{open: opened, in: "200 " + answered(messageID)}, []string{open, in}, messageID},
		"thread there":      {domain.Remote{}, map[string]string{open: refusal(400, 160004), in: "200 " + answered(messageID)}, []string{open, in}, messageID},
		"second":            {inThread, map[string]string{in: "200 " + answered(messageID)}, []string{in}, messageID},
		"no permission":     {domain.Remote{}, map[string]string{open: refusal(403, 50013), at: "200 " + answered(channelID)}, []string{open, at}, channelID},
		"channel is thread": {domain.Remote{}, map[string]string{open: refusal(400, 50024), at: "200 " + answered(channelID)}, []string{open, at}, channelID},
		"not in threads":    {domain.Remote{}, map[string]string{open: opened, in: refusal(403, 50001), at: "200 " + answered(channelID)}, []string{open, in, at}, channelID},
		"locked":            {inThread, map[string]string{in: refusal(400, 160005), at: "200 " + answered(channelID)}, []string{in, at}, channelID},
		"in the channel":    {inChannel, map[string]string{at: "200 " + answered(channelID)}, []string{at}, channelID},
		"thread deleted":    {inThread, map[string]string{open: opened, in: refusal(404, 10003), at: "200 " + answered(channelID)}, []string{in, open, in, at}, channelID},
	} {
		t.Run(name, func(t *testing.T) {
			f, b := startReplies(t)
			f.routes(c.answers)
			w, err := b.Reply(t.Context(), aReply(c.after))
			if err != nil || w.Remote.ID != "723456789012345678" || w.Remote.Key != c.channel {
				t.Fatalf("%+v, %v", w, err)
			}

			var made []string
			for _, one := range f.take() {
				made = append(made, one.method+" "+one.path)
				if strings.HasSuffix(one.path, "/threads") {
					if one.body != `{"auto_archive_duration":1440,"name":"WI-1 Site is down"}` {
						t.Errorf("thread: %s", one.body)
					}
					continue
				}

				refers := strings.Contains(one.body, `"message_reference":{"message_id":"`+messageID+`","fail_if_not_exists":true}`)
				if !strings.Contains(one.body, `"content":"status: planned → in \\*review\\*","allowed_mentions":{"parse":[]}`) || refers != (one.path == "/channels/"+channelID+"/messages") {
					t.Errorf("reply: %s", one.body)
				}
			}

			if fmt.Sprint(made) != fmt.Sprint(c.calls) {
				t.Errorf("%v, want %v", made, c.calls)
			}
		})
	}
}

// A reply keeps its nonce in each attempt, so that Discord does not post it twice
// within minutes.
func TestAReplyKeepsItsNonce(t *testing.T) {
	f, b := startReplies(t)
	f.answers(200, nil, answered(messageID))
	first := aReply(domain.Remote{ID: lastReply, Key: messageID})
	second := first
	second.Markers = second.Markers[:1]
	other := first
	other.Markers = []connector.Marker{{Integration: 77, Item: 6, Attempt: 1}}
	for _, r := range []connector.Reply{first, second, other} {
		if _, err := b.Reply(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}

	calls := f.take()
	if calls[0].body != calls[1].body || calls[0].body == calls[2].body || !strings.Contains(calls[0].body, `"enforce_nonce":true`) {
		t.Errorf("%v", calls)
	}
}

// An answer that is not the documented one proves nothing.
func TestAReplyNeedsProof(t *testing.T) {
	for name, body := range map[string]string{"foreign": `<html>`, "another channel": answered(channelID), "no id": `{"channel_id":"` + messageID + `"}`} {
		f, b := startReplies(t)
		f.answers(200, nil, body)
		_, err := b.Reply(t.Context(), aReply(domain.Remote{ID: lastReply, Key: messageID}))
		if e := failureOf(t, err); e.Class != failure.Ambiguous {
			t.Errorf("%s: %+v", name, e)
		}
	}

	_, b := startReplies(t)
	r := aReply(domain.Remote{})
	r.Message.ID = "x"
	_, err := b.Reply(t.Context(), r)
	if e := failureOf(t, err); e.Code != "remote_unknown" {
		t.Errorf("%+v", e)
	}
}

// C13: a reply whose answer was lost is found by its author and its text, behind
// the last known one.
func TestFindReply(t *testing.T) {
	const text = `status: planned → in \\*review\\*`
	message := func(id, author, content, to string) string {
		return fmt.Sprintf(`{"id":%q,"author":{"id":%q},"content":"%s","message_reference":{"message_id":%q}}`, id, author, content, to)
	}
	page := func(messages ...string) string { return "200 [" + strings.Join(messages, ",") + "]" }
	const (
		in   = "GET /channels/" + messageID + "/messages"
		at   = "GET /channels/" + channelID + "/messages"
		gone = `404 {"code":10003,"message":"Unknown Channel"}`
		none = `200 {"id":"` + messageID + `","last_message_id":null}`
	)

	ours := message("723456789012345678", bot, text, "")
	another := message("723456789012345679", "9", "hello", "")
	inThread := domain.Remote{ID: lastReply, Key: messageID}
	for name, c := range map[string]struct {
		after   domain.Remote
		answers map[string]string
		found   string
	}{
		"in the thread":      {inThread, map[string]string{in: page(message("723456789012345679", "9", "hello", ""), ours)}, messageID},
		"a person's":         {inThread, map[string]string{in: page(message("723456789012345678", "9", text, "")), at: page(another)}, ""},
		"another text":       {inThread, map[string]string{in: page(message("723456789012345678", bot, "closed", "")), at: page(another)}, ""},
		"nothing":            {inThread, map[string]string{in: page(), "GET /channels/" + messageID: none, at: page(another)}, ""},
		"no thread":          {domain.Remote{}, map[string]string{in: gone, at: page(message("723456789012345678", bot, text, messageID))}, channelID},
		"of another message": {domain.Remote{}, map[string]string{in: gone, at: page(message("723456789012345678", bot, text, "9"))}, ""},
		"first, in a thread": {domain.Remote{}, map[string]string{in: page(ours)}, messageID},
		// The thread was locked after the reply before it.
		"locked thread":  {inThread, map[string]string{in: page(), "GET /channels/" + messageID: none, at: page(message("723456789012345678", bot, text, messageID))}, channelID},
		"in the channel": {domain.Remote{ID: lastReply, Key: channelID}, map[string]string{at: page(message("723456789012345678", bot, text, messageID))}, channelID},
	} {
		t.Run(name, func(t *testing.T) {
			f, b := startReplies(t)
			c.answers["GET /users/@me"] = `200 {"id":"` + bot + `"}`
			f.routes(c.answers)
			w, found, err := b.FindReply(t.Context(), aReply(c.after))
			if err != nil || found != (c.found != "") || w.Remote.Key != c.found {
				t.Errorf("%+v, %v, %v", w, found, err)
			}

			for _, one := range f.take() {
				if strings.HasSuffix(one.path, "/messages") && c.after.ID != "" && !strings.Contains(one.query, "after="+lastReply) {
					t.Errorf("%s?%s", one.path, one.query)
				}
			}
		})
	}
}

// A thread that cannot be read proves nothing: without the permission to read the
// history Discord shows an empty list.
func TestFindReplyWithoutTheHistory(t *testing.T) {
	f, b := startReplies(t)
	f.routes(map[string]string{
		"GET /users/@me": `200 {"id":"` + bot + `"}`,
		"GET /channels/" + messageID + "/messages":                    `200 []`,
		"GET /channels/" + messageID:                                  `200 {"id":"` + messageID + `","last_message_id":"723456789012345678"}`,
		"GET /channels/" + messageID + "/messages/723456789012345678": `403 {"code":50013,"message":"Missing Permissions"}`,
	})

	_, found, err := b.FindReply(t.Context(), aReply(domain.Remote{ID: lastReply, Key: messageID}))
	if e := failureOf(t, err); found || e.Status != http.StatusForbidden {
		t.Errorf("%v, %+v", found, e)
	}
}

// The check says where replies go.
func TestTheCheckSaysWhereRepliesGo(t *testing.T) {
	for name, c := range map[string]struct {
		kind    int
		granted int64
		says    string
	}{
		"threads":        {0, createThreads | sendInThreads, ""},
		"channel":        {0, sendInThreads, "into the channel"},
		"thread already": {11, createThreads | sendInThreads, "is a thread"},
	} {
		check := mayReply(channel{Type: c.kind}, c.granted)
		detail := ""
		if check.Detail != nil {
			detail = *check.Detail
		}

		if check.OK == nil || !*check.OK || !strings.Contains(detail, c.says) || (c.says == "") != (detail == "") {
			t.Errorf("%s: %v", name, check)
		}
	}
}
