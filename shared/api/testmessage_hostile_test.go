package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// C14: a body that is no JSON object of known members is refused, counts for
// nothing and sends nothing.
func TestABodyThatIsNoObjectSendsNoTestMessage(t *testing.T) {
	y := ways(t, scenery{})[1]
	w := y.trying(t, nil)
	for name, body := range map[string]string{
		"null":            `null`,
		"array":           `[{"post":true}]`,
		"empty array":     `[]`,
		"text":            `"post"`,
		"truth":           `true`,
		"two objects":     `{"post":true}{"post":true}`,
		"data behind it":  `{"post":true} x`,
		"broken off":      `{"post":true`,
		"no UTF-8":        "{\"post\":true,\"\xff\":1}",
		"byte order mark": "\ufeff{\"post\":true}",
		"other case":      `{"POST":true}`,
		"escaped twice":   `{"post":true,"\u0070ost":true}`,
		"deep":            `{"post":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
		"many members":    `{"post":true` + manyMembers(5_000) + `}`,
		"large":           `{"post":true,"x":"` + strings.Repeat("x", 5<<20) + `"}`,
		"as a number":     `{"post":1e999}`,
		"in base64":       `eyJwb3N0Ijp0cnVlfQ==`,
	} {
		resp := send(t, w.check, request{id: y.id.String(), body: body})
		if resp.StatusCode != 400 && resp.StatusCode != 413 || len(resp.Body) > 16<<10 {
			t.Errorf("%s: %d, %d bytes: %.200s", name, resp.StatusCode, len(resp.Body), resp.Body)
		}
	}

	if n := len(y.messagesOf()); n != 0 {
		t.Errorf("%d messages", n)
	}

	if status, body, _ := y.post(t, w); status != 200 || len(y.messagesOf()) != 1 {
		t.Errorf("what was refused has counted: %d %s", status, body)
	}
}

func manyMembers(n int) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, `,"member %d":true`, i)
	}

	return all.String()
}

// C14: of requests at the same moment one sends a message, for each of the 20 of a
// day. The others are told when the next one may be sent.
func TestTestMessagesAtTheSameMoment(t *testing.T) {
	const callers, rounds = 8, 22
	y := ways(t, scenery{})[1]
	w := y.trying(t, nil)
	for round := range rounds {
		var sent, others atomic.Int32
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				resp := send(t, w.check, request{id: y.id.String(), body: `{"post":true}`})
				switch {
				case resp.StatusCode == 200:
					sent.Add(1)
				case resp.StatusCode == 429 && resp.Headers["retry-after"] != "":
					others.Add(1)
				default:
					t.Errorf("%d %s", resp.StatusCode, resp.Body)
				}
			})
		}

		all.Wait()
		want := int32(1)
		if round >= 20 {
			want = 0
		}

		if sent.Load() != want || others.Load() != callers-want {
			t.Errorf("round %d: %d sent, %d refused", round, sent.Load(), others.Load())
		}

		w.now = w.now.Add(time.Minute)
	}

	if n := len(y.messagesOf()); n != 20 {
		t.Errorf("%d messages", n)
	}
}

// C14: a clock that goes back does not let a message pass that is one too many.
func TestATestMessageAfterTheClockWasSetBack(t *testing.T) {
	y := ways(t, scenery{})[1]
	w := y.trying(t, nil)
	w.now = w.now.Add(time.Hour)
	if status, body, _ := y.post(t, w); status != 200 {
		t.Fatalf("%d %s", status, body)
	}

	w.now = w.now.Add(-time.Hour)
	if status, body, header := y.post(t, w); status != 429 || header["retry-after"] != "3660" {
		t.Errorf("%d %s, Retry-After %q", status, body, header["retry-after"])
	}

	w.now = w.now.Add(time.Hour + time.Minute)
	if status, body, _ := y.post(t, w); status != 200 || len(y.messagesOf()) != 2 {
		t.Errorf("%d %s, %d messages", status, body, len(y.messagesOf()))
	}
}

// C14: whatever a provider, or a proxy before it, puts into a refusal: the address
// of the webhook, the token, the headers of the request, in any form. Nothing of
// it is in the answer or in the log.
func TestARefusedTestMessageTellsNoSecret(t *testing.T) {
	forms := map[string]func(rw http.ResponseWriter, told string){
		"json": func(rw http.ResponseWriter, told string) {
			rw.Header().Set("Content-Type", "application/json")
			rw.WriteHeader(400)
			b, _ := json.Marshal(map[string]any{"ok": false, "error": told, "message": told, "code": 50035, "errors": map[string]any{told: told}})
			_, _ = rw.Write(b)
		},
		"json, 404": func(rw http.ResponseWriter, told string) {
			rw.Header().Set("Content-Type", "application/json")
			rw.WriteHeader(404)
			b, _ := json.Marshal(map[string]any{"error": map[string]any{"code": told, "message": told}})
			_, _ = rw.Write(b)
		},
		"ok false": func(rw http.ResponseWriter, told string) {
			rw.Header().Set("Content-Type", "application/json")
			b, _ := json.Marshal(map[string]any{"ok": false, "error": told, "needed": told, "provided": told})
			_, _ = rw.Write(b)
		},
		"text": func(rw http.ResponseWriter, told string) {
			rw.WriteHeader(403)
			_, _ = io.WriteString(rw, told)
		},
		"html": func(rw http.ResponseWriter, told string) {
			rw.Header().Set("Content-Type", "text/html")
			rw.WriteHeader(502)
			_, _ = io.WriteString(rw, "<title>"+told+"</title><p>"+told)
		},
		"limit": func(rw http.ResponseWriter, told string) {
			rw.Header().Set("Content-Type", "application/json")
			rw.Header().Set("Retry-After", "1")
			rw.WriteHeader(429)
			b, _ := json.Marshal(map[string]any{"message": told, "retry_after": 1, "error": told})
			_, _ = rw.Write(b)
		},
		"redirect": func(rw http.ResponseWriter, told string) {
			rw.Header().Set("Location", "https://elsewhere.example/"+url.QueryEscape(told))
			rw.WriteHeader(307)
			_, _ = io.WriteString(rw, told)
		},
		"headers": func(rw http.ResponseWriter, told string) {
			for _, name := range []string{"X-Request-Id", "X-Slack-Req-Id", "Cf-Ray", "X-Ms-Request-Id", "X-Ms-Workflow-Run-Id", "X-RateLimit-Bucket"} {
				rw.Header().Set(name, told)
			}
			rw.WriteHeader(500)
		},
	}
	for i := range ways(t, scenery{}) {
		for form, answer := range forms {
			for _, escape := range []func(string) string{func(s string) string { return s }, url.QueryEscape, url.PathEscape} {
				y := ways(t, scenery{})[i]
				t.Run(y.name+" "+form, func(t *testing.T) {
					w := y.trying(t, func(next http.Handler) http.Handler {
						return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
							if r.Method == http.MethodGet {
								next.ServeHTTP(rw, r)
								return
							}

							told := r.URL.String() + " " + r.Header.Get("Authorization")
							answer(rw, escape(strings.ReplaceAll(told, "\n", " ")))
						})
					})

					status, body, _ := y.post(t, w)
					if got := said(t, status, body); strings.HasPrefix(got, "true") || strings.HasSuffix(got, "post=ok") {
						t.Error(got)
					}

					for _, secret := range chatSecrets {
						for _, part := range []string{secret[:20], secret[len(secret)-20:]} {
							if strings.Contains(body, part) || strings.Contains(w.log.String(), part) {
								t.Errorf("a part of a secret is told: %s\n%s", body, w.log)
							}
						}
					}
				})
			}
		}
	}
}
