package slack

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	product "example.com/integrations/shared/connector/slack"
	"example.com/integrations/shared/domain"
)

// connected is the product's bot in a channel, and what the server was asked.
func (d *driver) connected(where string) (*product.Bot, *connectortest.Recorder) {
	recorder := &connectortest.Recorder{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.API().ServeHTTP(w, r) })}
	client := connectortest.Serve(d.t, recorder, ours)
	return product.NewBot(product.BotConfig{BaseURL: "https://" + connectortest.Host + "/api", Token: ours, Channel: where}, client, d.clock.now), recorder
}

// For each set of scopes and each kind of channel: what the check says is what
// Slack answers when the call is made. Where the check leaves it open, that is
// because Slack does not describe the channel.
func TestTheCheckIsRightAboutEachCall(t *testing.T) {
	const me, maria = "U0OURBOT01", "U0MARIA001"
	for _, scopes := range []string{
		"chat:write,channels:history,groups:history,channels:read,groups:read", "chat:write,channels:history,channels:read",
		"chat:write,groups:history,groups:read", "chat:write,channels:read,groups:read", "channels:read,groups:read,channels:history,groups:history",
		"chat:write,chat:write.public,channels:read,groups:read", "chat:write,channels:history,groups:history", "chat:write,chat:write.public", "channels:history",
	} {
		for name, where := range map[string]Channel{
			"public":              {Members: []string{me, maria}},
			"public, not in it":   {Members: []string{maria}},
			"private":             {Private: true, Members: []string{me, maria}},
			"private, not in it":  {Private: true, Members: []string{maria}},
			"archived":            {Archived: true, Members: []string{me}},
			"archived and secret": {Archived: true, Private: true, Members: []string{maria}},
		} {
			d := start(t, func(c *Config) {
				where.ID = "C0TRIED"
				where.Name = "tried"
				c.Channels = append(c.Channels, where)
				account := c.Accounts[ours]
				account.Scopes = strings.Split(scopes, ",")
				c.Accounts[ours] = account
			})

			b, _ := d.connected("C0TRIED")
			checks, _ := b.Check(t.Context())
			said := map[string]connector.Check{}
			for _, one := range checks {
				said[one.Name] = one
			}

			_, writeErr := b.Create(t.Context(), connector.Content{Title: "T", State: domain.Open}, connector.Marker{Integration: 1, Item: 2, Attempt: 1})
			_, findErr := b.Find(t.Context(), d.clock.now().Add(-time.Hour), []connector.Marker{{Integration: 1, Item: 1, Attempt: 1}})
			reads := strings.Contains(scopes, "channels:read") && !where.Private || strings.Contains(scopes, "groups:read") && where.Private
			for check, err := range map[string]error{"write": writeErr, "history": findErr} {
				one := said[check]
				switch {
				case one.OK == nil && reads:
					t.Errorf("%s, %s: left open: %v", scopes, name, one)
				case one.OK != nil && *one.OK != (err == nil):
					t.Errorf("%s, %s: the check says %v, Slack %v", scopes, name, one, err)
				case !one.Holds() && one.Detail == nil:
					t.Errorf("%s, %s: no sentence for a manager: %v", scopes, name, one)
				}
			}
		}
	}
}

// Every call of the bot is in the table of needs, and none that it does not make.
func TestTheTableOfNeedsIsComplete(t *testing.T) {
	d := start(t, nil)
	b, recorder := d.connected("C0WORK")
	if _, err := b.Check(t.Context()); err != nil {
		t.Fatal(err)
	}

	content := connector.Content{Title: "T", State: domain.Open}
	marker := connector.Marker{Integration: 1, Item: 1, Attempt: 1}
	written, err := b.Create(t.Context(), content, marker)
	if err != nil {
		t.Fatal(err)
	}

	content.Title = "Changed"
	if _, err := b.Update(t.Context(), connector.Sent{Remote: written.Remote, State: domain.Open, Seen: written.Seen}, content, marker); err != nil {
		t.Fatal(err)
	}

	if _, err := b.Find(t.Context(), d.clock.now().Add(-time.Hour), []connector.Marker{marker}); err != nil {
		t.Fatal(err)
	}

	reply := connector.Reply{
		Message: written.Remote,
		From:    domain.Progress{State: domain.Open},
		To:      domain.Progress{State: domain.Closed},
		Markers: []connector.Marker{{Integration: 1, Item: 2, Attempt: 1}},
	}

	answered, err := b.Reply(t.Context(), reply)
	if err != nil {
		t.Fatal(err)
	}

	if found, ok, err := b.FindReply(t.Context(), reply); err != nil || !ok || found.Remote.ID != answered.Remote.ID {
		t.Fatal(found, ok, err)
	}

	before := len(d.Messages("C0WORK"))
	reply.Message.ID = "1.000001"
	if _, err := b.Reply(t.Context(), reply); err == nil || !strings.Contains(err.Error(), "remote_deleted") {
		t.Errorf("a reply to a message that is gone: %v", err)
	}
	if after := len(d.Messages("C0WORK")); after != before {
		t.Errorf("a reply to a message that is gone leaves %d messages in the channel", after-before)
	}

	if _, err := b.Resolve(t.Context()); err != nil {
		t.Fatal(err)
	}

	d.noViolations()
	recorder.Needed(t, product.Needs)
}
