package proof

import (
	"testing"

	"example.com/integrations/shared/connector"
)

// B9: what an answer of success without proof comes to.
func TestForeign(t *testing.T) {
	clean := func(text string) string { return text }
	for _, tt := range []struct {
		method, media, body string
		class               connector.Class
		scope               connector.Scope
		code, detail        string
	}{
		{"PUT", "text/html", "<title>Log in</title>", connector.Ambiguous, connector.ItemScope, "session_expired", `200 text/html "Log in"`},
		{"POST", "text/html", "<title>We are back soon</title>", connector.Ambiguous, connector.ItemScope, "foreign_answer", `200 text/html "We are back soon"`},
		{"GET", "text/html", "<title>Log in</title>", connector.Retryable, connector.IntegrationScope, "session_expired", `200 text/html "Log in"`},
		{"GET", "", "", connector.Retryable, connector.IntegrationScope, "foreign_answer", "200 without a body"},
	} {
		e := Foreign(tt.method, answer(200, tt.media, tt.body), clean)
		if e.Class != tt.class || e.Scope != tt.scope || e.Code != tt.code || e.Detail != tt.detail || e.Status != 200 {
			t.Errorf("%s %s: %+v", tt.method, tt.body, e)
		}
	}
}
