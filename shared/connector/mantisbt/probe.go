package mantisbt

import (
	"context"
	"net/http"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/problem"
	"example.com/integrations/shared/outbound"
)

// A probe finds out with one more read whether a refusal concerns one issue or
// the whole project.
type probe struct {
	client  *client
	answers *answers
	place   *place
	pages   *pages
}

// lostToken asks with one read whether a refusal of a write comes from a token that
// is dead by now, or from a server that has moved. It is nil if not. A write as
// anonymous is 403 and does not say that it is one.
func (pr *probe) lostToken(ctx context.Context, answer outbound.Response, said problem.Problem) *failure.Error {
	moved := answer.Status >= 300 && answer.Status < 400
	forbidden := answer.Status == http.StatusForbidden && !said.Markup
	if !moved && !forbidden || said.Says("reason:") || said.Says("readonly") || said.Says("read-only") {
		return nil
	}

	_, _, err := pr.place.whoami(ctx)
	e, ok := err.(*failure.Error)
	if !ok || e.Class != failure.Final || e.Scope != failure.IntegrationScope {
		return nil
	}
	if moved || e.Code == "credentials_rejected" {
		return e
	}

	return nil
}

// createRefused is refused for a create.
func (pr *probe) createRefused(ctx context.Context, answer outbound.Response) *failure.Error {
	said := pr.answers.said(answer)
	if answer.Status >= 300 {
		if e := pr.lostToken(ctx, answer, said); e != nil {
			return e
		}
	}

	return pr.answers.refused(http.MethodPost, answer)
}

// lost says why a create met nothing: there is no such project, or the API has
// another address. Then nothing has happened, and the next try is sent there.
func (pr *probe) lost(ctx context.Context, guessed projectRef, answer outbound.Response) error {
	p, err := pr.place.find(ctx)
	switch {
	case err != nil:
		return err
	case p.root != guessed.root:
		return pr.answers.fail(failure.Retryable, failure.IntegrationScope, "address_learned", "the web server knows the API as index.php only", answer)
	}

	return pr.createRefused(ctx, answer)
}

// issueRefused is refused for a request about one issue. Whether 403 or 404
// means the issue or the whole project is asked with one read.
func (pr *probe) issueRefused(ctx context.Context, method string, answer outbound.Response) *failure.Error {
	said := pr.answers.said(answer)
	reads := method == http.MethodGet
	if answer.Status == http.StatusPreconditionFailed && !nobody(answer.Header) {
		// Nothing was changed: the next try reads the issue again. The tag differs
		// from account to account, so the anonymous account has none that fits.
		return pr.answers.fail(failure.Retryable, failure.ItemScope, "changed_meanwhile", said.Reason("the issue was changed at the same moment"), answer)
	}

	if e := pr.answers.settled(method, answer, said); e != nil {
		return e
	}

	denied := answer.Status == http.StatusForbidden
	missing := answer.Status == http.StatusNotFound
	switch {
	case denied && !said.Markup && (said.Says("readonly") || said.Says("read-only")):
		return pr.answers.fail(failure.Final, failure.ItemScope, "remote_readonly",
			said.Reason("closed issues are changed by managers only: give the token's user the role manager in the project"), answer)
	case (denied || missing) && reads && foreign(answer, said):
		return pr.answers.intercepted(answer, said)
	case missing && !said.Markup, denied && reads:
		return pr.gone(ctx, answer, said)
	case reads:
		return pr.answers.readRefused(answer, said)
	}

	if e := pr.lostToken(ctx, answer, said); e != nil {
		return e
	}

	return pr.answers.writeRefused(method, answer, said)
}

// gone tells an issue that is gone from a project that is.
func (pr *probe) gone(ctx context.Context, answer outbound.Response, said problem.Problem) *failure.Error {
	p, err := pr.place.find(ctx)
	if err != nil {
		return pr.answers.undecided(err, answer, said)
	}

	probe, err := pr.pages.list(ctx, p, 1, 1, "id")
	if err != nil {
		return pr.answers.undecided(err, answer, said)
	}
	if probe.Status != http.StatusOK {
		return pr.answers.refused(http.MethodGet, probe)
	}

	if answer.Status == http.StatusForbidden {
		return pr.answers.fail(failure.Final, failure.ItemScope, "remote_forbidden",
			said.Reason("the token's user may see the project, but not this issue: it was moved or made private"), answer)
	}

	return pr.answers.fail(failure.Final, failure.ItemScope, "remote_deleted", said.Reason("the project is there, but the issue was deleted"), answer)
}
