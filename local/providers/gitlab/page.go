package gitlab

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/tracker"
)

// object is an issue as /_/received shows it. The form is a promise of the
// environment.
type object struct {
	tracker.Object

	Project      string `json:"project"`
	ID           int64  `json:"id"`
	Confidential bool   `json:"confidential,omitempty"`
	// What GitLab makes of the texts: quick actions that were carried out, people
	// who were notified, and things that were referred to.
	Commands   []string `json:"commands"`
	Notified   []string `json:"notified"`
	References []string `json:"references"`
}

// Plain serves what people and tests see of the fake server: pages of what it
// holds, the same as JSON under /_/, and the API for people who edit.
func (s *Server) Plain() http.Handler {
	pages := &tracker.Pages{
		Tracker: &page{s.api}, Title: "GitLab fake server", Vendor: "GitLab", Kind: "project", Route: "/{path...}",
		Person: s.config.Tokens[s.config.PersonToken], API: http.HandlerFunc(s.serveAPI), Faults: s.faults, Order: s.carryOutOrder,
		Writes: s.Writes, Violations: s.Violations,
	}

	return providers.Plain(pages.Handler(), s.config.Root+"/api/v4/", s.API(), s.personify)
}

// personify replaces an unknown token by that of the person.
func (s *state) personify(r *http.Request) {
	providers.AnyBearer(s.config.Tokens, s.config.PersonToken)(r)
	if token := r.Header.Get("Private-Token"); token != "" && s.config.Tokens[token] == "" && s.config.PersonToken != "" {
		r.Header.Set("Private-Token", s.config.PersonToken)
	}
}

// page shows issues to people.
type page struct{ *api }

// Shown lists the projects and their issues.
func (p *page) Shown() (places []string, issues []tracker.Shown) {
	for _, in := range p.projects.All() {
		places = append(places, in.Path)
		for _, one := range p.snapshot(in) {
			issues = append(issues, p.describe(in, one))
		}
	}

	return places, issues
}

func (p *page) describe(in *project, one *issue) tracker.Shown {
	body := ""
	if one.Description != nil {
		body = *one.Description
	}

	people, things := mentioned(p.config.Host, one.Title, body)
	common := tracker.Object{
		Number: one.IID, Title: one.Title, Body: one.Description, State: strings.Replace(one.State, "opened", "open", 1),
		Labels: append([]string{}, one.Labels...), User: one.Author, HTMLURL: p.views.webURL(in, one), CreatedAt: one.CreatedAt, UpdatedAt: one.UpdatedAt,
	}
	whole := object{
		Object: common, Project: in.Path, ID: one.ID, Confidential: one.Confidential,
		Commands: append([]string{}, one.Commands...), Notified: append([]string{}, people...), References: append([]string{}, things...),
	}
	shown := tracker.Shown{
		Object: common, Whole: whole, Place: in.Path, Label: "#" + strconv.Itoa(one.IID), Link: fmt.Sprintf("/%s/-/issues/%d", in.Path, one.IID),
		Remarks: []tracker.Remark{{Heading: "Carried out of the text", Lines: one.Commands, Alarm: true}, {Heading: "Notified", Lines: people, Alarm: true}},
	}
	if one.Confidential {
		shown.StateReason = "confidential"
	}

	return shown
}

// locate finds the issue that a page is about.
func (p *page) locate(r *http.Request) (*project, *issue) {
	path, number, _ := strings.Cut(r.PathValue("path"), "/-/issues/")
	iid, err := strconv.Atoi(number)
	in := p.find(path)
	if in == nil || err != nil {
		return nil, nil
	}

	return in, p.get(in, iid)
}

// Opened returns the issue of a page and its history.
func (p *page) Opened(r *http.Request) (one tracker.Shown, history []providers.Write, ok bool) {
	in, found := p.locate(r)
	if found == nil {
		return one, nil, false
	}

	suffix := "/issues/" + strconv.Itoa(found.IID)
	history = p.History(func(e tracker.Entry[change]) bool {
		applied := e.Change.Issue != nil && e.Change.Issue.IID == found.IID
		return e.Change.Project == in.Path && (applied || strings.HasSuffix(e.Write.Path, suffix))
	})

	return p.describe(in, found), history, true
}

// Edited returns the request that makes a person's edit, or nil.
func (p *page) Edited(r *http.Request, e tracker.Edit) *http.Request {
	in, found := p.locate(r)
	if found == nil {
		return nil
	}

	asked := map[string]string{}
	if e.Title != nil {
		asked["title"] = *e.Title
	}

	if e.Body != nil {
		asked["description"] = tracker.Unix(*e.Body)
	}

	if e.State != "" {
		asked["state_event"] = cmp.Or(map[string]string{"closed": "close", "open": "reopen"}[e.State], e.State)
	}

	path := fmt.Sprintf("%s/api/v4/projects/%d/issues/%d", p.config.Root, in.id, found.IID)

	return &http.Request{
		Method: http.MethodPut, URL: &url.URL{Path: path}, Body: io.NopCloser(bytes.NewReader(encode(asked))),
		Header: http.Header{"Private-Token": {p.config.PersonToken}, "Content-Type": {"application/json"}},
	}
}
