package github

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/local/providers"
)

//go:embed page.html
var source string

var pages = template.Must(template.New("page").Parse(source))

// object is an issue as /_/received tells of it. The form is a promise of the
// environment.
type object struct {
	Owner       string    `json:"owner"`
	Repo        string    `json:"repo"`
	Number      int       `json:"number"`
	ID          int64     `json:"id"`
	Title       string    `json:"title"`
	Body        *string   `json:"body"`
	State       string    `json:"state"`
	StateReason string    `json:"state_reason,omitempty"`
	Labels      []string  `json:"labels"`
	User        string    `json:"user"`
	HTMLURL     string    `json:"html_url"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// Plain is what a person and a test see of the fake server: pages of what it
// holds, the same as JSON under /_/, and the API for people who edit.
func (s *Server) Plain() http.Handler {
	mux := providers.Pages(s.received, s.Violations)
	s.faults.Mount(mux)
	mux.HandleFunc("POST /_/places", s.servePlaces)
	mux.HandleFunc("GET /{$}", s.overview)
	mux.HandleFunc("GET /{owner}/{repo}/issues/{number}", s.detail)
	if s.config.PersonToken != "" {
		mux.HandleFunc("POST /{owner}/{repo}/issues/{number}", s.edit)
	}

	return providers.Plain(mux, "/repos/", s.API(), providers.AnyBearer(s.config.Tokens, s.config.PersonToken))
}

func (s *Server) received(w http.ResponseWriter, _ *http.Request) {
	objects := []object{}
	for _, repository := range s.all() {
		for _, one := range s.issues(repository) {
			objects = append(objects, describe(repository, one))
		}
	}

	providers.SendJSON(w, map[string]any{"objects": objects, "writes": s.Writes()})
}

// Writes lists the writes that arrived, whoever they came from and whatever
// became of them, in the order in which they arrived.
func (s *Server) Writes() []providers.Write {
	writes := []providers.Write{}
	for _, one := range s.writes.All() {
		writes = append(writes, *one.Write)
	}
	return writes
}

// issues lists a repository's, without its pull requests.
func (s *Server) issues(r *repository) []*issue {
	return slices.DeleteFunc(s.snapshot(r, ""), func(one *issue) bool { return one.PullRequest })
}

func describe(r *repository, one *issue) object {
	return object{
		Owner: r.Owner, Repo: r.Name, Number: one.Number, ID: one.ID, Title: one.Title, Body: one.Body, State: one.State,
		StateReason: one.StateReason, Labels: append([]string{}, one.Labels...), User: one.Creator, HTMLURL: webURL(r, one),
		CreatedAt: one.CreatedAt, UpdatedAt: one.UpdatedAt,
	}
}

// section is a repository on the overview.
type section struct {
	Name   string
	Open   int
	Closed int
	Issues []object
}

func (s *Server) overview(w http.ResponseWriter, _ *http.Request) {
	var sections []section
	for _, repository := range s.all() {
		next := section{Name: repository.fullName()}
		for _, one := range s.issues(repository) {
			next.Issues = append(next.Issues, describe(repository, one))
			if one.State == "open" {
				next.Open++
			} else {
				next.Closed++
			}
		}

		slices.Reverse(next.Issues)
		sections = append(sections, next)
	}

	show(w, "overview", map[string]any{"Title": "GitHub fake server", "Sections": sections, "Violations": s.Violations(), "Kit": s.faults})
}

// step is a write in an issue's history.
type step struct {
	providers.Write
	Text string
}

func (s *Server) detail(w http.ResponseWriter, r *http.Request) {
	repository := s.find(r.PathValue("owner"), r.PathValue("repo"))
	number, err := strconv.Atoi(r.PathValue("number"))
	if former := s.findFormer(r.PathValue("owner"), r.PathValue("repo")); repository == nil && former != nil {
		http.Redirect(w, r, "/"+former.fullName()+"/issues/"+r.PathValue("number"), http.StatusMovedPermanently)
		return
	}

	if repository == nil || err != nil {
		http.NotFound(w, r)
		return
	}

	found := s.get(repository, number)
	if found == nil || found.PullRequest {
		http.NotFound(w, r)
		return
	}

	show(w, "detail", map[string]any{
		"Title": found.Title, "Issue": describe(repository, found), "History": s.history(repository, number),
		"Person": s.config.Tokens[s.config.PersonToken],
	})
}

// edit changes an issue as a person does at GitHub: through the API, with the
// person's own token.
func (s *Server) edit(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}

	asked := map[string]string{}
	for _, name := range []string{"title", "body", "state"} {
		if r.PostForm.Has(name) {
			asked[name] = strings.ReplaceAll(r.PostForm.Get(name), "\r\n", "\n")
		}
	}

	path := "/repos/" + r.PathValue("owner") + "/" + r.PathValue("repo") + "/issues/" + r.PathValue("number")
	body := encode(asked)
	request := (&http.Request{Method: http.MethodPatch, URL: &url.URL{Path: path}, Header: http.Header{
		"Authorization": {"Bearer " + s.config.PersonToken}, "Content-Type": {"application/json"}, "User-Agent": {"the fake server's page"},
	}}).WithContext(r.Context())
	made := &call{Request: request, body: body}
	s.resolve(made)
	if out := s.write(made, false); out.status != http.StatusOK {
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(out.status)
		_, _ = w.Write(encode(out.value))
		return
	}

	http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
}

// history lists the writes that made an issue what it is, and those that were
// refused to change it.
func (s *Server) history(r *repository, number int) []step {
	path := "/repos/" + r.fullName() + "/issues/" + itoa(number)
	var steps []step
	for _, one := range s.writes.All() {
		applied := one.Issue != nil && one.Issue.Number == number && one.Repository == key(r.Owner, r.Name)
		if applied || one.Write.Path == path {
			steps = append(steps, step{Write: *one.Write, Text: indent(one.Write.Body)})
		}
	}

	return steps
}

func indent(body json.RawMessage) string {
	var text bytes.Buffer
	if json.Indent(&text, body, "", "  ") != nil {
		return string(body)
	}
	return text.String()
}

func show(w http.ResponseWriter, name string, data any) {
	var content bytes.Buffer
	if err := pages.ExecuteTemplate(&content, name, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}

	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_, _ = w.Write(content.Bytes())
}
