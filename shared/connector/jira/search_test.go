package jira

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup/document"
)

var (
	_ connector.Finder  = (*Connector)(nil)
	_ connector.Puller  = (*Connector)(nil)
	_ connector.Checker = (*Connector)(nil)
)

func TestChanges(t *testing.T) {
	f, c := start(t, form.Cloud)
	f.answer = func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/myself") {
			reply(w, 200, nil, `{"timeZone":"America/New_York"}`)
			return
		}

		if r.URL.Query().Get("nextPageToken") == "" {
			reply(w, 200, nil, `{"issues":[`+issueJSON(1, "new", func(all map[string]any) {
				all["fields"].(map[string]any)["updated"] = "2026-11-23T10:00:29.000+0000"
			})+`,`+issueJSON(2, "done", func(all map[string]any) {
				all["fields"].(map[string]any)["summary"] = strings.Repeat("é", 300)
				all["properties"] = map[string]any{propertyKey: traceOf(marker)}
			})+`],"isLast":false,"nextPageToken":"next"}`)
			return
		}

		reply(w, 200, nil, listJSON())
	}

	objects, more, err := c.Changes(t.Context(), now.Add(30*time.Second), 0)
	if err != nil || !more || len(objects) != 1 {
		t.Fatal(objects, more, err)
	}

	o := objects[0]
	if o.Marker != marker || o.Remote.Key != "WORK-2" || o.Seen.State != domain.Closed || document.Length(o.Title) != 255 ||
		!o.UpdatedAt.Equal(now.Add(30*time.Minute+250*time.Millisecond)) || !o.CreatedAt.Equal(now) {
		t.Errorf("%+v", o)
	}

	if objects, more, err = c.Changes(t.Context(), now.Add(30*time.Second), 1); err != nil || more || len(objects) != 0 {
		t.Error(objects, more, err)
	}

	// The first page has an issue that is wanted: it is asked for again.
	before := len(f.take())
	if objects, more, err = c.Changes(t.Context(), now.Add(59*time.Second), 0); err != nil || !more || len(objects) != 1 {
		t.Error(objects, more, err)
	}

	if before != 3 || len(f.take()) != 1 {
		t.Errorf("%d requests before", before)
	}

	q := c.changes.trail.jql
	if want := `project = "WORK" AND updated >= "2026-11-23 05:00" ORDER BY updated ASC, id ASC`; q != want {
		t.Errorf("%s, want %s", q, want)
	}

	if jql, err := c.changes.query(t.Context(), time.Time{}); err != nil || jql != `project = "WORK" ORDER BY updated ASC, id ASC` {
		t.Error(jql, err)
	}
}

// A page that is known to hold nothing new costs no request.
func TestChangesSkipsWhatIsKnown(t *testing.T) {
	f, c := start(t, form.Datacenter)
	f.answer = func(w http.ResponseWriter, r *http.Request) {
		at := 0
		_, _ = fmt.Sscan(r.URL.Query().Get("startAt"), &at)
		reply(w, 200, nil, fmt.Sprintf(`{"total":3,"issues":[%s]}`, issueJSON(at+1, "new", func(all map[string]any) {
			all["fields"].(map[string]any)["updated"] = now.Add(time.Duration(at) * time.Second).Format("2006-01-02T15:04:05.000-0700")
		})))
	}

	c.changes.account.zone = time.UTC
	var got []string
	for _, ask := range []struct {
		since  time.Duration
		offset int
	}{{0, 0}, {0, 1}, {time.Second, 0}, {time.Second, 1}, {2 * time.Second, 0}, {2 * time.Second, 1}, {0, 2}} {
		objects, more, err := c.Changes(t.Context(), now.Add(ask.since), ask.offset)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d/%v/%d", len(objects), more, len(f.take())))
	}

	if want := "[1/true/1 1/true/1 1/true/1 1/false/1 1/false/1 0/false/1 1/false/1]"; fmt.Sprint(got) != want {
		t.Errorf("%v\nwant %s", got, want)
	}
}

