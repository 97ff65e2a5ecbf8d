package mantisbt

import (
	"context"
	"net/http"

	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// A probe finds out with one more read whether a refusal concerns one issue or
// the whole project.
type probe struct {
	classifier *classifier
	place      *place
	pages      *pages
}

// issueRefused is the error for a refused request about one issue.
func (pr *probe) issueRefused(ctx context.Context, method string, answer outbound.Response) *failure.Error {
	said := pr.classifier.said(answer)
	if answer.Status == http.StatusPreconditionFailed && !anonymous(answer.Header) {
		// Nothing was changed: the next try reads the issue again. The tag differs
		// between accounts, so the anonymous account has none that fits.
		return pr.classifier.fail(failure.Retryable, failure.ItemScope, "changed_meanwhile", said.Reason("the issue was changed at the same moment"), answer)
	}

	if e := pr.classifier.settled(method, answer, said); e != nil {
		return e
	}

	reads := method == http.MethodGet
	forbidden := answer.Status == http.StatusForbidden
	missing := answer.Status == http.StatusNotFound
	switch {
	case forbidden && !said.Markup && readOnly(said):
		return pr.classifier.fail(failure.Final, failure.ItemScope, "remote_readonly",
			said.Reason("closed issues are changed by managers only: give the token's user the role manager in the project"), answer)
	case (forbidden || missing) && reads && foreign(answer, said):
		return pr.classifier.intercepted(answer, said)
	case missing && !said.Markup, forbidden && reads:
		return pr.gone(ctx, answer, said)
	case reads:
		return pr.classifier.readRefused(answer, said)
	}

	if e := pr.lostToken(ctx, answer, said); e != nil {
		return e
	}

	return pr.classifier.writeRefused(method, answer, said)
}

// createRefused is the error for a refused create.
func (pr *probe) createRefused(ctx context.Context, answer outbound.Response) *failure.Error {
	if answer.Status >= 300 {
		if e := pr.lostToken(ctx, answer, pr.classifier.said(answer)); e != nil {
			return e
		}
	}

	return pr.classifier.refused(http.MethodPost, answer)
}

// notFound is the error for a create that was answered with 404: there is no such
// project, or the API has another address. Nothing was created. The next try goes
// to the address that was found.
func (pr *probe) notFound(ctx context.Context, guessed projectRef, answer outbound.Response) error {
	p, err := pr.place.find(ctx)
	if err != nil {
		return err
	}

	if p.root != guessed.root {
		return pr.classifier.fail(failure.Retryable, failure.IntegrationScope, "address_learned", "the web server knows the API as index.php only", answer)
	}

	return pr.createRefused(ctx, answer)
}

// gone reads the list to find out whether one issue is gone, or the project.
func (pr *probe) gone(ctx context.Context, answer outbound.Response, said answers.Problem) *failure.Error {
	p, err := pr.place.find(ctx)
	if err != nil {
		return pr.classifier.undecided(err, answer, said)
	}

	list, err := pr.pages.one(ctx, p)
	if err != nil {
		return pr.classifier.undecided(err, answer, said)
	}
	if list.Status != http.StatusOK {
		return pr.classifier.refused(http.MethodGet, list)
	}

	if answer.Status == http.StatusForbidden {
		return pr.classifier.fail(failure.Final, failure.ItemScope, "remote_forbidden",
			said.Reason("the token's user may see the project, but not this issue: it was moved or made private"), answer)
	}

	return pr.classifier.fail(failure.Final, failure.ItemScope, "remote_deleted", said.Reason("the project is there, but the issue was deleted"), answer)
}

// lostToken reads the account to find out whether a write was refused because the
// token is dead by now, or because the server has moved. It is nil if not. A
// write as the anonymous account is refused with 403, and the answer does not say
// which account it was.
func (pr *probe) lostToken(ctx context.Context, answer outbound.Response, said answers.Problem) *failure.Error {
	moved := answer.Status >= 300 && answer.Status < 400
	forbidden := answer.Status == http.StatusForbidden && !said.Markup
	if !moved && !forbidden || said.Says("reason:") || readOnly(said) {
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

// readOnly reports whether MantisBT says that an issue is read-only.
func readOnly(said answers.Problem) bool { return said.Says("readonly") || said.Says("read-only") }
