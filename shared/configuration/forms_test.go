package configuration

import (
	"strings"
	"testing"

	"example.com/integrations/shared/domain"
)

const (
	ruleToken   = "must be the token as the provider shows it: visible ASCII characters, no spaces or line breaks"
	ruleOwner   = "must be a GitHub user or organisation name: 1 to 39 letters, digits, hyphens or underscores, beginning with a letter or digit"
	ruleRepo    = "must be a GitHub repository name: 1 to 100 letters, digits, dots, hyphens or underscores, not . or .., not ending in .git"
	ruleProject = "must be a project's full path such as group/project (letters, digits, dots, hyphens and underscores between single slashes), or its number"
	ruleKey     = "must be one RSA private key in PEM, from -----BEGIN to -----END, as GitHub lets you download it"
	needApp     = "is required: a GitHub App needs app_id, installation_id and private_key"
	giveGitHub  = "give a token, or app_id, installation_id and private_key of a GitHub App"
	giveDiscord = "give webhook_url, or bot_token and channel_id"
	giveSlack   = "give webhook_url, or bot_token and channel"
	anyString   = "must be a string (in quotation marks)"
	fieldList   = "the fields are formatted_number, title, description, url, state, status, priority, labels, item_type, updated_at, type, project, milestone, owner, due_at, updated_by"
)

