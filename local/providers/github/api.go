package github

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
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
	kind       faults.Kind
	repository *repository
	former     bool // the path holds a name that the repository had before
	number     int
	// installation is the one that a token is asked for. Its app signs in with
	// another token.
	installation string
}

// api is the REST API: it resolves, decides and answers requests.
type api struct {
	*state

	contract *providers.Contract
	limiter  *limiter
	issues   issues
	apps     apps
}

// serveAPI answers a request.
func (a *api) serveAPI(w http.ResponseWriter, r *http.Request) {
	body, tooLarge := tracker.ReadBody(w, r, maxRequest)
	made := a.resolved(r)
	made.body = body
	if tracker.Reads(r) {
		out, _ := a.decide(made)
		a.send(w, made, out)
		return
	}

	a.send(w, made, a.write(made, tooLarge))
}

func (a *api) write(made *call, tooLarge bool) *answer {
	var out *answer
	written := tracker.Written{Request: made.Request, Path: made.URL.Path, Body: made.body, Creates: made.route.kind == faults.Create}
	err := a.Take(written, func() tracker.Decision[change] {
		made.route = route{}
		a.resolve(made) // what the path stands for may have changed while it waited
		out = refuse(http.StatusRequestEntityTooLarge, "Payload too big")
		changed := change{}
		if !tooLarge {
			out, changed.Issue = a.decide(made)
		}

		if made.route.repository != nil {
			changed.Repository = made.route.repository.FullName()
		}

		return tracker.Decision[change]{User: made.login, Status: out.status, Change: changed}
	})
	if err != nil {
		return refuse(http.StatusInternalServerError, "Server Error")
	}

	return out
}

// resolved is the call that a request makes.
func (a *api) resolved(r *http.Request) *call {
	made := &call{Request: r}
	a.resolve(made)

	return made
}

// decide works out the answer and, for a write, the issue as it is to be. The
// order of the checks is GitHub's: the caller before the request.
func (a *api) decide(made *call) (*answer, *issue) {
	if refused := a.admit(made); refused != nil {
		return refused, nil
	}

	limits, refused := a.limiter.take(made.login, made.Method, made.route.kind == faults.Create)
	if refused != nil {
		return refused, nil
	}

	var broken error
	redirected := made.route.former && made.route.handle == nil // whatever is asked for
	if made.route.installation == "" && !redirected {           // the description at hand is of issues
		broken = a.contract.CheckRequest(a.described(made), made.body)
	}

	if broken != nil {
		a.Violation("request %s %s: %v", made.Method, made.URL.Path, broken)
	}

	out, changed := a.perform(made)
	if broken != nil && out.status < 400 {
		out = invalid(broken.Error())
		changed = nil
	}

	if out.header == nil {
		out.header = http.Header{}
	}

	maps.Copy(out.header, limits)

	if classic(made.Header.Get("Authorization")) && made.login != "" {
		out.header.Set("X-Oauth-Scopes", a.scopes(made))
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
func (a *api) admit(made *call) *answer {
	if made.UserAgent() == "" {
		return refuse(http.StatusForbidden, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.")
	}

	scheme, token, _ := strings.Cut(made.Header.Get("Authorization"), " ")
	if scheme == "" {
		return refuse(http.StatusUnauthorized, "Requires authentication")
	}

	login, ok := a.apps.whose(made, strings.TrimSpace(token))
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
func (a *api) resolve(made *call) {
	parts := strings.Split(strings.Trim(made.URL.Path, "/"), "/")
	get := made.Method == http.MethodGet
	switch {
	case len(parts) == 1 && parts[0] == "user" && get:
		made.route.handle = a.issues.user
		return
	case len(parts) == 4 && parts[0] == "app" && parts[1] == "installations" && parts[3] == "access_tokens" && made.Method == http.MethodPost:
		made.route.handle = a.apps.grant
		made.route.installation = parts[2]
		return
	}

	var found *repository
	former := false
	switch {
	case len(parts) >= 3 && parts[0] == "repos":
		found = a.find(parts[1], parts[2])
		if found == nil {
			found = a.findFormer(parts[1], parts[2])
			former = found != nil
		}

		parts = parts[3:]

	case len(parts) >= 2 && parts[0] == "repositories":
		id, _ := strconv.ParseInt(parts[1], 10, 64)
		found = a.repositories.Numbered(id)
		parts = parts[2:]
	default:
		return
	}

	made.route = a.inRepository(made.Method, parts)
	made.route.repository = found
	made.route.former = former
}

func (a *api) inRepository(method string, parts []string) route {
	switch {
	case len(parts) == 0 && method == http.MethodGet:
		return route{handle: a.issues.repository}
	case len(parts) == 0 || parts[0] != "issues":
		return route{}
	case len(parts) == 1 && method == http.MethodGet:
		return route{handle: a.issues.list, kind: faults.List}
	case len(parts) == 1 && method == http.MethodPost:
		return route{handle: a.issues.create, kind: faults.Create}
	case len(parts) != 2:
		return route{}
	}

	number, err := strconv.Atoi(parts[1])
	if err != nil {
		return route{}
	}

	switch method {
	case http.MethodGet:
		return route{handle: a.issues.read, kind: faults.Read, number: number}
	case http.MethodPatch:
		return route{handle: a.issues.update, kind: faults.Update, number: number}
	}

	return route{}
}

// described is the request under the path that the description knows.
func (a *api) described(made *call) *http.Request {
	repository := made.route.repository
	rest, ok := strings.CutPrefix(made.URL.Path, "/repositories/")
	if repository == nil || !ok {
		return made.Request
	}

	_, rest, _ = strings.Cut(rest, "/")
	copied := made.Clone(made.Context())
	copied.URL.Path = strings.TrimSuffix("/repos/"+repository.FullName()+"/"+rest, "/")

	return copied
}

// perform runs the handler. A repository the caller may not see is not there.
func (a *api) perform(made *call) (*answer, *issue) {
	if made.route.handle == nil && !made.route.former {
		return notFound(), nil
	}
	if strings.HasPrefix(made.URL.Path, "/repo") && !(made.route.repository.visible(made.login) && made.pass.admits(made)) {
		return notFound(), nil
	}
	if made.route.former {
		return renamedAnswer(made), nil
	}

	if refused := a.beyond(made); refused != nil {
		return refused, nil
	}

	return made.route.handle(made)
}

// send writes an answer after it has held it against the contract.
func (a *api) send(w http.ResponseWriter, made *call, out *answer) {
	content := tracker.Encode(out.value)
	header := w.Header()
	maps.Copy(header, out.header)

	sign(header)
	if made.Method == http.MethodGet && out.status == http.StatusOK {
		tag := fmt.Sprintf(`W/"%x"`, sha256.Sum256(content))
		header.Set("Etag", tag)
		if made.Header.Get("If-None-Match") == tag {
			maps.Copy(header, a.limiter.back(made.login))
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}

	if !out.undescribed {
		a.CheckAnswer(a.contract, a.described(made), faults.Answer{Status: out.status, Header: header, Body: content})
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
