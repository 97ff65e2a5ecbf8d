package mantisbt

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

func member(t *testing.T, body, name string) string {
	t.Helper()
	var all map[string]json.RawMessage
	var text string
	if err := json.Unmarshal([]byte(body), &all); err != nil {
		t.Fatal(err)
	}

	if err := json.Unmarshal(all[name], &text); err != nil {
		t.Fatal(err)
	}

	return text
}

// The columns of a table of what answers to writes mean.
type meaning struct {
	answer told
	class  failure.Class
	scope  failure.Scope
	code   string
	detail string // a part of it
}

func judge(t *testing.T, name string, want meaning, e *failure.Error) {
	t.Helper()
	if e.Class != want.class || e.Scope != want.scope || e.Code != want.code || e.Status != want.answer.status {
		t.Errorf("%s: %v scope %d %v, want %v scope %d %s", name, e.Class, e.Scope, e, want.class, want.scope, want.code)
	}

	if e.Detail == "" || !strings.Contains(e.Detail, want.detail) || len([]rune(e.Detail)) > 200 {
		t.Errorf("%s: detail %q, want a part %q", name, e.Detail, want.detail)
	}
}

const (
	single, everything = failure.ItemScope, failure.IntegrationScope
	final              = failure.Final
	ambiguous          = failure.Ambiguous
	retryable          = failure.Retryable
)

// B1, B5, B15, B20: what each form of a refused create means.
func TestWhatARefusedCreateMeans(t *testing.T) {
	own := func(status int) told { return pageOf(status, "").with("X-Mantis-Version", "2.28.4") }
	for name, tt := range map[string]meaning{
		"401 on the status line":         {own(401).saying("Valid API token required"), final, everything, "credentials_rejected", "Valid API token required"},
		"401 over HTTP/2":                {own(401), final, everything, "credentials_rejected", "401"},
		"401 JSON":                       {object(401, `{"message":"Valid API token required"}`), final, everything, "credentials_rejected", "Valid API token"},
		"401 of a gateway":               {pageOf(401, blockedPage).with("X-Mantis-Version", ""), final, single, "rejected", `401 text/html "Attention Required!"`},
		"B1: 403 of a firewall":          {pageOf(403, blockedPage), final, single, "rejected", `403 text/html "Attention Required!"`},
		"B1: 406 of a firewall":          {pageOf(406, blockedPage), final, single, "rejected", `406 text/html "Attention Required!"`},
		"403 may not report":             {object(403, `{"message":"User does not have access right to report issues","code":13,"localized":"Access Denied."}`), final, everything, "forbidden", "access right to report issues"},
		"403 another":                    {object(403, `{"message":"Access denied"}`), final, single, "forbidden", "Access denied"},
		"403 without a body":             {told{status: 403}, final, single, "forbidden", "403"},
		"404 no project":                 {object(404, `{"message":"Project '3' doesn't exist","code":700}`), final, everything, "target_not_found", "Project '3' doesn't exist"},
		"404 no project, on the line":    {own(404).saying("Project '3' doesn't exist"), final, everything, "target_not_found", "Project '3' doesn't exist"},
		"404 no category":                {object(404, `{"message":"Category 'General' not found.","code":1502}`), final, everything, "category_not_found", "Category 'General' not found."},
		"404 of a route":                 {object(404, `{"message":"Not found"}`), final, single, "rejected", "Not found"},
		"404 page":                       {pageOf(404, `<title>Not here</title>`), final, single, "rejected", "Not here"},
		"400 no project":                 {object(400, `{"message":"Project not specified","code":11}`), final, everything, "target_not_found", "Project not specified"},
		"400 no category":                {object(400, `{"message":"Category field must be supplied.","code":11}`), final, everything, "category_not_found", "Category field"},
		"B5: 400 a required field":       {object(400, `{"message":"Mandatory field 'Customer' is missing.","code":11,"localized":"A necessary field \"Customer\" was empty."}`), final, everything, "field_required", "Mandatory field 'Customer' is missing."},
		"400 a field called category":    {object(400, `{"message":"Mandatory field 'Category of risk' is missing.","code":11}`), final, everything, "field_required", "Category of risk"},
		"400 a description":              {object(400, `{"message":"Description not specified","code":11}`), final, single, "rejected", "Description not specified"},
		"400 too long":                   {object(400, `{"message":"Long text field \"description\" must be shorter than 65535 characters.","code":28}`), final, single, "rejected", "Long text field"},
		"400 on the status line":         {own(400).saying("Invalid request body or format"), final, single, "rejected", "Invalid request body or format"},
		"B1: 400 a string":               {object(400, `"Bad request"`), final, single, "rejected", "Bad request"},
		"B15: another member":            {object(400, `{"error":{"message":"no good"}}`), final, single, "rejected", "no good"},
		"B1: 422 nothing":                {told{status: 422}, final, single, "rejected", "422"},
		"413 page":                       {pageOf(413, `<title>413 Request Entity Too Large</title>`), final, single, "rejected", "Too Large"},
		"302 of this one":                {told{status: 302}.with("Location", "/blocked"), final, single, "rejected", "302"},
		"429":                            {object(429, `{"message":"Hit rate limit threshold","code":27}`), retryable, everything, "rate_limited", "Hit rate limit"},
		"429 page":                       {pageOf(429, `<title>Slow down</title>`), retryable, everything, "rate_limited", "Slow down"},
		"B20: 500 nothing":               {told{status: 500}, ambiguous, single, "no_answer", "500"},
		"B20: 500 that did create":       {pageOf(500, "SQL Statement failed on preparation: INSERT INTO bug_history"), ambiguous, single, "no_answer", "SQL Statement failed"},
		"502 page":                       {pageOf(502, `<title>502 Bad Gateway</title>`), ambiguous, single, "no_answer", "502 Bad Gateway"},
		"503 offline":                    {own(503).saying("Mantis Offline"), retryable, everything, "provider_unavailable", "Mantis Offline"},
		"503 nothing":                    {told{status: 503}, ambiguous, single, "no_answer", "503"},
		"the token's words in the reply": {object(400, `{"message":"you sent `+token+`"}`), final, single, "rejected", "you sent"},
	} {
		f, c := start(t, nil)
		f.login = "api-token"
		f.routes(map[string]told{"POST /issues": tt.answer})
		_, err := c.Create(t.Context(), connector.Content{Title: "T", Body: "B"}, marker)
		judge(t, name, tt, failureOf(t, err))
		if n := writes(f.take()); n != 1 {
			t.Errorf("%s: %d writes", name, n)
		}
	}
}

