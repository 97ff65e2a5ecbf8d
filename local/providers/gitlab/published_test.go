package gitlab

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/local/recording"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	product "example.com/integrations/shared/connector/gitlab"
	"example.com/integrations/shared/domain"
)

// Where GitLab documents its answers.
const (
	issuesSource   = "https://docs.gitlab.com/api/issues/, gitlabhq spec/fixtures/api/schemas/public_api/v4/issue.json"
	projectsSource = "https://docs.gitlab.com/api/projects/#retrieve-a-project"
	tokensSource   = "https://docs.gitlab.com/api/personal_access_tokens/#self-inform"
	membersSource  = "https://docs.gitlab.com/api/members/, gitlabhq spec/fixtures/api/schemas/public_api/v4/members.json"
	errorsSource   = "https://docs.gitlab.com/api/rest/troubleshooting/#status-code-400"
	spamSource     = "https://docs.gitlab.com/api/rest/troubleshooting/#requests-detected-as-spam"
	guardSource    = "gitlabhq lib/api/api_guard.rb"
	helpersSource  = "gitlabhq lib/api/helpers.rb"
	// GitLab's own client in Go (https://gitlab.com/gitlab-org/api/client-go). Of
	// the 129 JSON files of its test data these two show an answer that we read: an
	// issue and a token. The other files are of other calls, and the answers that
	// stand in its test code have only the few members that the test compares.
	clientSource = "gitlab.com/gitlab-org/api/client-go v1.46.0 testdata/"
)

// issueMembers are those that every issue has, in the kinds that GitLab documents.
const issueMembers = `"project_id":4,"milestone":null,"assignees":[],"author":{"id":18,"username":"eileen","name":"Eileen","state":"active","web_url":"https://gitlab.test/eileen","avatar_url":null},` +
	`"user_notes_count":0,"upvotes":0,"downvotes":0,"due_date":null,"confidential":false,"merge_requests_count":0,"task_completion_status":{"count":0,"completed_count":0},` +
	`"time_stats":{"time_estimate":0,"total_time_spent":0,"human_time_estimate":null,"human_total_time_spent":null},"references":{"short":"#14","relative":"#14","full":"group/project#14"},` +
	`"_links":{"self":"https://gitlab.test/x","notes":"https://gitlab.test/x","award_emoji":"https://gitlab.test/x","project":"https://gitlab.test/x"},` +
	`"id":84,"iid":14,"title":"Issues with auth","web_url":"http://gitlab.test/group/project/issues/14","created_at":"2016-01-07T12:44:33.959Z"`

// The answers, with members and kinds as GitLab documents them. The values are ours.
const (
	openIssue   = `{` + issueMembers + `,"description":null,"state":"opened","labels":["bug"],"updated_at":"2016-01-07T12:44:33.959Z","closed_at":null,"closed_by":null,"moved_to_id":null}`
	closedIssue = `{` + issueMembers + `,"description":"Text","state":"closed","labels":[],"updated_at":"2016-01-07T12:55:16.213Z","closed_at":"2016-01-08T12:55:16.213Z",` +
		`"closed_by":{"id":1,"username":"root","name":"Administrator","state":"active","web_url":"https://gitlab.test/root","avatar_url":null}}`
	oneProject = `{"id":3,"description":null,"name":"Site","name_with_namespace":"Diaspora / Site","path":"site","path_with_namespace":"diaspora/site","created_at":"2013-09-30T13:46:02Z",` +
		`"default_branch":"main","web_url":"https://example.com/diaspora/site","visibility":"private","archived":false,"issues_enabled":true,"issues_access_level":"enabled",` +
		`"permissions":{"project_access":{"access_level":10,"notification_level":3},"group_access":null}}`
	ownTokenAnswer = `{"id":4,"name":"Test Token","revoked":false,"created_at":"2020-07-23T14:31:47.729Z","description":null,"scopes":["api"],"user_id":3,"last_used_at":null,"active":true,"expires_at":"2027-01-01"}`
	oneMember      = `{"id":3,"username":"raymond","name":"Raymond","state":"active","avatar_url":null,"web_url":"https://gitlab.test/raymond","access_level":30,"expires_at":null}`
)

