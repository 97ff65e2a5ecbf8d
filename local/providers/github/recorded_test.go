package github

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/integrations/local/recording"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	product "example.com/integrations/shared/connector/github"
	"example.com/integrations/shared/domain"
)

// The members that the connector reads, by what an answer holds. What github.com
// had before decides their values. An issue's id is not among them: GitHub counts
// all issues of the world.
var (
	readOfIssue = []string{
		"number", "state", "html_url", "title", "body", "created_at", "updated_at", "labels", "pull_request", "user.login", "author_association",
	}
	readOfList       = within("[]", readOfIssue)
	readOfRepository = []string{
		"id", "full_name", "html_url", "created_at", "has_issues", "archived", "private",
		"permissions.push", "permissions.triage", "permissions.maintain", "permissions.admin",
	}
	readOfRedirect = []string{"message", "url", "documentation_url"}
)

func within(path string, members []string) []string {
	var all []string
	for _, name := range members {
		all = append(all, path+"."+name)
	}

	return all
}

// A kindOfCall is a group of recorded exchanges.
type kindOfCall struct {
	call *regexp.Regexp // method, path and status
	// equal are the members of the answer that must be equal. Without them the
	// exchange is not held, for a reason.
	equal  []string
	reason string
}

// kindsOfCalls sort the recorded exchanges. The first one that fits counts.
var kindsOfCalls = []kindOfCall{
	// What the connector calls, and what it may be answered.
	{call: regexp.MustCompile(`^(GET|PATCH) /repos/[^/]+/[^/]+ 30[17]$`), equal: readOfRedirect},
	{call: regexp.MustCompile(`^GET /(repos/[^/]+/[^/]+|repositories/\d+) 200$`), equal: readOfRepository},
	{call: regexp.MustCompile(`^GET /(repos/[^/]+/[^/]+|repositories/\d+)/issues(\?\S*)? 200$`), equal: readOfList},
	{call: regexp.MustCompile(`^POST /repos/[^/]+/[^/]+/issues 201$`), equal: readOfIssue},

	// Refusals of other calls: TestRecordedRefusals looks at their form.
	{call: regexp.MustCompile(` 4\d\d$`), reason: refusalReason},

	// What the connector does not call.
	{call: regexp.MustCompile(`^POST /orgs/[^/]+/repos `), reason: "a person makes the repository: the fake server is given it"},
	{call: regexp.MustCompile(`^PATCH /(repos/[^/]+/[^/]+|repositories/\d+) 200$`), reason: "a person renames or describes the repository: the fake server's Rename does it"},
	{call: regexp.MustCompile(`^DELETE /(repos/[^/]+/[^/]+|repositories/\d+) `), reason: "a person deletes the repository"},
	{call: regexp.MustCompile(`/labels`), reason: "labels go with the issue itself"},
	{call: regexp.MustCompile(`/issues/\d+/lock `), reason: "issues are not locked"},
	{call: regexp.MustCompile(`^GET /search/issues`), reason: "issues are listed, not searched for"},
	{call: regexp.MustCompile(`/collaborators|/invitations|^PATCH /user/repository_invitations|^PUT /teams/`), reason: "rights are left alone"},
	{call: regexp.MustCompile(`/branches/|/git/refs|/commits/|/statuses/`), reason: "git is left alone"},
	{call: regexp.MustCompile(`/contents/|/tarball/|/legacy\.tar\.gz/`), reason: "files are left alone"},
	{call: regexp.MustCompile(`/releases`), reason: "releases are left alone"},
	{call: regexp.MustCompile(`^\w+ (/repos/[^/]+/[^/]+)?/projects`), reason: "project boards are left alone"},
	{call: regexp.MustCompile(`^GET (/|/orgs/[^/]+) `), reason: "neither an organization nor the list of addresses is read"},
	{call: regexp.MustCompile(`^PUT /notifications `), reason: "notifications are left alone"},
	{call: regexp.MustCompile(`^POST /markdown`), reason: "GitHub renders nothing for us"},
}

const refusalReason = "a refusal of a call that the connector does not make"

