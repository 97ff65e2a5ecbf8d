package discord

import (
	"cmp"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup/chat"
	"example.com/integrations/shared/markup/document"
	"example.com/integrations/shared/outbound"
)

var content = connector.Content{
	Number: "WI-1", Title: "Say @everyone & *go*", Body: "Some **text**.", Labels: []string{"a_b"}, State: domain.Open, URL: "https://app.test/1",
	Facts: domain.Facts{Status: "in review", Priority: "urgent", Owner: "Maria"},
}

const (
	postedID = "1423456789012345678"
	posted1  = `{"id":"` + postedID + `","channel_id":"` + channelID + `","content":"","embeds":[]}`
)

var sent = connector.Sent{Remote: domain.Remote{ID: postedID, Key: channelID, State: domain.Open}, State: domain.Open}

func nonceIn(t *testing.T, body string) string {
	t.Helper()
	var p struct{ Nonce string }
	if err := json.Unmarshal([]byte(body), &p); err != nil || len(p.Nonce) != 24 {
		t.Fatalf("nonce %q: %v", p.Nonce, err)
	}
	return p.Nonce
}

// C7, C9: the whole of a message on the wire: it is what people see. The content
// says by itself which item it is and how it stands; the marker is a short code.
func TestCreate(t *testing.T) {
	f, b := startBot(t, false)
	f.answers(200, nil, posted1)
	w, err := b.Create(t.Context(), content, marker)
	if err != nil || w.Remote != sent.Remote || w.Unproven {
		t.Fatal(w, err)
	}

	calls := f.take()
	want := `{"content":"🟢 **WI-1 Say @` + "\u200b" + `everyone \u0026 \\*go\\***\nopen · in review · priority: urgent",` +
		`"embeds":[{"title":"Open WI-1","url":"https://app.test/1","description":"Some **text**.","color":2991182,` +
		`"fields":[{"name":"Owner","value":"Maria","inline":true},{"name":"Labels","value":"a\\_b","inline":true}],` +
		`"footer":{"text":"Integrations · ihmdgtk4zp2ktsc6"}}],"allowed_mentions":{"parse":[]},"nonce":"` + nonceIn(t, calls[0].body) + `","enforce_nonce":true}`
	if len(calls) != 1 || calls[0].method != "POST" || calls[0].path != "/channels/"+channelID+"/messages" || calls[0].body != want {
		t.Errorf("%+v\ngot  %s\nwant %s", calls[0], calls[0].body, want)
	}
}

func TestWebhook(t *testing.T) {
	for _, tt := range []struct{ thread, post, edit string }{{"", "wait=true", ""}, {thread, "thread_id=" + thread + "&wait=true", "thread_id=" + thread}} {
		f, w := startHook(t, tt.thread)
		where := cmp.Or(tt.thread, channelID)
		f.answers(200, nil, `{"id":"`+postedID+`","channel_id":"`+where+`"}`)
		made, err := w.Create(t.Context(), content, marker)
		if err != nil || made.Remote.ID != postedID || made.Remote.Key != where {
			t.Fatal(made, err)
		}

		if _, err := w.Update(t.Context(), sent, content, marker); err != nil {
			t.Fatal(err)
		}

		calls := f.take()
		if c := calls[0]; c.method != "POST" || c.path != hookPath+secret || c.query != tt.post || strings.Contains(c.body, "nonce") || !strings.Contains(c.body, `"allowed_mentions":{"parse":[]}`) {
			t.Errorf("%+v", c)
		}

		if c := calls[1]; c.method != "PATCH" || c.path != hookPath+secret+"/messages/"+postedID || c.query != tt.edit || !strings.Contains(c.body, `"allowed_mentions":{"parse":[]}`) {
			t.Errorf("%+v", c)
		}
	}

	for given, want := range map[string]string{
		"https://discord.com/api/webhooks/1/x": "https://discord.com/api/v10/webhooks/1/x", "https://ptb.discord.com/api/v9/webhooks/1/x": "https://ptb.discord.com/api/v10/webhooks/1/x",
	} {
		if got := NewWebhook(WebhookConfig{URL: given}, nil, nil).cfg.URL; got != want {
			t.Errorf("%s: %s", given, got)
		}
	}
}

