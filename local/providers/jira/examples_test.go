package jira

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/local/providers/tracker"
	"example.com/integrations/local/recording"
	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	product "example.com/integrations/shared/connector/jira"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// examples are Atlassian's own examples of answers, in its description of the
// Cloud: https://developer.atlassian.com/cloud/jira/platform/swagger-v3.v3.json.
type examples map[string]json.RawMessage // by method, path and status

// loadExamples reads them, or skips the test where the description is absent.
func loadExamples(t *testing.T) examples {
	t.Helper()
	path := sharedFile("specs/jira-cloud-platform-v3.json")
	if path == "" {
		t.Skip("Atlassian's description of Jira Cloud is absent")
	}

	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	var description struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(text, &description); err != nil {
		t.Fatal(err)
	}

	found := examples{}
	for path, operations := range description.Paths {
		for method, text := range operations {
			var operation struct {
				Responses map[string]struct {
					Content map[string]struct{ Example json.RawMessage }
				}
			}
			if json.Unmarshal(text, &operation) != nil {
				continue // parameters of all operations of the path
			}

			for status, answer := range operation.Responses {
				example := answer.Content["application/json"].Example
				if len(example) > 0 {
					found[strings.ToUpper(method)+" "+path+" "+status] = unquoted(example)
				}
			}
		}
	}

	return found
}

// unquoted is an example as JSON: most stand in the description as a string.
func unquoted(example json.RawMessage) json.RawMessage {
	var text string
	if err := json.Unmarshal(example, &text); err == nil {
		return json.RawMessage(text)
	}

	return example
}

// of is an example below the API's root.
func (e examples) of(t *testing.T, call, status string) string {
	t.Helper()
	method, path, _ := strings.Cut(call, " ")
	text := e[method+" /rest/api/3"+path+" "+status]
	if !json.Valid(text) {
		t.Fatalf("there is no example of %s %s", call, status)
	}

	return string(text)
}

// The calls that have an example. An edit and a transition have none: they are
// answered without a body.
const (
	callMyself      = "GET /myself"
	callServer      = "GET /serverInfo"
	callProject     = "GET /project/{projectIdOrKey}"
	callPermissions = "GET /mypermissions"
	callSearch      = "GET /search/jql"
	callIssue       = "GET /issue/{issueIdOrKey}"
	callCreate      = "POST /issue"
	callTypes       = "GET /issue/createmeta/{projectIdOrKey}/issuetypes"
	callFields      = "GET /issue/createmeta/{projectIdOrKey}/issuetypes/{issueTypeId}"
	callEdit        = "GET /issue/{issueIdOrKey}/editmeta"
	callTransitions = "GET /issue/{issueIdOrKey}/transitions"
	callStatus      = "GET /status/{idOrName}"
)

// A likeness is an answer of the fake server that has an example, and what the
// connector reads of it.
type likeness struct {
	call, status string
	project      string // "" is WORK
	method, path string // asked of the fake server
	body         string
	// reads are paths of recording.Kinds. Where the fake server has another name for
	// a member that projects choose, both stand there: "fake server's as example's".
	reads []string
	// contradicts are paths at which the example is not what Jira answers, each
	// with the reason.
	contradicts map[string]string
}

var readOfError = []string{"errorMessages", "errorMessages[]", "errors"}

const (
	timesAreTexts = "the example has the number 1; other times in it are texts, as in Jira's answers"
	textIsADF     = "the example has a plain text, which version 2 of the API answers; the example of one issue has a document"
)

