package gitlab

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
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
	Project      string    `json:"project"`
	Number       int       `json:"number"`
	ID           int64     `json:"id"`
	Title        string    `json:"title"`
	Body         *string   `json:"body"`
	State        string    `json:"state"`
	Labels       []string  `json:"labels"`
	User         string    `json:"user"`
	HTMLURL      string    `json:"html_url"`
	Confidential bool      `json:"confidential,omitempty"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
	// What GitLab makes of the texts: quick actions that were carried out, people
	// who were notified, and things that were referred to.
	Commands   []string `json:"commands"`
	Notified   []string `json:"notified"`
	References []string `json:"references"`
}

// Plain is what a person and a test see of the fake server: pages of what it
// holds, the same as JSON under /_/, and the API for people who edit.
func (s *Server) Plain() http.Handler {
	mux := providers.Pages(s.received, s.Violations)
	s.faults.Mount(mux)
	mux.HandleFunc("POST /_/places", s.servePlaces)
	mux.HandleFunc("GET /{$}", s.overview)
	mux.HandleFunc("GET /{path...}", s.detail)
	if s.config.PersonToken != "" {
		mux.HandleFunc("POST /{path...}", s.edit)
	}

	return providers.Plain(mux, s.config.Root+"/api/v4/", s.API(), s.anyone)
}

// anyone makes the person of whoever calls with a token that is not known.
func (s *Server) anyone(r *http.Request) {
	providers.AnyBearer(s.config.Tokens, s.config.PersonToken)(r)
	if token := r.Header.Get("Private-Token"); token != "" && s.config.Tokens[token] == "" && s.config.PersonToken != "" {
		r.Header.Set("Private-Token", s.config.PersonToken)
	}
}

func (s *Server) received(w http.ResponseWriter, _ *http.Request) {
	objects := []object{}
	for _, p := range s.all() {
		for _, one := range s.snapshot(p) {
			objects = append(objects, s.describe(p, one))
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

func (s *Server) describe(p *project, one *issue) object {
	body := ""
	if one.Description != nil {
		body = *one.Description
	}

	people, things := mentioned(s.config.Host, one.Title, body)

	return object{
		Project: p.Path, Number: one.IID, ID: one.ID, Title: one.Title, Body: one.Description, State: strings.Replace(one.State, "opened", "open", 1),
		Labels: append([]string{}, one.Labels...), User: one.Author, HTMLURL: s.webURL(p, one), Confidential: one.Confidential,
		CreatedAt: one.CreatedAt, UpdatedAt: one.UpdatedAt,
		Commands: append([]string{}, one.Commands...), Notified: append([]string{}, people...), References: append([]string{}, things...),
	}
}

// section is a project on the overview.
type section struct {
	Name   string
	Open   int
	Closed int
	Issues []object
}

func (s *Server) overview(w http.ResponseWriter, _ *http.Request) {
	var sections []section
	for _, p := range s.all() {
		next := section{Name: p.Path}
		for _, one := range s.snapshot(p) {
			next.Issues = append(next.Issues, s.describe(p, one))
			if one.State == "opened" {
				next.Open++
			} else {
				next.Closed++
			}
		}

		slices.Reverse(next.Issues)
		sections = append(sections, next)
	}

	show(w, "overview", map[string]any{"Title": "GitLab fake server", "Sections": sections, "Violations": s.Violations(), "Kit": s.faults})
}

// step is a write in an issue's history.
type step struct {
	providers.Write
	Text string
}

// locate finds the issue that a page is about.
func (s *Server) locate(r *http.Request) (*project, *issue) {
	path, number, _ := strings.Cut(r.PathValue("path"), "/-/issues/")
	iid, err := strconv.Atoi(number)
	p := s.find(path)
	if p == nil || err != nil {
		return nil, nil
	}

	return p, s.get(p, iid)
}

func (s *Server) detail(w http.ResponseWriter, r *http.Request) {
	p, found := s.locate(r)
	if found == nil {
		http.NotFound(w, r)
		return
	}

	show(w, "detail", map[string]any{
		"Title": found.Title, "Issue": s.describe(p, found), "History": s.history(p, found.IID), "Person": s.config.Tokens[s.config.PersonToken],
	})
}

// edit changes an issue as a person does at GitLab: through the API, with the
// person's own token.
func (s *Server) edit(w http.ResponseWriter, r *http.Request) {
	p, found := s.locate(r)
	if found == nil || r.ParseForm() != nil {
		http.NotFound(w, r)
		return
	}

	asked := map[string]string{}
	for _, name := range []string{"title", "description", "state_event"} {
		if r.PostForm.Has(name) {
			asked[name] = strings.ReplaceAll(r.PostForm.Get(name), "\r\n", "\n")
		}
	}

	path := fmt.Sprintf("%s/api/v4/projects/%d/issues/%d", s.config.Root, p.id, found.IID)
	request := (&http.Request{Method: http.MethodPut, URL: &url.URL{Path: path}, Header: http.Header{
		"Private-Token": {s.config.PersonToken}, "Content-Type": {"application/json"}, "User-Agent": {"the fake server's page"},
	}}).WithContext(r.Context())
	made := &call{Request: request, body: encode(asked)}
	s.resolve(made)
	if out := s.write(made, false); out.status != http.StatusOK {
		s.send(w, out)
		return
	}

	http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
}

// history lists the writes that made an issue what it is, and those that were
// refused to change it.
func (s *Server) history(p *project, iid int) []step {
	suffix := "/issues/" + strconv.Itoa(iid)
	var steps []step
	for _, one := range s.writes.All() {
		applied := one.Issue != nil && one.Issue.IID == iid
		if one.Project == p.Path && (applied || strings.HasSuffix(one.Write.Path, suffix)) {
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
