package discord

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rivo/uniseg"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup/document"
)

const itemThread = "1523456789012345678"

func startForum(t *testing.T) (*fake, *Webhook) {
	f, client := start(t)
	cfg := WebhookConfig{URL: "https://" + connectortest.Host + "/api" + hookPath + secret, ThreadName: "{{formatted_number}} {{title}}", Look: Look{DigestOver: 5}}
	return f, NewWebhook(cfg, client, func() time.Time { return now })
}

// sentName is the thread_name in a body, and whether it is there.
func sentName(t *testing.T, body string) (string, bool) {
	t.Helper()
	var p struct {
		Name *string `json:"thread_name"`
	}
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatal(err)
	}

	if p.Name == nil {
		return "", false
	}

	return *p.Name, true
}

// C11: in a forum each item gets a thread with the name of the template; edits go
// to that thread, and so do later messages.
func TestForumThread(t *testing.T) {
	f, w := startForum(t)
	f.answers(200, nil, `{"id":"`+itemThread+`","channel_id":"`+itemThread+`"}`)
	w.Use(connector.Place{ID: "123456789012345678/" + channelID})
	c := w.Render(domain.Item{ID: 1, FormattedNumber: "WI-1", Title: "Fix *it*", State: domain.Open})

	made, err := w.Create(t.Context(), c, marker)
	if err != nil || made.Remote.ID != itemThread || made.Remote.Key != itemThread {
		t.Fatal(made, err)
	}

	if _, err := w.Update(t.Context(), connector.Sent{Remote: made.Remote}, c, marker); err != nil {
		t.Fatal(err)
	}

	c.Previous = &connector.PreviousMessage{Title: c.Title, Channel: itemThread}
	if _, err := w.Create(t.Context(), c, marker); err != nil {
		t.Fatal(err)
	}

	if _, err := w.Digest(t.Context(), connector.Digest{New: 30}, marker); err != nil {
		t.Fatal(err)
	}

	calls := f.take()
	want := []struct{ method, path, query, name string }{
		{"POST", hookPath + secret, "wait=true", "WI-1 Fix *it*"},
		{"PATCH", hookPath + secret + "/messages/" + itemThread, "thread_id=" + itemThread, ""},
		{"POST", hookPath + secret, "thread_id=" + itemThread + "&wait=true", ""},
		{"POST", hookPath + secret, "wait=true", "30 items: 30 new"},
	}
	if len(calls) != len(want) {
		t.Fatalf("%+v", calls)
	}

	for i, w := range want {
		name, named := sentName(t, calls[i].body)
		if calls[i].method != w.method || calls[i].path != w.path || calls[i].query != w.query || name != w.name || named != (w.name != "") {
			t.Errorf("call %d: %+v, want %+v", i, calls[i], w)
		}
	}
}

// A webhook without thread_name sends none, and edits what is in its channel
// without a thread.
func TestNoForum(t *testing.T) {
	f, w := startHook(t, "")
	f.answers(200, nil, posted1)
	w.Use(connector.Place{ID: "123456789012345678/" + channelID})
	c := w.Render(domain.Item{ID: 1, Title: "t"})
	if _, err := w.Create(t.Context(), c, marker); err != nil || c.Thread != "" {
		t.Fatal(c.Thread, err)
	}

	if _, err := w.Update(t.Context(), sent, c, marker); err != nil {
		t.Fatal(err)
	}

	// A message in a thread of the forum, from when thread_name was configured.
	old := connector.Sent{Remote: domain.Remote{ID: postedID, Key: itemThread}}
	if _, err := w.Update(t.Context(), old, c, marker); err != nil {
		t.Fatal(err)
	}

	queries := []string{}
	for _, made := range f.take() {
		if _, named := sentName(t, made.body); named {
			t.Error(made.body)
		}
		queries = append(queries, made.query)
	}

	if got := strings.Join(queries, " "); got != "wait=true  thread_id="+itemThread {
		t.Errorf("%q", got)
	}
}

// A message of the webhook's own channel is edited there, also when thread_name was
// given since.
func TestMessageOfTheChannelItself(t *testing.T) {
	f, w := startForum(t)
	w.Use(connector.Place{ID: "123456789012345678/" + channelID})
	f.answers(200, nil, posted1)
	if _, err := w.Update(t.Context(), sent, content, marker); err != nil {
		t.Fatal(err)
	}

	if made := f.take()[0]; made.query != "" {
		t.Errorf("%+v", made)
	}

	for _, id := range []string{"", "x", "123456789012345678", "a/b"} {
		w.Use(connector.Place{ID: id})
	}

	if got := w.parent.Load(); got == nil || *got != channelID {
		t.Error(got)
	}
}

// C11: a thread that a person has deleted concerns its item alone. An edit says
// so, and a new message opens another thread.
func TestDeletedThread(t *testing.T) {
	f, w := startForum(t)
	f.answer = func(rw http.ResponseWriter, r *http.Request, _ string) {
		if r.URL.Query().Get("thread_id") != "" {
			rw.WriteHeader(http.StatusNotFound)
			_, _ = rw.Write([]byte(`{"message":"Unknown Channel","code":10003}`))
			return
		}

		_, _ = rw.Write([]byte(`{"id":"1623456789012345678","channel_id":"1623456789012345678"}`))
	}

	c := w.Render(domain.Item{ID: 1, FormattedNumber: "WI-1", Title: "t"})

	e := failureOf(t, second(w.Update(t.Context(), connector.Sent{Remote: domain.Remote{ID: itemThread, Key: itemThread}}, c, marker)))
	if e.Code != "remote_deleted" || e.Scope != failure.ItemScope || e.Class != failure.Final {
		t.Errorf("%+v", e)
	}

	c.Previous = &connector.PreviousMessage{Channel: itemThread}
	made, err := w.Create(t.Context(), c, marker)
	if err != nil || made.Remote.Key != "1623456789012345678" {
		t.Error(made, err)
	}

	calls := f.take()
	if name, named := sentName(t, calls[len(calls)-1].body); len(calls) != 3 || !named || name != "WI-1 t" || calls[2].query != "wait=true" {
		t.Errorf("%+v", calls)
	}

	// The configured thread is the whole place.
	f, w = startHook(t, thread)
	f.answers(404, nil, `{"message":"Unknown Channel","code":10003}`)
	if e := failureOf(t, second(w.Update(t.Context(), sent, content, marker))); e.Code != "target_not_found" || e.Scope != failure.IntegrationScope {
		t.Errorf("%+v", e)
	}
}

