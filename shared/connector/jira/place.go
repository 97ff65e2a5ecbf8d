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
	client  *client
	answers *answers
	used    atomic.Pointer[spot] // the project that was resolved, nil before

	mu   sync.Mutex
	site string // where people look at issues, if the gateway has named it
	// siteAsked: the gateway was asked. It is asked once, since only links need it.
	siteAsked bool
}

// A spot is the project that calls go to.
type spot struct {
	id  string // "" before the project was resolved
	key string
}

// project is where calls go: the project that was resolved, else the configured
// one.
func (pl *place) project() spot {
	if used := pl.used.Load(); used != nil {
		return *used
	}
	return spot{key: pl.client.cfg.ProjectKey}
}

// ref names the project in the body of a create.
func (s spot) ref() *named {
	if s.id != "" {
		return &named{ID: s.id}
	}
	return &named{Key: s.key}
}

// name is what stands for the project in the paths of the API, which take an id
// or a key.
func (s spot) name() string {
	if s.id != "" {
		return s.id
	}
	return s.key
}

// jql is the condition that an issue is in the project. A number without quotes
// is an id (https://support.atlassian.com/jira-software-cloud/docs/jql-fields/#Project).
func (s spot) jql() string {
	if s.id != "" {
		return "project = " + s.id
	}
	return "project = " + quote(s.key)
}

// rights names the project in the query for one's own permissions.
func (s spot) rights() (name, value string) {
	if s.id != "" {
		return "projectId", s.id
	}
	return "projectKey", s.key
}

// The permissions the sync lives on.
const (
	browse  = "BROWSE_PROJECTS"
	create  = "CREATE_ISSUES"
	edit    = "EDIT_ISSUES"
	transit = "TRANSITION_ISSUES"
)

var needed = []string{browse, create, edit, transit}

// permissions are those of the token in the project.
func (pl *place) permissions(ctx context.Context) (map[string]bool, outbound.Response, error) {
	name, project := pl.project().rights()
	query := url.Values{name: {project}, "permissions": {strings.Join(needed, ",")}}
	answer, err := pl.client.get(ctx, pl.client.api("/mypermissions?"+query.Encode()), 0)
	if err != nil || answer.Status != http.StatusOK {
		return nil, answer, err
	}

	var told struct {
		Permissions map[string]struct {
			Have bool `json:"havePermission"`
		} `json:"permissions"`
	}
	if err := json.Unmarshal(answer.Body, &told); err != nil || told.Permissions == nil {
		return nil, answer, pl.answers.noIssue(answer)
	}

	may := map[string]bool{}
	for _, name := range needed {
		may[name] = told.Permissions[name].Have
	}

	return may, answer, nil
}

// inProject is the condition that an issue is in the project.
func (pl *place) jql() string { return pl.project().jql() }

// gateway is where scoped tokens work. People look at issues elsewhere.
const gateway = "https://api.atlassian.com/"

// site is an address of Jira Cloud's. Another one is not believed.
var site = regexp.MustCompile(`^https://[a-z0-9][a-z0-9-]{0,62}\.atlassian\.net$`)

// pages is where issues are looked at, "" if that cannot be found out: a link
// is not worth failing for.
func (pl *place) home(ctx context.Context) string {
	if pl.client.cfg.Flavor != form.Cloud || !strings.HasPrefix(pl.client.cfg.BaseURL, gateway) {
		return pl.client.cfg.BaseURL
	}

	pl.mu.Lock()
	home := pl.site
	asked := pl.siteAsked
	pl.siteAsked = true
	pl.mu.Unlock()
	if asked {
		return home
	}

	if home = pl.askHome(ctx); home != "" {
		pl.mu.Lock()
		pl.site = home
		pl.mu.Unlock()
	}

	return home
}

// askHome asks the gateway which site it leads to.
func (pl *place) askHome(ctx context.Context) string {
	var info struct {
		BaseURL string `json:"baseUrl"`
	}
	if pl.client.getJSON(ctx, pl.client.api("/serverInfo"), &info) != nil {
		return ""
	}

	return siteOf(info.BaseURL)
}

// siteOf is the address of a site, "" if it is none of Jira Cloud's.
func siteOf(address string) string {
	address = strings.ToLower(strings.TrimSuffix(address, "/"))
	if !site.MatchString(address) {
		return ""
	}
	return address
}
