package jira

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

var _ connector.Resolver = (*Connector)(nil)

const (
	projectJSON = `{"id":"10000","key":"NEW","name":"Work"}`
	tenantJSON  = `{"cloudId":"11111111-2222-3333-4444-55555555AAAA"}`
	tenant      = "11111111-2222-3333-4444-55555555aaaa"
)

// What answers to the questions of a resolve mean.
func TestResolve(t *testing.T) {
	const integration = failure.IntegrationScope
	for _, tt := range []struct {
		name, flavor    string
		project, second string // "STATUS body"; second is tenant_info or serverInfo
		instance, code  string
		class           failure.Class
	}{
		{name: "cloud", flavor: form.Cloud, project: "200 " + projectJSON, second: "200 " + tenantJSON, instance: tenant},
		{name: "no cloud id", flavor: form.Cloud, project: "200 " + projectJSON, second: `200 {"cloudId":""}`, code: "answer_unreadable", class: failure.Retryable},
		{name: "cloud id that is none", flavor: form.Cloud, project: "200 " + projectJSON, second: `200 {"cloudId":"../x"}`, code: "answer_unreadable", class: failure.Retryable},
		{name: "HTML for a cloud id", flavor: form.Cloud, project: "200 " + projectJSON, second: `200 <html>`, code: "foreign_answer", class: failure.Retryable},
		{name: "site away", flavor: form.Cloud, project: "200 " + projectJSON, second: "503 ", code: "provider_unavailable", class: failure.Retryable},
		{name: "no such site", flavor: form.Cloud, project: "200 " + projectJSON, second: "404 ", code: "target_not_found", class: failure.Final},
		{name: "site sends on", flavor: form.Cloud, project: "200 " + projectJSON, second: "302 ", code: "target_moved", class: failure.Final},

		{name: "server", flavor: form.Datacenter, project: "200 " + projectJSON, second: `200 {"baseUrl":"https://Jira.acme.test:443/x/"}`, instance: "jira.acme.test/x"},
		{name: "server by http", flavor: form.Datacenter, project: "200 " + projectJSON, second: `200 {"baseUrl":"http://jira.acme.test"}`, instance: "jira.acme.test"},
		{name: "no baseUrl", flavor: form.Datacenter, project: "200 " + projectJSON, second: `200 {"version":"9"}`, instance: "example.com/jira"},
		{name: "baseUrl null", flavor: form.Datacenter, project: "200 " + projectJSON, second: `200 {"baseUrl":null}`, instance: "example.com/jira"},
		{name: "baseUrl a number", flavor: form.Datacenter, project: "200 " + projectJSON, second: `200 {"baseUrl":1}`, instance: "example.com/jira"},
		{name: "baseUrl that is none", flavor: form.Datacenter, project: "200 " + projectJSON, second: `200 {"baseUrl":"javascript:x"}`, instance: "example.com/jira"},
		{name: "serverInfo closed", flavor: form.Datacenter, project: "200 " + projectJSON, second: "403 ", instance: "example.com/jira"},
		{name: "serverInfo gone", flavor: form.Datacenter, project: "200 " + projectJSON, second: "404 ", instance: "example.com/jira"},
		{name: "login page", flavor: form.Datacenter, project: "200 " + projectJSON, second: "200 <html>", code: "foreign_answer", class: failure.Retryable},
		{name: "token ends in between", flavor: form.Datacenter, project: "200 " + projectJSON, second: "401 {}", code: "credentials_rejected", class: failure.Final},
		{name: "limited", flavor: form.Datacenter, project: "200 " + projectJSON, second: "429 ", code: "rate_limited", class: failure.Retryable},

		{name: "not found", project: "404 ", code: "target_not_found", class: failure.Final},
		{name: "not to be seen", project: "403 {}", code: "target_not_found", class: failure.Final},
		{name: "bad token", project: "401 {}", code: "credentials_rejected", class: failure.Final},
		{name: "a gateway's 401", project: "401 Jwt is missing", code: "provider_unavailable", class: failure.Retryable},
		{name: "a gateway's 403", project: "403 RBAC: access denied", code: "provider_unavailable", class: failure.Retryable},
		{name: "another web server", project: "404 <html>", code: "target_not_found", class: failure.Final},
		{name: "sent on", project: "302 ", code: "target_moved", class: failure.Final},
		{name: "an outage", project: "502 ", code: "provider_unavailable", class: failure.Retryable},
		{name: "HTML", project: "200 <html>", code: "foreign_answer", class: failure.Retryable},
		{name: "no id", project: `200 {"key":"NEW"}`, code: "answer_unreadable", class: failure.Retryable},
		{name: "id that is none", project: `200 {"id":"x","key":"NEW"}`, code: "answer_unreadable", class: failure.Retryable},
		{name: "key that is none", project: `200 {"id":"10000","key":"a b"}`, code: "answer_unreadable", class: failure.Retryable},
	} {
		for _, flavor := range flavors {
			if tt.flavor != "" && tt.flavor != flavor {
				continue
			}

			t.Run(tt.name+" "+flavor, func(t *testing.T) {
				f, c := start(t, flavor)
				f.answer = func(w http.ResponseWriter, r *http.Request) {
					status, body, _ := strings.Cut(tt.project, " ")
					if !strings.HasSuffix(r.URL.Path, "/project/WORK") {
						status, body, _ = strings.Cut(tt.second, " ")
					}
					reply(w, map[string]int{"200": 200, "302": 302, "401": 401, "403": 403, "404": 404, "429": 429, "502": 502, "503": 503}[status], nil, body)
				}

				p, err := c.Resolve(t.Context())
				calls := f.take()
				if tt.code != "" {
					if e := failureOf(t, err); e.Code != tt.code || e.Class != tt.class || e.Scope != integration {
						t.Errorf("%v %v", e.Class, e)
					}

					if p != (connector.Place{}) || c.place.project() != (projectRef{key: "WORK"}) {
						t.Errorf("%+v", p)
					}

					return
				}

				want := connector.Place{Instance: tt.instance, ID: "10000", Name: "NEW", URL: base + "/browse/NEW"}
				if err != nil || p != want || len(calls) != 2 || c.place.project() != (projectRef{id: "10000", key: "NEW"}) {
					t.Errorf("%+v, %v, %d calls; want %+v", p, err, len(calls), want)
				}
			})
		}
	}
}

