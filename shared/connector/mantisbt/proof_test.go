package mantisbt

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

const (
	jsonType = "application/json"
	htmlType = "text/html; charset=UTF-8"

	loginPage   = `<!DOCTYPE html><html><head><title>Login - MantisBT</title></head><body><form><input type="password"></form></body></html>`
	blockedPage = `<html><head><title>Attention Required!</title></head><body>Your request was blocked.</body></html>`
	fatal       = "<br />\n<b>Fatal error</b>:  401 in <b>/srv/mantis/core/classes/DbQuery.class.php</b> on line <b>298</b><br />\n"
	warning     = "<br />\n<b>Warning</b>:  Array to string conversion in <b>/srv/mantis/core/utility_api.php</b> on line <b>76</b><br />\n"
	deprecated  = "<br />\n<b>Deprecated</b>:  strlen(): Passing null to parameter #1 in <b>/srv/mantis/core/utility_api.php</b> on line <b>76</b><br />\n"
)

// A told answer is one of a server.
type told struct {
	status int
	header http.Header
	body   string
	// reason replaces the text of the status line.
	reason string
}

func pageOf(status int, body string) told {
	return told{status: status, header: http.Header{"Content-Type": {htmlType}}, body: body}
}

func object(status int, body string) told {
	return told{status: status, header: http.Header{"Content-Type": {jsonType}}, body: body}
}

func (a told) with(name, value string) told {
	a.header = a.header.Clone()
	if a.header == nil {
		a.header = http.Header{}
	}

	a.header.Set(name, value)
	return a
}

// saying is an answer whose words are on the status line.
func (a told) saying(reason string) told {
	a.reason = reason
	return a
}

// send writes an answer as HTTP/1.1.
func (a told) send(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}

	if a.reason == "" {
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
		return
	}

	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}

	defer func() { _ = conn.Close() }()
	fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Length: %d\r\nConnection: close\r\n", a.status, a.reason, len(a.body))
	_ = w.Header().Write(conn)
	fmt.Fprint(conn, "\r\n", a.body)
}

// routes answers by method and the end of the path; the longest that fits. A key
// that is only a method is for all that no other fits.
func (f *fake) routes(answers map[string]told) {
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		best := ""
		for key := range answers {
			method, end, _ := strings.Cut(key, " ")
			if r.Method == method && strings.HasSuffix(r.URL.Path, end) && len(key) > len(best) {
				best = key
			}
		}

		a, ok := answers[best]
		if !ok {
			f.t.Errorf("%s %s was not expected", r.Method, r.URL)
			a.status = 500
		}

		a.send(w)
	}
}

// writes counts the calls that are no reads.
func writes(calls []call) (n int) {
	for _, one := range calls {
		if one.method != http.MethodGet {
			n++
		}
	}
	return n
}

var linked = connector.Sent{Remote: domain.Remote{Key: "7"}, State: domain.Open, Seen: connector.Seen{State: domain.Open}}

