package conformance

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// A teller answers each request of one round with what the fuzzer made up, and
// those of a walk without an end with a refusal.
type teller struct {
	status atomic.Int64
	header atomic.Value
	body   atomic.Value
	asked  atomic.Int64
}

// mostAsked is how many requests a round has answered as the fuzzer wants.
const mostAsked = 12

func (s *teller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if s.asked.Add(1) > mostAsked {
		w.WriteHeader(http.StatusNotFound)
		return
	}

	for line := range strings.Lines(s.header.Load().(string)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if httpName(name) && !strings.EqualFold(name, "Content-Length") && !strings.EqualFold(name, "Transfer-Encoding") {
			w.Header().Add(name, strings.TrimSpace(value))
		}
	}

	w.WriteHeader(int(s.status.Load()))
	_, _ = io.WriteString(w, s.body.Load().(string))
}

func httpName(name string) bool {
	return name != "" && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz-") == ""
}

// bodies and headers are what providers answer with, each of its kind.
var bodies = []string{
	`{"id":9001,"number":1,"iid":1,"key":"WORK-1","self":"https://example.com/rest/api/3/issue/9001","state":"open","title":"a","body":"b","html_url":"https://example.com/1","web_url":"https://example.com/1","updated_at":"2026-11-23T10:00:00Z","created_at":"2026-11-23T10:00:00Z"}`,
	`[{"id":9001,"number":1,"iid":1,"state":"opened","title":"a","description":"b\n\n<!-- integrations:77/4711/1/aaaaaaaaaaaaaaaa -->","body":"b\n\n<!-- integrations:77/4711/1/aaaaaaaaaaaaaaaa -->","updated_at":"2026-11-23T10:00:00Z","created_at":"2026-11-23T10:00:00Z","labels":["x",{"name":"y"}]}]`,
	`{"issues":[{"id":"9001","key":"WORK-1","fields":{"summary":"a","description":"b","labels":["l","sync-aaaaaaaaaaaaawaaaaaaaaaaacy"],"status":{"statusCategory":{"key":"done"}},"created":"2026-11-23T10:00:00.000+0000","updated":"2026-11-23T10:00:00.000+0000","project":{"key":"WORK"}}}],"isLast":false,"nextPageToken":"x","total":9}`,
	`{"issues":[{"id":9001,"summary":"a","description":"b","additional_information":"[integrations:77/4711/1/aaaaaaaaaaaaaaaa]","project":{"id":1,"name":"Work"},"status":{"id":80,"name":"resolved"},"sticky":true,"created_at":"2026-11-23T10:00:00+00:00","updated_at":"2026-11-23T10:00:00+00:00"}]}`,
	`{"id":1,"name":"bot","language":"en","timeZone":"Europe/Berlin","accountId":"x","access_level":{"id":55},"projects":[{"id":1,"name":"Work","subProjects":[{"id":2,"name":"x"}]}]}`,
	`{"configs":[{"option":"status_enum_string","value":[{"id":10,"name":"new"},{"id":80,"name":"resolved"}]},{"option":"bug_resolved_status_threshold","value":80}]}`,
	`{"transitions":[{"id":"31","to":{"statusCategory":{"key":"done"}},"fields":{"resolution":{"required":true}}}],"permissions":{"CREATE_ISSUES":{"havePermission":true}}}`,
	`{"issueTypes":[{"id":"1","name":"Task"}],"fields":[{"fieldId":"customfield_1","name":"x","required":true}],"startAt":0,"maxResults":50,"total":2}`,
	`{"message":"API rate limit exceeded: secondary rate limit","errors":[{"field":"title","code":"custom"}],"errorMessages":["x"],"error":"y","code":27,"needs_captcha_response":true}`,
	`{"message":{"title":["is too long"]},"errors":{"summary":"required"},"permissions":{"push":true,"project_access":{"access_level":40}},"scopes":["api"],"has_issues":true,"archived":false,"issues_access_level":"enabled"}`,
	`{"ok":true,"channel":"C0123456789","ts":"1763892000.000100","messages":[{"ts":"1763892000.000100","metadata":{"event_type":"integrations_item","event_payload":{"key":"77/4711/1/aaaaaaaaaaaaaaaa"}}}],"has_more":true,"response_metadata":{"next_cursor":"x","messages":["y"]}}`,
	`{"ok":false,"error":"invalid_blocks","needed":"chat:write"}`, `{"ok":false,"error":"fatal_error"}`, `{"ok":true,"channel":{"id":"C0123456789","is_member":true,"is_private":true}}`, "ok", "no_service",
	`{"id":"1423456789012345678","channel_id":"223456789012345678","type":0,"last_message_id":"1423456789012345679"}`, `[{"id":"1423456789012345678","embeds":[{"footer":{"text":"Integrations · ihmdgtk4zp2ktsc6"}}]}]`,
	`{"message":"limited","retry_after":0.5,"global":true,"code":10008}`, `{"retry_after":1e400,"code":30046}`, "Microsoft Teams endpoint returned HTTP error 429", `{"error":{"code":"WorkflowNotFound","message":"x"}}`, "1",
	``, `null`, `[]`, `[[[[`, `{"issues":[]}`, `"x"`, `1e999`, "\xff",
}

