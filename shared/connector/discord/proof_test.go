package discord

import (
	"net/http"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
)

const page = `<!DOCTYPE html><html><head><title>Attention Required!</title></head><body>x</body></html>`

func typed(media string) http.Header { return http.Header{"Content-Type": {media}} }

// B1, B15: what each answer to a write comes to.
func TestRefusalsOfWrites(t *testing.T) {
	const integration, item = failure.IntegrationScope, failure.ItemScope
	fb, b := startBot(t, false)
	fw, w := startHook(t, "")
	for name, tt := range map[string]struct {
		status int
		media  string
		body   string
		scope  failure.Scope
		code   string
		detail string
	}{
		"firewall":         {403, "text/html", page, item, "rejected", `403 text/html "Attention Required!"`},
		"proxy's 401":      {401, "text/html", page, item, "rejected", `401 text/html "Attention Required!"`},
		"proxy's 404":      {404, "text/html", page, item, "rejected", `404 text/html "Attention Required!"`},
		"own 401":          {401, "application/json", `{"message":"401: Unauthorized","code":0}`, integration, "credentials_rejected", "401: Unauthorized"},
		"unknown guild":    {404, "application/json", `{"message":"Unknown Guild","code":10004}`, integration, "target_not_found", "Unknown Guild"},
		"invalid token":    {403, "application/json", `{"message":"Invalid authentication token provided","code":50014}`, integration, "credentials_rejected", "Invalid authentication token"},
		"about the object": {403, "application/json", `{"message":"Cannot execute action on this message","code":50021}`, item, "forbidden", "Cannot execute action on this message"},
		"no body":          {422, "", ``, item, "rejected", "422 without a body"},
		"string":           {400, "application/json", `"Problems"`, item, "rejected", `400 application/json "Problems"`},
		"not acceptable":   {406, "text/html", `<title>Not Acceptable!</title>`, item, "rejected", `406 text/html "Not Acceptable!"`},
		"embeds":           {400, "application/json", `{"embeds":["0"]}`, item, "rejected", "embeds: 0"},
		"content":          {400, "application/json", `{"content":["Must be 2000 or fewer in length."]}`, item, "rejected", "content: Must be 2000 or fewer in length."},
		"tree":             {400, "application/json", `{"code":50035,"errors":{"embeds":{"0":{"title":{"_errors":[{"code":"X","message":"Too long."}]}}}},"message":"Invalid Form Body"}`, item, "rejected", "embeds.0.title: Too long."},
		"Cloudflare":       {403, "text/plain", `error code: 1010`, item, "rejected", `403 text/plain "error code: 1010"`},
	} {
		fb.answers(tt.status, typed(tt.media), tt.body)
		fw.answers(tt.status, typed(tt.media), tt.body)
		for what, err := range map[string]error{
			"bot's create":     second(b.Create(t.Context(), content, marker)),
			"bot's update":     second(b.Update(t.Context(), sent, content, marker)),
			"bot's digest":     second(b.Digest(t.Context(), connector.Digest{New: 1}, marker)),
			"webhook's create": second(w.Create(t.Context(), content, marker)),
			"webhook's update": second(w.Update(t.Context(), sent, content, marker)),
		} {
			e := failureOf(t, err)
			if e.Class != failure.Final || e.Scope != tt.scope || e.Code != tt.code || e.Status != tt.status || !strings.Contains(e.Detail, tt.detail) {
				t.Errorf("%s: %s: %s scope %d %v", name, what, e.Class, e.Scope, e)
			}
		}
	}
}

// B9, B10: a post counts with the documented answer, or with our marker in it.
func TestProofOfAPost(t *testing.T) {
	other := marker
	other.Attempt++
	with := func(m connector.Marker) string {
		return `{"id":"` + postedID + `","channel_id":"` + channelID + `","embeds":[{"footer":{"text":"` + footerOf(m).Text + `"}}]}`
	}
	fb, b := startBot(t, false)
	fw, w := startHook(t, "")
	for name, tt := range map[string]struct {
		status int
		media  string
		body   string
		proven bool
	}{
		"documented":         {200, "application/json", `{"id":"` + postedID + `"}`, true},
		"201, marker":        {201, "application/json", with(marker), true},
		"as text, marker":    {200, "text/plain", with(marker), true},
		"201, other attempt": {201, "application/json", with(other), false},
		"201, no marker":     {201, "application/json", `{"id":"` + postedID + `"}`, false},
		"login page":         {200, "text/html", "<title>Log in</title>", false},
		"page with 204":      {203, "text/html", "", false},
		"an error as 200":    {200, "application/json", `{"message":"x","code":0}`, false},
	} {
		fb.answers(tt.status, typed(tt.media), tt.body)
		fw.answers(tt.status, typed(tt.media), tt.body)
		for what, create := range map[string]func() (connector.Written, error){
			"bot":     func() (connector.Written, error) { return b.Create(t.Context(), content, marker) },
			"webhook": func() (connector.Written, error) { return w.Create(t.Context(), content, marker) },
		} {
			made, err := create()
			if tt.proven {
				if err != nil || made.Remote.ID != postedID || made.Unproven {
					t.Errorf("%s: %s: %+v %v", name, what, made, err)
				}
				continue
			}

			if e := failureOf(t, err); e.Class != failure.Ambiguous || e.Scope != failure.ItemScope || e.Code != "foreign_answer" && e.Code != "session_expired" || e.Detail == "" || e.RequestID != "RAY1" {
				t.Errorf("%s: %s: %s %v", name, what, e.Class, e)
			}
		}
	}

	// A bot's 204 is documented nowhere; a webhook's is, without wait=true.
	fb.answers(204, nil, "")
	if e := failureOf(t, second(b.Create(t.Context(), content, marker))); e.Class != failure.Ambiguous || e.Code != "foreign_answer" {
		t.Error(e)
	}
}

// An edit that is answered with another message is not proven.
func TestEditAnsweredByAnotherMessage(t *testing.T) {
	fb, b := startBot(t, false)
	fw, w := startHook(t, "")
	other := `{"id":"` + idOf(9) + `","channel_id":"` + channelID + `"}`
	fb.answers(200, nil, other)
	fw.answers(200, nil, other)
	_, edited := b.Update(t.Context(), sent, content, marker)
	_, hooked := w.Update(t.Context(), sent, content, marker)
	for what, err := range map[string]error{"bot": edited, "webhook": hooked} {
		if e := failureOf(t, err); e.Class != failure.Ambiguous || e.Scope != failure.ItemScope || e.Code != "foreign_answer" || e.Status != 200 {
			t.Errorf("%s: %s %v", what, e.Class, e)
		}
	}
}

// The provider's page shows the table of refusals.
func TestPageShowsTheRefusals(t *testing.T) { connectortest.Refusals(t, "discord", refusals) }
