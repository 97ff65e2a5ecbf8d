package jira

import "example.com/integrations/shared/connector"

// Where Atlassian documents what a call needs.
const (
	cloudAPI = "https://developer.atlassian.com/cloud/jira/platform/rest/v3/"
	issueAPI = cloudAPI + "api-group-issues/"
)

// Needs is what Jira demands for each of the connector's calls: a permission in
// the project, and a scope from a token with scopes.
var Needs = []connector.Need{
	{Call: "GET /myself", When: "find out whose token it is", Right: "any account; `read:jira-user`", Source: cloudAPI + "api-group-myself/"},
	{Call: "GET /_edge/tenant_info", When: "Cloud: find out which site it is", Right: "none", Source: "https://support.atlassian.com/jira/kb/retrieve-my-atlassian-sites-cloud-id"},
	{Call: "GET /serverInfo", When: "find out which server it is, and at which address issues are looked at", Right: "any account", Source: cloudAPI + "api-group-server-info/"},
	{Call: "GET /project/{project}", When: "find out which project it is", Right: "*Browse Projects*; `read:jira-work`", Source: cloudAPI + "api-group-projects/"},
	{Call: "GET /mypermissions", When: "read one's own permissions", Right: "any account; `read:jira-work`", Source: cloudAPI + "api-group-permissions/"},
	{Check: connector.CheckList, Call: "GET /search/jql", When: "Cloud: pull, and look for an issue whose create was not answered", Right: "*Browse Projects*; `read:jira-work`", Source: cloudAPI + "api-group-issue-search/"},
	{Check: connector.CheckList, Call: "GET /search", When: "Data Center: the same", Right: "*Browse Projects*", Source: "https://docs.atlassian.com/software/jira/docs/api/REST/"},
	{Check: connector.CheckList, Call: "GET /issue/{id}", When: "read an issue", Right: "*Browse Projects*; `read:jira-work`", Source: issueAPI},
	{Check: connector.CheckCreate, Call: "POST /issue", When: "create", Right: "*Create Issues*; `write:jira-work`", Source: issueAPI + "#api-rest-api-3-issue-post"},
	{Check: connector.CheckRequiredFields, Call: "GET /issue/createmeta/{project}/issuetypes", When: "find the issue type", Right: "*Create Issues*; `read:jira-work`", Source: issueAPI},
	{Check: connector.CheckRequiredFields, Call: "GET /issue/createmeta/{project}/issuetypes/{type}", When: "find out which fields a new issue needs and may have", Right: "*Create Issues*; `read:jira-work`", Source: issueAPI},
	{Check: connector.CheckUpdate, Call: "PUT /issue/{id}", When: "change summary and description", Right: "*Edit Issues*, both fields on the edit screen; `write:jira-work`", Source: issueAPI + "#api-rest-api-3-issue-issueidorkey-put"},
	{Check: connector.CheckLabels, Call: "PUT /issue/{id}", When: "put labels on and take them off", Right: "*Edit Issues*, *Labels* on the create and the edit screen; `write:jira-work`", Source: issueAPI + "#api-rest-api-3-issue-issueidorkey-put, ankitpokhrel/jira-cli#992"},
	{Check: connector.CheckUpdate, Call: "GET /issue/{id}/editmeta", When: "the check: find out which fields may be changed", Right: "*Edit Issues*; `read:jira-work`", Source: issueAPI},
	{Check: connector.CheckClose, Call: "GET /issue/{id}/transitions", When: "find the way to another status", Right: "*Transition Issues*; `read:jira-work`", Source: issueAPI},
	{Check: connector.CheckClose, Call: "POST /issue/{id}/transitions", When: "close, with an edit of the text", Right: "*Transition Issues*, *Edit Issues*, a transition to a status of the category *Done* that asks for nothing; `write:jira-work`", Source: issueAPI},
	{Check: connector.CheckReopen, Call: "POST /issue/{id}/transitions", When: "reopen, with an edit of the text", Right: "*Transition Issues*, *Edit Issues*, a transition back that asks for nothing; `write:jira-work`", Source: issueAPI},
}
