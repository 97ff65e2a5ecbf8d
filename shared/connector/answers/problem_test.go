package answers

import (
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/outbound"
)

var secret = "s3cr3t" + strings.Repeat("x", 40)

var clean = outbound.New(outbound.Config{Secrets: []string{secret}}).Clean

func answer(status int, media, body string) outbound.Response {
	a := outbound.Response{Status: status, Reason: http.StatusText(status), Header: http.Header{}, Body: []byte(body)}
	if media != "" {
		a.Header.Set("Content-Type", media)
	}

	return a
}

const cloudflare = `<!DOCTYPE html>
<!--[if lt IE 7]> <html class="no-js ie6 oldie" lang="en-US"> <![endif]-->
<head><title>Attention Required! | Cloudflare</title><meta charset="UTF-8" /></head>
<body><div id="cf-wrapper"><h1>Sorry, you have been blocked</h1></div></body></html>`

// B15, B1: the words of each form of body that providers and the servers before
// them answer with.
func TestWords(t *testing.T) {
	for name, tt := range map[string]struct{ body, want string }{
		"GitHub: message":               {`{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}`, "Bad credentials"},
		"GitHub: errors of fields":      {`{"message":"Validation Failed","errors":[{"resource":"Issue","field":"title","code":"custom","message":"title is too long (maximum is 256 characters)"},{"resource":"Issue","code":"missing_field","field":"title"}],"documentation_url":"x"}`, "Validation Failed; title: title is too long (maximum is 256 characters); Issue title: missing_field"},
		"GitHub: errors as a string":    {`{"message":"Validation Failed","errors":"Only organization members can be assigned","documentation_url":"x"}`, "Validation Failed; Only organization members can be assigned"},
		"GitHub: list of strings":       {`{"message":"Validation Failed","errors":["No commits between main and x"]}`, "Validation Failed; No commits between main and x"},
		"GitHub: a label's name":        {`{"message":"Validation Failed","errors":[{"value":"a,b","resource":"Label","field":"name","code":"invalid"}]}`, "Validation Failed; Label name: invalid (a,b)"},
		"GitHub: too quickly":           {`{"message":"Validation Failed","errors":[{"resource":"Issue","code":"custom","message":"was submitted too quickly"}]}`, "Validation Failed; custom: was submitted too quickly"},
		"GitLab: text":                  {`{"message":"404 Project Not Found"}`, "404 Project Not Found"},
		"GitLab: base":                  {`{"message":{"base":["Issue can't be created in this project"]}}`, "Issue can't be created in this project"},
		"GitLab: lists by field":        {`{"message":{"title":["can't be blank","is too long"],"labels":["x"]}}`, "title: can't be blank; title: is too long; labels: x"},
		"GitLab: a field named message": {`{"message":{"description":"is too long","code":["y"]}}`, "description: is too long; code: y"},
		"GitLab: list":                  {`{"message":["one","two"]}`, "one; two"},
		"GitLab: OAuth":                 {`{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token.","scope":"api"}`, "insufficient_scope; The request requires higher privileges than provided by the access token."},
		"GitLab: limit":                 {`{"message":{"error":"This endpoint has been requested too many times. Try again later."}}`, "This endpoint has been requested too many times. Try again later."},
		"GitLab: captcha":               {`{"needs_captcha_response":true,"spam_log_id":1,"captcha_site_key":"k","message":{"error":"Your issue has been recognized as spam."}}`, "Your issue has been recognized as spam."},
		"Discord: embeds":               {`{"embeds":["0"]}`, "embeds: 0"},
		"Discord: content":              {`{"content":["Must be 2000 or fewer in length."]}`, "content: Must be 2000 or fewer in length."},
		"Discord: tree of _errors":      {`{"message":"Invalid Form Body","code":50035,"errors":{"embeds":{"0":{"description":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH","message":"Must be 4096 or fewer in length."}]}}}}}`, "Invalid Form Body; embeds.0.description: Must be 4096 or fewer in length."},
		"Discord: _errors of a title":   {`{"code":50035,"message":"Invalid Form Body","errors":{"title":{"_errors":[{"message":"x"}]}}}`, "Invalid Form Body; title: x"},
		"Slack: error":                  {`{"ok":false,"error":"invalid_blocks","response_metadata":{"messages":["[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"]}}`, "invalid_blocks; [ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"},
		"Slack: scope":                  {`{"ok":false,"error":"missing_scope","needed":"chat:write","provided":"incoming-webhook"}`, "missing_scope; needed: chat:write"},
		"Jira: messages and fields":     {`{"errorMessages":["Issue does not exist"],"errors":{"summary":"You must specify a summary of the issue.","description":"Field 'description' cannot be set."}}`, "Issue does not exist; summary: You must specify a summary of the issue.; description: Field 'description' cannot be set."},
		"Jira: only fields":             {`{"errorMessages":[],"errors":{"message":"reserved name","customfield_1":"required"}}`, "reserved name; customfield_1: required"},
		"MantisBT":                      {`{"message":"Issue 5 not found","code":1100,"localized":"Eintrag 5 nicht gefunden."}`, "Issue 5 not found"},
		"MantisBT: fault in the data":   {`{"issues":[{"status_code":403,"message":"Access denied"}]}`, "issues: Access denied"},
		"Power Automate":                {`{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"The workflow trigger is not enabled."}}`, "WorkflowTriggerIsNotEnabled: The workflow trigger is not enabled."},
		"RFC 9457":                      {`{"type":"about:blank","title":"Forbidden","detail":"You shall not pass","status":403}`, "Forbidden; You shall not pass"},
		"API Gateway":                   {`{"Message":"Forbidden"}`, "Message: Forbidden"},
		"JSON string":                   {`"nope"`, "nope"},
		"cut JSON":                      {`{"message":"Validation Failed","errors":[{"field":"title","message":"is bad"},{"field":"bo`, "Validation Failed; title: is bad"},
		"numbers alone":                 {`{"retry_after":1}`, ""},
		"empty object":                  {`{}`, ""},
		"plain text":                    {"  Retry   later\n", "Retry later"},
		"number":                        {"1", "1"},
		"title":                         {cloudflare, "Attention Required! | Cloudflare"},
		"413 page":                      {"<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n<center><h1>413 Request Entity Too Large</h1></center>\r\n<hr><center>nginx/1.25.3</center>\r\n</body>\r\n</html>\r\n", "413 Request Entity Too Large"},
		"no title":                      {"<html><head><style>b{color:red}</style><script>var a='<b>';</script></head><body><!-- hidden --><p>Access <b>denied</b> &amp; logged</p></body>", "Access denied & logged"},
		"empty title":                   {"<html><title> </title><body>words</body>", "words"},
		"unclosed title":                {"<title>Half", "Half"},
		"tags alone":                    {"<html><br/>", ""},
		"XML":                           {`<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`, "AccessDenied Access Denied"},
		"byte order mark":               {"\xef\xbb\xbf<html><title>x</title>", "x"},
		"empty":                         {"", ""},
		"white space":                   {" \r\n\t", ""},
		"null":                          {"null", "null"},
		"bytes":                         {"\xff\xfe\x00nope\x07", "nope"},
		"secret":                        {`{"message":"token ` + secret + ` at https://u:p@h.test/x?access=1"}`, "token [redacted] at https://h.test/x"},
		"nested too deep":               {strings.Repeat(`{"message":`, 200), ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := Read(answer(400, "", tt.body), clean)
			if p.Words != tt.want {
				t.Errorf("words %q, want %q", p.Words, tt.want)
			}

			if p.Summary == "" || p.Reason("") == "" || p.Reason("x") == "x" {
				t.Errorf("an empty reason: %+v", p)
			}

			if again := clean(p.Reason("")); again != p.Reason("") {
				t.Errorf("%q is not clean: %q", p.Reason(""), again)
			}
		})
	}
}