// sortRecording finds the kind of an exchange, nil where there is none.
func sortRecording(e recording.Exchange) *kindOfCall {
	call := e.Request.Method + " " + e.Request.Path + " " + strconv.Itoa(e.Response.Status)
	at := slices.IndexFunc(kindsOfCalls, func(k kindOfCall) bool { return k.call.MatchString(call) })
	if at < 0 {
		return nil
	}

	return &kindsOfCalls[at]
}

// TestRecordedExchanges: the fake server is given what github.com had, is asked what
// github.com was asked, in the same order, and must answer alike.
func TestRecordedExchanges(t *testing.T) {
	scenarios := octokit(t)
	used := map[*kindOfCall]bool{}
	held := 0
	refusals := 0
	others := 0
	for _, scenario := range slices.Sorted(maps.Keys(scenarios)) {
		p := declared(t, scenarios[scenario])
		for _, e := range scenarios[scenario] {
			kind := sortRecording(e)
			used[kind] = true
			switch {
			case kind == nil:
				t.Errorf("%s, %s %s, is neither held nor listed", e.Case, e.Request.Method, e.Request.Path)
			case kind.equal != nil:
				held++
				t.Run(e.Case, func(t *testing.T) { p.answersAs(t, e, kind.equal) })
			case kind.reason == refusalReason:
				refusals++
			default:
				others++
				p.instead(t, e)
			}
		}

		p.noViolations()
	}

	for i := range kindsOfCalls {
		if !used[&kindsOfCalls[i]] {
			t.Errorf("no recording is like %v", kindsOfCalls[i].call)
		}
	}

	t.Logf("%d recorded exchanges held, %d refusals held for their form, %d listed", held, refusals, others)
	if held != 26 || refusals != 3 || others != 103 {
		t.Error("the recordings are others than these were written for")
	}
}

// The accounts that the recorded exchanges were made with, by the text that
// stands for their tokens. The first one administers the organization.
const (
	fixtureOrg  = "octokit-fixture-org"
	fixtureUser = "octokit-fixture-user-a"
	otherUser   = "octokit-fixture-user-b"
)

// fixtureTokens are classic ones, as the recorded ones were.
var fixtureTokens = map[string]string{
	"token 0000000000000000000000000000000000000001": "ghp" + "_" + strings.Repeat("1", 36),
	"token 0000000000000000000000000000000000000002": "ghp" + "_" + strings.Repeat("2", 36),
}

func tokenOf(e recording.Exchange) string { return fixtureTokens[*e.Request.Header["Authorization"]] }

// A past is a fake server in the state that github.com had at a time.
type past struct {
	double
	client *http.Client
	clock  *clock
}

// declared gives a fake server the repository of a scenario: its name, its id, and
// when it was made.
func declared(t *testing.T, exchanges []recording.Exchange) past {
	t.Helper()
	var found struct {
		ID       int64     `json:"id"`
		FullName string    `json:"full_name"`
		Created  time.Time `json:"created_at"`
	}
	for _, e := range exchanges {
		if err := json.Unmarshal(e.Response.Body.Bytes(), &found); err == nil && found.FullName != "" {
			break
		}
	}

	owner, name, _ := strings.Cut(found.FullName, "/")

	at := newClock()
	scopes := exchanges[0].Response.Header["X-Oauth-Scopes"]
	d := start(t, func(c *Config) {
		c.Now = at.now
		c.Tokens = map[string]string{}
		c.Scopes = map[string]string{}
		for text, token := range fixtureTokens {
			c.Tokens[token] = otherUser
			if strings.HasSuffix(text, "1") {
				c.Tokens[token] = fixtureUser
			}
			c.Scopes[token] = scopes
		}

		c.Repositories = []Repository{{Owner: owner, Name: name, ID: found.ID, Created: found.Created, Admin: []string{fixtureUser}, Push: []string{}}}
	})

	client, _ := serveGitHub(t, d.API())

	return past{d, client, at}
}