var headers = []string{
	"", "Retry-After: 7", "Retry-After: Mon, 23 Nov 2026 10:01:00 GMT\nRateLimit-Reason: jira-quota-tenant-based", "Retry-After: -1\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 99999999999999",
	"RateLimit-Reset: 1763892000\nRateLimit-Remaining: 0", "X-RateLimit-Reset: 2026-11-23T10:05Z\nX-RateLimit-Remaining: 0", "Link: <https://example.com/api/v3/x?page=2>; rel=\"next\"\nX-Next-Page: 2",
	"Link: <https://example.com/x?cursor=e30>; rel=next, <", "ETag: \"x\"\nX-Mantis-Version: 2.28.4", "X-Seraph-LoginReason: AUTHENTICATION_DENIED\nX-Authentication-Denied-Reason: CAPTCHA_CHALLENGE", "Location: https://example.com/rest/api/3/x",
	"X-OAuth-Scopes: chat:write,channels:history", "X-RateLimit-Scope: shared\nRetry-After: 1",
	"X-OAuth-Scopes: repo, user\nX-Accepted-GitHub-Permissions: issues=write", "Date: Mon, 23 Nov 2026 10:00:00 GMT",
}

// FuzzAnswers gives every operation of every connector unexpected answers. Each ends
// in a result or in a complete error with a limited wait.
func FuzzAnswers(f *testing.F) {
	for n, body := range bodies {
		for m, header := range headers {
			f.Add(byte(n+m), uint16([]int{200, 201, 403, 429, 404, 400, 500, 503, 409, 412, 301}[(n+m)%11]), header, body)
		}
		f.Add(byte(n), uint16(200), "", body)
	}

	s := &teller{}
	client := connectortest.Serve(f, s)
	f.Fuzz(func(t *testing.T, which byte, status uint16, header, body string) {
		k := kits[int(which)%len(kits)]
		s.status.Store(int64(200 + status%400))
		s.header.Store(header)
		s.body.Store(body)
		c := k.open(client)
		for _, op := range append(operations(c), operation{"check", check}) {
			s.asked.Store(0)
			err := op.do(t.Context(), c, k)
			var e *failure.Error
			if err == nil {
				continue
			}

			if !errors.As(err, &e) || e.Class < failure.NotSent || e.Class > failure.Ambiguous || e.Scope == 0 || e.Code == "" {
				t.Fatalf("%s %s: %T %+v", k.name, op.name, err, err)
			}

			if e.Wait < 0 || e.Wait > outbound.MaxWait || len([]rune(e.Detail)) > 200 || strings.ContainsAny(e.Detail, "\n\x00") {
				t.Errorf("%s %s: %+v", k.name, op.name, e)
			}

			if !creates(op.name) && op.name != "update" && e.Class == failure.Ambiguous {
				t.Errorf("%s %s changes nothing and is left open: %v", k.name, op.name, e)
			}
		}
	})
}

func check(ctx context.Context, c connector.Connector, _ kit) error {
	_, err := c.(connector.Checker).Check(ctx)
	return err
}