// Half a list must not pass for a whole one: an issue not found is made again.
func TestNeverHalfAList(t *testing.T) {
	whole := issueJSON(1, "new")
	without := func(name string) string {
		return issueJSON(1, "new", func(all map[string]any) { delete(all["fields"].(map[string]any), name) })
	}
	for name, body := range map[string]string{
		"cut": `{"isLast":true,"issues":[` + whole, "cut behind a comma": `{"issues":[` + whole + ",", "no end": `{"isLast":true,"issues":[]`, "two": listJSON(whole) + "{}",
		"list": "[" + whole + "]", "empty": "", "html": "<html>", "null": "null", "no issues": `{"isLast":true,"total":0}`, "issues twice": `{"issues":[],"issues":[],"isLast":true,"total":0}`,
		"no object": `{"issues":{},"isLast":true,"total":0}`, "a null in it": listJSON("null"), "a number in it": listJSON("1"), "no id": listJSON(strings.Replace(whole, `"9001"`, `""`, 1)),
		"no status": listJSON(without("status")), "no time": listJSON(without("updated")), "no creation": listJSON(without("created")),
		"wrong end": `{"issues":[],"isLast":"x","total":"x"}`, "deep": strings.Repeat("[", 200_000),
	} {
		each(t, func(t *testing.T, flavor string) {
			f, c := start(t, flavor)
			c.changes.account.zone = time.UTC
			f.answers(200, nil, body)
			objects, more, err := c.Changes(t.Context(), now, 0)
			if err == nil {
				t.Fatalf("%s: %v", name, objects)
			}

			if e := failureOf(t, err); e.Class != failure.Retryable || e.Scope != failure.IntegrationScope || objects != nil || more {
				t.Errorf("%s: %v", name, e)
			}

			if _, err = c.Find(t.Context(), now, []connector.Marker{marker}); err == nil || failureOf(t, err).Class != failure.Retryable {
				t.Errorf("%s: find: %v", name, err)
			}
		})
	}

	for name, body := range map[string]string{
		"no token": `{"issues":[],"isLast":false}`, "an empty one": `{"issues":[],"isLast":false,"nextPageToken":""}`, "a huge one": `{"issues":[],"nextPageToken":"` + strings.Repeat("x", 5000) + `"}`,
	} {
		f, c := start(t, form.Cloud)
		f.answers(200, nil, body)
		if _, _, err := c.Changes(t.Context(), time.Time{}, 0); err == nil || failureOf(t, err).Code != "answer_unreadable" {
			t.Errorf("%s: %v", name, err)
		}
	}

	f, c := start(t, form.Datacenter)
	f.answers(200, nil, `{"issues":[]}`)
	if _, _, err := c.Changes(t.Context(), time.Time{}, 0); err == nil || failureOf(t, err).Code != "answer_unreadable" {
		t.Errorf("no total: %v", err)
	}
}

// A token that leads round in a circle is found out.
func TestAListWithoutEnd(t *testing.T) {
	f, c := start(t, form.Cloud)
	f.answers(200, nil, `{"issues":[],"nextPageToken":"again"}`)
	if _, _, err := c.Changes(t.Context(), time.Time{}, 100); err == nil || failureOf(t, err).Code != "answer_unreadable" {
		t.Errorf("%v", err)
	}

	if n := len(f.take()); n != 2 {
		t.Errorf("%d requests", n)
	}
}

func TestSearchOfNoProject(t *testing.T) {
	f, c := start(t, form.Cloud)
	f.answers(400, nil, `{"errorMessages":["Der Wert WORK existiert nicht."]}`)
	_, _, err := c.Changes(t.Context(), time.Time{}, 0)
	if e := failureOf(t, err); e.Code != "target_not_found" || e.Scope != failure.IntegrationScope {
		t.Errorf("%v", e)
	}
}