var likenesses = []likeness{
	{call: callMyself, status: "200", method: "GET", path: "/myself", reads: []string{"timeZone"}},
	{call: callServer, status: "200", method: "GET", path: "/serverInfo", reads: []string{"baseUrl"}},
	{call: callProject, status: "200", method: "GET", path: "/project/WORK", reads: []string{"id", "key"}},
	{call: callPermissions, status: "200", method: "GET", path: "/mypermissions?projectKey=WORK&permissions=EDIT_ISSUES", reads: []string{
		"permissions", "permissions.EDIT_ISSUES", "permissions.EDIT_ISSUES.havePermission",
	}},
	{call: callCreate, status: "201", method: "POST", path: "/issue", body: `{"fields":{"project":{"key":"WORK"},"issuetype":{"name":"Task"},"summary":"x"}}`, reads: []string{"id", "key"}},
	{call: callCreate, status: "400", method: "POST", path: "/issue", body: `{"fields":[]}`, reads: readOfError},
	{call: callIssue, status: "200", method: "GET", path: "/issue/WORK-1?fields=summary,description,status,labels,created,updated", reads: []string{
		"id", "key", "fields", "fields.description", "fields.description.type", "fields.description.version", "fields.description.content",
	}, contradicts: map[string]string{"fields.updated": timesAreTexts}},
	{call: callSearch, status: "200", method: "GET", path: "/search/jql?jql=project+%3D+%22WORK%22&fields=summary,description,status,labels,created,updated", reads: []string{
		"issues", "issues[].id", "issues[].key", "issues[].fields", "isLast",
	}, contradicts: map[string]string{"issues[].fields.description": textIsADF, "issues[].fields.updated": timesAreTexts}},
	{call: callTypes, status: "200", method: "GET", path: "/issue/createmeta/WORK/issuetypes", reads: []string{
		"issueTypes", "issueTypes[].id", "issueTypes[].name", "issueTypes[].subtask", "total",
	}},
	{call: callTypes, status: "400", method: "GET", path: "/issue/createmeta/ABSENT/issuetypes", reads: readOfError},
	{call: callFields, status: "200", method: "GET", path: "/issue/createmeta/FIELDS/issuetypes/10100", reads: []string{
		"fields", "fields[].fieldId", "fields[].name", "fields[].required", "fields[].hasDefaultValue", "total",
	}},
	{call: callFields, status: "400", method: "GET", path: "/issue/createmeta/ABSENT/issuetypes/10100", reads: readOfError},
	{call: callEdit, status: "200", method: "GET", path: "/issue/WORK-1/editmeta", reads: []string{"fields", "fields.summary"}},
	{call: callTransitions, status: "200", project: "ASKS", method: "GET", path: "/issue/ASKS-1/transitions?expand=transitions.fields", reads: []string{
		"transitions", "transitions[].id", "transitions[].isAvailable", "transitions[].to", "transitions[].to.id", "transitions[].to.statusCategory",
		"transitions[].to.statusCategory.key", "transitions[].fields", "transitions[].fields.resolution.name as transitions[].fields.summary.name",
		"transitions[].fields.resolution.required as transitions[].fields.summary.required",
		"transitions[].fields.resolution.hasDefaultValue as transitions[].fields.summary.hasDefaultValue",
	}},
}

// TestAnswersAreLikeTheExamples: each answer of the fake server has the members that
// the connector reads, of the kinds that Atlassian's example has, and no member of
// both is of another kind.
func TestAnswersAreLikeTheExamples(t *testing.T) {
	published := loadExamples(t)
	for _, one := range likenesses {
		t.Run(one.call+" "+one.status, func(t *testing.T) {
			d := start(t, Cloud, nil)
			project := one.project
			if project == "" {
				project = "WORK"
			}

			if one.call != callCreate {
				made := fmt.Sprintf(`{"fields":{"project":{"key":%q},"issuetype":{"name":"Task"},"summary":"x","description":%s}}`, project, documentOf("Main order flow broken"))
				if r := d.send(ours, "POST", "/issue", made); r.status != http.StatusCreated {
					t.Fatalf("%d %s", r.status, r.text)
				}
			}

			got := d.send(ours, one.method, one.path, one.body)
			if fmt.Sprint(got.status) != one.status || !strings.HasPrefix(got.header.Get("Content-Type"), "application/json") {
				t.Fatalf("%d %s: %s", got.status, got.header.Get("Content-Type"), got.text)
			}

			one.compare(t, published.of(t, one.call, one.status), got.text)
		})
	}
}

func (l likeness) compare(t *testing.T, example, answered string) {
	t.Helper()
	want, err := recording.Kinds([]byte(example))
	if err != nil {
		t.Fatal(err)
	}

	have, err := recording.Kinds([]byte(answered))
	if err != nil {
		t.Fatal(err)
	}

	for _, path := range l.reads {
		path, theirs, named := strings.Cut(path, " as ")
		if !named {
			theirs = path
		}

		if have[path] == "" || have[path] != want[theirs] {
			t.Errorf("%s is %q, in the example %q", path, have[path], want[theirs])
		}
	}

	for path := range have {
		_, contradicts := l.contradicts[path]
		differ := want[path] != "" && want[path] != have[path]
		if differ != contradicts {
			t.Errorf("%s is %q, in the example %q", path, have[path], want[path])
		}
	}
}

// An exampleServer answers with the examples, and keeps what it was asked.
type exampleServer struct {
	t       *testing.T
	client  *outbound.Client
	answers map[string]string // by method and path below the API's root, without a query
	status  map[string]int    // where it is not 200
	asked   []*url.URL
	written map[string]string // bodies of writes
}

