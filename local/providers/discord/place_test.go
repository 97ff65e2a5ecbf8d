package discord

import (
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	product "example.com/integrations/shared/connector/discord"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

const guildPages = "https://discord.com/channels/" + guildID + "/"

// bot is the product's own bot in a channel.
func (d *driver) bot(channel string) *product.Bot {
	client := connectortest.Serve(d.t, d.API(), ours)
	return product.NewBot(product.BotConfig{BaseURL: "https://" + connectortest.Host + "/api/v10", Token: ours, Channel: channel}, client, d.clock.now)
}

// hook is the product's own webhook, with its address as some version has it.
func (d *driver) hook(address, thread string) *product.Webhook {
	client := connectortest.Serve(d.t, d.API(), "right")
	return product.NewWebhook(product.WebhookConfig{URL: "https://" + connectortest.Host + address, Thread: thread}, client, d.clock.now)
}

func resolved(t *testing.T, c connector.Resolver) connector.Place {
	t.Helper()
	p, err := c.Resolve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A8: a channel is one place whatever it is called. A webhook is one with its
// channel: led to another channel it is another place.
func TestOnePlaceWhateverItIsCalled(t *testing.T) {
	d := start(t, nil)
	first := resolved(t, d.bot(channel))
	if want := (connector.Place{Instance: "discord.com", ID: channel, Name: "#work", URL: guildPages + channel}); first != want {
		t.Errorf("%+v", first)
	}

	d.Rename(channel, "renamed")
	if p := resolved(t, d.bot(channel)); p.Key(domain.Discord) != first.Key(domain.Discord) || p.Name != "#renamed" {
		t.Errorf("%+v", p)
	}

	if p := resolved(t, d.bot(thread)); p.Key(domain.Discord) == first.Key(domain.Discord) {
		t.Errorf("a thread: %+v", p)
	}

	for _, id := range []string{closed, "999"} {
		_, err := d.bot(id).Resolve(t.Context())
		if e := connectortest.Failure(t, err, ours); e.Code != "target_not_found" || e.Scope != failure.IntegrationScope {
			t.Errorf("%s: %v", id, e)
		}
	}

	const address = "/webhooks/" + hook + "/right"
	whole := resolved(t, d.hook("/api"+address, ""))
	if want := (connector.Place{Instance: "discord.com", ID: hook + "/" + channel, Name: "Work items", URL: guildPages + channel}); whole != want {
		t.Errorf("%+v", whole)
	}

	if p := resolved(t, d.hook("/api/v10"+address, "")); p != whole {
		t.Errorf("another version: %+v", p)
	}

	if p := resolved(t, d.hook("/api"+address, thread)); p.Key(domain.Discord) == whole.Key(domain.Discord) || p.URL != guildPages+thread {
		t.Errorf("a thread: %+v", p)
	}

	d.MoveWebhook(hook, mute)
	if p := resolved(t, d.hook("/api"+address, "")); p.Key(domain.Discord) == whole.Key(domain.Discord) || p.ID != hook+"/"+mute {
		t.Errorf("led to another channel: %+v", p)
	}

	_, err := d.hook("/api/webhooks/"+hook+"/wrong", "").Resolve(t.Context())
	if e := connectortest.Failure(t, err, "right"); e.Code != "credentials_rejected" {
		t.Errorf("%v", e)
	}

	d.DeleteWebhook(hook)
	_, err = d.hook("/api"+address, "").Resolve(t.Context())
	if e := connectortest.Failure(t, err, "right"); e.Code != "target_not_found" || e.Class != failure.Final {
		t.Errorf("%v", e)
	}

	if v := d.Violations(); len(v) > 0 {
		t.Error(v)
	}
}

// A8: a channel is renamed under a running sync: posts, edits and the search go
// on, and nothing is posted twice.
func TestARenamedChannelGoesOn(t *testing.T) {
	d := start(t, nil)
	b := d.bot(channel)
	place := resolved(t, b)
	marker := connector.Marker{Integration: 11, Item: 22, Attempt: 1}
	content := b.Render(domain.Item{ID: 22, Title: "T", State: domain.Open})
	began := d.clock.now()
	d.clock.turn(time.Second)
	first, err := b.Create(t.Context(), content, marker)
	if err != nil {
		t.Fatal(err)
	}

	d.Rename(channel, "renamed")
	d.clock.turn(2 * time.Second)

	b = d.bot(channel)
	b.Use(place)
	content.Title = "Later"
	if w, err := b.Update(t.Context(), connector.Sent{Remote: first.Remote, State: domain.Open}, content, marker); err != nil || w.Remote != first.Remote {
		t.Errorf("%+v, %v", w, err)
	}

	found, err := b.Find(t.Context(), began, []connector.Marker{marker})
	if err != nil || found[22].Remote.ID != first.Remote.ID {
		t.Errorf("%+v, %v", found, err)
	}

	if all := d.Messages(channel); len(all) != 1 || !strings.Contains(string(all[0].Wire), "Later") {
		t.Errorf("%+v", all)
	}

	if v := d.Violations(); len(v) > 0 {
		t.Error(v)
	}
}
