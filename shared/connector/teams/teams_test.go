package teams

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"integrations/shared/connector"
	"integrations/shared/connector/connectortest"
	"integrations/shared/domain"
)

// host is a name of httptest's certificate.
const (
	host = connectortest.Host
	path = "/powerautomate/automations/direct/workflows/0a/triggers/manual/paths/invoke"
)

var (
	sig     = strings.Repeat("s", 43)
	query   = "api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=" + sig
	now     = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	marker  = connector.Marker{Integration: 77, Item: 4711, Attempt: 2, Tag: connectortest.Tag}
	content = connector.Content{Number: "WI-1", Title: "See [x](y) & <at>Bob</at>", Body: "One.\n\n• two\n• three", Labels: []string{"a", "b"}, State: domain.Open, URL: "https://app.test/1"}
)

// A fake answers with what a test sets.
type fake struct {
	t      *testing.T
	status int
	header http.Header
	body   string

	mu    sync.Mutex
	calls []string
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if r.Method != http.MethodPost || r.URL.Path != path || r.URL.RawQuery != query || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "" {
		f.t.Errorf("%s %s: headers %v", r.Method, r.URL, r.Header)
	}
	f.mu.Lock()
	f.calls = append(f.calls, string(body))
	f.mu.Unlock()
	for name, values := range f.header {
		w.Header()[name] = values
	}
	w.Header().Set("X-Ms-Workflow-Run-Id", "RUN1")
	w.WriteHeader(f.status)
	_, _ = io.WriteString(w, f.body)
}

func (f *fake) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

func start(t *testing.T, bare bool) (*fake, *Connector) {
	t.Helper()
	f := &fake{t: t, status: http.StatusAccepted}
	client := connectortest.Serve(t, f, "https://"+host+path+"?"+query, sig)
	return f, New(Config{URL: "https://" + host + ":443" + path + "?" + query, Card: bare, DigestOver: 5}, client, func() time.Time { return now })
}

func failure(t *testing.T, err error) *connector.Error {
	t.Helper()
	return connectortest.Failure(t, err, sig)
}

func second[T any](_ T, err error) error { return err }

// The whole of a message on the wire: it is what people see.
func TestCreate(t *testing.T) {
	const shown = `{"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard","version":"1.4","body":[` +
		`{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"WI-1 See [x](y) & <` + "\u200b" + `at>Bob<` + "\u200b" + `/at>","weight":"bolder","size":"medium","selectAction":{"type":"Action.OpenUrl","url":"https://app.test/1"}}]},` +
		`{"type":"RichTextBlock","spacing":"small","inlines":[{"type":"TextRun","text":"open","color":"good"},{"type":"TextRun","text":" · a, b","isSubtle":true}]},` +
		`{"type":"RichTextBlock","spacing":"medium","inlines":[{"type":"TextRun","text":"One."}]},` +
		`{"type":"RichTextBlock","spacing":"medium","inlines":[{"type":"TextRun","text":"• two"}]},` +
		`{"type":"RichTextBlock","spacing":"none","inlines":[{"type":"TextRun","text":"• three"}]},` +
		`{"type":"RichTextBlock","spacing":"medium","inlines":[{"type":"TextRun","text":"sync 77/4711/2/` + connectortest.Tag + `","size":"small","isSubtle":true}]}],` +
		`"actions":[{"type":"Action.OpenUrl","title":"Open","url":"https://app.test/1"}]}`
	for bare, want := range map[bool]string{
		true:  shown,
		false: `{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,"content":` + shown + `}]}`,
	} {
		f, c := start(t, bare)
		w, err := c.Create(t.Context(), content, marker)
		if err != nil || !w.Unproven || w.Remote != (domain.Remote{}) {
			t.Fatal(w, err)
		}
		if calls := f.take(); len(calls) != 1 || calls[0] != want {
			t.Errorf("got  %s\nwant %s", calls[0], want)
		}
	}
}

func TestChanged(t *testing.T) {
	f, c := start(t, true)
	changed := content
	changed.State, changed.Was = domain.Closed, &connector.Was{Title: "Old", State: domain.Open, Labels: content.Labels}
	for _, deleted := range []bool{false, true} {
		if changed.Deleted = deleted; deleted {
			changed.Body = ""
		}
		if _, err := c.Create(t.Context(), changed, marker); err != nil {
			t.Fatal(err)
		}
		body := f.take()[0]
		want := []string{`"text":"closed","color":"accent"`, `"text":"closed; title was “Old”","italic":true`}
		if deleted {
			want = []string{`"text":"deleted","color":"attention"`, `"strikethrough":true`, `"text":"deleted","italic":true`}
		}
		for _, part := range want {
			if !strings.Contains(body, part) {
				t.Errorf("%s is not in %s", part, body)
			}
		}
	}
}

func TestDigest(t *testing.T) {
	f, c := start(t, false)
	long := connector.Content{Title: strings.Repeat("\"", 150), Number: strings.Repeat("🦀", 40), State: domain.Closed, URL: "https://a.test/" + strings.Repeat("x", 2000)}
	d := connector.Digest{Changed: 12, First: []connector.Content{content, long, long, long, long, long, long, long, long, long}}
	w, err := c.Digest(t.Context(), d, connector.Marker{Integration: 77, Item: 5, Attempt: 1})
	if err != nil || !w.Unproven {
		t.Fatal(w, err)
	}
	body := f.take()[0]
	for _, part := range []string{`"text":"12 items: 12 changed"`, `"text":"and 2 more"`, `"text":"sync 77/5/1"`, `"selectAction":{"type":"Action.OpenUrl","url":"https://app.test/1"}}`} {
		if !strings.Contains(body, part) {
			t.Errorf("%s is not in %s", part, body)
		}
	}
	if len(body) > maxCard {
		t.Errorf("%d bytes", len(body))
	}
}