func TestUpdate(t *testing.T) {
	f, b := startBot(t, false)
	f.answers(200, nil, posted1)
	c := content
	c.State = domain.Closed
	c.Facts.Status = "done"
	c.ChangedBy = "Jo_e"
	c.Previous = &connector.PreviousMessage{Title: "*Old*", State: domain.Open, Labels: c.Labels, Text: connector.TextHash(c.Body), Facts: content.Facts}
	w, err := b.Update(t.Context(), sent, c, marker)
	if err != nil || w.Remote.ID != postedID || w.Remote.State != domain.Closed {
		t.Fatal(w, err)
	}

	body := f.take()[0].body
	for _, part := range []string{
		`"content":"✅ **WI-1 Say `, `**\nclosed · done · priority: urgent\n↳ closed · status: in review → done · title was “\\*Old\\*”"`, `"description":"Some **text**."`,
		`{"name":"Changed by","value":"Jo\\_e","inline":true}`, `"color":8540383`, `"allowed_mentions":{"parse":[]}`, `"Integrations · ihmdgtk4zp2ktsc6"`,
	} {
		if !strings.Contains(body, part) {
			t.Errorf("%s is not in %s", part, body)
		}
	}

	// A deleted item is struck through and grey, and shows no text and no values.
	c.Deleted = true
	if _, err := b.Update(t.Context(), sent, c, marker); err != nil {
		t.Fatal(err)
	}

	want := `{"content":"🗑️ ~~**WI-1 Say @` + "\u200b" + `everyone \u0026 \\*go\\***~~\ndeleted · done · priority: urgent","embeds":[{"title":"Open WI-1","url":"https://app.test/1",` +
		`"color":7239553,"fields":[{"name":"Changed by","value":"Jo\\_e","inline":true}],"footer":{"text":"Integrations · ihmdgtk4zp2ktsc6"}}],"allowed_mentions":{"parse":[]}}`
	if body := f.take()[0].body; body != want {
		t.Errorf("got  %s\nwant %s", body, want)
	}

	for _, bad := range []string{"", "x", "1/../2", "-1"} {
		wrong := sent
		wrong.Remote.ID = bad
		if e := failureOf(t, second(b.Update(t.Context(), wrong, c, marker))); e.Code != "remote_unknown" || len(f.take()) != 0 {
			t.Errorf("%q: %v", bad, e)
		}
	}
}

// What is said once more has the nonce it had: Discord then posts it once.
func TestNonce(t *testing.T) {
	f, edits := startBot(t, false)
	f.answers(200, nil, posted1)
	fp, posts := startBot(t, true)
	fp.answers(200, nil, posted1)
	nonce := func(f *fake, b *Bot, c connector.Content, m connector.Marker) string {
		if _, err := b.Create(t.Context(), c, m); err != nil {
			t.Fatal(err)
		}
		return nonceIn(t, f.take()[0].body)
	}

	other := content
	again := marker
	other.Title += "!"
	again.Attempt++
	if first := nonce(f, edits, content, marker); first != nonce(f, edits, content, again) || first == nonce(f, edits, other, marker) {
		t.Error("the nonce is not that of what is said")
	}

	if first := nonce(fp, posts, content, marker); first == nonce(fp, posts, content, again) || first != nonce(fp, posts, content, marker) {
		t.Error("where each change is a message, one that says what an earlier one said must be posted")
	}

	otherChannel := BotConfig{Look: edits.look, BaseURL: edits.place.baseURL, Token: token}
	otherChannel.Channel = thread
	elsewhere := NewBot(otherChannel, edits.client, edits.now)
	f.answers(200, nil, `{"id":"`+postedID+`"}`)
	digest := func(b *Bot) string {
		if _, err := b.Digest(t.Context(), connector.Digest{New: 1}, marker); err != nil {
			t.Fatal(err)
		}
		return nonceIn(t, f.take()[0].body)
	}
	if nonce(f, edits, content, marker) == nonce(f, elsewhere, content, marker) || digest(edits) == digest(elsewhere) {
		t.Error("what is said in two channels is not the same message")
	}
}

