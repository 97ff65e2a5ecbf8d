package discord

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

var (
	_ connector.Resolver = (*Bot)(nil)
	_ connector.Resolver = (*Webhook)(nil)
)

const (
	hookID      = "123456789012345678"
	guildID     = "423456789012345678"
	channelJSON = `{"id":"` + channelID + `","type":0,"guild_id":"` + guildID + `","name":"work"}`
	pages       = "https://discord.com/channels/" + guildID + "/"
)

// hookJSON is a webhook as Discord shows it, with its token and address.
func hookJSON() string {
	return `{"id":"` + hookID + `","type":1,"channel_id":"` + channelID + `","guild_id":"` + guildID + `","name":"Work items","token":"` + secret +
		`","url":"https://discord.com/api/webhooks/` + hookID + `/` + secret + `"}`
}

// What the answers to a resolve mean.
func TestResolve(t *testing.T) {
	bot := connector.Place{Instance: "discord.com", ID: channelID, Name: "#work", URL: pages + channelID}
	hook := connector.Place{Instance: "discord.com", ID: hookID + "/" + channelID, Name: "Work items", URL: pages + channelID}
	thready := hook
	thready.ID = hook.ID + "/" + thread
	thready.URL = pages + thread
	plain := bot
	plain.Name = channelID
	plain.URL = ""
	unnamed := hook
	unnamed.Name = hookID
	for _, tt := range []struct {
		name, kind string // bot, hook or thread
		status     int
		body       string
		want       connector.Place
		code       string
		class      failure.Class
	}{
		{name: "channel", kind: "bot", status: 200, body: channelJSON, want: bot},
		{name: "direct message", kind: "bot", status: 200, body: `{"id":"` + channelID + `","type":1}`, want: plain},
		{name: "unknown channel", kind: "bot", status: 404, body: `{"code":10003,"message":"Unknown Channel"}`, code: "target_not_found", class: failure.Final},
		{name: "hidden channel", kind: "bot", status: 403, body: `{"code":50001,"message":"Missing Access"}`, code: "target_not_found", class: failure.Final},
		{name: "bad token", kind: "bot", status: 401, body: `{"code":0,"message":"401: Unauthorized"}`, code: "credentials_rejected", class: failure.Final},
		{name: "no channel", kind: "bot", status: 200, body: `{"id":"x"}`, code: "answer_unreadable", class: failure.Retryable},
		{name: "HTML", kind: "bot", status: 200, body: `<html>`, code: "answer_unreadable", class: failure.Retryable},
		{name: "an outage", kind: "bot", status: 502, code: "provider_unavailable", class: failure.Retryable},

		{name: "webhook", kind: "hook", status: 200, body: hookJSON(), want: hook},
		{name: "webhook and thread", kind: "thread", status: 200, body: hookJSON(), want: thready},
		{name: "webhook without a name", kind: "hook", status: 200, body: strings.Replace(hookJSON(), `"Work items"`, "null", 1), want: unnamed},
		{name: "deleted webhook", kind: "hook", status: 404, body: `{"code":10015,"message":"Unknown Webhook"}`, code: "target_not_found", class: failure.Final},
		{name: "wrong secret", kind: "hook", status: 401, body: `{"code":50027,"message":"Invalid Webhook Token"}`, code: "credentials_rejected", class: failure.Final},
		{name: "no channel of a webhook", kind: "hook", status: 200, body: `{"id":"` + hookID + `","channel_id":null}`, code: "answer_unreadable", class: failure.Retryable},
		{name: "limited", kind: "hook", status: 429, body: `{"retry_after":1.5}`, code: "rate_limited", class: failure.Retryable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var f *fake
			var c connector.Resolver
			switch tt.kind {
			case "bot":
				f, c = botResolver(t)
			case "hook":
				f, c = hookResolver(t, "")
			default:
				f, c = hookResolver(t, thread)
			}

			f.answers(tt.status, nil, tt.body)
			p, err := c.Resolve(t.Context())
			if tt.code != "" {
				if e := failureOf(t, err); e.Code != tt.code || e.Class != tt.class || p != (connector.Place{}) {
					t.Errorf("%v %v", e.Class, e)
				}
				return
			}

			calls := f.take()
			if err != nil || p != tt.want || len(calls) != 1 || calls[0].method != http.MethodGet {
				t.Errorf("%+v, %v, %+v", p, err, calls)
			}

			if strings.Contains(fmt.Sprintf("%+v", p), secret) {
				t.Errorf("the webhook's secret is in %+v", p)
			}
		})
	}
}

