package jira

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

// everyIssue answers as a project with the tests' common list. The number is that
// of the issue with our label, which the index does not know by its label yet.
type everyIssue int

func (ours everyIssue) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	jql := q.Get("jql")
	since := time.Time{}
	if _, rest, ok := strings.Cut(jql, `updated >= "`); ok {
		since, _ = time.Parse("2006-01-02 15:04", rest[:16])
	}

	var all []string
	for n := 1; n <= connectortest.Listed; n++ {
		at := connectortest.ChangedAt(n).Format("2006-01-02T15:04:05.000-0700")
		if connectortest.ChangedAt(n).Before(since) || strings.HasPrefix(jql, "labels in") {
			continue
		}

		labels := "[]"
		if n == int(ours) {
			labels = `["` + label(marker) + `"]`
		}

		all = append(all, fmt.Sprintf(`{"id":"%d","key":"WORK-%d","fields":{"summary":"T","labels":%s,"created":%q,"updated":%q,"status":{"statusCategory":{"key":"new"}}}}`, n, n, labels, at, at))
	}

	if strings.Contains(jql, "created DESC") {
		slices.Reverse(all)
	}

	size, _ := strconv.Atoi(q.Get("maxResults"))
	from, _ := strconv.Atoi(q.Get("startAt") + strings.TrimPrefix(q.Get("nextPageToken"), "at"))
	to := min(from+size, len(all))
	token := ""
	if to < len(all) {
		token = fmt.Sprintf(`"nextPageToken":"at%d",`, to)
	}

	reply(w, 200, nil, fmt.Sprintf(`{%s"isLast":%v,"total":%d,"issues":[%s]}`, token, to == len(all), len(all), strings.Join(all[min(from, to):to], ",")))
}

// weak is a connector to a project whose server can do less and less.
func weak(t *testing.T, flavor string, list http.Handler) (open func(at [3]int) *Connector) {
	f, c := start(t, flavor)
	f.router = nil

	return func(at [3]int) *Connector {
		server := &connectortest.Weakening{Parameter: "maxResults", At: at, Next: list}
		f.answer = func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/myself") {
				reply(w, 200, nil, `{"timeZone":"UTC"}`)
				return
			}
			server.ServeHTTP(w, r)
		}

		f.take()

		return New(c.client.cfg, c.client.http, c.client.now)
	}
}

// B6, B7: whenever the pages shrink, each issue is handed over once and in order.
func TestListWhileItWeakens(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		open := weak(t, flavor, everyIssue(0))
		connectortest.ListWhileItWeakens(t, points(4), func(at [3]int) (connectortest.Tracker, func() connectortest.Tracker) {
			c := open(at)
			return c, func() connectortest.Tracker { return New(c.client.cfg, c.client.http, c.client.now) }
		})
	})
}

// B7: an issue is found wherever it stands in the list.
func TestFindWhileItWeakens(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		for _, ours := range []int{1, 61, 175, 290, 350} {
			open := weak(t, flavor, everyIssue(ours))
			connectortest.FindWhileItWeakens(t, points(4), marker, func(at [3]int) (connector.Finder, string) { return open(at), "WORK-" + strconv.Itoa(ours) })
		}
	})
}

// B6, B7: where no size works that is an outage, and never a refusal.
func TestAnOutageOfLists(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		f, c := start(t, flavor)
		c.changes.account.zone = time.UTC
		for name, one := range map[string]struct {
			answer http.HandlerFunc
			code   string
		}{
			"504":       {func(w http.ResponseWriter, _ *http.Request) { reply(w, 504, nil, "") }, "provider_unavailable"},
			"cut":       {func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, nil, `{"issues":[`) }, "provider_unavailable"},
			"too large": {func(w http.ResponseWriter, _ *http.Request) { large(w, `{"issues":[{"id":"`, 17<<20, `"}]}`) }, "answer_too_large"},
		} {
			f.answer = func(w http.ResponseWriter, r *http.Request) { one.answer(w, r) }
			_, _, err := New(c.client.cfg, c.client.http, c.client.now).Changes(t.Context(), time.Time{}, 0)
			if e := failureOf(t, err); e.Class != failure.Retryable || e.Scope != failure.IntegrationScope || e.Code != one.code {
				t.Errorf("%s: %v %v", name, e.Class, e)
			}

			if n := len(f.take()); n != 5 {
				t.Errorf("%s: %d requests", name, n)
			}
		}
	})
}