// What Discord gives back of another channel is not the message we posted.
func TestAnotherChannel(t *testing.T) {
	f, b := startBot(t, false)
	fw, w := startHook(t, thread)
	for _, one := range []*fake{f, fw} {
		one.answers(200, nil, `{"id":"`+postedID+`","channel_id":"999"}`)
	}

	digest := connector.Digest{New: 1}
	for _, err := range []error{
		second(b.Create(t.Context(), content, marker)), second(b.Digest(t.Context(), digest, marker)),
		second(w.Create(t.Context(), content, marker)), second(w.Digest(t.Context(), digest, marker)),
	} {
		if e := failureOf(t, err); e.Class != failure.Ambiguous || e.Code != "foreign_answer" {
			t.Errorf("%+v", e)
		}
	}
}

// The totals come first, then the items, each with a link, its state and its
// priority, then the way to all of them.
func TestDigest(t *testing.T) {
	long := connector.Content{Number: "N", Title: strings.Repeat("*", 150), State: domain.Closed, URL: "https://a.test/" + strings.Repeat("x", 1900)}
	gone := connector.Content{Number: "WI-9", Title: "WI-9", Deleted: true, URL: "https://app.test/9"}
	odd := connector.Content{Number: "good.test", Title: "x", State: domain.Open, URL: "https://app.test/8"}
	d := connector.Digest{
		New: 30, First: []connector.Content{content, gone, odd, {Title: "[x](https://evil.test)", State: domain.Closed}, long, long, long, long, long, long},
		URL: "https://app.test/all",
	}
	f, b := startBot(t, false)
	f.answers(200, nil, posted1)
	post1 := func() post {
		if _, err := b.Digest(t.Context(), d, connector.Marker{Integration: 77, Item: 5, Attempt: 1}); err != nil {
			t.Fatal(err)
		}

		var p post
		if err := json.Unmarshal([]byte(f.take()[0].body), &p); err != nil {
			t.Fatal(err)
		}

		return p
	}

	p := post1()
	e := p.Embeds[0]
	if p.Content != "**30 items: 30 new**" || e.Title != "Open all items" || e.URL != d.URL || e.Footer.Text != footerOf(connector.Marker{Integration: 77, Item: 5, Attempt: 1}).Text ||
		!strings.HasPrefix(e.Description, "🟢 [WI-1](https://app.test/1) Say @\u200beveryone & \\*go\\* — open · in review · priority: urgent\n"+
			"🗑️ ~~[WI-9](https://app.test/9)~~ — deleted\n🟢 [item](https://app.test/8) good.test x — open\n"+
			"✅ \\[x\\](https:\u200b//evil.test) — closed\n✅ N \\*") || !strings.HasSuffix(e.Description, "— closed\nand 20 more") {
		t.Errorf("%q %q %+v %q", p.Content, e.Title, e.Footer, e.Description)
	}

	d.URL = ""
	if e := post1().Embeds[0]; e.Title != "" || e.URL != "" || e.Description == "" {
		t.Errorf("without a list of all items: %+v", e)
	}

	d.First = nil
	if e := post1().Embeds[0]; e.Description == "" {
		t.Errorf("an embed without any text: %+v", e)
	}
}

// Ten of the longest lines that there can be fit.
func TestLongestDigest(t *testing.T) {
	var d connector.Digest
	for n, unit := range []string{"*", "🟢", "@", "𝔸", "*"} {
		c := connector.Content{
			Number: strings.Repeat("𝔸", 20+n*5), Title: strings.Repeat(unit, 1000), State: domain.Closed, Deleted: true, URL: "https://a.test/" + strings.Repeat("x", 145),
			Facts: domain.Facts{Status: strings.Repeat(unit, 60), Priority: strings.Repeat(unit, 60)},
		}
		d = connector.Digest{New: 1_000_000, Changed: 1_000_000, Closed: 1_000_000, Reopened: 1_000_000, First: slices.Repeat([]connector.Content{c}, 10), URL: "https://a.test/" + strings.Repeat("x", 4000)}
		got := composeDigest(d, marker)
		if document.Length(got.Description) > maxDescription || document.Length(got.content) > maxContent || got.URL != "" || strings.Count(got.Description, "\n") != 10 {
			t.Errorf("%q: %d %d %q", unit, document.Length(got.Description), document.Length(got.content), got.Description)
		}
	}
}

