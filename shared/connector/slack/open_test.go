package slack

import (
	"encoding/json"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// opening is what a message has to open addresses with.
type opening struct {
	Text struct {
		Type, Text string
	}
	Accessory struct {
		Type     string
		URL      string
		ActionID string `json:"action_id"`
		Text     struct{ Type, Text string }
	}
}

// openings are the sections of a message, with their buttons.
func openings(t *testing.T, body string) []opening {
	t.Helper()
	var m wired
	err := json.Unmarshal([]byte(body), &m)
	if err != nil {
		t.Fatal(err)
	}

	blocks := m.Blocks
	for _, a := range m.Attachments {
		blocks = append(blocks, a.Blocks...)
	}

	var found []opening
	for _, b := range blocks {
		if b["type"] != "section" {
			continue
		}

		raw, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}

		var o opening
		err = json.Unmarshal(raw, &o)
		if err != nil {
			t.Fatal(err)
		}

		found = append(found, o)
	}

	return found
}

// pressing shows items with a button to each.
var pressing = newCore(Look{Buttons: true}, nil, nil)

// C6: an app that answers clicks has a button beside the host that it leads to.
// Without it a message has a link, because the client would show a warning.
func TestOpenButton(t *testing.T) {
	item := domain.Item{Title: "Door", FormattedNumber: "WI-7", URL: "https://items.example/7", State: domain.Open}
	long := item
	long.Description = strings.Repeat("word ", 13_000)
	gone := item
	gone.Deleted = true
	nowhere := item
	nowhere.URL = ""

	for name, c := range map[string]struct {
		item        domain.Item
		says, label string
	}{
		"usual":      {item, "items.example", "Open"},
		"cut":        {long, "items.example", "Read the rest"},
		"deleted":    {gone, "", ""},
		"no address": {nowhere, "", ""},
	} {
		content := renderer().Render(c.item)
		if found := openings(t, wireOf(content)); len(found) != 0 {
			t.Errorf("%s: a message with a link has buttons: %+v", name, found)
		}

		found := openings(t, string(encode(created(pressing.compose(content)))))
		if c.label == "" {
			if len(found) != 0 {
				t.Errorf("%s: %+v", name, found)
			}
			continue
		}

		if len(found) != 1 {
			t.Errorf("%s: %d sections", name, len(found))
			continue
		}

		o := found[0]
		if o.Text.Type != "plain_text" || o.Text.Text != c.says {
			t.Errorf("%s: beside the button stands %+v, want %q", name, o.Text, c.says)
		}

		b := o.Accessory
		if b.Type != "button" || b.URL != item.URL || b.ActionID != "open" || b.Text.Type != "plain_text" || b.Text.Text != c.label {
			t.Errorf("%s: the button is %+v, want %q", name, b, c.label)
		}
	}
}

// A digest leads to all items in the same way.
func TestOpenButtonOfADigest(t *testing.T) {
	d := connector.Digest{New: 30, URL: "https://items.example/all", First: []connector.Content{renderer().Render(domain.Item{Title: "Door", URL: "https://items.example/7"})}}
	if found := openings(t, string(encode(created(linking.composeDigest(d))))); len(found) != 0 {
		t.Errorf("%+v", found)
	}

	found := openings(t, string(encode(created(pressing.composeDigest(d)))))
	if len(found) != 1 || found[0].Accessory.Text.Text != "All items" || found[0].Accessory.URL != d.URL || found[0].Text.Text != "items.example" {
		t.Errorf("%+v", found)
	}
}

// All ways to write a message have the button: a new one, an edit, a webhook's.
func TestOpenButtonEverywhere(t *testing.T) {
	content := renderer().Render(domain.Item{Title: "Door", URL: "https://items.example/7"})
	look := Look{Buttons: true}
	bot := func(client *outbound.Client) connector.Connector {
		return NewBot(BotConfig{BaseURL: "https://" + host + "/api", Token: token, Channel: "C0123456789", Look: look}, client, nil)
	}
	sent := connector.Sent{Remote: domain.Remote{ID: "1763892000.000100", Key: "C0123456789"}}

	for name, write := range map[string]func(client *outbound.Client) error{
		"new": func(client *outbound.Client) error {
			_, err := bot(client).Create(t.Context(), content, marker)
			return err
		},
		"edit": func(client *outbound.Client) error {
			_, err := bot(client).Update(t.Context(), sent, content, marker)
			return err
		},
		"webhook": func(client *outbound.Client) error {
			_, err := NewWebhook(WebhookConfig{URL: hook, Look: look}, client, nil).Create(t.Context(), content, marker)
			return err
		},
	} {
		f, client := start(t)
		f.answers(200, nil, `{"ok":true,"channel":"C0123456789","ts":"1763892000.000100"}`)
		if name == "webhook" {
			f.answers(200, nil, "ok")
		}

		err := write(client)
		calls := f.take()
		if err != nil || len(calls) != 1 {
			t.Errorf("%s: %v, %d calls", name, err, len(calls))
			continue
		}

		if found := openings(t, calls[0].body); len(found) != 1 || found[0].Accessory.URL != "https://items.example/7" {
			t.Errorf("%s: %+v", name, found)
		}
	}
}