func newExampleServer(t *testing.T) *exampleServer {
	t.Helper()
	s := &exampleServer{t: t, answers: map[string]string{}, status: map[string]int{}, written: map[string]string{}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(s.answer))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{trusted().certificate}}
	server.StartTLS()
	at := netip.MustParseAddrPort(server.Listener.Addr().String())
	s.client = outbound.New(outbound.Config{
		Hosts: hosts, RootCAs: trusted().roots, Overrides: map[string]netip.AddrPort{"api.atlassian.com": at}, Timeout: connectortest.Limit,
	})
	t.Cleanup(func() { s.client.CloseIdle(); server.Close() })

	return s
}

func (s *exampleServer) answer(w http.ResponseWriter, r *http.Request) {
	path, below := strings.CutPrefix(r.URL.Path, "/ex/jira/"+cloudID+"/rest/api/3")
	name := r.Method + " " + path
	text, known := s.answers[name]
	if !known || !below {
		s.t.Errorf("%s %s has no example", r.Method, r.URL)
		w.WriteHeader(http.StatusTeapot)
		return
	}

	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}

	s.asked = append(s.asked, r.URL)
	s.written[name] = string(body)

	w.Header().Set("Content-Type", mediaType)
	if status := s.status[name]; status != 0 {
		w.WriteHeader(status)
	}

	_, _ = io.WriteString(w, text)
}

// connect is the product's connector, which goes to the gateway.
func (s *exampleServer) connect() *product.Connector {
	return product.New(product.Config{
		Flavor: form.Cloud, BaseURL: "https://api.atlassian.com/ex/jira/" + cloudID, Email: email, Token: ours, ProjectKey: "EX", IssueType: "Bug", Labels: true,
	}, s.client, nil)
}

// completed is the example of an issue with the fields that it leaves out, each
// of which has an example elsewhere in the description.
func (e examples) completed(t *testing.T) string {
	t.Helper()
	var whole map[string]any
	if err := json.Unmarshal([]byte(e.of(t, callIssue, "200")), &whole); err != nil {
		t.Fatal(err)
	}

	var status any
	if err := json.Unmarshal([]byte(e.of(t, callStatus, "200")), &status); err != nil {
		t.Fatal(err)
	}

	fields := whole["fields"].(map[string]any)
	attached := fields["attachment"].([]any)[0].(map[string]any)["created"]
	fields["status"] = status
	fields["created"] = attached
	fields["updated"] = attached
	fields["summary"] = "My Multi Select"
	fields["labels"] = []string{"bugfix"}
	fields["issuetype"] = map[string]any{"id": "1", "name": "Bug"}

	return string(tracker.Encode(whole))
}

// The product itself is held against the answers that Atlassian publishes.

const examplePage = "https://your-domain.atlassian.net/browse/"

var (
	exampleIssue = domain.Remote{ID: "10002", Key: "ED-1", URL: examplePage + "ED-1", State: domain.Open}
	exampleTime  = time.Date(2022, 10, 6, 7, 32, 47, 0, time.UTC)
)

// serve is a server that has the examples of what every connector asks for.
func (e examples) serve(t *testing.T) *exampleServer {
	t.Helper()
	s := newExampleServer(t)
	s.answers["GET /project/EX"] = e.of(t, callProject, "200")
	s.answers["GET /serverInfo"] = e.of(t, callServer, "200")
	s.answers["GET /myself"] = e.of(t, callMyself, "200")
	s.answers["GET /mypermissions"] = e.of(t, callPermissions, "200")

	return s
}

func TestTheConnectorReadsTheExampleOfAProject(t *testing.T) {
	published := loadExamples(t)
	place, err := published.serve(t).connect().Resolve(t.Context())
	want := connector.Place{Instance: cloudID, ID: "10000", Name: "EX", URL: examplePage + "EX"}
	if err != nil || place != want {
		t.Errorf("%+v, %v", place, err)
	}
}

func TestTheConnectorReadsTheExampleOfAnIssue(t *testing.T) {
	published := loadExamples(t)
	s := published.serve(t)
	s.answers["GET /issue/10002"] = published.completed(t)
	o, err := s.connect().Read(t.Context(), domain.Remote{ID: "10002", Key: "ED-1"})
	if err != nil || o.Remote != exampleIssue || o.Title != "My Multi Select" || o.UpdatedAt != exampleTime || o.CreatedAt != exampleTime || o.Marker != (connector.Marker{}) {
		t.Errorf("%+v, %v", o, err)
	}
}