// B1, B2, B3: what each form of a refused change means.
func TestWhatARefusedUpdateMeans(t *testing.T) {
	own := func(status int) told { return pageOf(status, "").with("X-Mantis-Version", "2.28.4") }
	for name, tt := range map[string]meaning{
		"401 on the status line":  {own(401).saying("Valid API token required"), final, everything, "credentials_rejected", "Valid API token required"},
		"401 of a gateway":        {pageOf(401, blockedPage).with("X-Mantis-Version", ""), final, single, "rejected", `401 text/html "Attention Required!"`},
		"B1: 403 of a firewall":   {pageOf(403, blockedPage), final, single, "rejected", `403 text/html "Attention Required!"`},
		"B1: 406 of a firewall":   {pageOf(406, blockedPage), final, single, "rejected", `406 text/html "Attention Required!"`},
		"B2: a note":              {object(403, `{"message":"Access denied for user updater. Reason: Not allowed to update note 4."}`), final, single, "forbidden", "Not allowed to update note 4."},
		"B3: the status":          {object(403, `{"message":"Access denied for user updater. Reason: Not allowed to change Issue status."}`), final, single, "forbidden", "Not allowed to change Issue status."},
		"403 may not update":      {object(403, `{"message":"Access denied for user reporter. Reason: Not enough rights to update issues."}`), final, everything, "forbidden", "Not enough rights to update issues."},
		"403 another":             {object(403, `{"message":"Access denied for user updater."}`), final, single, "forbidden", "Access denied for user updater."},
		"403 without a body":      {told{status: 403}, final, single, "forbidden", "403"},
		"403 read-only":           {object(403, `{"message":"Issue '7' is readonly"}`), final, single, "remote_readonly", "Issue '7' is readonly"},
		"404":                     {object(404, `{"message":"Issue #7 not found","code":1100}`), final, single, "remote_deleted", "Issue #7 not found"},
		"404 page":                {pageOf(404, `<title>Not here</title>`), final, single, "rejected", "Not here"},
		"412":                     {told{status: 412}, retryable, single, "changed_meanwhile", "412"},
		"400 without a category":  {object(400, `{"message":"Category field must be supplied.","code":11}`), final, single, "rejected", "Category field must be supplied."},
		"400 open children":       {object(400, `{"message":"Unresolved child issues."}`), final, single, "rejected", "Unresolved child issues."},
		"B1: 400 a string":        {object(400, `"Bad request"`), final, single, "rejected", "Bad request"},
		"B1: 422 nothing":         {told{status: 422}, final, single, "rejected", "422"},
		"302 of this one":         {told{status: 302}.with("Location", "/blocked"), final, single, "rejected", "302"},
		"B20: 500 nothing":        {told{status: 500}, ambiguous, single, "no_answer", "500"},
		"502 page":                {pageOf(502, `<title>502 Bad Gateway</title>`), ambiguous, single, "no_answer", "502 Bad Gateway"},
		"503 API off":             {own(503).saying("API disabled"), retryable, everything, "provider_unavailable", "API disabled"},
		"503 announced":           {told{status: 503}.with("Retry-After", "30"), retryable, everything, "provider_unavailable", "503"},
		"an answer with no words": {object(400, `{}`), final, single, "rejected", "400"},
	} {
		f, c := start(t, nil)
		f.login = "api-token"
		f.routes(map[string]told{
			"GET /issues/7": object(200, listOf(issueOf(7, 10, markerLine(marker)))).with("ETag", "abc"), "GET /issues": object(200, listOf()), "PATCH": tt.answer,
		})
		_, err := c.Update(t.Context(), linked, connector.Content{Title: "T", Body: "B", State: domain.Open}, marker)
		judge(t, name, tt, failureOf(t, err))
		if n := writes(f.take()); n != 1 {
			t.Errorf("%s: %d writes", name, n)
		}
	}
}

