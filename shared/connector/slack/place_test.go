package slack

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
	teamJSON    = `{"ok":true,"url":"https://acme.slack.com/","team":"Acme","team_id":"T0ACME","user_id":"U1"}`
	channelJSON = `{"ok":true,"channel":{"id":"C0123456789","name":"work"}}`
)

// What answers to the questions of a bot's resolve mean.
func TestResolve(t *testing.T) {
	for _, tt := range []struct {
		name, team, channel string // "STATUS body"
		called, code        string
		class               failure.Class
	}{
		{name: "all is well", team: "200 " + teamJSON, channel: "200 " + channelJSON, called: "#work"},
		{name: "no scope for the name", team: "200 " + teamJSON, channel: `200 {"ok":false,"error":"missing_scope","needed":"channels:read"}`, called: "C0123456789"},
		{name: "no name", team: "200 " + teamJSON, channel: `200 {"ok":true,"channel":{"id":"C0123456789","name":""}}`, called: "C0123456789"},
		{name: "archived", team: "200 " + teamJSON, channel: `200 {"ok":true,"channel":{"id":"C0123456789","name":"work","is_archived":true}}`, called: "#work"},
		{name: "no channel", team: "200 " + teamJSON, channel: `200 {"ok":false,"error":"channel_not_found"}`, code: "target_not_found", class: failure.Final},
		{name: "access taken away", team: "200 " + teamJSON, channel: `200 {"ok":false,"error":"access_denied"}`, code: "target_not_found", class: failure.Final},
		{name: "a channel that is none", team: "200 " + teamJSON, channel: `200 {"ok":true,"channel":{"id":"../x"}}`, code: "answer_unreadable", class: failure.Retryable},
		{name: "limited", team: "200 " + teamJSON, channel: `200 {"ok":false,"error":"ratelimited"}`, code: "rate_limited", class: failure.Retryable},
		{name: "an outage", team: "200 " + teamJSON, channel: "503 ", code: "provider_unavailable", class: failure.Retryable},
		{name: "bad token", team: `200 {"ok":false,"error":"invalid_auth"}`, code: "credentials_rejected", class: failure.Final},
		{name: "no team", team: `200 {"ok":true}`, code: "answer_unreadable", class: failure.Retryable},
		{name: "a team that is none", team: `200 {"ok":true,"team_id":"t/1"}`, code: "answer_unreadable", class: failure.Retryable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, b := startBot(t, false)
			f.answer = func(w http.ResponseWriter, r *http.Request, _ string) {
				said := tt.channel
				if strings.HasSuffix(r.URL.Path, "/auth.test") {
					said = tt.team
				}

				status, body, _ := strings.Cut(said, " ")
				w.WriteHeader(map[string]int{"200": 200, "503": 503}[status])
				_, _ = io.WriteString(w, body)
			}

			p, err := b.Resolve(t.Context())
			if tt.code != "" {
				if e := failureOf(t, err); e.Code != tt.code || e.Class != tt.class || p != (connector.Place{}) || b.used.Load() != nil {
					t.Errorf("%v %v", e.Class, e)
				}
				return
			}

			want := connector.Place{Instance: "T0ACME", ID: "C0123456789", Name: tt.called, URL: "https://acme.slack.com/archives/C0123456789"}
			if err != nil || p != want || len(f.take()) != 2 {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
}

// An address that is none of Slack's is no link.
func TestNoForeignLink(t *testing.T) {
	for _, home := range []string{"https://acme.example/", "http://acme.slack.com/", "https://acme.slack.com.example/", "javascript:x", "https://x@acme.slack.com/", ""} {
		got, ok := parseTeam(fmt.Appendf(nil, `{"ok":true,"team_id":"T0ACME","url":%q}`, home))
		if !ok || got.Home != "" {
			t.Errorf("%s: %+v, %v", home, got, ok)
		}
	}
}

// After Use a bot posts into, and looks for messages in, the channel that was
// resolved.
func TestCallsGoToThePlace(t *testing.T) {
	f, b := startBot(t, false)
	b.Use(connector.Place{Instance: "T0ACME", ID: "C0OTHER"})
	for _, p := range []connector.Place{{}, {ID: "c1"}, {ID: "../x"}} {
		b.Use(p) // no channel
	}

	if calls := f.take(); len(calls) != 0 {
		t.Errorf("Use makes calls: %+v", calls)
	}

	f.answers(200, nil, `{"ok":true,"ts":"1.2","messages":[]}`)
	w, err := b.Create(t.Context(), connector.Content{Title: "T"}, marker)
	if err != nil || w.Remote.Key != "C0OTHER" {
		t.Errorf("%+v, %v", w, err)
	}

	if _, err := b.Find(t.Context(), now, []connector.Marker{marker}); err != nil {
		t.Error(err)
	}

	calls := f.take()
	if len(calls) != 2 || !strings.Contains(calls[0].body, `"channel":"C0OTHER"`) || calls[1].query["channel"][0] != "C0OTHER" {
		t.Errorf("%+v", calls)
	}
}

// An incoming webhook is named without a call, and its address cannot be made
// out.
func TestAWebhookIsAPlace(t *testing.T) {
	f, w := startHook(t)
	p, err := w.Resolve(t.Context())
	if err != nil || p.Instance != "slack.com" || len(p.ID) != 64 || p.Name == "" || p.URL != "" || len(f.take()) != 0 {
		t.Errorf("%+v, %v", p, err)
	}

	if text := fmt.Sprintf("%+v", p); strings.Contains(text, secret) || strings.Contains(text, "T0") || strings.Contains(text, "B0") {
		t.Errorf("the address is in %s", text)
	}

	w.Use(connector.Place{ID: "x"})

	same := NewWebhook(WebhookConfig{URL: hook}, w.http, nil)
	other := NewWebhook(WebhookConfig{URL: hook + "x"}, w.http, nil)
	government := NewWebhook(WebhookConfig{URL: "https://hooks.slack-gov.com/services/T0/B0/x"}, w.http, nil)
	keys := map[string]bool{}
	for _, one := range []*Webhook{w, same, other, government} {
		p, err := one.Resolve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		keys[p.Key(domain.Slack)] = true
	}

	if len(keys) != 3 {
		t.Errorf("%d places", len(keys))
	}
}

// FuzzPlaceAnswers: what is read of an answer is fit for an address.
func FuzzPlaceAnswers(f *testing.F) {
	for _, body := range []string{teamJSON, channelJSON, `null`, `[]`, `{"team_id":1,"channel":"C1"}`, `{"channel":{"id":"C1\n","name":null}}`} {
		f.Add([]byte(body))
	}

	client := connectortest.Serve(f, http.NotFoundHandler())
	f.Fuzz(func(t *testing.T, body []byte) {
		if got, ok := parseTeam(body); ok && (!teamForm.MatchString(got.ID) || got.Home != "" && !strings.HasPrefix(got.Home, "https://")) {
			t.Errorf("%q: %+v", body, got)
		}

		if c, ok := parseChannelName(body); ok && (!channelForm.MatchString(c.ID) || c.label() == "" || len([]rune(client.Clean(c.label()))) > 200) {
			t.Errorf("%q: %+v", body, c)
		}
	})
}
