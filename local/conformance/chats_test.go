package conformance

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/discord"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/connector/slack"
	"example.com/integrations/shared/connector/teams"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

var (
	slackToken = secret("xo", "xb-", strings.Repeat("1", 12), "-", strings.Repeat("s", 24))
	slackHook  = secret("https://"+host, "/services/T0/B0/", strings.Repeat("S", 24))
	discordBot = secret(strings.Repeat("M", 24), ".", strings.Repeat("a", 6), ".", strings.Repeat("b", 27))
	// discordHook is a webhook's token, and discordURL where it is.
	discordHook = strings.Repeat("h", 68)
	discordURL  = "https://" + host + "/api/webhooks/2000000000000000001/" + discordHook
	teamsSig    = strings.Repeat("t", 43)
	teamsURL    = "https://" + host + "/powerautomate/automations/direct/workflows/flow1/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=" + teamsSig
)

const (
	slackChannel   = "C0WORK00001"
	discordChannel = "1000000000000000001"
)

// Why a message is never found, or edited, where it is so.
const (
	webhookFinds = "with the URL alone messages cannot be listed: the result of a post without an answer is never known"
	noID         = "the answer tells no message's id, and without one nothing is edited"
)

func clock() time.Time { return now }

var slackKit = kit{
	name: "slack", secrets: []string{slackToken},
	open: func(client *outbound.Client) connector.Connector {
		return slack.NewBot(slack.BotConfig{BaseURL: "https://" + host + "/api", Token: slackToken, Channel: slackChannel, Look: slack.Look{DigestOver: 20}}, client, clock)
	},
	sent: connector.Sent{Remote: domain.Remote{ID: "1763892000.000100", Key: slackChannel, State: domain.Open}, State: domain.Open},
	history: func(n int, page func()) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			page()
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
			limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
			var out strings.Builder
			to := min(from+limit, n)
			for i := from; i < to; i++ {
				key := fmt.Sprintf("77/%d/1", 10_000+i)
				if i == n-1 {
					key = marker.Text()
				}
				fmt.Fprintf(&out, `{"ts":"%d.000100","text":%q,"metadata":{"event_type":"integrations_item","event_payload":{"key":%q}}},`, now.Unix()-int64(i), strings.Repeat("x", textSize), key)
			}

			next := ""
			if to < n {
				next = strconv.Itoa(to)
			}

			fmt.Fprintf(w, `{"ok":true,"messages":[%s],"has_more":%v,"response_metadata":{"next_cursor":%q}}`, strings.TrimSuffix(out.String(), ","), next != "", next)
		})
	},
}

var slackWebhookKit = kit{
	name: "slack_webhook", secrets: []string{slackHook},
	open: func(client *outbound.Client) connector.Connector {
		return slack.NewWebhook(slack.WebhookConfig{URL: slackHook, Look: slack.Look{DigestOver: 20}}, client, clock)
	},
	cannot: map[string]string{"update": noID, "reconcile": webhookFinds},
}

// slackButtonsKit is a bot whose app answers clicks on buttons.
var slackButtonsKit = func() kit {
	k := slackKit
	k.name = "slack_buttons"
	k.open = func(client *outbound.Client) connector.Connector {
		return slack.NewBot(slack.BotConfig{
			BaseURL: "https://" + host + "/api", Token: slackToken, Channel: slackChannel, Look: slack.Look{DigestOver: 20, Buttons: true},
		}, client, clock)
	}

	return k
}()

// banned says why a header does not report all of Discord's limits.
const banned = "a refusal that is not Discord's own is a ban of the address we come from, and lasts"

var discordKit = kit{
	name: "discord", secrets: []string{discordBot}, waits: map[int]string{429: banned},
	open: func(client *outbound.Client) connector.Connector {
		return discord.NewBot(discord.BotConfig{BaseURL: "https://" + host + "/api/v10", Token: discordBot, Channel: discordChannel, Look: discord.Look{DigestOver: 20}}, client, clock)
	},
	sent: connector.Sent{Remote: domain.Remote{ID: "4000000000000000001", Key: discordChannel, State: domain.Open}, State: domain.Open},
	history: func(n int, page func()) http.Handler {
		first := uint64(now.Add(-time.Hour).UnixMilli()-1_420_070_400_000)<<22 + 1
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			page()
			w.Header().Set("Content-Type", "application/json")
			after, _ := strconv.ParseUint(r.URL.Query().Get("after"), 10, 64)
			limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
			from := 0
			if after >= first {
				from = int(after-first) + 1
			}

			var out strings.Builder
			for i := min(from+limit, n) - 1; i >= from; i-- {
				made := connector.Marker{Integration: 77, Item: domain.Snowflake(10_000 + i), Attempt: 1}
				if i == 0 {
					made = marker
				}
				fmt.Fprintf(&out, `{"id":"%d","channel_id":%q,"embeds":[{"description":%q,"footer":{"text":"Integrations · %s"}}]},`, first+uint64(i), discordChannel, strings.Repeat("x", textSize), message.Code(made))
			}

			fmt.Fprint(w, "["+strings.TrimSuffix(out.String(), ",")+"]")
		})
	},
}

var discordWebhookKit = kit{
	name: "discord_webhook", secrets: []string{discordURL, discordHook}, waits: map[int]string{429: banned},
	open: func(client *outbound.Client) connector.Connector {
		return discord.NewWebhook(discord.WebhookConfig{URL: discordURL, Look: discord.Look{DigestOver: 20}}, client, clock)
	},
	sent:   discordKit.sent,
	cannot: map[string]string{"reconcile": webhookFinds},
}

var teamsKit = kit{
	name: "teams", secrets: []string{teamsURL, teamsSig},
	open: func(client *outbound.Client) connector.Connector {
		return teams.New(teams.Config{URL: teamsURL, DigestOver: 20}, client, clock)
	},
	proven: map[string]string{"empty": "a workflow that answers by itself says 200 and nothing: it was started, which is all that is ever known"},
	cannot: map[string]string{"update": noID, "reconcile": webhookFinds},
}

// A chat has a delivery mode, can be checked, and is not pulled.
func TestChatsAreChats(t *testing.T) {
	everyKit(t, func(t *testing.T, k kit) {
		_, c := stage(t, k, nil)
		chat, is := c.(connector.Chat)
		if !is {
			return
		}

		_, finds := c.(connector.Finder)
		_, pulls := c.(connector.Puller)
		_, checks := c.(connector.Checker)
		if m := chat.DeliveryMode(); m.DigestOver != 20 || pulls || !checks {
			t.Errorf("%+v, pulls %v, checks %v", m, pulls, checks)
		}

		t.Logf("edits %v, finds %v", chat.DeliveryMode().Edits, finds)
	})
}
