package gitlab

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/outbound"
)

// untoldWait is how long GitLab is left alone at least when it does not say
// how long: its application limits count by the minute.
const untoldWait = time.Minute

// failures turns answers of GitLab into errors.
type failures struct {
	http *outbound.Client
	now  func() time.Time
}

// refused says what an answer without success means. Refusals of a write belong
// to writeRefused, refusals about one issue to issueRefused.
func (f *failures) refused(method string, answer outbound.Response) *failure.Error {
	if answer.Success() {
		return f.foreign(method, answer)
	}

	said := answers.Read(answer, f.http.Clean)
	if answer.Status == http.StatusTooManyRequests {
		e := f.fail(failure.Retryable, failure.IntegrationScope, "rate_limited", said.Reason(""), answer)
		e.Wait, e.NoRetryAfter = f.limit(answer.Header, said)
		return e
	}

	class := outbound.Classify(method, answer.Status, answer.Header)
	switch {
	case answer.Status >= 300 && answer.Status < 400:
		return f.fail(class, failure.IntegrationScope, "target_moved", "the server sends on to another address: the project was renamed or moved, or base_url is not GitLab's own", answer)
	case class == failure.Ambiguous:
		return f.fail(class, failure.ItemScope, "no_answer", said.Reason(""), answer)
	case class == failure.Retryable:
		e := f.fail(class, failure.IntegrationScope, "provider_unavailable", said.Reason(""), answer)
		e.Wait, _ = outbound.RetryAfter(answer.Header, f.now())
		return e
	case method == http.MethodGet:
		return f.readRefused(answer, said)
	}

	return f.rejected(method, answer, said)
}

// readRefused is for a refusal of a read. It concerns the project. One that is
// not GitLab's own is an outage.
func (f *failures) readRefused(answer outbound.Response, said answers.Problem) *failure.Error {
	if said.Foreign(answer, false) {
		return f.intercepted(answer, said)
	}

	return f.readVerdict(answer, said)
}

// readVerdict is what the status of a refused read says about the project.
func (f *failures) readVerdict(answer outbound.Response, said answers.Problem) *failure.Error {
	scope := failure.IntegrationScope
	code := ""
	detail := ""
	switch answer.Status {
	case http.StatusUnauthorized:
		code = "credentials_rejected"
	case http.StatusForbidden:
		code = "forbidden"
		if said.Member("error") == "insufficient_scope" {
			detail = noScope
		}

	case http.StatusNotFound:
		code = "target_not_found"
		detail = noProject
	default:
		scope = failure.ItemScope
		code = "rejected"
	}

	return f.fail(failure.Final, scope, code, said.Reason(detail), answer)
}

// rejected is for a refusal of a write. It concerns one item, unless the table
// says that it concerns all.
func (f *failures) rejected(method string, answer outbound.Response, said answers.Problem) *failure.Error {
	if row, ok := answers.FindRefusal(refusals, method, answer, said, said.Member("error")); ok {
		return f.fail(failure.Final, failure.IntegrationScope, row.Means, said.Reason(row.Detail), answer)
	}

	code := "rejected"
	detail := ""
	switch {
	case answer.Status == http.StatusForbidden && said.JSON:
		code = "forbidden"
	case said.Member("needs_captcha_response") == "true":
		code = "captcha_required"
		detail = "GitLab takes the issue for spam and wants a person to solve a captcha"
	}

	return f.fail(failure.Final, failure.ItemScope, code, said.Reason(detail), answer)
}

// limit gives the wait a 429 asks for, in its header or its body, and whether
// GitLab left it to us: only the limits in front of it tell, those of the
// application do not.
func (f *failures) limit(header http.Header, said answers.Problem) (wait time.Duration, untold bool) {
	if wait, ok := outbound.RetryAfter(header, f.now()); ok {
		return max(wait, time.Second), false
	}

	at, err := strconv.ParseInt(strings.TrimSpace(header.Get("Ratelimit-Reset")), 10, 64)
	if err != nil || at <= 0 || at > 1<<40 || strings.TrimSpace(header.Get("Ratelimit-Remaining")) != "0" {
		if said.WaitTold {
			return max(said.Wait, time.Second), false
		}
		return untoldWait, true
	}

	return outbound.Until(time.Unix(at, 0), header, f.now()), false
}

// undecided is for a refusal whose reach could not be found out: nothing
// happened, ask again.
func (f *failures) undecided(answer outbound.Response) *failure.Error {
	return f.fail(failure.Retryable, failure.IntegrationScope, "provider_unavailable", "whether the issue or the project is gone could not be found out", answer)
}

// intercepted is for a foreign answer in place of the answer to a read.
func (f *failures) intercepted(answer outbound.Response, said answers.Problem) *failure.Error {
	code, detail := said.Intercepted("GitLab")
	e := f.fail(failure.Retryable, failure.IntegrationScope, code, detail, answer)
	e.Wait, _ = outbound.RetryAfter(answer.Header, f.now())

	return e
}

// fail is an error about an answer.
func (f *failures) fail(class failure.Class, scope failure.Scope, code, detail string, answer outbound.Response) *failure.Error {
	return &failure.Error{
		Class: class, Scope: scope, Code: code, Detail: f.http.Clean(detail), Status: answer.Status,
		RequestID: f.http.Clean(cmp.Or(answer.Header.Get("X-Request-Id"), answer.Header.Get("Cf-Ray"))),
	}
}

// stuck is for an empty page that says that others follow.
func (f *failures) stuck() *failure.Error {
	return f.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "GitLab's list says that more follows, and gives nothing", outbound.Response{})
}

// endless is for a list longer than any that is walked through.
func (f *failures) endless() *failure.Error {
	return f.fail(failure.Final, failure.IntegrationScope, "list_endless", "the list of issues does not end", outbound.Response{})
}

// noList is for half a list, which must not pass for a whole one: an issue not
// found is made again.
func (f *failures) noList(answer outbound.Response) *failure.Error {
	return f.fail(failure.Retryable, failure.IntegrationScope, paging.Code(answer.StreamError), "GitLab's answer is not a list of issues", answer)
}

// unnumbered is for a link without the number of an issue: nothing is sent.
func (f *failures) unnumbered() *failure.Error {
	return f.fail(failure.Final, failure.ItemScope, "remote_unknown", "the link does not hold the number of an issue", outbound.Response{})
}

// foreign is the error for an answer of success without proof.
func (f *failures) foreign(method string, answer outbound.Response) *failure.Error {
	e := answers.WithoutProof(method, answer, f.http.Clean)
	e.RequestID = f.http.Clean(cmp.Or(answer.Header.Get("X-Request-Id"), answer.Header.Get("Cf-Ray")))

	return e
}

// moved is for a link that leads to another issue now.
func (f *failures) moved(answer outbound.Response) *failure.Error {
	return f.fail(failure.Final, failure.ItemScope, "remote_moved", "the issue was moved to another project", answer)
}
