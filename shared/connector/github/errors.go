package github

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/outbound"
)

// secondaryWait is how long GitHub wants to be left alone at least when it
// does not say how long.
const secondaryWait = time.Minute

// failures turns answers of GitHub into errors.
type failures struct {
	http *outbound.Client
	now  func() time.Time
}

// refused says what an answer without success means. Refusals of one issue
// belong to issueRefused.
func (f *failures) refused(method string, answer outbound.Response) *failure.Error {
	if answer.Success() {
		return f.foreign(method, answer)
	}

	said := answers.Read(answer, f.http.Clean)
	if wait, told, limited := f.limit(answer, said); limited {
		e := f.fail(failure.Retryable, failure.IntegrationScope, "rate_limited", said.Reason(""), answer)
		e.Wait = wait
		e.NoRetryAfter = !told
		return e
	}

	class := outbound.Classify(method, answer.Status, answer.Header)
	switch {
	case answer.Status >= 300 && answer.Status < 400:
		return f.fail(class, failure.IntegrationScope, "target_moved", "the repository was renamed or moved meanwhile, or base_url is not the address of GitHub's API", answer)
	case class == failure.Ambiguous:
		return f.fail(class, failure.ItemScope, "no_answer", said.Reason(""), answer)
	case class == failure.Retryable:
		e := f.fail(class, failure.IntegrationScope, "provider_unavailable", said.Reason(""), answer)
		e.Wait, _ = outbound.RetryAfter(answer.Header, f.now())
		return e
	case method == http.MethodGet:
		return f.readRefused(answer, said)
	}

	return f.writeRefused(method, answer, said)
}

// readRefused is for a refusal of a read. It concerns the repository. One that is
// not GitHub's own is an outage.
func (f *failures) readRefused(answer outbound.Response, said answers.Problem) *failure.Error {
	if said.Foreign(answer, false) {
		return f.intercepted(answer, said)
	}

	return f.readVerdict(answer, said)
}

// readVerdict is what the status of a refused read says about the repository.
func (f *failures) readVerdict(answer outbound.Response, said answers.Problem) *failure.Error {
	scope := failure.IntegrationScope
	code := ""
	detail := ""
	switch answer.Status {
	case http.StatusUnauthorized:
		code = "credentials_rejected"
	case http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		code = "forbidden"
	case http.StatusNotFound:
		code = "target_not_found"
		detail = noRepository
	case http.StatusGone:
		code = "issues_disabled"
	default:
		scope = failure.ItemScope
		code = "rejected"
	}

	return f.fail(failure.Final, scope, code, said.Reason(detail), answer)
}

// writeRefused is for a refusal of a write. It concerns one item, unless the
// table says that it concerns all.
func (f *failures) writeRefused(method string, answer outbound.Response, said answers.Problem) *failure.Error {
	if row, ok := answers.FindRefusal(refusals, method, answer, said, ""); ok {
		return f.fail(failure.Final, failure.IntegrationScope, row.Means, said.Reason(row.Detail), answer)
	}

	code := "rejected"
	if answer.Status == http.StatusForbidden && said.JSON {
		code = "forbidden"
	}

	return f.fail(failure.Final, failure.ItemScope, code, said.Reason(""), answer)
}

// limit gives the wait if an answer is a rate limit, in GitHub's order of
// rules, and whether GitHub told it. A 403 is one only if headers or message
// say so, a 422 only if the message does
// (https://github.com/cli/cli/issues/4801#issuecomment-1029207971).
func (f *failures) limit(answer outbound.Response, said answers.Problem) (wait time.Duration, told, limited bool) {
	if answer.Status == http.StatusUnprocessableEntity && said.Says("was submitted too quickly") {
		return secondaryWait, false, true
	}
	if answer.Status != http.StatusForbidden && answer.Status != http.StatusTooManyRequests {
		return 0, false, false
	}

	if wait, ok := outbound.RetryAfter(answer.Header, f.now()); ok {
		return max(wait, time.Second), true, true
	}

	if strings.TrimSpace(answer.Header.Get("X-Ratelimit-Remaining")) == "0" {
		if wait, ok := f.untilReset(answer.Header); ok {
			return wait, true, true
		}
		return secondaryWait, false, true
	}

	limited = answer.Status == http.StatusTooManyRequests || said.JSON && (said.Says("rate limit") || said.Says("abuse detection"))
	if limited && said.WaitTold {
		return max(said.Wait, time.Second), true, true
	}

	return secondaryWait, false, limited
}

// untilReset is the time until the limit is lifted, by GitHub's clock.
func (f *failures) untilReset(header http.Header) (time.Duration, bool) {
	at, err := strconv.ParseInt(strings.TrimSpace(header.Get("X-Ratelimit-Reset")), 10, 64)
	if err != nil || at <= 0 || at > 1<<40 {
		return 0, false
	}
	return outbound.Until(time.Unix(at, 0), header, f.now()), true
}

// undecided is for a refusal whose reach could not be found out: nothing
// happened, ask again.
func (f *failures) undecided(answer outbound.Response) *failure.Error {
	return f.fail(failure.Retryable, failure.IntegrationScope, "provider_unavailable", "whether the issue or the repository is gone could not be found out", answer)
}

// intercepted is for a foreign answer in place of the answer to a read.
func (f *failures) intercepted(answer outbound.Response, said answers.Problem) *failure.Error {
	code, detail := said.Intercepted("GitHub")
	e := f.fail(failure.Retryable, failure.IntegrationScope, code, detail, answer)
	e.Wait, _ = outbound.RetryAfter(answer.Header, f.now())

	return e
}

// fail is an error about an answer.
func (f *failures) fail(class failure.Class, scope failure.Scope, code, detail string, answer outbound.Response) *failure.Error {
	return &failure.Error{
		Class: class, Scope: scope, Code: code, Detail: f.http.Clean(detail), Status: answer.Status,
		RequestID: f.http.Clean(answer.Header.Get("X-Github-Request-Id")),
	}
}

// endless is for a list longer than any that is walked through.
func (f *failures) endless() *failure.Error {
	return f.fail(failure.Final, failure.IntegrationScope, "list_endless", "the list of issues does not end", outbound.Response{})
}

// noList is for half a list, which must not pass for a whole one: an issue not
// found is made again.
func (f *failures) noList(answer outbound.Response) *failure.Error {
	return f.fail(failure.Retryable, failure.IntegrationScope, paging.Code(answer.StreamError), "GitHub's answer is not a list of issues", answer)
}

// moved is for a link that leads to another issue now.
func (f *failures) moved(answer outbound.Response) *failure.Error {
	return f.fail(failure.Final, failure.ItemScope, "remote_moved", "the issue was moved to another repository", answer)
}

// unnumbered is for a link without the number of an issue: nothing is sent.
func (f *failures) unnumbered() *failure.Error {
	return f.fail(failure.Final, failure.ItemScope, "remote_unknown", "the link does not hold the number of an issue", outbound.Response{})
}

// foreign is the error for an answer of success without proof.
func (f *failures) foreign(method string, answer outbound.Response) *failure.Error {
	e := answers.WithoutProof(method, answer, f.http.Clean)
	e.RequestID = f.http.Clean(answer.Header.Get("X-Github-Request-Id"))

	return e
}