func TestAcceptBad(t *testing.T) {
	gh := `"owner":"o","repo":"r","token":$TOKEN`
	app := `"owner":"o","repo":"r","app_id":1,"installation_id":2`
	cloud := `"flavor":"cloud","base_url":"https://s.atlassian.net","email":"a@b.c","api_token":"x","project_key":"ABC"`
	mantis := `"base_url":"https://b.example.com","token":"x"`
	for _, c := range []struct {
		provider domain.Provider
		text     string
		want     map[string]string
	}{
		{domain.GitHub, ``, map[string]string{"owner": "is required", "repo": "is required", "token": "is required: " + giveGitHub}},
		{domain.GitHub, `"owner":"-o","repo":"..","token":"a b"`, map[string]string{"owner": ruleOwner, "repo": ruleRepo, "token": ruleToken}},
		{domain.GitHub, `"owner":"o/x","repo":"x.git","token":"a\nb"`, map[string]string{"owner": ruleOwner, "repo": ruleRepo, "token": ruleToken}},
		{domain.GitHub, `"owner":"","repo":"a/b","token":""`, map[string]string{"owner": ruleOwner, "repo": ruleRepo, "token": ruleToken}},
		{domain.GitHub, `"owner":5,"repo":null,"token":["x"]`, map[string]string{"owner": anyString, "repo": "must not be null", "token": anyString}},
		{domain.GitHub, `"owner":"o","repo":"r","token":"é"`, map[string]string{"token": ruleToken}},
		{domain.GitHub, `"owner":"o","repo":"r","token":"` + strings.Repeat("x", 4097) + `"`, map[string]string{"token": "must be at most 4096 characters long"}},
		{domain.GitHub, `"owner":"o","repo":"r","token":"****"`, map[string]string{"token": "looks like a damaged mask: send exactly ******** to keep the stored secret, or a new one"}},
		{domain.GitHub, gh + `,"app_id":1`, map[string]string{"token": "must not be given together with a GitHub App: " + giveGitHub}},
		{domain.GitHub, app, map[string]string{"private_key": needApp}},
		{domain.GitHub, `"owner":"o","repo":"r","private_key":$KEY`, map[string]string{"app_id": needApp, "installation_id": needApp}},
		{domain.GitHub, app + `,"private_key":"nonsense"`, map[string]string{"private_key": ruleKey}},
		{domain.GitHub, `"owner":"o","repo":"r","app_id":0,"installation_id":"x","private_key":$KEY`, map[string]string{"app_id": "must be the number of the GitHub App", "installation_id": "must be the number of the app's installation"}},
		{domain.GitHub, `"owner":"o","repo":"r","app_id":1.5,"installation_id":1e999,"private_key":$KEY`, map[string]string{"installation_id": "is a number out of range"}},
		{domain.GitHub, gh + `,"labels":"Sync","pull":true,"on_delete":"delete"`, map[string]string{"labels": `must be "sync" or "none"`, "pull": `must be "off" or "linked" or "all"`, "on_delete": `must be "close" or "leave"`}},
		{domain.GitHub, gh + `,"base_url":"https://github.com"`, map[string]string{"base_url": "must be left out for github.com; it is for GitHub Enterprise only"}},
		{domain.GitHub, gh + `,"base_url":"http://ghe.example.com"`, map[string]string{"base_url": "must begin with https://"}},
		{domain.GitHub, gh + `,"base_url":"https://10.0.0.1/api/v3"`, map[string]string{"base_url": "must not be a private, loopback, link-local or otherwise internal address"}},
		{domain.GitHub, gh + `,"Owner":"o"`, map[string]string{"Owner": "is unknown: the members are app_id, base_url, installation_id, labels, on_delete, owner, private_key, pull, repo, templates, token"}},
		{domain.GitHub, gh + `,"templates":"x"`, map[string]string{"templates": "must be an object"}},
		{domain.GitHub, gh + `,"templates":{"title":"{{titel}}","body":"{{","x":1}`, map[string]string{"templates.title": "names the unknown field {{titel}}: " + fieldList, "templates.body": "has {{ without }}", "templates.x": "is unknown: the members are body, title"}},
		{domain.GitHub, gh + `,"templates":{"title":"a\nb","body":"{{#if a b}}"}`, map[string]string{"templates.title": "must be one line", "templates.body": "has {{…}} around what is not a field's name: " + fieldList}},
		{domain.GitHub, gh + `,"templates":{"title":" ","body":"` + strings.Repeat("é", 2049) + `"}`, map[string]string{"templates.title": "must not be empty: leave it out for the usual text", "templates.body": "must be at most 4096 bytes long"}},
		{domain.GitHub, gh + `,"templates":{"title":5,"body":"\u0000"}`, map[string]string{"templates.title": anyString, "templates.body": "must not contain control characters"}},
		{domain.GitLab, `"project":"justaname","token":"x"`, map[string]string{"project": ruleProject}},
		{domain.GitLab, `"project":"a/../b","token":"x"`, map[string]string{"project": ruleProject}},
		{domain.GitLab, `"project":"a/b.git","base_url":"https://gitlab.com/a"`, map[string]string{"project": ruleProject, "token": "is required", "base_url": "must be https://gitlab.com with no port and no path"}},
		{domain.GitLab, `"project":-1,"token":"x"`, map[string]string{"project": ruleProject}},
		{domain.GitLab, `"project":"a//b","token":"x","category":"y"`, map[string]string{"project": ruleProject, "category": "is unknown: the members are base_url, labels, on_delete, project, pull, templates, token"}},
		{domain.Jira, ``, map[string]string{"flavor": "is required", "base_url": "is required", "project_key": "is required"}},
		{domain.Jira, `"flavor":"server","base_url":"x","project_key":"abc"`, map[string]string{"flavor": `must be "cloud" or "datacenter"`, "project_key": "must be a project key: two or more capital letters, digits or underscores, beginning with a letter"}},
		{domain.Jira, `"flavor":"cloud","base_url":"https://x.atlassian.net.evil.com","project_key":"ABC","token":"x"`, map[string]string{
			"base_url": "must be https://SITE.atlassian.net or, for scoped tokens and service accounts, https://api.atlassian.com/ex/jira/CLOUD_ID, when flavor is cloud",
			"email":    "is required: Jira Cloud needs email and api_token", "api_token": "is required: Jira Cloud needs email and api_token",
			"token": "must not be given for Jira Cloud, which takes email and api_token"}},
		{domain.Jira, `"flavor":"datacenter","base_url":"https://s.atlassian.net","email":"a@b.c","api_token":"x","project_key":"ABC"`, map[string]string{
			"base_url": "is an address of Jira Cloud: set flavor to cloud", "token": "is required: Jira Data Center needs a personal access token",
			"email": "must not be given for Jira Data Center, which takes token", "api_token": "must not be given for Jira Data Center, which takes token"}},
		{domain.Jira, strings.Replace(cloud, "a@b.c", "a:x@b.c", 1), map[string]string{"email": "must be the email address of the account the API token belongs to"}},
		{domain.Jira, cloud + `,"issue_type":" x"`, map[string]string{"issue_type": "must be the name of an issue type: one line of 1 to 255 characters"}},
		{domain.MantisBT, ``, map[string]string{"base_url": "is required", "token": "is required", "project": "is required"}},
		{domain.MantisBT, mantis + `,"project":"","category":"a\nb"`, map[string]string{"project": "must be a project's name, one line of 1 to 128 characters, or its number", "category": "must be a category's name: one line of 1 to 128 characters"}},
		{domain.MantisBT, mantis + `,"project":{},"labels":"sync"`, map[string]string{"project": "must be a whole number or a string (in quotation marks)", "labels": "is unknown: the members are base_url, category, on_delete, project, pull, templates, token"}},
		{domain.Discord, ``, map[string]string{"webhook_url": "is required: " + giveDiscord}},
		{domain.Discord, `"webhook_url":$DISCORD,"bot_token":$BOT,"channel_id":$CH`, map[string]string{"bot_token": "must not be given together with webhook_url: " + giveDiscord, "channel_id": "must not be given together with webhook_url: " + giveDiscord}},
		{domain.Discord, `"bot_token":$BOT,"thread_id":$CH`, map[string]string{"channel_id": "is required: a bot needs bot_token and channel_id", "thread_id": "goes with webhook_url only: a bot posts into a thread whose id is its channel_id"}},
		{domain.Discord, `"bot_token":$BOT,"channel_id":123456789012345678`, map[string]string{"channel_id": anyString}},
		{domain.Discord, `"webhook_url":$SLACK,"thread_id":"12"`, map[string]string{"webhook_url": "must be a Discord webhook URL: its host must be discord.com or discordapp.com (canary. and ptb. included)", "thread_id": "must be a thread's id: 17 to 20 digits in quotation marks"}},
		{domain.Discord, `"webhook_url":$DISCORD,"on_update":"reply"`, map[string]string{"on_update": "must be edit or post: a webhook cannot reply, only a bot can"}},
		{domain.Slack, `"webhook_url":$SLACK,"on_update":"reply"`, map[string]string{"on_update": "must be edit or post: a webhook cannot reply, only a bot can"}},
		{domain.Discord, `"webhook_url":$DISCORD,"digest_over":1001,"on_update":"never"`, map[string]string{"digest_over": "must be from 0 to 1000", "on_update": `must be "edit" or "reply" or "post"`}},
		{domain.Slack, `"channel":"#general"`, map[string]string{"bot_token": "is required: a bot needs bot_token and channel", "channel": "must be a channel's id such as C0123456789 (at the foot of the channel's details in Slack), not its name"}},
		{domain.Slack, `"webhook_url":$SLACK,"channel":"C0123456789"`, map[string]string{"channel": "must not be given together with webhook_url: " + giveSlack}},
		{domain.Slack, `"webhook_url":$TEAMS,"digest_over":"20"`, map[string]string{"webhook_url": "must be a Slack webhook URL: its host must be hooks.slack.com or hooks.slack-gov.com", "digest_over": "must be a whole number"}},
		{domain.Teams, `"payload":"text"`, map[string]string{"workflow_url": "is required", "payload": `must be "envelope" or "card"`}},
		{domain.Teams, `"workflow_url":"https://contoso.webhook.office.com/webhookb2/x"`, map[string]string{"workflow_url": "is an Office 365 connector, and Microsoft has retired those: make a workflow in Teams (“Send webhook alerts to a channel”) and give its URL"}},
		{domain.Teams, `"workflow_url":$TEAMS,"on_update":"edit","digest_over":1.5`, map[string]string{"on_update": "is unknown: the members are digest_over, payload, templates, workflow_url", "digest_over": "must be a whole number"}},
	} {
		want := map[string]string{}
		for field, detail := range c.want {
			want[root+"."+field] = detail
		}

		t.Run(string(c.provider), func(t *testing.T) {
			_, err := Accept(c.provider, fill("{"+c.text+"}"), nil)
			expect(t, err, CodeInvalid, want)
			if err != nil && strings.Contains(err.Error(), testToken) {
				t.Error("the error holds the token")
			}
		})
	}
}