func botResolver(t *testing.T) (*fake, connector.Resolver) {
	f, b := startBot(t, false)
	return f, b
}

func hookResolver(t *testing.T, thread string) (*fake, connector.Resolver) {
	f, w := startHook(t, thread)
	return f, w
}

// The name is a person's text: a secret in it is not shown.
func TestANameIsCleaned(t *testing.T) {
	f, w := startHook(t, "")
	f.answers(200, nil, strings.Replace(hookJSON(), "Work items", "x "+secret+`\u0000\n`+strings.Repeat("y", 300), 1))
	p, err := w.Resolve(t.Context())
	if err != nil || strings.Contains(p.Name, secret) || strings.ContainsAny(p.Name, "\x00\n") || len([]rune(p.Name)) > 200 {
		t.Errorf("%+v, %v", p, err)
	}
}

// A webhook's channel and thread are part of the place.
func TestEachChannelOfAWebhookIsAPlace(t *testing.T) {
	keys := map[string]bool{}
	for _, thread := range []string{"", thread, thread + "1"} {
		for _, channel := range []string{channelID, channelID + "1"} {
			f, w := startHook(t, thread)
			f.answers(200, nil, strings.Replace(hookJSON(), `"channel_id":"`+channelID, `"channel_id":"`+channel, 1))
			p, err := w.Resolve(t.Context())
			if err != nil {
				t.Fatal(err)
			}

			w.Use(p)
			keys[p.Key(domain.Discord)] = true
		}
	}

	if len(keys) != 6 {
		t.Errorf("%d places", len(keys))
	}
}

// After Use a bot posts into, and looks for messages in, the channel that was
// resolved.
func TestCallsGoToThePlace(t *testing.T) {
	f, b := startBot(t, false)
	b.Use(connector.Place{Instance: "discord.com", ID: thread})
	for _, p := range []connector.Place{{}, {ID: "x"}, {ID: hookID + "/" + channelID}} {
		b.Use(p) // no channel
	}

	if calls := f.take(); len(calls) != 0 {
		t.Errorf("Use makes calls: %+v", calls)
	}

	f.answer = func(w http.ResponseWriter, r *http.Request, _ string) {
		body := `{"id":"` + postedID + `","channel_id":"` + thread + `"}`
		if r.Method == http.MethodGet {
			body = "[" + body + "]"
		}
		_, _ = io.WriteString(w, body)
	}
	if w, err := b.Create(t.Context(), connector.Content{Title: "T"}, marker); err != nil || w.Remote.Key != thread {
		t.Errorf("%+v, %v", w, err)
	}

	if _, err := b.Find(t.Context(), now, []connector.Marker{marker}); err != nil {
		t.Error(err)
	}

	calls := f.take()
	for _, one := range calls {
		if one.path != "/channels/"+thread+"/messages" {
			t.Errorf("%+v", one)
		}
	}

	if len(calls) != 2 {
		t.Errorf("%+v", calls)
	}
}

// FuzzSpot: what is read of an answer is fit for an address.
func FuzzSpot(f *testing.F) {
	for _, body := range []string{channelJSON, hookJSON(), `null`, `[]`, `{"id":1}`, `{"id":"1","channel_id":"0"}`, `{"id":"1","guild_id":"x","name":1}`} {
		f.Add([]byte(body))
	}

	client := connectortest.Serve(f, http.NotFoundHandler())
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, hook := range []bool{false, true} {
			s, ok := parseSpot(body, hook)
			if !ok {
				continue
			}

			if !snowflake.MatchString(s.ID) || hook && !snowflake.MatchString(*s.ChannelID) || len([]rune(client.Clean(s.label()))) > 200 {
				t.Errorf("%q: %+v", body, s)
			}

			if page := s.page(s.ID); page != "" && strings.Trim(strings.TrimPrefix(page, "https://discord.com/channels/"), "0123456789/") != "" {
				t.Errorf("%q: %s", body, page)
			}
		}
	})
}
