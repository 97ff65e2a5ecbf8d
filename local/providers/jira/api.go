package jira

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
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

// serveAPI answers a request. A write is decided, stored and counted as one
// step, so that what was answered is never lost and never done twice.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		panic(http.ErrAbortHandler) // the caller went away in mid-request
	}

	if s.config.Flavor == Cloud && r.Method == http.MethodGet && r.URL.Path == "/_edge/tenant_info" {
		s.tenantInfo(w)
		return
	}

	made := &call{Request: r, body: body}
	s.resolve(made)
	var out *answer
	if r.Method != http.MethodGet && made.route.name != "search" {
		out = s.write(made, tooLarge != nil)
	} else {
		out, _ = s.decide(made)
	}

	s.send(w, made, out)
}

func (s *Server) write(made *call, tooLarge bool) *answer {
	number := s.writes.Arrive()
	at := s.config.Now().UTC()
	n := 0
	if made.route.creates {
		n = s.Arrive()
	}

	s.deciding.Lock()
	out := refuse(http.StatusRequestEntityTooLarge, "The request is too large.")
	changed := (*issue)(nil)
	if !tooLarge {
		out, changed = s.decide(made)
	}

	stored := entry{Number: number, Issue: changed, Used: out.used, Write: &providers.Write{
		At: at, User: made.account.Name, Method: made.Method, Path: made.URL.Path, Body: providers.JSONBody(made.body), Status: out.status,
		Fault: faults.Of(made.Context()),
	}}
	if out.used > 0 {
		if p := s.find(projectOf(made.body)); p != nil {
			stored.Project = p.Key
		}
	}

	err := s.commit(stored)
	s.deciding.Unlock()
	if err != nil {
		return refuse(http.StatusInternalServerError, "Internal server error")
	}

	if out.status == http.StatusCreated && made.route.creates {
		s.Tell(Applied, n)
	}

	return out
}

// decide works out the answer and, for a write, the issue as it is to be.
func (s *Server) decide(made *call) (*answer, *issue) {
	if faults.Guest(made.Context()) {
		return s.guest(made), nil
	}

	if refused := s.admit(made); refused != nil {
		return refused, nil
	}

	limits, refused := s.limiter.take(made)
	if refused != nil {
		return refused, nil
	}

	broken := s.checkRequest(made)
	out, changed := s.perform(made)
	if broken != nil && out.status < 400 {
		out = refuse(http.StatusBadRequest, broken.Error())
		changed = nil
	}

	if out.header == nil {
		out.header = http.Header{}
	}

	for name, values := range limits {
		out.header[name] = values
	}

	return out, changed
}

// undescribed are operations of which our extract of the description says
// nothing, though the whole one does.
func undescribed(made *call) bool {
	return made.route.name == "mypermissions" || made.route.name == "editmeta"
}

