package gitlab

import "example.com/integrations/shared/connector/answers"

// accessDenied is where GitLab makes the sentences about the token's account.
const accessDenied = "gitlabhq lib/gitlab/auth/user_access_denied_reason.rb"

const (
	noProject = "the project does not exist, or the token may not see it"
	noScope   = "the token lacks the api scope"
)

// refusals are GitLab's answers to a write that concern the token, its account
// or the project as a whole. Every other refusal concerns one item. A 403 is
// looked into further: the project may have issues turned off.
var refusals = []answers.Refusal{
	{Status: 401, Challenge: true, Means: "credentials_rejected", Source: "https://docs.gitlab.com/api/rest/troubleshooting/#status-codes"},
	{Status: 403, Code: "insufficient_scope", Means: "forbidden", Detail: noScope, Source: "gitlabhq lib/api/api_guard.rb"},
	{Status: 403, Code: "insufficient_granular_scope", Means: "forbidden", Detail: "the token lacks a permission", Source: "gitlabhq lib/api/api_guard.rb"},
	{Status: 403, Words: "your account", Means: "credentials_rejected", Detail: "the token's account may not be used", Source: accessDenied},
	{Status: 403, Words: "must accept the terms of service", Means: "credentials_rejected", Detail: "the token's account must accept the terms", Source: accessDenied},
	{Status: 403, Words: "your password expired", Means: "credentials_rejected", Source: accessDenied},
	{Status: 403, Words: "your primary email address is not confirmed", Means: "credentials_rejected", Source: accessDenied},
	{Status: 404, Creates: true, Means: "target_not_found", Detail: noProject, Source: "https://docs.gitlab.com/api/rest/troubleshooting/#status-codes"},
	{Status: 405, Words: movedWords, Means: "target_moved", Detail: "the project was renamed or moved", Source: "gitlabhq lib/api/helpers.rb find_project!"},
}
