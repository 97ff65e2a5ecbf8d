package mantisbt

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

// told is the recorded answer.
func (r recording) told() told {
	header := http.Header{"Content-Type": nil}
	for name, value := range r.Response.Header {
		header.Set(name, value)
	}

	body := string(r.Response.Body)
	var text string
	if json.Unmarshal(r.Response.Body, &text) == nil { // it was no JSON
		body = text
	}

	return told{r.Response.Status, header, body, r.Response.Reason}
}

// An outcome is what an answer means.
type outcome struct {
	class failure.Class
	scope failure.Scope
	code  string
	words string // a part of the detail
}

// Every recorded answer to a create or a change that is not the documented
// success. The word of the case that it belongs to stands before the line.
var outcomes = map[string]outcome{
	"create-project-unknown-name":    {final, everything, "target_not_found", "Project not specified"},
	"create-project-private":         {final, everything, "forbidden", "access right to report issues"},
	"create-category-missing":        {final, everything, "category_not_found", "Category field must be supplied."},
	"create-category-unknown":        {final, everything, "category_not_found", "Category 'Nothing' not found."},
	"create-summary-129":             {ambiguous, single, "no_answer", "500 without a body"}, // B20
	"create-summary-300":             {ambiguous, single, "no_answer", "500 without a body"},
	"create-description-65536":       {final, single, "rejected", "must be shorter than 65535 characters"},
	"create-description-empty":       {final, single, "rejected", "Description not specified"},
	"create-custom-field-missing":    {final, everything, "field_required", "Mandatory field 'Customer' is missing."}, // B5
	"create-invalid-json":            {final, single, "rejected", "Invalid request body or format"},
	"create-text-plain":              {final, single, "rejected", "Invalid request body or format"},
	"create-no-content-type":         {final, single, "rejected", "Invalid request body or format"},
	"anonymous-revoked-token-create": {final, everything, "credentials_rejected", "token was revoked"}, // B19
	"antispam-create":                {retryable, everything, "rate_limited", "Hit rate limit threshold"},
	"db-table-broken-create":         {ambiguous, single, "no_answer", "SQL Statement failed on preparation"}, // B20
	"db-down-create":                 {ambiguous, single, "no_answer", "500 without a body"},
	"display-errors-summary-129":     {ambiguous, single, "foreign_answer", "Fatal error"},        // B20
	"display-errors-summary-object":  {ambiguous, single, "foreign_answer", "does not show what"}, // B20: it holds no marker of ours

	"patch-move-category-missing-there":    {final, single, "rejected", "Category '2' not available"},
	"patch-move-to-project-without-access": {ambiguous, single, "foreign_answer", "Access denied for user updater."}, // B20
	"patch-summary-reporter":               {final, everything, "forbidden", "Not enough rights to update issues."},
	"patch-summary-129":                    {ambiguous, single, "no_answer", "500 without a body"},
	"patch-description-65536":              {final, single, "rejected", "must be shorter than 65535 characters"},
	"patch-empty-object":                   {final, single, "rejected", "Invalid request body or format"},
	"patch-unknown-issue":                  {final, single, "remote_deleted", "Issue #99999 not found"},
	"patch-issue-without-category":         {final, single, "rejected", "Category field must be supplied."},
	"patch-resolve-updater":                {final, single, "forbidden", "Not allowed to change Issue status."}, // B3
	"patch-close-updater":                  {final, single, "forbidden", "Not allowed to change Issue status."}, // B3
	"patch-closed-summary-updater":         {final, single, "remote_readonly", "Issue '53' is readonly"},
	"patch-closed-summary-developer":       {final, single, "remote_readonly", "Issue '53' is readonly"},
	"patch-reopen-developer":               {final, single, "remote_readonly", "Issue '53' is readonly"},
	"patch-with-foreign-note-updater":      {final, single, "forbidden", "Not allowed to update note 4."}, // B2
	"patch-with-own-note":                  {final, single, "forbidden", "Not allowed to update note 5."}, // B2
	"patch-close-parent-of-open-child":     {final, single, "rejected", "Unresolved child issues."},
	"etag-patch-select-tag":                {retryable, single, "changed_meanwhile", "412"},
	"etag-patch-other-user-tag":            {retryable, single, "changed_meanwhile", "412"},
	"etag-patch-quoted":                    {retryable, single, "changed_meanwhile", "412"},
	"etag-patch-stale":                     {retryable, single, "changed_meanwhile", "412"},
	"db-lock-timeout-patch":                {ambiguous, single, "no_answer", "500 without a body"},
	"anonymous-revoked-token-patch":        {final, everything, "credentials_rejected", "token was revoked"}, // B19
}

// isIssueWrite reports whether an exchange is a create or a change of an issue.
func (r recording) isIssueWrite() bool {
	return r.Request.Method == http.MethodPost && strings.HasSuffix(r.Request.Path, "/issues") || r.Request.Method == http.MethodPatch
}

