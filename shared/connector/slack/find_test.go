package slack

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
)

// history is a channel's, newest first, told page by page.
func history(f *fake, messages []string) {
	f.answer = func(w http.ResponseWriter, r *http.Request, _ string) {
		query := r.URL.Query()
		var from, limit int
		_, _ = fmt.Sscan(query.Get("cursor"), &from)
		_, _ = fmt.Sscan(query.Get("limit"), &limit)
		if query.Get("channel") != "C0123456789" || query.Get("include_all_metadata") != "true" || query.Get("inclusive") != "true" || query.Get("oldest") != "1763892000.000000" {
			f.t.Errorf("%v", query)
		}

		to := min(from+limit, len(messages))
		next := ""
		if to < len(messages) {
			next = fmt.Sprint(to)
		}

		fmt.Fprintf(w, `{"ok":true,"messages":[%s],"has_more":%v,"response_metadata":{"next_cursor":%q}}`, strings.Join(messages[from:to], ","), next != "", next)
	}
}

func told(n int, key string) string {
	return fmt.Sprintf(`{"type":"message","ts":"176389%04d.000100","text":"x","metadata":{"event_type":"integrations_item","event_payload":{"key":%q}}}`, n, key)
}

func TestFind(t *testing.T) {
	since := time.Unix(1763892000, 0)
	messages := []string{
		`{"ts":"1763899999.1","text":"of a person"}`,
		told(9000, "77/4711/2/"+connectortest.Tag),
		strings.Replace(told(8999, "77/4711/2/"+connectortest.Tag), "integrations_item", "another_app", 1),
		told(8998, "77/4711/2/"+connectortest.Tag),
		told(8997, "78/4711/2"), told(8996, "77/4712/1"), told(8995, "nonsense"),
		`{"ts":"1763898994.1","metadata":{"event_type":"integrations_item","event_payload":{}}}`,
	}
	for i := range 250 {
		messages = append(messages, told(5000-i, fmt.Sprintf("9/%d/1", i+1)))
	}

	messages = append(messages, told(2500, "77/4711/1/"+connectortest.Tag), told(2499, "77/4711/2"), told(2498, "77/4711/2/"+connectortest.OtherTag))
	for _, tt := range []struct {
		posts bool
		want  string
	}{{false, "1763898998.000100"}, {true, "1763898998.000100"}} {
		f, b := startBot(t, tt.posts)
		history(f, messages)
		found, err := b.Find(t.Context(), since, []connector.Marker{marker, {Integration: 77, Item: 5, Attempt: 1}})
		if err != nil || len(found) != 1 || found[4711].Remote.ID != tt.want || found[4711].Remote.Key != "C0123456789" || found[4711].Remote.State != "" {
			t.Errorf("%v %v", found, err)
		}

		if n := len(f.take()); n != 3 {
			t.Errorf("%d pages", n)
		}

		// Another attempt's message is the item's only if that one is wanted too.
		found, err = b.Find(t.Context(), since, []connector.Marker{{Integration: 77, Item: 4711, Attempt: 9, Tag: connectortest.Tag}})
		if err != nil || len(found) != 0 {
			t.Errorf("posts %v: %v %v", tt.posts, found, err)
		}

		earlier := connector.Marker{Integration: 77, Item: 4711, Attempt: 1, Tag: connectortest.Tag}
		found, err = b.Find(t.Context(), since, []connector.Marker{earlier, {Integration: 77, Item: 4711, Attempt: 9, Tag: connectortest.Tag}})
		if err != nil || found[4711].Remote.ID != "1763892500.000100" {
			t.Errorf("posts %v: %v %v", tt.posts, found, err)
		}

		f.take()
		if found, err := b.Find(t.Context(), since, nil); err != nil || len(found) != 0 || len(f.take()) != 0 {
			t.Error("nothing is wanted, and asked for", found, err)
		}
	}
}

