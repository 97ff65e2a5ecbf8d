package jira

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

// The columns of a table of what answers to writes mean.
type meaning struct {
	answer told
	class  failure.Class
	scope  failure.Scope
	code   string
	detail string // a part of it
}

// B1, B5, B15: what each form of a refused create means. The rights are there,
// so that nothing but the answer itself can say that the whole project is
// concerned.
func TestWhatARefusedCreateMeans(t *testing.T) {
	const item, whole = failure.ItemScope, failure.IntegrationScope
	const final, ambiguous, retryable = failure.Final, failure.Ambiguous, failure.Retryable
	screen := `{"fields":[{"fieldId":"summary","name":"Summary"},{"fieldId":"labels","name":"Labels"},{"fieldId":"description"},{"fieldId":"customfield_1","name":"Customer","required":true}],"total":4}`
	for name, tt := range map[string]meaning{
		"401 JSON":                       {object(401, `{"message":"Client must be authenticated"}`), final, whole, "credentials_rejected", "Client must be"},
		"401 as Jira's page":             {pageOf(401, `<html><title>Unauthorized (401)</title>`).with("X-Seraph-LoginReason", "AUTHENTICATED_FAILED"), final, whole, "credentials_rejected", "Unauthorized (401)"},
		"401 with a challenge":           {pageOf(401, `<html><title>Unauthorized</title>`).with("WWW-Authenticate", `OAuth realm="https%3A%2F%2Fjira"`), final, whole, "credentials_rejected", "Unauthorized"},
		"401 as text":                    {told{401, http.Header{"Content-Type": {"text/plain"}}, "Client must be authenticated to access this resource."}, final, whole, "credentials_rejected", "Client must be"},
		"401 of a gateway":               {pageOf(401, blockedPage), final, item, "rejected", `401 text/html "Attention Required!"`},
		"B1: 403 of a firewall":          {pageOf(403, blockedPage), final, item, "rejected", `403 text/html "Attention Required!"`},
		"B1: 406 of a firewall":          {pageOf(406, blockedPage), final, item, "rejected", `406 text/html "Attention Required!"`},
		"403 page to an anonymous":       {pageOf(403, loginPage).with("X-AUSERNAME", "anonymous"), final, whole, "credentials_rejected", "Log in"},
		"403 JSON about the issue":       {object(403, `{"errorMessages":["You cannot do this here."]}`), final, item, "forbidden", "You cannot do this here."},
		"403 without a body":             {nothing(403), final, item, "forbidden", "403"},
		"404 JSON":                       {object(404, `{"errorMessages":["no"]}`), final, item, "rejected", "no"},
		"404 page":                       {pageOf(404, `<title>Not here</title>`), final, item, "rejected", "Not here"},
		"410 JSON":                       {object(410, `{"errorMessages":["removed"]}`), final, whole, "api_removed", "removed"},
		"410 page":                       {pageOf(410, `<title>Gone</title>`), final, item, "rejected", "Gone"},
		"302 of this one":                {nothing(302).with("Location", "/blocked"), final, item, "rejected", "302"},
		"409":                            {object(409, `{"errorMessages":["changed"]}`), final, item, "conflict", "changed"},
		"B1: 400 a string":               {object(400, `"Bad request"`), final, item, "rejected", "Bad request"},
		"400 text":                       {told{400, http.Header{"Content-Type": {"text/plain"}}, "Bad request"}, final, item, "rejected", "Bad request"},
		"400 nothing":                    {nothing(400), final, item, "rejected", "400"},
		"B1: 422 nothing":                {nothing(422), final, item, "rejected", "422"},
		"413 page":                       {pageOf(413, `<title>413 Request Entity Too Large</title>`), final, item, "rejected", "413 Request Entity Too Large"},
		"415 JSON":                       {object(415, `{"message":"Unsupported Media Type"}`), final, item, "rejected", "Unsupported Media Type"},
		"B15: errors as a string":        {object(400, `{"errors":"no good"}`), final, item, "rejected", "no good"},
		"B15: messages by field":         {object(400, `{"message":{"base":["no good"]}}`), final, item, "rejected", "no good"},
		"400 too long":                   {object(400, `{"errors":{"description":"The entered text is too long."}}`), final, item, "rejected", "too long"},
		"400 project":                    {object(400, `{"errors":{"project":"valid project is required"}}`), final, whole, "target_not_found", "valid project"},
		"400 type":                       {object(400, `{"errors":{"issuetype":"The issue type selected is invalid."}}`), final, whole, "issue_type_unknown", "issue type selected"},
		"B5: 400 a required field":       {object(400, `{"errors":{"customfield_1":"Customer is required."}}`), final, whole, "field_required", "Customer (customfield_1)"},
		"B5: 400 the reporter":           {object(400, `{"errors":{"reporter":"Reporter is required."}}`), final, whole, "field_required", "eporter"},
		"400 a summary":                  {object(400, `{"errors":{"summary":"Nein."}}`), final, item, "rejected", "summary: Nein."},
		"400 a label":                    {object(400, `{"errors":{"labels":"The label 'x y' contains spaces which is invalid."}}`), final, item, "rejected", "contains spaces"},
		"500 JSON":                       {object(500, `{"errorMessages":["oops"]}`), ambiguous, item, "no_answer", "oops"},
		"502 page":                       {pageOf(502, `<title>502 Bad Gateway</title>`), ambiguous, item, "no_answer", "502 Bad Gateway"},
		"503 nothing":                    {nothing(503), ambiguous, item, "no_answer", "503"},
		"503 announced":                  {nothing(503).with("Retry-After", "30"), retryable, whole, "provider_unavailable", "503"},
		"429":                            {nothing(429), retryable, whole, "rate_limited", "429"},
		"200 page":                       {pageOf(200, blockedPage), ambiguous, item, "foreign_answer", `200 text/html "Attention Required!"`},
		"200 nothing":                    {nothing(200), ambiguous, item, "foreign_answer", "200"},
		"the token's words in the reply": {object(400, `{"errorMessages":["you sent `+token+`"]}`), final, item, "rejected", "you sent"},
	} {
		each(t, func(t *testing.T, flavor string) {
			f, c := start(t, flavor)
			f.routes(map[string]told{
				"POST /issue": tt.answer, "GET /mypermissions": object(200, allRights),
				"GET /issuetypes": object(200, `{"issueTypes":[{"id":"10001","name":"Task"}],"total":1}`), "GET /issuetypes/10001": object(200, screen),
			})
			_, err := c.Create(t.Context(), connector.Content{Title: "T", Body: text(flavor, "B")}, marker)
			judge(t, name, tt, failureOf(t, err))
			if n := writes(f.take()); n != 1 {
				t.Errorf("%s: %d writes", name, n)
			}
		})
	}
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

// B1: what each form of a refused edit and transition means.
func TestWhatARefusedUpdateMeans(t *testing.T) {
	const item, whole = failure.ItemScope, failure.IntegrationScope
	const final, ambiguous = failure.Final, failure.Ambiguous
	for name, tt := range map[string]meaning{
		"401 JSON":              {object(401, `{"message":"Client must be authenticated"}`), final, whole, "credentials_rejected", "Client must be"},
		"401 of a gateway":      {pageOf(401, blockedPage), final, item, "rejected", `401 text/html "Attention Required!"`},
		"B1: 403 of a firewall": {pageOf(403, blockedPage), final, item, "rejected", `403 text/html "Attention Required!"`},
		"B1: 406 of a firewall": {pageOf(406, blockedPage), final, item, "rejected", `406 text/html "Attention Required!"`},
		"403 JSON":              {object(403, `{"errorMessages":["No right to this issue."]}`), final, item, "forbidden", "No right to this issue."},
		"404 JSON":              {object(404, `{"errorMessages":["Issue does not exist"]}`), final, item, "remote_deleted", "Issue does not exist"},
		"404 page":              {pageOf(404, `<title>Not here</title>`), final, item, "rejected", "Not here"},
		"302 of this one":       {nothing(302).with("Location", "/blocked"), final, item, "rejected", "302"},
		"409":                   {object(409, `{"errorMessages":["changed"]}`), final, item, "conflict", "changed"},
		"B1: 400 a string":      {object(400, `"Bad request"`), final, item, "", "Bad request"},
		"B1: 422 nothing":       {nothing(422), final, item, "rejected", "422"},
		"413 page":              {pageOf(413, `<title>Too Large</title>`), final, item, "rejected", "Too Large"},
		"500 nothing":           {nothing(500), ambiguous, item, "no_answer", "500"},
		"502 page":              {pageOf(502, `<title>502 Bad Gateway</title>`), ambiguous, item, "no_answer", "502 Bad Gateway"},
	} {
		for what, code := range map[string]string{"edit": "rejected", "close": "cannot_close"} {
			each(t, func(t *testing.T, flavor string) {
				want := tt
				if want.code == "" {
					want.code = code
				}

				f, c := start(t, flavor)
				content := connector.Content{Title: "T", Body: text(flavor, "B"), State: domain.Open}
				answers := map[string]told{
					"PUT": nothing(204), "POST": tt.answer, "GET /issue/9007": object(200, asSent(c, "new", content)),
					"GET /transitions": object(200, wayDone), "GET /mypermissions": object(200, allRights),
				}
				if what == "edit" {
					answers["PUT"] = tt.answer
				} else {
					content.State = domain.Closed
				}

				f.routes(answers)
				_, err := c.Update(t.Context(), linked, content, marker)
				judge(t, what+" "+name, want, failureOf(t, err))
				// Without the wish for silence an edit may be sent once more.
				if n := writes(f.take()); n > 2 || n > 1 && tt.answer.header.Get("Content-Type") == htmlType && what == "edit" {
					t.Errorf("%s: %d writes", name, n)
				}
			})
		}
	}
}

// Where one read shows that the token has lost the project or a right in it,
// the refusal concerns all items.
func TestARefusalThatConcernsTheProject(t *testing.T) {
	lacks := func(right string) told {
		return object(200, strings.Replace(allRights, `"`+right+`":{"havePermission":true}`, `"`+right+`":{"havePermission":false}`, 1))
	}
	for name, tt := range map[string]struct {
		refusal, probe told
		class          failure.Class
		create, update string
	}{
		"may not browse":     {object(403, `{}`), lacks("BROWSE_PROJECTS"), failure.Final, "target_not_found", "target_not_found"},
		"may not create":     {object(403, `{}`), lacks("CREATE_ISSUES"), failure.Final, "forbidden", ""},
		"may not edit":       {object(403, `{}`), lacks("EDIT_ISSUES"), failure.Final, "", "forbidden"},
		"project gone":       {object(404, `{}`), object(404, `{"errorMessages":["No project"]}`), failure.Final, "target_not_found", "target_not_found"},
		"sent on, all of it": {nothing(302), nothing(302), failure.Final, "target_moved", "target_moved"},
		"token ends":         {object(404, `{}`), object(401, `{}`), failure.Final, "credentials_rejected", "credentials_rejected"},
		"nobody any more":    {object(404, `{}`), object(200, allRights).with("X-AUSERNAME", "anonymous"), failure.Final, "credentials_rejected", "credentials_rejected"},
		"an outage":          {object(403, `{}`), nothing(502), failure.Retryable, "provider_unavailable", "provider_unavailable"},
		"a page":             {object(403, `{}`), pageOf(403, blockedPage), failure.Retryable, "provider_unavailable", "provider_unavailable"},
	} {
		for _, what := range []string{"create", "update"} {
			code := map[string]string{"create": tt.create, "update": tt.update}[what]
			f, c := start(t, form.Cloud)
			f.routes(map[string]told{"POST": tt.refusal, "PUT": tt.refusal, "GET /mypermissions": tt.probe})
			var err error
			if what == "create" {
				_, err = c.Create(t.Context(), connector.Content{Title: "T"}, marker)
			} else {
				_, err = c.Update(t.Context(), linked, connector.Content{Title: "T", State: domain.Open}, marker)
			}

			e := failureOf(t, err)
			if code == "" {
				if e.Scope != failure.ItemScope || e.Class != failure.Final {
					t.Errorf("%s, %s: %v scope %d %v", name, what, e.Class, e.Scope, e)
				}
				continue
			}

			if e.Class != tt.class || e.Scope != failure.IntegrationScope || e.Code != code || e.Detail == "" {
				t.Errorf("%s, %s: %v scope %d %v", name, what, e.Class, e.Scope, e)
			}
		}
	}
}

// B5: what is on the create screen decides, in whatever language Jira refuses.
// Where the screen cannot be read, the refusal is the item's.
func TestFieldsOnNoScreen(t *testing.T) {
	for name, tt := range map[string]struct {
		screen told
		errors string
		scope  failure.Scope
		code   string
	}{
		"B5: no labels":        {object(200, `{"fields":[{"fieldId":"summary"},{"fieldId":"description"}],"total":2}`), `{"labels":"Nein"}`, failure.IntegrationScope, "labels_not_allowed"},
		"B5: no description":   {object(200, `{"fields":[{"fieldId":"summary"},{"fieldId":"labels"}],"total":2}`), `{"description":"Nein"}`, failure.IntegrationScope, "field_not_settable"},
		"all there":            {object(200, `{"fields":[{"fieldId":"summary"},{"fieldId":"labels"},{"fieldId":"description"}],"total":3}`), `{"description":"Nein"}`, failure.ItemScope, "rejected"},
		"cannot be read":       {nothing(404), `{"description":"Nein"}`, failure.ItemScope, "rejected"},
		"cannot be read, said": {nothing(404), `{"description":"Field 'description' cannot be set. It is not on the appropriate screen, or unknown."}`, failure.IntegrationScope, "field_not_settable"},
		"labels, said":         {nothing(404), `{"labels":"Field 'labels' cannot be set. It is not on the appropriate screen, or unknown."}`, failure.IntegrationScope, "labels_not_allowed"},
		"no end":               {object(200, `{"fields":[{"fieldId":"summary"}],"total":100000}`), `{"description":"Nein"}`, failure.ItemScope, "rejected"},
	} {
		each(t, func(t *testing.T, flavor string) {
			f, c := start(t, flavor)
			f.routes(map[string]told{
				"POST /issue": object(400, `{"errors":`+tt.errors+`}`), "GET /issuetypes/10001": tt.screen,
				"GET /issuetypes": object(200, `{"issueTypes":[{"id":"10001","name":"Task"}],"total":1}`),
			})
			_, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker)
			if e := failureOf(t, err); e.Class != failure.Final || e.Scope != tt.scope || e.Code != tt.code || e.Detail == "" {
				t.Errorf("%s: %v scope %d %v", name, e.Class, e.Scope, e)
			}
		})
	}
}

