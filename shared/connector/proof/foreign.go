package proof

import (
	"net/http"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/problem"
	"example.com/integrations/shared/outbound"
)

// Foreign is the error for an answer of success without proof. A write may have
// been done, so it is ambiguous. A read changed nothing: the whole integration
// waits and asks again. The code is session_expired where the body asks a
// person to log in, else foreign_answer. Clean is outbound.Client.Clean.
func Foreign(method string, answer outbound.Response, clean func(string) string) *connector.Error {
	p := problem.Read(answer, clean)
	e := &connector.Error{
		Class: connector.Ambiguous, Scope: connector.ItemScope, Code: p.ForeignCode(), Detail: clean(p.Summary), Status: answer.Status,
	}
	if method == http.MethodGet {
		e.Class = connector.Retryable
		e.Scope = connector.IntegrationScope
	}

	return e
}
