package api_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/integrations/local/aws/gateway"

	"example.com/integrations/local/aws/template"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// routes are those of the synthesized template, so that none is forgotten here.
func routes(t *testing.T) (all []gateway.Route) {
	t.Helper()
	data, err := os.ReadFile("../../infra/testdata/template.json")
	must(t, err)
	tpl, err := template.Parse(data, template.Parameters{Region: "eu-central-1", AccountID: "000000000000", StackName: "matrix"})
	must(t, err)
	for _, r := range tpl.Routes {
		all = append(all, gateway.Route{Method: r.Method, Path: r.Path, Function: tpl.Function(r.Function).Short, Scopes: r.Scopes})
	}

	return all
}

// An admitted is how a route answers who may use it, and what it is given to.
type admitted struct {
	status  int
	body    string
	ignores bool // a body
}

// granted says it of every route; one that is not here fails the test.
var granted = map[string]admitted{
	"GET /organisations/{organisation.id}/integrations":          {200, "", true},
	"POST /organisations/{organisation.id}/integrations":         {201, wanted("1"), false},
	"GET /integrations/{integration.id}":                         {200, "", true},
	"PATCH /integrations/{integration.id}":                       {200, `{"enabled":true}`, false},
	"DELETE /integrations/{integration.id}":                      {204, "", true},
	"POST /integrations/{integration.id}/sync":                   {202, "", false},
	"POST /integrations/{integration.id}/check":                  {200, "", false},
	"GET /integrations/{integration.id}/status":                  {200, "", true},
	"GET /integrations/{integration.id}/syncs":                   {200, "", true},
	"GET /integrations/{integration.id}/syncs/{sync.id}":         {200, "", true},
	"GET /integrations/{integration.id}/syncs/{sync.id}/items":   {200, "", true},
	"POST /integrations/{integration.id}/syncs/{sync.id}/cancel": {200, "", false},
	"GET /integrations/{integration.id}/items":                   {200, "", true},
	"POST /integrations/{integration.id}/items/retry":            {202, "", false},
}

// A stage is the world behind the gateway.
type stage struct {
	*world
	url    string
	issuer *gateway.Issuer
	forger *gateway.Issuer // of the same name, with a key of his own
	asked  int             // how many requests had the usual body
}

const matrixAudience = "integrations"

// ours is the configuration of what the matrix asks for.
var ours = `{"owner":"octo","repo":"hello","token":"` + token + `"}`

// newStage puts the functions behind the gateway, with everybody the matrix
// asks as.
func newStage(t *testing.T, all []gateway.Route) *stage {
	t.Helper()
	s := &stage{world: newWorld(t)}
	s.provider = healthy
	var openID http.Handler
	identity := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { openID.ServeHTTP(w, r) }))
	t.Cleanup(identity.Close)
	var err error
	s.issuer, err = gateway.OpenIssuer(filepath.Join(keyDir, "issuer"), identity.URL)
	must(t, err)
	openID = s.issuer
	s.forger, err = gateway.OpenIssuer(filepath.Join(keyDir, "forger"), identity.URL)
	must(t, err)
	server := httptest.NewServer(gateway.New(gateway.Config{Routes: all, Issuer: identity.URL, Audience: []string{matrixAudience}, Invoke: s.invoke}))
	t.Cleanup(server.Close)
	s.url = server.URL
	for _, m := range []domain.Member{
		{UserID: 18, Grant: domain.Allow},
		{UserID: 19, Grant: domain.Deny, RoleIDs: []domain.Snowflake{21}},
		{UserID: 20, Grant: domain.Allow, RoleIDs: []domain.Snowflake{22}},
	} {
		m.OrganisationID = org
		m.Version = 1
		must(t, s.store.PutMember(t.Context(), m))
	}

	must(t, s.store.PutOrganisation(t.Context(), domain.Organisation{ID: otherOrg, OwnerID: 31, Version: 1}))
	s.create(t, foreign, otherOrg, domain.GitHub, true, ours)

	return s
}

// Another organisation, its owner, and what it owns.
const (
	otherOrg, foreign = domain.Snowflake(1004), domain.Snowflake(505)
	otherOwner        = "31"
)