// A site and its gateway are one instance, and the gateway's needs no question.
func TestTheGatewayNamesTheSite(t *testing.T) {
	c := New(Config{Flavor: form.Cloud, BaseURL: gateway + "ex/jira/" + strings.ToUpper(tenant)}, nil, nil)
	if got, err := c.place.instance(t.Context()); err != nil || got != tenant {
		t.Errorf("%s, %v", got, err)
	}
}

// After Use every call goes by the project's id, but for reading by keys.
func TestCallsGoByID(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		f, c := start(t, flavor)
		f.by(
			"GET /myself", "200", `{"timeZone":"UTC"}`,
			"GET /search/jql", "200", listJSON(), "GET /search", "200", listJSON(),
			"GET /mypermissions", "200", `{"permissions":{"BROWSE_PROJECTS":{"havePermission":true},"CREATE_ISSUES":{"havePermission":true},"EDIT_ISSUES":{"havePermission":true},"TRANSITION_ISSUES":{"havePermission":true}}}`,
			"GET /issuetypes", "200", `{"issueTypes":[{"id":"1","name":"Task"}],"total":1}`,
			"GET /issuetypes/1", "200", `{"fields":[{"fieldId":"summary"},{"fieldId":"description"},{"fieldId":"labels","name":"Labels"}],"total":3}`,
			"GET /project/10000", "200", projectJSON,
			"POST /issue", "201", `{"id":"9001","key":"NEW-1"}`,
			"GET /issue/9001", "200", issueJSON(1, "new"),
			"GET NEW-1", "404", "{}", "GET NEW-2", "404", "{}", "GET NEW-3", "404", "{}", "GET NEW-4", "404", "{}", "GET NEW-5", "404", "{}",
			"GET NEW-6", "404", "{}", "GET NEW-7", "404", "{}", "GET NEW-8", "404", "{}", "GET NEW-9", "404", "{}", "GET NEW-10", "404", "{}",
		)

		c.Use(connector.Place{Instance: tenant, ID: "10000", Name: "NEW"})
		if calls := f.take(); len(calls) != 0 {
			t.Errorf("Use makes calls: %+v", calls)
		}

		marker := connector.Marker{Integration: 11, Item: 22, Attempt: 1}
		if _, err := c.Create(t.Context(), c.Render(domain.Item{ID: 22, Title: "T"}), marker); err != nil {
			t.Error(err)
		}

		if _, _, err := c.Changes(t.Context(), now, 0); err != nil {
			t.Error(err)
		}

		if _, err := c.Find(t.Context(), now, []connector.Marker{marker}); err != nil {
			t.Error(err)
		}

		if _, err := c.Check(t.Context()); err != nil {
			t.Error(err)
		}

		has := map[string]bool{}
		for _, one := range f.take() {
			query, _ := url.QueryUnescape(one.query)
			all := one.method + " " + one.path + "?" + query + " " + one.body
			if strings.Contains(all, "WORK") {
				t.Errorf("a call goes by the configured key: %s", all)
			}

			for _, part := range []string{`"project":{"id":"10000"}`, "project = 10000 AND", "projectId=10000", "/createmeta/10000/issuetypes", "/project/10000", "/issue/NEW-1"} {
				has[part] = has[part] || strings.Contains(all, part)
			}
		}

		if len(has) != 6 {
			t.Errorf("%v", has)
		}

		for part, ok := range has {
			if !ok {
				t.Errorf("no call has %s", part)
			}
		}
	})
}