// instead does what a person did with the repository.
func (p past) instead(t *testing.T, e recording.Exchange) {
	t.Helper()
	var asked struct{ Name string }
	_, path, _ := strings.Cut(e.Request.Path, "/repos/")
	owner, name, ok := strings.Cut(path, "/")
	if e.Request.Method != http.MethodPatch || !ok || strings.Contains(name, "/") {
		return
	}

	if err := json.Unmarshal(e.Request.Body.Bytes(), &asked); err != nil {
		t.Fatal(err)
	}

	if err := p.Rename(owner, name, owner, asked.Name); err != nil {
		t.Fatal(err)
	}
}

// ask sends a request to the fake server as it went to github.com.
func (p past) ask(t *testing.T, e recording.Exchange) reply {
	t.Helper()
	body := string(e.Request.Body.Bytes())
	request, err := http.NewRequestWithContext(t.Context(), e.Request.Method, "https://"+gitHubHost+e.Request.Path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}

	request.Header.Set("Authorization", "token "+tokenOf(e))
	request.Header.Set("Accept", "application/vnd.github.v3+json")
	if body != "" {
		request.Header.Set("Content-Type", "application/json; charset=utf-8")
	}

	response, err := p.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}

	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}

	return reply{response.StatusCode, response.Header, string(text)}
}

// answersAs asks what was asked when an exchange was recorded, at the same time,
// and compares the answers.
func (p past) answersAs(t *testing.T, e recording.Exchange, members []string) {
	t.Helper()
	at, err := http.ParseTime(e.Response.Header["Date"])
	if err != nil {
		t.Fatal(err)
	}

	p.clock.pass(at.Sub(p.clock.now()))

	got := p.ask(t, e)
	if got.status != e.Response.Status {
		t.Fatalf("status %d, recorded %d: %s", got.status, e.Response.Status, got.text)
	}

	sameHeader(t, got.header, e.Response.Header)

	recorded := e.Response.Body.Bytes()
	differences, err := recording.KindsDiffer(recorded, []byte(got.text))
	if err != nil {
		t.Fatal(err)
	}

	for _, one := range differences {
		t.Error(one)
	}

	for _, path := range append(addressesOf(t, recorded), members...) {
		want := valuesAt(t, recorded, path)
		have := valuesAt(t, []byte(got.text), path)
		if !reflect.DeepEqual(want, have) {
			t.Errorf("%s: %v, recorded %v", path, have, want)
		}

		if len(want) == 0 && !strings.HasSuffix(path, "pull_request") {
			t.Errorf("%s is not in the recorded answer", path)
		}
	}
}

// addressesOf gives the paths of the addresses that an object, or each object of a
// list, gives about itself.
func addressesOf(t *testing.T, text []byte) []string {
	t.Helper()
	kinds, err := recording.Kinds(text)
	if err != nil {
		t.Fatal(err)
	}

	own := regexp.MustCompile(`^(\[\]\.)?[a-z_]*url$`)

	return slices.DeleteFunc(slices.Collect(maps.Keys(kinds)), func(path string) bool { return !own.MatchString(path) })
}

// sameHeader compares the members of a header that the connector reads, and those
// that every answer has.
func sameHeader(t *testing.T, got http.Header, recorded map[string]string) {
	t.Helper()
	for _, name := range []string{"Content-Type", "Location", "X-Oauth-Scopes", "X-Github-Media-Type", "X-Ratelimit-Limit", "X-Ratelimit-Resource"} {
		if have := got.Get(name); have != recorded[name] {
			t.Errorf("%s: %q, recorded %q", name, have, recorded[name])
		}
	}

	number := regexp.MustCompile(`^\d+$`)
	for _, name := range []string{"X-Ratelimit-Remaining", "X-Ratelimit-Used", "X-Ratelimit-Reset"} {
		if !number.MatchString(got.Get(name)) || len(got.Get(name)) > len(recorded[name]) {
			t.Errorf("%s: %q, recorded %q", name, got.Get(name), recorded[name])
		}
	}

	if got.Get("X-Github-Request-Id") == "" {
		t.Error("there is no X-GitHub-Request-Id")
	}

	if have, want := links(t, got.Get("Link")), links(t, recorded["Link"]); !reflect.DeepEqual(have, want) {
		t.Errorf("links %v, recorded %v", have, want)
	}
}