// B10, B20: a success counts with the documented status and form, or with the
// issue and our marker in its body. Everything else leaves it open whether an
// issue was made.
func TestProofOfACreate(t *testing.T) {
	ours := made(issueOf(7, 10, markerLine(marker)))
	other := made(issueOf(7, 10, ""))
	for name, tt := range map[string]struct {
		answer told
		code   string // "": it counts
	}{
		"documented":                        {object(201, other), ""},
		"B10: 200, the issue, our marker":   {object(200, ours), ""},
		"201, the issue, as text/html":      {pageOf(201, ours), ""},
		"B20: HTML behind, our marker":      {object(201, ours+warning), ""},
		"B20: HTML before, our marker":      {pageOf(200, deprecated+ours), ""},
		"B20: HTML behind, without it":      {object(201, other+warning), "foreign_answer"},
		"B20: an error behind, without it":  {object(201, other+fatal), "foreign_answer"},
		"200, without our marker":           {object(200, other), "foreign_answer"},
		"B20: only PHP's error":             {pageOf(200, fatal), "foreign_answer"},
		"B20: a fault in the place of it":   {object(201, `{"issue":{"status_code":403,"fault_string":"Access denied"}}`), "foreign_answer"},
		"B9: a login page":                  {pageOf(200, loginPage), "session_expired"},
		"a proxy's page":                    {pageOf(201, blockedPage), "foreign_answer"},
		"nothing":                           {told{status: 201}, "foreign_answer"},
		"204":                               {told{status: 204}, "foreign_answer"},
		"202":                               {told{status: 202}, "foreign_answer"},
		"half an issue":                     {object(201, ours[:len(ours)/2]), "foreign_answer"},
		"B19: as anonymous, without marker": {object(200, other).with("X-Mantis-LoginMethod", "cookie"), "session_expired"},
	} {
		f, c := start(t, nil)
		f.routes(map[string]told{"POST /issues": tt.answer})
		got, err := c.Create(t.Context(), connector.Content{Title: "T", Body: "B"}, marker)
		if n := len(f.take()); n != 1 {
			t.Errorf("%s: %d calls", name, n)
		}

		if tt.code == "" {
			if err != nil || got.Remote.ID != "7" {
				t.Errorf("%s: %+v %v", name, got, err)
			}
			continue
		}

		e := failureOf(t, err)
		if e.Class != failure.Ambiguous || e.Scope != failure.ItemScope || e.Code != tt.code || e.Detail == "" {
			t.Errorf("%s: %v scope %d %v", name, e.Class, e.Scope, e)
		}
	}
}

