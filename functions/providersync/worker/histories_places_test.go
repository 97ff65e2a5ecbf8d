package worker

import (
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	standchat "example.com/integrations/local/providers/chat"
	standdiscord "example.com/integrations/local/providers/discord"
	standjira "example.com/integrations/local/providers/jira"
	standslack "example.com/integrations/local/providers/slack"
	standteams "example.com/integrations/local/providers/teams"
	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/discord"
	"example.com/integrations/shared/connector/jira"
	"example.com/integrations/shared/connector/slack"
	"example.com/integrations/shared/connector/teams"
	"example.com/integrations/shared/outbound"
)

// A reply is an answer that is given in a provider's place.
type reply struct {
	name   string
	status int
	media  string
	body   string
	// words must stand in the reason of the item that was refused.
	words string
}

func (a reply) write(w http.ResponseWriter) {
	w.Header()["Content-Type"] = nil
	if a.media != "" {
		w.Header().Set("Content-Type", a.media)
	}

	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

const jsonMedia = "application/json"

// aboutOneItem are the refusals of a write that say nothing about the
// integration as a whole: those of the issue, and the provider's own. No row of
// a provider's table of refusals that count at once fits one of them.
func (p place) aboutOneItem() []reply {
	all := []reply{
		{"HTML 403", 403, "text/html; charset=UTF-8", "<!DOCTYPE html><title>Attention Required!</title><p>You have been blocked", `403 text/html "Attention Required!"`},
		{"HTML 406", 406, "text/html", "<html><head><title>Not Acceptable!</title></head></html>", `406 text/html "Not Acceptable!"`},
		p.object,
		{"422 without a body", 422, "", "", "422 without a body"},
		{"400 with a string", 400, jsonMedia, `"The text is not possible"`, "The text is not possible"},
	}
	if p.own.name != "" {
		all = append(all, p.own)
	}

	return all
}

// A place is one way to a provider: a fake server, and the connector to it.
type place struct {
	name string
	chat bool
	// kinds are the writes that the connector makes. Where an object's state has
	// no call of its own, "close" is the same call as "update" with other content.
	kinds []string
	// object is a 403 about one object in the provider's own form, and own another
	// refusal of one item that only this provider has.
	object, own reply
	// atOnce is a refusal of a create that concerns everything, and means its code.
	atOnce reply
	means  string
	// twice says why a refused write is sent once more in another form.
	twice string
	open  func(t *testing.T, now func() time.Time) standing
}

// A standing is a fake server that is up.
type standing struct {
	handler    http.Handler
	secrets    []string
	connect    func(client *outbound.Client) connector.Connector
	violations func() []string
	// messages are what a chat shows; nil for a tracker, whose issues are listed
	// by the connector.
	messages func() []string
}

// ofTracker is a standing of one of the four trackers.
func ofTracker(name string) func(*testing.T, func() time.Time) standing {
	return func(t *testing.T, now func() time.Time) standing {
		tr := trackers(t, now)[name]()

		return standing{handler: tr.handler, secrets: []string{trackerToken}, violations: tr.violations,
			connect: func(client *outbound.Client) connector.Connector { return tr.open(client, base, tr.spellings[0], now) }}
	}
}

// onJiraCloud is a standing of Jira Cloud.
func onJiraCloud(t *testing.T, now func() time.Time) standing {
	const account = "bot@acme.test"
	s, err := standjira.Open(standjira.Config{Flavor: standjira.Cloud, Dir: t.TempDir(), Now: now, BaseURL: base,
		Accounts: map[string]standjira.Account{trackerToken: {Name: "sync-bot", Email: account, Admin: true}},
		Projects: []standjira.Project{{Key: "WORK", Name: "Work"}}})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = s.Close() })

	return standing{handler: s.API(), secrets: []string{trackerToken}, violations: s.Violations, connect: func(client *outbound.Client) connector.Connector {
		return jira.New(jira.Config{Flavor: form.Cloud, BaseURL: base, Email: account, Token: trackerToken, ProjectKey: "WORK", IssueType: "Task", Labels: true}, client, now)
	}}
}

// What the chats' fake servers have.
const (
	chatToken      = "a-bot-token-of-the-test"
	hookSecret     = "a-hook-secret-of-the-test"
	slackChannel   = "C0WORK00001"
	discordChannel = "1000000000000000001"
	discordHook    = "2000000000000000001"
	teamsChannel   = "work"
)

