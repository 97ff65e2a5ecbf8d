package gitlab

import (
	"context"
	"net/http"

	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// writeRefused is refused for a write. Whether 403 means the token's rights or
// the project's settings is asked with one read.
func (c *client) writeRefused(ctx context.Context, method string, answer outbound.Response) *failure.Error {
	e := c.refused(method, answer)
	own := answers.Read(answer, c.http.Clean).JSON
	if answer.Status != http.StatusForbidden || e.Scope == failure.IntegrationScope || !own {
		return e
	}

	s, probe, err := c.look(ctx)
	switch {
	case err != nil || probe.Status != http.StatusOK:
	case s.issuesOff():
		return c.fail(failure.Final, failure.IntegrationScope, "issues_disabled", "the project has issues turned off", answer)
	case s.Archived:
		return c.fail(failure.Final, failure.IntegrationScope, "forbidden", "the project is archived: its issues can only be read", answer)
	}

	return e
}

// issueRefused is refused for a change of one issue. Whether 404 means the
// issue or the whole project is asked with one read.
func (c *client) issueRefused(ctx context.Context, answer outbound.Response) *failure.Error {
	// A page of a proxy does not say that the issue was deleted.
	own := answers.Read(answer, c.http.Clean).JSON
	if answer.Status != http.StatusNotFound && answer.Status != http.StatusGone || !own {
		return c.writeRefused(ctx, http.MethodPut, answer)
	}

	s, probe, err := c.look(ctx)
	switch {
	case err != nil:
		return c.undecided(answer)
	case probe.Status != http.StatusOK:
		return c.refused(http.MethodGet, probe)
	case s.issuesOff():
		return c.fail(failure.Final, failure.IntegrationScope, "issues_disabled", "the project has issues turned off", answer)
	}

	return c.fail(failure.Final, failure.ItemScope, "remote_deleted", "the project is there, but the issue was deleted, or the token may not see it", answer)
}

// issueUnread is for a read of one issue that is refused. A 403 is about this
// issue alone if the project can be read.
func (c *client) issueUnread(ctx context.Context, answer outbound.Response) *failure.Error {
	gone := answer.Status == http.StatusNotFound || answer.Status == http.StatusGone
	foreign := answers.Read(answer, c.http.Clean).Foreign(answer, false)
	if gone && !foreign {
		return c.issueRefused(ctx, answer)
	}

	e := c.refused(http.MethodGet, answer)
	if answer.Status != http.StatusForbidden || e.Class != failure.Final {
		return e
	}

	_, probe, err := c.look(ctx)
	if err != nil {
		return c.undecided(answer)
	}
	if probe.Status != http.StatusOK {
		return c.refused(http.MethodGet, probe)
	}

	e.Scope = failure.ItemScope

	return e
}
