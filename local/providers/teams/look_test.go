package teams

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/integrations/local/providers/chat"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/teams"
	"example.com/integrations/shared/domain"
)

// A pair is a connector that posts to a fake server.
type pair struct {
	*Server
	*teams.Connector
	posted int
}

// connected has a pair for each payload. The schema of cards is applied where it
// is there.
func connected(t testing.TB, config teams.Config) map[string]*pair {
	t.Helper()
	pairs := map[string]*pair{}
	for _, flow := range []Flow{enveloped, bare} {
		server, err := Open(Config{Dir: t.TempDir(), SchemaPath: schemaPath(), Channels: []Channel{{ID: "work", Name: "Work"}}, Flows: []Flow{flow}})
		if err != nil {
			t.Fatal(err)
		}

		t.Cleanup(func() { _ = server.Close() })
		own := config
		own.URL = flow.URL(connectortest.Host)
		own.Card = flow.Payload == Card
		pairs[flow.ID] = &pair{Server: server, Connector: teams.New(own, connectortest.Serve(t, server.API()), nil)}
	}

	return pairs
}

// post has an item posted as new, as changed and as deleted, and summed up, and
// gives the messages. Each must be one that Teams shows.
func (p *pair) post(t testing.TB, item domain.Item, allItems string) []*chat.Message {
	t.Helper()
	changed := item
	changed.Title = item.Status + item.Title
	changed.Status = item.Priority
	changed.State = domain.Closed
	gone := item
	gone.Deleted = true

	before := p.Render(item)
	was := &connector.PreviousMessage{Title: before.Title, Text: "x", Labels: []string{"gone"}, State: domain.Open, Facts: domain.Facts{Status: "old", Owner: "Bob"}}
	digest := connector.Digest{New: 20, URL: allItems}
	for n, one := range []domain.Item{item, changed, gone} {
		content := p.Render(one)
		if n > 0 {
			content.Previous = was
		}

		_, err := p.Create(t.Context(), content, connector.Marker{Integration: 77, Item: 1, Attempt: n + 1, Tag: connectortest.Tag})
		if err != nil {
			t.Fatal(err)
		}

		content.Body = ""
		content.Blocks = nil
		content.Previous = nil
		for range 3 {
			digest.Add(content, time.Unix(int64(n), 0))
		}
	}

	if _, err := p.Digest(t.Context(), digest, connector.Marker{Integration: 77, Item: 2, Attempt: 1}); err != nil {
		t.Fatal(err)
	}

	all := p.Messages("work")[p.posted:]
	p.posted += len(all)
	if len(all) != 4 {
		t.Fatalf("%d messages", len(all))
	}

	for _, m := range all {
		if m.Failed != "" {
			t.Errorf("Teams does not show it: %s\n%s", m.Failed, m.Wire)
		}

		if m.Key == "" {
			t.Errorf("no marker is in %s", m.Wire)
		}
	}

	return all
}

// named is a person or a thing with a name.
func named(name string) *domain.Named { return &domain.Named{ID: 1, Name: name} }

// everywhere is an item with a text in each place where one can be.
func everywhere(text string) domain.Item {
	return domain.Item{
		ID: 1, FormattedNumber: text, Title: text, Description: text, URL: "https://items.example/1", Status: text, Priority: text, Labels: []string{text, "x" + text},
		State: domain.Open, Type: named(text), Project: named(text), Milestone: named(text), Owner: named(text), UpdatedBy: named(text), DueAt: time.Unix(1_800_000_000, 0),
	}
}

