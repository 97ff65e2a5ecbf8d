package proof

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

func answer(status int, media, body string) outbound.Response {
	a := outbound.Response{Status: status, Header: http.Header{}, Body: []byte(body)}
	if media != "" {
		a.Header.Set("Content-Type", media)
	}

	return a
}

// sample is a body that proves a row.
func sample(r Row) string {
	switch r.Body {
	case Text:
		return r.Text
	case ListBody:
		if len(r.Members) == 0 {
			return "[]"
		}
		return `{"` + r.Members[0].Path + `":[]}`

	case Object:
		var members []string
		for _, m := range r.Members {
			value := map[Kind]string{ID: "7", String: `"x"`, True: "true", Exists: "{}"}[m.Kind]
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
	for _, r := range Rows {
		name := fmt.Sprint(r.Provider, " ", r.Way, " ", r.Operation, " ", r.Status)
		body := sample(r)
		media := "application/json; charset=utf-8"
		rule := Of(r.Provider, r.Way, r.Operation)

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

		if js := r.Body == Object || r.Body == ListBody; js == rule.Proven(answer(r.Status, "text/html", body)) {
			t.Errorf("%s: another media type", name)
		}

		if js := r.Body == Object || r.Body == ListBody; js && rule.Proven(answer(r.Status, media, "")) {
			t.Errorf("%s: an empty body is proof", name)
		}

		if r.Source == "" || r.Call == "" {
			t.Errorf("%s: no source or call", name)
		}
	}
}

// B10: an object counts as such whatever its status and media type.
func TestHolds(t *testing.T) {
	rule := Of(domain.GitHub, "", Create)
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

	if Of(domain.Teams, "", Post).Holds(answer(202, "", "")) {
		t.Error("nothing holds an object")
	}

	if !Of(domain.MantisBT, "", Update).Proven(answer(200, "application/json", `{"issues":[{"id":4}]}`)) {
		t.Error("a place in a list is not found")
	}
}

// B20: a fault in place of the data is no object.
func TestFaultInTheData(t *testing.T) {
	rule := Of(domain.MantisBT, "", Update)
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

	Of(domain.Teams, "", Edit)
}

var update = flag.Bool("update", false, "write the table into docs/proof.md")

// The page shows the table.
func TestPage(t *testing.T) {
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
		if err := os.WriteFile(path, []byte(before+begin+Markdown()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}

	if shown != Markdown() {
		t.Error("docs/proof.md is not the table: go test ./shared/connector/proof -update")
	}
}

func FuzzProven(f *testing.F) {
	for _, r := range Rows {
		f.Add(r.Status, "application/json", sample(r))
	}

	f.Fuzz(func(t *testing.T, status int, media, body string) {
		for _, r := range Rows {
			rule := Of(r.Provider, r.Way, r.Operation)
			a := answer(status, media, body)
			if rule.Proven(a) && (status < 200 || status > 299) {
				t.Errorf("%d is a success", status)
			}

			if r.Body == Object && r.Proven(a) && !rule.Holds(a) {
				t.Error("proven and not held")
			}
		}
	})
}
