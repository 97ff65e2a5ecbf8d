package address

import (
	"strings"
	"testing"

	"example.com/integrations/shared/domain"
)

const (
	cloudID = "11111111-2222-3333-4444-55555555aaaa"
	flow    = "https://default0a1b2c.0f.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/abc123/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig="
	logic   = "https://prod-12.westeurope.logic.azure.com:443/workflows/abc123/triggers/manual/paths/invoke?api-version=2016-06-01&sig="
)

// These are put together here, so that no scanner takes them for real ones.
var (
	discordHook = "https://discord.com/api/webhooks/" + strings.Repeat("1", 18) + "/" + strings.Repeat("x", 68)
	slackHook   = "https://hooks.slack.com/serv" + "ices/T00000000/B00000000/" + strings.Repeat("x", 24)
)

type judge func(string) (URL, error)

func TestProvidersAccept(t *testing.T) {
	for _, c := range []struct {
		judge judge
		text  string
		want  string
	}{
		{GitHub, "https://api.github.com/", "https://api.github.com"},
		{GitHub, "https://GHE.example.com/api/v3/", "https://ghe.example.com/api/v3"},
		{GitHub, "https://ghe.example.com:8443", "https://ghe.example.com:8443"},
		{GitHub, "https://api.octocorp.ghe.com", "https://api.octocorp.ghe.com"},
		{GitLab, "https://GitLab.com/", "https://gitlab.com"},
		{GitLab, "https://gitlab.com/api/v4", "https://gitlab.com"},
		{GitLab, "https://git.example.com/gitlab", "https://git.example.com/gitlab"},
		{MantisBT, "https://bugs.example.com/mantis", "https://bugs.example.com/mantis"},
		{JiraCloud, "https://My-Site.atlassian.net/", "https://my-site.atlassian.net"},
		{JiraCloud, "https://api.atlassian.com/ex/jira/" + cloudID, "https://api.atlassian.com/ex/jira/" + cloudID},
		{JiraDatacenter, "https://jira.example.com:8443/jira", "https://jira.example.com:8443/jira"},
		{JiraDatacenter, "https://atlassian.net.example.com", "https://atlassian.net.example.com"},
		{DiscordWebhook, discordHook, discordHook},
		{DiscordWebhook, strings.Replace(discordHook, "discord.com/api", "ptb.discord.com/api/v10", 1), ""},
		{DiscordWebhook, strings.Replace(discordHook, "discord.com", "canary.discordapp.com", 1), ""},
		{DiscordWebhook, strings.Replace(discordHook, "discord.com", "DiscordApp.com:443", 1), ""},
		{SlackWebhook, slackHook, slackHook},
		{SlackWebhook, strings.Replace(slackHook, "slack.com", "slack-gov.com", 1), ""},
		{TeamsWorkflow, flow + "abc-_d", ""},
		{TeamsWorkflow, logic + "abc-_d", ""},
	} {
		u, err := c.judge(c.text)
		if err != nil || c.want != "" && u.String() != c.want {
			t.Errorf("%q: %q, %v", c.text, u, err)
		}
	}
}

