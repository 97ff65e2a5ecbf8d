package jira

import (
	"bytes"
	"crypto/rand"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
	"example.com/integrations/local/providers/tracker"
)

const (
	maxRequest = 1 << 20
	mediaType  = "application/json;charset=UTF-8"
)

// A call is a request on its way through the API.
type call struct {
	*http.Request
	path    string // below /rest/api/N, without a slash at its end
	gateway bool
	body    []byte
	account Account
	route   route
}

// A route is what a path stands for.
type route struct {
	handle  func(*call) (*answer, *issue)
	name    string // of the resource, as limits count it
	issue   string // its id or key
	last    string // the last part of the path, where it is a name
	creates bool
}

// api is the REST API: it resolves, decides and answers requests.
type api struct {
	*state

	contract *providers.Contract
	limiter  *limiter
	issues   issues
	searches searches
	site     site
}

// serveAPI answers a request.
func (a *api) serveAPI(w http.ResponseWriter, r *http.Request) {
	body, tooLarge := tracker.ReadBody(w, r, maxRequest)
	if a.cloud() && r.Method == http.MethodGet && r.URL.Path == "/_edge/tenant_info" {
		a.site.tenantInfo(w)
		return
	}

	made := a.resolved(r)
	made.body = body
	if r.Method == http.MethodGet || made.route.name == "search" {
		out, _ := a.decide(made)
		a.send(w, made, out)
		return
	}

	a.send(w, made, a.write(made, tooLarge))
}

// resolved is the call that a request makes.
func (a *api) resolved(r *http.Request) *call {
	made := &call{Request: r}
	a.resolve(made)

	return made
}

func (a *api) write(made *call, tooLarge bool) *answer {
	var out *answer
	written := tracker.Written{Request: made.Request, Path: made.URL.Path, Body: made.body, Creates: made.route.creates}
	err := a.Take(written, func() tracker.Decision[change] {
		out = refuse(http.StatusRequestEntityTooLarge, "The request is too large.")
		changed := change{}
		if !tooLarge {
			out, changed.Issue = a.decide(made)
		}

		if p := a.find(projectOf(made.body)); out.used > 0 && p != nil {
			changed.Project = p.Key
			changed.Used = out.used
		}

		return tracker.Decision[change]{User: made.account.Name, Status: out.status, Change: changed}
	})
	if err != nil {
		return refuse(http.StatusInternalServerError, "Internal server error")
	}

	return out
}

// decide works out the answer and, for a write, the issue as it is to be.
func (a *api) decide(made *call) (*answer, *issue) {
	if faults.Guest(made.Context()) {
		return a.guest(made), nil
	}

	if refused := a.admit(made); refused != nil {
		return refused, nil
	}

	limits, refused := a.limiter.take(made)
	if refused != nil {
		return refused, nil
	}

	broken := a.checkRequest(made)
	out, changed := a.perform(made)
	if broken != nil && out.status < 400 {
		out = refuse(http.StatusBadRequest, broken.Error())
		changed = nil
	}

	if out.header == nil {
		out.header = http.Header{}
	}

	maps.Copy(out.header, limits)

	return out, changed
}

// undescribed are operations of which our extract of the description says
// nothing, though the whole one does.
func undescribed(made *call) bool {
	return made.route.name == "mypermissions" || made.route.name == "editmeta"
}

func (a *api) checkRequest(made *call) error {
	if undescribed(made) {
		return nil
	}

	broken := a.contract.CheckRequest(described(made), made.body)
	if broken != nil {
		a.Violation("request %s %s: %v", made.Method, made.URL.Path, broken)
	}

	return broken
}

// described is the request under the path that the description knows.
func described(made *call) *http.Request {
	copied := made.Clone(made.Context())
	copied.URL.Path = "/rest/api/3" + made.path
	copied.URL.RawPath = ""
	return copied
}