// The example as it stands has neither a status nor the time of its creation.
func TestTheConnectorRefusesAnIssueWithoutAStatus(t *testing.T) {
	published := loadExamples(t)
	s := published.serve(t)
	s.answers["GET /issue/10002"] = published.of(t, callIssue, "200")
	_, err := s.connect().Read(t.Context(), domain.Remote{ID: "10002", Key: "ED-1"})
	if got := failed(t, err); got.Code != "answer_unreadable" || got.Class != failure.Retryable {
		t.Errorf("%+v", got)
	}
}

// A list is asked for in the time zone of the account.
func TestTheConnectorReadsTheExampleOfAList(t *testing.T) {
	published := loadExamples(t)
	s := published.serve(t)
	list := published.of(t, callSearch, "200")
	s.answers["GET /search/jql"] = `{"isLast":true,"issues":[` + published.completed(t) + `]}`
	if kinds, err := recording.Kinds([]byte(list)); err != nil || kinds["isLast"] != "boolean" || kinds["issues[]"] != "object" {
		t.Errorf("the example is no list of issues: %v, %v", kinds, err)
	}

	objects, more, err := s.connect().Changes(t.Context(), time.Date(2020, 1, 2, 3, 4, 0, 0, time.UTC), 0)
	if err != nil || more || len(objects) != 1 || objects[0].Remote != exampleIssue {
		t.Errorf("%+v, %v, %v", objects, more, err)
	}

	asked := slices.IndexFunc(s.asked, func(u *url.URL) bool { return strings.HasSuffix(u.Path, "/search/jql") })
	if asked < 0 || !strings.Contains(s.asked[asked].Query().Get("jql"), `updated >= "2020-01-02 14:04"`) {
		t.Errorf("the zone Australia/Sydney was not read: %v", s.asked)
	}
}

func TestTheConnectorReadsTheExampleOfACreate(t *testing.T) {
	published := loadExamples(t)
	s := published.serve(t)
	s.answers["POST /issue"] = published.of(t, callCreate, "201")
	s.status["POST /issue"] = http.StatusCreated
	s.answers["GET /issue/10000"] = published.completed(t) // of another issue, so nothing of it counts
	written, err := s.connect().Create(t.Context(), connector.Content{Title: "x", State: domain.Open}, marker)
	want := domain.Remote{ID: "10000", Key: "ED-24", URL: examplePage + "ED-24", State: domain.Open}
	if err != nil || written.Remote != want {
		t.Errorf("%+v, %v", written, err)
	}
}

func TestTheConnectorReadsTheExampleOfARefusal(t *testing.T) {
	published := loadExamples(t)
	s := published.serve(t)
	s.answers["POST /issue"] = published.of(t, callCreate, "400")
	s.status["POST /issue"] = http.StatusBadRequest
	_, err := s.connect().Create(t.Context(), connector.Content{Title: "x", State: domain.Open}, marker)
	if got := failed(t, err); got.Code != "rejected" || got.Scope != failure.ItemScope || !strings.Contains(got.Detail, "Field 'priority' is required") {
		t.Errorf("%+v", got)
	}
}

// The example grants one permission of four.
func TestTheConnectorReadsTheExampleOfPermissions(t *testing.T) {
	published := loadExamples(t)
	checks, err := published.serve(t).connect().Check(t.Context())
	if failed := states(checks); failed["update"] != "ok" || failed["list"] != "no(role_too_low)" || failed["create"] != "no(role_too_low)" {
		t.Errorf("%v, %v", checks, err)
	}
}

func TestTheConnectorReadsTheExamplesOfScreens(t *testing.T) {
	published := loadExamples(t)
	s := published.serve(t)
	s.answers["GET /mypermissions"] = allGranted(t, published.of(t, callPermissions, "200"))
	s.answers["GET /issue/createmeta/EX/issuetypes"] = published.of(t, callTypes, "200")
	s.answers["GET /issue/createmeta/EX/issuetypes/1"] = published.of(t, callFields, "200")
	s.answers["GET /search/jql"] = `{"isLast":true,"issues":[` + published.completed(t) + `]}`
	s.answers["GET /issue/10002/editmeta"] = published.of(t, callEdit, "200")
	checks, err := s.connect().Check(t.Context())
	want := map[string]string{
		"reachable": "ok", "credentials": "ok", "target": "ok", "list": "ok", "create": "ok", "issue_type": "ok",
		"required_fields": "no(field_required)", "update": "no(field_not_settable)", "close": "no(field_not_settable)", "reopen": "no(field_not_settable)",
		"labels": "no(labels_not_settable)",
	}
	if got := states(checks); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v, %v", got, want, err)
	}

	if err == nil || !strings.Contains(err.Error(), "Assignee (assignee)") || !strings.Contains(err.Error(), "description is not on the edit screen") {
		t.Errorf("the fields are not named: %v", err)
	}
}

