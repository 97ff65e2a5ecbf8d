package jira

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"slices"
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
	Project     string          `json:"project"`
	Key         string          `json:"key"`
	Number      int             `json:"number"`
	ID          string          `json:"id"`
	Type        string          `json:"type"`
	Title       string          `json:"title"`
	Body        string          `json:"body"`     // as people read it
	Document    json.RawMessage `json:"document"` // as it is stored
	State       string          `json:"state"`    // open or closed
	StateReason string          `json:"state_reason,omitempty"`
	Labels      []string        `json:"labels"`
	User        string          `json:"user"`
	HTMLURL     string          `json:"html_url"`
	CreatedAt   time.Time       `json:"created_at"`
	UpdatedAt   time.Time       `json:"updated_at"`
}

// Plain is what a person and a test see of the fake server: pages of what it
// holds, the same as JSON under /_/, and the API for people who edit.
func (s *Server) Plain() http.Handler {
	mux := providers.Pages(s.received, s.Violations)
	s.faults.Mount(mux)
	mux.HandleFunc("GET /{$}", s.overview)
	mux.HandleFunc("GET /browse/{key}", s.detail)
	if s.config.PersonToken != "" {
		mux.HandleFunc("POST /browse/{key}", s.edit)
	}

	return providers.Plain(mux, s.context+"/rest/api/", s.API(), s.anyone)
}

// anyone makes the person of whoever calls with a token that is not known.
func (s *Server) anyone(r *http.Request) {
	if _, token, basic := r.BasicAuth(); !basic {
		providers.AnyBearer(s.config.Accounts, s.config.PersonToken)(r)
	} else if _, known := s.config.Accounts[token]; !known && s.config.PersonToken != "" {
		r.SetBasicAuth(s.config.Accounts[s.config.PersonToken].Email, s.config.PersonToken)
	}
}

func (s *Server) received(w http.ResponseWriter, _ *http.Request) {
	objects := []object{}
	for _, i := range s.snapshot(s.config.Now()) {
		objects = append(objects, s.describe(i))
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

func (s *Server) describe(i *issue) object {
	now := findStatus(i.Status)
	o := object{
		Project: i.Project, Key: i.key(), Number: i.Number, ID: i.ID, Type: i.Type, Title: i.Summary, Body: textOf(i.Description),
		Document: i.Description, State: "open", StateReason: now.name, Labels: append([]string{}, i.Labels...), User: i.Creator,
		HTMLURL: s.config.BaseURL + "/browse/" + i.key(), CreatedAt: i.Created, UpdatedAt: i.Updated,
	}
	if now.category == "done" {
		o.State = "closed"
	}

	if o.Document == nil {
		o.Document = json.RawMessage("null")
	}

	return o
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
		next := section{Name: p.Name + " (" + p.Key + ")"}
		for _, i := range s.snapshot(s.config.Now()) {
			if i.Project != p.Key {
				continue
			}

			o := s.describe(i)
			next.Issues = append(next.Issues, o)
			if o.State == "open" {
				next.Open++
			} else {
				next.Closed++
			}
		}

		slices.Reverse(next.Issues)
		sections = append(sections, next)
	}

	show(w, "overview", map[string]any{"Title": s.title(), "Sections": sections, "Violations": s.Violations(), "Kit": s.faults})
}

func (s *Server) title() string {
	if s.config.Flavor == Cloud {
		return "Jira Cloud fake server"
	}
	return "Jira Data Center fake server"
}

// step is a write in an issue's history.
type step struct {
	providers.Write
	Text string
}

func (s *Server) detail(w http.ResponseWriter, r *http.Request) {
	found := s.get(r.PathValue("key"))
	if found == nil {
		http.NotFound(w, r)
		return
	}

	show(w, "detail", map[string]any{
		"Title": found.Summary, "Issue": s.describe(found), "History": s.history(found.ID),
		"Person": s.config.Accounts[s.config.PersonToken].Name,
	})
}

// edit changes an issue as a person does: through the API, with the person's
// own token.
func (s *Server) edit(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}

	out := s.editOut(r)
	if out.status >= 300 {
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(out.status)
		_, _ = w.Write(encode(out.value))
		return
	}

	http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
}

func (s *Server) editOut(r *http.Request) *answer {
	if state := r.PostForm.Get("state"); state != "" {
		to := findStatus(statusNew)
		if state == "closed" {
			to = findStatus(statusDone)
		}
		return s.asPerson(r, http.MethodPost, "/transitions", map[string]any{"transition": map[string]string{"id": wayID(to)}})
	}

	fields := map[string]any{}
	if r.PostForm.Has("title") {
		fields["summary"] = r.PostForm.Get("title")
	}

	if r.PostForm.Has("body") {
		text := strings.ReplaceAll(r.PostForm.Get("body"), "\r\n", "\n")
		fields["description"] = text
		if s.config.Flavor == Cloud {
			fields["description"] = documentOf(text)
		}
	}

	return s.asPerson(r, http.MethodPut, "", map[string]any{"fields": fields})
}

// asPerson makes a call with the person's token.
func (s *Server) asPerson(r *http.Request, method, rest string, body any) *answer {
	path := s.context + s.version() + "/issue/" + r.PathValue("key") + rest
	request := (&http.Request{Method: method, URL: &url.URL{Path: path}, Header: http.Header{"Content-Type": {"application/json"}}}).WithContext(r.Context())
	if s.config.Flavor == Cloud {
		request.SetBasicAuth(s.config.Accounts[s.config.PersonToken].Email, s.config.PersonToken)
	} else {
		request.Header.Set("Authorization", "Bearer "+s.config.PersonToken)
	}

	made := &call{Request: request, body: encode(body)}
	s.resolve(made)

	return s.write(made, false)
}

// history lists the writes that made an issue what it is, and those that were
// refused to change it.
func (s *Server) history(id string) []step {
	var steps []step
	for _, one := range s.writes.All() {
		applied := one.Issue != nil && one.Issue.ID == id
		if applied || strings.Contains(one.Write.Path+"/", "/issue/"+id+"/") {
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