// B5: an edit is refused for all issues alike where the edit screen has the
// summary and not the description. A status in which nothing may be edited has
// neither, and concerns one issue.
func TestDescriptionOnNoEditScreen(t *testing.T) {
	refused := object(400, `{"errors":{"description":"Nein"}}`)
	for name, tt := range map[string]struct {
		refusal, meta told
		scope         failure.Scope
		code          string
	}{
		"on no screen":       {refused, object(200, `{"fields":{"summary":{"required":true},"labels":{}}}`), failure.IntegrationScope, "field_not_settable"},
		"on the screen":      {refused, object(200, `{"fields":{"summary":{},"description":{}}}`), failure.ItemScope, "rejected"},
		"nothing to edit":    {refused, object(200, `{"fields":{}}`), failure.ItemScope, "rejected"},
		"cannot be read":     {refused, nothing(403), failure.ItemScope, "rejected"},
		"the summary too":    {object(400, `{"errors":{"description":"Nein","summary":"Nein"}}`), object(200, `{"fields":{}}`), failure.ItemScope, "rejected"},
		"a page":             {refused, pageOf(200, loginPage), failure.ItemScope, "rejected"},
		"a field of another": {object(400, `{"errors":{"customfield_1":"required"}}`), nothing(500), failure.ItemScope, "rejected"},
	} {
		each(t, func(t *testing.T, flavor string) {
			f, c := start(t, flavor)
			f.router = nil // editmeta is not in the part of the description at hand
			f.routes(map[string]told{"PUT": tt.refusal, "GET /issue/9007/editmeta": tt.meta})
			_, err := c.Update(t.Context(), linked, connector.Content{Title: "T", Body: text(flavor, "B"), State: domain.Open}, marker)
			if e := failureOf(t, err); e.Class != failure.Final || e.Scope != tt.scope || e.Code != tt.code || e.Detail == "" {
				t.Errorf("%s: %v scope %d %v", name, e.Class, e.Scope, e)
			}
		})
	}
}