// admit checks what every request needs: a token, at the place it works at, and
// a body of the right type.
func (a *api) admit(made *call) *answer {
	account, ok := a.login(made)
	if !ok {
		return unauthenticated()
	}
	if account.Captcha {
		return a.wantsCaptcha()
	}

	made.account = account
	if len(made.body) > 0 {
		media, _, err := mime.ParseMediaType(made.Header.Get("Content-Type"))
		if err != nil || media != "application/json" {
			return refuse(http.StatusUnsupportedMediaType, "Unsupported Media Type")
		}
	}

	return nil
}

func unauthenticated() *answer {
	refused := refuse(http.StatusUnauthorized, "Client must be authenticated to access this resource.")
	refused.header = http.Header{"X-Seraph-Loginreason": {"AUTHENTICATED_FAILED"}, "Www-Authenticate": {`OAuth realm="https%3A%2F%2Fjira"`}}
	return refused
}

func (a *api) wantsCaptcha() *answer {
	refused := refuse(http.StatusForbidden, "CAPTCHA required")
	refused.header = http.Header{
		"X-Seraph-Loginreason":           {"AUTHENTICATION_DENIED"},
		"X-Authentication-Denied-Reason": {"CAPTCHA_CHALLENGE; login-url=" + a.config.BaseURL + "/login.jsp"},
	}
	return refused
}

func (a *api) login(made *call) (Account, bool) {
	if a.cloud() {
		user, token, ok := made.BasicAuth()
		account, known := a.config.Accounts[token]
		return account, ok && known && strings.EqualFold(account.Email, user) && account.Scoped == made.gateway
	}

	token, ok := strings.CutPrefix(made.Header.Get("Authorization"), "Bearer ")
	account, known := a.config.Accounts[token]

	return account, ok && known
}

// resolve finds what a path stands for.
func (a *api) resolve(made *call) {
	path, ok := strings.CutPrefix(made.URL.Path, a.context)
	if a.cloud() && strings.HasPrefix(made.URL.Path, "/ex/jira/") {
		path, ok = strings.CutPrefix(made.URL.Path, "/ex/jira/"+a.config.CloudID)
		made.gateway = true
	}

	if ok {
		path, ok = strings.CutPrefix(path, a.version())
	}

	if !ok {
		return
	}

	made.path = strings.TrimSuffix(path, "/")
	made.route = a.route(made.Method, strings.Split(strings.Trim(path, "/"), "/"))
}

func (a *api) route(method string, parts []string) route {
	switch {
	case parts[0] == "issue" && len(parts) > 1 && parts[1] == "createmeta":
		return a.createmeta(method, parts[2:])
	case parts[0] == "issue":
		return a.issueRoute(method, parts[1:])
	case parts[0] == "search":
		return a.searchRoute(method, parts[1:])
	case method != http.MethodGet:
	case len(parts) == 1 && parts[0] == "myself":
		return route{handle: a.site.myself, name: "myself"}
	case len(parts) == 1 && parts[0] == "serverInfo":
		return route{handle: a.site.serverInfo, name: "serverInfo"}
	case len(parts) == 1 && parts[0] == "mypermissions":
		return route{handle: a.site.mypermissions, name: "mypermissions"}
	case len(parts) == 2 && parts[0] == "project":
		return route{handle: a.site.projectView, name: "project", last: parts[1]}
	}

	return route{}
}

func (a *api) issueRoute(method string, parts []string) route {
	if len(parts) == 0 && method == http.MethodPost {
		return route{handle: a.issues.create, name: "issue", creates: true}
	}
	if len(parts) == 0 {
		return route{}
	}

	r := route{issue: parts[0]}
	switch rest := parts[1:]; {
	case len(rest) == 0 && method == http.MethodGet:
		r.handle = a.issues.read
		r.name = "issue"
	case len(rest) == 0 && method == http.MethodPut:
		r.handle = a.issues.update
		r.name = "issue"
	case len(rest) == 0 && method == http.MethodDelete:
		r.handle = a.issues.remove
		r.name = "issue"
	case len(rest) == 1 && rest[0] == "editmeta" && method == http.MethodGet:
		r.handle = a.issues.editmeta
		r.name = "editmeta"
	case len(rest) == 1 && rest[0] == "transitions" && method == http.MethodGet:
		r.handle = a.issues.transitions
		r.name = "transitions"
	case len(rest) == 1 && rest[0] == "transitions" && method == http.MethodPost:
		r.handle = a.issues.transit
		r.name = "transitions"
	}

	return r
}