// The largest item there can be gives a message below every limit, that still has
// all its facts.
func TestLongest(t *testing.T) {
	for _, unit := range []string{"@", "*", "🟢", "<@1>", "://"} {
		labels := make([]string, 100)
		for i := range labels {
			labels[i] = strings.Repeat(unit, 50)
		}

		long := strings.Repeat(unit, 60)
		c := connector.Content{
			Number: strings.Repeat(unit, 40), Title: strings.Repeat(unit, 1000), Body: strings.Repeat("x", maxBody), Labels: labels, State: domain.Open, ChangedBy: long,
			URL:      "https://a.test/" + strings.Repeat("x", 4000),
			Facts:    domain.Facts{Status: long, Priority: long, Type: long, Project: long, Milestone: long, Owner: long, Due: "2026-12-01"},
			Previous: &connector.PreviousMessage{Title: strings.Repeat("_", 1000), State: domain.Closed, Labels: []string{long}},
		}
		for _, deleted := range []bool{true, false} {
			c.Deleted = deleted
			d := compose(c, marker)
			if document.Length(d.content) > maxContent || document.Length(d.Title) > maxTitle || document.Length(d.Description) > maxDescription || d.length() > maxAll || d.URL != "" || d.Title != "" {
				t.Errorf("%q: content %d, description %d, all %d, %q", unit, document.Length(d.content), document.Length(d.Description), d.length(), d.URL)
			}

			if !deleted && (len(d.Fields) != 7 || d.Description != c.Body) {
				t.Errorf("%q: %d fields", unit, len(d.Fields))
			}

			for _, f := range d.Fields {
				if f.Value == "" || document.Length(f.Value) > 1024 {
					t.Errorf("%q: %+v", unit, f)
				}
			}
		}
	}
}

// Facts that have no room are left out, the last ones first.
func TestFieldsFillTheRoom(t *testing.T) {
	c := connector.Content{Title: "x", State: domain.Open, Facts: domain.Facts{Owner: "Maria", Due: "2026-12-01"}}
	e := embed{Description: strings.Repeat("x", maxAll-len("OwnerMaria"))}
	e.complete(c)
	if e.length() > maxAll || len(e.Fields) != 1 || e.Fields[0].Name != "Owner" {
		t.Errorf("%d %+v", e.length(), e.Fields)
	}
}

// C7: whatever an item lacks, the content names it and the embed has text.
func TestNothingIsEmpty(t *testing.T) {
	for name, tt := range map[string]struct {
		c                           connector.Content
		content, title, description string
	}{
		"title alone":      {connector.Content{Title: "x", State: domain.Open}, "🟢 **x**\nopen", "", "No description."},
		"closed":           {connector.Content{Title: "x", State: domain.Closed, Body: "b"}, "✅ **x**\nclosed", "", "b"},
		"deleted":          {connector.Content{Title: "x", Deleted: true, Labels: []string{"l"}}, "🗑️ ~~**x**~~\ndeleted", "", "The item was deleted."},
		"link, no number":  {connector.Content{Title: "x", State: domain.Open, URL: "https://a.test"}, "🟢 **x**\nopen", "Open the item", ""},
		"number":           {connector.Content{Number: "#7/a", Title: "x", State: domain.Open, URL: "https://a.test"}, "🟢 **#7/a x**\nopen", "Open the item", ""},
		"number is a host": {connector.Content{Number: "evil.test", Title: "x", State: domain.Open, URL: "https://a.test"}, "🟢 **evil.test x**\nopen", "Open the item", ""},
		"other letters":    {connector.Content{Number: "作業-7", Title: "x", State: domain.Open, URL: "https://a.test"}, "🟢 **作業-7 x**\nopen", "Open 作業-7", ""},
		"link in a title":  {connector.Content{Title: "see https://a.test/x_y and discord.gg/x", State: domain.Open}, "🟢 **see https:\u200b//a.test/x\\_y and discord.gg\u200b/x**\nopen", "", "No description."},
	} {
		d := compose(tt.c, marker)
		if d.content != tt.content || d.Title != tt.title || d.Description != tt.description {
			t.Errorf("%s: %q %q %q", name, d.content, d.Title, d.Description)
		}
	}
}