func TestFindAsksForNothing(t *testing.T) {
	f, c := start(t, form.Cloud)
	if got, err := c.Find(t.Context(), now, nil); err != nil || len(got) != 0 || len(f.take()) != 0 {
		t.Error(got, err)
	}
}

// A refusal on the way is no proof that an issue is not there.
func TestFindNeverTakesARefusalForAnAnswer(t *testing.T) {
	for _, status := range []string{"401", "403", "429", "500", "302", "204"} {
		f, c := start(t, form.Cloud)
		c.changes.account.zone = time.UTC
		f.by("GET /search/jql", "200", listJSON(), "GET /issue/WORK-1", status, "", "GET /mypermissions", status, "")
		if got, err := c.Find(t.Context(), now, []connector.Marker{marker}); err == nil {
			t.Errorf("%s: %v", status, got)
		}
	}

	f, c := start(t, form.Cloud)
	c.changes.account.zone = time.UTC
	f.answer = func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/search/jql") {
			reply(w, 200, nil, listJSON())
			return
		}
		reply(w, 404, http.Header{"X-Seraph-Loginreason": {"AUTHENTICATED_FAILED"}}, "")
	}
	if got, err := c.Find(t.Context(), now, []connector.Marker{marker}); err == nil || failureOf(t, err).Code != "credentials_rejected" {
		t.Error(got, err)
	}
}

// An issue that a security level keeps from the account is one of others: it
// does not keep the integration from finding its own.
func TestFindPassesWhatIsHidden(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		f, c := start(t, flavor)
		c.changes.account.zone = time.UTC
		ours := issueJSON(2, "new", func(all map[string]any) { all["fields"].(map[string]any)["labels"] = []string{label(marker)} })
		f.answer = func(w http.ResponseWriter, r *http.Request) {
			switch path := r.URL.Path; {
			case strings.Contains(path, "/search"):
				reply(w, 200, nil, listJSON())
			case strings.HasSuffix(path, "/mypermissions"):
				have := `{"havePermission":true}`
				reply(w, 200, nil, fmt.Sprintf(`{"permissions":{"%s":%s,"%s":%s,"%s":%s,"%s":%s}}`, browseProjects, have, createIssues, have, editIssues, have, transitionIssues, have))
			case strings.HasSuffix(path, "/WORK-1"):
				reply(w, 403, nil, `{"errorMessages":["You do not have the permission to see the specified issue."]}`)
			case strings.HasSuffix(path, "/WORK-2"):
				reply(w, 200, nil, ours)
			default:
				reply(w, 404, nil, "{}")
			}
		}

		got, err := c.Find(t.Context(), now.Add(-time.Hour), []connector.Marker{marker})
		if err != nil || got[marker.Item].Remote.Key != "WORK-2" {
			t.Errorf("%+v %v", got, err)
		}
	})
}

// How old a search may be is told by Jira's clock, of which since is a time: a
// young attempt is not taken for one that the index must know by now.
func TestFindIsUnsureByJirasClock(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		for _, behind := range []time.Duration{0, time.Hour, 20 * time.Hour} {
			f, c := start(t, flavor)
			c.changes.account.zone = time.UTC
			c.client.now = time.Now
			f.answer = func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Date", time.Now().Add(-behind).UTC().Format(http.TimeFormat))
				switch {
				case strings.Contains(r.URL.Query().Get("jql"), "created <"):
					reply(w, 200, nil, listJSON(issueJSON(100, "new")))
				case strings.Contains(r.URL.Path, "/search"):
					reply(w, 200, nil, listJSON(issueJSON(200, "new")))
				default:
					reply(w, 404, nil, "{}")
				}
			}

			_, err := c.Find(t.Context(), time.Now().Add(-9*time.Minute-behind), []connector.Marker{marker})
			if err == nil || failureOf(t, err).Code != "reconcile_unsure" {
				t.Errorf("%v behind: %v", behind, err)
			}
		}
	})
}

