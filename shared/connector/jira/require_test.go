package jira

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"example.com/integrations/shared/configuration/form"
)

// A list that does not end is not taken for one without labels, or without the
// type.
func TestHalfAListOfFieldsIsNone(t *testing.T) {
	f, c := start(t, form.Datacenter)
	f.answer = func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, nil, `{"values":[{"fieldId":"x","name":"X","id":"7"}],"total":1000000}`)
	}
	if _, err := c.rights.screens.checkFields(t.Context(), "10001"); err == nil || failureOf(t, err).Code != "list_endless" {
		t.Error(err)
	}

	if _, err := c.rights.screens.issueKind(t.Context()); err == nil || failureOf(t, err).Code != "list_endless" {
		t.Error(err)
	}

	if n := len(f.take()); n != 2*metaPages {
		t.Errorf("%d pages", n)
	}
}

// What a new issue needs is read to its end, however much at once Jira gives.
func TestRequiredFieldsOnALaterPage(t *testing.T) {
	for name, test := range map[string]struct {
		fields, most int
		total        bool
		want         string
	}{
		"on the first":      {3, 50, true, "asks for what items do not tell: Field 2 (f2)"},
		"on the third":      {450, 200, true, "asks for what items do not tell: Field 449 (f449)"},
		"Jira gives fewer":  {120, 50, true, "asks for what items do not tell: Field 119 (f119)"},
		"it tells no total": {120, 200, false, "asks for what items do not tell: Field 119 (f119)"},
	} {
		for _, flavor := range []string{form.Cloud, form.Datacenter} {
			f, c := start(t, flavor)
			list := map[string]string{form.Cloud: "fields", form.Datacenter: "values"}[flavor]
			f.answer = func(w http.ResponseWriter, r *http.Request) {
				from := 0
				most := 0
				_, _ = fmt.Sscan(r.URL.Query().Get("startAt"), &from)
				_, _ = fmt.Sscan(r.URL.Query().Get("maxResults"), &most)
				page := []field{}
				for n := from; n < min(test.fields, from+min(most, test.most)); n++ {
					page = append(page, field{ID: fmt.Sprint("f", n), Name: fmt.Sprint("Field ", n), Required: n == test.fields-1})
				}

				all := map[string]any{list: page, "startAt": from}
				if test.total {
					all["total"] = test.fields
				}

				b, _ := json.Marshal(all)
				reply(w, 200, nil, string(b))
			}

			_, err := c.rights.screens.checkFields(t.Context(), "10001")
			if e := failureOf(t, err); !strings.Contains(e.Detail, test.want) {
				t.Errorf("%s, %s: %s", name, flavor, e)
			}
		}
	}
}

// A list whose end never comes, of names without end, ends in a few of them.
func TestRequiredFieldsWithoutEnd(t *testing.T) {
	for name, test := range map[string]struct {
		length int
		want   string
	}{
		"short names": {1, "F (f9) and 70 more"},
		"long names":  {400_000, strings.Repeat("F", maxName-1) + "… (f0)"},
	} {
		t.Run(name, func(t *testing.T) {
			f, c := start(t, form.Datacenter)
			f.answer = func(w http.ResponseWriter, r *http.Request) {
				from := 0
				_, _ = fmt.Sscan(r.URL.Query().Get("startAt"), &from)
				page := []field{}
				for n := range 8 {
					page = append(page, field{ID: fmt.Sprint("f", from+n), Name: strings.Repeat("F", test.length), Required: true})
				}

				all := map[string]any{"values": page, "total": 1_000_000}
				if strings.HasSuffix(r.URL.Path, "/issuetypes") {
					all["values"] = []issueKind{{ID: "10001", Name: "Task"}}
				}

				b, _ := json.Marshal(all)
				reply(w, 200, nil, string(b))
			}

			_, err := c.rights.screens.checkFields(t.Context(), "10001")
			e := failureOf(t, err)
			if e.Code != "field_required" || !strings.Contains(e.Detail, test.want) {
				t.Error(e)
			}

			if n := len(f.take()); n != metaPages {
				t.Errorf("%d requests", n)
			}

			refused := make([]string, 100)
			for n := range refused {
				refused[n] = fmt.Sprint("g", n)
			}

			if got := c.rights.screens.names(t.Context(), refused); len(got.first) != maxNames || got.more != 170 || len(got.String()) > 2000 {
				t.Errorf("%d told and %d more in %d bytes", len(got.first), got.more, len(got.String()))
			}
		})
	}
}
