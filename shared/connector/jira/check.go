package jira

import (
	"context"
	"errors"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
)

// The names of Jira's own checks.
const (
	checkType   = "issue_type"                  // the project has it, and the token may create it
	checkFields = connector.CheckRequiredFields // items tell all that a new issue needs, and the screen takes it
)

// Check finds out whether issues could be made and kept: whose token it is,
// whether it sees the project and has its rights, whether the type of issue is
// there, asks for nothing that items do not tell, and has what they tell. What
// Jira tells of existing issues only, it asks of one.
func (c *Connector) Check(ctx context.Context) ([]connector.Check, error) {
	if _, err := c.account.timeZone(ctx); err != nil {
		return unauthenticated(err), err
	}

	s := &survey{checks: []connector.Check{connector.Passed(connector.CheckReachable), connector.Passed(connector.CheckCredentials)}}
	if err := c.client.getJSON(ctx, c.client.api("/project/"+c.place.project().name()), &struct{}{}); err != nil {
		return append(s.checks, verdict(connector.CheckTarget, err)), err
	}

	s.add(connector.Passed(connector.CheckTarget))

	c.permitted(ctx, s)
	if create := s.at(connector.CheckCreate); create.OK == nil || *create.OK {
		c.newIssues(ctx, s)
	}

	c.looked(ctx, s)

	return s.checks, errors.Join(s.errs...)
}

// unauthenticated are the checks when Jira did not say whose token it is.
func unauthenticated(err error) []connector.Check {
	var e *failure.Error
	if errors.As(err, &e) && e.Code == "captcha_required" {
		return []connector.Check{connector.Passed(connector.CheckReachable), connector.Refused(connector.CheckCredentials, e.Code)}
	}
	return connector.Unauthenticated(err)
}

// verdict is the check of a step that failed: refused for good, or not known
// for now.
func verdict(name string, err error) connector.Check {
	var e *failure.Error
	if !errors.As(err, &e) {
		e = &failure.Error{}
	}

	switch {
	case e.Class == failure.Final && e.Code == "forbidden":
		return connector.Refused(name, "write_not_allowed")
	case e.Class == failure.Final:
		return connector.Refused(name, e.Code)
	case e.Code == "rate_limited":
		return connector.Undecided(name, e.Code)
	}

	return connector.Undecided(name, "provider_error")
}

// rights are the permissions as Jira's administrators know them.
var rights = map[string]string{browse: "Browse Projects", create: "Create Issues", edit: "Edit Issues", transit: "Transition Issues"}

// detailed is a check with the sentence of an error.
func detailed(check connector.Check, err error) connector.Check {
	if e, ok := err.(*failure.Error); ok {
		return check.With(e.Detail)
	}

	return check
}