// Without a place calls go by the key, and what is no place of Jira's is none.
func TestWithoutAPlace(t *testing.T) {
	f, c := start(t, form.Cloud)
	for _, p := range []connector.Place{{}, {ID: "x", Name: "NEW"}, {ID: "10000"}, {ID: "10000", Name: "a b"}, {ID: "1 OR 1=1", Name: "NEW"}} {
		c.Use(p)
	}

	f.answers(200, nil, listJSON())
	if _, _, err := c.Changes(t.Context(), time.Time{}, 0); err != nil {
		t.Fatal(err)
	}

	if query, _ := url.QueryUnescape(f.take()[0].query); !strings.Contains(query, `project = "WORK"`) {
		t.Error(query)
	}
}

// A place may be used while calls are under way: each names one project.
func TestUseBesideCalls(t *testing.T) {
	f, c := start(t, form.Cloud)
	f.answers(200, nil, listJSON())
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			c.Use(connector.Place{ID: fmt.Sprint(10000 + n%2), Name: "NEW"})
			if _, _, err := c.Changes(t.Context(), time.Time{}, 0); err != nil {
				t.Error(err)
			}
		})
	}

	all.Wait()
	for _, one := range f.take() {
		query, _ := url.QueryUnescape(one.query)
		if !strings.Contains(query, "project = 10000 ") && !strings.Contains(query, "project = 10001 ") {
			t.Errorf("%+v", one)
		}
	}
}

// FuzzPlaceAnswers: what is read of an answer is fit for an address and for JQL.
func FuzzPlaceAnswers(f *testing.F) {
	for _, body := range []string{projectJSON, tenantJSON, `{"baseUrl":"https://jira.acme.test/x"}`, `{"baseUrl":null,"cloudId":1}`, `null`, `[]`, `{"id":"1\n","key":"A B"}`} {
		f.Add([]byte(body))
	}

	f.Fuzz(func(t *testing.T, body []byte) {
		if p, ok := parseProject(body); ok && (!digits(p.ID) || url.PathEscape(p.Key) != p.Key || strings.ContainsAny(p.Key, "\"\\ ")) {
			t.Errorf("%q: %+v", body, p)
		}

		if id, ok := parseTenant(body); ok && (url.PathEscape(id) != id || id != strings.ToLower(id) || len(id) < 8) {
			t.Errorf("%q: %q", body, id)
		}

		if name, ok := parseServer(body); ok && (strings.HasPrefix(name, "http:") || strings.HasSuffix(name, "/")) {
			t.Errorf("%q: %q", body, name)
		}
	})
}