// B1: a reason is never empty: status, media type, first words of the body.
func TestSummary(t *testing.T) {
	reasoned := answer(403, "text/html; charset=UTF-8", "")
	reasoned.Reason = "Not allowed to update note 4"
	for _, tt := range []struct {
		answer outbound.Response
		want   string
		reason string
	}{
		{answer(403, "text/html; charset=UTF-8", "<title>Attention Required!</title>"), `403 text/html "Attention Required!"`, `403 text/html "Attention Required!"`},
		{answer(422, "", ""), "422 without a body", "422 without a body"},
		{reasoned, `403 without a body "Not allowed to update note 4"`, `403 without a body "Not allowed to update note 4"`},
		{answer(429, "application/json", `{"retry_after": 1}`), `429 application/json "{"retry_after": 1}"`, `429 application/json "{"retry_after": 1}"`},
		{answer(400, "application/json", `{"message":"no"}`), `400 application/json "no"`, "no"},
		{answer(502, "text/plain", strings.Repeat("word ", 100)), `502 text/plain "` + strings.Repeat("word ", 29) + `word…"`, `502 text/plain "` + strings.Repeat("word ", 29) + `word…"`},
		{answer(400, "nonsense/", "x"), `400 "x"`, `400 "x"`},
		{answer(400, "text/plain", strings.Repeat("x", 1<<20)), `400 text/plain`, `400 text/plain`},
		{answer(400, "text/plain", secret+" "+secret), `400 text/plain "[redacted] [redacted]"`, `400 text/plain "[redacted] [redacted]"`},
	} {
		p := Read(tt.answer, clean)
		if p.Summary != tt.want || p.Reason("") != tt.reason || p.Reason("we say") != "we say: "+tt.reason {
			t.Errorf("%q and %q, want %q and %q", p.Summary, p.Reason(""), tt.want, tt.reason)
		}
	}
}

