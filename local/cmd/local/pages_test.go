package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"example.com/integrations/local/environment"
	"example.com/integrations/local/environment/sample"
	"example.com/integrations/local/gallery"
	"example.com/integrations/local/providers/slack"
	"example.com/integrations/local/testkit"
	"example.com/integrations/shared/domain"
)

// specs is where the providers' descriptions lie, if they do.
var specs = filepath.Join("..", "..", "..", "..", "shared", "specs")

// The gallery shows eleven items at seven providers, and a reply and a digest at
// the three chats, in a light and a dark theme. Nothing about them is wrong.
func TestGallery(t *testing.T) {
	server := httptest.NewServer(gallery.Handler(columns(specs)))
	t.Cleanup(server.Close)
	for _, theme := range []string{"light", "dark"} {
		t.Run(theme, func(t *testing.T) {
			page := testkit.OpenPage(t, server.URL+"?theme="+theme, "gallery-"+theme)
			if n, want := page.Count("figure"), 11*7+2*3; n != want {
				t.Errorf("%d cards, want %d", n, want)
			}

			for _, alarm := range page.Alarms() {
				t.Errorf("an alarm: %s", alarm)
			}

			for _, want := range []string{
				"Microsoft Teams", "Doors close while somebody stands in them", "The sensor was replaced.", "<!subteam^S012AB3CD>",
				"Ada Lovelace", "2026-03-01", "status: planned → in review", "26 items: 26 new", "and 16 more",
			} {
				if !strings.Contains(page.Text(), want) {
					t.Errorf("nobody can read %q", want)
				}
			}

			page.Clean()
		})
	}
}

// A configuration with open: button gives a button, for an app that answers clicks.
func TestTheOpenButtonIsConfigured(t *testing.T) {
	integration := integration(sample.Slack)
	integration.Configuration = strings.Replace(integration.Configuration, "{", `{"open":"button",`, 1)
	answering := func(dir string) ([]gallery.Column, error) {
		s, err := slack.Open(slack.Config{
			Dir: dir, Interactive: true, Channels: []slack.Channel{{ID: sample.SlackChannel, Name: "work-items"}},
			Accounts: map[string]slack.Account{sample.Token(domain.Slack): {Name: sample.Login, User: "U0SAMPLE01", Bot: true, Scopes: []string{"chat:write"}}},
		})
		column := gallery.Column{Name: "Slack", Integration: integration, Chat: s, Hosts: []string{"slack.com"}, Channel: sample.SlackChannel}

		return []gallery.Column{column}, err
	}

	page := httptest.NewRecorder()
	gallery.Handler(answering).ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/", nil))

	if page.Code != http.StatusOK || !strings.Contains(page.Body.String(), ">Open</a>") || strings.Contains(page.Body.String(), "Open on ") {
		t.Errorf("%d: no button in %s", page.Code, page.Body)
	}

	if strings.Contains(page.Body.String(), "a warning where the app gives none") {
		t.Error("the fake server objects to the button")
	}
}

// What is posted to a chat's fake server is on its page as people see it, whatever
// is written in it.
func TestPagesOfChats(t *testing.T) {
	const hostile = `<img src=x onerror=alert(1)> <script>document.title='x'</script>`
	escaped := strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(hostile)
	long := strings.Repeat("unbroken", 100)
	for _, c := range []struct {
		name, where, token string
		open               func(environment.ProviderOptions) (environment.FakeServer, error)
		bodies             []string
		want               []string
	}{
		{"slack", "/api/chat.postMessage", "Bearer " + sample.Token(domain.Slack), openSlack, []string{
			`{"channel":"C0WORKITEM","text":"fallback","blocks":[{"type":"header","text":{"type":"plain_text","text":"A heading"}},{"type":"section","text":{"type":"mrkdwn","text":"*bold* and <https://items.example/1|a link>"}},{"type":"context","elements":[{"type":"mrkdwn","text":"small"}]}]}`,
			`{"channel":"C0WORKITEM","text":"` + escaped + `"}`, `{"channel":"C0WORKITEM","text":"` + long + `"}`,
		}, []string{"A heading", "bold and a link", "small", hostile, "#work-items"}},
		{"discord", "/api/v10/channels/" + sample.DiscordPosts + "/messages", "Bot " + sample.Token(domain.Discord), openDiscord, []string{
			`{"content":"above it","embeds":[{"title":"A heading","url":"https://items.example/1","description":"**bold** and\n- a list","color":2991178,"footer":{"text":"small"}}],"allowed_mentions":{"parse":[]}}`,
			`{"content":"` + hostile + `","allowed_mentions":{"parse":[]}}`, `{"content":"` + long + `","allowed_mentions":{"parse":[]}}`,
		}, []string{"above it", "A heading", "bold and", "• a list", "small", hostile, "#work-items"}},
		{"teams", strings.TrimPrefix(sample.TeamsURL(), "https://"+sample.TeamsHost), "", openTeams, []string{
			teamsCard(`{"type":"TextBlock","text":"A heading","weight":"bolder"},{"type":"FactSet","facts":[{"title":"State","value":"open"}]}`),
			teamsCard(`{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"` + hostile + `"}]}`), teamsCard(`{"type":"RichTextBlock","inlines":["` + long + `"]}`),
		}, []string{"A heading", "State", "open", hostile, "Work items"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			opened, err := c.open(environment.ProviderOptions{Dir: t.TempDir(), Specs: specs})
			if err != nil {
				t.Fatal(err)
			}

			api := httptest.NewServer(opened.API())
			plain := httptest.NewServer(opened.Plain())
			t.Cleanup(func() { api.Close(); plain.Close(); _ = opened.Close() })
			for _, body := range c.bodies {
				request, _ := http.NewRequest(http.MethodPost, api.URL+c.where, strings.NewReader(body))
				request.Header = http.Header{"Authorization": {c.token}, "Content-Type": {"application/json; charset=utf-8"}, "User-Agent": {"DiscordBot (integrations, 1.0)"}}
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					t.Fatal(err)
				}

				_ = response.Body.Close()
				if response.StatusCode >= 300 {
					t.Fatalf("%s: %d", body, response.StatusCode)
				}
			}

			page := testkit.OpenPage(t, plain.URL, c.name)
			if n := page.Count("article"); n != len(c.bodies) || len(page.Alarms()) > 0 {
				t.Errorf("%d messages are shown, %q", n, page.Alarms())
			}

			for _, want := range c.want {
				if !strings.Contains(page.Text(), want) {
					t.Errorf("nobody can read %q in %s", want, page.Text())
				}
			}

			page.Clean()
		})
	}
}

func teamsCard(body string) string {
	return fmt.Sprintf(`{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,"content":{"type":"AdaptiveCard","version":"1.4","body":[%s]}}]}`, body)
}
