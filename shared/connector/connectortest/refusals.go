package connectortest

import (
	"flag"
	"os"
	"strings"
	"testing"

	"example.com/integrations/shared/connector/answers"
)

var updateGolden = flag.Bool("update", false, "write the tables of refusals into docs/guides")

// Refusals fails unless a provider's page shows its table of refusals. With
// -update it writes the table into the page instead.
func Refusals(t testing.TB, provider string, rows []answers.Refusal) {
	t.Helper()
	path := "../../../docs/guides/" + provider + ".md"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	want := answers.RefusalTable(rows)
	if answers.ShownRefusals(string(page)) == want {
		return
	}

	if !*updateGolden {
		t.Fatalf("%s does not show the table of refusals: go test ./shared/connector/%s -update", path, provider)
	}

	before, rest, found := strings.Cut(string(page), answers.RefusalsBegin)
	_, after, ended := strings.Cut(rest, answers.RefusalsEnd)
	if !found || !ended {
		t.Fatalf("%s has no place for the table", path)
	}

	if err := os.WriteFile(path, []byte(before+answers.RefusalsBegin+want+answers.RefusalsEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
