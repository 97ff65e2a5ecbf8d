package mantisbt

import (
	"cmp"
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
	"example.com/integrations/local/providers/tracker"
)

const (
	// maxRequest is what PHP reads of a request.
	maxRequest = 8 << 20
	version    = "2.28.4"
	root       = "/api/rest"
	// guest is the account of callers without a token, where none is configured.
	guest = "anonymous"
)

// A call is a request on its way through the API.
type call struct {
	*http.Request
	body  []byte
	user  string
	route route
	// anonymous: the token is unknown, and the caller is served all the same
	// (recorded: anonymous-revoked-token-me).
	anonymous bool
}

// A route is what a path stands for.
type route struct {
	handle  func(*call) (*answer, *issue)
	id      int
	creates bool
	issues  bool // its answer holds issues
	// unknown says that the address lies under the API, which has nothing there.
	unknown bool
}

// api is the REST API: it resolves, decides and answers requests.
type api struct {
	*state

	contract *providers.Contract
	rights   rights
	issues   issues
	lists    lists
	site     site
}

// serveAPI answers a request.
func (s *api) serveAPI(w http.ResponseWriter, r *http.Request) {
	body, tooLarge := tracker.ReadBody(w, r, maxRequest)
	made := s.resolved(r)
	made.body = body
	if tracker.Reads(r) {
		out, _ := s.decide(made)
		s.send(w, made, out)
		return
	}

	s.send(w, made, s.write(made, tooLarge))
}

// resolved is the call that a request makes.
func (s *api) resolved(r *http.Request) *call {
	made := &call{Request: r}
	s.resolve(made)

	return made
}

func (s *api) write(made *call, tooLarge bool) *answer {
	var out *answer
	written := tracker.Written{Request: made.Request, Path: made.URL.Path, Body: made.body, Creates: made.route.creates}
	err := s.Take(written, func() tracker.Decision[change] {
		out = refuse(http.StatusRequestEntityTooLarge, "Payload too big")
		changed := change{}
		if !tooLarge {
			out, changed.Issue = s.decide(made)
		}

		return tracker.Decision[change]{User: made.user, Status: out.status, Change: changed}
	})
	if err != nil {
		return crashed()
	}

	return out
}

// decide works out the answer and, for a write, the issue as it is to be.
func (s *api) decide(made *call) (*answer, *issue) {
	if made.route.handle == nil && !made.route.unknown {
		return notFound(), nil
	}

	if refused := s.admit(made); refused != nil {
		return refused, nil
	}

	if made.route.unknown {
		return nowhere(made.Header), nil
	}

	broken := s.contract.CheckRequest(s.described(made), made.body)
	if made.Method == http.MethodDelete {
		broken = nil // the description of 2.28 knows no deletes, but MantisBT does
	}

	if broken != nil {
		s.Violation("request %s %s: %v", made.Method, made.URL.Path, broken)
	}

	out, changed := made.route.handle(made)
	if broken != nil && out.status < 400 {
		return refuse(http.StatusBadRequest, "%v", broken), nil
	}

	return out, changed
}

// admit wants the token as it is: 2.28 takes a scheme before it for part of
// it. Whether there is a token at all makes no difference.
func (s *api) admit(made *call) *answer {
	if s.config.Offline {
		return &answer{status: http.StatusServiceUnavailable, reason: "Mantis Offline", thrown: true}
	}

	user, ok := s.config.Tokens[made.Header.Get("Authorization")]
	if faults.Guest(made.Context()) {
		user = cmp.Or(s.config.Anonymous, guest)
		ok = true
		made.anonymous = true
	}

	if !ok && s.config.Anonymous != "" {
		user = s.config.Anonymous
		ok = true
		made.anonymous = true
	}

	if !ok {
		return bare(http.StatusUnauthorized, tokenRequired)
	}
	if s.config.Accounts[user].Disabled {
		return bare(http.StatusForbidden, "Access denied")
	}

	made.user = user
	if s.config.RESTOff {
		return bare(http.StatusServiceUnavailable, "API disabled")
	}

	media, _, err := mime.ParseMediaType(made.Header.Get("Content-Type"))
	if len(made.body) > 0 && (err != nil || media != "application/json") {
		s.Violation("request %s %s: the body's media type is %q, MantisBT reads JSON only", made.Method, made.URL.Path, media)
		return unreadable()
	}

	return nil
}

// tokenRequired is said where there is no token, or one that is not known.
const tokenRequired = "Valid API token required"

// resolve finds what a path stands for.
func (s *api) resolve(made *call) {
	path, ok := strings.CutPrefix(made.URL.Path, root)
	script, isScript := strings.CutPrefix(path, "/index.php")
	switch {
	case !ok || s.config.NoRewriting && !isScript:
		return
	case isScript:
		path = script
	}

	made.route = s.routeOf(made.Method, strings.Split(strings.Trim(path, "/"), "/"))
	made.route.unknown = made.route.handle == nil
}

