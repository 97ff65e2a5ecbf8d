package mantisbt

import "example.com/integrations/shared/connector"

// source is the address of MantisBT's own code.
const source = "https://github.com/mantisbt/mantisbt/blob/master/"

// Needs is what MantisBT demands for each of the connector's calls. The roles are
// those of a server with the default thresholds.
var Needs = []connector.Need{
	{Call: "GET /users/me", When: "find out whose token it is", Right: "any account", Source: fromRecordings + "me-reporter"},
	{Call: "GET /config", When: "read statuses and thresholds", Right: "any account", Source: fromRecordings + "config-together"},
	{Call: "GET /projects/{id}", When: "find the project by its number, read its categories and fields", Right: "viewer in the project", Source: fromRecordings + "project-plain, project-private-no-access"},
	{Call: "GET /projects", When: "find the project by its name", Right: "viewer in the project", Source: fromRecordings + "projects-all"},
	{Check: connector.CheckList, Call: "GET /issues", When: "pull, and look for an issue whose create was not answered", Right: "viewer in the project", Source: fromRecordings + "list-project, list-project-private"},
	{Check: connector.CheckList, Call: "GET /issues/{id}", When: "read an issue before it is changed", Right: "viewer in the project", Source: fromRecordings + "get-full-reporter, get-private-issue"},
	{Check: connector.CheckCreate, Call: "POST /issues", When: "create", Right: "reporter (`" + reportThreshold + "`)", Source: source + "core/commands/IssueAddCommand.php"},
	{Check: connector.CheckUpdate, Call: "PATCH /issues/{id}", When: "change summary and description", Right: "updater (`" + updateThreshold + "`)", Source: fromRecordings + "patch-summary-reporter, patch-summary-updater"},
	{Check: connector.CheckClose, Call: "PATCH /issues/{id}", When: "close", Right: "developer (`" + statusThreshold + "`)", Source: fromRecordings + "patch-close-updater, patch-close-developer"},
	{Check: checkUpdateClosed, Call: "PATCH /issues/{id}", When: "change an issue that is resolved or closed (`" + readonlyStatus + "`)", Right: "manager (`" + readonlyThreshold + "`)", Source: fromRecordings + "patch-closed-summary-developer, patch-closed-summary-manager"},
	{Check: connector.CheckReopen, Call: "PATCH /issues/{id}", When: "reopen", Right: "manager (`" + readonlyThreshold + "`, `" + statusThreshold + "`)", Source: fromRecordings + "patch-reopen-developer, patch-reopen-manager"},
	{Check: checkUpdateNoted, Call: "PATCH /issues/{id}", When: "change an issue that has notes, on a server where they cannot be left out of the request", Right: "developer (`" + noteThreshold + "`)", Source: fromRecordings + "patch-with-foreign-note-updater, patch-with-foreign-note-developer"},
}
