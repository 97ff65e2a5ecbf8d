package mantisbt

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"integrations/shared/connector"
)

// The roles that may report and change issues on an untouched MantisBT.
const (
	reporterRole = 25
	updaterRole  = 40
)

// The names of MantisBT's own checks.
const (
	checkWrite    = "write"    // the token's user may report and change issues
	checkCategory = "category" // the project has the configured one
)

// Check asks whose token it is, reads the project, and compares the role there
// with those the server wants.
func (c *Connector) Check(ctx context.Context) ([]connector.Check, error) {
	root, me, err := c.whoami(ctx)
	if err != nil {
		return connector.Unauthenticated(err), err
	}
	p := place{root: root}
	if p.project, err = c.projectNumber(ctx, root, me); err != nil {
		return untargeted(err), err
	}
	found, err := c.project(ctx, p)
	if err != nil {
		return untargeted(err), err
	}
	return append(known(), connector.Passed(connector.CheckTarget), c.mayWrite(ctx, p, found), c.category(found)), nil
}

// known is what a token that MantisBT knows has passed.
func known() []connector.Check {
	return []connector.Check{connector.Passed(connector.CheckReachable), connector.Passed(connector.CheckCredentials)}
}

// untargeted are the checks when the project could not be read with a good
// token.
func untargeted(err error) []connector.Check {
	var e *connector.Error
	if errors.As(err, &e) && e.Class == connector.Final {
		return append(known(), connector.Refused(connector.CheckTarget, e.Code))
	}
	return connector.Failed(err)
}

// project reads the project.
func (c *Connector) project(ctx context.Context, p place) (project, error) {
	answer, err := c.get(ctx, p.root+"/projects/"+strconv.FormatInt(p.project, 10), pageBody)
	if err != nil {
		return project{}, err
	}
	if answer.Status != http.StatusOK {
		e := c.refused(http.MethodGet, answer)
		if answer.Status == http.StatusForbidden {
			// The token is good, as it has just shown: it is the project that
			// its user may not see.
			e.Code = "target_not_found"
		}
		return project{}, e
	}
	list, err := parseProjects(answer.Body)
	found := byID(list, p.project)
	if err != nil || found == nil {
		return project{}, c.unreadable("MantisBT's answer is not the project", answer)
	}
	return *found, nil
}

// mayWrite tells whether issues can be reported and changed.
func (c *Connector) mayWrite(ctx context.Context, p place, found project) connector.Check {
	wanted, told := c.role(ctx, p)
	switch {
	case found.Access.ID <= 0 || !told:
		return connector.Undecided(checkWrite, "not_told")
	case int64(found.Access.ID) < wanted:
		return connector.Refused(checkWrite, "write_not_allowed")
	}
	return connector.Passed(checkWrite)
}

// category tells whether new issues can have the configured one. Categories of
// all projects are not told of a project without any.
func (c *Connector) category(found project) connector.Check {
	switch {
	case len(found.Categories) == 0:
		return connector.Undecided(checkCategory, "not_told")
	case !slices.ContainsFunc(found.Categories, func(n named) bool { return n.Name == c.cfg.Category }):
		return connector.Refused(checkCategory, "category_not_found")
	}
	return connector.Passed(checkCategory)
}

// role is the least one that may report and change issues. A server may list
// roles instead: that is not looked into.
func (c *Connector) role(ctx context.Context, p place) (role int64, known bool) {
	usual := map[string]int64{"report_bug_threshold": reporterRole, "update_bug_threshold": updaterRole}
	query := url.Values{"option[]": slices.Sorted(maps.Keys(usual)), "project_id": {strconv.FormatInt(p.project, 10)}}
	answer, err := c.get(ctx, p.root+"/config?"+query.Encode(), 0)
	if err != nil || answer.Status != http.StatusOK {
		return 0, false
	}
	told, err := settings(answer.Body)
	if err != nil {
		return 0, false
	}
	for option, least := range usual {
		if value := told[option]; len(value) > 0 && value[0] == '[' {
			return 0, false
		}
		role = max(role, setting(told[option], least))
	}
	return role, true
}
