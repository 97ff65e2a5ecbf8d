package jira

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	product "example.com/integrations/shared/connector/jira"
	"example.com/integrations/shared/domain"
)

// Atlassian's own client for Jira Server is JRJC, the Jira REST Java Client
// (https://bitbucket.org/atlassian/jira-rest-java-client). The JSON files of its
// test data were taken from Jira 5.0 to 6.3; those that show an answer that we
// read stand here: the members and kinds are theirs, the values ours. For the
// Cloud Atlassian has no client of its own: its examples are in examples_test.go.
const (
	clientData = "JRJC test/src/test/resources/json/"

	clientStatus = `"status":{"self":"http://jira.test/rest/api/2/status/1","description":"","iconUrl":"http://jira.test/open.gif","name":"Open","id":"1"}`
	clientFound  = `{"expand":"names,schema","startAt":0,"maxResults":50,"total":1,"issues":[{"expand":"editmeta","id":"10040","self":"http://jira.test/rest/api/latest/issue/10040","key":"TST-7",` +
		`"fields":{"summary":"A task","updated":"2010-09-22T18:06:32.000+0200","created":"2010-09-22T18:06:32.000+0200","description":null,"labels":[],"resolution":null,` + clientStatus + `}}]}`
	clientIssue = `{"expand":"renderedFields","id":"10070","self":"http://jira.test/rest/api/latest/issue/10070","key":"TST-8","fields":{"summary":"An issue","labels":["a","b"],` +
		`"created":"2012-12-07T15:25:24.527+0100","updated":"2012-12-07T15:25:45.959+0100","description":"Text",` + clientStatus + `}}`
	clientProject = `{"self":"http://jira.test/rest/api/latest/project/TST","key":"TST","name":"Example","id":"10000","projectCategory":{"self":"http://jira.test/x","id":"10000","name":"First","description":""}}`
	clientWays    = `{"expand":"transitions","transitions":[{"id":"5","name":"Resolve Issue","to":{"self":"http://jira.test/rest/api/2/status/5","description":"","iconUrl":"http://jira.test/resolved.gif",` +
		`"name":"Resolved","id":"5"},"fields":{"assignee":{"required":false,"schema":{"type":"user","system":"assignee"},"name":"Assignee","operations":["set"]},` +
		`"resolution":{"required":true,"schema":{"type":"resolution","system":"resolution"},"name":"Resolution","operations":["set"],"allowedValues":[{"self":"http://jira.test/x","name":"Fixed","id":"1"}]}}}]}`
)

// clientTest is an answer of the client's test data, and what the fake server for
// Data Center is asked to give a like one.
type clientTest struct {
	file, text string
	likeness
}

var clientTests = []clientTest{
	{file: "search/issues1.json", text: clientFound, likeness: likeness{method: "GET", path: "/search?jql=project+%3D+%22WORK%22&fields=summary,description,status,labels,created,updated", reads: []string{
		"issues", "issues[].id", "issues[].key", "issues[].fields.summary", "issues[].fields.created", "issues[].fields.updated", "issues[].fields.labels", "issues[].fields.status", "startAt", "maxResults", "total",
	}, contradicts: map[string]string{"issues[].fields.description": "the client's issue has no description, ours has one"}}},
	{file: "issue/valid-all-expanded.json", text: clientIssue, likeness: likeness{method: "GET", path: "/issue/WORK-1?fields=summary,description,status,labels,created,updated", reads: []string{
		"id", "key", "fields.summary", "fields.description", "fields.created", "fields.updated", "fields.labels", "fields.labels[]", "fields.status", "fields.status.id", "fields.status.name",
	}}},
	{file: "project/basic-6-3.json", text: clientProject, likeness: likeness{method: "GET", path: "/project/WORK", reads: []string{"id", "key", "name"}}},
	{file: "transition/validV5.json", text: clientWays, likeness: likeness{project: "ASKS", method: "GET", path: "/issue/ASKS-1/transitions?expand=transitions.fields", reads: []string{
		"transitions", "transitions[].id", "transitions[].name", "transitions[].to", "transitions[].to.id", "transitions[].fields.resolution.required", "transitions[].fields.resolution.name",
	}}},
}

