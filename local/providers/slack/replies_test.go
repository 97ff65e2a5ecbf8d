package slack

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// C13: a thread is walked by cursors, oldest first, with its message on each page,
// and its replies are not in the channel's history.
func TestThreads(t *testing.T) {
	d := start(t, nil)
	parent := d.posted("parent")
	other := d.posted("other")
	var stamps []string
	for i := range 5 {
		d.clock.turn(time.Second)
		r := d.call("chat.postMessage", ours, fmt.Sprintf(`{"channel":"C0WORK","text":"n%d","thread_ts":%q,"metadata":{"event_type":"e","event_payload":{"key":"%d"}}}`, i, parent, i))
		stamps = append(stamps, r.json["ts"].(string))
	}

	d.call("chat.postMessage", ours, `{"channel":"C0WORK","text":"elsewhere","thread_ts":"`+other+`"}`)
	d.call("chat.delete", ours, `{"channel":"C0WORK","ts":"`+stamps[3]+`"}`)

	var seen []string
	cursor := ""
	pages := 0
	for ; pages < 10; pages++ {
		r := d.send("GET", "/api/conversations.replies?channel=C0WORK&ts="+parent+"&limit=2&include_all_metadata=true&oldest="+stamps[0]+"&cursor="+url.QueryEscape(cursor), ours, "", "")
		messages := r.json["messages"].([]any)
		if first := messages[0].(map[string]any); first["ts"] != parent {
			t.Errorf("the first is %v", first)
		}

		for _, m := range messages[1:] {
			seen = append(seen, m.(map[string]any)["text"].(string))
			if m.(map[string]any)["metadata"] == nil || m.(map[string]any)["thread_ts"] != parent {
				t.Errorf("%v", m)
			}
		}

		meta, _ := r.json["response_metadata"].(map[string]any)
		if cursor, _ = meta["next_cursor"].(string); cursor == "" {
			break
		}
	}

	if got := strings.Join(seen, " "); got != "n1 n2 n4" || pages != 1 {
		t.Errorf("saw %s on %d pages", got, pages+1)
	}

	if r := d.send("GET", "/api/conversations.history?channel=C0WORK", ours, "", ""); len(r.json["messages"].([]any)) != 2 {
		t.Errorf("history: %s", r.body)
	}

	d.noViolations()
}

func TestErrorsOfThreads(t *testing.T) {
	d := start(t, nil)
	ts := d.posted("one")
	for body, want := range map[string]string{
		`{"channel":"C0WORK","ts":"` + ts + `"}`:                "ok",
		`{"channel":"C0WORK","ts":"1.000001"}`:                  "thread_not_found",
		`{"channel":"C0WORK"}`:                                  "thread_not_found",
		`{"channel":"C0ELSE","ts":"` + ts + `"}`:                "not_in_channel",
		`{"channel":"C0NONE","ts":"` + ts + `"}`:                "channel_not_found",
		`{"channel":"C0WORK","ts":"` + ts + `","cursor":"x"}`:   "invalid_cursor",
		`{"channel":"C0WORK","ts":"` + ts + `","oldest":"x"}`:   "invalid_ts_oldest",
		`{"channel":"C0WORK","ts":"` + ts + `","limit":"1000"}`: "invalid_limit",
	} {
		if r := d.call("conversations.replies", ours, body); r.outcome() != want {
			t.Errorf("%s: %s, want %s", body, r.body, want)
		}
	}

	if r := d.call("conversations.replies", reader, `{"channel":"C0WORK","ts":"`+ts+`"}`); r.outcome() != "missing_scope" {
		t.Errorf("without the scope: %s", r.body)
	}
}

// C12, C13: a reply to a message that is gone is posted into the channel, and the
// answer lacks the thread. A deleted message with replies keeps its thread.
func TestARepliedMessageIsGone(t *testing.T) {
	d := start(t, nil)
	for replied, want := range map[bool]bool{false: false, true: true} {
		parent := d.posted("parent")
		reply := `{"channel":"C0WORK","text":"below","thread_ts":"` + parent + `"}`
		d.clock.turn(time.Second)
		if replied {
			d.call("chat.postMessage", ours, reply)
			d.clock.turn(time.Second)
		}
		d.call("chat.delete", ours, `{"channel":"C0WORK","ts":"`+parent+`"}`)
		r := d.call("chat.postMessage", ours, reply)
		d.clock.turn(time.Second)
		_, inThread := r.json["message"].(map[string]any)["thread_ts"]
		if r.json["ok"] != true || inThread != want {
			t.Errorf("replied %v: %s", replied, r.body)
		}
	}
	d.noViolations()
}
