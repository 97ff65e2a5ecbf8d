package proof

import (
	"testing"

	"example.com/integrations/shared/connector/failure"
)

// B9: what an answer of success without proof comes to.
func TestForeign(t *testing.T) {
	clean := func(text string) string { return text }
	for _, tt := range []struct {
		method, media, body string
		class               failure.Class
		scope               failure.Scope
		code, detail        string
	}{
		{"PUT", "text/html", "<title>Log in</title>", failure.Ambiguous, failure.ItemScope, "session_expired", `200 text/html "Log in"`},
		{"POST", "text/html", "<title>We are back soon</title>", failure.Ambiguous, failure.ItemScope, "foreign_answer", `200 text/html "We are back soon"`},
		{"GET", "text/html", "<title>Log in</title>", failure.Retryable, failure.IntegrationScope, "session_expired", `200 text/html "Log in"`},
		{"GET", "", "", failure.Retryable, failure.IntegrationScope, "foreign_answer", "200 without a body"},
	} {
		e := Foreign(tt.method, answer(200, tt.media, tt.body), clean)
		if e.Class != tt.class || e.Scope != tt.scope || e.Code != tt.code || e.Detail != tt.detail || e.Status != 200 {
			t.Errorf("%s %s: %+v", tt.method, tt.body, e)
		}
	}
}