// The issue and the token as the client's test data have them: an issue with its
// one assignee on top of the list of them, and a token that has been used and does
// not expire.
const (
	clientPerson = `{"name":"Miss Axel","username":"axel","id":12,"state":"active","avatar_url":"http://avatars.test/12","web_url":"https://gitlab.test/axel"}`
	clientIssue  = `{"id":92,"iid":11,"project_id":5,"title":"Moved","description":"Text","state":"opened","created_at":"2016-04-05T21:41:45.652Z","updated_at":"2016-04-07T12:20:17.596Z",` +
		`"closed_at":null,"closed_by":null,"labels":[],"upvotes":4,"downvotes":0,"merge_requests_count":0,"milestone":null,"assignees":[` + clientPerson + `],"assignee":` + clientPerson + `,` +
		`"author":` + clientPerson + `,"due_date":null,"web_url":"http://example.com/example/example/issues/11","time_stats":{"time_estimate":0,"total_time_spent":0,"human_time_estimate":null,` +
		`"human_total_time_spent":null},"confidential":false,"discussion_locked":false,"_links":{"self":"http://example.com/x","notes":"http://example.com/x","award_emoji":"http://example.com/x",` +
		`"project":"http://example.com/x"},"task_completion_status":{"count":0,"completed_count":0}}`
	clientToken = `{"id":1,"name":"Test Token","description":"Text","revoked":false,"created_at":"2020-07-23T14:31:47.729Z","scopes":["api"],"user_id":1,"last_used_at":"2021-10-06T17:58:37.550Z","active":true,"expires_at":null}`
)

// A publication is an answer as GitLab documents it, and what the fake server is
// asked to give a like one.
type publication struct {
	name, source string
	status       int
	text         string

	method, path, body string
	token              string // "" is ours
	// unlike says why the fake server answers otherwise. Its answer is given then.
	unlike, answers string
	// differs are members of another kind, or that the fake server's state does not
	// have, each with the reason.
	differs map[string]string
	also    string   // members of the issue that is there before
	code    string   // that the connector gives a refused create
	words   []string // of the answer that the connector must not lose
}

const nobodyAssigned = "the fake server's issues have no assignee"

const publicPath = "/gitlab/api/v4/projects/acme%2Fpublic"

