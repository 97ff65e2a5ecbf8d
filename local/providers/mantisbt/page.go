package mantisbt

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

// object is an issue as /_/received tells of it: its members are called as
// those of the other fake servers. The form is a promise of the environment.
type object struct {
	Project     string    `json:"project"`
	Number      int       `json:"number"`
	ID          int       `json:"id"`
	Title       string    `json:"title"`
	Body        string    `json:"body"`
	State       string    `json:"state"`
	StateReason string    `json:"state_reason,omitempty"`
	Status      string    `json:"status"`
	Additional  string    `json:"additional_information"`
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
	mux.HandleFunc("GET /{$}", s.overview)
	mux.HandleFunc("GET /view.php", s.detail)
	if s.config.PersonToken != "" {
		mux.HandleFunc("POST /view.php", s.edit)
	}

	return providers.Plain(mux, "/api/rest/", s.API(), providers.AnyBearer(s.config.Tokens, s.config.PersonToken))
}

func (s *Server) received(w http.ResponseWriter, _ *http.Request) {
	objects := []object{}
	for _, one := range s.snapshot() {
		objects = append(objects, s.describe(one))
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

func (s *Server) describe(one *issue) object {
	o := object{
		Number: one.ID, ID: one.ID, Title: one.Summary, Body: one.Description, State: "open", Status: fmt.Sprint(statuses.view(one.Status, nil)["name"]),
		Additional: one.Additional, Labels: []string{}, User: one.Reporter, HTMLURL: web(s.config.Web, one.ID), CreatedAt: one.CreatedAt, UpdatedAt: one.UpdatedAt,
	}
	if one.Status >= resolved {
		o.State = "closed"
	}

	if one.Resolution != submitted {
		o.StateReason = fmt.Sprint(resolutions.view(one.Resolution, nil)["name"])
	}

	if found := s.project(one.Project, ""); found != nil {
		o.Project = found.Name
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
		next := section{Name: p.Name}
		for _, one := range s.snapshot() {
			if one.Project != p.ID {
				continue
			}

			next.Issues = append(next.Issues, s.describe(one))
			if one.Status < resolved {
				next.Open++
			} else {
				next.Closed++
			}
		}

		slices.Reverse(next.Issues)
		sections = append(sections, next)
	}

	show(w, "overview", map[string]any{"Title": "MantisBT fake server", "Sections": sections, "Violations": s.Violations(), "Kit": s.faults})
}

// step is a write in an issue's history.
type step struct {
	providers.Write
	Text string
}

func (s *Server) detail(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.URL.Query().Get("id"))
	found := s.get(id)
	if err != nil || found == nil {
		http.NotFound(w, r)
		return
	}

	show(w, "detail", map[string]any{
		"Title": found.Summary, "Issue": s.describe(found), "History": s.history(id), "Person": s.config.Tokens[s.config.PersonToken],
	})
}

// edit changes an issue as a person does at MantisBT: through the API, with the
// person's own token.
func (s *Server) edit(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}

	asked := map[string]any{}
	for field, member := range map[string]string{"title": "summary", "body": "description"} {
		if r.PostForm.Has(field) {
			asked[member] = r.PostForm.Get(field) // with the browser's line ends, as MantisBT stores them
		}
	}

	switch r.PostForm.Get("state") {
	case "closed":
		asked["status"] = map[string]string{"name": "closed"}
		asked["resolution"] = map[string]string{"name": "fixed"}
	case "open":
		asked["status"] = map[string]string{"name": "feedback"}
		asked["resolution"] = map[string]string{"name": "reopened"}
	}

	path := root + "/issues/" + r.URL.Query().Get("id")
	if s.config.NoRewriting {
		path = root + "/index.php/issues/" + r.URL.Query().Get("id")
	}

	request := (&http.Request{Method: http.MethodPatch, URL: &url.URL{Path: path}, Header: http.Header{
		"Authorization": {s.config.PersonToken}, "Content-Type": {"application/json"}, "User-Agent": {"the fake server's page"},
	}}).WithContext(r.Context())
	made := &call{Request: request, body: encode(asked)}
	s.resolve(made)
	if out := s.write(made, false); out.status != http.StatusOK {
		w.WriteHeader(out.status)
		_, _ = w.Write(encode(out.value))
		return
	}

	http.Redirect(w, r, r.URL.String(), http.StatusSeeOther)
}

// history lists the writes that made an issue what it is, and those that were
// refused to change it.
func (s *Server) history(id int) []step {
	path := "/issues/" + strconv.Itoa(id)
	var steps []step
	for _, one := range s.writes.All() {
		if one.Issue != nil && one.Issue.ID == id || strings.HasSuffix(one.Write.Path, path) {
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
