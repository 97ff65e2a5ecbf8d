package mantisbt

import (
	"bytes"
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

	Project    string `json:"project"`
	ID         int    `json:"id"`
	Status     string `json:"status"`
	Additional string `json:"additional_information"`
}

// Plain serves what people and tests see of the fake server: pages of what it
// holds, the same as JSON under /_/, and the API for people who edit.
func (s *Server) Plain() http.Handler {
	pages := &tracker.Pages{
		Tracker: &page{s.api}, Title: "MantisBT fake server", Vendor: "MantisBT", Kind: "project", Route: "/view.php",
		Person: s.config.Tokens[s.config.PersonToken], API: http.HandlerFunc(s.serveAPI), Faults: s.faults,
		Writes: s.Writes, Violations: s.Violations,
	}

	return providers.Plain(pages.Handler(), "/api/rest/", s.API(), providers.AnyBearer(s.config.Tokens, s.config.PersonToken))
}

// page shows issues to people.
type page struct{ *api }

// Shown lists the projects and all issues.
func (p *page) Shown() (places []string, issues []tracker.Shown) {
	for _, one := range p.all() {
		places = append(places, one.Name)
	}

	for _, one := range p.snapshot() {
		issues = append(issues, p.describe(one))
	}

	return places, issues
}

func (p *page) describe(one *issue) tracker.Shown {
	common := tracker.Object{
		Number: one.ID, Title: one.Summary, Body: &one.Description, State: "open", Labels: []string{}, User: one.Reporter,
		HTMLURL: web(p.config.Web, one.ID), CreatedAt: one.CreatedAt, UpdatedAt: one.UpdatedAt,
	}
	if one.Status >= resolved {
		common.State = "closed"
	}

	if one.Resolution != submitted {
		common.StateReason = fmt.Sprint(resolutions.view(one.Resolution, nil)["name"])
	}

	status := fmt.Sprint(statuses.view(one.Status, nil)["name"])
	whole := object{Object: common, ID: one.ID, Status: status, Additional: one.Additional}
	if found := p.project(one.Project, ""); found != nil {
		whole.Project = found.Name
	}

	shown := tracker.Shown{
		Object: common, Whole: whole, Place: whole.Project, Label: "#" + strconv.Itoa(one.ID), Link: "/view.php?id=" + strconv.Itoa(one.ID),
	}
	shown.Labels = []string{status}
	if one.Additional != "" {
		shown.Remarks = []tracker.Remark{{Heading: "Additional information", Lines: []string{one.Additional}}}
	}

	return shown
}

// Opened returns the issue of a page and its history.
func (p *page) Opened(r *http.Request) (one tracker.Shown, history []providers.Write, ok bool) {
	id, err := strconv.Atoi(r.URL.Query().Get("id"))
	found := p.get(id)
	if err != nil || found == nil {
		return one, nil, false
	}

	path := "/issues/" + strconv.Itoa(id)
	history = p.History(func(e tracker.Entry[change]) bool {
		return e.Change.Issue != nil && e.Change.Issue.ID == id || strings.HasSuffix(e.Write.Path, path)
	})

	return p.describe(found), history, true
}

// Edited returns the request that makes a person's edit. Texts keep the browser's line
// ends, as MantisBT stores them.
func (p *page) Edited(r *http.Request, e tracker.Edit) *http.Request {
	asked := map[string]any{}
	if e.Title != nil {
		asked["summary"] = *e.Title
	}

	if e.Body != nil {
		asked["description"] = *e.Body
	}

	switch e.State {
	case "closed":
		asked["status"] = map[string]string{"name": "closed"}
		asked["resolution"] = map[string]string{"name": "fixed"}
	case "open":
		asked["status"] = map[string]string{"name": "feedback"}
		asked["resolution"] = map[string]string{"name": "reopened"}
	}

	path := root + "/issues/" + r.URL.Query().Get("id")
	if p.config.NoRewriting {
		path = root + "/index.php/issues/" + r.URL.Query().Get("id")
	}

	return &http.Request{
		Method: http.MethodPatch, URL: &url.URL{Path: path}, Body: io.NopCloser(bytes.NewReader(encode(asked))),
		Header: http.Header{"Authorization": {p.config.PersonToken}, "Content-Type": {"application/json"}},
	}
}
