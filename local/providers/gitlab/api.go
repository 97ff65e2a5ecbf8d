package gitlab

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
)

// maxRequest is room for the longest description, escaped.
const maxRequest = 16 << 20

// A call is a request on its way through the API.
type call struct {
	*http.Request
	body  []byte
	user  string
	route route
}

// A route is what a path stands for.
type route struct {
	handle  func(*call) (*answer, change)
	project *project
	moved   string // the address by id of a project asked for by an old path
	iid     int
	creates bool
}

// A change is what a write leaves: an issue, and one it made elsewhere.
type change struct {
	issue  *issue
	copied *placed
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

	s.send(w, out)
}

func (s *Server) write(made *call, tooLarge bool) *answer {
	number := s.writes.Arrive()
	at := s.config.Now().UTC()
	n := 0
	if made.route.creates {
		n = s.Arrive()
	}

	s.deciding.Lock()
	made.route = route{}
	s.resolve(made) // what the path stands for may have changed while it waited
	out := &answer{status: http.StatusRequestEntityTooLarge, value: text("Request Entity Too Large\n")}
	changed := change{}
	if !tooLarge {
		out, changed = s.decide(made)
	}

	stored := entry{Number: number, Issue: changed.issue, Copied: changed.copied, Write: &providers.Write{
		At: at, User: made.user, Method: made.Method, Path: made.URL.EscapedPath(), Body: providers.JSONBody(made.body), Status: out.status,
		Fault: faults.Of(made.Context()),
	}}
	if made.route.project != nil {
		stored.Project = made.route.project.Path
	}

	err := s.commit(stored)
	s.deciding.Unlock()
	if err != nil {
		return refuse(http.StatusInternalServerError, "500 Internal Server Error")
	}

	if out.status == http.StatusCreated && n > 0 {
		s.Tell(Applied, n)
	}

	return out
}

// decide works out the answer and, for a write, what it leaves. The order of
// the checks is GitLab's: limits in front, who calls, what he asks.
func (s *Server) decide(made *call) (*answer, change) {
	made.user = s.config.Tokens[made.token()]
	limits, refused := s.limiter.take(made)
	if refused == nil {
		refused = s.admit(made)
	}

	if refused != nil {
		return refused, change{}
	}

	out, changed := s.perform(made)
	if out.header == nil {
		out.header = http.Header{}
	}

	for name, values := range limits {
		out.header[name] = values
	}

	return out, changed
}

func (c *call) token() string {
	if token := c.Header.Get("Private-Token"); token != "" {
		return token
	}
	token, _ := strings.CutPrefix(c.Header.Get("Authorization"), "Bearer ")
	return token
}

// admit checks what every request needs: a token with the scope for it, and a
// media type that there is.
func (s *Server) admit(made *call) *answer {
	if made.UserAgent() == "" {
		s.Violation("request %s %s: no User-Agent", made.Method, made.URL.Path)
	}

	if made.user == "" {
		if made.Header.Get("Private-Token")+made.Header.Get("Authorization") != "" && strings.HasPrefix(made.Header.Get("Authorization"), "Bearer ") {
			return revoked()
		}
		return refuse(http.StatusUnauthorized, "401 Unauthorized")
	}

	needed := "api"
	if made.Method == http.MethodGet {
		needed = "read_api"
	}

	if scopes := s.scopes(made.token()); !slices.Contains(scopes, "api") && !slices.Contains(scopes, needed) {
		return &answer{status: http.StatusForbidden, value: map[string]any{
			"error": "insufficient_scope", "error_description": "The request requires higher privileges than provided by the access token.", "scope": "api",
		}}
	}

	media, _, err := mime.ParseMediaType(made.Header.Get("Content-Type"))
	if len(made.body) > 0 && (err != nil || media != "application/json") {
		return mistaken(http.StatusUnsupportedMediaType, "The provided content-type '"+media+"' is not supported.")
	}

	return nil
}