// The longest there can be is cut, and stays a card.
func TestLongest(t *testing.T) {
	labels := make([]string, 20)
	for i := range labels {
		labels[i] = strings.Repeat("🦀", 50)
	}
	c := connector.Content{
		Number: strings.Repeat("\"", 40), Title: strings.Repeat("🦀", 150), Body: strings.Repeat("\"\\\n", 500) + "end", Labels: labels, State: domain.Open,
		URL: "https://a.test/" + strings.Repeat("x", 2000), Was: &connector.Was{Title: strings.Repeat("🦀", 150), State: domain.Closed},
	}
	made := compose(c, marker)
	if n := len(encode(made)); n > maxCard || n < maxCard-200 {
		t.Errorf("%d bytes", n)
	}
	if last := made.Body[len(made.Body)-1].Inlines[0].Text; last != "sync 77/4711/2/"+connectortest.Tag || !strings.HasPrefix(made.Body[0].Inlines[0].Text, "\"") {
		t.Errorf("%q", last)
	}
	c.URL = "https://a.test/" + strings.Repeat("x", 4000)
	if made := compose(c, marker); made.Actions != nil || made.Body[0].Inlines[0].Select != nil {
		t.Error("a link nobody takes")
	}
}

func TestAnswers(t *testing.T) {
	const integration, item = connector.IntegrationScope, connector.ItemScope
	f, c := start(t, false)
	for _, tt := range []struct {
		status int
		header http.Header
		body   string
		class  connector.Class // 0: taken
		scope  connector.Scope
		code   string
		wait   time.Duration
	}{
		{202, nil, "", 0, 0, "", 0},
		{202, nil, " \r\n", 0, 0, "", 0},
		{202, nil, "anything", connector.Ambiguous, item, "foreign_answer", 0},
		{202, nil, "<title>Sign in to your account</title>", connector.Ambiguous, item, "session_expired", 0},
		{200, nil, "", 0, 0, "", 0},
		{200, nil, "1", connector.Ambiguous, item, "foreign_answer", 0},
		{200, nil, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId tcid=0", connector.Retryable, integration, "rate_limited", time.Minute},
		{200, nil, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413 with ContextId x", connector.Final, item, "rejected", 0},
		{200, nil, "Microsoft Teams endpoint returned HTTP error 502", connector.Ambiguous, item, "no_answer", 0},
		{200, nil, "<html>Sign in", connector.Ambiguous, item, "foreign_answer", 0},
		{200, nil, "null", connector.Ambiguous, item, "foreign_answer", 0},
		{429, http.Header{"Retry-After": {"17"}}, `{"error":{"code":"TooManyRequests"}}`, connector.Retryable, integration, "rate_limited", 17 * time.Second},
		{429, nil, ``, connector.Retryable, integration, "rate_limited", time.Minute},
		{401, nil, `{"error":{"code":"DirectApiAuthorizationRequired","message":"x"}}`, connector.Final, integration, "credentials_rejected", 0},
		{403, nil, ``, connector.Final, item, "rejected", 0},
		{404, nil, `{"error":{"code":"WorkflowNotFound","message":"x"}}`, connector.Final, integration, "target_not_found", 0},
		{400, nil, `{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"x"}}`, connector.Final, integration, "target_not_found", 0},
		{400, nil, `{"error":{"code":"TriggerInputSchemaMismatch","message":"x"}}`, connector.Final, integration, "payload_refused", 0},
		{400, nil, `{"error":"x"}`, connector.Final, item, "rejected", 0},
		{413, nil, ``, connector.Final, item, "rejected", 0},
		{302, nil, ``, connector.Final, integration, "target_moved", 0},
		{500, nil, `<html>`, connector.Ambiguous, item, "no_answer", 0},
		{503, http.Header{"Retry-After": {"9"}}, ``, connector.Retryable, integration, "provider_unavailable", 9 * time.Second},
	} {
		f.status, f.header, f.body = tt.status, tt.header, tt.body
		w, err := c.Create(t.Context(), content, marker)
		if tt.class == 0 {
			if err != nil || !w.Unproven {
				t.Errorf("%d %q: %v %v", tt.status, tt.body, w, err)
			}
			continue
		}
		e := failure(t, err)
		if e.Class != tt.class || e.Scope != tt.scope || e.Code != tt.code || e.Wait != tt.wait || e.RequestID != "RUN1" || w.Unproven {
			t.Errorf("%d %q: %+v", tt.status, tt.body, e)
		}
	}
}

func TestCannot(t *testing.T) {
	f, c := start(t, false)
	if e := failure(t, second(c.Update(t.Context(), connector.Sent{}, content, marker))); e.Code != connector.NotEditable || e.Scope != connector.ItemScope {
		t.Error(e)
	}
	checks, err := c.Check(t.Context())
	if err != nil || fmt.Sprint(checks) != "[reachable=?(only_by_posting) credentials=?(only_by_posting) target=?(only_by_posting)]" || len(f.take()) != 0 {
		t.Error(checks, err)
	}
	var any connector.Connector = c
	if _, finds := any.(connector.Finder); finds || c.Manner() != (connector.Manner{DigestOver: 5}) {
		t.Error("a workflow finds or edits")
	}
}

// Nothing in a card can make a mention: that takes a member which is never there.
func TestNoMembersOfTeamsOwn(t *testing.T) {
	var members map[string]any
	if err := json.Unmarshal(encode(compose(content, marker)), &members); err != nil || len(members) != 5 {
		t.Error(members, err)
	}
	if strings.Contains(string(encode(compose(content, marker))), "msteams") {
		t.Error("entities")
	}
}
