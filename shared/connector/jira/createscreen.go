package jira

import (
	"context"

	"example.com/integrations/shared/connector"
)

// newIssues reports whether the type of issue is there, and whether a new issue can
// have what items say and needs nothing else. Where Jira keeps that to itself,
// which some administrators want, nothing is known (ankitpokhrel/jira-cli#743).
func (c *Connector) newIssues(ctx context.Context, s *survey) {
	kind, err := c.screens.lookForType(ctx)
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

	screen, err := c.screens.lookAtFields(ctx, kind)
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

func (c *Connector) noLabels(screen string) connector.Check {
	return connector.Refused(connector.CheckLabels, connector.NoteLabelsNotSettable).
		With("The field Labels is not on the " + screen + " screen of " + c.client.cfg.IssueType + " in the project: issues arrive without their labels.")
}
