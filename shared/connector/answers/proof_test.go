package answers

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// sample is a body that proves a row.
func sample(r Success) string {
	switch r.Body {
	case TextBody:
		return r.Text
	case ListBody:
		if len(r.Members) == 0 {
			return "[]"
		}
		return `{"` + r.Members[0].Path + `":[]}`

	case ObjectBody:
		var members []string
		for _, m := range r.Members {
			value := map[ValueKind]string{IDValue: "7", StringValue: `"x"`, TrueValue: "true", AnyValue: "{}"}[m.Kind]
			names := strings.Split(m.Path, ".")
			for i := len(names) - 1; i > 0; i-- {
				if names[i] == "0" {
					value = "[" + value + "]"
					continue
				}
				value = `{"` + names[i] + `":` + value + "}"
			}

			members = append(members, `"`+names[0]+`":`+value)
		}

		return "{" + strings.Join(members, ",") + "}"
	}

	return ""
}

// B9: every row is proven by its own answer alone. A login page, an empty body
// in place of an object, an object in place of nothing, another status and
// another media type prove nothing.
func TestEachRow(t *testing.T) {
	for _, r := range Successes {
		name := fmt.Sprint(r.Provider, " ", r.Access, " ", r.Operation, " ", r.Status)
		body := sample(r)
		media := "application/json; charset=utf-8"
		rule := ProofOf(r.Provider, r.Access, r.Operation)

		if got, ok := rule.Match(answer(r.Status, media, body)); !ok || got.Unproven != r.Unproven {
			t.Errorf("%s: %s is no proof", name, body)
		}

		for _, page := range []string{"<html><title>Log in</title>", "null", "{}", "[", "maintenance", `{"message":"no"}`, `[{"id":7}]`} {
			if rule.Proven(answer(r.Status, "text/html", page)) {
				t.Errorf("%s: %s as HTML is proof", name, page)
			}

			if r.Body != ListBody && rule.Proven(answer(r.Status, media, page)) {
				t.Errorf("%s: %s is proof", name, page)
			}
		}

		if rule.Proven(answer(206, media, body)) || rule.Proven(answer(500, media, body)) {
			t.Errorf("%s: another status is proof", name)
		}

		if js := r.Body == ObjectBody || r.Body == ListBody; js == rule.Proven(answer(r.Status, "text/html", body)) {
			t.Errorf("%s: another media type", name)
		}

		if js := r.Body == ObjectBody || r.Body == ListBody; js && rule.Proven(answer(r.Status, media, "")) {
			t.Errorf("%s: an empty body is proof", name)
		}

		if r.Source == "" || r.Call == "" {
			t.Errorf("%s: no source or call", name)
		}
	}
}

// B10: an object counts as such whatever its status and media type.
func TestHolds(t *testing.T) {
	rule := ProofOf(domain.GitHub, "", OpCreate)
	for _, tt := range []struct {
		answer outbound.Response
		want   bool
	}{
		{answer(201, "application/json", `{"id":1,"number":2}`), true},
		{answer(200, "application/json", `{"id":1,"number":2}`), true},
		{answer(200, "text/plain", `{"id":1,"number":2}`), true},
		{answer(200, "application/json", `{"id":1}`), false},
		{answer(200, "application/json", `{"id":0,"number":2}`), false},
		{answer(200, "application/json", `{"id":-1,"number":2}`), false},
		{answer(200, "application/json", `{"id":1.5,"number":2}`), false},
		{answer(200, "application/json", `{"id":"1","number":"2"}`), true},
		{answer(200, "application/json", `{"id":null,"number":[]}`), false},
		{answer(200, "application/json", `{"id":1,"number":2} <html>`), false},
		{answer(400, "application/json", `{"id":1,"number":2}`), false},
		{answer(200, "application/json", `null`), false},
	} {
		if got := rule.Holds(tt.answer); got != tt.want {
			t.Errorf("%d %s: %v", tt.answer.Status, tt.answer.Body, got)
		}
	}

	if ProofOf(domain.Teams, "", OpPost).Holds(answer(202, "", "")) {
		t.Error("nothing holds an object")
	}

	if !ProofOf(domain.MantisBT, "", OpUpdate).Proven(answer(200, "application/json", `{"issues":[{"id":4}]}`)) {
		t.Error("a place in a list is not found")
	}
}

// B20: a fault in place of the data is no object.
func TestFaultInTheData(t *testing.T) {
	rule := ProofOf(domain.MantisBT, "", OpUpdate)
	for _, body := range []string{`{"issues":[{"status_code":403,"message":"x"}]}`, `{"issues":{"status_code":404}}`, `{"issues":[]}`, `{"issues":[{"id":4}]}<br />`} {
		if a := answer(200, "application/json", body); rule.Proven(a) || rule.Holds(a) {
			t.Errorf("%s is proof", body)
		}
	}
}

func TestNoRule(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an operation without a rule passes")
		}
	}()

	ProofOf(domain.Teams, "", OpEdit)
}

var update = flag.Bool("update", false, "write the table into docs/proof.md")

// The page shows the table.
func TestSuccessTable(t *testing.T) {
	const begin, end, path = "<!-- proof: made from the code, checked by a test -->\n", "<!-- end of proof -->\n", "../../../docs/proof.md"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	before, rest, found := strings.Cut(string(page), begin)
	shown, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatal("the page has no place for the table")
	}

	if *update {
		if err := os.WriteFile(path, []byte(before+begin+SuccessTable()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}

	if shown != SuccessTable() {
		t.Error("docs/proof.md is not the table: go test ./shared/connector/answers -update")
	}
}

func FuzzProven(f *testing.F) {
	for _, r := range Successes {
		f.Add(r.Status, "application/json", sample(r))
	}

	f.Fuzz(func(t *testing.T, status int, media, body string) {
		for _, r := range Successes {
			rule := ProofOf(r.Provider, r.Access, r.Operation)
			a := answer(status, media, body)
			if rule.Proven(a) && (status < 200 || status > 299) {
				t.Errorf("%d is a success", status)
			}

			if r.Body == ObjectBody && r.Proven(a) && !rule.Holds(a) {
				t.Error("proven and not held")
			}
		}
	})
}

// B9: what an answer of success without proof comes to.
func TestWithoutProof(t *testing.T) {
	clean := func(text string) string { return text }
	for _, tt := range []struct {
		method, media, body string
		class               failure.Class
		scope               failure.Scope
		code, detail        string
	}{
		{"PUT", "text/html", "<title>Log in</title>", failure.Ambiguous, failure.ItemScope, "session_expired", `200 text/html "Log in"`},
		{"POST", "text/html", "<title>We are back soon</title>", failure.Ambiguous, failure.ItemScope, "foreign_answer", `200 text/html "We are back soon"`},
		{"GET", "text/html", "<title>Log in</title>", failure.Retryable, failure.IntegrationScope, "session_expired", `200 text/html "Log in"`},
		{"GET", "", "", failure.Retryable, failure.IntegrationScope, "foreign_answer", "200 without a body"},
	} {
		e := WithoutProof(tt.method, answer(200, tt.media, tt.body), clean)
		if e.Class != tt.class || e.Scope != tt.scope || e.Code != tt.code || e.Detail != tt.detail || e.Status != 200 {
			t.Errorf("%s %s: %+v", tt.method, tt.body, e)
		}
	}
}
