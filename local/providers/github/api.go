package github

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
)

const (
	// maxRequest is what GitHub reads of a request.
	maxRequest = 1 << 20
	mediaType  = "application/json; charset=utf-8"
	// versionHeader names a version of the API; without it the first one counts.
	versionHeader = "X-Github-Api-Version"
)

var versions = []string{"2022-11-28", "2026-03-10"}

// A call is a request on its way through the API.
type call struct {
	*http.Request
	body  []byte
	login string
	pass  *pass // of an app's installation
	route route
}

// A route is what a path stands for.
type route struct {
	handle     func(*call) (*answer, *issue)
	repository *repository
	former     bool // the path holds a name that the repository had before
	number     int
	creates    bool
	// installation is the one that a token is asked for. Its app shows who it is
	// by another token.
	installation string
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
	number := s.writes.Arrive()
	at := s.config.Now().UTC()
	n := 0
	if made.route.creates {
		n = s.Arrive()
	}

	s.deciding.Lock()
	made.route = route{}
	s.resolve(made) // what the path stands for may have changed while it waited
	out := refuse(http.StatusRequestEntityTooLarge, "Payload too big")
	changed := (*issue)(nil)
	if !tooLarge {
		out, changed = s.decide(made)
	}

	stored := entry{Number: number, Issue: changed, Write: &providers.Write{
		At: at, User: made.login, Method: made.Method, Path: made.URL.Path, Body: providers.JSONBody(made.body), Status: out.status,
		Fault: faults.Of(made.Context()),
	}}
	if repository := made.route.repository; repository != nil {
		stored.Repository = key(repository.Owner, repository.Name)
	}

	err := s.commit(stored)
	s.deciding.Unlock()
	if err != nil {
		return refuse(http.StatusInternalServerError, "Server Error")
	}

	if out.status == http.StatusCreated {
		s.Tell(Applied, n)
	}

	return out
}

// decide works out the answer and, for a write, the issue as it is to be. The
// order of the checks is GitHub's: who calls before what he asks.
func (s *Server) decide(made *call) (*answer, *issue) {
	if refused := s.admit(made); refused != nil {
		return refused, nil
	}

	limits, refused := s.limiter.take(made.login, made.Method, made.route.creates)
	if refused != nil {
		return refused, nil
	}

	var broken error
	redirected := made.route.former && made.route.handle == nil // whatever is asked for
	if made.route.installation == "" && !redirected {           // the description at hand is of issues
		broken = s.contract.CheckRequest(s.described(made), made.body)
	}

	if broken != nil {
		s.Violation("request %s %s: %v", made.Method, made.URL.Path, broken)
	}

	out, changed := s.perform(made)
	if broken != nil && out.status < 400 {
		out = invalid(broken.Error())
		changed = nil
	}

	if out.header == nil {
		out.header = http.Header{}
	}

	for name, values := range limits {
		out.header[name] = values
	}

	if classic(made.Header.Get("Authorization")) && made.login != "" {
		out.header.Set("X-Oauth-Scopes", s.scopes(made))
	}

	return out, changed
}

// classic reports whether a token is one whose scopes GitHub tells.
func classic(authorization string) bool {
	_, token, _ := strings.Cut(authorization, " ")
	return strings.HasPrefix(strings.TrimSpace(token), "ghp_")
}

// admit checks what every request needs: a name, a media type that there is, a
// version that there is, and a token.
func (s *Server) admit(made *call) *answer {
	if made.UserAgent() == "" {
		return refuse(http.StatusForbidden, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.")
	}

	scheme, token, _ := strings.Cut(made.Header.Get("Authorization"), " ")
	if scheme == "" {
		return refuse(http.StatusUnauthorized, "Requires authentication")
	}

	login, ok := s.whose(made, strings.TrimSpace(token))
	if !ok || !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "token") {
		return refuse(http.StatusUnauthorized, "Bad credentials")
	}

	made.login = login
	if accept := made.Header.Get("Accept"); !acceptable(accept) {
		return refuse(http.StatusUnsupportedMediaType, fmt.Sprintf("Unsupported 'Accept' header: %q. Must accept 'application/json'.", accept))
	}

	if version := made.Header.Get(versionHeader); version != "" && !slices.Contains(versions, version) {
		return refuse(http.StatusBadRequest, fmt.Sprintf("%q is not a supported version. Supported versions: %s", version, strings.Join(versions, ", ")))
	}

	if len(made.body) > 0 && !isJSON(made.Header.Get("Content-Type")) {
		return refuse(http.StatusUnsupportedMediaType, "Unsupported Media Type")
	}

	return nil
}

func acceptable(accept string) bool {
	if accept == "" {
		return true
	}

	for one := range strings.SplitSeq(accept, ",") {
		media, _, err := mime.ParseMediaType(one)
		if err == nil && (media == "*/*" || media == "application/*" || media == "application/json" ||
			media == "application/vnd.github+json" || media == "application/vnd.github.v3+json") {
			return true
		}
	}

	return false
}

func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/json"
}

