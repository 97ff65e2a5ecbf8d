package jira

import (
	"context"
	"errors"
	"slices"
	"strings"

	"integrations/shared/connector"
	"integrations/shared/outbound"
)

// The steps of a check, in the order in which they are taken.
const (
	StepCredentials = "credentials"
	StepTarget      = "target"
	StepRights      = "rights"
	StepIssueType   = "issue_type"
	StepFields      = "fields"
)

// A Step is one thing that was looked at. Err is nil where it is as it must be.
type Step struct {
	Name string
	Err  *connector.Error
}

// Steps finds out, without writing anything, whether issues could be made and
// kept: whose token it is, whether it sees the project and has its rights,
// whether the type of issue is there and asks for nothing items do not tell. It
// stops at the first that is not so, since what follows hangs on it.
func (c *Connector) Steps(ctx context.Context) []Step {
	var kind string
	var taken []Step
	for _, s := range []struct {
		name string
		look func() error
	}{
		{StepCredentials, func() error { _, err := c.whose(ctx); return err }},
		{StepTarget, func() error { return c.getJSON(ctx, c.api("/project/"+c.cfg.ProjectKey), &struct{}{}) }},
		{StepRights, func() error { return c.lookAtRights(ctx) }},
		{StepIssueType, func() (err error) { kind, err = c.lookForType(ctx); return err }},
		{StepFields, func() error { return c.lookAtFields(ctx, kind) }},
	} {
		step := Step{Name: s.name}
		if err := s.look(); err != nil && !errors.As(err, &step.Err) {
			step.Err = c.fail(connector.Final, connector.IntegrationScope, "internal_error", "", outbound.Response{})
		}
		taken = append(taken, step)
		if step.Err != nil {
			break
		}
	}
	return taken
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
		return c.amiss("forbidden", "the token's account lacks "+strings.Join(lacking, ", ")+" in "+c.cfg.ProjectKey)
	}
	return nil
}

func (c *Connector) lookForType(ctx context.Context) (string, error) {
	kind, err := c.findType(ctx)
	if err == nil && kind == "" {
		err = c.amiss("issue_type_unknown", c.cfg.ProjectKey+" has no issue type "+c.cfg.IssueType+" that the token may create")
	}
	return kind, err
}

func (c *Connector) lookAtFields(ctx context.Context, kind string) error {
	all, err := c.fields(ctx, kind)
	if err != nil {
		return err
	}
	var asked []string
	for _, f := range all {
		if f.asks() {
			asked = append(asked, f.Name+" ("+f.ID+")")
		}
	}
	labels := slices.ContainsFunc(all, func(f field) bool { return f.ID == "labels" })
	switch {
	case len(asked) > 0:
		return c.amiss("field_required", c.cfg.IssueType+" in "+c.cfg.ProjectKey+" asks for what items do not tell: "+strings.Join(asked, ", "))
	case !labels:
		return c.amiss("labels_not_allowed", "labels are not on the create screen of "+c.cfg.IssueType+" in "+c.cfg.ProjectKey)
	}
	return nil
}
