package api_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"example.com/integrations/docs/openapi"
	"example.com/integrations/local/testkit"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/domain"
)

// The document's codes are those of the one table, each with its status.
func TestCodesAreTheTables(t *testing.T) {
	want := api.Statuses()
	documented := map[domain.Code]int{}
	for _, one := range testkit.MustContract().Cases() {
		if one.Code == "" {
			continue
		}

		documented[domain.Code(one.Code)] = one.Status
		if want[domain.Code(one.Code)] != one.Status {
			t.Errorf("%s: the table has %d", one, want[domain.Code(one.Code)])
		}
	}

	if !maps.Equal(documented, want) {
		t.Errorf("documented are\n%v\nthe table has\n%v", documented, want)
	}

	if enum := propertyOf(t, "Problem", "code")["enum"].([]any); len(enum) != len(want) || slices.ContainsFunc(enum, func(code any) bool { return want[domain.Code(code.(string))] == 0 }) {
		t.Errorf("a problem's codes are %v", enum)
	}
}

// The document's problems are called as those that the service answers.
func TestTitlesAreTheTables(t *testing.T) {
	for _, o := range testkit.MustContract().Operations {
		for _, a := range o.Examples() {
			var problem struct {
				Title string
				Code  domain.Code
			}
			if len(a.Body) > 0 {
				must(t, json.Unmarshal(a.Body, &problem))
			}

			if want := api.Title(problem.Code); want != "" && problem.Title != want {
				t.Errorf("%s: %s is %q, answered is %q", o.ID, problem.Code, problem.Title, want)
			}
		}
	}
}

func TestLimitsAreTheHandlers(t *testing.T) {
	document, err := openapi.Document()
	must(t, err)
	parsed, err := openapi.Parse(document)
	must(t, err)
	limit, _ := openapi.At(parsed, "components", "parameters", "Limit", "schema").(map[string]any)
	for member, want := range map[string]int64{"minimum": 1, "maximum": api.MaxLimit, "default": api.DefaultLimit} {
		if got, err := limit[member].(json.Number).Int64(); got != want || err != nil {
			t.Errorf("limit: %s is %v, want %d", member, limit[member], want)
		}
	}

	if api.MaxBody != 64<<10 {
		t.Error("the document speaks of 64 KiB")
	}

	ids := propertyOf(t, "RetryRequest", "item_ids")
	if ids["maxItems"].(json.Number) != "100" || ids["minItems"].(json.Number) != "1" { // TestRetry holds the handler to it
		t.Errorf("item_ids: %v", ids)
	}
}

func propertyOf(t *testing.T, schema, member string) map[string]any {
	t.Helper()
	document, err := openapi.Document()
	must(t, err)
	parsed, err := openapi.Parse(document)
	must(t, err)
	property, _ := openapi.At(parsed, "components", "schemas", schema, "properties", member).(map[string]any)
	return property
}
