package slack

import (
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	product "example.com/integrations/shared/connector/slack"
	"example.com/integrations/shared/domain"
)

// connect is the product's own bot in a channel.
func (d *driver) connect(token, channel string) *product.Bot {
	client := connectortest.Serve(d.t, d.API(), token)
	return product.NewBot(product.BotConfig{BaseURL: "https://" + connectortest.Host + "/api", Token: token, Channel: channel}, client, d.clock.now)
}

// A8: a channel is one place whatever it is called and whichever token of the
// workspace asks, also one without the scope to read its name.
func TestOnePlaceWhateverItIsCalled(t *testing.T) {
	d := start(t, func(c *Config) {
		c.Accounts["scopeless"] = Account{Name: "scopeless", User: "U0NOSCOPE1", Bot: true, Scopes: []string{"chat:write"}}
	})
	resolve := func(token, channel string) connector.Place {
		t.Helper()
		p, err := d.connect(token, channel).Resolve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}

	first := resolve(ours, "C0WORK")
	if want := (connector.Place{Instance: "T0SAMPLE01", ID: "C0WORK", Name: "#work", URL: "https://sample-organisation.slack.com/archives/C0WORK"}); first != want {
		t.Errorf("%+v", first)
	}

	d.Rename("C0WORK", "renamed")
	for token, name := range map[string]string{ours: "#renamed", foreign: "#renamed", reader: "#renamed", "scopeless": "C0WORK"} {
		if p := resolve(token, "C0WORK"); p.Key(domain.Slack) != first.Key(domain.Slack) || p.Name != name {
			t.Errorf("%s: %+v", token, p)
		}
	}

	if p := resolve(ours, "C0OLD"); p.Key(domain.Slack) == first.Key(domain.Slack) {
		t.Errorf("another channel: %+v", p)
	}

	for _, channel := range []string{"C0NONE", "G0SECRET"} {
		_, err := d.connect(ours, channel).Resolve(t.Context())
		if e := connectortest.Failure(t, err, ours); e.Code != "target_not_found" || e.Scope != failure.IntegrationScope {
			t.Errorf("%s: %v", channel, e)
		}
	}
}

// A8: a channel is renamed under a running sync: posts, edits and the search go
// on, and nothing is posted twice.
func TestARenamedChannelGoesOn(t *testing.T) {
	d := start(t, nil)
	b := d.connect(ours, "C0WORK")
	place, err := b.Resolve(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	marker := connector.Marker{Integration: 11, Item: 22, Attempt: 1}
	content := b.Render(domain.Item{ID: 22, Title: "T", State: domain.Open})
	first, err := b.Create(t.Context(), content, marker)
	if err != nil {
		t.Fatal(err)
	}

	d.Rename("C0WORK", "renamed")
	d.clock.turn(2 * time.Second)

	b = d.connect(ours, "C0WORK")
	b.Use(place)
	content.Title = "Later"
	if w, err := b.Update(t.Context(), connector.Sent{Remote: first.Remote, State: domain.Open}, content, marker); err != nil || w.Remote != first.Remote {
		t.Errorf("%+v, %v", w, err)
	}

	found, err := b.Find(t.Context(), d.clock.now().Add(-time.Minute), []connector.Marker{marker})
	if err != nil || found[22].Remote.ID != first.Remote.ID {
		t.Errorf("%+v, %v", found, err)
	}

	if all := d.Messages("C0WORK"); len(all) != 1 || !strings.Contains(string(all[0].Wire), "Later") {
		t.Errorf("%+v", all)
	}

	if v := d.Violations(); len(v) > 0 {
		t.Error(v)
	}
}