func (s *api) routeOf(method string, parts []string) route {
	get := method == http.MethodGet
	switch {
	case get && slices.Equal(parts, []string{"users", "me"}):
		return route{handle: s.site.me}
	case get && slices.Equal(parts, []string{"config"}):
		return route{handle: s.site.settings}
	case get && parts[0] == "projects" && len(parts) == 1:
		return route{handle: s.site.projectsList}
	case len(parts) == 1 && parts[0] == "issues" && get:
		return route{handle: s.lists.list, issues: true}
	case len(parts) == 1 && parts[0] == "issues" && method == http.MethodPost:
		return route{handle: s.issues.create, creates: true, issues: true}
	case len(parts) == 3 && parts[0] == "issues" && method == http.MethodPost:
		return s.addTo(parts[1], parts[2])
	case len(parts) != 2:
		return route{}
	}

	id, err := strconv.Atoi(parts[1])
	if (err != nil || id == 0) && get && parts[0] == "projects" {
		return route{handle: s.site.projectsList} // a name is read as 0, which is all of them
	}
	if err != nil || id < 1 {
		return route{}
	}

	switch {
	case get && parts[0] == "projects":
		return route{handle: s.site.oneProject, id: id}
	case get && parts[0] == "issues":
		return route{handle: s.issues.read, id: id, issues: true}
	case method == http.MethodPatch && parts[0] == "issues":
		return route{handle: s.issues.update, id: id, issues: true}
	case method == http.MethodDelete && parts[0] == "issues":
		return route{handle: s.issues.remove, id: id}
	}

	return route{}
}

// addTo is what adds a note or a relationship to an issue.
func (s *api) addTo(number, what string) route {
	id, err := strconv.Atoi(number)
	switch {
	case err != nil || id < 1:
		return route{}
	case what == "notes":
		return route{handle: s.issues.addNote, id: id, issues: true}
	case what == "relationships":
		return route{handle: s.issues.addRelation, id: id, issues: true}
	}

	return route{}
}

// described is the request under the path that the description knows.
func (s *api) described(made *call) *http.Request {
	copied := made.Clone(made.Context())
	copied.URL.Path = strings.Replace(made.URL.Path, "/index.php", "", 1)
	return copied
}

// send writes an answer after it has held it against the contract.
func (s *api) send(w http.ResponseWriter, made *call, out *answer) {
	content := encode(out.value)
	if out.page != "" {
		content = []byte(out.page)
	}

	header := w.Header()
	maps.Copy(header, out.header)

	s.sign(header, made, out)
	switch {
	case out.page != "":
		header.Set("Content-Type", "text/html;charset=UTF-8")
	case content != nil:
		header.Set("Content-Type", "application/json")
	case out.status != http.StatusNoContent:
		header.Set("Content-Type", "text/html; charset=UTF-8")
	}

	s.check(made, out, header, content)

	if content == nil && out.reason != "" {
		providers.SendReason(w, out.status, out.reason)
		return
	}

	w.WriteHeader(out.status)
	_, _ = w.Write(content)
}

// sign says that the answer is MantisBT's, and how the caller is logged in.
func (s *api) sign(header http.Header, made *call, out *answer) {
	if out.thrown {
		return
	}

	header.Set("X-Mantis-Version", cmp.Or(s.config.Version, version))
	switch {
	case made.user == "":
	case made.anonymous:
		header.Set("X-Mantis-LoginMethod", "cookie")
	default:
		header.Set("X-Mantis-LoginMethod", "api-token")
	}

	if made.user != "" {
		header.Set("X-Mantis-Username", made.user)
	}
}

// check holds our own answer against the description: as far as it goes, since
// it leaves the form of most answers open, and each issue against its form.
func (s *api) check(made *call, out *answer, header http.Header, content []byte) {
	if out.strange {
		return
	}

	s.CheckAnswer(s.contract, s.described(made), faults.Answer{Status: out.status, Header: header, Body: content})
	if !made.route.issues || out.status >= 300 {
		return
	}

	for _, one := range issuesIn(content) {
		if err := s.contract.CheckSchema("Issue", one); err != nil {
			s.Violation("answer %d to %s %s: %v", out.status, made.Method, made.URL.Path, err)
		}
	}
}

// issuesIn takes the issues out of an answer.
func issuesIn(content []byte) []json.RawMessage {
	var answer struct {
		Issue  json.RawMessage   `json:"issue"`
		Issues []json.RawMessage `json:"issues"`
	}
	_ = json.Unmarshal(content, &answer)
	if answer.Issue != nil {
		return append(answer.Issues, answer.Issue)
	}

	return answer.Issues
}