func TestProvidersRefuse(t *testing.T) {
	for _, c := range []struct {
		judge judge
		text  string
		why   string
	}{
		{GitHub, "https://github.com", "left out"},
		{GitHub, "https://www.github.com/octo", "left out"},
		{GitHub, "https://uploads.github.com", "left out"},
		{GitHub, "https://api.github.com/api/v3", "no path"},
		{GitHub, "https://api.github.com:8443", "no port"},
		{GitHub, "https://octocorp.ghe.com", "SUBDOMAIN"},
		{GitHub, "https://api.a.b.ghe.com", "SUBDOMAIN"},
		{GitHub, "https://api.octocorp.ghe.com/api/v3", "no path"},
		{GitHub, "http://ghe.example.com", "https://"},
		{GitLab, "https://gitlab.com/group", "no path"},
		{GitLab, "https://gitlab.com:8443", "no port"},
		{GitLab, "https://www.gitlab.com", "GitLab.com"},
		{GitLab, "https://gitlab.com@evil.com", "user name"},
		{JiraCloud, "https://x.atlassian.net.evil.com", "SITE"},
		{JiraCloud, "https://xatlassian.net", "SITE"},
		{JiraCloud, "https://atlassian.net", "SITE"},
		{JiraCloud, "https://a.b.atlassian.net", "SITE"},
		{JiraCloud, "https://x.atlassian.net.", "dot"},
		{JiraCloud, "https://x.atlassian.net:8443", "SITE"},
		{JiraCloud, "https://x.atlassian.net/jira", "SITE"},
		{JiraCloud, "https://x.atlassian.net@evil.com", "user name"},
		{JiraCloud, "https://evil.com/x.atlassian.net", "SITE"},
		{JiraCloud, "https://evil.com?x.atlassian.net", "query"},
		{JiraCloud, "https://x.аtlassian.net", "ASCII"},
		{JiraCloud, "https://xn--tlassian-2nf.net", "SITE"},
		{JiraCloud, "https://api.atlassian.com", "SITE"},
		{JiraCloud, "https://api.atlassian.com/ex/jira/", "SITE"},
		{JiraCloud, "https://api.atlassian.com/ex/jira/" + cloudID + "/x", "SITE"},
		{JiraCloud, "https://api.atlassian.com/ex/confluence/" + cloudID, "SITE"},
		{JiraCloud, "https://api.atlassian.com.evil.com/ex/jira/" + cloudID, "SITE"},
		{JiraDatacenter, "https://x.atlassian.net", "flavor"},
		{JiraDatacenter, "https://api.atlassian.com/ex/jira/" + cloudID, "flavor"},
		{DiscordWebhook, strings.Replace(discordHook, "discord.com", "discord.com.evil.com", 1), "host"},
		{DiscordWebhook, strings.Replace(discordHook, "discord.com", "evil-discord.com", 1), "host"},
		{DiscordWebhook, strings.Replace(discordHook, "discord.com", "cdn.discord.com", 1), "host"},
		{DiscordWebhook, strings.Replace(discordHook, "discord.com", "discord.com:8443", 1), "host"},
		{DiscordWebhook, strings.Replace(discordHook, "discord.com", "discord.com.", 1), "dot"},
		{DiscordWebhook, strings.Replace(discordHook, "discord.com", "discord.com@evil.com", 1), "user name"},
		{DiscordWebhook, strings.Replace(discordHook, "https", "http", 1), "https://"},
		{DiscordWebhook, discordHook + "?wait=true", "thread_id"},
		{DiscordWebhook, discordHook + "/slack", "whole"},
		{DiscordWebhook, discordHook + "/", "path"},
		{DiscordWebhook, discordHook + "/../../x", "path"},
		{DiscordWebhook, "https://discord.com/api/webhooks/123/x", "whole"},
		{DiscordWebhook, "https://discord.com/evil?/api/webhooks/1/x", "thread_id"},
		{SlackWebhook, "https://evil.com/hooks.slack.com/services/T/B/x", "host"},
		{SlackWebhook, strings.Replace(slackHook, "hooks.", "", 1), "host"},
		{SlackWebhook, strings.Replace(slackHook, "slack.com", "slack.com.evil.com", 1), "host"},
		{SlackWebhook, strings.Replace(slackHook, "services", "triggers", 1), "incoming webhook"},
		{SlackWebhook, strings.Replace(slackHook, "services", "workflows", 1), "incoming webhook"},
		{SlackWebhook, slackHook + "?x=1", "whole"},
		{SlackWebhook, "https://hooks.slack.com/services/T00000000", "whole"},
		{TeamsWorkflow, "https://contoso.webhook.office.com/webhookb2/x", "retired"},
		{TeamsWorkflow, "https://outlook.office.com/webhook/x", "retired"},
		{TeamsWorkflow, "https://evil.example/.logic.azure.com/x", "host"},
		{TeamsWorkflow, "https://127.0.0.1/?logic.azure.com", "internal"},
		{TeamsWorkflow, strings.Replace(logic, "azure.com", "azure.com.evil.com", 1) + "x", "host"},
		{TeamsWorkflow, strings.Replace(logic, "prod-12.westeurope.logic", "xlogic", 1) + "x", "host"},
		{TeamsWorkflow, strings.Replace(logic, ":443", ":8443", 1) + "x", "host"},
		{TeamsWorkflow, strings.Replace(logic, "/invoke", "/run", 1) + "x", "path"},
		{TeamsWorkflow, strings.Replace(logic, "/workflows/", "/x/workflows/", 1) + "x", "path"},
		{TeamsWorkflow, logic, "sig="},
		{TeamsWorkflow, logic + "x&sig=y", "sig="},
		{TeamsWorkflow, logic + "x'", "sig="},
		{TeamsWorkflow, strings.SplitN(logic, "?", 2)[0], "sig="},
	} {
		u, err := c.judge(c.text)
		if err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%q: %q, %v; want an error about %q", c.text, u, err, c.why)
		}
	}
}

func TestWebhookHasThreeProviders(t *testing.T) {
	for provider, text := range map[domain.Provider]string{domain.Discord: discordHook, domain.Slack: slackHook, domain.Teams: flow + "x"} {
		if _, err := Webhook(provider, text); err != nil {
			t.Errorf("%s: %v", provider, err)
		}
	}

	if _, err := Webhook(domain.GitHub, discordHook); err == nil {
		t.Error("github has no webhooks")
	}
}