// FuzzCompose: whatever stands in an item, its message keeps the limits, names the
// item in its text, and has no address there.
func FuzzCompose(f *testing.F) {
	f.Add("WI-1", "Site is down", "in review", "a_b", "https://a.test/1", false)
	f.Add("https://a.test", "@everyone <@123456789012345678> https://a.test ://", "**", "<#1>", "", true)
	f.Fuzz(func(t *testing.T, number, title, status, name, address string, deleted bool) {
		r := message.Renderer{Dialect: chat.Discord{}, BodyTemplate: "{{description}}"}
		named := &domain.Named{Name: name}
		item := domain.Item{
			ID: 1, FormattedNumber: number, Title: title, Status: status, Priority: status, Labels: []string{name, title, status, number}, URL: address, Deleted: deleted, State: domain.Open,
			Type: named, Project: named, Milestone: named, Owner: named, UpdatedBy: named, Description: strings.Repeat(title+"\n\n", 99),
		}
		c := r.Render(item)
		c.Previous = &connector.PreviousMessage{Title: name, Labels: []string{status}, State: domain.Closed, Text: "x"}
		for _, d := range []draft{compose(c, marker), composeDigest(connector.Digest{New: 99, First: slices.Repeat([]connector.Content{c}, 10), URL: c.URL}, marker)} {
			if n := document.Length(d.content); n > maxContent || len(strings.TrimSpace(d.content)) < 5 {
				t.Errorf("%d %q", n, d.content)
			}

			if document.Length(d.Title) > maxTitle || document.Length(d.Description) > maxDescription || d.length() > maxAll || d.length() <= document.Length(d.Footer.Text) {
				t.Errorf("%d %d %d", document.Length(d.Title), document.Length(d.Description), d.length())
			}

			if strings.Contains(d.content, "://") || live.MatchString(d.content) || strings.Count(d.content, "\n") > 2 {
				t.Errorf("%q", d.content)
			}
		}
	})
}

// live is what Discord would make more than text of.
var live = regexp.MustCompile(`(?i)@(?:everyone|here)|<[@#/]|<a?:\w+:[0-9]|<t:|<id:`)

// An excerpt is never cut once it is Markdown: what ends its code would be lost.
func TestCodeStaysCode(t *testing.T) {
	const link = "[click](https://evil.example)"
	for _, unit := range []string{"x", "🟢"} {
		r := message.Renderer{Dialect: chat.Discord{}, BodyTemplate: "{{description}}"}
		code := "```\n" + strings.Repeat(unit, 700) + " " + link + " " + strings.Repeat(unit, 710) + "\n```"
		c := r.Render(domain.Item{ID: 1, Title: strings.Repeat(unit, 150), State: domain.Open, Description: code})
		text := compose(c, marker).Description
		if document.Length(text) > maxDescription || text != c.Body || !strings.Contains(c.Body, link) {
			t.Errorf("%s: %d %q", unit, document.Length(text), text)
		}
	}

	long := connector.Content{Title: "x", Body: "```\n" + strings.Repeat("x", maxDescription) + "\n```", State: domain.Open}
	if text := compose(long, marker).Description; text != "No description." {
		t.Errorf("%q", text)
	}
}

