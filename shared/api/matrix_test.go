package api_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"example.com/integrations/shared/api"
	"example.com/integrations/shared/domain"
)

// A refusal is what a bad request must be told, exactly.
type refusal struct {
	status int
	code   string
	fields []string // in the order of the answer
}

func refused(t *testing.T, resp events.APIGatewayV2HTTPResponse, want refusal) {
	t.Helper()
	var doc struct {
		Type, Title, Detail, Code string
		Status                    int
		RequestID                 string `json:"request_id"`
		Errors                    []struct{ Field, Detail string }
	}
	if err := json.Unmarshal([]byte(resp.Body), &doc); err != nil {
		t.Fatalf("%d %q: %v", resp.StatusCode, resp.Body, err)
	}

	var fields []string
	for _, e := range doc.Errors {
		fields = append(fields, e.Field)
		if e.Detail == "" {
			t.Errorf("nothing is said of %s", e.Field)
		}
	}

	if resp.StatusCode != want.status || doc.Code != want.code || !slices.Equal(fields, want.fields) {
		t.Errorf("%d %s %v\n%s\nwant %d %s %v", resp.StatusCode, doc.Code, fields, resp.Body, want.status, want.code, want.fields)
	}

	if resp.Headers["content-type"] != "application/problem+json" || doc.Status != resp.StatusCode ||
		doc.Type == "" || doc.Title == "" || doc.Detail == "" || doc.RequestID != "request-1" {
		t.Errorf("not a complete problem document: %v %s", resp.Headers, resp.Body)
	}

	if strings.Contains(resp.Body, token) {
		t.Error("the answer holds a secret")
	}
}

// Rights are looked up at every request, whatever a warm function remembers.
func TestRightsAreNotRemembered(t *testing.T) {
	w := newWorld(t)
	if resp := send(t, w.get, request{}); resp.StatusCode != 200 {
		t.Fatal(resp.Body)
	}

	must(t, w.store.PutRole(t.Context(), org, 21, domain.RoleGrant{Version: 2, Deleted: true}))
	refused(t, send(t, w.get, request{}), refusal{403, "forbidden", nil})
	_, err := w.store.TakeOrganisation(t.Context(), domain.Organisation{ID: org, Deleted: true, Version: 2}, w.now)
	must(t, err)
	refused(t, send(t, w.get, request{}), refusal{400, "organisation_not_found", nil})
}

func TestGet(t *testing.T) {
	w := newWorld(t)
	resp := send(t, w.get, request{})
	want := `{"id":"501","organisation_id":"1001","item_type":"work_item","provider":"github","enabled":true,` +
		`"configuration":"{\"owner\":\"octo\",\"repo\":\"hello\",\"token\":\"********\"}"}`
	if resp.StatusCode != 200 || resp.Body != want || resp.Headers["etag"] != `"1"` || resp.Headers["content-type"] != "application/json" {
		t.Errorf("%d %v %s", resp.StatusCode, resp.Headers, resp.Body)
	}

	for tags, status := range map[string]int{
		`"1"`: 304, `W/"1"`: 304, `*`: 304, `"0", "1"`: 304, `"0",W/"1"`: 304,
		`"2"`: 200, `1`: 200, `"11"`: 200, `W/"2"`: 200,
	} {
		resp := send(t, w.get, request{header: map[string]string{"if-none-match": tags}})
		if resp.StatusCode != status || resp.Headers["etag"] != `"1"` || (status == 304) != (resp.Body == "") {
			t.Errorf("If-None-Match %s: %d %v %q, want %d", tags, resp.StatusCode, resp.Headers, resp.Body, status)
		}
	}
}