func TestQuote(t *testing.T) {
	for text, want := range map[string]string{`a`: `"a"`, `a"b\c`: `"a\"b\\c"`, `") OR project = "X`: `"\") OR project = \"X"`} {
		if got := quote(text); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// A local time is never later than it was, in whatever zone and
// season, and no more than two hours earlier.
func TestMinute(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Chatham", "Africa/Casablanca"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}

		for at := now.AddDate(-1, 0, 0); at.Before(now.AddDate(0, 2, 0)); at = at.Add(53 * time.Minute) {
			text := minute(at, zone)
			wall, err := time.ParseInLocation(`"2006-01-02 15:04"`, text, zone)
			if err != nil {
				t.Fatal(err)
			}

			for _, read := range []time.Time{wall, wall.Add(time.Hour), wall.Add(30 * time.Minute)} { // whichever of two it is taken for
				if read.Format(`"2006-01-02 15:04"`) == text && (read.After(at) || at.Sub(read) > 3*time.Hour) {
					t.Fatalf("%s: %v is %s, read as %v", name, at, text, read)
				}
			}
		}
	}
}

func FuzzList(f *testing.F) {
	f.Add([]byte(listJSON(issueJSON(1, "new"), issueJSON(2, "done"))))
	f.Add([]byte(`{"issues":[{"fields":{"summary":"\ud800","labels":["x"],"description":{"a":[]}}},null],"total":-1}`))
	f.Add([]byte(`{"issues":[]}x`))
	f.Add([]byte(listJSON(issueJSON(1, "new", func(all map[string]any) {
		all["fields"].(map[string]any)["labels"] = []string{label(marker), label(connector.Marker{Integration: 11, Item: 22})}
		all["properties"] = map[string]any{propertyKey: traceOf(marker)}
	}))))
	f.Fuzz(func(t *testing.T, body []byte) {
		var got []issue
		p, err := eachIssue(bytes.NewReader(body), func(i issue) { got = append(got, i) })
		if err == nil && (p.count != len(got) || !json.Valid(body)) {
			t.Fatalf("%d issues of %d in %q", len(got), p.count, body)
		}

		for _, i := range got {
			if len(i.text()) != 32 || i.state() != domain.Open && i.state() != domain.Closed {
				t.Errorf("%+v", i)
			}

			if found := i.markers(); len(found) > connector.MostMarkers {
				t.Errorf("markers %+v", found)
			}

			for _, m := range i.markers() {
				if m.Integration <= 0 || m.Item <= 0 || m.Tag != "" && !connector.IsTag(m.Tag) {
					t.Errorf("marker %+v", m)
				}
			}

			if title := document.CutText(i.Fields.Summary, maxSummary, ""); document.Length(title) > maxSummary || !utf8.ValidString(title) {
				t.Errorf("%q", title)
			}

			if i.named() {
				project, n := i.number()
				if project == "" || n <= 0 || fmt.Sprintf("%s-%d", project, n) != i.Key {
					t.Errorf("%s is %s and %d", i.Key, project, n)
				}
			}
		}
	})
}

// Of several with one marker the oldest is kept, in whatever order they come.
func TestTheOldestIsTheItems(t *testing.T) {
	at := func(id string, created time.Time) issue {
		i := issue{ID: id}
		i.Fields.Labels = []string{label(marker)}
		i.Fields.Created = moment{created}
		return i
	}

	all := []issue{at("9", now), at("10", now), at("3", now.Add(time.Second)), at("1", now.Add(-time.Second))}
	for range all {
		s := newSearch(now, []connector.Marker{marker}, time.UTC)
		for _, i := range all {
			s.note(i)
		}

		if got := s.found[marker.Item].ID; got != "9" {
			t.Errorf("%v was taken of %v", got, all)
		}

		all = append(all[1:], all[0])
	}
}