var oneLink = regexp.MustCompile(`<([^>]*)>; rel="([a-z]+)"`)

// links are those of a Link header in their order. The order of their parameters
// is left out, and so is the cursor, which GitHub has given since after the
// recording.
func links(t *testing.T, header string) []string {
	t.Helper()
	var all []string
	for _, one := range oneLink.FindAllStringSubmatch(header, -1) {
		u, err := url.Parse(one[1])
		if err != nil {
			t.Fatal(err)
		}

		query := u.Query()
		query.Del("after")
		u.RawQuery = query.Encode()
		all = append(all, one[2]+" "+u.String())
	}

	return all
}

// valuesAt are the values at a path of recording.Kinds, one for each element of
// the lists on the way. An element is named "[]".
func valuesAt(t *testing.T, text []byte, path string) []any {
	t.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}

	at := []any{value}
	for name := range strings.SplitSeq(path, ".") {
		var next []any
		for _, one := range at {
			switch one := one.(type) {
			case []any:
				if name == "[]" {
					next = append(next, one...)
				}
			case map[string]any:
				if member, ok := one[name]; ok {
					next = append(next, member)
				}
			}
		}

		at = next
	}

	return at
}

// TestRecordedRefusals: a refusal of the fake server has the members of a recorded
// one, of the same kinds, and the connector reads the words of the recorded one.
func TestRecordedRefusals(t *testing.T) {
	scenarios := octokit(t)
	like := map[string]recording.Request{ // of the same status
		"branch-protection":       {Method: "GET", Path: "/repos/" + fixtureOrg + "/absent"},
		"errors":                  {Method: "POST", Path: "/issues", Body: recording.Body(`{"title":"x","labels":[" "]}`)},
		"release-assets-conflict": {Method: "POST", Path: "/issues", Body: recording.Body(`{"title":"x","assignees":["absent"]}`)},
	}

	words := map[string][]string{
		"branch-protection":       {"Branch not protected"},
		"errors":                  {"Validation Failed", "Label color: invalid"},
		"release-assets-conflict": {"Validation Failed", "ReleaseAsset name: already_exists"},
	}

	codes := map[int]string{404: "target_not_found", 422: "rejected"}
	seen := 0
	for scenario, exchanges := range scenarios {
		for _, e := range exchanges {
			kind := sortRecording(e)
			if kind == nil || kind.reason != refusalReason {
				continue
			}

			seen++
			t.Run(e.Case, func(t *testing.T) {
				asked := e
				asked.Request = like[scenario]
				asked.Request.Header = e.Request.Header
				if asked.Request.Path == "/issues" {
					root, _, _ := strings.Cut(exchanges[len(exchanges)-1].Request.Path, "?") // the repository is deleted last
					asked.Request.Path = root + "/issues"
				}

				got := declared(t, exchanges).ask(t, asked)
				if got.status != e.Response.Status || got.header.Get("Content-Type") != e.Response.Header["Content-Type"] {
					t.Fatalf("%d %s: %s", got.status, got.header.Get("Content-Type"), got.text)
				}

				alike(t, e.Response.Body.Bytes(), []byte(got.text), "request_id")

				c := replayed(t, "work", func(*http.Request) (recording.Exchange, bool) { return e, true })
				_, err := c.Create(t.Context(), connector.Content{Title: "x"}, connector.Marker{Integration: 1, Item: 2})
				refused := connectortest.Failure(t, err)
				if refused.Code != codes[e.Response.Status] || refused.Status != e.Response.Status || refused.RequestID != e.Response.Header["X-Github-Request-Id"] {
					t.Errorf("%+v", refused)
				}

				for _, one := range words[scenario] {
					if !strings.Contains(refused.Detail, one) {
						t.Errorf("%q is not in %q", one, refused.Detail)
					}
				}
			})
		}
	}

	if seen != len(like) {
		t.Errorf("%d refusals were recorded", seen)
	}
}

