package gitlab

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"example.com/integrations/local/providers/faults"
	"example.com/integrations/local/providers/tracker"
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
	kind    faults.Kind
	project *project
	moved   string // the address by id of a project asked for by an old path
	iid     int    // or the id of a member
}

// api is the REST API: it resolves, decides and answers requests.
type api struct {
	*state

	limiter  *limiter
	views    views
	issues   issues
	lists    lists
	accounts accounts
}

// serveAPI answers a request.
func (a *api) serveAPI(w http.ResponseWriter, r *http.Request) {
	body, tooLarge := tracker.ReadBody(w, r, maxRequest)
	made := a.resolved(r)
	made.body = body
	if tracker.Reads(r) {
		out, _ := a.decide(made)
		send(w, out)
		return
	}

	send(w, a.write(made, tooLarge))
}

func (a *api) write(made *call, tooLarge bool) *answer {
	var out *answer
	written := tracker.Written{Request: made.Request, Path: made.URL.EscapedPath(), Body: made.body, Creates: made.route.kind == faults.Create}
	err := a.Take(written, func() tracker.Decision[change] {
		made.route = route{}
		a.resolve(made) // what the path stands for may have changed while it waited
		out = &answer{status: http.StatusRequestEntityTooLarge, value: text("Request Entity Too Large\n")}
		changed := change{}
		if !tooLarge {
			out, changed = a.decide(made)
		}

		if made.route.project != nil {
			changed.Project = made.route.project.Path
		}

		return tracker.Decision[change]{User: made.user, Status: out.status, Change: changed}
	})
	if err != nil {
		return refuse(http.StatusInternalServerError, "500 Internal Server Error")
	}

	return out
}

// decide works out the answer and, for a write, what it leaves. The order of
// the checks is GitLab's: limits in front, then the account, then the request.
func (a *api) decide(made *call) (*answer, change) {
	made.user = a.config.Tokens[made.token()]
	limits, refused := a.limiter.take(made)
	if refused == nil {
		refused = a.admit(made)
	}

	if refused != nil {
		return refused, change{}
	}

	out, changed := a.perform(made)
	if out.header == nil {
		out.header = http.Header{}
	}

	maps.Copy(out.header, limits)

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
func (a *api) admit(made *call) *answer {
	if made.UserAgent() == "" {
		a.Violation("request %s %s: no User-Agent", made.Method, made.URL.Path)
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

	if scopes := a.accounts.scopes(made.token()); !slices.Contains(scopes, "api") && !slices.Contains(scopes, needed) {
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

// resolved is the call that a request makes.
func (a *api) resolved(r *http.Request) *call {
	made := &call{Request: r}
	a.resolve(made)

	return made
}

// resolve finds what a path stands for. The project is one segment of it: its
// number, or its path with the slashes escaped.
func (a *api) resolve(made *call) {
	rest, ok := strings.CutPrefix(made.URL.EscapedPath(), a.config.Root+"/api/v4/")
	parts := strings.Split(rest, "/")
	switch {
	case !ok || made.Method != http.MethodGet && parts[0] != "projects":
		return
	case rest == "user":
		made.route.handle = a.accounts.user
		return
	case rest == "personal_access_tokens/self":
		made.route.handle = a.accounts.self
		return
	case parts[0] != "projects" || len(parts) < 2:
		return
	}

	name, err := url.PathUnescape(parts[1])
	if err != nil {
		return
	}

	made.route = a.inProject(made.Method, parts[2:])
	if id, err := strconv.ParseInt(name, 10, 64); err == nil {
		made.route.project = a.projects.Numbered(id)
		return
	}

	made.route.project = a.find(name)
	if p := made.route.project; p != nil && !strings.EqualFold(p.Path, name) {
		made.route.moved = a.config.Root + "/api/v4/projects/" + strings.Join(append([]string{strconv.FormatInt(p.id, 10)}, parts[2:]...), "/")
	}
}

func (a *api) inProject(method string, parts []string) route {
	handlers := map[string]route{
		"GET ": {handle: a.accounts.project}, "GET issues": {handle: a.lists.list, kind: faults.List}, "POST issues": {handle: a.issues.create, kind: faults.Create},
		"GET issues/": {handle: a.issues.read, kind: faults.Read}, "PUT issues/": {handle: a.issues.update, kind: faults.Update},
		"DELETE issues/": {handle: a.issues.remove, kind: faults.Update}, "POST issues/move": {handle: a.issues.move, kind: faults.Update},
	}
	if method == http.MethodGet && len(parts) == 3 && parts[0] == "members" && parts[1] == "all" {
		id, err := strconv.Atoi(parts[2])
		if err != nil {
			return route{}
		}
		return route{handle: a.accounts.member, kind: faults.Read, iid: id}
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
func (a *api) perform(made *call) (*answer, change) {
	if made.route.handle == nil {
		a.Violation("request %s %s: no such operation in the documentation", made.Method, made.URL.EscapedPath())
		return mistaken(http.StatusNotFound, "404 Not Found"), change{}
	}

	if strings.HasPrefix(made.URL.EscapedPath(), a.config.Root+"/api/v4/projects/") {
		switch p := made.route.project; {
		case p == nil || p.Private && p.role(made.user) == 0:
			return notFound("Project "), change{}
		case made.route.moved != "":
			return movedAnswer(made), change{}
		}
	}

	return made.route.handle(made)
}

func send(w http.ResponseWriter, out *answer) {
	header := w.Header()
	maps.Copy(header, out.header)

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
