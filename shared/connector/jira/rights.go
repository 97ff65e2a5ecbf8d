package jira

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
)

// permissionNames are the permissions as Jira's administrators know them.
var permissionNames = map[string]string{
	browseProjects:   "Browse Projects",
	createIssues:     "Create Issues",
	editIssues:       "Edit Issues",
	transitionIssues: "Transition Issues",
}

// permissionsOf are the permissions that each call needs. A change of the status
// comes with an edit of the text.
var permissionsOf = []struct {
	check       string
	permissions []string
}{
	{connector.CheckList, []string{browseProjects}},
	{connector.CheckCreate, []string{createIssues}},
	{connector.CheckUpdate, []string{editIssues}},
	{connector.CheckClose, []string{editIssues, transitionIssues}},
	{connector.CheckReopen, []string{editIssues, transitionIssues}},
}

// permissions compares the permissions of the token's account with each call.
func (r *rights) permissions(ctx context.Context, s *survey) {
	may, answer, err := r.place.permissions(ctx)
	if err == nil && answer.Status != http.StatusOK {
		err = r.classifier.refused(http.MethodGet, answer)
	}

	s.log(err)
	for _, call := range permissionsOf {
		var lacking []string
		for _, permission := range call.permissions {
			if !may[permission] {
				lacking = append(lacking, permissionNames[permission])
			}
		}

		switch {
		case err != nil:
			s.add(unknown(call.check, err).With("Jira does not say which permissions the account has in the project."))
		case len(lacking) > 0:
			err := r.classifier.amiss("forbidden", "The token's account lacks "+strings.Join(lacking, " and ")+" in the project.")
			s.log(err)
			s.replace(connector.Refused(call.check, connector.RoleTooLow).With(err.Detail))
		default:
			s.add(connector.Passed(call.check))
		}
	}
}

// newIssues checks whether the type of issue is there, whether a new issue can
// have the fields that items fill in, and whether it needs no other. Some
// administrators have Jira hide that: then nothing is known
// (ankitpokhrel/jira-cli#743).
func (r *rights) newIssues(ctx context.Context, s *survey) {
	kind, err := r.screens.issueKind(ctx)
	if err != nil && closedOff(err) {
		s.log(err)
		s.replace(unknown(checkType, err).With("Jira does not say which types of issue the project has."))
		s.replace(unknown(checkFields, err).With(noFields))
		if r.client.cfg.Labels {
			s.add(connector.Undecided(connector.CheckLabels, connector.NotTold).With(noLabelField))
		}

		return
	}

	if err != nil {
		s.log(err)
		s.replace(failed(checkType, err))

		return
	}

	s.add(connector.Passed(checkType))

	screen, err := r.screens.checkFields(ctx, kind)
	s.log(err)
	switch {
	case err == nil:
		s.add(connector.Passed(checkFields))
	case closedOff(err):
		s.replace(unknown(checkFields, err).With(noFields))
	default:
		s.replace(detailed(failed(checkFields, err), err))
	}

	switch {
	case !r.client.cfg.Labels:
	case screen.labels:
		s.add(connector.Passed(connector.CheckLabels))
	case screen.whole:
		s.add(r.noLabels("create"))
	default:
		s.add(connector.Undecided(connector.CheckLabels, connector.NotTold).With(noLabelField))
	}
}

const (
	noFields     = "Jira does not say which fields a new issue needs."
	noLabelField = "Jira does not say whether labels are on the create screen."
)

func (r *rights) noLabels(screen string) connector.Check {
	return connector.Refused(connector.CheckLabels, connector.NoteLabelsNotSettable).
		With("The field Labels is not on the " + screen + " screen of " + r.client.cfg.IssueType + " in the project: issues arrive without their labels.")
}

