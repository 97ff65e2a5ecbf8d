package mantisbt

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
)

// reporterRole is the level of users who report issues.
const reporterRole = 25

// checkCategory: the project has the configured category.
const checkCategory = "category"

// A rights checks what the token's user may do in the project.
type rights struct {
	client     *client
	classifier *classifier
	place      *place
	pages      *pages
}

// check reads the token's account, the project and the server's settings, and
// compares the role in the project with all that the server demands for the
// connector's calls.
func (r *rights) check(ctx context.Context) ([]connector.Check, error) {
	root, me, err := r.place.whoami(ctx)
	if err != nil {
		return connector.Unauthenticated(err), err
	}

	id, err := r.place.projectNumber(ctx, root, me)
	if err != nil {
		return unseen(err), err
	}

	p := projectRef{root, id}
	found, err := r.examine(ctx, p)
	if err != nil {
		return unseen(err), err
	}

	if found.Enabled != nil && !*found.Enabled {
		refused := connector.Refused(connector.CheckTarget, "project_disabled").With("The project is disabled in MantisBT.")
		return append(accepted(), refused), r.classifier.amiss("project_disabled", "the project is disabled")
	}

	s, settingsErr := r.standing(ctx, p, found)
	list, listErr := r.listed(ctx, p, s)
	checks := append(accepted(), connector.Passed(connector.CheckTarget), r.category(found), s.requiredFields(found.Fields), list)

	return append(checks, s.rights()...), errors.Join(settingsErr, listErr)
}

// accepted are the checks that a token that MantisBT accepts has passed.
func accepted() []connector.Check {
	return []connector.Check{connector.Passed(connector.CheckReachable), connector.Passed(connector.CheckCredentials)}
}

// unseen are the checks when the project could not be read with a good token.
func unseen(err error) []connector.Check {
	var e *failure.Error
	if errors.As(err, &e) && e.Class == failure.Final && e.Code != "credentials_rejected" {
		return append(accepted(), connector.Refused(connector.CheckTarget, e.Code))
	}

	return connector.Failed(err)
}

// An examined project has members that only the check reads.
type examined struct {
	project
	Enabled *bool         `json:"enabled"`
	Fields  []customField `json:"custom_fields"`
}

// examine reads the project.
func (r *rights) examine(ctx context.Context, p projectRef) (examined, error) {
	answer, err := r.place.readProject(ctx, p)
	if err != nil {
		return examined{}, err
	}

	var list struct {
		Projects []examined `json:"projects"`
	}
	err = json.Unmarshal(answer.Body, &list)
	at := slices.IndexFunc(list.Projects, func(one examined) bool { return int64(one.ID) == p.id && p.id > 0 })
	if err != nil || at < 0 {
		return examined{}, r.classifier.unreadable("MantisBT's answer is not the project", answer)
	}

	return list.Projects[at], nil
}

// standing reads the server's settings for the project.
func (r *rights) standing(ctx context.Context, p projectRef, found examined) (standing, error) {
	now := standing{level: int64(found.Access.ID)}
	query := url.Values{"option[]": slices.Concat(options, thresholds), "project_id": {strconv.FormatInt(p.id, 10)}}
	answer, err := r.client.get(ctx, p.root+"/config?"+query.Encode(), 0)
	if err != nil {
		return now, err
	}
	if answer.Status != http.StatusOK {
		return now, r.classifier.refused(http.MethodGet, answer)
	}

	now.options, err = settings(answer.Body)
	if err != nil {
		return now, r.classifier.unreadable("MantisBT's answer is not its settings", answer)
	}

	now.version = answer.Header.Get(versionHeader)
	now.names, _ = enum(now.options[levelNames])
	flow, err := parseWorkflow(answer.Body)
	if err == nil {
		now.noClose = flow.closed == 0
		now.noReopen = flow.reopen == 0
	}

	return now, nil
}

// category reports whether new issues can have the configured category. A project
// without categories of its own does not list those of all projects.
func (r *rights) category(found examined) connector.Check {
	switch {
	case len(found.Categories) == 0:
		return connector.Undecided(checkCategory, "not_told")
	case !slices.ContainsFunc(found.Categories, func(n named) bool { return n.Name == r.client.cfg.Category }):
		return connector.Refused(checkCategory, "category_not_found")
	}

	return connector.Passed(checkCategory)
}

// listed reads one issue to find out whether issues can be listed.
func (r *rights) listed(ctx context.Context, p projectRef, s standing) (connector.Check, error) {
	answer, err := r.pages.one(ctx, p)
	if err != nil {
		return connector.Undecided(connector.CheckList, "provider_error"), err
	}

	if answer.Status != http.StatusOK {
		e := r.classifier.refused(http.MethodGet, answer)
		if e.Class != failure.Final {
			return connector.Undecided(connector.CheckList, "provider_error"), e
		}

		return connector.Refused(connector.CheckList, e.Code), e
	}

	if s.seesOwnOnly() {
		return connector.Undecided(connector.CheckList, connector.OwnOnly).
			With("The server shows the token's user only its own issues: what people report is not seen."), nil
	}

	return connector.Passed(connector.CheckList), nil
}
