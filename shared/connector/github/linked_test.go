package github

import (
	"net/http"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

var linked = domain.Remote{ID: "9007", Key: "7"}

// Finding 2: a PATCH that is answered with another issue is not proven. The
// linked issue is read back, and the link stays.
func TestPatchAnsweredByAnotherIssue(t *testing.T) {
	ours := strings.Replace(issueJSON(7, "open", "B"), `"id"`, `"title":"T","id"`, 1)
	for name, tt := range map[string]struct {
		remote       domain.Remote
		answer, back string
		proven       bool
	}{
		"the linked issue":         {linked, ours, "", true},
		"a link without an id":     {domain.Remote{Key: "7"}, ours, "", true},
		"another issue":            {linked, issueJSON(1, "open", "x"), issueJSON(7, "open", "before"), false},
		"another issue, no id":     {domain.Remote{Key: "7"}, issueJSON(1, "open", "x"), issueJSON(7, "open", "before"), false},
		"the same number":          {linked, strings.Replace(ours, "9007", "9008", 1), issueJSON(7, "open", "before"), false},
		"the same id":              {linked, strings.Replace(ours, `"number":7`, `"number":8`, 1), issueJSON(7, "open", "before"), false},
		"another issue both times": {linked, issueJSON(1, "open", "x"), strings.Replace(ours, "9007", "9008", 1), false},
	} {
		f, c := start(t, Config{})
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			body := tt.back
			if r.Method == http.MethodPatch {
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

// Finding 1b: GitHub answers a read of a transferred issue with a redirect to
// the issue in the other repository. That one is never given. A repository that
// was renamed leads to the same issue.
func TestReadOfATransferredIssue(t *testing.T) {
	for name, tt := range map[string]struct {
		labels bool // an update that reads labels first
		body   string
		code   string
	}{
		"transferred":                   {false, issueJSON(3, "open", "another text"), "remote_moved"},
		"transferred, the same number":  {false, strings.Replace(issueJSON(7, "open", "another text"), "9007", "99", 1), "remote_moved"},
		"transferred, before an update": {true, issueJSON(3, "open", "another text"), "remote_moved"},
		"renamed":                       {false, issueJSON(7, "open", ""), ""},
	} {
		f, c := start(t, Config{Labels: tt.labels})
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			if strings.HasSuffix(r.URL.Path, "/repos/acme/tracker/issues/7") {
				reply(w, 301, http.Header{"Location": {base + "/repositories/99/issues/3"}}, `{"message":"Moved Permanently"}`)
				return
			}
			reply(w, 200, nil, tt.body)
		}

		o, err := c.Read(t.Context(), linked)
		if tt.labels {
			o = connector.Object{}
			_, err = c.Update(t.Context(), connector.Sent{Remote: linked}, connector.Content{Title: "T", Labels: []string{"a"}}, marker)
		}

		if tt.code == "" {
			if err != nil || o.Remote.ID != "9007" {
				t.Errorf("%s: %+v %v", name, o, err)
			}
			continue
		}

		e := failureOf(t, err)
		if e.Class != failure.Final || e.Scope != failure.ItemScope || e.Code != tt.code || o.Remote.ID != "" || o.Title != "" {
			t.Errorf("%s: %s scope %d %v, %+v", name, e.Class, e.Scope, e, o)
		}
	}
}
