package jira

import (
	"context"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
)

// screens reports whether the type of issue is there, and whether a new issue can
// have what items say and needs nothing else. Where Jira keeps that to itself,
// which some administrators want, nothing is known (ankitpokhrel/jira-cli#743).
func (c *Connector) screens(ctx context.Context, s *survey) {
	kind, err := c.lookForType(ctx)
	if err != nil && closedOff(err) {
		s.blame(open(checkType, err).With("Jira does not say which types of issue the project has."), err)
		s.blame(open(checkFields, err).With("Jira does not say which fields a new issue needs."), nil)
		if c.client.cfg.Labels {
			s.add(connector.Undecided(connector.CheckLabels, connector.NotTold).With("Jira does not say whether labels are on the create screen."))
		}
		return
	}

	if err != nil {
		s.blame(verdict(checkType, err), err)
		return
	}

	s.add(connector.Passed(checkType))

	screen, err := c.lookAtFields(ctx, kind)
	switch {
	case err == nil:
		s.add(connector.Passed(checkFields))
	case closedOff(err):
		s.blame(open(checkFields, err).With("Jira does not say which fields a new issue needs."), err)
	default:
		s.blame(detailed(verdict(checkFields, err), err), err)
	}

	switch {
	case !c.client.cfg.Labels:
	case screen.labels:
		s.add(connector.Passed(connector.CheckLabels))
	case screen.whole:
		s.add(c.noLabels("create"))
	default:
		s.add(connector.Undecided(connector.CheckLabels, connector.NotTold).With("Jira does not say whether labels are on the create screen."))
	}
}

// closedOff reports whether Jira refused to say what a new issue needs. That is
// no verdict on the token or the project: both were asked for before.
func closedOff(err error) bool {
	e, ok := err.(*failure.Error)

	return ok && e.Class == failure.Final && e.Status >= 400
}

// detailed is a check with the sentence of an error.
func detailed(check connector.Check, err error) connector.Check {
	if e, ok := err.(*failure.Error); ok {
		return check.With(e.Detail)
	}

	return check
}

func (c *Connector) noLabels(screen string) connector.Check {
	return connector.Refused(connector.CheckLabels, connector.NoteLabelsNotSettable).
		With("The field Labels is not on the " + screen + " screen of " + c.client.cfg.IssueType + " in the project: issues arrive without their labels.")
}

// A newIssueScreen is what Jira says about the create screen.
type newIssueScreen struct {
	asked                        naming
	summary, description, labels bool
	whole                        bool // the list was read to its end
}

// newIssueScreen reads the create screen of a type. What was read before an
// error is given beside it.
func (c *Connector) newIssueScreen(ctx context.Context, kind string) (newIssueScreen, error) {
	var screen newIssueScreen
	err := c.fields(ctx, kind, func(f field) {
		if f.asks() {
			screen.asked.add(f.name())
		}

		screen.summary = screen.summary || f.ID == "summary"
		screen.description = screen.description || f.ID == "description"
		screen.labels = screen.labels || f.ID == "labels"
	})

	screen.whole = err == nil

	return screen, err
}

// lookAtFields reads the create screen of a type. The error says that it asks for
// more than items tell, that it lacks a field that every create fills in, or why
// it could not be read. A Data Center has no other marker than a label.
func (c *Connector) lookAtFields(ctx context.Context, kind string) (newIssueScreen, error) {
	screen, err := c.newIssueScreen(ctx, kind)
	switch {
	case len(screen.asked.told) > 0: // however the list ends
		return screen, c.answers.amiss(connector.FieldRequired, c.client.cfg.IssueType+" in "+c.project().key+" asks for what items do not tell: "+screen.asked.String())
	case err != nil:
		return screen, err
	case !screen.summary || !screen.description:
		missing := "summary"
		if screen.summary {
			missing = "description"
		}
		return screen, c.answers.amiss(connector.FieldNotSettable, missing+" is not on the create screen of "+c.client.cfg.IssueType+" in "+c.project().key)

	case !screen.labels && !c.client.flavor.findsWithoutLabel():
		return screen, c.answers.amiss("labels_not_allowed", "labels are not on the create screen of "+c.client.cfg.IssueType+" in "+c.project().key)
	}

	return screen, nil
}
