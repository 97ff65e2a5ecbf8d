package proof

import "example.com/integrations/shared/domain"

// What each provider's objects have in an answer.
var (
	githubIssue  = []Member{{"id", ID}, {"number", ID}}
	gitlabIssue  = []Member{{"id", ID}, {"iid", ID}}
	jiraIssue    = []Member{{"id", ID}, {"key", String}}
	slackMessage = []Member{{"ok", True}, {"ts", String}}
	message      = []Member{{"id", ID}}
)

// The pages that document the successes.
const (
	githubDocs  = "https://docs.github.com/en/rest/issues/issues"
	gitlabDocs  = "https://docs.gitlab.com/api/issues/"
	jiraDocs    = "https://developer.atlassian.com/cloud/jira/platform/rest/v3/"
	mantisDocs  = "https://documenter.getpostman.com/view/29959/mantis-bug-tracker-rest-api, recorded from 2.28.4"
	slackPost   = "https://docs.slack.dev/reference/methods/chat.postMessage"
	slackHooks  = "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"
	discordHook = "https://discord.com/developers/docs/resources/webhook#execute-webhook"
	discordBot  = "https://discord.com/developers/docs/resources/message"
	teamsDocs   = "https://learn.microsoft.com/azure/connectors/connectors-native-reqres"
)

