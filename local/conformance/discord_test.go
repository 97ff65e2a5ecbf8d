package conformance

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/domain"
)

// hostileTexts are texts that mean something to Discord, or that are longer than
// anything in it may be.
func hostileTexts() []string {
	invite := "discord" + ".gg/abc"
	texts := []string{
		"@everyone @here <@123456789012345678> <@!123456789012345678> <@&123456789012345678> <#123456789012345678>",
		"</close:123456789012345678> <t:1700000000:R> <a:x:123456789012345678> <:x:123456789012345678> <id:customize>",
		`\@everyone \<@123456789012345678> @` + "\u200b" + `everyone`,
		"https://evil.example/x_y <https://evil.example> HTTPS://EVIL.example https:/\\evil.example " + invite + " https://" + invite + " discord.com/invite/abc",
		"[https://good.example](https://evil.example) [x](<https://evil.example>) ![x](https://evil.example/i.png)",
		`[x\](https://evil.example) \[x](https://evil.example) [x](https://evil.example "title")`,
		"** __ ~~ || ` ``` *** **~~**~~ \\ # > - 1. -# x",
		"```\n@everyone\n``` ``` @everyone",
		"line\nline\r\n> quote\n# head\n-# small\n\x00\u202e\u2028",
		"Open evil.example — closed · status: none → done",
		"**2 items: 2 new**",
		"Integrations · aaaaaaaaaaaaaaaa",
	}
	for _, unit := range []string{"x", "@", "*", "🟢", "://", "`", "[", "\\", "| ", "e\u0301\u0302"} {
		texts = append(texts, strings.Repeat(unit, 1000/len([]rune(unit))))
	}

	return texts
}

// hostile is an item in which each text is the same one.
func hostile(n int, text string) domain.Item {
	named := &domain.Named{Name: text}
	item := domain.Item{
		ID: domain.Snowflake(1000 + n), FormattedNumber: text, Title: text, Status: text, Priority: text, State: domain.Open, URL: "https://items.example/" + fmt.Sprint(n),
		Type: named, Project: named, Milestone: named, Owner: named, UpdatedBy: named,
		Description: strings.Repeat(text+"\n\n| a | "+text+" |\n|-|-|\n| "+text+" | b |\n\n", 40),
	}
	for i := range 100 {
		item.Labels = append(item.Labels, fmt.Sprint(i, text))
	}

	return item
}

// C7, C9: whatever stands in an item, each message that Discord gets of it is
// valid, has a text, notifies no user, hides no address and shows nothing for machines.
func TestHostileItemsInDiscord(t *testing.T) {
	for _, s := range chatStages(t) {
		if s.name != "discord" && s.name != "discord_webhook" {
			continue
		}

		t.Run(s.name, func(t *testing.T) {
			c := s.open(connectortest.Serve(t, s.api, s.secrets...)).(connector.Chat)
			digest := connector.Digest{URL: "https://items.example/all"}
			for n, text := range hostileTexts() {
				item := hostile(n, text)
				tell(t, c, item, n)

				line := c.Render(item)
				line.Body = ""
				digest.New++
				digest.First = []connector.Content{line, line, line, line, line, line, line, line, line, line}
				m := connector.Marker{Integration: 77, Item: domain.Snowflake(5000 + n), Attempt: 1, Tag: connectortest.Tag}
				if _, err := c.Digest(t.Context(), digest, m); err != nil {
					t.Fatalf("%.40q: %v", text, err)
				}
			}

			bad := s.stood.Violations()
			for _, what := range bad[:min(len(bad), 10)] {
				t.Errorf("%.300s", what)
			}
		})
	}
}

// C7: the title of an item is in the text of each message, whether it is new,
// changed or deleted; the embed does not repeat it.
func TestTheTextSaysWhichItemItIs(t *testing.T) {
	for _, s := range chatStages(t) {
		if s.name != "discord" && s.name != "discord_webhook" {
			continue
		}

		t.Run(s.name, func(t *testing.T) {
			c := s.open(connectortest.Serve(t, s.api, s.secrets...)).(connector.Chat)
			item := domain.Item{ID: 9, FormattedNumber: "WI-9", Title: "Site is down", Status: "in review", State: domain.Open, URL: "https://items.example/9"}
			tell(t, c, item, 1)

			all := s.stood.Messages(s.channel)
			var shown struct {
				Content string
				Embeds  []json.RawMessage
			}
			if err := json.Unmarshal(all[len(all)-1].Wire, &shown); err != nil {
				t.Fatal(err)
			}

			// tell swaps title and text, of which there is none: the number stays.
			if shown.Content != "🗑️ ~~**WI-9**~~\ndeleted · in review" || len(shown.Embeds) != 1 || strings.Contains(string(shown.Embeds[0]), "Site is down") {
				t.Errorf("%q %s", shown.Content, shown.Embeds)
			}
		})
	}
}
