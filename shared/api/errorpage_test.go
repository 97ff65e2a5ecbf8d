package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.com/integrations/shared/api"
	"example.com/integrations/shared/domain"
)

// errorPage is the page to which the type of each problem document leads.
const errorPage = "../../docs/errors.md"

// Each code has a heading on the page, with its status, and a row in the table; the
// page explains no other code.
func TestErrorPageExplainsEachCode(t *testing.T) {
	page, err := os.ReadFile(errorPage)
	if err != nil {
		t.Fatal(err)
	}

	explained := map[domain.Code]bool{}
	for _, section := range regexp.MustCompile(`(?m)^## (\w+)\n\n\*\*(\d+)\.\*\* .+\n\n.+`).FindAllStringSubmatch(string(page), -1) {
		code := domain.Code(section[1])
		explained[code] = true

		status, known := api.Statuses()[code]
		if !known {
			t.Errorf("%s explains %s, which is no code", errorPage, code)
		} else if section[2] != fmt.Sprint(status) {
			t.Errorf("%s says that %s has the status %s; it is %d", errorPage, code, section[2], status)
		}
	}

	for code, status := range api.Statuses() {
		if !explained[code] {
			t.Errorf("%s has no section for %s, with its status, a sentence and what to do", errorPage, code)
		}

		row := fmt.Sprintf("| [`%s`](#%s) | %d |", code, code, status)
		if !strings.Contains(string(page), row) {
			t.Errorf("the table of %s has no row %q", errorPage, row)
		}
	}

	headings := regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(string(page), -1)
	if len(headings) != len(explained) {
		t.Errorf("%s has %d headings and explains %d codes", errorPage, len(headings), len(explained))
	}
}

// The type of each problem document is the address of its code's heading.
func TestProblemTypeLeadsToItsCode(t *testing.T) {
	causes := map[domain.Code]error{"internal_error": errors.New("unknown")}
	for code := range api.Statuses() {
		if code != "internal_error" {
			causes[code] = &domain.Error{Code: code, Detail: "d"}
		}
	}

	for code, cause := range causes {
		var problem struct{ Type, Code string }
		if err := json.Unmarshal([]byte(api.Problem("r", cause).Body), &problem); err != nil {
			t.Fatal(err)
		}

		want := "https://example.com/integrations/docs/errors.md#" + string(code)
		if problem.Type != want || problem.Code != string(code) {
			t.Errorf("%s: type %q and code %q, want type %q", code, problem.Type, problem.Code, want)
		}
	}
}

// Each example of a problem in the API's document has the type of its code.
func TestDocumentedProblemsLeadToTheirCodes(t *testing.T) {
	source, err := os.ReadFile("../../docs/openapi/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}

	var seen []string
	example := regexp.MustCompile(`(?m)^        type: '([^']+)'\n(?:        .*\n)*?        code: (\w+)$`)
	for _, found := range example.FindAllStringSubmatch(string(source), -1) {
		if found[1] != "https://example.com/integrations/docs/errors.md#"+found[2] {
			t.Errorf("the example of %s has the type %s", found[2], found[1])
		}
		seen = append(seen, found[2])
	}

	for code := range api.Statuses() {
		if !slices.Contains(seen, string(code)) {
			t.Errorf("no example of %s", code)
		}
	}
}
