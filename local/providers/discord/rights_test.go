package discord

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	product "example.com/integrations/shared/connector/discord"
	"example.com/integrations/shared/domain"
)

// connected is the product's bot in a channel, and what the server was asked.
func (d *driver) connected(where string) (*product.Bot, *connectortest.Recorder) {
	recorder := &connectortest.Recorder{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.API().ServeHTTP(w, r) })}
	client := connectortest.Serve(d.t, recorder, ours)
	return product.NewBot(product.BotConfig{BaseURL: "https://" + connectortest.Host + "/api/v10", Token: ours, Channel: where, Look: product.Look{DigestOver: 5}}, client, d.clock.now), recorder
}

// For each set of permissions, in a channel and in a thread: what the check says
// is what Discord answers when the call is made.
func TestTheCheckIsRightAboutEachCall(t *testing.T) {
	me := []string{bot}
	for name, change := range map[string]func(c *Channel){
		"all":                      func(*Channel) {},
		"no Send Messages":         func(c *Channel) { c.Mute = me },
		"no Send Messages, thread": func(c *Channel) { c.NoThreads = me },
		"no Embed Links":           func(c *Channel) { c.NoEmbeds = me },
		"no history":               func(c *Channel) { c.Unread = me },
		"private, and allowed":     func(c *Channel) { c.Members = me },
		"private, and half": func(c *Channel) {
			c.Members = me
			c.Mute = me
		},
		"nothing but a look": func(c *Channel) {
			c.Mute = me
			c.Unread = me
			c.NoEmbeds = me
			c.NoThreads = me
		},
	} {
		for _, where := range []string{channel, thread} {
			d := start(t, nil)
			full, _ := d.connected(where)
			first, err := full.Create(t.Context(), connector.Content{Title: "T", State: domain.Open}, connector.Marker{Integration: 1, Item: 1, Attempt: 1})
			if err != nil {
				t.Fatal(err)
			}

			d.channels.Change(channel, change)
			d.clock.turn(time.Hour)

			b, _ := d.connected(where)
			checks, _ := b.Check(t.Context())
			said := map[string]connector.Check{}
			for _, one := range checks {
				said[one.Name] = one
			}

			_, writeErr := b.Create(t.Context(), connector.Content{Title: "T", State: domain.Open}, connector.Marker{Integration: 1, Item: 2, Attempt: 1})
			found, findErr := b.Find(t.Context(), d.clock.now().Add(-2*time.Hour), []connector.Marker{{Integration: 1, Item: 1, Attempt: 1}})
			seen := findErr == nil && found[1].Remote.ID == first.Remote.ID
			for check, works := range map[string]bool{"write": writeErr == nil, "history": seen} {
				one := said[check]
				if one.OK == nil || *one.OK != works || !works && one.Detail == nil {
					t.Errorf("%s in %s: the check says %v, and it works: %v (%v, %v)", name, where, one, works, writeErr, findErr)
				}
			}
		}
	}
}

// Every call of the bot is in the table of needs, and none that it does not make.
func TestTheTableOfNeedsIsComplete(t *testing.T) {
	d := start(t, nil)
	b, recorder := d.connected(thread)
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
	sent := connector.Sent{Remote: written.Remote, State: domain.Open, Seen: written.Seen}
	if _, err := b.Update(t.Context(), sent, content, marker); err != nil {
		t.Fatal(err)
	}

	reply := connector.Reply{
		Message: written.Remote,
		From:    domain.Progress{State: domain.Open},
		To:      domain.Progress{State: domain.Closed},
		Content: content,
		Markers: []connector.Marker{{Integration: 1, Item: 2, Attempt: 1}},
		Since:   d.clock.now(),
	}
	if _, err := b.Reply(t.Context(), reply); err != nil {
		t.Fatal(err)
	}

	d.noViolations()
	d.channels.Change(channel, func(c *Channel) { c.Unread = []string{bot} })
	if _, err := b.Find(t.Context(), d.clock.now().Add(-time.Hour), []connector.Marker{marker}); err == nil {
		t.Fatal(fmt.Errorf("a hidden history counts as an empty one"))
	}

	recorder.Needed(t, product.Needs)
}
