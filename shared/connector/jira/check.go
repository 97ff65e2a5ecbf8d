package jira

import (
	"context"
	"errors"
	"strings"

	"integrations/shared/connector"
	"integrations/shared/outbound"
)

// The names of Jira's own checks.
const (
	checkWrite  = "write"           // the token's account may create, edit and transition issues
	checkType   = "issue_type"      // the project has it, and the token may create it
	checkFields = "required_fields" // items tell all that a new issue needs
)

// Check finds out whether issues could be made and kept: whose token it is,
// whether it sees the project and has its rights, whether the type of issue is
// there and asks for nothing that items do not tell. It stops at the first that
// is not so, since what follows hangs on it.
func (c *Connector) Check(ctx context.Context) ([]connector.Check, error) {
	if _, err := c.whose(ctx); err != nil {
		return unauthenticated(err), err
	}
	checks := []connector.Check{connector.Passed(connector.CheckReachable), connector.Passed(connector.CheckCredentials)}
	var kind string
	for _, step := range []struct {
		name string
		look func() error
	}{
		{connector.CheckTarget, func() error { return c.getJSON(ctx, c.api("/project/"+c.project().name()), &struct{}{}) }},
		{checkWrite, func() error { return c.lookAtRights(ctx) }},
		{checkType, func() (err error) { kind, err = c.lookForType(ctx); return err }},
		{checkFields, func() error { return c.lookAtFields(ctx, kind) }},
	} {
		if err := step.look(); err != nil {
			return append(checks, verdict(step.name, err)), err
		}
		checks = append(checks, connector.Passed(step.name))
	}
	return checks, nil
}

// unauthenticated are the checks when Jira did not say whose token it is.
func unauthenticated(err error) []connector.Check {
	var e *connector.Error
	if errors.As(err, &e) && e.Code == "captcha_required" {
		return []connector.Check{connector.Passed(connector.CheckReachable), connector.Refused(connector.CheckCredentials, e.Code)}
	}
	return connector.Unauthenticated(err)
}

// verdict is the check of a step that failed: refused for good, or not known
// for now.
func verdict(name string, err error) connector.Check {
	var e *connector.Error
	if !errors.As(err, &e) {
		e = &connector.Error{}
	}
	switch {
	case e.Class == connector.Final && e.Code == "forbidden":
		return connector.Refused(name, "write_not_allowed")
	case e.Class == connector.Final:
		return connector.Refused(name, e.Code)
	case e.Code == "rate_limited":
		return connector.Undecided(name, e.Code)
	}
	return connector.Undecided(name, "provider_error")
}

// amiss is what is wrong with a project that answered.
func (c *Connector) amiss(code, detail string) error {
	return c.fail(connector.Final, connector.IntegrationScope, code, detail, outbound.Response{})
}

// rights are the permissions as Jira's administrators know them.
var rights = map[string]string{browse: "Browse Projects", create: "Create Issues", edit: "Edit Issues", transit: "Transition Issues"}

func (c *Connector) lookAtRights(ctx context.Context) error {
	may, answer, err := c.permissions(ctx)
	if err != nil {
		return err
	}
	if answer.Status != 200 {
		return c.refused("GET", answer)
	}
	var lacking []string
	for _, name := range needed {
		if !may[name] {
			lacking = append(lacking, rights[name])
		}
	}
	if len(lacking) > 0 {
		return c.amiss("forbidden", "the token's account lacks "+strings.Join(lacking, ", ")+" in "+c.project().key)
	}
	return nil
}

func (c *Connector) lookForType(ctx context.Context) (string, error) {
	kind, err := c.findType(ctx)
	if err == nil && kind == "" {
		err = c.amiss("issue_type_unknown", c.project().key+" has no issue type "+c.cfg.IssueType+" that the token may create")
	}
	return kind, err
}

func (c *Connector) lookAtFields(ctx context.Context, kind string) error {
	var asked naming
	labelled := false
	err := c.fields(ctx, kind, func(f field) {
		if f.asks() {
			asked.add(f.name())
		}
		labelled = labelled || f.ID == "labels"
	})
	switch {
	case len(asked.told) > 0: // however the list ends
		return c.amiss("field_required", c.cfg.IssueType+" in "+c.project().key+" asks for what items do not tell: "+asked.String())
	case err != nil:
		return err
	case !labelled:
		return c.amiss("labels_not_allowed", "labels are not on the create screen of "+c.cfg.IssueType+" in "+c.project().key)
	}
	return nil
}