// invoke is Lambda: it calls a function with the gateway's event.
func (s *stage) invoke(ctx context.Context, function string, payload []byte) ([]byte, error) {
	h := map[string]api.Handler{
		"get": s.get, "patch": s.patch, "sync": s.sync, "status": s.status, "syncs": s.syncs, "cancel": s.cancel, "items": s.items,
		"retry": s.retry, "list": s.list, "create": s.make, "delete": s.remove, "check": s.check,
	}[function]
	if h == nil {
		return nil, fmt.Errorf("the matrix has no function %s", function)
	}

	var event events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, err
	}

	resp, err := h(ctx, event)
	if err != nil {
		return nil, err
	}

	return json.Marshal(resp)
}

// A row is one kind of caller or of forgery, and how every route meets it.
type row struct {
	name  string
	sub   string                // the token's subject, the manager unless given
	token func(s *stage) string // instead of a good one of that subject's
	id    string                // the path's integration, a new one unless given
	org   string                // the path's organisation
	sync  string                // the path's sync, one of the integration's unless given
	body  string                // instead of what the route takes
	query string                // in the address
	want  func(r gateway.Route) string
}

func allowed(r gateway.Route) string { return fmt.Sprint(granted[r.Method+" "+r.Path].status) }

// always is the same answer at every route.
func always(want string) func(gateway.Route) string {
	return func(gateway.Route) string { return want }
}

func ofOrganisation(r gateway.Route) bool { return strings.HasPrefix(r.Path, "/organisations/") }

// missing is the answer to an id of nothing.
func missing(r gateway.Route) string {
	if ofOrganisation(r) {
		return "400 organisation_not_found"
	}
	return "404 integration_not_found"
}

// misread is the answer to a body that names other ids.
func misread(r gateway.Route) string {
	if granted[r.Method+" "+r.Path].ignores {
		return allowed(r)
	}
	return "400 invalid_body"
}

// strayed is the answer to the sync of another integration.
func strayed(r gateway.Route) string {
	if strings.Contains(r.Path, api.SyncID) {
		return "404 sync_not_found"
	}
	return allowed(r)
}

func signed(sub, audience string, lifetime time.Duration) func(*stage) string {
	return func(s *stage) string { token, _ := s.issuer.Token(sub, audience, lifetime); return token }
}

func encoded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

var forbidden, badID = always("403 forbidden"), always("400 invalid_id")