func (s *Server) scopes(token string) []string {
	if scopes, ok := s.config.Scopes[token]; ok {
		return scopes
	}
	return []string{"api"}
}

// resolve finds what a path stands for. The project is one segment of it: its
// number, or its path with the slashes escaped.
func (s *Server) resolve(made *call) {
	rest, ok := strings.CutPrefix(made.URL.EscapedPath(), s.config.Root+"/api/v4/")
	parts := strings.Split(rest, "/")
	switch {
	case !ok || made.Method != http.MethodGet && parts[0] != "projects":
		return
	case rest == "user":
		made.route.handle = s.user
		return
	case rest == "personal_access_tokens/self":
		made.route.handle = s.self
		return
	case parts[0] != "projects" || len(parts) < 2:
		return
	}

	name, err := url.PathUnescape(parts[1])
	if err != nil {
		return
	}

	made.route = s.inProject(made.Method, parts[2:])
	if id, err := strconv.ParseInt(name, 10, 64); err == nil {
		made.route.project = s.findID(id)
		return
	}

	made.route.project = s.find(name)
	if p := made.route.project; p != nil && !strings.EqualFold(p.Path, name) {
		made.route.moved = s.config.Root + "/api/v4/projects/" + strings.Join(append([]string{strconv.FormatInt(p.id, 10)}, parts[2:]...), "/")
	}
}

func (s *Server) inProject(method string, parts []string) route {
	handlers := map[string]route{
		"GET ": {handle: s.project}, "GET issues": {handle: s.list}, "POST issues": {handle: s.create, creates: true},
		"GET issues/": {handle: s.read}, "PUT issues/": {handle: s.update}, "DELETE issues/": {handle: s.remove}, "POST issues/move": {handle: s.move},
	}
	if method == http.MethodGet && len(parts) == 3 && parts[0] == "members" && parts[1] == "all" {
		id, err := strconv.Atoi(parts[2])
		if err != nil {
			return route{}
		}
		return route{handle: s.member, iid: id}
	}

	name := ""
	iid := 0
	if len(parts) > 0 {
		name = parts[0]
	}

	if len(parts) > 1 {
		var err error
		if iid, err = strconv.Atoi(parts[1]); err != nil || len(parts) > 3 {
			return route{}
		}
		name += "/" + strings.Join(parts[2:], "")
	}

	found := handlers[method+" "+name]
	found.iid = iid

	return found
}

// perform runs the handler. A project the caller may not see is not there.
func (s *Server) perform(made *call) (*answer, change) {
	if made.route.handle == nil {
		s.Violation("request %s %s: no such operation in the documentation", made.Method, made.URL.EscapedPath())
		return mistaken(http.StatusNotFound, "404 Not Found"), change{}
	}

	if strings.HasPrefix(made.URL.EscapedPath(), s.config.Root+"/api/v4/projects/") {
		switch p := made.route.project; {
		case p == nil || p.Private && p.role(made.user) == 0:
			return notFound("Project "), change{}
		case made.route.moved != "":
			return movedAnswer(made), change{}
		}
	}

	return made.route.handle(made)
}

func (p *project) role(user string) int {
	if p.Roles == nil {
		return Developer
	}
	return p.Roles[user]
}

func (s *Server) send(w http.ResponseWriter, out *answer) {
	header := w.Header()
	for name, values := range out.header {
		header[name] = values
	}

	header.Set("X-Request-Id", rand.Text())
	plain, isText := out.value.(text)
	if isText {
		header.Set("Content-Type", "text/plain")
		w.WriteHeader(out.status)
		_, _ = io.WriteString(w, string(plain))
		return
	}

	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "max-age=0, private, must-revalidate")
	w.WriteHeader(out.status)
	if out.status != http.StatusNoContent {
		_, _ = w.Write(encode(out.value))
	}
}

// encode escapes <, > and &, as GitLab does.
func encode(value any) []byte {
	content, _ := json.Marshal(value)
	return bytes.TrimSpace(content)
}