// Success without a message is no proof of one.
func TestNoProof(t *testing.T) {
	f, w := startHook(t, "")
	f.answers(204, nil, "")
	if made, err := w.Create(t.Context(), content, marker); err != nil || !made.Unproven || made.Remote != (domain.Remote{}) {
		t.Error(made, err)
	}

	// Discord documents it for posts alone.
	if e := failureOf(t, second(w.Update(t.Context(), sent, content, marker))); e.Class != failure.Ambiguous || e.Code != "foreign_answer" {
		t.Errorf("%+v", e)
	}

	for _, body := range []string{"", "null", "[]", "{}", `{"id":5}`, `{"id":""}`, `{"id":"x"}`, "<html>"} {
		f.answers(200, nil, body)
		if e := failureOf(t, second(w.Create(t.Context(), content, marker))); e.Class != failure.Ambiguous || e.Code != "foreign_answer" {
			t.Errorf("%s: %+v", body, e)
		}
	}
}

func TestRefused(t *testing.T) {
	const integration, item = failure.IntegrationScope, failure.ItemScope
	f, b := startBot(t, false)
	for _, tt := range []struct {
		status int
		body   string
		class  failure.Class
		scope  failure.Scope
		code   string
	}{
		{404, `{"message":"Unknown Message","code":10008}`, failure.Final, item, "remote_deleted"},
		{429, `{"message":"Maximum number of edits to messages older than 1 hour reached","code":30046,"retry_after":3600.0}`, failure.Final, item, connector.NotEditable},
		{403, `{"message":"Cannot edit a message authored by another user","code":50005}`, failure.Final, item, connector.NotEditable},
		{400, `{"message":"Thread is archived","code":50083}`, failure.Final, item, connector.NotEditable},
		{404, `{"message":"Unknown Channel","code":10003}`, failure.Final, integration, "target_not_found"},
		{404, `{"message":"Unknown Webhook","code":10015}`, failure.Final, integration, "target_not_found"},
		{404, `<html>`, failure.Final, item, "rejected"},
		{401, `{"message":"401: Unauthorized","code":0}`, failure.Final, integration, "credentials_rejected"},
		{401, `{"message":"Invalid Webhook Token","code":50027}`, failure.Final, integration, "credentials_rejected"},
		{403, `{"message":"Missing Access","code":50001}`, failure.Final, integration, "forbidden"},
		{403, `{"message":"Missing Permissions","code":50013}`, failure.Final, integration, "forbidden"},
		{403, `error code: 1010`, failure.Final, item, "rejected"},
		{400, `{"message":"Invalid Form Body","code":50035,"errors":{"embeds":{}}}`, failure.Final, item, "rejected"},
		{400, `{"message":"blocked","code":200000}`, failure.Final, item, "rejected"},
		{400, `{"message":"a number","code":"x"}`, failure.Final, item, "rejected"},
		{500, `{"message":"Unknown Message","code":10008}`, failure.Ambiguous, item, "no_answer"},
		{502, `<html>`, failure.Ambiguous, item, "no_answer"},
		{307, ``, failure.Final, integration, "target_moved"},
	} {
		f.answers(tt.status, nil, tt.body)
		e := failureOf(t, second(b.Update(t.Context(), sent, content, marker)))
		if e.Class != tt.class || e.Scope != tt.scope || e.Code != tt.code || e.Status != tt.status || e.RequestID != "RAY1" {
			t.Errorf("%d %s: %+v", tt.status, tt.body, e)
		}
	}

	f.answers(400, nil, `{"message":"Thread is archived","code":50083}`)
	if e := failureOf(t, second(b.Create(t.Context(), content, marker))); e.Code != "rejected" {
		t.Errorf("a new message is no edit: %+v", e)
	}
}