func TestPrivateKey(t *testing.T) {
	for _, text := range []string{
		"junk\n" + testKey(), testKey() + "junk", testKey() + testKey(), strings.Replace(testKey(), "MII", "MIJ", 1),
		strings.ReplaceAll(testKey(), "RSA PRIVATE", "EC PRIVATE"), strings.ReplaceAll(testKey(), "RSA PRIVATE KEY", "PRIVATE KEY"), "-----BEGIN RSA PRIVATE KEY-----",
	} {
		if err := rsaKey(text); err == nil || !strings.HasPrefix(err.Error(), "must be one RSA private key in PEM") {
			t.Errorf("accepted: %v", err)
		}
	}

	for _, text := range []string{testKey(), pkcs8Key(), "\n" + testKey() + "\n\n", strings.ReplaceAll(testKey(), "\n", "\r\n")} {
		if err := rsaKey(text); err != nil {
			t.Error(err)
		}
	}
}

func TestSecretInPublicMemberRefused(t *testing.T) {
	for _, c := range []struct{ text, field string }{
		{`{"owner":"o","repo":"x` + "abcdefgh" + `y","token":"abcdefgh"}`, "repo"},
		{`{"owner":"o","repo":"r","token":"abcdefgh","templates":{"body":"use abcdefgh"}}`, "templates.body"},
		{`{"owner":"o","repo":"r","token":"abcdefgh","base_url":"https://ghe.example.com/abcdefgh"}`, "base_url"},
	} {
		_, err := Accept(domain.GitHub, c.text, nil)
		expect(t, err, CodeInvalid, map[string]string{root + "." + c.field: "must not contain the secret given in configuration.token"})
	}
}
