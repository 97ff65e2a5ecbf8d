package github

import (
	"net/http"
	"strings"
	"testing"

	"example.com/integrations/shared/connector/connectortest"
)

func TestThePageShowsWhatIsNeeded(t *testing.T) {
	connectortest.DocumentsNeeds(t, "github", Needs)
}

// A fine-grained token may see a private repository and not its issues: only a
// call tells.
func TestAFineGrainedTokenListsToBeSure(t *testing.T) {
	const private = `{"has_issues":true,"private":true,"permissions":{"push":true}}`
	for name, tt := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"may read":     {200, `[]`, "list=ok"},
		"may not":      {403, `{"message":"Resource not accessible by personal access token"}`, "list=no(scope_missing)"},
		"an outage":    {503, `x`, "list=?(provider_error)"},
		"no list":      {200, `<html>`, "list=?(provider_error)"},
		"out of order": {500, `x`, "list=?(provider_error)"},
	} {
		f, c := start(t, Config{})
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			if strings.HasSuffix(r.URL.Path, "/issues") {
				reply(w, tt.status, nil, tt.body)
				return
			}
			reply(w, 200, nil, private)
		}

		checks, err := c.Check(t.Context())
		if got := show(checks); !strings.Contains(got, " "+tt.want+" ") || (err == nil) != (tt.want == "list=ok") {
			t.Errorf("%s: %s %v", name, got, err)
		}
	}
}
