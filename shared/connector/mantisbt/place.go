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
	client     *client
	classifier *classifier

	mu    sync.Mutex
	known *projectRef // nil before MantisBT was asked
	used  int64       // the number of the project that was resolved, else 0
}

// A projectRef names the project in calls.
type projectRef struct {
	root string // of the REST API, with index.php if the web server needs it
	id   int64  // the project's number, 0 if it is not known
}

// issue is the address of an issue.
func (p projectRef) issue(id int64) string { return p.root + "/issues/" + strconv.FormatInt(id, 10) }

// guess is what is known of the project without asking MantisBT.
func (pl *place) guess() projectRef {
	pl.mu.Lock()
	defer pl.mu.Unlock()
	if pl.known != nil {
		return *pl.known
	}

	return projectRef{root: pl.client.cfg.BaseURL, id: cmp.Or(pl.used, number64(pl.client.cfg.Project))}
}

// find asks once which account the token belongs to. The answer shows at which
// address the API answers, and which number the project has.
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

	id, err := pl.projectNumber(ctx, root, me)
	if err != nil {
		return projectRef{}, err
	}

	pl.mu.Lock()
	defer pl.mu.Unlock()
	if pl.used > 0 { // use was called in the meantime
		id = pl.used
	}

	p := projectRef{root, id}
	pl.known = &p

	return p, nil
}

// A user is the account that the token belongs to.
type user struct {
	ID       number    `json:"id"`
	Name     string    `json:"name"`
	Access   named     `json:"access_level"`
	Projects []project `json:"projects"`
}

// whoami reads the account that the token belongs to. A web server that does not
// rewrite addresses has the API only below index.php.
func (pl *place) whoami(ctx context.Context) (root string, me user, err error) {
	var missing outbound.Response
	for _, script := range []string{"", "/index.php"} {
		root = pl.client.cfg.BaseURL + script
		answer, err := pl.client.get(ctx, root+"/users/me", 0)
		if err != nil {
			return "", user{}, err
		}

		if answer.Status == http.StatusNotFound {
			missing = answer
			continue
		}

		me, err := pl.account(answer)
		if err != nil {
			return "", user{}, err
		}

		return root, me, nil
	}

	return "", user{}, pl.noAPI(missing)
}

// account reads the account in an answer.
func (pl *place) account(answer outbound.Response) (user, error) {
	said := pl.classifier.said(answer)
	switch {
	case disabled(answer, said):
		return user{}, pl.classifier.fail(failure.Final, failure.IntegrationScope, "credentials_rejected",
			said.Reason("MantisBT does not let the token's user in: it is disabled"), answer)
	case answer.Status != http.StatusOK:
		return user{}, pl.classifier.refused(http.MethodGet, answer)
	}

	var me user
	err := json.Unmarshal(answer.Body, &me)
	if err != nil || me.ID <= 0 {
		return user{}, pl.classifier.unreadable("MantisBT did not say whose token it is", answer)
	}

	return me, nil
}

// noAPI is the error for an address without the API. After a project was
// resolved, a 404 that is not MantisBT's comes from a gateway, and is an outage.
func (pl *place) noAPI(answer outbound.Response) *failure.Error {
	said := pl.classifier.said(answer)
	pl.mu.Lock()
	inUse := pl.used > 0
	pl.mu.Unlock()
	if inUse && foreign(answer, said) {
		return pl.classifier.intercepted(answer, said)
	}

	return pl.classifier.fail(failure.Final, failure.IntegrationScope, "api_not_found",
		"there is no MantisBT REST API at this address: base_url is the address of the start page, without /api/rest",
		outbound.Response{Status: http.StatusNotFound})
}

// projectNumber is the number of the project that was resolved, else the
// configured one, else that of the project with the configured name.
func (pl *place) projectNumber(ctx context.Context, root string, me user) (int64, error) {
	if id := pl.guess().id; id > 0 {
		return id, nil
	}

	found, err := pl.projectByName(ctx, root, me)

	return int64(found.ID), err
}

// projectByName is the project with the configured name. The account's own list
// has no projects below others; the list of all projects has them.
func (pl *place) projectByName(ctx context.Context, root string, me user) (named, error) {
	name := pl.client.cfg.Project
	if found := byName(me.Projects, name); found != nil {
		return found.named, nil
	}

	answer, err := pl.client.get(ctx, root+"/projects", pageBody)
	if err != nil {
		return named{}, err
	}
	if answer.Status != http.StatusOK {
		return named{}, pl.classifier.refused(http.MethodGet, answer)
	}

	list, err := parseProjects(answer.Body)
	if err != nil {
		return named{}, pl.classifier.unreadable("MantisBT's answer is not a list of projects", answer)
	}

	if found := byName(list, name); found != nil {
		return found.named, nil
	}

	if found := byFoldedName(list, name); found != nil {
		return found.named, nil
	}

	return named{}, pl.classifier.amiss("target_not_found", "there is no project of this name, or the token's user may not see it")
}

// readProject reads the project by its number.
func (pl *place) readProject(ctx context.Context, p projectRef) (outbound.Response, error) {
	answer, err := pl.client.get(ctx, p.root+"/projects/"+strconv.FormatInt(p.id, 10), pageBody)
	if err != nil {
		return outbound.Response{}, err
	}

	if answer.Status != http.StatusOK {
		e := pl.classifier.refused(http.MethodGet, answer)
		if answer.Status == http.StatusForbidden && e.Class == failure.Final {
			// The token was accepted just before, so its user may not see this project.
			e.Code = "target_not_found"
		}

		return outbound.Response{}, e
	}

	return answer, nil
}
