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

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup/document"
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
	content = connector.Content{
		Number: "WI-1", Title: "See [x](y) & <at>Bob</at>", Blocks: document.Parse("One."), Body: "One.", Labels: []string{"a", "b"}, State: domain.Open, URL: "https://app.test/1",
		Facts: domain.Facts{Status: "in review", Priority: "high", Owner: "Kim"},
	}
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

func failureOf(t *testing.T, err error) *failure.Error {
	t.Helper()
	return connectortest.Failure(t, err, sig)
}

func second[T any](_ T, err error) error { return err }

// The whole of a message on the wire: it is what people see.
func TestCreate(t *testing.T) {
	const shown = `{"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard","version":"1.2",` +
		`"fallbackText":"WI-1 See [x]` + "\u200b" + `(y) & <` + "\u200b" + `at>Bob<` + "\u200b" + `/at> — open · in review · priority: high","msteams":{"width":"Full"},"body":[` +
		`{"type":"Container","id":"sync-77-4711-2-` + connectortest.Tag + `","selectAction":{"type":"Action.OpenUrl","url":"https://app.test/1"},"items":[` +
		`{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"WI-1 See [x](y) & <` + "\u200b" + `at>Bob<` + "\u200b" + `/at>","weight":"bolder","size":"medium"}]}]},` +
		`{"type":"RichTextBlock","spacing":"small","inlines":[{"type":"TextRun","text":"🟢 open","weight":"bolder","color":"good"},{"type":"TextRun","text":" · in review · priority: high"}]},` +
		`{"type":"RichTextBlock","spacing":"medium","inlines":[{"type":"TextRun","text":"One."}]},` +
		`{"type":"ColumnSet","spacing":"medium","columns":[` +
		`{"type":"Column","width":"stretch","items":[{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"Owner: ","isSubtle":true},{"type":"TextRun","text":"Kim"}]}]},` +
		`{"type":"Column","width":"stretch","items":[{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"Labels: ","isSubtle":true},{"type":"TextRun","text":"a, b"}]}]}]}],` +
		`"actions":[{"type":"Action.OpenUrl","title":"Open","url":"https://app.test/1"}]}`
	for bare, want := range map[bool]string{
		true: shown,
		false: `{"type":"message","summary":"WI-1 See [x]` + "\u200b" + `(y) & <` + "\u200b" + `at>Bob<` + "\u200b" + `/at> — open · in review · priority: high",` +
			`"attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,"content":` + shown + `}]}`,
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

// C1: what has changed stands below the header line, in the notification too.
func TestChanged(t *testing.T) {
	f, c := start(t, false)
	changed := content
	changed.State = domain.Closed
	changed.Previous = &connector.PreviousMessage{Title: "Old", State: domain.Open, Labels: content.Labels, Facts: domain.Facts{Status: "planned", Priority: "high", Owner: "Kim"}}
	for _, deleted := range []bool{false, true} {
		if changed.Deleted = deleted; deleted {
			changed.Blocks = nil
		}

		if _, err := c.Create(t.Context(), changed, marker); err != nil {
			t.Fatal(err)
		}

		body := f.take()[0]
		const says = "closed · status: planned → in review · title was “Old”"
		want := []string{`"text":"✅ closed","weight":"bolder","color":"accent"`, `"text":"` + says + `","weight":"bolder"}]}`, ` — ` + says + `","attachments"`}
		if deleted {
			want = []string{`"text":"🗑️ deleted","weight":"bolder","color":"attention"`, `"strikethrough":true`, `"text":"deleted","weight":"bolder"}]}`}
		}

		for _, part := range want {
			if !strings.Contains(body, part) {
				t.Errorf("%s is not in %s", part, body)
			}
		}
	}
}

// C8, C10: each item of a digest has a button, with at most six in a set.
func TestDigest(t *testing.T) {
	f, c := start(t, false)
	d := connector.Digest{Changed: 12, URL: "https://app.test/all"}
	for n := range connector.DigestShows {
		one := content
		one.Blocks = nil
		one.Body = ""
		one.Number, one.URL = fmt.Sprint("WI-", n), fmt.Sprint("https://app.test/", n)
		d.First = append(d.First, one)
	}

	w, err := c.Digest(t.Context(), d, connector.Marker{Integration: 77, Item: 5, Attempt: 1})
	if err != nil || !w.Unproven {
		t.Fatal(w, err)
	}

	body := f.take()[0]
	for _, part := range []string{
		`"summary":"12 items: 12 changed"`, `"fallbackText":"12 items: 12 changed"`, `"id":"sync-77-5-1"`, `"text":"and 2 more"`,
		`{"type":"Container","spacing":"small","selectAction":{"type":"Action.OpenUrl","url":"https://app.test/9"},"items":[{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"🟢 "},{"type":"TextRun","text":"WI-9 See `,
		`{"type":"TextRun","text":" — "},{"type":"TextRun","text":"open","weight":"bolder","color":"good"},{"type":"TextRun","text":" · in review · priority: high"}]}]}`,
		`{"type":"Action.OpenUrl","title":"WI-9","url":"https://app.test/9"}`,
		`"actions":[{"type":"Action.OpenUrl","title":"All items","url":"https://app.test/all"}]}`,
	} {
		if !strings.Contains(body, part) {
			t.Errorf("%s is not in %s", part, body)
		}
	}

	sets := 0
	for _, e := range composeDigest(d, marker).Body {
		if e.Type == actionSet {
			sets++
			if n := len(e.Actions); n != maxButtons {
				t.Errorf("%d buttons", n)
			}
		}
	}

	if sets != 2 {
		t.Errorf("%d sets of buttons", sets)
	}

	d.URL = "javascript:alert(1)"
	if made := composeDigest(d, marker); made.Actions != nil {
		t.Errorf("%+v", made.Actions)
	}
}

// Long addresses cost buttons, not items: what is left out of a digest is the way
// to open some of them.
func TestLongAddressesInADigest(t *testing.T) {
	d := connector.Digest{New: 10}
	for range connector.DigestShows {
		one := content
		one.Blocks, one.URL = nil, "https://app.test/"+strings.Repeat("x", 983)
		d.First = append(d.First, one)
	}

	made := composeDigest(d, marker)
	areas := 0
	links := 0
	for _, e := range made.Body {
		if e.Select != nil {
			areas++
		}
		links += len(e.Actions)
	}

	if rows := len(made.Body) - 2; rows != connector.DigestShows || areas != 0 || links != 4 || size(made) > maxCard {
		t.Errorf("%d items, %d areas, %d buttons, size %d", rows, areas, links, size(made))
	}
}

// The line of changes is no longer than a paragraph.
func TestManyChanges(t *testing.T) {
	c := largest("x")
	c.Blocks = nil
	c.Previous.Facts = domain.Facts{Status: strings.Repeat("y", 60), Priority: strings.Repeat("y", 60), Owner: strings.Repeat("y", 60), Project: strings.Repeat("y", 60)}
	made := compose(c, marker)
	if text := made.Body[2].Inlines[0].Text; count(text) != maxChanges || !strings.HasPrefix(text, "reopened · status: yyy") {
		t.Errorf("%d: %s", count(text), text)
	}
}

// A button never seems to lead to another place than it does.
func TestButtons(t *testing.T) {
	for title, want := range map[string]string{
		"WI-1": "WI-1", "": "See", strings.Repeat("x", 40): strings.Repeat("x", 19) + "…", "https://bank.test": "Open", "Www.bank.test": "Open", "<at>Bob</at>": "<" + breaker + "at>Bob<" + breaker + "/at>",
	} {
		if got := buttonTitle(connector.Content{Number: title, Title: "See"}); got != want {
			t.Errorf("%q: %q", title, got)
		}
	}

	waits := content
	waits.Facts.Status = "see www.bank.test"
	d := connector.Digest{New: 1, First: []connector.Content{waits}}
	if made := composeDigest(d, marker); made.Body[1].Select != nil || len(made.Body[2].Actions) != 1 {
		t.Errorf("the status shows an address and leads to another one: %+v", made.Body[1])
	}

	c := content
	c.Title = "Log in at https://bank.test/x"
	if made := compose(c, marker); made.Body[0].Select != nil || len(made.Actions) != 1 {
		t.Errorf("the title shows an address and leads to another one: %+v", made.Body[0])
	}
}

// largest is an item whose every part is as long as it can be.
func largest(unit string) connector.Content {
	labels := make([]string, 100)
	for i := range labels {
		labels[i] = strings.Repeat(unit, 48) + fmt.Sprint(i)
	}

	fact := strings.Repeat(unit, 60)
	all := domain.Facts{Status: fact, Priority: fact, Type: fact, Project: fact, Milestone: fact, Owner: fact, Due: "2026-12-01"}
	var blocks []document.Block
	for range 37 {
		blocks = append(blocks, document.Block{Kind: document.Quote, Blocks: []document.Block{document.Plain(strings.Repeat(unit, 40))}})
	}

	return connector.Content{
		Number: strings.Repeat(unit, 40), Title: strings.Repeat(unit, 150), Blocks: blocks, Labels: labels, State: domain.Open, Facts: all, ChangedBy: fact,
		URL: "https://a.test/" + strings.Repeat("x", 1985), Previous: &connector.PreviousMessage{Title: strings.Repeat("o", 150), State: domain.Closed, Facts: domain.Facts{Status: "o"}, Text: "x"},
	}
}

// The largest there can be is cut, its text first, and stays a card.
func TestLargest(t *testing.T) {
	for _, unit := range []string{"🦀", `"`, `\`, "x", "ח"} {
		c := largest(unit)
		made := compose(c, marker)
		if n := size(made); n > maxCard || n < maxCard*3/4 {
			t.Errorf("%s: %d", unit, n)
		}

		wire := string(encode(made))
		for _, part := range []string{`"text":"…(cut)"`, `"text":"Owner: "`, `"text":"Changed by: "`, `"title":"Open"`, ` +95"`} {
			if !strings.Contains(wire, part) {
				t.Errorf("%s: %s is not in %s", unit, part, wire)
			}
		}

		d := connector.Digest{New: 100, URL: c.URL}
		c.Blocks = nil
		for range connector.DigestShows {
			d.First = append(d.First, c)
		}

		sum := composeDigest(d, marker)
		wire = string(encode(sum))
		if n := size(sum); n > maxCard || n < maxCard/2 || !strings.Contains(wire, `"text":"and 9`) || !strings.Contains(wire, `"All items"`) {
			t.Errorf("%s: %d: %s", unit, n, wire)
		}
	}

	c := content
	c.URL = "https://a.test/" + strings.Repeat("x", 4000)
	if made := compose(c, marker); made.Actions != nil || made.Body[0].Select != nil {
		t.Error("a link nobody takes")
	}
}

// Teams: JSON in JSON. A quotation mark is four bytes there, and what UTF-16
// takes more for counts so.
func TestSize(t *testing.T) {
	for text, want := range map[string]int{"x": 2, `"`: 4, "ח": 2, "🦀": 4, `\`: 4, "安": 3, `"安`: 7} {
		less := size(newCard(strings.Repeat(text, 5000)))
		more := size(newCard(strings.Repeat(text, 6000)))
		if more-less != 1000*want {
			t.Errorf("%s: %d, want %d", text, more-less, 1000*want)
		}
	}
}

func TestAnswers(t *testing.T) {
	const integration, item = failure.IntegrationScope, failure.ItemScope
	f, c := start(t, false)
	for _, tt := range []struct {
		status int
		header http.Header
		body   string
		class  failure.Class // 0: taken
		scope  failure.Scope
		code   string
		wait   time.Duration
	}{
		{202, nil, "", 0, 0, "", 0},
		{202, nil, " \r\n", 0, 0, "", 0},
		{202, nil, "anything", failure.Ambiguous, item, "foreign_answer", 0},
		{202, nil, "<title>Sign in to your account</title>", failure.Ambiguous, item, "session_expired", 0},
		{200, nil, "", 0, 0, "", 0},
		{200, nil, "1", failure.Ambiguous, item, "foreign_answer", 0},
		{200, nil, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId tcid=0", failure.Retryable, integration, "rate_limited", time.Minute},
		{200, nil, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413 with ContextId x", failure.Final, item, "rejected", 0},
		{200, nil, "Microsoft Teams endpoint returned HTTP error 502", failure.Ambiguous, item, "no_answer", 0},
		{200, nil, "<html>Sign in", failure.Ambiguous, item, "foreign_answer", 0},
		{200, nil, "null", failure.Ambiguous, item, "foreign_answer", 0},
		{429, http.Header{"Retry-After": {"17"}}, `{"error":{"code":"TooManyRequests"}}`, failure.Retryable, integration, "rate_limited", 17 * time.Second},
		{429, nil, ``, failure.Retryable, integration, "rate_limited", time.Minute},
		{401, nil, `{"error":{"code":"DirectApiAuthorizationRequired","message":"x"}}`, failure.Final, integration, "credentials_rejected", 0},
		{403, nil, ``, failure.Final, item, "rejected", 0},
		{404, nil, `{"error":{"code":"WorkflowNotFound","message":"x"}}`, failure.Final, integration, "target_not_found", 0},
		{400, nil, `{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"x"}}`, failure.Final, integration, "target_not_found", 0},
		{400, nil, `{"error":{"code":"TriggerInputSchemaMismatch","message":"x"}}`, failure.Final, integration, "payload_refused", 0},
		{400, nil, `{"error":"x"}`, failure.Final, item, "rejected", 0},
		{413, nil, ``, failure.Final, item, "rejected", 0},
		{302, nil, ``, failure.Final, integration, "target_moved", 0},
		{500, nil, `<html>`, failure.Ambiguous, item, "no_answer", 0},
		{503, http.Header{"Retry-After": {"9"}}, ``, failure.Retryable, integration, "provider_unavailable", 9 * time.Second},
	} {
		f.status = tt.status
		f.header = tt.header
		f.body = tt.body
		w, err := c.Create(t.Context(), content, marker)
		if tt.class == 0 {
			if err != nil || !w.Unproven {
				t.Errorf("%d %q: %v %v", tt.status, tt.body, w, err)
			}
			continue
		}

		e := failureOf(t, err)
		if e.Class != tt.class || e.Scope != tt.scope || e.Code != tt.code || e.Wait != tt.wait || e.RequestID != "RUN1" || w.Unproven {
			t.Errorf("%d %q: %+v", tt.status, tt.body, e)
		}
	}
}

func TestCannot(t *testing.T) {
	f, c := start(t, false)
	if e := failureOf(t, second(c.Update(t.Context(), connector.Sent{}, content, marker))); e.Code != connector.NotEditable || e.Scope != failure.ItemScope {
		t.Error(e)
	}

	checks, err := c.Check(t.Context())
	if err != nil || fmt.Sprint(checks) != "[reachable=?(only_by_posting) credentials=?(only_by_posting) target=?(only_by_posting)]" || len(f.take()) != 0 {
		t.Error(checks, err)
	}

	var any connector.Connector = c
	if _, finds := any.(connector.Finder); finds || c.DeliveryMode() != (connector.DeliveryMode{DigestOver: 5}) {
		t.Error("a workflow finds or edits")
	}
}

// Nothing in a card can make a mention: that takes a member which is never there.
func TestNoMembersOfTeamsOwn(t *testing.T) {
	var members map[string]any
	if err := json.Unmarshal(encode(compose(content, marker)), &members); err != nil || len(members) != 7 {
		t.Error(members, err)
	}

	if teams, ok := members["msteams"].(map[string]any); !ok || len(teams) != 1 || teams["width"] != "Full" {
		t.Error(members["msteams"])
	}
}

// C9: there is no machine text in sight. Two copies of a message differ in the
// name of an element.
func TestMarkerIsOutOfSight(t *testing.T) {
	made := compose(content, marker)
	other := marker
	other.Attempt++
	if made.Body[0].ID == compose(content, other).Body[0].ID {
		t.Error(made.Body[0].ID)
	}

	var see func(list []element)
	see = func(list []element) {
		for _, e := range list {
			for _, r := range e.Inlines {
				if strings.Contains(r.Text, "sync") || strings.Contains(r.Text, "4711") {
					t.Errorf("%q", r.Text)
				}
			}

			see(e.Items)
			see(e.Columns)
		}
	}

	see(made.Body)
	if strings.Trim(made.Body[0].ID, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		t.Error(made.Body[0].ID)
	}
}
