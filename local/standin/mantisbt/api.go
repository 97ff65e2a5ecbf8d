package mantisbt

import (
	"cmp"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"integrations/local/standin"
	"integrations/local/standin/faults"
)

const (
	// maxRequest is what PHP reads of a request.
	maxRequest = 8 << 20
	version    = "2.28.4"
	root       = "/api/rest"
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
}

// serveAPI answers a request. A write is decided, stored and counted as one
// step, so that what was answered is never lost and never done twice.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		panic(http.ErrAbortHandler) // the caller went away in mid-request
	}
	made := &call{Request: r, body: body}
	s.resolve(made)
	var out *answer
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		out = s.write(made, tooLarge != nil)
	default:
		out, _ = s.decide(made)
	}
	s.send(w, made, out)
}

func (s *Server) write(made *call, tooLarge bool) *answer {
	number, at, n := s.writes.Arrive(), s.config.Now().UTC(), 0
	if made.route.creates {
		n = s.Arrive()
	}
	s.deciding.Lock()
	out, changed := refuse(http.StatusRequestEntityTooLarge, 0, "Payload too big"), (*issue)(nil)
	if !tooLarge {
		out, changed = s.decide(made)
	}
	err := s.commit(entry{Number: number, Issue: changed, Write: &standin.Write{
		At: at, User: made.user, Method: made.Method, Path: made.URL.Path, Body: standin.JSONBody(made.body), Status: out.status,
		Fault: faults.Of(made.Context()),
	}})
	s.deciding.Unlock()
	if err != nil {
		return crashed()
	}
	if out.status == http.StatusCreated {
		s.Tell(Applied, n)
	}
	return out
}

// decide works out the answer and, for a write, the issue as it is to be.
func (s *Server) decide(made *call) (*answer, *issue) {
	if made.route.handle == nil {
		return notFound(), nil
	}
	if refused := s.admit(made); refused != nil {
		return refused, nil
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
		return refuse(http.StatusBadRequest, 0, "%v", broken), nil
	}
	return out, changed
}

// admit wants the token as it is: 2.28 takes a scheme before it for part of
// it.
func (s *Server) admit(made *call) *answer {
	token := made.Header.Get("Authorization")
	if token == "" {
		return refuse(http.StatusUnauthorized, 0, "API token required")
	}
	user, ok := s.config.Tokens[token]
	if !ok && s.config.Anonymous != "" {
		user, ok = s.config.Anonymous, true
		made.anonymous = true
	}
	if !ok {
		return refuse(http.StatusUnauthorized, 0, "Valid API token required")
	}
	made.user = user
	if media, _, err := mime.ParseMediaType(made.Header.Get("Content-Type")); len(made.body) > 0 && (err != nil || media != "application/json") {
		s.Violation("request %s %s: the body's media type is %q, MantisBT reads JSON only", made.Method, made.URL.Path, media)
		return refuse(http.StatusBadRequest, 0, "Unable to parse body, content type is not application/json")
	}
	return nil
}

// resolve finds what a path stands for.
func (s *Server) resolve(made *call) {
	path, ok := strings.CutPrefix(made.URL.Path, root)
	script, isScript := strings.CutPrefix(path, "/index.php")
	switch {
	case !ok || s.config.NoRewriting && !isScript:
		return
	case isScript:
		path = script
	}
	made.route = s.routeOf(made.Method, strings.Split(strings.Trim(path, "/"), "/"))
}

func (s *Server) routeOf(method string, parts []string) route {
	get := method == http.MethodGet
	switch {
	case get && slices.Equal(parts, []string{"users", "me"}):
		return route{handle: s.me}
	case get && slices.Equal(parts, []string{"config"}):
		return route{handle: s.settings}
	case get && parts[0] == "projects" && len(parts) == 1:
		return route{handle: s.projectsList}
	case len(parts) == 1 && parts[0] == "issues" && get:
		return route{handle: s.list, issues: true}
	case len(parts) == 1 && parts[0] == "issues" && method == http.MethodPost:
		return route{handle: s.create, creates: true, issues: true}
	case len(parts) != 2:
		return route{}
	}
	id, err := strconv.Atoi(parts[1])
	if err != nil && get && parts[0] == "projects" {
		return route{handle: s.projectsList} // a name is read as 0, which is all of them
	}
	if err != nil || id < 1 {
		return route{}
	}
	switch {
	case get && parts[0] == "projects":
		return route{handle: s.oneProject, id: id}
	case get && parts[0] == "issues":
		return route{handle: s.read, id: id, issues: true}
	case method == http.MethodPatch && parts[0] == "issues":
		return route{handle: s.update, id: id, issues: true}
	case method == http.MethodDelete && parts[0] == "issues":
		return route{handle: s.remove, id: id}
	}
	return route{}
}

// described is the request under the path that the description knows.
func (s *Server) described(made *call) *http.Request {
	copied := made.Clone(made.Context())
	copied.URL.Path = strings.Replace(made.URL.Path, "/index.php", "", 1)
	return copied
}

// send writes an answer after it has held it against the contract.
func (s *Server) send(w http.ResponseWriter, made *call, out *answer) {
	content := encode(out.value)
	header := w.Header()
	for name, values := range out.header {
		header[name] = values
	}
	header.Set("X-Mantis-Version", cmp.Or(s.config.Version, version))
	if made.user != "" {
		header.Set("X-Mantis-Username", made.user)
		header.Set("X-Mantis-LoginMethod", "api-token")
	}
	if made.anonymous {
		header.Set("X-Mantis-LoginMethod", "cookie")
	}
	if content != nil {
		header.Set("Content-Type", "application/json;charset=utf-8")
	}
	s.check(made, out, header, content)
	w.WriteHeader(out.status)
	_, _ = w.Write(content)
}

// check holds our own answer against the description: as far as it goes, since
// it leaves the form of most answers open, and each issue against its form.
func (s *Server) check(made *call, out *answer, header http.Header, content []byte) {
	err := s.contract.CheckResponse(s.described(made), out.status, header, content)
	if err != nil && !errors.Is(err, standin.ErrNoOperation) {
		s.Violation("answer %d to %s %s: %v", out.status, made.Method, made.URL.Path, err)
	}
	if !made.route.issues || out.status >= 300 {
		return
	}
	for _, one := range issuesIn(content) {
		if err := s.contract.CheckSchema("Issue", one); err != nil {
			s.Violation("answer %d to %s %s: %v", out.status, made.Method, made.URL.Path, err)
		}
	}
}
