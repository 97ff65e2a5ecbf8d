package gitlab

import (
	"net/http"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

var linked = domain.Remote{ID: "9007", Key: "7"}

// Finding 2: a PUT that is answered with another issue is not proven. The linked
// issue is read back, and the link stays.
func TestPutAnsweredByAnotherIssue(t *testing.T) {
	ours := issueJSON(7, "opened", "B")
	for name, tt := range map[string]struct {
		remote       domain.Remote
		answer, back string
		proven       bool
	}{
		"the linked issue":         {linked, ours, "", true},
		"a link without an id":     {domain.Remote{Key: "7"}, ours, "", true},
		"another issue":            {linked, issueJSON(1, "opened", "x"), issueJSON(7, "opened", "before"), false},
		"another issue, no id":     {domain.Remote{Key: "7"}, issueJSON(1, "opened", "x"), issueJSON(7, "opened", "before"), false},
		"the same number":          {linked, issueJSON(7, "opened", "B", "id", 9008), issueJSON(7, "opened", "before"), false},
		"the same id":              {linked, issueJSON(7, "opened", "B", "iid", 8), issueJSON(7, "opened", "before"), false},
		"another issue both times": {linked, issueJSON(1, "opened", "x"), issueJSON(7, "opened", "B", "id", 9008), false},
	} {
		f, c := start(t, Config{})
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			body := tt.back
			if r.Method == http.MethodPut {
				body = tt.answer
			}
			reply(w, 200, nil, body)
		}

		sent := connector.Sent{Remote: tt.remote, State: domain.Open}
		written, err := c.Update(t.Context(), sent, connector.Content{Title: "T", Body: "B", State: domain.Open}, marker)
		calls := f.take()
		if tt.proven {
			if err != nil || written.Remote.ID != "9007" || written.Remote.Key != "7" || len(calls) != 1 {
				t.Errorf("%s: %+v %v, %d calls", name, written.Remote, err, len(calls))
			}
			continue
		}

		e := failureOf(t, err)
		if e.Class != failure.Ambiguous || e.Scope != failure.ItemScope || e.Code != "foreign_answer" || written.Remote.ID != "" {
			t.Errorf("%s: %s %v, %+v", name, e.Class, e, written.Remote)
		}

		if len(calls) != 2 || calls[1].method != http.MethodGet {
			t.Errorf("%s: %+v", name, calls)
		}
	}
}

// Finding 1b: a read that is led to another issue never gives that one.
func TestReadAnsweredByAnotherIssue(t *testing.T) {
	for name, body := range map[string]string{
		"another issue":                  issueJSON(3, "opened", "another text"),
		"the same number, another issue": issueJSON(7, "opened", "another text", "id", 99),
	} {
		f, c := start(t, Config{})
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			if strings.HasSuffix(r.URL.Path, "/issues/7") {
				reply(w, 301, http.Header{"Location": {base + "/projects/99/issues/3"}}, "")
				return
			}
			reply(w, 200, nil, body)
		}

		o, err := c.Read(t.Context(), linked)
		e := failureOf(t, err)
		if e.Class != failure.Final || e.Scope != failure.ItemScope || e.Code != "remote_moved" || o.Remote.ID != "" || o.Title != "" {
			t.Errorf("%s: %s scope %d %v, %+v", name, e.Class, e.Scope, e, o)
		}
	}
}
