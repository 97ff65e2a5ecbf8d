package testkit

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const integration = `{"id":"501","organisation_id":"1001","item_type":"work_item","provider":"github","enabled":true,"configuration":"{\"owner\":\"o\",\"repo\":\"r\",\"token\":\"********\"}"}`

// What differs from the document in any way is found.
func TestDoctoredAnswers(t *testing.T) {
	plain := http.Header{"Content-Type": {"application/json"}, "Etag": {`"1"`}}
	with := func(name, value string) http.Header {
		h := maps.Clone(plain)
		if value == "" {
			delete(h, name)
		} else {
			h[name] = []string{value}
		}

		return h
	}

	problem := `{"type":"https://example.com/integrations/docs/errors.md#too_many_requests","title":"t","status":429,"detail":"d","code":"too_many_requests","request_id":"r"}`
	for name, c := range map[string]struct {
		operation string
		Answer
		wrong string // "" for nothing
	}{
		"good":                    {"getIntegration", Answer{200, plain, []byte(integration)}, ""},
		"with transport":          {"getIntegration", Answer{200, with("Cache-Control", "no-store"), []byte(integration)}, ""},
		"not modified":            {"getIntegration", Answer{304, http.Header{"Etag": {`"1"`}}, nil}, ""},
		"unknown status":          {"getIntegration", Answer{202, plain, []byte(integration)}, "status 202 is not documented"},
		"no ETag":                 {"getIntegration", Answer{200, with("Etag", ""), []byte(integration)}, "header ETag is missing"},
		"bare ETag":               {"getIntegration", Answer{200, with("Etag", "1"), []byte(integration)}, "header ETag"},
		"another header":          {"getIntegration", Answer{200, with("X-Debug", "1"), []byte(integration)}, "header X-Debug is not documented"},
		"another media type":      {"getIntegration", Answer{200, with("Content-Type", "text/plain"), []byte(integration)}, "media type"},
		"no media type":           {"getIntegration", Answer{200, with("Content-Type", ""), []byte(integration)}, "media type"},
		"a member more":           {"getIntegration", Answer{200, plain, []byte(strings.Replace(integration, "{", `{"x":1,`, 1))}, "additional properties 'x'"},
		"a member less":           {"getIntegration", Answer{200, plain, []byte(strings.Replace(integration, `"enabled":true,`, "", 1))}, "missing property 'enabled'"},
		"a number for an id":      {"getIntegration", Answer{200, plain, []byte(strings.Replace(integration, `"501"`, "501", 1))}, "got number, want string"},
		"another provider":        {"getIntegration", Answer{200, plain, []byte(strings.Replace(integration, "github", "gitea", 1))}, "value must be one of"},
		"a form of no provider":   {"getIntegration", Answer{200, plain, []byte(strings.Replace(integration, "owner", "possessor", 1))}, "contentSchema"},
		"no JSON":                 {"getIntegration", Answer{200, plain, []byte("{")}, "body"},
		"a body too many":         {"getIntegration", Answer{304, plain, []byte(integration)}, "where the document has none"},
		"too many requests":       {"startSync", Answer{429, http.Header{"Content-Type": {problemMedia}, "Retry-After": {"2"}}, []byte(problem)}, ""},
		"throttled":               {"startSync", Answer{429, http.Header{"Content-Type": {"application/json"}}, []byte(`{"message":"m"}`)}, ""},
		"no Retry-After":          {"startSync", Answer{429, http.Header{"Content-Type": {problemMedia}}, []byte(problem)}, "header Retry-After is missing"},
		"Retry-After for nothing": {"startSync", Answer{429, http.Header{"Content-Type": {"application/json"}, "Retry-After": {"2"}}, []byte(`{"message":"m"}`)}, "is there without"},
		"another status inside":   {"startSync", Answer{429, http.Header{"Content-Type": {problemMedia}, "Retry-After": {"2"}}, []byte(strings.Replace(problem, "429", "400", 1))}, "the problem's status is 400"},
		"a code of another route": {"startSync", Answer{429, http.Header{"Content-Type": {problemMedia}, "Retry-After": {"2"}}, []byte(strings.Replace(problem, `"code":"too_many_requests"`, `"code":"not_a_dry_run"`, 1))}, "value must be"},
		"a time of no calendar": {"getStatus", Answer{200, http.Header{"Content-Type": {"application/json"}},
			[]byte(`{"health":"unknown","reason":null,"paused_until":null,"active_run":null,"pending":0,"given_up":0,"last_success_at":"2026-02-30T00:00:00Z"}`)}, "date-time"},
	} {
		err := MustContract().Operation(c.operation).Answer(c.Answer)
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: %v, want %q", name, err, c.wrong)
		}
	}
}

