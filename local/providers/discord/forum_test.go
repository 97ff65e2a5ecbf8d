package discord

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	product "example.com/integrations/shared/connector/discord"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

const (
	forum     = "1000000000000000006"
	tagForum  = "1000000000000000007"
	forumHook = "2000000000000000003"
	tagHook   = "2000000000000000004"
	byForum   = "/webhooks/" + forumHook + "/right"
)

func forums(c *Config) {
	c.Channels = append(c.Channels, Channel{ID: forum, Name: "items", Forum: true}, Channel{ID: tagForum, Name: "tagged", Forum: true, RequireTag: true})
	c.Webhooks = append(c.Webhooks, Webhook{ID: forumHook, Token: "right", Channel: forum, Name: "Work items"}, Webhook{ID: tagHook, Token: "right", Channel: tagForum, Name: "Work items"})
}

// C11: what a forum takes of a webhook and of a bot, and what it refuses.
func TestForum(t *testing.T) {
	d := start(t, forums)
	opened := d.post(byForum+"?wait=true", "", `{"content":"one","thread_name":" WI-1 one ",`+silent+`}`)
	second := d.post(byForum+"?wait=true", "", `{"content":"two","thread_name":"WI-2 two",`+silent+`}`)
	at := byForum + "/messages/" + opened
	long := strings.Repeat("x", 101)
	for _, c := range []struct {
		method, path, token, body string
		status                    int
		want                      string
	}{
		{"POST", byForum + "?wait=true", "", `{"content":"x",` + silent + `}`, 400, `{"code":220001,"message":"Webhooks posted to forum channels must have a thread_name or thread_id"}`},
		{"POST", byForum + "?wait=true&thread_id=" + opened, "", `{"content":"x","thread_name":"y",` + silent + `}`, 400, `{"code":220002,"message":"Webhooks posted to forum channels cannot have both a thread_name and thread_id"}`},
		{"POST", waiting, "", `{"content":"x","thread_name":"y",` + silent + `}`, 400, `{"code":220003,"message":"Webhooks can only create threads in forum channels"}`},
		{"POST", "/webhooks/" + tagHook + "/right?wait=true", "", `{"content":"x","thread_name":"y",` + silent + `}`, 400, `"code":40067`},
		{"POST", byForum + "?wait=true", "", `{"content":"x","thread_name":"` + long + `",` + silent + `}`, 400, `"thread_name":{"_errors":[{"code":"BASE_TYPE_BAD_LENGTH"`},
		{"POST", byForum + "?wait=true", "", `{"content":"x","thread_name":" ",` + silent + `}`, 400, `BASE_TYPE_BAD_LENGTH`},
		{"POST", byForum + "?wait=true&thread_id=" + opened, "", `{"content":"more",` + silent + `}`, 200, `"channel_id":"` + opened + `"`},
		{"POST", byForum + "?wait=true&thread_id=" + thread, "", `{"content":"x",` + silent + `}`, 404, `"code":10003`},
		{"GET", at + "?thread_id=" + opened, "", "", 200, `"content":"one"`},
		{"PATCH", at + "?thread_id=" + opened, "", `{"content":"changed",` + silent + `}`, 200, `"content":"changed"`},
		{"PATCH", at, "", `{"content":"x",` + silent + `}`, 404, `"code":10008`},
		{"PATCH", at + "?thread_id=" + second, "", `{"content":"x",` + silent + `}`, 404, `"code":10008`},
		{"GET", byForum, "", "", 200, `"channel_id":"` + forum + `"`},
		{"GET", "/channels/" + forum, ours, "", 200, `"type":15`},
		{"GET", "/channels/" + opened, ours, "", 200, `"name":"WI-1 one"`},
		{"GET", "/channels/" + opened, ours, "", 200, `"parent_id":"` + forum + `"`},
		{"POST", "/channels/" + forum + "/messages", ours, `{"content":"x",` + silent + `}`, 400, `"code":50008`},
		{"POST", "/channels/" + opened + "/messages", ours, `{"content":"x",` + silent + `}`, 200, `"channel_id":"` + opened + `"`},
	} {
		if r := d.send(c.method, c.path, c.token, c.body); r.status != c.status || !strings.Contains(r.body, c.want) {
			t.Errorf("%s %s %s: %d %s, want %d %s", c.method, c.path, c.body, r.status, r.body, c.status, c.want)
		}
	}

	if opened == second {
		t.Error("two threads with one id")
	}

	d.noViolations()
}

