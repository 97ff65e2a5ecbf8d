package slack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/domain"
)

const (
	parentTS = "1700000000.000100"
	lastTS   = "1700000000.000200"
)

func aReply() connector.Reply {
	return connector.Reply{
		Message:   domain.Remote{ID: parentTS, Key: "C0123456789"},
		After:     domain.Remote{ID: lastTS, Key: "C0123456789"},
		From:      domain.Progress{State: domain.Open, Status: "planned"},
		To:        domain.Progress{State: domain.Closed, Status: "*done* <!here>"},
		ChangedBy: "Ada",
		Markers: []connector.Marker{
			{Integration: 77, Item: 5, Attempt: 1, Tag: connectortest.Tag}, {Integration: 77, Item: 5, Attempt: 2, Tag: connectortest.Tag},
		},
	}
}

// C13: a reply stands in the thread of the item's message, is not shown in the
// channel, mentions nobody, and carries its own marker.
func TestReply(t *testing.T) {
	f, b := startBot(t, false)
	f.answers(200, nil, `{"ok":true,"channel":"C0123456789","ts":"1700000000.000300"}`)
	w, err := b.Reply(t.Context(), aReply())
	if err != nil || w.Remote != (domain.Remote{ID: "1700000000.000300", Key: "C0123456789"}) {
		t.Fatalf("%+v, %v", w, err)
	}

	calls := f.take()
	if len(calls) != 1 || calls[0].path != "/api/chat.postMessage" {
		t.Fatalf("%+v", calls)
	}

	var sent post
	if err := json.Unmarshal([]byte(calls[0].body), &sent); err != nil {
		t.Fatal(err)
	}

	if sent.Channel != "C0123456789" || sent.ThreadTS != parentTS || sent.Metadata == nil || sent.Metadata.EventPayload.Key != message.Key(aReply().Markers[1]) {
		t.Errorf("%+v", sent)
	}

	if strings.Contains(sent.Text, "<!here>") || !strings.HasPrefix(sent.Text, "closed · status: planned → ") || !strings.HasSuffix(sent.Text, " — Ada") || strings.Contains(calls[0].body, "reply_broadcast") {
		t.Error(calls[0].body)
	}
}

// An answer without the time stamp of a message proves nothing.
func TestAReplyNeedsProof(t *testing.T) {
	for _, body := range []string{`{"ok":true}`, `<html>`, `{"ok":true,"ts":"x"}`} {
		f, b := startBot(t, false)
		f.answers(200, nil, body)
		_, err := b.Reply(t.Context(), aReply())
		if e := failureOf(t, err); e.Class != failure.Ambiguous {
			t.Errorf("%s: %+v", body, e)
		}
	}

	_, b := startBot(t, false)
	r := aReply()
	r.Message.ID = "x"
	_, err := b.Reply(t.Context(), r)
	if e := failureOf(t, err); e.Code != "remote_unknown" {
		t.Errorf("%+v", e)
	}
}