// B9, B20: a PATCH that was answered with something else is read back once. What
// the issue then shows decides.
func TestProofOfAnUpdate(t *testing.T) {
	before := issueOf(7, 10, markerLine(marker))
	after := before
	after.Summary = "New"
	after.Description = "Text\r\nof two lines "
	closed := after
	closed.Status = map[string]any{"id": 90, "name": "closed"}
	narrow := after
	narrow.Summary = "\ufffd New"
	unmarked := after
	unmarked.Additional = ""
	content := connector.Content{Title: "New", Body: "Text\nof two lines", State: domain.Open}
	closing := content
	closing.State = domain.Closed
	wide := content
	wide.Title = "🦀 New"
	for name, tt := range map[string]struct {
		content connector.Content
		first   stored // as it is read before
		patch   told
		then    told // as it is read afterwards; status 0: it is not
		code    string
	}{
		"documented":                            {content, before, object(200, listOf(after)), told{}, ""},
		"documented, and not what was sent":     {content, before, object(200, listOf(before)), told{}, ""},
		"B20: HTML behind":                      {content, before, object(200, listOf(after)+warning), told{}, ""},
		"B20: HTML behind, not what was sent":   {content, before, object(200, listOf(before)+warning), object(200, listOf(before)), "foreign_answer"},
		"201, the issue":                        {content, before, object(201, listOf(after)), told{}, ""},
		"login page, not applied":               {content, before, pageOf(200, loginPage), object(200, listOf(before)), "session_expired"},
		"login page, applied":                   {content, before, pageOf(200, loginPage), object(200, listOf(after)), ""},
		"B20: only PHP's error, not applied":    {content, before, pageOf(200, fatal), object(200, listOf(before)), "foreign_answer"},
		"B20: only PHP's error, applied":        {content, before, pageOf(200, fatal), object(200, listOf(after)), ""},
		"B20: a fault, applied":                 {content, before, object(200, `{"issues":[{"status_code":403,"fault_string":"Access denied for user updater."}]}`), object(200, listOf(after)), ""},
		"B20: a fault, and out of sight":        {content, before, object(200, `{"issues":[{"status_code":403,"fault_string":"Access denied for user updater."}]}`), object(403, `{"message":"Access denied for user updater."}`), "foreign_answer"},
		"B20: a fault as an object, applied":    {content, before, object(200, `{"issues":{"status_code":404,"fault_string":"x"}}`), object(200, listOf(after)), ""},
		"another issue, not applied":            {content, before, object(200, listOf(issueOf(8, 10, ""))), object(200, listOf(before)), "foreign_answer"},
		"nothing, applied":                      {content, before, told{status: 204}, object(200, listOf(after)), ""},
		"nothing, not applied":                  {content, before, told{status: 200}, object(200, listOf(before)), "foreign_answer"},
		"half an answer, and no read":           {content, before, object(200, `{"issues":[{"id":7`), told{status: 502}, "foreign_answer"},
		"a text, half applied":                  {content, before, pageOf(200, blockedPage), object(200, listOf(closed)), ""},
		"close, not applied":                    {closing, before, pageOf(200, blockedPage), object(200, listOf(after)), "foreign_answer"},
		"close, applied":                        {closing, before, pageOf(200, blockedPage), object(200, listOf(closed)), ""},
		"an old table's characters":             {wide, before, pageOf(200, blockedPage), object(200, listOf(narrow)), ""},
		"the marker was to be put back":         {content, unmarked, pageOf(200, blockedPage), object(200, listOf(unmarked)), "foreign_answer"},
		"the marker was put back":               {content, unmarked, pageOf(200, blockedPage), object(200, listOf(after)), ""},
		"B19: as anonymous, and not applied":    {content, before, pageOf(200, blockedPage).with("X-Mantis-LoginMethod", "cookie"), object(200, listOf(before)), "session_expired"},
		"the status in the answer is not taken": {closing, before, object(200, listOf(after)), told{}, "status_not_taken"},
	} {
		f, c := start(t, nil)
		reads := 0
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			switch {
			case r.Method == http.MethodPatch:
				tt.patch.send(w)
			case !strings.HasSuffix(r.URL.Path, "/issues/7"): // whether the project is there
				object(200, listOf()).send(w)
			case reads == 0:
				reads++
				object(200, listOf(tt.first)).with("ETag", "abc").send(w)
			default:
				reads++
				tt.then.send(w)
			}
		}

		got, err := c.Update(t.Context(), linked, tt.content, marker)
		want := 1
		if tt.then.status != 0 {
			want = 2
		}

		if n := writes(f.take()); n != 1 || reads != want {
			t.Errorf("%s: %d writes and %d reads", name, n, reads)
		}

		if tt.code == "" {
			if err != nil || got.Remote.ID != "7" {
				t.Errorf("%s: %+v %v", name, got, err)
			}
			continue
		}

		class := failure.Ambiguous
		if tt.code == "status_not_taken" {
			class = failure.Final
		}

		if e := failureOf(t, err); e.Class != class || e.Scope != failure.ItemScope || e.Code != tt.code || e.Detail == "" {
			t.Errorf("%s: %v scope %d %v", name, e.Class, e.Scope, e)
		}
	}
}