var rows = []row{
	{name: "owner", sub: owner, want: allowed},
	{name: "own grant", sub: "18", want: allowed},
	{name: "granted by role", sub: manager, want: allowed},
	{name: "one of two roles denies", sub: denied, want: forbidden},
	{name: "own deny over role allow", sub: "19", want: forbidden},
	{name: "own allow over role deny", sub: "20", want: allowed},
	{name: "plain", sub: plain, want: forbidden},
	{name: "pending", sub: pending, want: forbidden},
	{name: "removed", sub: removed, want: forbidden},
	{name: "stranger", sub: stranger, want: forbidden},
	{name: "another organisation's owner", sub: otherOwner, want: forbidden},

	{name: "no token", token: func(*stage) string { return "" }, want: always("401")},
	{name: "expired", token: signed(manager, matrixAudience, -time.Minute), want: always("401")},
	{name: "wrong audience", token: signed(manager, "other", time.Minute), want: always("401")},
	{name: "another's signature", token: func(s *stage) string { token, _ := s.forger.Token(manager, matrixAudience, time.Minute); return token }, want: always("401")},
	{name: "no user claim", token: signed("", matrixAudience, time.Minute), want: always("403 caller_unknown")},
	{name: "user claim of letters", sub: "alice", want: always("403 caller_unknown")},
	{name: "user claim 0", sub: "0", want: always("403 caller_unknown")},
	{name: "user claim with a zero", sub: "012", want: always("403 caller_unknown")},

	{name: "path: another organisation's", id: foreign.String(), org: otherOrg.String(), want: forbidden},
	{name: "path: another integration's sync", sync: "8000", want: strayed},
	{name: "path: of nothing", id: "999", org: "999", want: missing},
	{name: "path: largest id", id: "9223372036854775807", org: "9223372036854775807", want: missing},
	{name: "path: deleted organisation", sub: owner, id: orphan.String(), org: deletedOrg.String(), want: always("400 organisation_not_found")},
	{name: "path: organisation that never was", sub: owner, id: homeless.String(), org: missingOrg.String(), want: always("400 organisation_not_found")},
	{name: "path: letters", id: "abc", org: "abc", want: badID},
	{name: "path: 0", id: "0", org: "0", want: badID},
	{name: "path: leading zero", id: "0501", org: "01001", want: badID},
	{name: "path: sign", id: "+501", org: "+1001", want: badID},
	{name: "path: negative", id: "-501", org: "-1001", want: badID},
	{name: "path: space", id: "501 ", org: "1001 ", want: badID},
	{name: "path: 64 bits", id: "9223372036854775808", org: "9223372036854775808", want: badID},
	{name: "path: 20 digits", id: "10000000000000000000", org: "10000000000000000000", want: badID},
	{name: "path: other digits", id: "٥٠١", org: "١٠٠١", want: badID},
	{name: "path: another key", id: "501#", org: "1001/ORG", want: badID},
	{name: "body: another's ids", body: `{"id":"505","organisation_id":"1004","integration_id":"505"}`, want: misread},
	{name: "query: another's ids", query: "integration.id=505&organisation.id=1004", want: always("400 invalid_query")},
	{name: "cursor: another partition's", query: "after=" + encoded("ORG#0000000000000001004:INT#slack#0000000000000000505"), want: always("400 invalid_query")},
	{name: "cursor: another list's", query: "after=" + encoded("other:0000000000000000505"), want: always("400 invalid_query")},

	{name: "order: id before caller", sub: "alice", id: "x", org: "x", want: badID},
	{name: "order: existence before caller", sub: "alice", id: "999", org: "999", want: missing},
	{name: "order: existence before access", sub: stranger, id: "999", org: "999", want: missing},
	{name: "order: organisation before caller", sub: "alice", id: orphan.String(), org: deletedOrg.String(), want: always("400 organisation_not_found")},
	{name: "order: organisation before access", sub: stranger, id: orphan.String(), org: deletedOrg.String(), want: always("400 organisation_not_found")},
	{name: "order: access before sync, query, body", sub: stranger, sync: "x", query: "x=1", body: "x", want: forbidden},
	{name: "order: token before everything", token: func(*stage) string { return "" }, id: "x", org: "x", query: "x=1", body: "x", want: always("401")},
}

// prepare makes what a cell is about: an integration with a run and a dry run.
func (s *stage) prepare(t *testing.T, r gateway.Route, n domain.Snowflake) (integration, run domain.Snowflake) {
	t.Helper()
	if ofOrganisation(r) {
		return 0, 0
	}

	id := 5000 + n
	s.create(t, id, org, domain.GitHub, true, strings.Replace(ours, "hello", id.String(), 1))
	p := store.IntegrationRef{ID: id, OrganisationID: org, ItemType: "work_item"}
	active := store.ActiveRun{Run: domain.Run{ID: 6000 + n, IntegrationID: id, OrganisationID: org, Mode: domain.Full, Trigger: domain.ByRequest, RequestedAt: s.now, Status: domain.Queued}}
	_, _, err := s.store.RequestRun(t.Context(), p, active, 0, s.now.Add(time.Minute))
	must(t, err)
	dry := active
	dry.ID += 1000
	_, _, err = s.store.RequestDryRun(t.Context(), p, dry, 0, s.now.Add(time.Minute))
	must(t, err)
	if strings.HasSuffix(r.Path, "/items") {
		return id, dry.ID
	}

	return id, active.ID
}