// large writes a text of so many bytes between two others.
func large(w http.ResponseWriter, before string, bytes int, after string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, before)
	block := strings.Repeat("x", 1<<20)
	for ; bytes > 0; bytes -= len(block) {
		if _, err := io.WriteString(w, block); err != nil {
			return
		}
	}

	_, _ = io.WriteString(w, after)
}

// options are those of a field, of more than so many bytes.
func options(w io.Writer, bytes int) {
	one := strings.Repeat(`{"self":"https://example.com/x","value":"an option","id":"10001"},`, 1000)
	_, _ = io.WriteString(w, "[")
	for ; bytes > 0; bytes -= len(one) {
		if _, err := io.WriteString(w, one); err != nil {
			return
		}
	}

	_, _ = io.WriteString(w, "{}]")
}

// huge is the size of an answer: less under the race detector, which is slow.
func huge() int {
	if raceDetector {
		return 6 << 20
	}
	return 60 << 20
}

// taken is how much memory a call takes from the heap, the server's included.
func taken(call func()) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	call()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// B14: an issue is closed though each transition comes with tens of thousands of
// options, and they take no memory.
func TestCloseWithHugeTransitions(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		f, c := start(t, flavor)
		f.answer = func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				reply(w, 204, nil, "")
				return
			}

			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"transitions":[{"id":"1","to":{"statusCategory":{"key":"new"}},"fields":{"customfield_1":{"required":false,"name":"Team","allowedValues":`)
			options(w, huge())
			_, _ = io.WriteString(w, `}}},{"id":"2","to":{"statusCategory":{"key":"done"}}}]}`)
		}

		var err error
		if took := taken(func() { err = c.states.move(t.Context(), "9007", domain.Closed) }); took > 16<<20 {
			t.Errorf("%d MiB were read with %d MiB", huge()>>20, took>>20)
		}

		if err != nil {
			t.Fatal(err)
		}

		if calls := f.take(); len(calls) != 2 || !strings.Contains(calls[1].body, `"id":"2"`) {
			t.Errorf("%v", calls)
		}
	})
}

// B14: the fields of a new issue are read though one comes with 40,000 options.
func TestRequiredFieldsWithHugeOptions(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		f, c := start(t, flavor)
		list := map[string]string{form.Cloud: "fields", form.Datacenter: "values"}[flavor]
		f.answer = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"total":2,"`+list+`":[{"fieldId":"f1","name":"Team","required":false,"allowedValues":`)
			options(w, 6<<20)
			_, _ = io.WriteString(w, `},{"fieldId":"f2","name":"Customer","required":true}]}`)
		}

		var got []string
		if err := c.rights.screens.fields(t.Context(), "10001", func(f field) { got = append(got, f.name()) }); err != nil || strings.Join(got, " ") != "Team (f1) Customer (f2)" {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// B6, B14: results with fields nobody asked for are read, and the fields skipped.
func TestSearchWithHugeFields(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		f, c := start(t, flavor)
		c.changes.account.zone = time.UTC
		whole := issueJSON(1, "new")
		at := strings.Index(whole, `"summary":"T"`)
		f.answer = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"isLast":true,"total":1,"names":`)
			options(w, huge()/3)
			_, _ = io.WriteString(w, `,"issues":[`+whole[:at]+`"customfield_9":`)
			options(w, huge()/3)
			_, _ = io.WriteString(w, `,`+whole[at:]+`]}`)
		}

		var objects []connector.Object
		var err error
		if took := taken(func() { objects, _, err = c.Changes(t.Context(), time.Time{}, 0) }); took > 16<<20 {
			t.Errorf("%d MiB were read with %d MiB", huge()*2/3>>20, took>>20)
		}

		if err != nil || len(objects) != 1 || objects[0].Title != "T" {
			t.Errorf("%v, %v", objects, err)
		}
	})
}

// B11: one answer with a reset 23 hours away carries that wait.
func TestALimitFarAway(t *testing.T) {
	f, c := start(t, form.Cloud)
	f.answers(429, http.Header{"X-Ratelimit-Reset": {now.Add(23 * time.Hour).Format("2006-01-02T15:04Z07:00")}, "Date": {now.Format(http.TimeFormat)}}, "")
	_, _, err := c.Changes(t.Context(), time.Time{}, 0)
	if e := failureOf(t, err); e.Code != "rate_limited" || e.Wait != 23*time.Hour+time.Second || e.NoRetryAfter || len(f.take()) != 1 {
		t.Errorf("wait %v, %v", e.Wait, e)
	}
}

// points is at how many requests a page size may shrink: fewer under the race
// detector, which is slow.
func points(n int) int {
	if raceDetector {
		return 1
	}
	return n
}