// B20: a server that shows PHP's notices behind its lists is read, one that
// shows errors or warnings there is not: a list may then lack issues.
func TestListsWithTextBehindThem(t *testing.T) {
	for name, tt := range map[string]struct {
		answer told
		code   string
	}{
		"deprecated":         {object(200, listOf(issueOf(7, 10, ""))+deprecated+deprecated), ""},
		"a notice, no HTML":  {object(200, listOf(issueOf(7, 10, ""))+"\nNotice: Undefined index: x in /srv/mantis/a.php on line 3\n"), ""},
		"a warning":          {object(200, listOf(issueOf(7, 10, ""))+warning), "answer_unreadable"},
		"an error":           {object(200, listOf(issueOf(7, 10, ""))+fatal), "answer_unreadable"},
		"both":               {object(200, listOf(issueOf(7, 10, ""))+deprecated+fatal), "answer_unreadable"},
		"a proxy's footer":   {object(200, listOf(issueOf(7, 10, ""))+"<script></script>"), "answer_unreadable"},
		"another object":     {object(200, listOf(issueOf(7, 10, ""))+listOf()), "answer_unreadable"},
		"only PHP's error":   {pageOf(200, fatal), "foreign_answer"},
		"login page":         {pageOf(200, loginPage), "session_expired"},
		"a list as a page":   {pageOf(200, listOf(issueOf(7, 10, ""))), "foreign_answer"},
		"a fault":            {object(200, `{"issues":{"status_code":404,"fault_string":"Unknown filter 'nope'"}}`), "target_not_found"},
		"a fault as issue":   {object(200, `{"issues":[{"status_code":403,"fault_string":"Access denied"}]}`), "forbidden"},
		"a fault among some": {object(200, `{"issues":[{"status_code":403,"fault_string":"Access denied"},{"id":7}]}`), "answer_unreadable"},
	} {
		f, c := start(t, nil)
		f.routes(map[string]told{"GET": tt.answer})
		objects, _, err := c.Changes(t.Context(), now, 0)
		if tt.code == "" {
			if err != nil || len(objects) != 1 {
				t.Errorf("%s: %d objects, %v", name, len(objects), err)
			}
			continue
		}

		class := failure.Retryable
		if strings.HasPrefix(name, "a fault") && tt.code != "answer_unreadable" {
			class = failure.Final
		}

		if e := failureOf(t, err); e.Class != class || e.Scope != failure.IntegrationScope || e.Code != tt.code || e.Detail == "" {
			t.Errorf("%s: %v scope %d %v", name, e.Class, e.Scope, e)
		}
	}
}

// B19: where anonymous access is on, a dead token is answered as the anonymous
// account. Every call that shows it says so at once.
func TestADeadTokenIsAnsweredAsAnonymous(t *testing.T) {
	nobody := `{"id":9,"name":"anonymous","access_level":{"id":10,"name":"viewer"},"projects":[]}`
	for name, tt := range map[string]struct {
		method string // of the login, as each answer with success says
		write  told
		do     func(c *Connector) error
		calls  int
	}{
		"Changes": {"cookie", told{}, func(c *Connector) error { _, _, err := c.Changes(t.Context(), now, 0); return err }, 0},
		"Find": {"cookie", told{}, func(c *Connector) error {
			_, err := c.Find(t.Context(), now, []connector.Marker{marker})
			return err
		}, 0},
		"Check": {"anonymous", told{}, func(c *Connector) error { _, err := c.Check(t.Context()); return err }, 0},
		"an update": {"cookie", told{}, func(c *Connector) error {
			_, err := c.Update(t.Context(), linked, connector.Content{Title: "T"}, marker)
			return err
		}, 0},
		"a create, 403": {"cookie", object(403, `{"message":"User does not have access right to report issues","code":13,"localized":"Access Denied."}`),
			func(c *Connector) error {
				_, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker)
				return err
			}, 1},
		"a create, 404 that tells": {"cookie", object(404, `{"message":"Not found"}`).with("X-Mantis-LoginMethod", "cookie"),
			func(c *Connector) error {
				_, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker)
				return err
			}, 1},
	} {
		f, c := start(t, nil)
		f.login = tt.method
		f.users = func(w http.ResponseWriter, _ *http.Request) { object(200, nobody).send(w) }
		f.routes(map[string]told{"POST": tt.write})
		err := tt.do(c)
		if e := failureOf(t, err); e.Class != failure.Final || e.Scope != failure.IntegrationScope || e.Code != "credentials_rejected" || e.Detail == "" {
			t.Errorf("%s: %v scope %d %v", name, e.Class, e.Scope, e)
		}

		if n := len(f.take()); n != tt.calls {
			t.Errorf("%s: %d calls besides the question who it is", name, n)
		}
	}

	f, c := start(t, nil)
	f.login = "cookie"
	f.users = func(w http.ResponseWriter, _ *http.Request) { object(200, nobody).send(w) }
	checks, _ := c.Check(t.Context())
	if got := fmt.Sprint(checks); got != "[reachable=ok credentials=no(credentials_rejected)]" {
		t.Error(got)
	}
}