// searchRoute knows the search of each flavor; the Cloud's old one is gone.
func (a *api) searchRoute(method string, rest []string) route {
	if method != http.MethodGet && method != http.MethodPost {
		return route{}
	}

	switch {
	case a.cloud() && slices.Equal(rest, []string{"jql"}) && method == http.MethodGet:
		return route{handle: a.searches.searchCloud, name: "search"}
	case a.cloud() && len(rest) == 0:
		return route{handle: a.gone, name: "search"}
	case !a.cloud() && len(rest) == 0 && method == http.MethodGet:
		return route{handle: a.searches.searchDatacenter, name: "search"}
	}

	return route{}
}

func (a *api) createmeta(method string, parts []string) route {
	switch {
	case method != http.MethodGet || len(parts) < 2 || parts[1] != "issuetypes":
		return route{}
	case len(parts) == 2:
		return route{handle: a.site.createTypes, name: "createmeta", last: parts[0]}
	case len(parts) == 3:
		return route{handle: a.site.createFields, name: "createmeta", last: parts[0], issue: parts[2]}
	}

	return route{}
}

func (a *api) gone(*call) (*answer, *issue) {
	return refuse(http.StatusGone, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API."), nil
}

// perform runs the handler.
func (a *api) perform(made *call) (*answer, *issue) {
	if made.route.handle == nil {
		return refuse(http.StatusNotFound, "null for uri: "+made.URL.Path), nil
	}
	return made.route.handle(made)
}

// sign puts on what every answer carries.
func (a *api) sign(header http.Header) {
	if a.cloud() {
		header.Set("Atl-Traceid", strings.ToLower(rand.Text()))
	} else {
		header.Set("X-Arequestid", rand.Text())
	}

	header.Set("Content-Type", mediaType) // with an empty body too
}

// send writes an answer after it has held it against the contract.
func (a *api) send(w http.ResponseWriter, made *call, out *answer) {
	header := w.Header()
	maps.Copy(header, out.header)

	a.sign(header)
	var content []byte
	if out.value != nil {
		content = tracker.Encode(out.value)
	}

	// An empty answer has nothing to be checked, though the description wants JSON
	// even there.
	if made.route.handle != nil && !undescribed(made) && out.status != http.StatusGone && out.value != nil {
		a.CheckAnswer(a.contract, described(made), faults.Answer{Status: out.status, Header: header, Body: withoutNull(content)})
	}

	w.WriteHeader(out.status)
	_, _ = w.Write(content)
}

// withoutNull is an answer as the description wants it, which does not allow null
// for an empty description.
func withoutNull(content []byte) []byte {
	return bytes.ReplaceAll(content, []byte(`"description":null`), []byte(`"description":{}`))
}

// guest is the answer to a call whose token is dead, at a site with
// anonymous access. A search finds what everyone may see, which is nothing here. A header
// says that the login failed (MrRefactoring/jira.js#418).
func (a *api) guest(made *call) *answer {
	out := unauthenticated()
	switch {
	case made.route.name == "search":
		out.status = http.StatusOK
		out.value = map[string]any{"issues": []any{}, "isLast": true}
	case made.route.issue != "" && made.Method == http.MethodGet:
		out.status = http.StatusNotFound
		out.value = notFound().value
	}

	out.header.Del("Www-Authenticate")

	return out
}
