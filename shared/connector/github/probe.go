package github

import (
	"context"
	"encoding/json"
	"net/http"

	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// issueRefused is refused for a request about one issue. Whether 404, 410 or a
// redirect means the issue or the whole repository is asked with one read.
func (c *client) issueRefused(ctx context.Context, method string, answer outbound.Response) *failure.Error {
	moved := answer.Status >= 300 && answer.Status < 400
	if answer.Status != http.StatusNotFound && answer.Status != http.StatusGone && !moved {
		return c.refused(method, answer)
	}

	if !moved && !answers.Read(answer, c.http.Clean).JSON {
		// A page of a proxy does not say that the issue was deleted.
		return c.refused(method, answer)
	}

	probe, err := c.look(ctx)
	if err != nil {
		return c.undecided(answer)
	}
	if probe.Status != http.StatusOK {
		return c.refused(http.MethodGet, probe)
	}

	var r repository
	if err := json.Unmarshal(probe.Body, &r); err != nil {
		return c.undecided(answer)
	}

	_, id := c.place.current()
	switch {
	case id != 0 && r.ID != 0 && r.ID != id:
		return c.fail(failure.Final, failure.IntegrationScope, "target_moved", "another repository has the name now", answer)
	case r.HasIssues != nil && !*r.HasIssues:
		return c.fail(failure.Final, failure.IntegrationScope, "issues_disabled", "the repository has issues turned off", answer)
	case moved:
		return c.moved(answer)
	}

	return c.fail(failure.Final, failure.ItemScope, "remote_deleted", "the repository is there, but the issue was deleted", answer)
}

// issueUnread is for a read of one issue that is refused. A 403 is about this
// issue alone if the repository can be read.
func (c *client) issueUnread(ctx context.Context, answer outbound.Response) *failure.Error {
	e := c.issueRefused(ctx, http.MethodGet, answer)
	if answer.Status != http.StatusForbidden || e.Class != failure.Final {
		return e
	}

	probe, err := c.look(ctx)
	if err != nil {
		return c.undecided(answer)
	}
	if probe.Status != http.StatusOK {
		return c.refused(http.MethodGet, probe)
	}

	e.Scope = failure.ItemScope

	return e
}