var publications = []publication{
	{name: "list", source: issuesSource, status: 200, text: `[` + openIssue + `]`, method: "GET", path: work + "/issues?state=opened"},
	{name: "issue", source: issuesSource, status: 200, text: openIssue, method: "GET", path: work + "/issues/1"},
	{name: "new issue", source: issuesSource, status: 201, text: openIssue, method: "POST", path: work + "/issues", body: `{"title":"Issues with auth","labels":"bug"}`},
	{name: "closed issue", source: issuesSource, status: 200, text: closedIssue, method: "PUT", path: work + "/issues/1", body: `{"description":"Text","remove_labels":"bug","state_event":"close"}`},
	{name: "project", source: projectsSource, status: 200, text: oneProject, method: "GET", path: publicPath},
	{name: "own token", source: tokensSource, status: 200, text: ownTokenAnswer, method: "GET", path: "/gitlab/api/v4/personal_access_tokens/self"},
	{name: "member", source: membersSource, status: 200, text: oneMember, method: "GET", path: publicPath + fmt.Sprintf("/members/all/%d", identify("sync-bot"))},

	{name: "issue of the client", source: clientSource + "issue_move.json", status: 200, text: clientIssue, method: "GET", path: work + "/issues/1", also: `,"description":"Text"`, differs: map[string]string{
		"assignee": nobodyAssigned, "assignees[]": nobodyAssigned, "discussion_locked": "it is null until somebody locks the discussion", "author.avatar_url": "the author has no picture",
	}},
	{name: "token of the client", source: clientSource + "list_personal_access_tokens_single.json", status: 200, text: clientToken, method: "GET", path: "/gitlab/api/v4/personal_access_tokens/self", differs: map[string]string{
		"description": "our token has no description", "last_used_at": "the fake server notes no use of a token", "expires_at": "our token expires",
	}},

	{name: "validation", source: errorsSource, status: 400, text: `{"message":{"title":["is too long (maximum is 255 characters)"]}}`,
		method: "POST", path: work + "/issues", body: `{"title":"` + strings.Repeat("x", 256) + `"}`, code: "rejected", words: []string{"title: is too long"}},
	{name: "validation of a part", source: errorsSource, status: 400, text: `{"message":{"author":{"bio":["is too long (maximum is 255 characters)"]}}}`,
		unlike: "an issue has no part of its own that can be invalid", code: "rejected", words: []string{"author.bio: is too long"}},
	{name: "missing member", source: errorsSource, status: 400, text: `{"message":"400 (Bad request) \"title\" not given"}`, method: "POST", path: work + "/issues", body: `{"description":"x"}`,
		unlike: "the checks of the API itself come first (lib/api/issues.rb: requires :title), and Grape words them", answers: `{"error":"title is missing"}`,
		code: "rejected", words: []string{`"title" not given`}},
	{name: "spam with a captcha", source: spamSource, status: 409, method: "POST", path: work + "/issues", body: `{"title":"cheap watches"}`,
		text: `{"needs_captcha_response":true,"spam_log_id":42,"captcha_site_key":"key","message":{"error":"Your issue has been recognized as spam. Please, change the content or solve the reCAPTCHA to proceed."}}`,
		code: "captcha_required", words: []string{"recognized as spam"}},
	{name: "spam without one", source: spamSource, status: 400, text: `{"message":{"error":"Your issue has been recognized as spam and has been discarded."}}`,
		unlike: "a captcha service is configured", code: "rejected", words: []string{"has been discarded"}},
	{name: "no token", source: helpersSource, status: 401, text: `{"message":"401 Unauthorized"}`, method: "POST", path: work + "/issues", body: `{"title":"x"}`, token: "unknown",
		code: "credentials_rejected", words: []string{"401 Unauthorized"}},
	{name: "revoked token", source: guardSource, status: 401, text: `{"error":"invalid_token","error_description":"Token was revoked. You have to re-authorize from the user."}`,
		unlike: "only a bearer's token is answered so, and ours is sent in PRIVATE-TOKEN", code: "credentials_rejected", words: []string{"Token was revoked"}},
	{name: "scope", source: guardSource, status: 403, text: `{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token.","scope":"api"}`,
		method: "POST", path: work + "/issues", body: `{"title":"x"}`, token: reader, code: "forbidden", words: []string{"higher privileges"}},
	{name: "no right", source: helpersSource, status: 403, text: `{"message":"403 Forbidden"}`, method: "POST", path: "/gitlab/api/v4/projects/acme%2Fattic/issues", body: `{"title":"x"}`,
		code: "forbidden", words: []string{"403 Forbidden"}},
	{name: "no project", source: helpersSource, status: 404, text: `{"message":"404 Project Not Found"}`, method: "POST", path: "/gitlab/api/v4/projects/acme%2Fabsent/issues", body: `{"title":"x"}`,
		code: "target_not_found", words: []string{"404 Project Not Found"}},
	{name: "moved project", source: helpersSource, status: 405, text: `{"message":"Non GET methods are not allowed for moved projects"}`,
		method: "POST", path: "/gitlab/api/v4/projects/acme%2Fold/issues", body: `{"title":"x"}`, code: "target_moved", words: []string{"not allowed for moved projects"}},
}

// TestAnswersAreAsPublished: each answer of the fake server has the members that
// GitLab documents, of the same kinds.
func TestAnswersAreAsPublished(t *testing.T) {
	for _, p := range publications {
		t.Run(p.name, func(t *testing.T) {
			if p.method == "" {
				if p.unlike == "" {
					t.Error("it is neither asked for nor listed with a reason")
				}
				return
			}

			d := start(t, nil)
			if p.name != "new issue" {
				d.create(`{"title":"Issues with auth","labels":"bug"` + p.also + `}`)
			}

			token := p.token
			if token == "" {
				token = ours
			}

			got := d.send(p.method, p.path, p.body, "PRIVATE-TOKEN", token)
			if got.status != p.status || got.header.Get("Content-Type") != "application/json" {
				t.Fatalf("%d %s: %s", got.status, got.header.Get("Content-Type"), got.text)
			}

			if p.unlike != "" {
				if got.text != p.answers {
					t.Errorf("%s, want %s", got.text, p.answers)
				}
				return
			}

			sameKinds(t, p, got.text)
			d.noViolations()
		})
	}
}