// A secret is not shown in part because the text around it was cut.
func TestNoPartOfASecret(t *testing.T) {
	for room := 0; room < 3*len(secret); room += 5 {
		for _, form := range []string{"%s", `{"message":"%s"}`, "<title>%s</title>", "<p>%s"} {
			text := strings.Repeat("y", maxWords-len(secret)-room) + " " + secret + " " + secret + " " + secret
			spaced := strings.Repeat(" ", maxWords-len(secret)-room) + " " + secret + " " + secret
			for _, body := range []string{text, spaced} {
				p := Read(answer(400, "", strings.Replace(form, "%s", body, 1)), clean)
				if shown := p.Words + p.Summary; strings.Contains(shown, secret[:8]) {
					t.Fatalf("%q shows a part of a secret", shown)
				}
			}
		}
	}
}

// B15: the waits that bodies name.
func TestWaits(t *testing.T) {
	for body, want := range map[string]time.Duration{
		`{"retry_after":1}`:                                time.Second,
		`{"retry_after":0.0213}`:                           22 * time.Millisecond,
		`{"retry_after":0}`:                                time.Millisecond,
		`{"retry_after":1e400}`:                            outbound.MaxWait,
		`{"retry_after":1e9}`:                              outbound.MaxWait,
		`{"retry_after":"2.5"}`:                            2500 * time.Millisecond,
		`{"retry_after":"soon"}`:                           0,
		`{"retry_after":-1}`:                               0,
		`{"retry_after":{}}`:                               0,
		`{"error":{"retryAfter":3}}`:                       3 * time.Second,
		`{"ok":false,"error":"ratelimited"}`:               0,
		`{"ok":false,"retry_after":30}`:                    30 * time.Second,
		"Rate limit is exceeded. Try again in 17 seconds.": 17 * time.Second,
		`{"error":{"code":"429","message":"Rate limit is exceeded. Try again in 17 seconds."}}`: 17 * time.Second,
		`{"statusCode":429,"message":"Rate limit is exceeded. Try again in 3 seconds."}`:        3 * time.Second,
		"Retry in 2 minutes":                2 * time.Minute,
		"Please wait 1 hour":                time.Hour,
		"retry after 1.5s":                  1500 * time.Millisecond,
		"wait 250 ms":                       250 * time.Millisecond,
		"try again in 999999999 hours":      outbound.MaxWait,
		"Retry later":                       0,
		"<title>Try again in 5 min</title>": 5 * time.Minute,
		"at most 30 seconds":                0,
		"":                                  0,
	} {
		p := Read(answer(429, "", body), clean)
		if p.Wait != want || p.WaitTold != (want > 0) {
			t.Errorf("%s: waits %s (told %v), want %s", body, p.Wait, p.WaitTold, want)
		}
	}
}

// B9: a page that asks a person to log in.
func TestLogin(t *testing.T) {
	for body, want := range map[string]bool{
		"<html><title>Log in - Jira</title></html>":                                      true,
		"<title>Sign in · GitLab</title>":                                                true,
		"<html><form><INPUT TYPE=\"password\"></form>":                                   true,
		`<form method="post"><input type="hidden" name="SAMLRequest" value="x"/></form>`: true,
		cloudflare:                              false,
		"<title>502 Bad Gateway</title>":        false,
		`{"message":"log in"}`:                  false,
		"":                                      false,
		"log in":                                false,
		"<title>Maintenance</title>we are back": false,
	} {
		p := Read(answer(200, "text/html", body), clean)
		code := map[bool]string{true: "session_expired", false: "foreign_answer"}[want]
		if p.Login != want || p.ForeignCode() != code {
			t.Errorf("%s: login %v, %s", body, p.Login, p.ForeignCode())
		}
	}
}

// B1: a 401 is the provider's own if it has a JSON body or a challenge.
func TestUnauthenticated(t *testing.T) {
	challenged := answer(401, "text/html", "<html>")
	challenged.Header.Set("WWW-Authenticate", `OAuth realm="https%3A%2F%2Fjira"`)
	for _, tt := range []struct {
		answer outbound.Response
		want   bool
	}{
		{answer(401, "application/json", `{"message":"Bad credentials"}`), true},
		{challenged, true},
		{answer(401, "text/html", cloudflare), false},
		{answer(401, "", ""), false},
		{answer(403, "application/json", `{}`), false},
	} {
		if got := Unauthenticated(tt.answer, Read(tt.answer, clean)); got != tt.want {
			t.Errorf("%+v: %v", tt.answer, got)
		}
	}
}

