package mantisbt

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// A place is the project that calls go to. It finds out at which address the API
// answers and which number the project has.
type place struct {
	client  *client
	answers *answers

	mu    sync.Mutex
	known *projectRef // the address and the project, nil before MantisBT was asked
	used  int64       // the number of the project that was resolved, else 0
}

// A projectRef is where the project is.
type projectRef struct {
	root    string // of the REST API, with index.php where the web server wants it
	project int64
}

// A user is whose token it is.
type user struct {
	ID       number    `json:"id"`
	Name     string    `json:"name"`
	Access   named     `json:"access_level"`
	Projects []project `json:"projects"`
}

// A project, with those that lie below it.
type project struct {
	named
	Access      named     `json:"access_level"`
	Categories  []named   `json:"categories"`
	SubProjects []project `json:"subProjects"`
}

// guess is the place as far as it is known without asking.
func (pl *place) guess() projectRef {
	pl.mu.Lock()
	defer pl.mu.Unlock()
	if pl.known != nil {
		return *pl.known
	}
	return projectRef{root: pl.client.cfg.BaseURL, project: cmp.Or(pl.used, number64(pl.client.cfg.Project))}
}

// number64 is the number a text is, or 0.
func number64(text string) int64 {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 0 {
		return 0
	}
	return id
}

// find asks once whose token it is, and with that under which address the API
// answers and which number the project has.
func (pl *place) find(ctx context.Context) (projectRef, error) {
	pl.mu.Lock()
	known := pl.known
	pl.mu.Unlock()
	if known != nil {
		return *known, nil
	}

	root, me, err := pl.whoami(ctx)
	if err != nil {
		return projectRef{}, err
	}

	p := projectRef{root: root}
	if p.project, err = pl.projectNumber(ctx, root, me); err != nil {
		return projectRef{}, err
	}

	pl.mu.Lock()
	defer pl.mu.Unlock()
	if pl.used > 0 { // a place was used in the meantime
		p.project = pl.used
	}

	pl.known = &p

	return p, nil
}

// whoami asks whose token it is. A web server that does not rewrite addresses
// knows the API as a script only.
func (pl *place) whoami(ctx context.Context) (root string, me user, err error) {
	var missing outbound.Response
	for _, script := range []string{"", "/index.php"} {
		root = pl.client.cfg.BaseURL + script
		answer, err := pl.client.get(ctx, root+"/users/me", 0)
		if err != nil {
			return "", user{}, err
		}

		switch {
		case answer.Status == http.StatusNotFound:
			missing = answer
			continue
		case disabled(answer, pl.answers.said(answer)):
			return "", user{}, pl.answers.fail(failure.Final, failure.IntegrationScope, "credentials_rejected",
				pl.answers.said(answer).Reason("MantisBT does not let the token's user in: it is disabled"), answer)
		case answer.Status != http.StatusOK:
			return "", user{}, pl.answers.refused(http.MethodGet, answer)
		}

		if err := json.Unmarshal(answer.Body, &me); err != nil || me.ID <= 0 {
			return "", user{}, pl.answers.unreadable("MantisBT did not say whose token it is", answer)
		}

		return root, me, nil
	}

	return "", user{}, pl.noAPI(missing)
}

// noAPI is for an address without the API. Once a project is in use, a 404 that
// is not MantisBT's own is one of a gateway, and an outage.
func (pl *place) noAPI(answer outbound.Response) *failure.Error {
	said := pl.answers.said(answer)
	pl.mu.Lock()
	inUse := pl.used > 0
	pl.mu.Unlock()
	if inUse && foreign(answer, said) {
		return pl.answers.intercepted(answer, said)
	}

	return pl.answers.fail(failure.Final, failure.IntegrationScope, "api_not_found",
		"there is no MantisBT REST API at this address: base_url is the address of the start page, without /api/rest", outbound.Response{Status: http.StatusNotFound})
}

// projectNumber is the number of the project that was resolved, else the
// configured one, else that of the project with the configured name.
func (pl *place) projectNumber(ctx context.Context, root string, me user) (int64, error) {
	if id := pl.guess().project; id > 0 {
		return id, nil
	}

	found, err := pl.projectByName(ctx, root, me)

	return int64(found.ID), err
}

// projectByName is the project with the configured name. A user's own list has
// no projects below others; the list of all has.
func (pl *place) projectByName(ctx context.Context, root string, me user) (named, error) {
	if found := byName(me.Projects, pl.client.cfg.Project); found != nil {
		return found.named, nil
	}

	answer, err := pl.client.get(ctx, root+"/projects", pageBody)
	if err != nil {
		return named{}, err
	}
	if answer.Status != http.StatusOK {
		return named{}, pl.answers.refused(http.MethodGet, answer)
	}

	list, err := parseProjects(answer.Body)
	if err != nil {
		return named{}, pl.answers.unreadable("MantisBT's answer is not a list of projects", answer)
	}

	if found := byName(list, pl.client.cfg.Project); found != nil {
		return found.named, nil
	}

	if found := byFoldedName(list, pl.client.cfg.Project); found != nil {
		return found.named, nil
	}

	return named{}, pl.answers.fail(failure.Final, failure.IntegrationScope, "target_not_found", "there is no project of this name, or the token's user may not see it", outbound.Response{})
}

// byName looks through projects and those below them. What has no number is
// none.
func byName(list []project, name string) *project {
	for i := range list {
		if list[i].Name == name && list[i].ID > 0 {
			return &list[i]
		}

		if found := byName(list[i].SubProjects, name); found != nil {
			return found
		}
	}

	return nil
}

// project reads the project.
func (pl *place) readTarget(ctx context.Context, p projectRef) (project, error) {
	answer, err := pl.readProject(ctx, p)
	if err != nil {
		return project{}, err
	}

	list, err := parseProjects(answer.Body)
	found := byID(list, p.project)
	if err != nil || found == nil {
		return project{}, pl.answers.unreadable("MantisBT's answer is not the project", answer)
	}

	return *found, nil
}

// readProject asks for the project by its number.
func (pl *place) readProject(ctx context.Context, p projectRef) (outbound.Response, error) {
	answer, err := pl.client.get(ctx, p.root+"/projects/"+strconv.FormatInt(p.project, 10), pageBody)
	if err != nil {
		return outbound.Response{}, err
	}

	if answer.Status != http.StatusOK {
		e := pl.answers.refused(http.MethodGet, answer)
		if answer.Status == http.StatusForbidden && e.Class == failure.Final {
			// The token is good, as it has just shown: it is the project that
			// its user may not see.
			e.Code = "target_not_found"
		}

		return outbound.Response{}, e
	}

	return answer, nil
}
