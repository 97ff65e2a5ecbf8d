package conformance

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"example.com/integrations/shared/connector/failure"
)

// A foreign answer comes from something between us and the provider, or is the
// provider's about one object.
type foreign struct {
	name, media, body string
	status            int
	// detail is what the reason must hold.
	detail string
}

const firewall = `<!DOCTYPE html><html><head><title>Attention Required!</title></head><body>You have been blocked</body></html>`

// aboutOneItem are refusals that say nothing about the whole integration.
var aboutOneItem = []foreign{
	{"HTML 403", "text/html; charset=UTF-8", firewall, 403, `403 text/html "Attention Required!"`},
	{"HTML 401", "text/html", firewall, 401, `401 text/html "Attention Required!"`},
	{"HTML 404", "text/html", "<html><head><title>404 Not Found</title>", 404, `404 text/html "404 Not Found"`},
	{"HTML 406", "text/html", "<head><title>Not Acceptable!</title></head>", 406, `406 text/html "Not Acceptable!"`},
	{"HTML 410", "text/html", "<h1>Gone</h1>", 410, `410 text/html "Gone"`},
	{"HTML 413", "text/html", "<html><title>413 Request Entity Too Large</title>", 413, "Request Entity Too Large"},
	{"JSON 403 about the object", "application/json", `{"message":"You cannot change this issue","error":"object_locked"}`, 403, "object_locked"},
	{"422 without a body", "", "", 422, "422 without a body"},
	{"403 without a body", "", "", 403, "403 without a body"},
	{"400 with a string", "application/json", `"That is not possible"`, 400, "That is not possible"},
	{"400 with a text", "text/plain", "Bad thing in line 7", 400, "Bad thing in line 7"},
}

// writes reports whether an operation's first request is one.
func (k kit) writes(op string) bool { return creates(op) || op == "update" && !k.readsFirst() }

// B1: a refusal of a write is the item's, unless the provider itself names the
// credential, the app or the place. Its reason is never empty.
func TestRefusalsAboutOneItem(t *testing.T) {
	everyKit(t, func(t *testing.T, k kit) {
		for _, f := range aboutOneItem {
			if k.wholly[f.name] != "" {
				continue
			}

			_, c := stage(t, k, f.serve)
			for _, op := range operations(c) {
				if !k.writes(op.name) {
					continue
				}

				e := failureOf(t, op.name, op.do(t.Context(), c, k))
				if e.Class != failure.Final || e.Scope != failure.ItemScope || e.Status != f.status || !strings.Contains(e.Detail, f.detail) {
					t.Errorf("%s: %s: %s, scope %d: %v", f.name, op.name, e.Class, e.Scope, e)
				}
			}
		}
	})
}

// B9: an answer of success without the provider's proof is never a success. A
// write is ambiguous, and a read is asked again: no page is an empty list.
func TestSuccessNeedsProof(t *testing.T) {
	everyKit(t, func(t *testing.T, k kit) {
		for _, f := range []foreign{
			{"login page", "text/html", "<html><title>Log in</title><input type=password>", 200, "Log in"},
			{"login page, 201", "text/html", "<html><title>Log in</title>", 201, "Log in"},
			{"login page, 202", "text/html", "<html><title>Log in</title>", 202, "Log in"},
			{"login page as JSON", "application/json", "<html><title>Log in</title>", 200, "Log in"},
			{"maintenance", "text/html", "<html><title>Back soon</title>", 200, "Back soon"},
			{"empty list as HTML", "text/html", "[]", 200, "200 text/html"},
			{"empty object as HTML", "text/html", "{}", 200, "200 text/html"},
			{"nothing as HTML", "text/html", "", 203, "203 without a body"},
		} {
			_, c := stage(t, k, f.serve)
			for _, op := range operations(c) {
				err := op.do(t.Context(), c, k)
				if err == nil {
					t.Errorf("%s: %s succeeds", f.name, op.name)
					continue
				}

				e := failureOf(t, op.name, err)
				code := "foreign_answer"
				if strings.Contains(f.body, "Log in") {
					code = "session_expired"
				}

				class := failure.Retryable
				scope := failure.IntegrationScope
				if k.writes(op.name) {
					class = failure.Ambiguous
					scope = failure.ItemScope
				}

				if e.Class != class || e.Scope != scope || e.Code != code || !strings.Contains(e.Detail, f.detail) {
					t.Errorf("%s: %s: %s, scope %d: %v", f.name, op.name, e.Class, e.Scope, e)
				}
			}
		}
	})
}

// No refusal and no failure has an empty reason, whatever the body.
func TestNoEmptyReason(t *testing.T) {
	bodies := []string{"", " ", "{}", "[]", "null", `{"message":""}`, `{"errors":[]}`, "<html>", "\x00", `{"ok":false}`, strings.Repeat("x", 1<<16)}
	everyKit(t, func(t *testing.T, k kit) {
		var f foreign
		_, c := stage(t, k, func(w http.ResponseWriter, r *http.Request) { f.serve(w, r) })
		for _, op := range operations(c) {
			for _, status := range []int{200, 201, 202, 204, 301, 400, 401, 403, 404, 410, 422, 429, 500, 503} {
				for _, body := range bodies {
					f = foreign{status: status, body: body, media: "application/json"}
					err := op.do(t.Context(), c, k)
					if err == nil {
						continue
					}

					if e := failureOf(t, op.name, err); strings.TrimSpace(e.Detail) == "" || strings.HasSuffix(e.Detail, ": ") {
						t.Errorf("%s %d %.20q: the reason is %q (%s)", op.name, status, body, e.Detail, e.Code)
					}
				}
			}
		}
	})
}

func (f foreign) serve(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header()["Content-Type"] = nil
	if f.media != "" {
		w.Header().Set("Content-Type", f.media)
	}

	w.WriteHeader(f.status)
	_, _ = fmt.Fprint(w, f.body)
}