// C11: what a forum refuses ends the run with a code of its own.
func TestForumRefusals(t *testing.T) {
	for answer, want := range map[string]string{
		`{"message":"Webhooks posted to forum channels must have a thread_name or thread_id","code":220001}`: "thread_required",
		`{"message":"Webhooks can only create threads in forum channels","code":220003}`:                     "not_a_forum",
		`{"message":"A tag is required to create a forum post in this channel","code":40067}`:                "tag_required",
	} {
		f, w := startForum(t)
		f.answers(400, nil, answer)
		e := failureOf(t, second(w.Create(t.Context(), content, marker)))
		if e.Code != want || e.Scope != failure.IntegrationScope || e.Class != failure.Final {
			t.Errorf("%s: %+v", answer, e)
		}
	}
}

// An answer that does not name the thread is no proof: nothing in it could be
// edited.
func TestForumAnswerWithoutThread(t *testing.T) {
	f, w := startForum(t)
	f.answers(200, nil, `{"id":"`+itemThread+`"}`)
	if e := failureOf(t, second(w.Create(t.Context(), content, marker))); e.Class != failure.Ambiguous || e.Code != "foreign_answer" {
		t.Errorf("%+v", e)
	}
}

// C11: the check of a webhook says what Discord does not tell.
func TestCheckSaysWhatIsNotTold(t *testing.T) {
	for name, tt := range map[string]struct{ thread, threadName, want string }{
		"channel": {"", "", "A forum needs thread_id, or thread_name"}, "thread": {thread, "", "has this thread"}, "forum": {"", "{{title}}", "is a forum, which thread_name needs"},
	} {
		f, w := startHook(t, tt.thread)
		w.cfg.ThreadName = tt.threadName
		f.answers(200, nil, `{"id":"123456789012345678","type":1,"channel_id":"`+channelID+`"}`)
		checks, err := w.Check(t.Context())
		last := checks[len(checks)-1]
		if err != nil || last.Name != connector.CheckTarget || last.OK != nil || last.Detail == nil || !strings.Contains(*last.Detail, tt.want) {
			t.Errorf("%s: %v %v", name, last, err)
		}
	}
}

// C11: the name is one line of at most 100 characters, cut between two characters
// as people see them, and never empty.
func TestThreadName(t *testing.T) {
	family := "👩\u200d👩\u200d👧"
	for _, tt := range []struct {
		template string
		item     domain.Item
		want     string // "" is not compared
	}{
		{"{{formatted_number}} {{title}}", domain.Item{ID: 1, FormattedNumber: "WI-1", Title: "a\nb"}, "WI-1 a b"},
		{"{{priority}}", domain.Item{ID: 1, FormattedNumber: "WI-1", Title: "t"}, "WI-1 t"},
		{"{{priority}}", domain.Item{ID: 17}, "17"},
		{"{{title}}", domain.Item{ID: 1, FormattedNumber: "WI-1", Title: "\u200b"}, "WI-1"},
		{"{{title}}", domain.Item{ID: 1, Title: strings.Repeat("x", 100)}, strings.Repeat("x", 100)},
		{"{{title}}", domain.Item{ID: 1, Title: strings.Repeat("x", 101)}, strings.Repeat("x", 99) + "…"},
		{"{{title}}", domain.Item{ID: 1, Title: strings.Repeat(family, 99)}, ""},
		{"{{description}}", domain.Item{ID: 1, Description: strings.Repeat("é\u0301 ", 400)}, ""},
	} {
		_, w := startForum(t)
		w.cfg.ThreadName = tt.template
		got := w.Render(tt.item).Thread
		if tt.want != "" && got != tt.want {
			t.Errorf("%q: %q", tt.template, got)
		}

		if n := document.Length(got); n < 1 || n > maxThreadName || strings.ContainsAny(got, "\r\n") {
			t.Errorf("%q: %d characters: %q", tt.template, n, got)
		}

		for g := uniseg.NewGraphemes(strings.TrimSuffix(got, "…")); strings.Contains(tt.item.Title, family) && g.Next(); {
			if g.Str() != family {
				t.Errorf("%q is half a character", g.Str())
			}
		}
	}
}

// The name is no part of the content: a webhook cannot rename a thread, so a new
// name costs no call.
func TestThreadNameIsNoContent(t *testing.T) {
	_, w := startForum(t)
	item := domain.Item{ID: 1, FormattedNumber: "WI-1", Title: "t", Priority: "low"}
	before := w.Render(item)
	w.cfg.ThreadName = "{{priority}}"
	after := w.Render(item)
	if before.Thread == after.Thread || before.Hash() != after.Hash() {
		t.Errorf("%q %q", before.Thread, after.Thread)
	}
}