// ask sends a cell's request through the gateway.
func (s *stage) ask(t *testing.T, r gateway.Route, c row, integration, run domain.Snowflake) (*http.Response, string) {
	t.Helper()
	or := func(given string, id domain.Snowflake) string {
		if given != "" {
			return url.PathEscape(given)
		}
		return id.String()
	}

	path := strings.NewReplacer("{integration.id}", or(c.id, integration), "{organisation.id}", or(c.org, org), "{sync.id}", or(c.sync, run)).Replace(r.Path)
	body := c.body
	if body == "" {
		body = strings.Replace(granted[r.Method+" "+r.Path].body, `\"r1\"`, `\"r`+strconv.Itoa(s.asked)+`\"`, 1)
		s.asked++ // each is made at a place of its own
	}

	q, err := http.NewRequestWithContext(t.Context(), r.Method, s.url+path+"?"+c.query, strings.NewReader(body))
	must(t, err)
	if body != "" {
		q.Header.Set("Content-Type", "application/json")
	}

	sub := manager
	if c.sub != "" {
		sub = c.sub
	}

	token := signed(sub, matrixAudience, time.Minute)
	if c.token != nil {
		token = c.token
	}

	if bearer := token(s); bearer != "" {
		q.Header.Set("Authorization", "Bearer "+bearer)
	}

	resp, err := http.DefaultClient.Do(q)
	must(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	must(t, err)

	return resp, string(answer)
}

// cell is an answer in the table's words.
func cell(t *testing.T, resp *http.Response, body string) string {
	t.Helper()
	got := fmt.Sprint(resp.StatusCode)
	switch {
	case resp.StatusCode == 401: // the gateway's own
		if body != `{"message":"Unauthorized"}` || !strings.HasPrefix(resp.Header.Get("Www-Authenticate"), "Bearer") {
			t.Errorf("%s, WWW-Authenticate %q", body, resp.Header.Get("Www-Authenticate"))
		}
	case resp.StatusCode >= 400:
		var doc struct {
			Code      string `json:"code"`
			RequestID string `json:"request_id"`
		}
		if err := json.Unmarshal([]byte(body), &doc); err != nil || doc.RequestID != resp.Header.Get("Apigw-Requestid") || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("not a problem document: %s", body)
		}

		got += " " + doc.Code
	}

	return got
}

// writes are the operations of a refused request that must not be.
var writes = []string{"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem", "SendMessage"}

// TestAuthorizationMatrix is the one table of who may do what: every route of
// the template, every kind of caller and of forgery, through the gateway and its
// authorizer. `go test -v -run AuthorizationMatrix` prints it.
func TestAuthorizationMatrix(t *testing.T) {
	all := routes(t)
	if len(all) != len(granted) {
		t.Fatalf("the template has %d routes, the matrix %d", len(all), len(granted))
	}

	table := make([][]string, len(rows))
	for _, r := range all {
		if granted[r.Method+" "+r.Path].status == 0 {
			t.Fatalf("the matrix knows nothing of %s %s", r.Method, r.Path)
		}

		var s *stage
		for n, c := range rows {
			if n%40 == 0 { // an organisation has room for fifty
				s = newStage(t, all)
			}

			t.Run(r.Method+" "+r.Path+"/"+c.name, func(t *testing.T) {
				integration, run := s.prepare(t, r, domain.Snowflake(n))
				s.wire.take()
				resp, body := s.ask(t, r, c, integration, run)
				got := cell(t, resp, body)
				if want := c.want(r); got != want {
					t.Errorf("%s, want %s\n%s", got, want, body)
				}

				for _, call := range s.wire.take() {
					if resp.StatusCode >= 400 && slices.Contains(writes, call.operation) {
						t.Errorf("a refused request sends %s", call.operation)
					}
				}

				if strings.Contains(body, `"organisation_id":"1004"`) || strings.Contains(body, `"505"`) {
					t.Errorf("it shows what is another's: %s", body)
				}

				table[n] = append(table[n], got)
			})
		}
	}

	t.Log("\n" + printed(all, table))
}

// printed is the table; answers that are alike stand together.
func printed(all []gateway.Route, table [][]string) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "caller")
	for n, r := range all {
		fmt.Fprintf(w, "\t%d", n+1)
		fmt.Fprintf(&out, "%2d  %s %s\n", n+1, r.Method, r.Path)
	}

	fmt.Fprintln(w)
	for n, c := range rows {
		fmt.Fprintln(w, c.name+"\t"+strings.Join(table[n], "\t"))
	}

	_ = w.Flush()

	return out.String()
}