// C11: threads are there after the death of the process, and on the pages.
func TestThreadsStay(t *testing.T) {
	dir := t.TempDir()
	first := begin(t, dir, forums)
	opened := first.post(byForum+"?wait=true", "", `{"content":"one","thread_name":"WI-1 one",`+silent+`}`)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	d := begin(t, dir, forums)
	if r := d.send("PATCH", byForum+"/messages/"+opened+"?thread_id="+opened, "", `{"content":"changed",`+silent+`}`); r.status != 200 {
		t.Errorf("%d %s", r.status, r.body)
	}

	response, err := http.Get(d.plain + "/")
	if err != nil {
		t.Fatal(err)
	}

	defer func() { _ = response.Body.Close() }()
	if page := read(t, response.Body); !strings.Contains(page, "WI-1 one") || !strings.Contains(page, "changed") {
		t.Error(page)
	}
}

// C5: Discord refuses the whole message for the host in an embed's url, in the
// words of the version that is spoken.
func TestHostsOfEmbeds(t *testing.T) {
	d := start(t, nil)
	for address, taken := range map[string]bool{
		"https://example.com/1": true, "http://192.168.1.7:3000/1": true, "http://127.0.0.1:3000/1": true, "https://xn--mnchen-3ya.example/": true, "http://items.corp.internal/1": true,
		"http://bugsink:8000/issues/1": false, "http://localhost": false, "https://münchen.example/": false, "https://m%C3%BCnchen.example/": false,
		"https://a_b.example/1": false, "http://[::1]/1": false, "https://example..com/": false,
	} {
		r := d.send("POST", waiting, "", `{"embeds":[{"title":"T","url":"`+address+`"}],`+silent+`}`)
		const words = `{"code":50035,"errors":{"embeds":{"0":{"url":{"_errors":[{"code":"URL_TYPE_INVALID_URL","message":"Not a well formed URL."}]}}}},"message":"Invalid Form Body"}`
		if taken != (r.status == 200) || !taken && (r.status != 400 || r.body != words) {
			t.Errorf("%s: %d %s", address, r.status, r.body)
		}
	}

	for _, version := range []string{"", "/v6", "/v7"} {
		for body, want := range map[string]string{
			`{"embeds":[{"title":"T","url":"http://bugsink:8000/issues/1"}],` + silent + `}`: `{"embeds":["0"]}`,
			`{"content":"` + strings.Repeat("x", 2001) + `",` + silent + `}`:                 `{"content":["Must be 2000 or fewer in length."]}`,
		} {
			request, err := http.NewRequest("POST", d.url+"/api"+version+waiting, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}

			request.Header.Set("User-Agent", "DiscordBot (https://example.com, 1)")
			request.Header.Set("Content-Type", "application/json")
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}

			if got := read(t, response.Body); response.StatusCode != 400 || got != want {
				t.Errorf("%q: %d %s, want %s", version, response.StatusCode, got, want)
			}

			_ = response.Body.Close()
		}
	}
}

// hooked leads the product's own webhook to the fake server.
func (d *driver) hooked(cfg product.WebhookConfig) *product.Webhook {
	d.t.Helper()
	cfg.URL = "https://" + connectortest.Host + "/api" + cfg.URL
	cfg.DigestOver = 5
	return product.NewWebhook(cfg, connectortest.Serve(d.t, d.API()), d.clock.now)
}

var item = domain.Item{ID: 4711, FormattedNumber: "WI-1", Title: "Fix it", State: domain.Open, URL: "https://app.example/1"}