// resolve finds what a path stands for. The links of a list lead to
// /repositories/{id}, as on GitHub.
func (s *Server) resolve(made *call) {
	parts := strings.Split(strings.Trim(made.URL.Path, "/"), "/")
	get := made.Method == http.MethodGet
	switch {
	case len(parts) == 1 && parts[0] == "user" && get:
		made.route.handle = s.user
		return
	case len(parts) == 4 && parts[0] == "app" && parts[1] == "installations" && parts[3] == "access_tokens" && made.Method == http.MethodPost:
		made.route.handle = s.grant
		made.route.installation = parts[2]
		return
	}

	var found *repository
	former := false
	switch {
	case len(parts) >= 3 && parts[0] == "repos":
		found = s.find(parts[1], parts[2])
		if found == nil {
			found = s.findFormer(parts[1], parts[2])
			former = found != nil
		}

		parts = parts[3:]

	case len(parts) >= 2 && parts[0] == "repositories":
		id, _ := strconv.ParseInt(parts[1], 10, 64)
		found = s.findID(id)
		parts = parts[2:]
	default:
		return
	}

	made.route = s.inRepository(made.Method, parts)
	made.route.repository = found
	made.route.former = former
}

func (s *Server) inRepository(method string, parts []string) route {
	switch {
	case len(parts) == 0 && method == http.MethodGet:
		return route{handle: s.repository}
	case len(parts) == 0 || parts[0] != "issues":
		return route{}
	case len(parts) == 1 && method == http.MethodGet:
		return route{handle: s.list}
	case len(parts) == 1 && method == http.MethodPost:
		return route{handle: s.create, creates: true}
	case len(parts) != 2:
		return route{}
	}

	number, err := strconv.Atoi(parts[1])
	if err != nil {
		return route{}
	}

	switch method {
	case http.MethodGet:
		return route{handle: s.read, number: number}
	case http.MethodPatch:
		return route{handle: s.update, number: number}
	}

	return route{}
}

// described is the request under the path that the description knows.
func (s *Server) described(made *call) *http.Request {
	repository := made.route.repository
	rest, ok := strings.CutPrefix(made.URL.Path, "/repositories/")
	if repository == nil || !ok {
		return made.Request
	}

	_, rest, _ = strings.Cut(rest, "/")
	copied := made.Clone(made.Context())
	copied.URL.Path = strings.TrimSuffix("/repos/"+repository.fullName()+"/"+rest, "/")

	return copied
}

// perform runs the handler. A repository the caller may not see is not there.
func (s *Server) perform(made *call) (*answer, *issue) {
	if made.route.handle == nil && !made.route.former {
		return notFound(), nil
	}
	if strings.HasPrefix(made.URL.Path, "/repo") && !(made.route.repository.visible(made.login) && made.pass.admits(made)) {
		return notFound(), nil
	}
	if made.route.former {
		return renamedAnswer(made), nil
	}

	if refused := s.beyond(made); refused != nil {
		return refused, nil
	}

	return made.route.handle(made)
}

func (r *repository) visible(login string) bool {
	return r != nil && (!r.Private || r.mayTriage(login) || slices.ContainsFunc(r.Read, func(one string) bool { return strings.EqualFold(one, login) }))
}

func (r *repository) mayTriage(login string) bool {
	return r.mayPush(login) || slices.ContainsFunc(r.Triage, func(one string) bool { return strings.EqualFold(one, login) })
}

func (r *repository) mayPush(login string) bool {
	return r.Push == nil || holds(r.Push, login) || r.mayAdmin(login)
}

func (r *repository) mayAdmin(login string) bool { return holds(r.Admin, login) }

// send writes an answer after it has held it against the contract.
func (s *Server) send(w http.ResponseWriter, made *call, out *answer) {
	content := encode(out.value)
	header := w.Header()
	for name, values := range out.header {
		header[name] = values
	}

	sign(header)
	if made.Method == http.MethodGet && out.status == http.StatusOK {
		tag := fmt.Sprintf(`W/"%x"`, sha256.Sum256(content))
		header.Set("Etag", tag)
		if made.Header.Get("If-None-Match") == tag {
			for name, values := range s.limiter.back(made.login) {
				header[name] = values
			}
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}

	if err := s.contract.CheckResponse(s.described(made), out.status, header, content); !out.undescribed && err != nil && !errors.Is(err, providers.ErrNoOperation) {
		s.Violation("answer %d to %s %s: %v", out.status, made.Method, made.URL.Path, err)
	}

	w.WriteHeader(out.status)
	_, _ = w.Write(content)
}

// sign puts on what every answer carries.
func sign(header http.Header) {
	header.Set("Content-Type", mediaType)
	header.Set("X-Github-Media-Type", "github.v3; format=json")
	header.Set("X-Github-Api-Version-Selected", versions[0])
	header.Set("X-Github-Request-Id", rand.Text())
}

// encode leaves <, > and & as they are, as GitHub does.
func encode(value any) []byte {
	var content bytes.Buffer
	encoder := json.NewEncoder(&content)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
	return bytes.TrimSuffix(content.Bytes(), []byte("\n"))
}