// C13: a reply whose answer was lost is found by the marker of any attempt, over
// all pages of the thread.
func TestFindReply(t *testing.T) {
	said := func(ts string, m connector.Marker) string {
		return fmt.Sprintf(`{"ts":%q,"thread_ts":%q,"metadata":{"event_type":"integrations_item","event_payload":{"key":%q}}}`, ts, parentTS, message.Key(m))
	}
	r := aReply()
	other := connector.Marker{Integration: 77, Item: 6, Attempt: 1, Tag: connectortest.Tag}
	parent := said(parentTS, r.Markers[0]) // a copy of the marker in the message itself is no reply
	for name, c := range map[string]struct {
		pages []string
		found string
	}{
		"last attempt":   {[]string{parent + "," + said("1700000000.000300", r.Markers[1])}, "1700000000.000300"},
		"first attempt":  {[]string{parent + "," + said("1700000000.000300", r.Markers[0])}, "1700000000.000300"},
		"second page":    {[]string{parent, said("1700000000.000300", r.Markers[1])}, "1700000000.000300"},
		"another reply":  {[]string{parent + "," + said("1700000000.000300", other)}, ""},
		"only a message": {[]string{parent}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f, b := startBot(t, false)
			n := 0
			f.answer = func(w http.ResponseWriter, r *http.Request, _ string) {
				query := r.URL.Query()
				if r.URL.Path != "/api/conversations.replies" || query.Get("ts") != parentTS || query.Get("oldest") != lastTS || query.Get("include_all_metadata") != "true" {
					t.Errorf("%s?%s", r.URL.Path, r.URL.RawQuery)
				}

				next := ""
				if n < len(c.pages)-1 {
					next = "more"
				}

				_, _ = fmt.Fprintf(w, `{"ok":true,"messages":[%s],"has_more":%v,"response_metadata":{"next_cursor":%q}}`, c.pages[n], next != "", next)
				n++
			}

			w, found, err := b.FindReply(t.Context(), r)
			if err != nil || found != (c.found != "") || w.Remote.ID != c.found {
				t.Errorf("%+v, %v, %v", w, found, err)
			}
		})
	}
}

// A message without replies has no thread. A thread that cannot be read proves
// nothing.
func TestFindReplyInNoThread(t *testing.T) {
	f, b := startBot(t, false)
	f.answers(200, nil, `{"ok":false,"error":"thread_not_found"}`)
	if _, found, err := b.FindReply(t.Context(), aReply()); found || err != nil {
		t.Errorf("%v, %v", found, err)
	}

	for _, body := range []string{`{"ok":true}`, `{"ok":true,"messages":[],"has_more":true}`, `{"ok":false,"error":"missing_scope"}`} {
		f.answers(200, nil, body)
		if _, found, err := b.FindReply(t.Context(), aReply()); found || err == nil {
			t.Errorf("%s: %v, %v", body, found, err)
		}
	}
}

// C12, C13: a person deletes the message before its reply. Slack then posts the reply
// into the channel and says ok. It is taken back, and the item's message is gone.
func TestAReplyThatIsNotInItsThreadIsTakenBack(t *testing.T) {
	const channel = "C0123456789"
	for name, c := range map[string]struct {
		message string
		deleted string
		calls   int
		detail  string
	}{
		"in the thread":        {`{"thread_ts":"` + parentTS + `"}`, "", 1, ""},
		"not told":             {`null`, "", 1, ""},
		"in the channel":       {`{"text":"x"}`, `{"ok":true}`, 2, "the message was deleted, and the reply to it was taken back"},
		"cannot be taken back": {`{"text":"x"}`, `{"ok":false,"error":"cant_delete_message"}`, 2, "the message was deleted; the reply to it stands in the channel and could not be taken back"},
	} {
		t.Run(name, func(t *testing.T) {
			f, b := startBot(t, false)
			f.answer = func(w http.ResponseWriter, r *http.Request, _ string) {
				if r.URL.Path == "/api/chat.delete" {
					_, _ = fmt.Fprint(w, c.deleted)
					return
				}
				_, _ = fmt.Fprintf(w, `{"ok":true,"channel":%q,"ts":"1700000000.000300","message":%s}`, channel, c.message)
			}
			w, err := b.Reply(t.Context(), aReply())
			calls := f.take()
			if len(calls) != c.calls {
				t.Fatalf("%+v", calls)
			}
			if c.detail == "" {
				if err != nil || w.Remote.ID != "1700000000.000300" {
					t.Errorf("%+v, %v", w, err)
				}
				return
			}
			if want := `{"channel":"` + channel + `","ts":"1700000000.000300"}`; calls[1].path != "/api/chat.delete" || calls[1].body != want {
				t.Errorf("%+v", calls[1])
			}
			e := failureOf(t, err)
			if e.Class != failure.Final || e.Scope != failure.ItemScope || e.Code != "remote_deleted" || e.Detail != c.detail || w.Remote.ID != "" {
				t.Errorf("%+v, %+v", e, w)
			}
		})
	}
}