// C11: the connector opens one thread for each item, edits within it, and goes on
// in it where the message cannot be edited any more.
func TestConnectorInAForum(t *testing.T) {
	d := start(t, forums)
	w := d.hooked(product.WebhookConfig{URL: byForum, ThreadName: "{{formatted_number}} {{title}}"})
	place, err := w.Resolve(t.Context())
	if err != nil || place.ID != forumHook+"/"+forum {
		t.Fatal(place, err)
	}

	marker := connector.Marker{Integration: 7, Item: 4711, Attempt: 1, Tag: connectortest.Tag}
	made, err := w.Create(t.Context(), w.Render(item), marker)
	if err != nil {
		t.Fatal(err)
	}

	thread := made.Remote.Key
	if opened := d.Opened(thread); opened == nil || opened.Name != "WI-1 Fix it" || opened.Parent != forum {
		t.Fatalf("%+v", opened)
	}

	changed := item
	changed.Title = "Fixed"
	changed.State = domain.Closed
	edited, err := w.Update(t.Context(), connector.Sent{Remote: made.Remote}, w.Render(changed), marker)
	if err != nil || edited.Remote.ID != made.Remote.ID || edited.Remote.Key != thread || len(d.Messages(thread)) != 1 {
		t.Fatal(edited, err)
	}

	d.Archive(thread, true)
	_, err = w.Update(t.Context(), connector.Sent{Remote: made.Remote}, w.Render(item), marker)
	if e, ok := err.(*failure.Error); !ok || e.Code != connector.NotEditable {
		t.Fatal(err)
	}

	c := w.Render(item)
	c.Previous = &connector.PreviousMessage{Title: "Fixed", State: domain.Closed, Channel: thread}
	next, err := w.Create(t.Context(), c, connector.Marker{Integration: 7, Item: 4711, Attempt: 2, Tag: connectortest.Tag})
	if err != nil || next.Remote.Key != thread || next.Remote.ID == made.Remote.ID || len(d.Messages(thread)) != 2 {
		t.Fatal(next, err)
	}

	if _, err := w.Update(t.Context(), connector.Sent{Remote: next.Remote}, w.Render(changed), marker); err != nil {
		t.Fatal(err)
	}

	if _, err := w.Digest(t.Context(), connector.Digest{New: 9}, marker); err != nil {
		t.Fatal(err)
	}

	d.noViolations()
}

// C11: for a webhook of a forum without a thread the first post reports it, and the
// check before it says that it cannot find out.
func TestConnectorWithoutAThread(t *testing.T) {
	d := start(t, forums)
	for url, want := range map[string][2]string{byForum: {"", "thread_required"}, "/webhooks/" + tagHook + "/right": {"{{title}}", "tag_required"}, byHook: {"{{title}}", "not_a_forum"}} {
		w := d.hooked(product.WebhookConfig{URL: url, ThreadName: want[0]})
		checks, err := w.Check(t.Context())
		if last := checks[len(checks)-1]; err != nil || last.OK != nil || last.Detail == nil {
			t.Errorf("%s: %v %v", url, checks, err)
		}

		_, err = w.Create(t.Context(), w.Render(item), connector.Marker{Integration: 7, Item: 4711, Attempt: 1, Tag: connectortest.Tag})
		if e, ok := err.(*failure.Error); !ok || e.Code != want[1] || e.Scope != failure.IntegrationScope {
			t.Errorf("%s: %v, want %s", url, err, want[1])
		}
	}
}

// C5: each of these items arrives, with a link where Discord takes one.
func TestConnectorWithEachHost(t *testing.T) {
	d := start(t, nil)
	w := d.hooked(product.WebhookConfig{URL: byHook})
	for _, address := range []string{"http://bugsink:8000/issues/1", "http://localhost", "https://münchen.example/1", "http://10.0.0.7/1", "https://a_b.example/", "http://[::1]/1", "https://app.example/1", ""} {
		one := item
		one.URL = address
		made, err := w.Create(t.Context(), w.Render(one), connector.Marker{Integration: 7, Item: 4711, Attempt: 1, Tag: connectortest.Tag})
		if err != nil || d.Get(channel, made.Remote.ID) == nil {
			t.Errorf("%s: %v", address, err)
		}
	}

	d.noViolations()
}

func read(t *testing.T, body io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
