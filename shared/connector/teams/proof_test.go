package teams

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
)

const page = `<!DOCTYPE html><html><head><title>Attention Required!</title></head><body>x</body></html>`

// B1, B9, B15: what each answer to a post comes to.
func TestRefusalsOfWrites(t *testing.T) {
	const integration, item = failure.IntegrationScope, failure.ItemScope
	f, c := start(t, false)
	for name, tt := range map[string]struct {
		status int
		media  string
		body   string
		class  failure.Class
		scope  failure.Scope
		code   string
		wait   time.Duration
		detail string
	}{
		"firewall":         {403, "text/html", page, failure.Final, item, "rejected", 0, `403 text/html "Attention Required!"`},
		"proxy's 401":      {401, "text/html", page, failure.Final, item, "rejected", 0, `401 text/html "Attention Required!"`},
		"proxy's 404":      {404, "text/html", page, failure.Final, item, "rejected", 0, `404 text/html "Attention Required!"`},
		"sign-in wanted":   {401, "application/json", `{"error":{"code":"DirectApiAuthorizationRequired","message":"The request must be authenticated"}}`, failure.Final, integration, "credentials_rejected", 0, "DirectApiAuthorizationRequired: The request must be authenticated"},
		"not for anyone":   {403, "application/json", `{"error":{"code":"AuthorizationFailed","message":"x"}}`, failure.Final, integration, "forbidden", 0, "AuthorizationFailed: x"},
		"deleted":          {404, "application/json", `{"error":{"code":"WorkflowNotFound","message":"x"}}`, failure.Final, integration, "target_not_found", 0, "WorkflowNotFound: x"},
		"switched off":     {400, "application/json", `{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"x"}}`, failure.Final, integration, "target_not_found", 0, "switched off"},
		"other payload":    {400, "application/json", `{"error":{"code":"TriggerInputSchemaMismatch","message":"x"}}`, failure.Final, integration, "payload_refused", 0, "change payload"},
		"about the object": {403, "application/json", `{"error":{"code":"CardBlocked","message":"no"}}`, failure.Final, item, "forbidden", 0, "CardBlocked: no"},
		"no body":          {422, "", ``, failure.Final, item, "rejected", 0, "422 without a body"},
		"string":           {400, "application/json", `"Problems"`, failure.Final, item, "rejected", 0, `400 application/json "Problems"`},
		"not acceptable":   {406, "text/html", `<title>Not Acceptable!</title>`, failure.Final, item, "rejected", 0, `406 text/html "Not Acceptable!"`},
		"too large":        {413, "text/html", `<title>413 Request Entity Too Large</title>`, failure.Final, item, "rejected", 0, "Request Entity Too Large"},
		"wait in words":    {429, "application/json", `{"statusCode":429,"message":"Rate limit is exceeded. Try again in 17 seconds."}`, failure.Retryable, integration, "rate_limited", 17 * time.Second, "Try again in 17 seconds"},
		"wait as text":     {429, "text/plain", `Rate limit is exceeded. Try again in 17 seconds.`, failure.Retryable, integration, "rate_limited", 17 * time.Second, "429 text/plain"},
		"passed on":        {200, "text/plain", `Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413 with ContextId x`, failure.Final, item, "rejected", 0, "HTTP error 413"},
		"passed on by 202": {202, "text/plain", `Microsoft Teams endpoint returned HTTP error 429`, failure.Retryable, integration, "rate_limited", time.Minute, "HTTP error 429"},
		"login page":       {200, "text/html", `<title>Sign in to your account</title>`, failure.Ambiguous, item, "session_expired", 0, "Sign in to your account"},
		"JSON with 202":    {202, "application/json", `{"error":{"code":"X"}}`, failure.Ambiguous, item, "foreign_answer", 0, `202 application/json "X"`},
		"204":              {204, "", ``, failure.Ambiguous, item, "foreign_answer", 0, "204 without a body"},
	} {
		f.status = tt.status
		f.header = http.Header{"Content-Type": {tt.media}}
		f.body = tt.body
		for what, err := range map[string]error{
			"create": second(c.Create(t.Context(), content, marker)),
			"digest": second(c.Digest(t.Context(), connector.Digest{New: 1}, marker)),
		} {
			e := failureOf(t, err)
			if e.Class != tt.class || e.Scope != tt.scope || e.Code != tt.code || e.Wait != tt.wait || !strings.Contains(e.Detail, tt.detail) || e.RequestID != "RUN1" {
				t.Errorf("%s: %s: %s scope %d wait %s %v", name, what, e.Class, e.Scope, e.Wait, e)
			}
		}
	}
}

// The provider's page shows the table of refusals.
func TestPageShowsTheRefusals(t *testing.T) { connectortest.Refusals(t, "teams", refusals) }