// hostileTexts would do something in a card, in Markdown or in Teams.
var hostileTexts = []string{
	"<at>maria</at> <AT id=\"1\">x</AT> </at", "[x](https://evil.example) ![x](https://evil.example/x.png)", "[https://bank.example](https://evil.example)",
	`\[x\](https://evil.example)`, "https://bank.example/login www.bank.example", "[www.bank.example](https://evil.example/www.bank.example)", "[a](https://evil.example \"t\") <https://evil.example>",
	"{{DATE(2026-01-01T00:00:00Z)}} {{TIME(2026-01-01T00:00:00Z)}} {{{DATE(2026-01-01T00:00:00Z, SHORT)}}} ${title} @{triggerBody()}",
	"**b** _i_ `c` ~~s~~ # h\n- l\n1. n\n> q", "```\n<at>x</at> {{DATE(2026-01-01T00:00:00Z)}}\n```", "`<at>x</at>`", "| <at>x</at> | [x](https://evil.example) |\n|-|-|\n| {{TIME(x)}} | y |",
	"<img src=https://evil.example/x.png> <a href=https://evil.example>bank</a> <script>x</script>", "\u202e\u0000\u2028\ufeff\u200b", "\"}],\"actions\":[{\"type\":\"Action.Submit\"", `\u0022 \" \\`,
	"mailto:a@evil.example [m](mailto:a@evil.example) [j](javascript:alert(1)) [t](tel:1) [f](file:///etc/passwd)", strings.Repeat("[x](https://evil.example/) ", 200), strings.Repeat("> ", 50) + "deep",
	strings.Repeat("- ", 50) + "deep", strings.Repeat("**a** _b_ `c` ", 300), "- \n- \n\n>\n\n```\n```\n\n|a|\n|-|",
}

// Item text is only text, wherever it stands and whatever it is.
func TestHostileItems(t *testing.T) {
	for _, config := range []teams.Config{{}, {TitleTemplate: "{{title}} {{url}}", BodyTemplate: "{{title}}\n\n{{description}}\n\n{{labels}}"}} {
		for name, p := range connected(t, config) {
			for _, text := range hostileTexts {
				for _, m := range p.post(t, everywhere(text), "https://items.example/all?<at>") {
					for _, b := range draw(m.Wire).All() {
						for _, s := range b.Spans {
							if strings.Contains(s.Text, "sync-") || strings.Contains(s.Text, connectortest.Tag) {
								t.Errorf("%s: machine text in sight: %q", name, s.Text)
							}
						}
					}
				}
			}

			if bad := p.Violations(); len(bad) > 0 {
				t.Errorf("%s: %q", name, bad)
			}
		}
	}
}

// The largest item that there can be gives a message that Teams shows.
func TestLargestItems(t *testing.T) {
	for _, config := range []teams.Config{{}, {TitleTemplate: "{{title}} {{description}}", BodyTemplate: "{{description}} {{labels}} {{url}}"}} {
		for name, p := range connected(t, config) {
			for _, unit := range []string{"x", "x ", `"`, `\`, "🦀", "安", "`a` ", "**b** ", "> q\n\n", "- i\n", "[l](https://a.example/) ", "|a|b|\n|-|-|\n|1|2|\n\n", "```\n\tc\n```\n"} {
				item := everywhere(strings.Repeat(unit, 1+1000/len(unit)))
				item.Title = cutTo(item.Title, 1000)
				item.Description = cutTo(strings.Repeat(unit, 1+(64<<10)/len(unit)), 64<<10)
				item.URL = "https://items.example/" + strings.Repeat("u", 1978)
				item.Labels = nil
				for n := range 100 {
					item.Labels = append(item.Labels, cutTo(strings.Repeat(unit, 200), 190)+fmt.Sprint(n))
				}

				shown := p.post(t, item, "https://items.example/"+strings.Repeat("a", 1978))
				for _, m := range shown[:3] {
					if text := draw(m.Wire).String(); !strings.Contains(text, "Open") {
						t.Errorf("%s %q: no way to open it: %s", name, unit, text)
					}
				}
			}

			if bad := p.Violations(); len(bad) > 0 {
				t.Errorf("%s: %q", name, bad)
			}
		}
	}
}

// cutTo is the beginning of a text, in bytes, without a broken character.
func cutTo(text string, max int) string { return strings.ToValidUTF8(text[:min(len(text), max)], "") }

// What an item's text can be is never more than text.
func FuzzItems(f *testing.F) {
	for _, text := range hostileTexts {
		f.Add(text)
	}

	pairs := connected(f, teams.Config{})
	f.Fuzz(func(t *testing.T, text string) {
		pairs[enveloped.ID].post(t, everywhere(text), "")
	})
}