func TestDoctoredRequests(t *testing.T) {
	json := http.Header{"Content-Type": {"application/json"}}
	id := map[string]string{"integration.id": "1"}
	for name, c := range map[string]struct {
		operation string
		Request
		wrong string
	}{
		"good":                {"listItems", Request{Path: id, Query: url.Values{"limit": {"100"}, "outcome": {"failed"}, "after": {"abc"}}}, ""},
		"a good body":         {"updateIntegration", Request{Path: id, Header: json, Body: []byte(`{"enabled":true}`)}, ""},
		"no body where none":  {"startSync", Request{Path: id}, ""},
		"no path parameter":   {"listItems", Request{}, "path parameter integration.id is missing"},
		"a bad id":            {"listItems", Request{Path: map[string]string{"integration.id": "01"}}, "does not match pattern"},
		"another parameter":   {"getIntegration", Request{Path: map[string]string{"integration.id": "1", "sync.id": "1"}}, "path parameter sync.id is not documented"},
		"limit 101":           {"listItems", Request{Path: id, Query: url.Values{"limit": {"101"}}}, "maximum"},
		"limit of letters":    {"listItems", Request{Path: id, Query: url.Values{"limit": {"ten"}}}, "is no number"},
		"two limits":          {"listItems", Request{Path: id, Query: url.Values{"limit": {"1", "2"}}}, "is there 2 times"},
		"unknown outcome":     {"listItems", Request{Path: id, Query: url.Values{"outcome": {"lost"}}}, "value must be one of"},
		"unknown parameter":   {"listItems", Request{Path: id, Query: url.Values{"page": {"2"}}}, "query parameter page is not documented"},
		"a long key":          {"createIntegration", Request{Path: map[string]string{"organisation.id": "1"}, Header: http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {strings.Repeat("k", 256)}}, Body: []byte(`{"item_type":"none","provider":"teams","configuration":"{\"workflow_url\":\"********\"}"}`)}, "maxLength"},
		"a body less":         {"updateIntegration", Request{Path: id}, "the body is missing"},
		"a body too many":     {"getIntegration", Request{Path: id, Header: json, Body: []byte(`{}`)}, "where the document has none"},
		"another media type":  {"startSync", Request{Path: id, Header: http.Header{"Content-Type": {"text/json"}}, Body: []byte(`{}`)}, "media type"},
		"an unknown member":   {"startSync", Request{Path: id, Header: json, Body: []byte(`{"force":true}`)}, "additional properties"},
		"101 items":           {"retryItems", Request{Path: id, Header: json, Body: []byte(`{"item_ids":[` + strings.Repeat(`"1",`, 100) + `"1"]}`)}, "maxItems"},
		"a mode out of place": {"startSync", Request{Path: id, Header: json, Body: []byte(`{"mode":"purge"}`)}, "value must be one of"},
	} {
		err := MustContract().Operation(c.operation).Request(c.Request)
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: %v, want %q", name, err, c.wrong)
		}
	}
}

func TestMatch(t *testing.T) {
	for request, want := range map[string]string{
		"GET /integrations/7": "getIntegration", "PATCH /integrations/7": "updateIntegration", "GET /integrations/7/syncs/8/items": "listPlan",
		"GET /integrations/7/items": "listItems", "GET /integrations/": "", "GET /integrations": "", "PUT /integrations/7": "", "GET /integrations//items": "",
	} {
		method, path, _ := strings.Cut(request, " ")
		o, values := MustContract().Match(method, path)
		if (o == nil) != (want == "") || o != nil && (o.ID != want || values["integration.id"] != "7") {
			t.Errorf("%s: %v %v", request, o, values)
		}
	}
}

// What was met is missing no more, and nothing else.
func TestSeen(t *testing.T) {
	cases := MustContract().Cases()
	var seen SeenCases
	if got := seen.Missing(cases); len(got) != len(cases) || len(cases) < 200 {
		t.Fatalf("%d of %d cases are missing", len(got), len(cases))
	}

	for _, one := range cases[1:] {
		seen.Add(one)
	}

	if got := seen.Missing(cases); len(got) != 1 || got[0] != cases[0] {
		t.Error(got)
	}

	for text, gateway := range map[string]bool{"getIntegration 304": false, "getIntegration 200 application/json": false, "getIntegration 403 application/json": true, "getIntegration 403 application/problem+json forbidden": false} {
		found := false
		for _, one := range cases {
			if one.String() == text {
				found = true
				if one.Gateway() != gateway {
					t.Errorf("%s: from the gateway: %v", text, one.Gateway())
				}
			}
		}

		if !found {
			t.Errorf("%s is no case", text)
		}
	}
}
