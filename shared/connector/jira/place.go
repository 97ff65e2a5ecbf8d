package jira

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/outbound"
)

// A place is the project that calls go to. Resolve finds out which one the
// configuration leads to.
type place struct {
	client     *client
	classifier *classifier
	used       atomic.Pointer[projectRef] // the project that was resolved, nil before

	mu   sync.Mutex
	site string // the address where people read issues, if the gateway named it
	// siteAsked: the gateway was asked. Only links need its answer, so it is asked
	// once.
	siteAsked bool
}

// A projectRef names the project in calls.
type projectRef struct {
	id  string // "" before the project was resolved
	key string
}

// project is the project that was resolved, before that the configured one.
func (pl *place) project() projectRef {
	if used := pl.used.Load(); used != nil {
		return *used
	}

	return projectRef{key: pl.client.cfg.ProjectKey}
}

// jql is the condition that an issue is in the project.
func (pl *place) jql() string { return pl.project().jql() }

// ref names the project in the body of a create.
func (p projectRef) ref() *named {
	if p.id != "" {
		return &named{ID: p.id}
	}

	return &named{Key: p.key}
}

// name is the project in the paths of the API, which take an id or a key.
func (p projectRef) name() string {
	if p.id != "" {
		return p.id
	}

	return p.key
}

// jql is the condition that an issue is in the project. A number without quotes
// is an id (https://support.atlassian.com/jira-software-cloud/docs/jql-fields/#Project).
func (p projectRef) jql() string {
	if p.id != "" {
		return "project = " + p.id
	}

	return "project = " + quote(p.key)
}

// parameter names the project in the query for one's own permissions.
func (p projectRef) parameter() (name, value string) {
	if p.id != "" {
		return "projectId", p.id
	}

	return "projectKey", p.key
}

// gateway is the address for tokens with scopes. People read issues at another
// one.
const gateway = "https://api.atlassian.com/"

// siteForm is the form of a Jira Cloud site's address. Others are not used.
var siteForm = regexp.MustCompile(`^https://[a-z0-9][a-z0-9-]{0,62}\.atlassian\.net$`)

// home is the address where people read issues. It is "" if that could not be
// found out: a missing link is no reason to fail.
func (pl *place) home(ctx context.Context) string {
	if pl.client.cfg.Flavor != form.Cloud || !strings.HasPrefix(pl.client.cfg.BaseURL, gateway) {
		return pl.client.cfg.BaseURL
	}

	pl.mu.Lock()
	known := pl.site
	asked := pl.siteAsked
	pl.siteAsked = true
	pl.mu.Unlock()
	if asked {
		return known
	}

	site := pl.askSite(ctx)
	if site != "" {
		pl.mu.Lock()
		pl.site = site
		pl.mu.Unlock()
	}

	return site
}

// askSite asks the gateway which site it leads to.
func (pl *place) askSite(ctx context.Context) string {
	var info struct {
		BaseURL string `json:"baseUrl"`
	}
	if pl.client.getJSON(ctx, pl.client.api("/serverInfo"), &info) != nil {
		return ""
	}

	return siteOf(info.BaseURL)
}

// siteOf is the address of a site, "" if it is not one of Jira Cloud's.
func siteOf(address string) string {
	address = strings.ToLower(strings.TrimSuffix(address, "/"))
	if !siteForm.MatchString(address) {
		return ""
	}

	return address
}

// The permissions that a sync needs.
const (
	browseProjects   = "BROWSE_PROJECTS"
	createIssues     = "CREATE_ISSUES"
	editIssues       = "EDIT_ISSUES"
	transitionIssues = "TRANSITION_ISSUES"
)

var neededPermissions = []string{browseProjects, createIssues, editIssues, transitionIssues}

// permissions reads which of the needed permissions the token has in the
// project. They are nil where the answer has another status than 200.
func (pl *place) permissions(ctx context.Context) (map[string]bool, outbound.Response, error) {
	name, project := pl.project().parameter()
	query := url.Values{name: {project}, "permissions": {strings.Join(neededPermissions, ",")}}
	answer, err := pl.client.get(ctx, pl.client.api("/mypermissions?"+query.Encode()), 0)
	if err != nil || answer.Status != http.StatusOK {
		return nil, answer, err
	}

	var body struct {
		Permissions map[string]struct {
			Have bool `json:"havePermission"`
		} `json:"permissions"`
	}

	err = json.Unmarshal(answer.Body, &body)
	if err != nil || body.Permissions == nil {
		return nil, answer, pl.classifier.noIssue(answer)
	}

	may := map[string]bool{}
	for _, permission := range neededPermissions {
		may[permission] = body.Permissions[permission].Have
	}

	return may, answer, nil
}