// existingIssues compares what may be done with an open and a closed issue with
// what the connector does.
func (r *rights) existingIssues(ctx context.Context, s *survey) {
	if !s.holds(connector.CheckList) {
		return
	}

	open, closed, err := r.samples(ctx)
	if err != nil {
		for _, name := range []string{connector.CheckUpdate, connector.CheckLabels, connector.CheckClose, connector.CheckReopen} {
			r.noSample(s, unknown(name, err))
		}

		s.log(err)

		return
	}

	r.editScreen(ctx, s, open)
	closing := r.transition(ctx, s, connector.CheckClose, open, domain.Closed)
	r.transition(ctx, s, connector.CheckReopen, closed, domain.Open)

	// Issues are closed into another status than that of the sample: whether they
	// can be opened from there is not known.
	again := s.at(connector.CheckReopen)
	if again.OK != nil && !*again.OK && again.Code != nil && *again.Code == "cannot_reopen" && closing != closed.Fields.Status.ID {
		*again = connector.Undecided(connector.CheckReopen, "cannot_reopen").With(*again.Detail)
	}
}

// noSample replaces a check that has passed so far, because there is no issue to
// look at.
func (r *rights) noSample(s *survey, check connector.Check) {
	if s.holds(check.Name) {
		s.replace(check.With("Jira tells this of existing issues only, and there is none of the type " + r.client.cfg.IssueType + " to look at."))
	}
}

// editScreen looks for the fields that items fill in on the edit screen of an
// issue. An issue that may not be edited in its status has no fields, which says
// nothing about others.
func (r *rights) editScreen(ctx context.Context, s *survey, one sample) {
	if !s.holds(connector.CheckUpdate) {
		return
	}

	var screen map[string]bool
	var err error
	if one.ID != "" {
		screen, err = r.screens.editScreen(ctx, one.ID)
		if gone(err) {
			screen = nil
			err = nil
		}
	}

	if err != nil || len(screen) == 0 {
		for _, name := range []string{connector.CheckUpdate, connector.CheckLabels} {
			check := connector.Undecided(name, connector.NotTold)
			if err != nil {
				check = unknown(name, err)
			}

			r.noSample(s, check)
		}

		s.log(err)

		return
	}

	for _, name := range []string{"summary", "description"} {
		if screen[name] {
			continue
		}

		err := r.classifier.amiss(connector.FieldNotSettable, name+" is not on the edit screen of "+r.client.cfg.IssueType+" in "+r.place.project().key)
		s.log(err)
		for _, check := range []string{connector.CheckUpdate, connector.CheckClose, connector.CheckReopen} {
			s.replace(connector.Refused(check, connector.FieldNotSettable).With(err.Detail))
		}
	}

	if r.client.cfg.Labels && !screen["labels"] {
		s.replace(r.noLabels("edit"))
	}
}

// transition looks for a transition of an issue to a state, and returns the
// status that it leads to, "" where there is none. A missing transition is a
// refusal for a closed issue, and for one in a status where new issues begin. For
// others it says nothing certain.
func (r *rights) transition(ctx context.Context, s *survey, name string, from sample, to domain.ItemState) string {
	if !s.holds(name) {
		return ""
	}

	if from.ID == "" {
		r.noSample(s, connector.Undecided(name, connector.NotTold))
		return ""
	}

	var list transitionList
	err := r.client.getJSON(ctx, r.client.issueAt(from.ID)+transitionsPath, &list)
	switch {
	case gone(err):
		r.noSample(s, connector.Undecided(name, connector.NotTold))
		return ""
	case err != nil:
		s.log(err)
		s.replace(unknown(name, err))

		return ""
	}

	id, asked := choose(list.Transitions, to)
	if id != "" {
		at := slices.IndexFunc(list.Transitions, func(t transition) bool { return t.ID == id })
		return list.Transitions[at].To.ID
	}

	missing := r.classifier.noTransition(to, asked)
	status := markup.Cut(markup.OneLine(from.Fields.Status.Name), maxName, "…")
	missing.Detail = r.classifier.clean("From the status " + status + ": " + missing.Detail)
	check := connector.Undecided(name, cannot(to))
	if category := from.category(); category == categoryNew || category == categoryDone {
		check = connector.Refused(name, cannot(to))
	}

	s.log(missing)
	s.replace(check.With(missing.Detail))

	return ""
}