// Rows are all documented successes of all providers, in the order of the table
// in docs/proof.md.
var Rows = []Row{
	{Provider: domain.GitHub, Operation: Create, Call: "POST /repos/{owner}/{repo}/issues", Status: 201, Body: Object, Members: githubIssue, Source: githubDocs + "#create-an-issue"},
	{Provider: domain.GitHub, Operation: Update, Call: "PATCH /repos/{owner}/{repo}/issues/{number}", Status: 200, Body: Object, Members: githubIssue, Source: githubDocs + "#update-an-issue"},
	{Provider: domain.GitHub, Operation: Read, Call: "GET /repos/{owner}/{repo}/issues/{number}", Status: 200, Body: Object, Members: githubIssue, Source: githubDocs + "#get-an-issue"},
	{Provider: domain.GitHub, Operation: List, Call: "GET /repos/{owner}/{repo}/issues", Status: 200, Body: ListBody, Source: githubDocs + "#list-repository-issues"},
	{Provider: domain.GitHub, Operation: Token, Call: "POST /app/installations/{id}/access_tokens", Status: 201, Body: Object, Members: []Member{{"token", String}, {"expires_at", String}}, Source: "https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app"},

	{Provider: domain.GitLab, Operation: Create, Call: "POST /projects/{id}/issues", Status: 201, Body: Object, Members: gitlabIssue, Source: gitlabDocs + "#new-issue"},
	{Provider: domain.GitLab, Operation: Update, Call: "PUT /projects/{id}/issues/{iid}", Status: 200, Body: Object, Members: gitlabIssue, Source: gitlabDocs + "#edit-an-issue"},
	{Provider: domain.GitLab, Operation: Read, Call: "GET /projects/{id}/issues/{iid}", Status: 200, Body: Object, Members: gitlabIssue, Source: gitlabDocs + "#single-project-issue"},
	{Provider: domain.GitLab, Operation: List, Call: "GET /projects/{id}/issues", Status: 200, Body: ListBody, Source: gitlabDocs + "#list-project-issues"},

	{Provider: domain.Jira, Operation: Create, Call: "POST /issue", Status: 201, Body: Object, Members: jiraIssue, Source: jiraDocs + "api-group-issues/#api-rest-api-3-issue-post"},
	{Provider: domain.Jira, Operation: Update, Call: "PUT /issue/{id}", Status: 204, Body: Empty, Source: jiraDocs + "api-group-issues/#api-rest-api-3-issue-issueidorkey-put"},
	{Provider: domain.Jira, Operation: Update, Call: "PUT /issue/{id}?returnIssue=true", Status: 200, Body: Object, Members: jiraIssue, Source: jiraDocs + "api-group-issues/#api-rest-api-3-issue-issueidorkey-put"},
	{Provider: domain.Jira, Operation: Transition, Call: "POST /issue/{id}/transitions", Status: 204, Body: Empty, Source: jiraDocs + "api-group-issues/#api-rest-api-3-issue-issueidorkey-transitions-post"},
	{Provider: domain.Jira, Operation: Read, Call: "GET /issue/{id}", Status: 200, Body: Object, Members: jiraIssue, Source: jiraDocs + "api-group-issues/#api-rest-api-3-issue-issueidorkey-get"},
	{Provider: domain.Jira, Operation: List, Call: "GET /search/jql, GET /search", Status: 200, Body: ListBody, Members: []Member{{"issues", Exists}}, Source: jiraDocs + "api-group-issue-search/#api-rest-api-3-search-jql-get"},

	{Provider: domain.MantisBT, Operation: Create, Call: "POST /issues", Status: 201, Body: Object, Members: []Member{{"issue.id", ID}}, Source: mantisDocs},
	{Provider: domain.MantisBT, Operation: Update, Call: "PATCH /issues/{id}", Status: 200, Body: Object, Members: []Member{{"issues.0.id", ID}}, Source: mantisDocs},
	{Provider: domain.MantisBT, Operation: Read, Call: "GET /issues/{id}", Status: 200, Body: Object, Members: []Member{{"issues.0.id", ID}}, Source: mantisDocs},
	{Provider: domain.MantisBT, Operation: List, Call: "GET /issues", Status: 200, Body: ListBody, Members: []Member{{"issues", Exists}}, Source: mantisDocs},

	{Provider: domain.Slack, Way: Bot, Operation: Post, Call: "POST chat.postMessage", Status: 200, Body: Object, Members: slackMessage, Source: slackPost},
	{Provider: domain.Slack, Way: Bot, Operation: Digest, Call: "POST chat.postMessage", Status: 200, Body: Object, Members: slackMessage, Source: slackPost},
	{Provider: domain.Slack, Way: Bot, Operation: Edit, Call: "POST chat.update", Status: 200, Body: Object, Members: []Member{{"ok", True}}, Source: "https://docs.slack.dev/reference/methods/chat.update"},
	{Provider: domain.Slack, Way: Bot, Operation: Read, Call: "GET auth.test, conversations.info", Status: 200, Body: Object, Members: []Member{{"ok", True}}, Source: "https://docs.slack.dev/reference/methods/conversations.info"},
	{Provider: domain.Slack, Way: Bot, Operation: List, Call: "GET conversations.history", Status: 200, Body: ListBody, Members: []Member{{"messages", Exists}}, Source: "https://docs.slack.dev/reference/methods/conversations.history"},
	{Provider: domain.Slack, Way: Webhook, Operation: Post, Call: "POST {webhook_url}", Status: 200, Body: Text, Text: "ok", Source: slackHooks},
	{Provider: domain.Slack, Way: Webhook, Operation: Digest, Call: "POST {webhook_url}", Status: 200, Body: Text, Text: "ok", Source: slackHooks},

	{Provider: domain.Discord, Way: Bot, Operation: Post, Call: "POST /channels/{id}/messages", Status: 200, Body: Object, Members: message, Source: discordBot + "#create-message"},
	{Provider: domain.Discord, Way: Bot, Operation: Digest, Call: "POST /channels/{id}/messages", Status: 200, Body: Object, Members: message, Source: discordBot + "#create-message"},
	{Provider: domain.Discord, Way: Bot, Operation: Edit, Call: "PATCH /channels/{id}/messages/{message}", Status: 200, Body: Object, Members: message, Source: discordBot + "#edit-message"},
	{Provider: domain.Discord, Way: Bot, Operation: Read, Call: "GET /users/@me, /channels/{id}", Status: 200, Body: Object, Members: message, Source: "https://discord.com/developers/docs/resources/channel#get-channel"},
	{Provider: domain.Discord, Way: Bot, Operation: List, Call: "GET /channels/{id}/messages", Status: 200, Body: ListBody, Source: discordBot + "#get-channel-messages"},
	{Provider: domain.Discord, Way: Webhook, Operation: Post, Call: "POST {webhook_url}?wait=true", Status: 200, Body: Object, Members: message, Source: discordHook},
	{Provider: domain.Discord, Way: Webhook, Operation: Post, Call: "POST {webhook_url}", Status: 204, Body: Empty, Unproven: true, Source: discordHook},
	{Provider: domain.Discord, Way: Webhook, Operation: Digest, Call: "POST {webhook_url}?wait=true", Status: 200, Body: Object, Members: message, Source: discordHook},
	{Provider: domain.Discord, Way: Webhook, Operation: Digest, Call: "POST {webhook_url}", Status: 204, Body: Empty, Unproven: true, Source: discordHook},
	{Provider: domain.Discord, Way: Webhook, Operation: Edit, Call: "PATCH {webhook_url}/messages/{message}", Status: 200, Body: Object, Members: message, Source: "https://discord.com/developers/docs/resources/webhook#edit-webhook-message"},
	{Provider: domain.Discord, Way: Webhook, Operation: Read, Call: "GET {webhook_url}", Status: 200, Body: Object, Members: message, Source: "https://discord.com/developers/docs/resources/webhook#get-webhook-with-token"},

	{Provider: domain.Teams, Operation: Post, Call: "POST {workflow_url}", Status: 202, Body: Empty, Unproven: true, Source: teamsDocs},
	{Provider: domain.Teams, Operation: Post, Call: "POST {workflow_url}, with a Response action", Status: 200, Body: Empty, Unproven: true, Source: teamsDocs},
	{Provider: domain.Teams, Operation: Digest, Call: "POST {workflow_url}", Status: 202, Body: Empty, Unproven: true, Source: teamsDocs},
	{Provider: domain.Teams, Operation: Digest, Call: "POST {workflow_url}, with a Response action", Status: 200, Body: Empty, Unproven: true, Source: teamsDocs},
}