// B1: a page in place of the answer to a read is an outage, not a refusal.
func TestReadsOfForeignPages(t *testing.T) {
	for name, tt := range map[string]meaning{
		"403 of a firewall":      {pageOf(403, blockedPage), retryable, everything, "provider_unavailable", "Attention Required!"},
		"401 of a gateway":       {pageOf(401, loginPage), retryable, everything, "session_expired", "Login"},
		"406":                    {pageOf(406, blockedPage), retryable, everything, "provider_unavailable", "Attention Required!"},
		"407":                    {pageOf(407, blockedPage), retryable, everything, "provider_unavailable", "Attention Required!"},
		"502":                    {pageOf(502, blockedPage), retryable, everything, "provider_unavailable", "Attention Required!"},
		"200 login page":         {pageOf(200, loginPage), retryable, everything, "session_expired", "Login"},
		"200 PHP's error":        {pageOf(200, fatal), retryable, everything, "foreign_answer", "Fatal error"},
		"204":                    {told{status: 204}, retryable, everything, "foreign_answer", "204"},
		"403 JSON":               {object(403, `{"message":"Access denied"}`), final, everything, "forbidden", "Access denied"},
		"404 MantisBT's own":     {pageOf(404, ``).saying("Project '3' doesn't exist"), final, everything, "target_not_found", "Project '3' doesn't exist"},
		"404 page":               {pageOf(404, `<title>Not here</title>`), retryable, everything, "provider_unavailable", "Not here"},
		"404 text of a gateway":  {told{status: 404, body: "default backend - 404"}, retryable, everything, "provider_unavailable", "default backend"},
		"401 text of a gateway":  {told{status: 401, body: "Jwt is missing"}, retryable, everything, "provider_unavailable", "Jwt is missing"},
		"401 MantisBT's own":     {pageOf(401, ``).saying("Valid API token required"), final, everything, "credentials_rejected", "Valid API token required"},
		"redirect":               {told{status: 302}.with("Location", "https://evil.test/"), final, everything, "target_moved", "base_url"},
		"429":                    {told{status: 429}, retryable, everything, "rate_limited", "429"},
		"400 without a body":     {told{status: 400}, retryable, everything, "provider_unavailable", "400"},
		"503 offline, by HTTP/2": {told{status: 503}, retryable, everything, "provider_unavailable", "503"},
	} {
		f, c := start(t, nil)
		tt.answer = tt.answer.with("X-Mantis-Version", "")
		tt.answer.header.Del("X-Mantis-Version")
		f.bare = true
		f.routes(map[string]told{"GET": tt.answer})
		_, _, err := c.Changes(t.Context(), now, 0)
		judge(t, name, tt, failureOf(t, err))
		if _, err := c.Find(t.Context(), now.Add(-time.Hour), []connector.Marker{marker}); err == nil {
			t.Errorf("%s: Find takes it for an answer", name)
		}
	}
}