// Half a list must not pass for a whole one.
func TestFindTrustsWholePagesOnly(t *testing.T) {
	f, b := startBot(t, false)
	for _, body := range []string{
		`{"ok":true}`, `{"ok":true,"messages":null}`, `{"ok":true,"messages":{}}`, `{"ok":true,"messages":[5]}`, `null`, `x`, `{"messages":[]}`,
		`{"ok":true,"messages":[],"has_more":true}`,
	} {
		f.answers(200, nil, body)
		if e := failureOf(t, second(b.Find(t.Context(), now, []connector.Marker{marker}))); e.Class != failure.Retryable || e.Scope != failure.IntegrationScope || e.Code != map[bool]string{true: "answer_unreadable", false: "foreign_answer"}[strings.HasPrefix(body, `{"ok":true`)] {
			t.Errorf("%s: %+v", body, e)
		}
	}

	f.answers(200, nil, `{"ok":true,"messages":[],"has_more":true,"response_metadata":{"next_cursor":"x"}}`)
	if e := failureOf(t, second(b.Find(t.Context(), now, []connector.Marker{marker}))); e.Class != failure.Final || e.Code != "list_endless" {
		t.Errorf("%+v", e)
	}

	if n := len(f.take()); n != maxPages+8 {
		t.Errorf("%d requests", n)
	}
}

// A page too large to be held is read in smaller ones.
func TestFindReadsSmallerPages(t *testing.T) {
	f, b := startBot(t, false)
	f.answer = func(w http.ResponseWriter, r *http.Request, _ string) {
		if r.URL.Query().Get("limit") != "1" {
			fmt.Fprint(w, strings.Repeat(" ", pageBody+1))
			return
		}
		fmt.Fprintf(w, `{"ok":true,"messages":[%s]}`, told(1, "77/4711/2/"+connectortest.Tag))
	}

	found, err := b.Find(t.Context(), now, []connector.Marker{marker})
	if err != nil || len(found) != 1 || len(f.take()) != 5 {
		t.Error(found, err)
	}
}

// B7: a page that Slack cannot answer with is asked for again smaller, on from
// the same cursor; where no size works that is an outage.
func TestFindWhileSlackWeakens(t *testing.T) {
	for name, fail := range map[string]func(w http.ResponseWriter){
		"504": func(w http.ResponseWriter) { w.WriteHeader(504) }, "503": func(w http.ResponseWriter) { w.WriteHeader(503) },
		"its own words": func(w http.ResponseWriter) { fmt.Fprint(w, `{"ok":false,"error":"internal_error"}`) },
		"cut":           func(w http.ResponseWriter) { fmt.Fprint(w, `{"ok":true,"messages":[`) },
	} {
		f, b := startBot(t, false)
		var asked []string
		f.answer = func(w http.ResponseWriter, r *http.Request, _ string) {
			q := r.URL.Query()
			asked = append(asked, q.Get("limit")+q.Get("cursor"))
			switch {
			case q.Get("cursor") == "":
				fmt.Fprint(w, `{"ok":true,"messages":[],"has_more":true,"response_metadata":{"next_cursor":"x"}}`)
			case q.Get("limit") == "100" || q.Get("limit") == "50":
				fail(w)
			default:
				fmt.Fprintf(w, `{"ok":true,"messages":[%s]}`, told(1, "77/4711/2/"+connectortest.Tag))
			}
		}

		found, err := b.Find(t.Context(), now, []connector.Marker{marker})
		if err != nil || len(found) != 1 || fmt.Sprint(asked) != "[100 100x 50x 25x]" {
			t.Errorf("%s: %v, %v, asked %v", name, found, err, asked)
		}

		f.answer = func(w http.ResponseWriter, _ *http.Request, _ string) { fail(w) }
		_, err = b.Find(t.Context(), now, []connector.Marker{marker})
		if e := failureOf(t, err); e.Class != failure.Retryable || e.Scope != failure.IntegrationScope || e.Code != "provider_unavailable" {
			t.Errorf("%s: %v %v", name, e.Class, e)
		}
	}
}
