package conformance

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	fakeslack "example.com/integrations/local/providers/slack"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/domain"
)

// slackTexts are texts that try to be more than text in Slack, or that are as large
// as an item's can be.
var slackTexts = map[string]string{
	"mrkdwn":      "*now* ~later~ _a_ `b` > c\n\n<!channel> <!here|here> <!subteam^S1> <@U012AB3CD> <#C012AB3CD> <!date^1^{date}|x> <https://evil.example|bank.example>",
	"names":       "@here @channel @everyone #general :tada: :+1::skin-tone-2:",
	"links":       "[bank.example](https://evil.example/login) [https://bank.example](https://evil.example) ![https://bank.example/i.png](https://evil.example/i.png) <https://evil.example>",
	"json":        `{"type":"user","user_id":"U1"} "],"elements":[{"type":"broadcast","range":"channel"}]`,
	"nothing":     "\u200b \u2060",
	"empty parts": "```\n```\n\n> \n\n- \n- \n\n# \n\n| | |\n|-|-|\n| | |\n",
	"deep":        strings.Repeat("> ", 5) + strings.Repeat("- ", 12) + "x",
	"numbers":     "999999999. a\n\n     ```\n     x\n     ```\n1000000000. b\n\n0. c",
	"styles":      strings.Repeat("**a** *b* ~~c~~ `d` ", 3000),
	"rules":       strings.Repeat("x\n\n---\n\n", 8000),
	"lists":       strings.Repeat("- a\n    - b\n        1. c\n", 2500),
	"tables":      strings.Repeat("|a|b|\n|-|-|\n"+strings.Repeat("|x|y|\n", 30)+"\n\n", 300),
	"quotes":      strings.Repeat(`\"\\`, 16_000),
	"long":        strings.Repeat("word ", 13_000),
	"unbroken":    strings.Repeat("w", 64<<10),
	"emoji":       strings.Repeat("👩🏽‍🔧", 4000),
}

// slackWithButtons is a fake server of Slack with an app that answers clicks on
// buttons, and a bot that posts them.
func slackWithButtons(t *testing.T) chatStage {
	t.Helper()
	s, err := fakeslack.Open(fakeslack.Config{
		Dir: t.TempDir(), Interactive: true,
		Accounts: map[string]fakeslack.Account{slackToken: {Name: "sync", User: "U0SYNC0001", Bot: true, Scopes: []string{"chat:write", "channels:history"}}},
		Channels: []fakeslack.Channel{{ID: slackChannel, Name: "work"}},
	})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = s.Close() })

	return chatStage{slackButtonsKit, s.Chat, s.API(), slackChannel}
}

// A button needs an app that answers the click. Without one the fake server reports
// what people would see: a warning.
func TestAButtonNeedsAnApp(t *testing.T) {
	for _, s := range []chatStage{slackWithButtons(t), chatStages(t)[0]} {
		interactive := s.name == slackButtonsKit.name
		c := slackButtonsKit.open(connectortest.Serve(t, s.api, s.secrets...))
		item := domain.Item{ID: 7, Title: "Door", FormattedNumber: "WI-7", URL: "https://items.example/7"}
		_, err := c.Create(t.Context(), c.Render(item), connector.Marker{Integration: 77, Item: 7, Attempt: 1})
		if err != nil {
			t.Fatal(err)
		}

		if bad := s.stood.Violations(); interactive != (len(bad) == 0) {
			t.Errorf("interactive %t: %q", interactive, bad)
		}
	}
}

// C6: whatever is written in an item, Slack takes its messages and nothing in them
// is more than text. The fake server holds each against Slack's reference.
func TestSlackTakesHostileAndLargestItems(t *testing.T) {
	for _, s := range append(chatStages(t)[:2:2], slackWithButtons(t)) {
		t.Run(s.name, func(t *testing.T) {
			c := s.open(connectortest.Serve(t, s.api, s.secrets...)).(connector.Chat)
			var d connector.Digest
			n := 0
			for name, text := range slackTexts {
				for _, item := range largest(text) {
					n++
					item.ID = domain.Snowflake(1000 + n)
					tell(t, c, item, n)
					content := c.Render(item)
					content.Body = ""
					content.Blocks = nil
					if d.New++; len(d.First) < connector.DigestShows {
						d.First = append(d.First, content)
					}
				}

				if bad := s.stood.Violations(); len(bad) > 0 {
					t.Fatalf("%s: %q", name, bad[0])
				}
			}

			d.URL = "https://items.example/" + strings.Repeat("u", 1900)
			if _, err := c.Digest(t.Context(), d, connector.Marker{Integration: 77, Item: 5, Attempt: 1}); err != nil {
				t.Fatal(err)
			}

			if bad := s.stood.Violations(); len(bad) > 0 {
				t.Errorf("digest: %q", bad[0])
			}

			all := s.stood.Messages(s.channel)
			want := "All items on items.example"
			if s.name == slackButtonsKit.name {
				want = "items.example\nAll items"
			}

			if got := s.stood.Picture(all[len(all)-1]).String(); !strings.Contains(got, "and ") || !strings.Contains(got, want) {
				t.Errorf("digest: %s", got)
			}
		})
	}
}

// largest are a usual item and the largest one, with a text in every member that
// people write.
func largest(text string) []domain.Item {
	named := &domain.Named{Name: text[:min(len(text), 200)]}
	usual := domain.Item{
		OrganisationID: 5, ItemType: "work_item", FormattedNumber: "WI-1", Version: 1, Title: text[:min(len(text), 1000)], Description: text,
		State: domain.Open, Status: text[:min(len(text), 100)], Priority: text[:min(len(text), 100)], URL: "https://items.example/1", UpdatedAt: now,
		Type: named, Project: named, Milestone: named, Owner: named, UpdatedBy: named,
	}

	large := usual
	large.FormattedNumber = strings.Repeat("N", 100)
	large.URL = "https://" + strings.Repeat("h", 60) + ".example/" + strings.Repeat("|", 1900)
	for i := range 100 {
		large.Labels = append(large.Labels, fmt.Sprintf("%d %s", i, text[:min(len(text), 190)]))
	}

	return []domain.Item{usual, large}
}

// An edit leaves nothing of the message before it: neither text nor the bar.
func TestSlackEditsLeaveNothingBehind(t *testing.T) {
	s := chatStages(t)[0]
	c := s.open(connectortest.Serve(t, s.api, s.secrets...)).(connector.Chat)
	first := c.Render(domain.Item{ID: 7, FormattedNumber: "WI-7", Title: "Old", Description: "Old *text*.", URL: "https://items.example/7", State: domain.Open})
	made, err := c.Create(t.Context(), first, marker)
	if err != nil {
		t.Fatal(err)
	}

	bare := c.Render(domain.Item{ID: 7, FormattedNumber: "WI-7", Title: "New", State: domain.Closed, Status: "done"})
	bare.Previous = &connector.PreviousMessage{Title: first.Title, Text: connector.TextHash(first.Body), State: first.State}
	if _, err := c.Update(t.Context(), connector.Sent{Remote: made.Remote}, bare, marker); err != nil {
		t.Fatal(err)
	}

	m := s.stood.Messages(s.channel)[0]
	want := "WI-7 New\n✅ closed · done\nChanged: closed · status: none → done · title was “Old” · text changed"
	if got := s.stood.Picture(m).String(); got != want {
		t.Errorf("%s, want %s", got, want)
	}

	var wire map[string]json.RawMessage
	if err := json.Unmarshal(m.Wire, &wire); err != nil || wire["attachments"] != nil || wire["metadata"] == nil {
		t.Errorf("%s %v", m.Wire, err)
	}
}
