package answers

import "example.com/integrations/shared/domain"

// What each provider's objects have in an answer.
var (
	githubIssue  = []Member{{"id", IDValue}, {"number", IDValue}}
	gitlabIssue  = []Member{{"id", IDValue}, {"iid", IDValue}}
	jiraIssue    = []Member{{"id", IDValue}, {"key", StringValue}}
	slackMessage = []Member{{"ok", TrueValue}, {"ts", StringValue}}
	message      = []Member{{"id", IDValue}}
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

// Successes are all documented successes of all providers, in the order of the table
// in docs/proof.md.
var Successes = []Success{
	{Provider: domain.GitHub, Operation: OpCreate, Call: "POST /repos/{owner}/{repo}/issues", Status: 201, Body: ObjectBody, Members: githubIssue, Source: githubDocs + "#create-an-issue"},
	{Provider: domain.GitHub, Operation: OpUpdate, Call: "PATCH /repos/{owner}/{repo}/issues/{number}", Status: 200, Body: ObjectBody, Members: githubIssue, Source: githubDocs + "#update-an-issue"},
	{Provider: domain.GitHub, Operation: OpRead, Call: "GET /repos/{owner}/{repo}/issues/{number}", Status: 200, Body: ObjectBody, Members: githubIssue, Source: githubDocs + "#get-an-issue"},
	{Provider: domain.GitHub, Operation: OpList, Call: "GET /repos/{owner}/{repo}/issues", Status: 200, Body: ListBody, Source: githubDocs + "#list-repository-issues"},
	{Provider: domain.GitHub, Operation: OpToken, Call: "POST /app/installations/{id}/access_tokens", Status: 201, Body: ObjectBody, Members: []Member{{"token", StringValue}, {"expires_at", StringValue}}, Source: "https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app"},

	{Provider: domain.GitLab, Operation: OpCreate, Call: "POST /projects/{id}/issues", Status: 201, Body: ObjectBody, Members: gitlabIssue, Source: gitlabDocs + "#new-issue"},
	{Provider: domain.GitLab, Operation: OpUpdate, Call: "PUT /projects/{id}/issues/{iid}", Status: 200, Body: ObjectBody, Members: gitlabIssue, Source: gitlabDocs + "#edit-an-issue"},
	{Provider: domain.GitLab, Operation: OpRead, Call: "GET /projects/{id}/issues/{iid}", Status: 200, Body: ObjectBody, Members: gitlabIssue, Source: gitlabDocs + "#single-project-issue"},
	{Provider: domain.GitLab, Operation: OpList, Call: "GET /projects/{id}/issues", Status: 200, Body: ListBody, Source: gitlabDocs + "#list-project-issues"},

	{Provider: domain.Jira, Operation: OpCreate, Call: "POST /issue", Status: 201, Body: ObjectBody, Members: jiraIssue, Source: jiraDocs + "api-group-issues/#api-rest-api-3-issue-post"},
	{Provider: domain.Jira, Operation: OpUpdate, Call: "PUT /issue/{id}", Status: 204, Body: EmptyBody, Source: jiraDocs + "api-group-issues/#api-rest-api-3-issue-issueidorkey-put"},
	{Provider: domain.Jira, Operation: OpUpdate, Call: "PUT /issue/{id}?returnIssue=true", Status: 200, Body: ObjectBody, Members: jiraIssue, Source: jiraDocs + "api-group-issues/#api-rest-api-3-issue-issueidorkey-put"},
	{Provider: domain.Jira, Operation: OpTransition, Call: "POST /issue/{id}/transitions", Status: 204, Body: EmptyBody, Source: jiraDocs + "api-group-issues/#api-rest-api-3-issue-issueidorkey-transitions-post"},
	{Provider: domain.Jira, Operation: OpRead, Call: "GET /issue/{id}", Status: 200, Body: ObjectBody, Members: jiraIssue, Source: jiraDocs + "api-group-issues/#api-rest-api-3-issue-issueidorkey-get"},
	{Provider: domain.Jira, Operation: OpList, Call: "GET /search/jql, GET /search", Status: 200, Body: ListBody, Members: []Member{{"issues", AnyValue}}, Source: jiraDocs + "api-group-issue-search/#api-rest-api-3-search-jql-get"},

	{Provider: domain.MantisBT, Operation: OpCreate, Call: "POST /issues", Status: 201, Body: ObjectBody, Members: []Member{{"issue.id", IDValue}}, Source: mantisDocs},
	{Provider: domain.MantisBT, Operation: OpUpdate, Call: "PATCH /issues/{id}", Status: 200, Body: ObjectBody, Members: []Member{{"issues.0.id", IDValue}}, Source: mantisDocs},
	{Provider: domain.MantisBT, Operation: OpRead, Call: "GET /issues/{id}", Status: 200, Body: ObjectBody, Members: []Member{{"issues.0.id", IDValue}}, Source: mantisDocs},
	{Provider: domain.MantisBT, Operation: OpList, Call: "GET /issues", Status: 200, Body: ListBody, Members: []Member{{"issues", AnyValue}}, Source: mantisDocs},

	{Provider: domain.Slack, Access: BotAccess, Operation: OpPost, Call: "POST chat.postMessage", Status: 200, Body: ObjectBody, Members: slackMessage, Source: slackPost},
	{Provider: domain.Slack, Access: BotAccess, Operation: OpDigest, Call: "POST chat.postMessage", Status: 200, Body: ObjectBody, Members: slackMessage, Source: slackPost},
	{Provider: domain.Slack, Access: BotAccess, Operation: OpEdit, Call: "POST chat.update", Status: 200, Body: ObjectBody, Members: []Member{{"ok", TrueValue}}, Source: "https://docs.slack.dev/reference/methods/chat.update"},
	{Provider: domain.Slack, Access: BotAccess, Operation: OpRead, Call: "GET auth.test, conversations.info", Status: 200, Body: ObjectBody, Members: []Member{{"ok", TrueValue}}, Source: "https://docs.slack.dev/reference/methods/conversations.info"},
	{Provider: domain.Slack, Access: BotAccess, Operation: OpList, Call: "GET conversations.history", Status: 200, Body: ListBody, Members: []Member{{"messages", AnyValue}}, Source: "https://docs.slack.dev/reference/methods/conversations.history"},
	{Provider: domain.Slack, Access: WebhookAccess, Operation: OpPost, Call: "POST {webhook_url}", Status: 200, Body: TextBody, Text: "ok", Source: slackHooks},
	{Provider: domain.Slack, Access: WebhookAccess, Operation: OpDigest, Call: "POST {webhook_url}", Status: 200, Body: TextBody, Text: "ok", Source: slackHooks},

	{Provider: domain.Discord, Access: BotAccess, Operation: OpPost, Call: "POST /channels/{id}/messages", Status: 200, Body: ObjectBody, Members: message, Source: discordBot + "#create-message"},
	{Provider: domain.Discord, Access: BotAccess, Operation: OpDigest, Call: "POST /channels/{id}/messages", Status: 200, Body: ObjectBody, Members: message, Source: discordBot + "#create-message"},
	{Provider: domain.Discord, Access: BotAccess, Operation: OpEdit, Call: "PATCH /channels/{id}/messages/{message}", Status: 200, Body: ObjectBody, Members: message, Source: discordBot + "#edit-message"},
	{Provider: domain.Discord, Access: BotAccess, Operation: OpRead, Call: "GET /users/@me, /channels/{id}", Status: 200, Body: ObjectBody, Members: message, Source: "https://discord.com/developers/docs/resources/channel#get-channel"},
	{Provider: domain.Discord, Access: BotAccess, Operation: OpList, Call: "GET /channels/{id}/messages", Status: 200, Body: ListBody, Source: discordBot + "#get-channel-messages"},
	{Provider: domain.Discord, Access: WebhookAccess, Operation: OpPost, Call: "POST {webhook_url}?wait=true", Status: 200, Body: ObjectBody, Members: message, Source: discordHook},
	{Provider: domain.Discord, Access: WebhookAccess, Operation: OpPost, Call: "POST {webhook_url}", Status: 204, Body: EmptyBody, Unproven: true, Source: discordHook},
	{Provider: domain.Discord, Access: WebhookAccess, Operation: OpDigest, Call: "POST {webhook_url}?wait=true", Status: 200, Body: ObjectBody, Members: message, Source: discordHook},
	{Provider: domain.Discord, Access: WebhookAccess, Operation: OpDigest, Call: "POST {webhook_url}", Status: 204, Body: EmptyBody, Unproven: true, Source: discordHook},
	{Provider: domain.Discord, Access: WebhookAccess, Operation: OpEdit, Call: "PATCH {webhook_url}/messages/{message}", Status: 200, Body: ObjectBody, Members: message, Source: "https://discord.com/developers/docs/resources/webhook#edit-webhook-message"},
	{Provider: domain.Discord, Access: WebhookAccess, Operation: OpRead, Call: "GET {webhook_url}", Status: 200, Body: ObjectBody, Members: message, Source: "https://discord.com/developers/docs/resources/webhook#get-webhook-with-token"},

	{Provider: domain.Teams, Operation: OpPost, Call: "POST {workflow_url}", Status: 202, Body: EmptyBody, Unproven: true, Source: teamsDocs},
	{Provider: domain.Teams, Operation: OpPost, Call: "POST {workflow_url}, with a Response action", Status: 200, Body: EmptyBody, Unproven: true, Source: teamsDocs},
	{Provider: domain.Teams, Operation: OpDigest, Call: "POST {workflow_url}", Status: 202, Body: EmptyBody, Unproven: true, Source: teamsDocs},
	{Provider: domain.Teams, Operation: OpDigest, Call: "POST {workflow_url}, with a Response action", Status: 200, Body: EmptyBody, Unproven: true, Source: teamsDocs},
}