// B19: a token that dies between the read and the change. A 403 does not show it,
// so one more read asks. A 412 shows it: the tag of the issue differs from account
// to account, so the anonymous account never sends the right one.
func TestATokenDiesBeforeThePatch(t *testing.T) {
	for name, tt := range map[string]struct {
		refused told
		calls   int // besides the questions who it is
	}{
		"403": {object(403, `{"message":"Access denied for user anonymous."}`), 2},
		"412": {told{status: 412}.with("X-Mantis-LoginMethod", "cookie"), 2},
	} {
		f, c := start(t, nil)
		f.login = "api-token"
		f.routes(map[string]told{"GET /issues/7": object(200, listOf(issueOf(7, 10, markerLine(marker)))), "PATCH": tt.refused})
		if _, _, err := c.states.prepare(t.Context()); err != nil {
			t.Fatal(err)
		}

		f.take()
		f.users = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Mantis-LoginMethod", "cookie")
			reply(w, 200, nil, me)
		}

		_, err := c.Update(t.Context(), linked, connector.Content{Title: "T", State: "open"}, marker)
		if e := failureOf(t, err); e.Code != "credentials_rejected" || e.Class != failure.Final || e.Scope != failure.IntegrationScope {
			t.Errorf("%s: %v scope %d %v", name, e.Class, e.Scope, e)
		}

		if n := len(f.take()); n != tt.calls {
			t.Errorf("%s: %d calls", name, n)
		}
	}
}

// B19: an issue that anonymous was allowed to make is recorded, and no second
// one is made.
func TestAnonymousMayReport(t *testing.T) {
	f, c := start(t, nil)
	f.routes(map[string]told{"POST": object(201, made(issueOf(7, 10, markerLine(marker)))).with("X-Mantis-LoginMethod", "cookie")})
	got, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker)
	if err != nil || got.Remote.ID != "7" {
		t.Fatal(got, err)
	}

	_, err = c.Create(t.Context(), connector.Content{Title: "T"}, connector.Marker{Integration: 11, Item: 23, Attempt: 1})
	if e := failureOf(t, err); e.Code != "credentials_rejected" || e.Class != failure.Final || e.Scope != failure.IntegrationScope {
		t.Error(e)
	}

	if n := len(f.take()); n != 1 {
		t.Errorf("%d issues were made by nobody", n)
	}
}

// B21: the notes are left out of the check of rights where the version is one
// that was proved to lose none.
func TestNotesAreEmptiedWhereProved(t *testing.T) {
	for version, want := range map[string]bool{"2.28.4": true, "2.28.3": false, "2.29.0-dev": false, "2.28.40": false, "": false, "-": false} {
		f, c := start(t, nil)
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			w.Header().Set("X-Mantis-Version", version)
			if version == "-" {
				w.Header().Del("X-Mantis-Version")
			}
			reply(w, 200, nil, listOf(issueOf(7, 10, markerLine(marker))))
		}
		if _, err := c.Update(t.Context(), linked, connector.Content{Title: "T", Body: "B", State: "open"}, marker); err != nil {
			t.Fatal(err)
		}

		calls := f.take()
		if got := strings.Contains(calls[1].body, `"notes":[]`); got != want {
			t.Errorf("version %q: %s", version, calls[1].body)
		}
	}

	f, c := start(t, nil)
	f.routes(map[string]told{"POST": object(201, made(issueOf(7, 10, "")))})
	if _, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker); err != nil {
		t.Fatal(err)
	}

	if body := f.take()[0].body; strings.Contains(body, "notes") {
		t.Errorf("a create has notes: %s", body)
	}
}