// A refused form names each place that is wrong in it.
func TestWrongForm(t *testing.T) {
	f, b := startBot(t, false)
	for errors, want := range map[string]string{
		`{"embeds":{"0":{"url":{"_errors":[{"code":"X","message":"Not a well formed URL."},{"message":"y"}]}}}}`:                 "Invalid Form Body; embeds.0.url: Not a well formed URL.; embeds.0.url: y",
		`{"nonce":{"_errors":[{"message":"z"}]},"embeds":{"1":{"_errors":[{"message":"b"}]},"0":{"_errors":[{"message":"a"}]}}}`: "Invalid Form Body; nonce: z; embeds.1: b; embeds.0: a",
		`{"_errors":[{"message":"This cannot be."}]}`:                                                                            "Invalid Form Body; This cannot be.",
		`{"x":{"_errors":[{"message":"a\n\u202eb ` + token + `"}]}}`:                                                             "Invalid Form Body; x: a b " + outbound.Redacted,
		`{"a":{"_errors":[]},"b":{"_errors":[7]}}`:                                                                               "Invalid Form Body",
		`null`: "Invalid Form Body", `[{"_errors":[]}]`: "Invalid Form Body", `"x"`: "Invalid Form Body; x", `{"_errors":{}}`: "Invalid Form Body",
	} {
		f.answers(400, nil, `{"message":"Invalid Form Body","code":50035,"errors":`+errors+`}`)
		if e := failureOf(t, second(b.Create(t.Context(), content, marker))); e.Code != "rejected" || e.Detail != want {
			t.Errorf("%s: %s: %q, want %q", errors, e.Code, e.Detail, want)
		}
	}

	f.answers(400, nil, `{"message":"Invalid Form Body","errors":{"x":{"_errors":[{"message":"`+strings.Repeat("long ", 99)+`"}]}}}`)
	if e := failureOf(t, second(b.Create(t.Context(), content, marker))); utf8.RuneCountInString(e.Detail) > 200 {
		t.Error(e.Detail)
	}
}

// Waits are told with a fraction. Who is shut out by Cloudflare is told nothing,
// and waits long.
func TestLimits(t *testing.T) {
	f, b := startBot(t, false)
	for name, tt := range map[string]struct {
		header http.Header
		body   string
		wait   time.Duration
		untold bool
	}{
		"a fraction":            {nil, `{"message":"You are being rate limited.","retry_after":0.651,"global":false}`, 651 * time.Millisecond, false},
		"rounded up":            {nil, `{"retry_after":1.2341}`, 1235 * time.Millisecond, false},
		"whole":                 {http.Header{"Retry-After": {"99"}}, `{"retry_after":64}`, 64 * time.Second, false},
		"never zero":            {nil, `{"retry_after":0}`, time.Millisecond, false},
		"without end":           {nil, `{"retry_after":1e300}`, outbound.MaxWait, false},
		"of the channel":        {http.Header{"X-Ratelimit-Scope": {"shared"}, "Retry-After": {"3"}}, ``, 3 * time.Second, false},
		"HTML":                  {nil, `<html><title>Access denied</title>`, banWait, true},
		"no word":               {nil, `{"message":"limited"}`, banWait, true},
		"negative":              {nil, `{"retry_after":-5}`, banWait, true},
		"text":                  {nil, `{"retry_after":"x"}`, banWait, true},
		"Cloudflare, for long":  {http.Header{"Retry-After": {"3600"}}, `error code: 1015`, time.Hour, true},
		"Cloudflare, too short": {http.Header{"Retry-After": {"5"}}, `error code: 1015`, banWait, true},
	} {
		f.answers(429, tt.header, tt.body)
		e := failureOf(t, second(b.Create(t.Context(), content, marker)))
		if e.Class != failure.Retryable || e.Scope != failure.IntegrationScope || e.Code != "rate_limited" || e.Wait != tt.wait || e.NoRetryAfter != tt.untold {
			t.Errorf("%s: %+v", name, e)
		}
	}

	f.answers(429, http.Header{"X-Ratelimit-Scope": {"global"}}, `{"message":"limited","retry_after":1,"global":true}`)
	if e := failureOf(t, second(b.Create(t.Context(), content, marker))); !strings.Contains(e.Detail, "all channels") {
		t.Errorf("%+v", e)
	}
}

func TestManner(t *testing.T) {
	_, edits := startBot(t, false)
	_, posts := startBot(t, true)
	_, hook := startHook(t, "")
	for _, tt := range []struct {
		c     connector.Chat
		edits bool
	}{{edits, true}, {posts, false}, {hook, true}} {
		if m := tt.c.DeliveryMode(); m.Edits != tt.edits || m.DigestOver != 5 {
			t.Errorf("%T: %+v", tt.c, m)
		}
	}
}