// TestAnswersAreLikeTheClientsData: each answer of the fake server for Data Center
// has the members that the connector reads, of the kinds that the test data of
// Atlassian's client have.
func TestAnswersAreLikeTheClientsData(t *testing.T) {
	for _, one := range clientTests {
		t.Run(one.file, func(t *testing.T) {
			d := start(t, Datacenter, nil)
			project := one.project
			if project == "" {
				project = "WORK"
			}

			if r := d.send(ours, "POST", "/issue", `{"fields":{"project":{"key":"`+project+`"},"issuetype":{"name":"Task"},"summary":"x","description":"Text","labels":["a"]}}`); r.status != http.StatusCreated {
				t.Fatalf("%d %s", r.status, r.text)
			}

			got := d.send(ours, one.method, one.path, "")
			if got.status != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Type"), "application/json") {
				t.Fatalf("%d %s: %s", got.status, got.header.Get("Content-Type"), got.text)
			}

			t.Log(clientData + one.file)
			one.compare(t, one.text, got.text)
		})
	}
}

// clientServer is the product's connector to a server that gives the client's
// answers, by method and path below the API's root.
func clientServer(t *testing.T, answers map[string]string) *product.Connector {
	t.Helper()
	client := connectortest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, _ := strings.CutPrefix(r.URL.Path, "/jira/rest/api/2")
		text, known := answers[r.Method+" "+path]
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		if !known {
			t.Errorf("%s %s has no answer", r.Method, r.URL)
			w.WriteHeader(http.StatusTeapot)
		}

		_, _ = io.WriteString(w, text)
	}))

	return product.New(product.Config{
		Flavor: form.Datacenter, BaseURL: "https://" + connectortest.Host + "/jira", Token: ours, ProjectKey: "TST", IssueType: "Bug", Labels: true,
	}, client, nil)
}

// TestTheConnectorReadsTheClientsData: Jira 6.2 is the first that says the
// category of a status; an older one cannot tell an open issue from a closed one
// and is not supported.
func TestTheConnectorReadsTheClientsData(t *testing.T) {
	answers := map[string]string{
		"GET /project/TST": clientProject, "GET /search": clientFound, "GET /issue/10070": clientIssue,
		"GET /serverInfo": `{"baseUrl":"http://jira.test","version":"6.3.0"}`, "GET /myself": `{"name":"admin","timeZone":"Europe/Berlin"}`,
	}
	linked := domain.Remote{ID: "10070", Key: "TST-8"}
	_, err := clientServer(t, answers).Read(t.Context(), linked)
	if got := failed(t, err); got.Code != "answer_unreadable" || got.Class != failure.Retryable {
		t.Errorf("a status of no category: %+v", got)
	}

	for name, text := range answers {
		answers[name] = strings.ReplaceAll(text, clientStatus, `"status":{"id":"1","name":"Open","statusCategory":{"id":2,"key":"new","name":"To Do"}}`)
	}

	c := clientServer(t, answers)
	o, err := c.Read(t.Context(), linked)
	if err != nil || o.Remote.ID != "10070" || o.Remote.Key != "TST-8" || o.Remote.State != domain.Open || o.Title != "An issue" ||
		!o.CreatedAt.Equal(time.Date(2012, 12, 7, 14, 25, 24, 527e6, time.UTC)) || !o.UpdatedAt.Equal(time.Date(2012, 12, 7, 14, 25, 45, 959e6, time.UTC)) {
		t.Errorf("%+v, %v", o, err)
	}

	objects, more, err := c.Changes(t.Context(), time.Time{}, 0)
	if err != nil || more || len(objects) != 1 || objects[0].Remote.ID != "10040" || objects[0].Title != "A task" {
		t.Errorf("%+v, %v, %v", objects, more, err)
	}
}
