package mantisbt

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

func TestFind(t *testing.T) {
	f, c := start(t, nil)
	s := &shelf{t: t, stickyFirst: true}
	f.answer = s.answer
	f.routers = nil
	mark := func(text string, created time.Time) func(*stored) {
		return func(i *stored) { i.Additional, i.CreatedAt = text, at(created) }
	}
	old := now.Add(-time.Hour)
	s.put(1, now.Add(time.Minute), mark("[integrations:11/22/1/"+connectortest.Tag+"]", old)) // made before, changed since
	s.put(2, now.Add(time.Hour), mark("[integrations:11/22/2/"+connectortest.Tag+"]", now.Add(time.Second)))
	s.put(3, now.Add(2*time.Second), mark("[integrations:11/22/2/"+connectortest.Tag+"]", now.Add(2*time.Second))) // a copy of 2
	s.put(4, now.Add(3*time.Second), mark("[integrations:12/24/1/"+connectortest.Tag+"]", now.Add(3*time.Second))) // another integration's
	s.put(5, now.Add(3*time.Second), mark("By Kim.\r\n\r\n[integrations:11/25/1/"+connectortest.Tag+"]\r\n", now.Add(3*time.Second)), sticky)
	s.put(6, now.Add(3*time.Second), mark("see [integrations:11/26/1/"+connectortest.Tag+"]", now.Add(3*time.Second)))
	s.put(7, old, mark("[integrations:11/27/1/"+connectortest.Tag+"]", old))
	s.put(8, now, mark("[integrations:11/28/1/"+connectortest.Tag+"]", now), func(i *stored) { i.Status["id"] = 90 })
	s.put(10, now.Add(time.Second), mark("[integrations:11/22/2]", now.Add(time.Second)))
	s.put(11, now.Add(time.Second), mark("[integrations:11/22/2/"+connectortest.OtherTag+"]", now.Add(time.Second)))
	s.put(12, now.Add(time.Second), mark("[integrations:11/22/5/"+connectortest.Tag+"]", now.Add(time.Second)))    // of an attempt that never was
	s.put(9, now.Add(4*time.Second), mark("[integrations:11/40/1/"+connectortest.Tag+"]", now.Add(4*time.Second))) // nobody asked for it
	for id := int64(100); id < 300; id++ {
		s.put(id, now.Add(time.Duration(id)*time.Second), mark("", now.Add(time.Duration(id)*time.Second)))
	}

	var want []connector.Marker
	for item := domain.Snowflake(22); item <= 31; item++ {
		for attempt := 1; attempt <= 2; attempt++ {
			want = append(want, connector.Marker{Integration: 11, Item: item, Attempt: attempt, Tag: connectortest.Tag})
		}
	}

	for range 2 {
		got, err := c.Find(t.Context(), now.Add(400*time.Millisecond), want)
		if err != nil {
			t.Fatal(err)
		}

		keys := map[domain.Snowflake]string{}
		for item, remote := range got {
			keys[item] = remote.Remote.Key + string(remote.Seen.State)
		}

		if fmt.Sprint(keys) != "map[22:2open 25:5open 28:8closed]" {
			t.Errorf("%v", keys)
		}
	}

	f.take()
	if got, err := c.Find(t.Context(), now, nil); err != nil || len(got) != 0 || len(f.take()) != 0 {
		t.Error("asked for nothing")
	}
}

// An issue that somebody changes while it is looked for is found all the same:
// one not found is made again.
func TestFindWhileTheListMoves(t *testing.T) {
	for n := range 12 {
		f, c := start(t, nil)
		s := &shelf{t: t}
		f.answer = s.answer
		f.routers = nil
		for id := int64(1); id <= 200; id++ {
			s.put(id, now.Add(time.Duration(id)*time.Second))
		}

		s.between = func(asked int) {
			if asked == n {
				s.put(22, now.Add(time.Hour))
				s.remove(150)
			}
		}

		got, err := c.Find(t.Context(), now, []connector.Marker{marker})
		if err != nil || got[22].Remote.Key != "22" {
			t.Errorf("changed before request %d: %v, %v", n, got, err)
		}
	}
}

