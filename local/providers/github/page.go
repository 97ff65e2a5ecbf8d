package github

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/tracker"
)

// object is an issue as /_/received shows it. The form is a promise of the
// environment.
type object struct {
	tracker.Object

	Owner string `json:"owner"`
	Repo  string `json:"repo"`
	ID    int64  `json:"id"`
}

// Plain serves what people and tests see of the fake server: pages of what it
// holds, the same as JSON under /_/, and the API for people who edit.
func (s *Server) Plain() http.Handler {
	pages := &tracker.Pages{
		Tracker: &page{s.api}, Title: "GitHub fake server", Vendor: "GitHub", Kind: "repository", Route: "/{owner}/{repo}/issues/{number}",
		Person: s.config.Tokens[s.config.PersonToken], API: http.HandlerFunc(s.serveAPI), Faults: s.faults, Order: s.carryOut,
		Writes: s.Writes, Violations: s.Violations,
	}

	return providers.Plain(pages.Handler(), "/repos/", s.API(), providers.AnyBearer(s.config.Tokens, s.config.PersonToken))
}

// page shows issues to people. Pull requests are not shown.
type page struct{ *api }

// Shown lists the repositories and their issues.
func (p *page) Shown() (places []string, issues []tracker.Shown) {
	for _, in := range p.repositories.All() {
		places = append(places, in.FullName())
		for _, one := range p.realIssues(in) {
			issues = append(issues, describe(in, one))
		}
	}

	return places, issues
}

func describe(in *repository, one *issue) tracker.Shown {
	common := tracker.Object{
		Number: one.Number, Title: one.Title, Body: one.Body, State: one.State, StateReason: one.StateReason,
		Labels: append([]string{}, one.Labels...), User: one.Creator, HTMLURL: webURL(in, one), CreatedAt: one.CreatedAt, UpdatedAt: one.UpdatedAt,
	}

	return tracker.Shown{
		Object: common, Whole: object{Object: common, Owner: in.Owner, Repo: in.Name, ID: one.ID}, Place: in.FullName(),
		Label: "#" + strconv.Itoa(one.Number), Link: fmt.Sprintf("/%s/issues/%d", in.FullName(), one.Number),
	}
}

// locate finds the issue that a page is about, also under an old name.
func (p *page) locate(r *http.Request) (*repository, *issue) {
	in := p.repositories.Find(r.PathValue("owner") + "/" + r.PathValue("repo"))
	number, err := strconv.Atoi(r.PathValue("number"))
	if in == nil || err != nil {
		return nil, nil
	}

	return in, p.get(in, number)
}

// Opened returns the issue of a page and its history.
func (p *page) Opened(r *http.Request) (one tracker.Shown, history []providers.Write, ok bool) {
	in, found := p.locate(r)
	if found == nil || found.PullRequest {
		return one, nil, false
	}

	path := fmt.Sprintf("/repos/%s/issues/%d", in.FullName(), found.Number)
	history = p.History(func(e tracker.Entry[change]) bool {
		applied := e.Change.Issue != nil && e.Change.Issue.Number == found.Number && e.Change.Repository == in.FullName()
		return applied || e.Write.Path == path
	})

	return describe(in, found), history, true
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
		asked["body"] = tracker.Unix(*e.Body)
	}

	if e.State != "" {
		asked["state"] = e.State
	}

	path := fmt.Sprintf("/repos/%s/issues/%d", in.FullName(), found.Number)

	return &http.Request{
		Method: http.MethodPatch, URL: &url.URL{Path: path}, Body: io.NopCloser(bytes.NewReader(tracker.Encode(asked))),
		Header: http.Header{"Authorization": {"Bearer " + p.config.PersonToken}, "Content-Type": {"application/json"}},
	}
}