func TestTheConnectorReadsTheExampleOfAClosedScreen(t *testing.T) {
	published := loadExamples(t)
	s := published.serve(t)
	s.answers["GET /mypermissions"] = allGranted(t, published.of(t, callPermissions, "200"))
	s.answers["GET /issue/createmeta/EX/issuetypes"] = published.of(t, callTypes, "400")
	s.status["GET /issue/createmeta/EX/issuetypes"] = http.StatusBadRequest
	s.answers["GET /search/jql"] = `{"isLast":true,"issues":[]}`
	checks, err := s.connect().Check(t.Context())
	if got := states(checks); got["issue_type"] != "?(not_told)" || got["required_fields"] != "?(not_told)" || got["create"] != "ok" {
		t.Errorf("%v, %v", got, err)
	}

	if err == nil || !strings.Contains(err.Error(), "must not exceed the limit '200'") {
		t.Errorf("Jira's words are lost: %v", err)
	}
}

func TestTheConnectorReadsTheExampleOfTransitions(t *testing.T) {
	published := loadExamples(t)
	s := published.serve(t)
	s.answers["PUT /issue/10002"] = ""
	s.status["PUT /issue/10002"] = http.StatusNoContent
	s.answers["GET /issue/10002"] = published.completed(t)
	ways := published.of(t, callTransitions, "200")
	s.answers["GET /issue/10002/transitions"] = ways
	s.answers["POST /issue/10002/transitions"] = ""
	s.status["POST /issue/10002/transitions"] = http.StatusNoContent
	sent := connector.Sent{Remote: exampleIssue, State: domain.Open}
	content := connector.Content{Title: "x", State: domain.Closed}
	_, err := s.connect().Update(t.Context(), sent, content, marker)
	if got := failed(t, err); got.Code != "cannot_close" || s.written["POST /issue/10002/transitions"] != "" {
		t.Errorf("a category of no known key: %+v", got)
	}

	// Jira has three categories, and the key of the last one is "done".
	s.answers["GET /issue/10002/transitions"] = strings.ReplaceAll(ways, `"key":"completed"`, `"key":"done"`)
	written, err := s.connect().Update(t.Context(), sent, content, marker)
	if err != nil || written.Remote.State != domain.Closed || s.written["POST /issue/10002/transitions"] != `{"transition":{"id":"711"}}` {
		t.Errorf("%+v, %v, %s", written, err, s.written["POST /issue/10002/transitions"])
	}
}

// states are checks by name, as connector.Check writes them.
func states(checks []connector.Check) map[string]string {
	all := map[string]string{}
	for _, one := range checks {
		_, all[one.Name], _ = strings.Cut(one.String(), "=")
	}

	return all
}

// allGranted is the example of a permission for each one that the connector asks
// for.
func allGranted(t *testing.T, example string) string {
	t.Helper()
	var told struct {
		Permissions map[string]json.RawMessage `json:"permissions"`
	}
	if err := json.Unmarshal([]byte(example), &told); err != nil {
		t.Fatal(err)
	}

	edit := slices.Collect(maps.Values(told.Permissions))[0]
	for _, name := range []string{"BROWSE_PROJECTS", "CREATE_ISSUES", "TRANSITION_ISSUES"} {
		told.Permissions[name] = edit
	}

	return string(tracker.Encode(told))
}

// Every call that the connector makes has an example, or stands here.
func TestCallsWithoutAnExample(t *testing.T) {
	part := regexp.MustCompile(`\{[A-Za-z]+\}`)
	var without []string
	for _, need := range product.Needs {
		call := part.ReplaceAllString(need.Call, "{}")
		has := slices.ContainsFunc(likenesses, func(l likeness) bool { return part.ReplaceAllString(l.call, "{}") == call })
		if !has && !slices.Contains(without, call) {
			without = append(without, call)
		}
	}

	want := []string{
		"GET /_edge/tenant_info",     // is no part of the API
		"GET /search",                // is Data Center's, which nobody describes
		"PUT /issue/{}",              // is answered with nothing, or with an issue
		"POST /issue/{}/transitions", // is answered with nothing
	}
	if !slices.Equal(without, want) {
		t.Errorf("%q have no example, want %q", without, want)
	}
}
