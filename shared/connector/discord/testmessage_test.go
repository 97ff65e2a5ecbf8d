package discord

import (
	"errors"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

var testMessage = connector.TestMessage{
	Integration: 77, ItemType: "work_item", AskedBy: 12, AskedAt: now,
	Place: connector.Place{ID: channelID, URL: "https://discord.com/channels/423456789012345678/" + channelID},
}

const testBody = `{"content":"**Test message from Integrations**","embeds":[{"description":"This is a test: messages of integration 77 (item type: work\\_item) arrive here. You may delete this message.\n` +
	`User 12 asked for it at 10:00:00 UTC on 23 November 2026.","color":5726314}],"allowed_mentions":{"parse":[]}}`

// C14: the whole of the test message on the wire. It has no footer, which holds
// the marker of an item, and no nonce.
func TestTestMessage(t *testing.T) {
	where := domain.Remote{ID: "523456789012345678", Key: channelID, URL: "https://discord.com/channels/423456789012345678/" + channelID + "/523456789012345678"}
	f, b := startBot(t, false)
	f.answers(200, nil, `{"id":"523456789012345678","channel_id":"`+channelID+`"}`)
	if w, err := b.Test(t.Context(), testMessage); err != nil || w.Remote != where || w.Unproven {
		t.Error(w, err)
	}

	if calls := f.take(); len(calls) != 1 || calls[0].path != "/channels/"+channelID+"/messages" || calls[0].body != testBody {
		t.Errorf("got  %v\nwant %s", calls, testBody)
	}

	f, hook := startHook(t, "")
	f.answers(200, nil, `{"id":"523456789012345678","channel_id":"`+channelID+`"}`)
	if w, err := hook.Test(t.Context(), testMessage); err != nil || w.Remote != where {
		t.Error(w, err)
	}

	if calls := f.take(); len(calls) != 1 || calls[0].query != "wait=true" || calls[0].body != testBody {
		t.Errorf("got  %v\nwant %s", calls, testBody)
	}

	f, hook = startHook(t, thread)
	f.answers(200, nil, `{"id":"523456789012345678","channel_id":"`+thread+`"}`)
	w, err := hook.Test(t.Context(), testMessage)
	if want := "https://discord.com/channels/423456789012345678/" + thread + "/523456789012345678"; err != nil || w.Remote.URL != want {
		t.Error(w, err)
	}

	if calls := f.take(); len(calls) != 1 || calls[0].query != "thread_id="+thread+"&wait=true" {
		t.Error(calls)
	}

	f, hook = startHook(t, "")
	f.answers(204, nil, "")
	if w, err := hook.Test(t.Context(), testMessage); err != nil || !w.Unproven || w.Remote != (domain.Remote{}) {
		t.Errorf("a webhook that does not wait: %v, %v", w, err)
	}
}

// C14: an answer that proves no message in the channel is ambiguous, and the
// message is sent once.
func TestTestMessageWithoutProof(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
	}{
		"nothing": {200, ""}, "no id": {200, `{"channel_id":"` + channelID + `"}`}, "a page": {200, "<html>Log in</html>"},
		"another channel": {200, `{"id":"523456789012345678","channel_id":"923456789012345678"}`},
		"another status":  {201, `{"id":"523456789012345678","channel_id":"` + channelID + `"}`},
	} {
		f, b := startBot(t, false)
		f.answers(c.status, nil, c.body)
		_, err := b.Test(t.Context(), testMessage)
		var e *failure.Error
		if !errors.As(err, &e) || e.Class != failure.Ambiguous || len(f.take()) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// C14: the address of a message is known where its server and its channel are.
func TestPageOf(t *testing.T) {
	for want, c := range map[string]struct {
		place string
		made  posted
	}{
		"https://discord.com/channels/1/2/3": {"https://discord.com/channels/1/9", posted{ID: "3", ChannelID: "2"}},
		"":                                   {"", posted{ID: "3", ChannelID: "2"}},
	} {
		if got := pageOf(connector.Place{URL: c.place}, c.made); got != want {
			t.Errorf("%+v: %q, want %q", c, got, want)
		}
	}

	if got := pageOf(testMessage.Place, posted{ID: "3"}); got != "" {
		t.Errorf("an unknown channel: %q", got)
	}
}

// C11, C14: a webhook of a forum cannot post without a thread, so the test message
// opens one of its own.
func TestTestMessageInAForum(t *testing.T) {
	f, hook := startHook(t, "")
	hook.cfg.ThreadName = "{{title}}"
	f.answers(200, nil, `{"id":"523456789012345678","channel_id":"`+thread+`"}`)
	if _, err := hook.Test(t.Context(), testMessage); err != nil {
		t.Error(err)
	}

	want := strings.TrimSuffix(testBody, "}") + `,"thread_name":"Test message from Integrations"}`
	if calls := f.take(); len(calls) != 1 || calls[0].body != want {
		t.Errorf("got  %v\nwant %s", calls, want)
	}
}