// B1 to B3, B5, B15, B19, B20: what a real server answered to creates and changes,
// replayed through the connector.
func TestRecordedWrites(t *testing.T) {
	all := recorded(t)
	for name, r := range all {
		if !r.isIssueWrite() {
			continue
		}

		want, known := outcomes[name]
		answer := r.told()
		if documented := answer.status == 200 || answer.status == 201; !known && !documented {
			t.Errorf("%s: %d, and no outcome is set down", name, answer.status)
			continue
		}

		f, c := start(t, nil)
		f.bare = true
		f.login = "api-token"
		who := all["me-updater"].told()
		if strings.HasPrefix(name, "anonymous-") {
			who = all["anonymous-revoked-token-me"].told()
			f.login = ""
		}

		f.users = func(w http.ResponseWriter, _ *http.Request) { who.send(w) }
		id := strings.TrimPrefix(r.Request.Path, "/api/rest/issues/")
		before := issueOf(7, 10, markerLine(marker))
		before.Summary = "before"
		f.answer = func(w http.ResponseWriter, request *http.Request, _ []byte) {
			switch {
			case request.Method != http.MethodGet:
				answer.send(w)
			case strings.HasSuffix(request.URL.Path, "/issues/"+id):
				_ = json.Unmarshal([]byte(id), &before.ID)
				object(200, listOf(before)).with("ETag", "abc").send(w)
			default:
				object(200, listOf()).send(w)
			}
		}

		var err error
		if r.Request.Method == http.MethodPost {
			_, err = c.Create(t.Context(), connector.Content{Title: "T", Body: "B"}, marker)
		} else {
			sent := connector.Sent{Remote: domain.Remote{Key: id}, State: domain.Open}
			_, err = c.Update(t.Context(), sent, connector.Content{Title: "T", Body: "B", State: domain.Open}, marker)
		}

		if !known {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}

		e := failureOf(t, err)
		if e.Class != want.class || e.Scope != want.scope || e.Code != want.code || !strings.Contains(e.Detail, want.words) {
			t.Errorf("%s: %v scope %d %v", name, e.Class, e.Scope, e)
		}

		if n := writes(f.take()); n > 1 || n == 0 && !strings.HasPrefix(name, "anonymous-") {
			t.Errorf("%s: %d writes", name, n)
		}
	}

	for name := range outcomes {
		if _, there := all[name]; !there {
			t.Errorf("%s was not recorded", name)
		}
	}
}

// B19, B20: what a real server answered to the question whose token it is.
func TestRecordedLogins(t *testing.T) {
	all := recorded(t)
	for name, want := range map[string]outcome{
		"me-updater":                 {},
		"me-manager":                 {},
		"token-absent":               {final, everything, "credentials_rejected", "Valid API token required"},
		"token-garbage":              {final, everything, "credentials_rejected", "Valid API token required"},
		"token-revoked":              {final, everything, "credentials_rejected", "Valid API token required"},
		"token-bearer":               {final, everything, "credentials_rejected", "Valid API token required"},
		"user-disabled":              {final, everything, "credentials_rejected", "Access denied"},
		"anonymous-me":               {final, everything, "credentials_rejected", "anonymous"},
		"anonymous-revoked-token-me": {final, everything, "credentials_rejected", "anonymous"},
		"rest-disabled":              {retryable, everything, "provider_unavailable", "API disabled"},
		"offline-me":                 {retryable, everything, "provider_unavailable", "Mantis Offline"},
		"db-down-me":                 {retryable, everything, "provider_unavailable", "500 without a body"},
		"db-down-display-errors-me":  {retryable, everything, "foreign_answer", "Fatal error"},
	} {
		r, there := all[name]
		if !there {
			t.Errorf("%s was not recorded", name)
			continue
		}

		f, c := start(t, nil)
		f.bare = true
		f.users = func(w http.ResponseWriter, _ *http.Request) { r.told().send(w) }
		_, _, err := c.place.whoami(t.Context())
		checkOutcome(t, name, want, err)
	}
}

// B20: what a real server answered to lists and reads.
func TestRecordedReads(t *testing.T) {
	all := recorded(t)
	for name, want := range map[string]outcome{
		"list-project":             {},
		"list-page-beyond":         {},
		"list-full":                {},
		"list-project-unknown":     {final, everything, "target_not_found", "Project '999' doesn't exist"},
		"list-project-private":     {final, everything, "target_not_found", "Project '3' doesn't exist"},
		"list-filter-unknown-name": {final, everything, "target_not_found", "Unknown filter 'nope'"},
		"route-unknown":            {final, everything, "target_not_found", "Not found"},
		"route-unknown-html":       {final, everything, "target_not_found", "Page Not Found"},
	} {
		r, there := all[name]
		if !there {
			t.Errorf("%s was not recorded", name)
			continue
		}

		f, c := start(t, nil)
		f.bare = true
		f.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) { r.told().send(w) }
		_, err := c.changes.pages.rows(t.Context(), projectRef{base, 7}, 50, 1, whole)
		checkOutcome(t, name, want, err)
	}

	for name, want := range map[string]outcome{
		"get-full-updater":                     {},
		"get-issue-without-category":           {},
		"get-unknown":                          {final, single, "remote_deleted", "Issue #99999 not found"},
		"get-deleted":                          {final, single, "remote_deleted", "Issue #34 not found"},
		"get-private-issue":                    {final, single, "remote_forbidden", "Access denied for user updater."},
		"get-issue-in-private-project":         {final, single, "remote_forbidden", "Access denied for user manager."},
		"patch-move-to-project-without-access": {final, single, "remote_forbidden", "Access denied for user updater."}, // the fault alone
		"get-select-unknown":                   {retryable, everything, "answer_unreadable", "not an issue"},
	} {
		f, c := start(t, nil)
		f.bare = true
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			if strings.HasSuffix(r.URL.Path, "/issues") {
				object(200, listOf()).send(w)
				return
			}
			all[name].told().send(w)
		}

		_, _, err := c.issues.get(t.Context(), base+"/issues/7")
		checkOutcome(t, name, want, err)
	}
}

func checkOutcome(t *testing.T, name string, want outcome, err error) {
	t.Helper()
	if want.code == "" {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return
	}

	if e := failureOf(t, err); e.Class != want.class || e.Scope != want.scope || e.Code != want.code || !strings.Contains(e.Detail, want.words) {
		t.Errorf("%s: %v scope %d %v", name, e.Class, e.Scope, e)
	}
}