// alike: an answer has every member of the recorded one, of the same kind, but
// for those that no connector reads.
func alike(t *testing.T, recorded, answered []byte, unread ...string) {
	t.Helper()
	want, err := recording.Kinds(recorded)
	if err != nil {
		t.Fatal(err)
	}

	got, err := recording.Kinds(answered)
	if err != nil {
		t.Fatal(err)
	}

	for path, kind := range want {
		if !slices.Contains(unread, path) && got[path] != kind {
			t.Errorf("%q is %q, recorded %s", path, got[path], kind)
		}
	}
}

// replayed is the product's connector to a server that gives recorded answers. A
// request that was not recorded fails the test.
func replayed(t *testing.T, repository string, choose func(*http.Request) (recording.Exchange, bool)) *product.Connector {
	t.Helper()
	_, client := serveGitHub(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, found := choose(r)
		if !found {
			t.Errorf("%s %s was not recorded", r.Method, r.RequestURI)
			w.WriteHeader(http.StatusTeapot)
			return
		}

		for _, name := range []string{"Content-Type", "Link", "Location", "X-Oauth-Scopes", "X-Github-Request-Id", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"} {
			if value := e.Response.Header[name]; value != "" {
				w.Header().Set(name, value)
			}
		}

		w.WriteHeader(e.Response.Status)
		_, _ = w.Write(e.Response.Body.Bytes())
	}))

	return product.New(product.Config{Owner: fixtureOrg, Repo: repository, Token: fixtureTokens["token 0000000000000000000000000000000000000001"], Labels: true}, client, nil)
}

// byPath chooses the held exchange of a scenario that was asked for the same path.
// A list is asked for with parameters of our own, so the first page is found
// without them.
func byPath(exchanges []recording.Exchange) func(*http.Request) (recording.Exchange, bool) {
	answers := map[string]recording.Exchange{}
	for _, e := range slices.Backward(exchanges) {
		if kind := sortRecording(e); kind == nil || kind.equal == nil {
			continue
		}

		path, _, _ := strings.Cut(e.Request.Path, "?")
		answers[e.Request.Method+" "+path] = e
		answers[e.Request.Method+" "+e.Request.Path] = e
	}

	return func(r *http.Request) (recording.Exchange, bool) {
		e, found := answers[r.Method+" "+r.RequestURI]
		if !found {
			e, found = answers[r.Method+" "+r.URL.Path]
		}

		return e, found
	}
}

// The product itself is held against the recorded answers.

// repositoryOf is the name of a scenario's repository.
func repositoryOf(t *testing.T, exchanges []recording.Exchange) string {
	t.Helper()
	for _, e := range exchanges {
		if rest, ok := strings.CutPrefix(e.Request.Path, "/repos/"+fixtureOrg+"/"); ok {
			name, _, _ := strings.Cut(rest, "/")
			return name
		}
	}

	t.Fatal("the scenario has no repository")

	return ""
}

// connectTo is the product's connector to the repository of a scenario.
func connectTo(t *testing.T, exchanges []recording.Exchange) *product.Connector {
	t.Helper()

	return replayed(t, repositoryOf(t, exchanges), byPath(exchanges))
}

func TestTheConnectorReadsARecordedRepository(t *testing.T) {
	scenarios := octokit(t)
	c := connectTo(t, scenarios["get-repository"])
	want := connector.Place{
		Instance: "github.com", ID: "103703892", Created: "2017-09-15T21:43:08Z", Name: fixtureOrg + "/hello-world",
		URL: "https://github.com/" + fixtureOrg + "/hello-world", ByName: true,
	}
	if place, err := c.Resolve(t.Context()); err != nil || place != want {
		t.Errorf("%+v, %v", place, err)
	}

	checks, err := c.Check(t.Context())
	if err != nil || len(checks) != 10 {
		t.Errorf("%v, %v", checks, err)
	}

	for _, one := range checks {
		if one.OK == nil || !*one.OK {
			t.Errorf("an administrator of the repository does not pass %v", one)
		}
	}
}

