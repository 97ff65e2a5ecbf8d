package proof

import (
	"net/http"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/problem"
	"example.com/integrations/shared/outbound"
)

// Foreign is the error for an answer of success without proof. A write may have
// been done, so it is ambiguous. A read changed nothing: the whole integration
// waits and asks again. The code is session_expired where the body asks a
// person to log in, else foreign_answer. Clean is outbound.Client.Clean.
func Foreign(method string, answer outbound.Response, clean func(string) string) *failure.Error {
	p := problem.Read(answer, clean)
	e := &failure.Error{
		Class: failure.Ambiguous, Scope: failure.ItemScope, Code: p.ForeignCode(), Detail: clean(p.Summary), Status: answer.Status,
	}
	if method == http.MethodGet {
		e.Class = failure.Retryable
		e.Scope = failure.IntegrationScope
	}

	return e
}
