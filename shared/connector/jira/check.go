package jira

import (
	"context"
	"errors"
	"slices"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
)

// The names of Jira's own checks.
const (
	checkType   = "issue_type"                  // the project has it, and the token may create it
	checkFields = connector.CheckRequiredFields // items fill in all required fields of a new issue, and the screen has the fields they fill in
)

// A rights checks what the token may do in the project.
type rights struct {
	client     *client
	classifier *classifier
	place      *place
	account    *account
	screens    *screens
}

// check finds out whether issues could be created and kept up to date: whether
// the token is good, sees the project and has its permissions, whether the type
// of issue is there, and whether the screens have the fields that items fill in
// and no other required ones. Some of that Jira says only of existing issues, so
// one open and one closed issue are read.
func (r *rights) check(ctx context.Context) ([]connector.Check, error) {
	if _, err := r.account.timeZone(ctx); err != nil {
		return unauthenticated(err), err
	}

	s := &survey{checks: []connector.Check{connector.Passed(connector.CheckReachable), connector.Passed(connector.CheckCredentials)}}
	err := r.client.getJSON(ctx, r.client.api("/project/"+r.place.project().name()), &struct{}{})
	if err != nil {
		return append(s.checks, failed(connector.CheckTarget, err)), err
	}

	s.add(connector.Passed(connector.CheckTarget))

	r.permissions(ctx, s)
	if create := s.at(connector.CheckCreate); create.OK == nil || *create.OK {
		r.newIssues(ctx, s)
	}

	r.existingIssues(ctx, s)

	return s.checks, errors.Join(s.errs...)
}

// A survey is what the check has found out so far.
type survey struct {
	checks []connector.Check
	errs   []error // for the log
}

func (s *survey) add(c connector.Check) { s.checks = append(s.checks, c) }

// log notes an error for the log, unless it is nil.
func (s *survey) log(err error) {
	if err != nil {
		s.errs = append(s.errs, err)
	}
}

// at is the check of a name, nil where there is none yet.
func (s *survey) at(name string) *connector.Check {
	i := slices.IndexFunc(s.checks, func(c connector.Check) bool { return c.Name == name })
	if i < 0 {
		return nil
	}

	return &s.checks[i]
}

// holds reports whether a check has passed so far.
func (s *survey) holds(name string) bool {
	c := s.at(name)

	return c != nil && c.Holds()
}

// replace puts a check in the place of one of the same name that was not refused
// so far.
func (s *survey) replace(c connector.Check) {
	found := s.at(c.Name)
	switch {
	case found == nil:
		s.add(c)
	case found.OK == nil || *found.OK:
		*found = c
	}
}

// unauthenticated are the checks when Jira did not say which account it is.
func unauthenticated(err error) []connector.Check {
	var e *failure.Error
	if errors.As(err, &e) && e.Code == "captcha_required" {
		return []connector.Check{connector.Passed(connector.CheckReachable), connector.Refused(connector.CheckCredentials, e.Code)}
	}

	return connector.Unauthenticated(err)
}

// failed is the check of a step that failed: refused for good, or not known for
// now.
func failed(name string, err error) connector.Check {
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

// unknown is the check of something that could not be read. A refusal says only
// that Jira does not answer this question: the questions before were answered.
func unknown(name string, err error) connector.Check {
	check := failed(name, err)
	if check.OK == nil {
		return check
	}

	return connector.Undecided(name, connector.NotTold)
}

// detailed is a check with the sentence of an error.
func detailed(check connector.Check, err error) connector.Check {
	if e, ok := err.(*failure.Error); ok {
		return check.With(e.Detail)
	}

	return check
}

// closedOff reports whether Jira refused to describe new issues. That says
// nothing about the token or the project: both were read before.
func closedOff(err error) bool {
	e, ok := err.(*failure.Error)

	return ok && e.Class == failure.Final && e.Status >= 400
}