func TestTheConnectorReadsARecordedRename(t *testing.T) {
	scenarios := octokit(t)
	old := repositoryOf(t, scenarios["rename-repository"])
	choose := byPath(scenarios["rename-repository"])
	c := replayed(t, old, func(r *http.Request) (recording.Exchange, bool) {
		if r.Method == http.MethodPatch { // of an issue: the redirect of the repository itself was recorded
			r.URL.Path = strings.TrimSuffix(r.URL.Path, "/issues/7")
		}
		return choose(r)
	})

	sent := connector.Sent{Remote: domain.Remote{ID: "9", Key: "7"}, State: domain.Open}
	_, err := c.Update(t.Context(), sent, connector.Content{Title: "x", State: domain.Open}, connector.Marker{Integration: 1, Item: 2})
	if got := connectortest.Failure(t, err); got.Code != "target_moved" || got.Scope != failure.IntegrationScope {
		t.Errorf("a write to the old name: %+v", got)
	}

	place, err := c.Resolve(t.Context())
	if err != nil || place.ID != "515436299" || place.Name != fixtureOrg+"/"+old+"-newname" {
		t.Errorf("%+v, %v", place, err)
	}
}

func TestTheConnectorReadsRecordedCreates(t *testing.T) {
	creates := 0
	for _, exchanges := range octokit(t) {
		for _, e := range exchanges {
			if e.Request.Method != http.MethodPost || !strings.HasSuffix(e.Request.Path, "/issues") {
				continue
			}

			creates++
			t.Run(e.Case, func(t *testing.T) {
				var made struct {
					ID      int64     `json:"id"`
					Number  int       `json:"number"`
					HTMLURL string    `json:"html_url"`
					Created time.Time `json:"created_at"`
				}
				if err := json.Unmarshal(e.Response.Body.Bytes(), &made); err != nil {
					t.Fatal(err)
				}

				c := replayed(t, repositoryOf(t, exchanges), func(*http.Request) (recording.Exchange, bool) { return e, true })
				written, err := c.Create(t.Context(), connector.Content{Title: "x", State: domain.Open}, connector.Marker{Integration: 1, Item: 2})
				want := domain.Remote{ID: strconv.FormatInt(made.ID, 10), Key: strconv.Itoa(made.Number), URL: made.HTMLURL, State: domain.Open}
				if err != nil || written.Remote != want || made.ID == 0 || written.CreatedAt != made.Created {
					t.Errorf("%+v, %v, want %+v", written, err, want)
				}
			})
		}
	}

	if creates != 17 {
		t.Errorf("%d creates were recorded", creates)
	}
}

func TestTheConnectorReadsARecordedList(t *testing.T) {
	scenarios := octokit(t)
	c := connectTo(t, scenarios["paginate-issues"])
	var titles []string
	for more := true; more; {
		var objects []connector.Object
		var err error
		objects, more, err = c.Changes(t.Context(), time.Time{}, len(titles))
		if err != nil {
			t.Fatal(err)
		}

		for _, o := range objects {
			titles = append(titles, o.Title+" "+o.Remote.Key)
		}
	}

	if len(titles) != 13 || titles[0] != "Test issue 13 13" || titles[12] != "Test issue 1 1" {
		t.Errorf("%q", titles)
	}
}

// Every call that the connector makes is in the recordings, or stands here.
func TestCallsWithoutARecording(t *testing.T) {
	var without []string
	for _, need := range product.Needs {
		call := regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(need.Call, "1")
		held := slices.ContainsFunc(kindsOfCalls, func(k kindOfCall) bool {
			return k.equal != nil && (k.call.MatchString(call+" 200") || k.call.MatchString(call+" 201"))
		})
		if !held && !slices.Contains(without, need.Call) {
			without = append(without, need.Call)
		}
	}

	want := []string{
		"POST /app/installations/{id}/access_tokens", "GET /repos/{owner}/{repo}/issues/{number}", "PATCH /repos/{owner}/{repo}/issues/{number}",
	}
	if !slices.Equal(without, want) {
		t.Errorf("%q are in no recording, want %q", without, want)
	}
}