func TestPlace(t *testing.T) {
	for name, tt := range map[string]struct {
		project string
		answers map[string]string // by path; absent: 404
		want    projectRef
		code    string
	}{
		"number":          {"3", map[string]string{"/users/me": me}, projectRef{base, 3}, ""},
		"name":            {"Work", map[string]string{"/users/me": me}, projectRef{base, 3}, ""},
		"below":           {"Part", map[string]string{"/users/me": me, "/projects": `{"projects":[{"id":3,"name":"Work","subProjects":[{"id":"5","name":"Part"}]}]}`}, projectRef{base, 5}, ""},
		"flat":            {"Part", map[string]string{"/users/me": me, "/projects": `{"projects":[{"id":3,"name":"Work"},{"id":5,"name":"Part"}]}`}, projectRef{base, 5}, ""},
		"no rewriting":    {"Work", map[string]string{"/index.php/users/me": me}, projectRef{base + "/index.php", 3}, ""},
		"unknown":         {"Other", map[string]string{"/users/me": me, "/projects": `{"projects":[]}`}, projectRef{}, "target_not_found"},
		"no number in it": {"Work", map[string]string{"/users/me": `{"id":1,"projects":[{"name":"Work"}]}`, "/projects": `{"projects":[]}`}, projectRef{}, "target_not_found"},
		"no API":          {"3", nil, projectRef{}, "api_not_found"},
		"another site":    {"3", map[string]string{"/users/me": `<html>`}, projectRef{}, "foreign_answer"},
		"nobody":          {"3", map[string]string{"/users/me": `{}`}, projectRef{}, "answer_unreadable"},
		"no list":         {"Part", map[string]string{"/users/me": me, "/projects": `{`}, projectRef{}, "answer_unreadable"},
	} {
		f, c := start(t, func(cfg *Config) { cfg.Project = tt.project })
		asked := 0
		answer := func(w http.ResponseWriter, r *http.Request) {
			asked++
			body, ok := tt.answers[strings.TrimPrefix(r.URL.Path, "/bugs/api/rest")]
			if !ok {
				w.WriteHeader(http.StatusNotFound)
				return
			}

			reply(w, 200, nil, body)
		}

		f.users, f.answer = answer, func(w http.ResponseWriter, r *http.Request, _ []byte) { answer(w, r) }
		got, err := c.place.find(t.Context())
		if got != tt.want || (err != nil) != (tt.code != "") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}

		if err != nil {
			if e := failureOf(t, err); e.Code != tt.code || e.Scope != failure.IntegrationScope || e.Class == failure.Ambiguous {
				t.Errorf("%s: %v", name, e)
			}
			continue
		}

		before := asked
		if again, err := c.place.find(t.Context()); again != got || err != nil || asked != before {
			t.Errorf("%s: asked again", name)
		}
	}
}

func TestWorkflow(t *testing.T) {
	usual := workflow{resolved: 80, closed: 90, reopen: 20, fixed: 20, reopened: 30}
	set := func(option, value string) string { return `{"option":"` + option + `","value":` + value + `}` }
	all := func(parts ...string) string { return `{"configs":[` + strings.Join(parts, ",") + `]}` }
	const statuses = `[{"id":10,"name":"new"},{"id":20,"name":"feedback"},{"id":80,"name":"resolved"},{"id":90,"name":"closed"}]`
	for name, tt := range map[string]struct {
		body string
		want workflow
		bad  bool
	}{
		"usual":              {configs, usual, false},
		"only statuses":      {all(set("status_enum_string", statuses)), workflow{resolved: 80, closed: 90, reopen: 20}, false},
		"numbers as text":    {strings.NewReplacer(`"value":80`, `"value":"80"`, `"id":90`, `"id":"90"`).Replace(configs), usual, false},
		"another threshold":  {strings.Replace(configs, `"value":80`, `"value":90`, 1), workflow{resolved: 90, closed: 90, reopen: 20, fixed: 20, reopened: 30}, false},
		"reopened as new":    {strings.Replace(configs, `reopen_status","value":20`, `reopen_status","value":10`, 1), workflow{resolved: 80, closed: 90, reopen: 10, fixed: 20, reopened: 30}, false},
		"an unknown reopen":  {strings.Replace(configs, `reopen_status","value":20`, `reopen_status","value":15`, 1), usual, false},
		"reopened as closed": {strings.Replace(configs, `reopen_status","value":20`, `reopen_status","value":90`, 1), usual, false},
		"names of its own":   {all(set("status_enum_string", `[{"id":95,"name":"fini"},{"id":5,"name":"neuf"}]`)), workflow{resolved: 80, closed: 95, reopen: 5}, false},
		"nothing is done":    {all(set("status_enum_string", `[{"id":10,"name":"new"}]`)), workflow{resolved: 80, closed: 0, reopen: 10}, false},
		"no statuses":        {all(set("bug_reopen_status", "20")), workflow{}, true},
		"empty":              {all(set("status_enum_string", `[]`)), workflow{}, true},
		"text":               {all(set("status_enum_string", `"10:new,90:closed"`)), workflow{}, true},
		"no JSON":            {"<html>", workflow{}, true},
	} {
		got, err := parseWorkflow([]byte(tt.body))
		if (err != nil) != tt.bad || got != tt.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, tt.want)
		}
	}

	_, c := start(t, nil)
	if _, _, err := c.states.move(workflow{resolved: 80, reopen: 10}, domain.Closed); failureOf(t, err).Code != "status_missing" {
		t.Error(err)
	}

	if status, resolution, err := c.states.move(workflow{reopen: 10}, domain.Open); err != nil || status.ID != 10 || resolution != nil {
		t.Error(status, resolution, err)
	}
}