// Where the question whose token it is shows that all is lost, the refusal of a
// write concerns all items.
func TestARefusalThatConcernsTheServer(t *testing.T) {
	for name, tt := range map[string]struct {
		refusal, probe told
		class          failure.Class
		code           string // "": the item's
	}{
		"sent on, all of it":          {told{status: 302}, told{status: 302}, final, "target_moved"},
		"sent on, this one":           {told{status: 302}, object(200, me), final, ""},
		"the token ends":              {object(403, `{"message":"Access denied for user x."}`), pageOf(401, "").with("X-Mantis-Version", "2.28.4").saying("Valid API token required"), final, "credentials_rejected"},
		"B20: the user was disabled":  {pageOf(403, "").with("X-Mantis-Version", "2.28.4").saying("Access denied"), pageOf(403, "").with("X-Mantis-Version", "2.28.4").saying("Access denied"), final, "credentials_rejected"},
		"forbidden, and known":        {object(403, `{"message":"Access denied for user x."}`), object(200, me), final, ""},
		"forbidden, and an outage":    {object(403, `{"message":"Access denied for user x."}`), told{status: 502}, final, ""},
		"forbidden, and a page":       {object(403, `{"message":"Access denied for user x."}`), pageOf(403, blockedPage), final, ""},
		"a firewall, and it is known": {pageOf(403, blockedPage), object(200, me), final, ""},
	} {
		f, c := start(t, nil)
		f.users = func(w http.ResponseWriter, _ *http.Request) { tt.probe.send(w) }
		f.routes(map[string]told{"POST": tt.refusal})
		_, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker)
		scope := everything
		if tt.code == "" {
			scope = single
		}

		if e := failureOf(t, err); e.Class != tt.class || e.Scope != scope || tt.code != "" && e.Code != tt.code || e.Detail == "" {
			t.Errorf("%s: %v scope %d %v", name, e.Class, e.Scope, e)
		}
	}
}

// FuzzRefusal: an answer of any form has a reason.
func FuzzRefusal(f *testing.F) {
	f.Add(400, []byte(`{"message":"Mandatory field 'Customer' is missing.","code":11}`), "")
	f.Add(403, []byte(``), "Access denied")
	f.Add(200, []byte(`{"issues":[{"status_code":403,"fault_string":"x"}]}`), "")
	f.Add(201, []byte(`{"issue":{"id":7}}`+warning), "")
	c := New(Config{BaseURL: base, Token: token}, outbound.New(outbound.Config{Secrets: []string{token}}), nil)
	f.Fuzz(func(t *testing.T, status int, body []byte, reason string) {
		status = 200 + max(status, -status)%400
		if status < 200 {
			return
		}

		answer := outbound.Response{Status: status, Reason: reason, Header: http.Header{}, Body: body}
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch} {
			if e := c.client.classifier.refused(method, answer); e.Detail == "" || e.Code == "" || e.Class == 0 || e.Scope == 0 {
				t.Errorf("%s %d %q: %v", method, status, body, e)
			}
		}
	})
}

// docs/guides/mantisbt.md shows the answers that count at once.
func TestThePageShowsTheTable(t *testing.T) { connectortest.Refusals(t, "mantisbt", refusals) }

// A reason never shows the text of an issue that an answer of success holds: it
// may be one that not everybody may read.
func TestReasonsShowNoIssue(t *testing.T) {
	foreign := issueOf(8, 10, "")
	foreign.Summary = "Confidential"
	foreign.Description = "Confidential too"
	f, c := start(t, nil)
	f.routes(map[string]told{
		"POST": object(200, made(foreign)), "PATCH": object(200, listOf(foreign)), "GET /issues/7": object(200, listOf(issueOf(7, 10, ""))),
		"GET": object(200, `{"issues":[`+text(foreign)+`,{"id":0}]}`),
	})
	for _, do := range []func() error{
		func() error { _, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker); return err },
		func() error {
			_, err := c.Update(t.Context(), linked, connector.Content{Title: "U", State: domain.Open}, marker)
			return err
		},
		func() error { _, _, err := c.Changes(t.Context(), now, 0); return err },
	} {
		if e := failureOf(t, do()); strings.Contains(e.Detail, "Confidential") || !strings.Contains(e.Detail, "200 application/json") {
			t.Errorf("%q", e.Detail)
		}
	}
}

// FuzzNotices: what is cut off behind an answer is never part of its JSON.
func FuzzNotices(f *testing.F) {
	for _, behind := range []string{deprecated, warning, fatal, "", "}", "\n\n", "<br />\nNotice: x } in a on line 3\n"} {
		f.Add([]byte(`{"issues":[]}` + behind))
		f.Add([]byte(behind + `{"issue":{"id":7}}` + behind))
	}

	f.Fuzz(func(t *testing.T, body []byte) {
		left := withoutNotices(body)
		if !strings.HasPrefix(string(body), string(left)) || json.Valid(body) && len(left) != len(strings.TrimSpace(string(body))) && len(left) != len(body) {
			t.Errorf("%q is left of %q", left, body)
		}

		if cut := body[len(left):]; strings.Contains(strings.ToLower(string(cut)), "error</b>:") && !strings.Contains(string(cut), "on line") {
			t.Errorf("%q was cut off", cut)
		}

		if object := objectIn(body); object != nil && !json.Valid(object) {
			t.Errorf("%q is no JSON", object)
		}

		_, _ = faultIn(outbound.Response{Status: 200, Body: body})
	})
}
