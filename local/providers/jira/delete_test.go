package jira

import "testing"

// A delete needs a permission of its own: who may edit may not delete
// (https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-delete).
func TestDelete(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		d := start(t, flavor, nil)
		first := d.make("WORK", "x")
		second := d.make("WORK", "y")
		d.lock.Lock()
		d.find("WORK").Lacks = map[string][]string{"sync-bot": {deleteIssues}, "maria": {editIssues}}
		d.lock.Unlock()

		const refusal = `{"errorMessages":["You do not have permission to delete issues in this project."],"errors":{}}`
		for _, test := range []struct {
			token, method, path string
			status              int
			text                string
		}{
			{ours, "DELETE", "/issue/" + first.ID, 403, refusal},
			{ours, "GET", "/issue/" + first.ID, 200, "-"},
			{person, "DELETE", "/issue/" + first.ID, 204, ""},
			{person, "DELETE", "/issue/" + first.ID, 404, `{"errorMessages":["Issue does not exist or you do not have permission to see it."],"errors":{}}`},
			{ours, "GET", "/issue/" + first.ID, 404, "-"},
			{person, "DELETE", "/issue/" + second.key(), 204, ""},
		} {
			answer := d.send(test.token, test.method, test.path, "")
			if answer.status != test.status || test.text != "-" && answer.text != test.text {
				t.Errorf("%s %s: %d %s, want %d %s", test.method, test.path, answer.status, answer.text, test.status, test.text)
			}
		}

		d.noViolations()
	})
}