// B20: a summary of 129 characters is a 500 without a word, so none is ever
// sent. Characters are code points; those beyond 16 bits count as one.
func TestASummaryIsNeverTooLong(t *testing.T) {
	f, c := start(t, nil)
	f.routes(map[string]told{
		"POST": object(201, made(issueOf(7, 10, ""))), "GET": object(200, listOf(issueOf(7, 10, markerLine(marker)))), "PATCH": object(200, listOf(issueOf(7, 10, ""))),
	})
	family := "👨\u200d👩\u200d👧"
	for name, title := range map[string]string{
		"ASCII": strings.Repeat("a", 129), "astral": strings.Repeat("🚀", 129), "exact": strings.Repeat("🚀", 128),
		"families": strings.Repeat(family, 60), "flags": strings.Repeat("🇩🇪", 100), "accents": strings.Repeat("e\u0301", 100),
		"disarmed": strings.Repeat("@a #1 ", 60), "huge": strings.Repeat("🚀 @b ", 5_000), "one cluster": "a" + strings.Repeat("\u0301", 300),
	} {
		rendered := c.Render(domain.Item{ID: 22, Title: title, FormattedNumber: "KEP-1"}).Title
		for what, text := range map[string]string{"rendered": rendered, "as it is": title} {
			content := connector.Content{Title: text, Body: "B", State: domain.Open}
			if _, err := c.Create(t.Context(), content, marker); err != nil {
				t.Fatal(name, err)
			}

			if _, err := c.Update(t.Context(), linked, content, marker); err != nil {
				t.Fatal(name, err)
			}

			for _, one := range f.take() {
				if one.method == http.MethodGet {
					continue
				}

				sent := member(t, one.body, "summary")
				if n := utf8.RuneCountInString(sent); n > 128 || n == 0 || !utf8.ValidString(sent) {
					t.Errorf("%s, %s: %d characters in a %s", name, what, n, one.method)
				}

				if name == "exact" && what == "as it is" && sent != title {
					t.Errorf("128 characters were cut to %q", sent)
				}
			}
		}
	}
}

// B20: only statuses that the server listed are written, by their ids: it
// stores an unknown one as 0, with success. A priority is never written.
func TestOnlyListedStatusesAreWritten(t *testing.T) {
	for name, config := range map[string]string{
		"usual":                    configs,
		"another reopen status":    strings.Replace(configs, `"bug_reopen_status","value":20`, `"bug_reopen_status","value":77`, 1),
		"another reopen result":    strings.Replace(configs, `"bug_reopen_resolution","value":30`, `"bug_reopen_resolution","value":77`, 1),
		"no status of that name":   strings.Replace(configs, `"name":"closed"`, `"name":"fertig"`, 1),
		"no result of that name":   strings.Replace(configs, `"name":"fixed"`, `"name":"erledigt"`, 1),
		"no results at all":        strings.Replace(configs, `"resolution_enum_string"`, `"nothing"`, 1),
		"another threshold":        strings.Replace(configs, `"bug_resolved_status_threshold","value":80`, `"bug_resolved_status_threshold","value":50`, 1),
		"no status for the closed": strings.Replace(configs, `"bug_resolved_status_threshold","value":80`, `"bug_resolved_status_threshold","value":99`, 1),
	} {
		flow, err := parseWorkflow([]byte(config))
		if err != nil {
			t.Fatal(name, err)
		}

		listed := map[int64]bool{10: true, 20: true, 50: true, 80: true, 90: true}
		results := map[int64]bool{10: true, 20: true, 30: true}
		_, c := start(t, nil)
		for _, state := range []domain.ItemState{domain.Open, domain.Closed} {
			status, result, err := c.states.move(flow, state)
			if err != nil {
				if e := failureOf(t, err); e.Code != "status_missing" {
					t.Errorf("%s: %v", name, e)
				}
				continue
			}

			if !listed[status.ID] || status.Name != "" || result != nil && (!results[result.ID] || result.Name != "") {
				t.Errorf("%s, %s: status %+v, resolution %+v", name, state, status, result)
			}
		}
	}
}
