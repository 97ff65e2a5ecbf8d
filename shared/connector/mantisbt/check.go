package mantisbt

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// reporterRole is the level of those who report issues.
const reporterRole = 25

// checkCategory: the project has the configured category.
const checkCategory = "category"

// Check asks whose token it is, reads the project, and compares the role there
// with all that the server asks for before it does our calls.
func (c *Connector) Check(ctx context.Context) ([]connector.Check, error) {
	root, me, err := c.place.whoami(ctx)
	if err != nil {
		return connector.Unauthenticated(err), err
	}

	p := projectRef{root: root}
	if p.project, err = c.place.projectNumber(ctx, root, me); err != nil {
		return untargeted(err), err
	}

	found, err := c.examine(ctx, p)
	if err != nil {
		return untargeted(err), err
	}

	if found.Enabled != nil && !*found.Enabled {
		return append(known(), connector.Refused(connector.CheckTarget, "project_disabled").With("The project is disabled in MantisBT.")),
			c.answers.fail(failure.Final, failure.IntegrationScope, "project_disabled", "the project is disabled", outbound.Response{})
	}

	s, settingsErr := c.standing(ctx, p, found)
	list, listErr := c.listed(ctx, p, s)
	checks := append(known(), connector.Passed(connector.CheckTarget), c.category(found), s.requiredFields(found.Fields), list)

	return append(checks, s.rights()...), errors.Join(settingsErr, listErr)
}

// An examined project is one with what only the check looks at.
type examined struct {
	project
	Enabled *bool         `json:"enabled"`
	Fields  []customField `json:"custom_fields"`
}

// examine reads the project.
func (c *Connector) examine(ctx context.Context, p projectRef) (examined, error) {
	answer, err := c.place.readProject(ctx, p)
	if err != nil {
		return examined{}, err
	}

	var list struct {
		Projects []examined `json:"projects"`
	}
	err = json.Unmarshal(answer.Body, &list)
	at := slices.IndexFunc(list.Projects, func(one examined) bool { return int64(one.ID) == p.project && p.project > 0 })
	if err != nil || at < 0 {
		return examined{}, c.answers.unreadable("MantisBT's answer is not the project", answer)
	}

	return list.Projects[at], nil
}

// known is what a token that MantisBT knows has passed.
func known() []connector.Check {
	return []connector.Check{connector.Passed(connector.CheckReachable), connector.Passed(connector.CheckCredentials)}
}

// untargeted are the checks when the project could not be read with a good
// token.
func untargeted(err error) []connector.Check {
	var e *failure.Error
	if errors.As(err, &e) && e.Class == failure.Final && e.Code != "credentials_rejected" {
		return append(known(), connector.Refused(connector.CheckTarget, e.Code))
	}
	return connector.Failed(err)
}

// category reports whether new issues can have the configured one. Categories of
// all projects are not told of a project without any.
func (c *Connector) category(found examined) connector.Check {
	switch {
	case len(found.Categories) == 0:
		return connector.Undecided(checkCategory, "not_told")
	case !slices.ContainsFunc(found.Categories, func(n named) bool { return n.Name == c.client.cfg.Category }):
		return connector.Refused(checkCategory, "category_not_found")
	}

	return connector.Passed(checkCategory)
}