// ofChat is a standing of a chat.
func ofChat(t *testing.T, c *standchat.Chat, api http.Handler, channel string) standing {
	t.Cleanup(func() { _ = c.Close() })

	return standing{handler: api, secrets: []string{chatToken, hookSecret}, violations: c.Violations, messages: func() (shown []string) {
		for _, m := range c.Messages(channel) {
			shown = append(shown, string(m.Wire))
		}
		return shown
	}}
}

// onSlack is a standing of Slack, for a bot or for a webhook.
func onSlack(hook bool) func(*testing.T, func() time.Time) standing {
	return func(t *testing.T, now func() time.Time) standing {
		path := "T0/B0/" + hookSecret
		s, err := standslack.Open(standslack.Config{Dir: t.TempDir(), Now: now,
			Accounts: map[string]standslack.Account{chatToken: {Name: "sync", User: "U0SYNC0001", Bot: true, Scopes: []string{"chat:write", "channels:history", "channels:read"}}},
			Channels: []standslack.Channel{{ID: slackChannel, Name: "work"}},
			Hooks:    []standslack.Hook{{Path: path, Channel: slackChannel, App: "sync"}}})
		if err != nil {
			t.Fatal(err)
		}

		up := ofChat(t, s.Chat, s.API(), slackChannel)
		up.connect = func(client *outbound.Client) connector.Connector {
			return slack.NewBot(slack.BotConfig{BaseURL: base + "/api", Token: chatToken, Channel: slackChannel, Look: slack.Look{DigestOver: digestOver}}, client, now)
		}
		if hook {
			up.connect = func(client *outbound.Client) connector.Connector {
				return slack.NewWebhook(slack.WebhookConfig{URL: base + "/services/" + path, Look: slack.Look{DigestOver: digestOver}}, client, now)
			}
		}

		return up
	}
}

// onDiscord is a standing of Discord, for a bot or for a webhook.
func onDiscord(hook bool) func(*testing.T, func() time.Time) standing {
	return func(t *testing.T, now func() time.Time) standing {
		s, err := standdiscord.Open(standdiscord.Config{Dir: t.TempDir(), Now: now,
			Accounts: map[string]standdiscord.Account{chatToken: {ID: "3000000000000000001", Name: "sync", Bot: true}},
			Channels: []standdiscord.Channel{{ID: discordChannel, Name: "work"}},
			Webhooks: []standdiscord.Webhook{{ID: discordHook, Token: hookSecret, Channel: discordChannel, Name: "sync"}}})
		if err != nil {
			t.Fatal(err)
		}

		up := ofChat(t, s.Chat, s.API(), discordChannel)
		up.connect = func(client *outbound.Client) connector.Connector {
			return discord.NewBot(discord.BotConfig{BaseURL: base + "/api/v10", Token: chatToken, Channel: discordChannel, Look: discord.Look{DigestOver: digestOver}}, client, now)
		}
		if hook {
			up.connect = func(client *outbound.Client) connector.Connector {
				return discord.NewWebhook(discord.WebhookConfig{URL: base + "/api/webhooks/" + discordHook + "/" + hookSecret, Look: discord.Look{DigestOver: digestOver}}, client, now)
			}
		}

		return up
	}
}

// onTeams is a standing of a workflow that posts into Teams.
func onTeams(t *testing.T, now func() time.Time) standing {
	flow := standteams.Flow{ID: "flow1", Sig: hookSecret, Channel: teamsChannel}
	s, err := standteams.Open(standteams.Config{Dir: t.TempDir(), Now: now, Channels: []standteams.Channel{{ID: teamsChannel, Name: "Work"}}, Flows: []standteams.Flow{flow}})
	if err != nil {
		t.Fatal(err)
	}

	up := ofChat(t, s.Chat, s.API(), teamsChannel)
	up.connect = func(client *outbound.Client) connector.Connector {
		return teams.New(teams.Config{URL: flow.URL(connectortest.Host), DigestOver: digestOver}, client, now)
	}

	return up
}