func TestMember(t *testing.T) {
	p := Read(answer(400, "", `{"code":50035,"ok":false,"error":{"code":"X"},"list":[1]}`), clean)
	for want, path := range map[string][]string{"50035": {"code"}, "false": {"ok"}, "X": {"error", "code"}} {
		if got := p.Member(path...); got != want {
			t.Errorf("%v: %q, want %q", path, got, want)
		}
	}

	for _, path := range [][]string{{"error"}, {"list"}, {"none"}, {"code", "x"}} {
		if got := p.Member(path...); got != "" {
			t.Errorf("%v: %q", path, got)
		}
	}
}

func TestMediaTypes(t *testing.T) {
	for header, want := range map[string]bool{
		"application/json": true, "Application/JSON; charset=utf-8": true, "application/problem+json": true, "application/vnd.github+json": true,
		"text/html": false, "text/plain": false, "": false, "json": false, "application/jsonp": false,
	} {
		if got := IsJSON(MediaType(answer(200, header, ""))); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}

// A hostile body costs little, whatever its form.
func TestBoundedWork(t *testing.T) {
	for name, body := range map[string]string{
		"deep lists":    strings.Repeat("[", 4<<20),
		"many members":  "{" + strings.Repeat(`"a":"b",`, 500_000) + `"z":1}`,
		"long string":   `{"message":"` + strings.Repeat("x ", 2<<20) + `"}`,
		"open tags":     strings.Repeat("<", 4<<20),
		"open comments": strings.Repeat("<!--", 1<<20),
		"scripts":       strings.Repeat("<script>", 1<<19),
		"entities":      "<p>" + strings.Repeat("&amp;", 1<<20),
		"one word":      strings.Repeat("x", 4<<20),
		"spaces":        strings.Repeat(" ", 4<<20) + "x",
	} {
		a := answer(400, "text/html", body)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		Read(a, clean)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<20 {
			t.Errorf("%s: %d bytes", name, grown)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, body := range []string{cloudflare, `{"message":{"base":["x"]},"errors":{"a":{"_errors":[{"message":"m"}]}}}`, `{"retry_after":1e400}`, "Try again in 17 seconds", "[[[[", "\xff<", ""} {
		f.Add(400, "text/html", "Bad Request", body)
	}

	f.Fuzz(func(t *testing.T, status int, media, reason, body string) {
		a := answer(status, media, body)
		a.Reason = reason
		p := Read(a, clean)
		if p.Summary == "" || p.Reason("") == "" || strings.ContainsAny(p.Words+p.Summary, "\n\r\x00") {
			t.Errorf("%+v", p)
		}

		if len([]rune(p.Words)) > 200 || p.Wait < 0 || p.Wait > outbound.MaxWait || p.WaitTold != (p.Wait > 0) {
			t.Errorf("%+v", p)
		}

		if strings.Contains(p.Words+p.Summary, secret) {
			t.Error("a secret is shown")
		}
	})
}

// A refusal of a read counts as the provider's own only in its form.
func TestForeign(t *testing.T) {
	challenge := http.Header{"Www-Authenticate": {"Bearer"}}
	for name, tt := range map[string]struct {
		status int
		header http.Header
		body   string
		marked bool
		want   bool
	}{
		"JSON":                  {status: 403, body: `{"message":"x"}`},
		"a JSON list":           {status: 404, body: `[]`},
		"half JSON":             {status: 404, body: `{"message":`},
		"a challenge":           {status: 401, header: challenge},
		"a page and challenge":  {status: 401, header: challenge, body: "<html>"},
		"a mark":                {status: 404, body: "<html>", marked: true},
		"nothing":               {status: 401, want: true},
		"a text":                {status: 403, body: "RBAC: access denied", want: true},
		"a JSON string":         {status: 403, body: `"no"`, want: true},
		"a page":                {status: 404, body: "<html>", want: true},
		"a challenge of a 403":  {status: 403, header: challenge, want: true},
		"the last":              {status: 499, want: true},
		"success":               {status: 200, body: "<html>"},
		"a redirect":            {status: 302},
		"a server that fails":   {status: 500, body: "<html>"},
		"a server's 503":        {status: 503},
		"a mark without a body": {status: 401, marked: true},
	} {
		answer := outbound.Response{Status: tt.status, Header: tt.header, Body: []byte(tt.body)}
		p := Read(answer, func(s string) string { return s })
		if got := p.Foreign(answer, tt.marked); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