// sameKinds: an answer has every member of the published one, of the same kind,
// but for those that the publication lists.
func sameKinds(t *testing.T, p publication, answered string) {
	t.Helper()
	want, err := recording.Kinds([]byte(p.text))
	if err != nil {
		t.Fatal(err)
	}

	got, err := recording.Kinds([]byte(answered))
	if err != nil {
		t.Fatal(err)
	}

	seen := map[string]bool{}
	for path, kind := range want {
		listed := ""
		for member := range p.differs {
			if path == member || strings.HasPrefix(path, member+".") {
				listed = member
			}
		}

		differs := got[path] != kind
		if differs && listed == "" {
			t.Errorf("%q is %q, published %s (%s)", path, got[path], kind, p.source)
		}

		seen[listed] = seen[listed] || differs
	}

	for member, reason := range p.differs {
		if !seen[member] {
			t.Errorf("%q does not differ: %s", member, reason)
		}
	}
}

// published is the product's connector to a server that gives published answers,
// by method and path below the API's root.
func published(t *testing.T, answers map[string]string, change ...func(*product.Config)) *product.Connector {
	t.Helper()
	client := connectortest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, _ := strings.CutPrefix(r.URL.EscapedPath(), "/api/v4")
		text, known := answers[r.Method+" "+path]
		if !known {
			t.Errorf("%s %s has no published answer", r.Method, path)
		}

		w.Header().Set("Content-Type", "application/json")
		switch {
		case !known:
			w.WriteHeader(http.StatusTeapot)
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusCreated)
		}

		_, _ = io.WriteString(w, text)
	}))

	config := product.Config{Project: "3", Token: ours, BaseURL: "https://" + connectortest.Host + "/api/v4", Labels: true}
	for _, one := range change {
		one(&config)
	}

	return product.New(config, client, nil)
}

// TestTheConnectorReadsWhatIsPublished: the product itself against the answers
// that GitLab documents.
func TestTheConnectorReadsWhatIsPublished(t *testing.T) {
	open := domain.Remote{ID: "84", Key: "14", URL: "http://gitlab.test/group/project/issues/14", State: domain.Open}
	closed := open
	closed.State = domain.Closed
	made := time.Date(2016, 1, 7, 12, 44, 33, 959e6, time.UTC)
	marker := connector.Marker{Integration: 1, Item: 2, Attempt: 1}

	t.Run("list", func(t *testing.T) {
		c := published(t, map[string]string{"GET /projects/3/issues": `[` + openIssue + `,` + closedIssue + `]`})
		objects, more, err := c.Changes(t.Context(), time.Time{}, 0)
		if err != nil || more || len(objects) != 2 || objects[0].Remote != open || objects[1].Remote != closed || objects[0].UpdatedAt != made || objects[0].Title != "Issues with auth" {
			t.Errorf("%+v, %v, %v", objects, more, err)
		}
	})

	t.Run("issue", func(t *testing.T) {
		o, err := published(t, map[string]string{"GET /projects/3/issues/14": closedIssue}).Read(t.Context(), open)
		if err != nil || o.Remote != closed || o.CreatedAt != made {
			t.Errorf("%+v, %v", o, err)
		}
	})

	t.Run("issue of the client", func(t *testing.T) {
		want := domain.Remote{ID: "92", Key: "11", URL: "http://example.com/example/example/issues/11", State: domain.Open}
		o, err := published(t, map[string]string{"GET /projects/3/issues/11": clientIssue}).Read(t.Context(), want)
		if err != nil || o.Remote != want || o.Title != "Moved" || o.CreatedAt != time.Date(2016, 4, 5, 21, 41, 45, 652e6, time.UTC) {
			t.Errorf("%+v, %v", o, err)
		}
	})

	t.Run("new issue", func(t *testing.T) {
		w, err := published(t, map[string]string{"POST /projects/3/issues": openIssue}).Create(t.Context(), connector.Content{Title: "Issues with auth"}, marker)
		if err != nil || w.Remote != open || w.CreatedAt != made {
			t.Errorf("%+v, %v", w, err)
		}
	})

	t.Run("closed issue", func(t *testing.T) {
		sent := connector.Sent{Remote: open, State: domain.Open}
		w, err := published(t, map[string]string{"PUT /projects/3/issues/14": closedIssue}).Update(t.Context(), sent, connector.Content{Title: "x", State: domain.Closed}, marker)
		if err != nil || w.Remote != closed || w.Seen.State != domain.Closed {
			t.Errorf("%+v, %v", w, err)
		}
	})

	t.Run("project", func(t *testing.T) {
		place, err := published(t, map[string]string{"GET /projects/3": oneProject}).Resolve(t.Context())
		want := connector.Place{Instance: "example.com", ID: "3", Created: "2013-09-30T13:46:02Z", Name: "diaspora/site", URL: "https://example.com/diaspora/site"}
		if err != nil || place != want {
			t.Errorf("%+v, %v", place, err)
		}
	})

	t.Run("rights", func(t *testing.T) {
		// The project says Guest and the list of members says Developer, who may
		// set labels.
		for id, token := range map[string]string{"3": ownTokenAnswer, "1": clientToken} {
			checks, err := published(t, map[string]string{
				"GET /projects/3": oneProject, "GET /personal_access_tokens/self": token, "GET /projects/3/members/all/" + id: oneMember,
			}).Check(t.Context())
			if err != nil || len(checks) != 10 {
				t.Errorf("%v, %v", checks, err)
			}

			for _, one := range checks {
				if one.OK == nil || !*one.OK {
					t.Errorf("%v", one)
				}
			}
		}
	})
}