func (s *Server) checkRequest(made *call) error {
	if undescribed(made) {
		return nil
	}

	broken := s.contract.CheckRequest(described(made), made.body)
	if broken != nil {
		s.Violation("request %s %s: %v", made.Method, made.URL.Path, broken)
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
func (s *Server) admit(made *call) *answer {
	account, ok := s.login(made)
	if !ok {
		return unauthenticated()
	}
	if account.Captcha {
		return s.wantsCaptcha()
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

func (s *Server) wantsCaptcha() *answer {
	refused := refuse(http.StatusForbidden, "CAPTCHA required")
	refused.header = http.Header{
		"X-Seraph-Loginreason":           {"AUTHENTICATION_DENIED"},
		"X-Authentication-Denied-Reason": {"CAPTCHA_CHALLENGE; login-url=" + s.config.BaseURL + "/login.jsp"},
	}
	return refused
}

func (s *Server) login(made *call) (Account, bool) {
	if s.config.Flavor == Cloud {
		user, token, ok := made.BasicAuth()
		account, known := s.config.Accounts[token]
		return account, ok && known && strings.EqualFold(account.Email, user) && account.Scoped == made.gateway
	}

	token, ok := strings.CutPrefix(made.Header.Get("Authorization"), "Bearer ")
	account, known := s.config.Accounts[token]

	return account, ok && known
}

// version is the one of the API that each flavor is asked for.
func (s *Server) version() string {
	if s.config.Flavor == Cloud {
		return "/rest/api/3"
	}
	return "/rest/api/2"
}

// resolve finds what a path stands for.
func (s *Server) resolve(made *call) {
	path, ok := strings.CutPrefix(made.URL.Path, s.context)
	if s.config.Flavor == Cloud && strings.HasPrefix(made.URL.Path, "/ex/jira/") {
		path, ok = strings.CutPrefix(made.URL.Path, "/ex/jira/"+s.config.CloudID)
		made.gateway = true
	}

	if ok {
		path, ok = strings.CutPrefix(path, s.version())
	}

	if !ok {
		return
	}

	made.path = strings.TrimSuffix(path, "/")
	made.route = s.route(made.Method, strings.Split(strings.Trim(path, "/"), "/"))
}

func (s *Server) route(method string, parts []string) route {
	switch {
	case parts[0] == "issue" && len(parts) > 1 && parts[1] == "createmeta":
		return s.createmeta(method, parts[2:])
	case parts[0] == "issue":
		return s.issueRoute(method, parts[1:])
	case parts[0] == "search":
		return s.searchRoute(method, parts[1:])
	case method != http.MethodGet:
	case len(parts) == 1 && parts[0] == "myself":
		return route{handle: s.myself, name: "myself"}
	case len(parts) == 1 && parts[0] == "serverInfo":
		return route{handle: s.serverInfo, name: "serverInfo"}
	case len(parts) == 1 && parts[0] == "mypermissions":
		return route{handle: s.mypermissions, name: "mypermissions"}
	case len(parts) == 2 && parts[0] == "project":
		return route{handle: s.projectView, name: "project", last: parts[1]}
	}

	return route{}
}

func (s *Server) issueRoute(method string, parts []string) route {
	if len(parts) == 0 && method == http.MethodPost {
		return route{handle: s.create, name: "issue", creates: true}
	}
	if len(parts) == 0 {
		return route{}
	}

	r := route{issue: parts[0]}
	switch rest := parts[1:]; {
	case len(rest) == 0 && method == http.MethodGet:
		r.handle = s.read
		r.name = "issue"
	case len(rest) == 0 && method == http.MethodPut:
		r.handle = s.update
		r.name = "issue"
	case len(rest) == 0 && method == http.MethodDelete:
		r.handle = s.remove
		r.name = "issue"
	case len(rest) == 1 && rest[0] == "editmeta" && method == http.MethodGet:
		r.handle = s.editmeta
		r.name = "editmeta"
	case len(rest) == 1 && rest[0] == "transitions" && method == http.MethodGet:
		r.handle = s.transitions
		r.name = "transitions"
	case len(rest) == 1 && rest[0] == "transitions" && method == http.MethodPost:
		r.handle = s.transit
		r.name = "transitions"
	}

	return r
}

// searchRoute knows the search of each flavor; the Cloud's old one is gone.
func (s *Server) searchRoute(method string, rest []string) route {
	if method != http.MethodGet && method != http.MethodPost {
		return route{}
	}

	switch {
	case s.config.Flavor == Cloud && slices.Equal(rest, []string{"jql"}) && method == http.MethodGet:
		return route{handle: s.searchCloud, name: "search"}
	case s.config.Flavor == Cloud && len(rest) == 0:
		return route{handle: s.gone, name: "search"}
	case s.config.Flavor != Cloud && len(rest) == 0 && method == http.MethodGet:
		return route{handle: s.searchDatacenter, name: "search"}
	}

	return route{}
}

func (s *Server) gone(*call) (*answer, *issue) {
	return refuse(http.StatusGone, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API."), nil
}

// perform runs the handler.
func (s *Server) perform(made *call) (*answer, *issue) {
	if made.route.handle == nil {
		return refuse(http.StatusNotFound, "null for uri: "+made.URL.Path), nil
	}
	return made.route.handle(made)
}

// sign puts on what every answer carries.
func (s *Server) sign(header http.Header) {
	if s.config.Flavor == Cloud {
		header.Set("Atl-Traceid", strings.ToLower(rand.Text()))
	} else {
		header.Set("X-Arequestid", rand.Text())
	}

	header.Set("Content-Type", mediaType) // with an empty body too
}

// send writes an answer after it has held it against the contract.
func (s *Server) send(w http.ResponseWriter, made *call, out *answer) {
	header := w.Header()
	for name, values := range out.header {
		header[name] = values
	}

	s.sign(header)
	var content []byte
	if out.value != nil {
		content = encode(out.value)
	}

	// An empty answer has nothing to be checked, though the description wants JSON
	// even there.
	if made.route.handle != nil && !undescribed(made) && out.status != http.StatusGone && out.value != nil {
		if err := s.contract.CheckResponse(described(made), out.status, header, withoutNull(content)); err != nil && !errors.Is(err, providers.ErrNoOperation) {
			s.Violation("answer %d to %s %s: %v", out.status, made.Method, made.URL.Path, err)
		}
	}

	w.WriteHeader(out.status)
	_, _ = w.Write(content)
}

// withoutNull is an answer as the description wants it: it forgets that what is
// empty is null.
func withoutNull(content []byte) []byte {
	return bytes.ReplaceAll(content, []byte(`"description":null`), []byte(`"description":{}`))
}

// encode leaves <, > and & as they are.
func encode(value any) []byte {
	var content bytes.Buffer
	encoder := json.NewEncoder(&content)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
	return bytes.TrimSuffix(content.Bytes(), []byte("\n"))
}