// places are the ways to the seven providers. A webhook of Slack and a workflow
// of Teams only post.
func places() []place {
	tracker := []string{"create", "update", "close"}
	return []place{
		{name: "github", kinds: tracker, open: ofTracker("github"),
			object: object403(`{"message":"Issue is locked for the caller","documentation_url":"https://docs.github.com/rest","status":"403"}`, "Issue is locked for the caller"),
			atOnce: json403(`{"message":"Resource not accessible by personal access token","status":"403"}`), means: "forbidden"},
		{name: "gitlab", kinds: tracker, open: ofTracker("gitlab"),
			object: object403(`{"message":"403 Forbidden"}`, "403 Forbidden"),
			atOnce: json403(`{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token."}`), means: "forbidden"},
		{name: "jira", kinds: append(tracker, "reopen"), open: onJiraCloud,
			object: object403(`{"errorMessages":["The workflow does not let you change this issue."],"errors":{}}`, "The workflow does not let you change this issue."),
			atOnce: reply{"400 without the project", 400, jsonMedia, `{"errorMessages":[],"errors":{"project":"valid project is required"}}`, ""}, means: "target_not_found"},
		{name: "jira_datacenter", kinds: append(tracker, "reopen"), open: ofTracker("jira"),
			twice:  "an edit without mail to the watchers that is refused with 403 is sent once with it",
			object: object403(`{"errorMessages":["The workflow does not let you change this issue."],"errors":{}}`, "The workflow does not let you change this issue."),
			atOnce: reply{"400 without the project", 400, jsonMedia, `{"errorMessages":[],"errors":{"project":"valid project is required"}}`, ""}, means: "target_not_found"},
		{name: "mantisbt", kinds: tracker, open: ofTracker("mantisbt"),
			object: object403(`{"message":"Access denied for user updater. Reason: Not allowed to update note 4."}`, "Not allowed to update note 4"),
			atOnce: json403(`{"message":"User does not have access right to report issues","code":13,"localized":"Access Denied."}`), means: "forbidden"},
		{name: "discord", kinds: tracker, chat: true, open: onDiscord(false),
			object: object403(`{"message":"Explicit content cannot be sent to the desired recipient(s)","code":20009}`, "Explicit content"),
			atOnce: json403(`{"message":"Missing Permissions","code":50013}`), means: "forbidden"},
		{name: "discord_webhook", kinds: tracker, chat: true, open: onDiscord(true),
			object: object403(`{"message":"Explicit content cannot be sent to the desired recipient(s)","code":20009}`, "Explicit content"),
			atOnce: reply{"unknown webhook", 404, jsonMedia, `{"message":"Unknown Webhook","code":10015}`, ""}, means: "target_not_found"},
		{name: "slack", kinds: tracker, chat: true, open: onSlack(false),
			object: object403(`{"ok":false,"error":"message_refused"}`, "message_refused"),
			own:    reply{"200 with an error", 200, jsonMedia, `{"ok":false,"error":"msg_too_long"}`, "msg_too_long"},
			atOnce: reply{"missing scope", 200, jsonMedia, `{"ok":false,"error":"missing_scope","needed":"chat:write"}`, ""}, means: "forbidden"},
		{name: "slack_webhook", kinds: []string{"create"}, chat: true, open: onSlack(true),
			object: object403(`{"ok":false,"error":"message_refused"}`, "message_refused"),
			own:    reply{"400 with a word", 400, "text/plain", "invalid_blocks", "invalid_blocks"},
			atOnce: reply{"prohibited", 403, "text/plain", "action_prohibited", ""}, means: "forbidden"},
		{name: "teams", kinds: []string{"create"}, chat: true, open: onTeams,
			object: object403(`{"error":{"code":"RunDenied","message":"The run was denied by a data policy."}}`, "denied by a data policy"),
			atOnce: json403(`{"error":{"code":"DirectApiAuthorizationRequired","message":"The caller is not authorized."}}`), means: "forbidden"},
	}
}

// foreign401 is a page of a server before the provider that wants a login of its
// own. Without a challenge it says nothing of the provider's token.
var foreign401 = reply{"HTML 401", 401, "text/html", "<title>Authorization Required</title>", `401 text/html "Authorization Required"`}

// object403 is a 403 about one object, and json403 another one.
func object403(body, words string) reply {
	return reply{"JSON 403 about the object", 403, jsonMedia, body, words}
}

func json403(body string) reply { return reply{"JSON 403 about everything", 403, jsonMedia, body, ""} }

// transitions reports whether an issue's state has a call of its own.
func (p place) transitions() bool { return slices.Contains(p.kinds, "reopen") }