// TestTheConnectorReadsPublishedRefusals: code, scope and words of each refusal
// of a create.
func TestTheConnectorReadsPublishedRefusals(t *testing.T) {
	scopes := map[string]failure.Scope{
		"rejected": failure.ItemScope, "captcha_required": failure.ItemScope, "credentials_rejected": failure.IntegrationScope,
		"target_not_found": failure.IntegrationScope, "target_moved": failure.IntegrationScope,
	}
	for _, p := range publications {
		if p.status < 400 {
			continue
		}

		t.Run(p.name, func(t *testing.T) {
			client := connectortest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if r.Method == http.MethodGet { // the project, which is looked at after a 403
					_, _ = io.WriteString(w, oneProject)
					return
				}

				w.WriteHeader(p.status)
				_, _ = io.WriteString(w, p.text)
			}))

			c := product.New(product.Config{Project: "3", Token: ours, BaseURL: "https://" + connectortest.Host + "/api/v4"}, client, nil)
			_, err := c.Create(t.Context(), connector.Content{Title: "x"}, connector.Marker{Integration: 1, Item: 2})
			failure := connectortest.Failure(t, err)
			if failure.Code != p.code || failure.Status != p.status {
				t.Errorf("%+v", failure)
			}

			if scope, known := scopes[p.code]; known && failure.Scope != scope {
				t.Errorf("scope %v of %+v", failure.Scope, failure)
			}

			for _, one := range p.words {
				if !strings.Contains(failure.Detail, one) {
					t.Errorf("%q is not in %q", one, failure.Detail)
				}
			}
		})
	}
}

// Every call that the connector makes is in the table.
func TestEveryCallIsInTheTable(t *testing.T) {
	answers := map[string]string{
		"GET /projects/{id}/issues": "list", "POST /projects/{id}/issues": "new issue", "PUT /projects/{id}/issues/{iid}": "closed issue",
		"GET /projects/{id}": "project", "GET /personal_access_tokens/self": "own token", "GET /projects/{id}/members/all/{user_id}": "member",
	}
	for _, need := range product.Needs {
		at := slices.IndexFunc(publications, func(p publication) bool { return p.name == answers[need.Call] })
		if at < 0 || !strings.HasPrefix(need.Call, publications[at].method+" ") {
			t.Errorf("%s has no published answer", need.Call)
		}
	}
}