// docs/guides/jira.md shows the answers that count at once.
func TestThePageShowsTheTable(t *testing.T) { connectortest.Refusals(t, "jira", refusals) }

// A reason never shows the text of an issue that an answer of success holds: it
// may be one that not everybody may read.
func TestReasonsShowNoIssue(t *testing.T) {
	foreign := issueJSON(8, "new", func(all map[string]any) {
		all["fields"].(map[string]any)["summary"], all["fields"].(map[string]any)["description"] = "Confidential", "Confidential too"
	})
	f, c := start(t, form.Datacenter)
	f.routes(map[string]told{
		"POST": object(200, foreign), "PUT": object(200, foreign), "GET /issue/9007": object(200, issueJSON(7, "new")), "GET": object(200, `{"issues":[`+foreign),
	})
	for _, do := range []func() error{
		func() error { _, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker); return err },
		func() error {
			_, err := c.Update(t.Context(), linked, connector.Content{Title: "U", State: domain.Open}, marker)
			return err
		},
		func() error { _, _, err := c.Changes(t.Context(), time.Time{}, 0); return err },
	} {
		if e := failureOf(t, do()); strings.Contains(e.Detail, "Confidential") || !strings.Contains(e.Detail, "200 application/json") {
			t.Errorf("%q", e.Detail)
		}
	}
}