func FuzzWorkflow(f *testing.F) {
	f.Add([]byte(configs))
	f.Add([]byte(`{"configs":[{"option":"status_enum_string","value":[{"id":-1,"name":"closed"},{"id":9e9}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		w, err := parseWorkflow(body)
		if err != nil {
			return
		}

		if w.closed != 0 && w.closed < w.resolved || w.reopen >= w.resolved && w.reopen != 0 || w.resolved <= 0 {
			t.Errorf("%+v", w)
		}
	})
}

func FuzzProblem(f *testing.F) {
	f.Add([]byte(`{"message":"Hit rate limit threshold","code":27,"localized":"x"}`), "Too Many Requests", 429)
	f.Add([]byte(`{"message":1,"code":{}}`), "Project '3' doesn't exist", 404)
	c := New(Config{BaseURL: base}, outbound.New(outbound.Config{}), nil)
	f.Fuzz(func(t *testing.T, body []byte, reason string, status int) {
		answer := outbound.Response{Status: 300 + status&511, Reason: reason, Body: body}
		for _, method := range []string{"GET", "POST", "PATCH"} {
			e := c.client.classifier.refused(method, answer)
			if e.Class < failure.NotSent || e.Class > failure.Ambiguous || e.Code == "" || len([]rune(e.Detail)) > 200 || method == "GET" && e.Class == failure.Ambiguous {
				t.Errorf("%s %d: %+v", method, answer.Status, e)
			}
		}

		_, _ = only(body)
	})
}

func FuzzMarker(f *testing.F) {
	f.Add("Seen at noon.\r\n", uint64(1), uint64(2), 3)
	f.Add("[integrations:1/2/3]", uint64(1), uint64(2), 3)
	f.Add("\n[integrations:1/2/3/"+connectortest.Tag+"]\n[integrations:1/3/3]\n[integrations:1/3/4]\nx", uint64(1), uint64(3), 3)
	f.Fuzz(func(t *testing.T, text string, integration, item uint64, attempt int) {
		m := connector.Marker{Integration: domain.Snowflake(integration>>1 | 1), Item: domain.Snowflake(item>>1 | 1), Attempt: attempt & 0xffff, Tag: connectortest.Tag}
		kept := keepMarker(text, m)
		if kept == "" {
			there := slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool {
				found, ok := parseLine(line)
				return ok && found == m
			})
			if len([]rune(text)) < maxText-100 && !there {
				t.Errorf("%q is left without %v", text, m)
			}

			return
		}

		if found := markers(kept); connector.FirstMarker(found) != m || keepMarker(kept, m) != "" {
			t.Errorf("%q is read as %v, want %v", kept, found, m)
		}

		for line := range strings.Lines(strings.TrimRight(text, " \t\r\n")) {
			found, ok := parseLine(line)
			ours := ok && found.Integration == m.Integration && found.Item == m.Item
			if !ours && !strings.Contains(kept, strings.TrimRight(line, " \t\r\n")) {
				t.Errorf("%q is lost from %q", line, kept)
			}
		}
	})
}
