package github

import "example.com/integrations/shared/connector/answers"

const (
	troubleshooting = "https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api"
	createIssue     = "https://docs.github.com/en/rest/issues/issues#create-an-issue"
)

// refusals are GitHub's answers to a write that concern the token, the app or
// the repository as a whole. Every other refusal concerns one item.
var refusals = []answers.Refusal{
	{Status: 401, Challenge: true, Means: "credentials_rejected", Source: troubleshooting},
	{Status: 403, Words: "resource not accessible by", Means: "forbidden", Detail: "the token or app lacks a permission", Source: troubleshooting},
	{Status: 403, Words: "saml enforcement", Means: "credentials_rejected", Detail: "the token is not authorized for the organization's single sign-on", Source: "https://docs.github.com/en/rest/authentication/authenticating-to-the-rest-api"},
	{Status: 403, Words: "ip allow list", Means: "forbidden", Detail: "the organization does not allow this address", Source: "https://docs.github.com/en/organizations/keeping-your-organization-secure/managing-security-settings-for-your-organization/managing-allowed-ip-addresses-for-your-organization"},
	{Status: 403, Words: "forbids access via", Means: "credentials_rejected", Detail: "the organization does not allow this kind of token", Source: "https://docs.github.com/en/organizations/managing-programmatic-access-to-your-organization/setting-a-personal-access-token-policy-for-your-organization"},
	{Status: 403, Words: "account was suspended", Means: "credentials_rejected", Detail: "the token's account is suspended", Source: "octokit/octokit.rb#761"},
	{Status: 403, Words: "installation has been suspended", Means: "credentials_rejected", Detail: "the app's installation is suspended", Source: "https://docs.github.com/en/apps/using-github-apps/reviewing-and-modifying-installed-github-apps"},
	{Status: 403, Words: "archived so is read-only", Means: "forbidden", Detail: "the repository is archived", Source: "https://docs.github.com/en/repositories/archiving-a-github-repository/archiving-repositories"},
	{Status: 403, Words: "repository access blocked", Means: "forbidden", Detail: "GitHub has blocked the repository", Source: "https://docs.github.com/en/rest/repos/repos#get-a-repository"},
	{Status: 451, Means: "forbidden", Detail: "GitHub has blocked the repository for legal reasons", Source: "https://docs.github.com/en/rest/repos/repos#get-a-repository"},
	{Status: 403, Words: "forbidden by administrative rules", Means: "forbidden", Source: "https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#user-agent-required"},
	{Status: 404, Creates: true, Means: "target_not_found", Detail: noRepository, Source: createIssue},
	{Status: 410, Creates: true, Means: "issues_disabled", Source: createIssue},
}

const noRepository = "the repository does not exist, or the token may not see it"