// badBodies are refused by every route that takes a body.
var badBodies = []struct {
	name string
	request
	refusal
}{
	{"no JSON", request{body: `enabled`}, refusal{400, "invalid_body", nil}},
	{"cut short", request{body: `{"enabled":true`}, refusal{400, "invalid_body", nil}},
	{"cut in a member", request{body: `{"enabled":`}, refusal{400, "invalid_body", nil}},
	{"trailing comma", request{body: `{"enabled":true,}`}, refusal{400, "invalid_body", nil}},
	{"single quotes", request{body: `{'enabled':true}`}, refusal{400, "invalid_body", nil}},
	{"spaces only", request{body: ` `}, refusal{400, "invalid_body", nil}},
	{"trailing data", request{body: `{} {}`}, refusal{400, "invalid_body", nil}},
	{"trailing brace", request{body: `{}}`}, refusal{400, "invalid_body", nil}},
	{"array", request{body: `[]`}, refusal{400, "invalid_body", nil}},
	{"null", request{body: `null`}, refusal{400, "invalid_body", nil}},
	{"string", request{body: `"x"`}, refusal{400, "invalid_body", nil}},
	{"invalid UTF-8", request{body: "{\"mode\":\"\xff\"}", binary: true}, refusal{400, "invalid_body", nil}},
	{"invalid UTF-8 in a name", request{body: "{\"\xc3\x28\":1}", binary: true}, refusal{400, "invalid_body", nil}},
	{"unknown member", request{body: `{"nonsense":1}`}, refusal{400, "invalid_body", []string{"nonsense"}}},
	{"unknown members", request{body: `{"b":1,"a":null}`}, refusal{400, "invalid_body", []string{"b", "a"}}},
	{"member of another case", request{body: `{"Enabled":true,"MODE":"full"}`}, refusal{400, "invalid_body", []string{"Enabled", "MODE"}}},
	{"65 KiB", request{body: `{"x":"` + strings.Repeat("x", 65<<10) + `"}`}, refusal{413, "body_too_large", nil}},
	{"65 KiB in base64", request{body: `{"x":"` + strings.Repeat("x", 65<<10) + `"}`, binary: true}, refusal{413, "body_too_large", nil}},
	{"one byte too long", request{body: `{}` + strings.Repeat(" ", 64<<10-1)}, refusal{413, "body_too_large", nil}},
	{"text/plain", request{body: `{}`, header: map[string]string{"content-type": "text/plain"}}, refusal{415, "unsupported_media_type", nil}},
	{"no content type", request{body: `{}`, header: map[string]string{"content-type": ""}}, refusal{415, "unsupported_media_type", nil}},
	{"a form", request{body: `{}`, header: map[string]string{"content-type": "application/x-www-form-urlencoded"}}, refusal{415, "unsupported_media_type", nil}},
	{"another charset", request{body: `{}`, header: map[string]string{"content-type": "application/json; charset=latin1"}}, refusal{415, "unsupported_media_type", nil}},
	{"broken content type", request{body: `{}`, header: map[string]string{"content-type": "application/json; ="}}, refusal{415, "unsupported_media_type", nil}},
	{"order: size before type", request{body: strings.Repeat(" ", 65<<10), header: map[string]string{"content-type": "x"}}, refusal{413, "body_too_large", nil}},
	{"order: type before JSON", request{body: `x`, header: map[string]string{"content-type": "text/plain"}}, refusal{415, "unsupported_media_type", nil}},
}

func TestBadBodies(t *testing.T) {
	w := newWorld(t)
	for name, h := range map[string]api.Handler{"PATCH": w.patch, "sync": w.sync, "cancel": w.cancel, "retry": w.retry, "check": w.check} {
		for _, c := range badBodies {
			t.Run(name+" "+c.name, func(t *testing.T) {
				c.request.sync = "7"
				refused(t, send(t, h, c.request), c.refusal)
				q := c.request
				q.id = disabled.String() // the state is looked at last
				refused(t, send(t, h, q), c.refusal)
			})
		}
	}

	if v := w.view(t, github); v.Integration.Version != 1 || v.State != nil {
		t.Errorf("a refused request has written: %+v, %+v", v.Integration, v.State)
	}
}

func TestLargestBodyIsTaken(t *testing.T) {
	w := newWorld(t)
	if resp := send(t, w.patch, request{body: `{}` + strings.Repeat(" ", 64<<10-2)}); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, resp.Body)
	}
}
