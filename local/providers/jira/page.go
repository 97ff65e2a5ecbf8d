package jira

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/tracker"
)

// object is an issue as /_/received shows it. The form is a promise of the
// environment. Its body is the text as people read it.
type object struct {
	tracker.Object

	Project  string          `json:"project"`
	Key      string          `json:"key"`
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	Document json.RawMessage `json:"document"` // as it is stored
}

// Plain serves what people and tests see of the fake server: pages of what it
// holds, the same as JSON under /_/, and the API for people who edit.
func (s *Server) Plain() http.Handler {
	pages := &tracker.Pages{
		Tracker: &page{s.api}, Title: "Jira Data Center fake server", Vendor: "Jira", Kind: "project", Route: "/browse/{key}",
		Person: s.config.Accounts[s.config.PersonToken].Name, API: http.HandlerFunc(s.serveAPI), Faults: s.faults,
		Writes: s.Writes, Violations: s.Violations,
	}
	if s.cloud() {
		pages.Title = "Jira Cloud fake server"
	}

	return providers.Plain(pages.Handler(), s.context+"/rest/api/", s.API(), s.personify)
}

// personify replaces an unknown token by that of the person.
func (s *state) personify(r *http.Request) {
	if _, token, basic := r.BasicAuth(); !basic {
		providers.AnyBearer(s.config.Accounts, s.config.PersonToken)(r)
	} else if _, known := s.config.Accounts[token]; !known && s.config.PersonToken != "" {
		r.SetBasicAuth(s.config.Accounts[s.config.PersonToken].Email, s.config.PersonToken)
	}
}

// page shows issues to people.
type page struct{ *api }

// Shown lists the projects and all issues.
func (p *page) Shown() (places []string, issues []tracker.Shown) {
	for _, one := range p.projects.All() {
		places = append(places, heading(one))
	}

	for _, i := range p.snapshot(p.config.Now()) {
		issues = append(issues, p.describe(i))
	}

	return places, issues
}

func heading(p *project) string { return p.Name + " (" + p.Key + ")" }

func (p *page) describe(i *issue) tracker.Shown {
	now := findStatus(i.Status)
	body := textOf(i.Description)
	common := tracker.Object{
		Number: i.Number, Title: i.Summary, Body: &body, State: "open", StateReason: now.name, Labels: append([]string{}, i.Labels...), User: i.Creator,
		HTMLURL: p.config.BaseURL + "/browse/" + i.key(), CreatedAt: i.Created, UpdatedAt: i.Updated,
	}
	if now.category == "done" {
		common.State = "closed"
	}

	whole := object{Object: common, Project: i.Project, Key: i.key(), ID: i.ID, Type: i.Type, Document: i.Description}
	if whole.Document == nil {
		whole.Document = json.RawMessage("null")
	}

	shown := tracker.Shown{Object: common, Whole: whole, Place: i.Project, Label: i.key(), Link: "/browse/" + i.key()}
	if in := p.projects.Current(i.Project); in != nil {
		shown.Place = heading(in)
	}

	return shown
}

// Opened returns the issue of a page and its history.
func (p *page) Opened(r *http.Request) (one tracker.Shown, history []providers.Write, ok bool) {
	found := p.get(r.PathValue("key"))
	if found == nil {
		return one, nil, false
	}

	history = p.History(func(e tracker.Entry[change]) bool {
		applied := e.Change.Issue != nil && e.Change.Issue.ID == found.ID
		return applied || strings.Contains(e.Write.Path+"/", "/issue/"+found.ID+"/")
	})

	return p.describe(found), history, true
}

// Edited returns the request that makes a person's edit.
func (p *page) Edited(r *http.Request, e tracker.Edit) *http.Request {
	if e.State != "" {
		to := findStatus(statusNew)
		if e.State == "closed" {
			to = findStatus(statusDone)
		}
		return p.request(r, http.MethodPost, "/transitions", map[string]any{"transition": map[string]string{"id": wayID(to)}})
	}

	fields := map[string]any{}
	if e.Title != nil {
		fields["summary"] = *e.Title
	}

	if e.Body != nil {
		text := tracker.Unix(*e.Body)
		fields["description"] = text
		if p.cloud() {
			fields["description"] = documentOf(text)
		}
	}

	return p.request(r, http.MethodPut, "", map[string]any{"fields": fields})
}

// request is one with the person's token.
func (p *page) request(r *http.Request, method, rest string, body any) *http.Request {
	path := p.context + p.version() + "/issue/" + r.PathValue("key") + rest
	request := &http.Request{
		Method: method, URL: &url.URL{Path: path}, Body: io.NopCloser(bytes.NewReader(tracker.Encode(body))), Header: http.Header{"Content-Type": {"application/json"}},
	}
	if p.cloud() {
		request.SetBasicAuth(p.config.Accounts[p.config.PersonToken].Email, p.config.PersonToken)
	} else {
		request.Header.Set("Authorization", "Bearer "+p.config.PersonToken)
	}

	return request
}
