package recording

import (
	"strings"
	"testing"
)

// A leak is something that must not be in a recording, in an answer.
type leak struct {
	header [2]string
	media  string
	body   string
	gone   []string
}

// hold scrubs each answer and looks for what must not be left, in the line and in
// the body as it is read again.
func hold(t *testing.T, leaks map[string]leak) {
	t.Helper()
	for name, l := range leaks {
		e := exchange("GET", "/a", "", l.body)
		if l.media != "" {
			e.Response.Header["Content-Type"] = l.media
		}

		if l.header[0] != "" {
			e.Response.Header[l.header[0]] = l.header[1]
		}

		clean, err := scrubber(t, Scrub{Secrets: []string{"secret-token-123456"}, Hosts: []string{"tracker.corp.test"}, Places: map[string]string{"acme": "acme"}}).Scrub([]Exchange{e})
		if err != nil {
			t.Errorf("%s: %v", name, err)

			continue
		}

		var line strings.Builder
		if err := Write(&line, clean[0]); err != nil {
			t.Fatal(err)
		}

		left := strings.ToLower(line.String() + string(clean[0].Response.Body.Bytes()))
		for _, gone := range l.gone {
			if strings.Contains(left, strings.ToLower(gone)) {
				t.Errorf("%s: %q is left in %s", name, gone, line.String())
			}
		}
	}
}

// An answer that is not one JSON value names people too.
func TestPeopleInOtherTexts(t *testing.T) {
	const page = "text/html"
	both := []string{"jdoe-17", "Jane Doe"}
	hold(t, map[string]leak{
		"JSON behind a warning": {body: "<b>Warning</b>: x in y\n" + `{"user":{"id":17,"name":"jdoe-17","real_name":"Jane Doe"}}`, gone: both},
		"one value a line":      {body: `{"user":{"login":"jdoe-17"}}` + "\n" + `{"author":{"name":"Jane Doe"}}`, gone: both},
		"behind a mark":         {body: "\ufeff" + `{"user":{"login":"jdoe-17","name":"Jane Doe"}}`, gone: both},
		"cut":                   {body: `{"user":{"username":"jdoe-17","displayName":"Jane Doe","x":"`, gone: both},
		"JSON in a text":        {body: `{"error":"{\"user\":{\"displayName\":\"Jane Doe\",\"login\":\"jdoe-17\"}}"}`, gone: both},
		"JSON in a sentence":    {body: `{"error":"refused: {\"user\":{\"displayName\":\"Jane Doe\",\"login\":\"jdoe-17\"}}"}`, gone: both},
		"a mention":             {body: `{"type":"doc","content":[{"type":"mention","attrs":{"id":"jdoe-17","text":"@Jane Doe"}}]}`, gone: both},
		"a page of Jira's":      {media: page, body: `<html><meta name="ajs-remote-user" content="jdoe-17"><meta name="ajs-remote-user-fullname" content="Jane Doe">`, gone: both},
		"a page of GitHub's":    {media: page, body: `<html><meta name="user-login" content="jdoe-17">`, gone: both},
		"a page of GitLab's":    {media: page, body: `<html><script>gon.current_username="jdoe-17";gon.current_user_fullname="Jane Doe";</script>`, gone: both},
		"a script":              {media: page, body: `<html><script>window.data={"user":{"displayName":"Jane Doe","username":"jdoe-17"}}</script>`, gone: both},
		"an attribute":          {media: page, body: `<html><div data-user="{&quot;username&quot;:&quot;jdoe-17&quot;,&quot;display_name&quot;:&quot;Jane Doe&quot;}">`, gone: both},
	})
}

// What looks like an object and is none takes no time.
func TestPiecesAreBounded(t *testing.T) {
	if found := pieces(strings.Repeat(`{"a":`, 200_000)); len(found) > 0 {
		t.Error(len(found))
	}
}

// Other hosts than the declared one are those of the company too: the inner name of
// the server, a login page, a neighbour, a customer's name below a service.
func TestOtherHosts(t *testing.T) {
	const page = "text/html"
	hold(t, map[string]leak{
		"an inner name":       {body: `{"self":"http://jira-node1.bigbank.test:8080/rest/api/2/issue/1"}`, gone: []string{"bigbank", "jira-node1"}},
		"a base":              {body: `{"baseUrl":"https://jira.bigbank.test","version":"9.4.0"}`, gone: []string{"bigbank"}},
		"a clone address":     {body: `{"clone_url":"https://git.bigbank.test/acme/work.git"}`, gone: []string{"bigbank"}},
		"a login page":        {header: [2]string{"Location", "https://login.bigbank.test/saml?a=b"}, gone: []string{"bigbank"}},
		"a login service":     {header: [2]string{"Location", "https://bigbank.okta.com/app/x/sso/saml"}, gone: []string{"bigbank"}},
		"a neighbour":         {body: `{"text":"see https://wiki.corp.test/x and wiki.corp.test, corp.test"}`, gone: []string{"wiki", "corp.test"}},
		"customers":           {body: `{"text":"bigbank.mantishub.io bigbank.gitlab.io bigbank.okta.com https://bigbank.service-now.com"}`, gone: []string{"bigbank"}},
		"in a query":          {body: `{"text":"go?to=https%3A%2F%2Fwiki.bigbank.test%2Fx"}`, gone: []string{"bigbank"}},
		"in a script":         {media: page, body: `<html><script>a="https:\/\/wiki.bigbank.test\/x"</script>`, gone: []string{"bigbank"}},
		"without a scheme":    {media: page, body: `<html><script src="//cdn.bigbank.test/x.js"></script>`, gone: []string{"bigbank"}},
		"an escaped customer": {body: `{"text":"https%3A%2F%2Fbigbank.atlassian.net%2Fx"}`, gone: []string{"bigbank"}},
	})
}

// The hosts that everybody knows stay, and nothing around a name changes.
func TestPublicHostsStay(t *testing.T) {
	s := scrubber(t, Scrub{Hosts: []string{"tracker.corp.test"}})
	for sent, want := range map[string]string{
		"see https://docs.github.com/rest, or https://gitlab.com.": "see https://docs.github.com/rest, or https://gitlab.com.",
		"(https://a.bigbank.test) and https://a.bigbank.test:80/x": "(https://provider.example) and https://provider.example:80/x",
		"https://10.1.2.3:80/x https://[fe80::1]:80/x":             "https://192.0.2.1:80/x https://[2001:db8::1]:80/x",
		"https%3A%2F%2Fx.slack.com%2Fy":                            "https%3A%2F%2Fprovider.example%2Fy",
		"q=https%3A%2F%2Ftracker.corp.test%2Fy":                    "q=https%3A%2F%2Fprovider.example%2Fy",
	} {
		if got := s.text(sent); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

// E-mail addresses in all spellings.
func TestSpellingsOfMails(t *testing.T) {
	const page = "text/html"
	hold(t, map[string]leak{
		"letters of others":  {body: `{"text":"ask josé.garcía@mail.test, o'neil@mail.test"}`, gone: []string{"josé", "garc", "neil", "mail.test"}},
		"a domain of others": {body: `{"text":"ask jdoe17@müller.test"}`, gone: []string{"jdoe17", "müller"}},
		"an entity":          {media: page, body: `<p>jdoe17&#64;mail.test jdoe18&commat;mail.test jdoe19&#x40;mail.test`, gone: []string{"jdoe1", "mail.test"}},
		"a script":           {media: page, body: `<script>x="jdoe17\u0040mail.test"</script>`, gone: []string{"jdoe17", "mail.test"}},
		"escaped":            {body: `{"text":"?a=jdoe17%40mail.test&b=jdoe18%2540mail.test"}`, gone: []string{"jdoe1", "mail.test"}},
	})
}

// Secrets that nobody declared, by their names and forms, and the declared one in
// further encodings.
func TestSecretsByNameAndForm(t *testing.T) {
	hold(t, map[string]leak{
		"a signed address":   {body: `{"url":"https://files.test/a?X-Amz-Signature=abcdef0123456789&X-Amz-Credential=AKIAIO"}`, gone: []string{"abcdef0123456789", "AKIAIO"}},
		"a runners' token":   {body: `{"id":1,"runners_token":"GR13489abcdefghijk"}`, gone: []string{"GR13489abcdefghijk"}},
		"a clone token":      {body: `{"temp_clone_token":"AABBCC112233"}`, gone: []string{"AABBCC112233"}},
		"a login":            {header: [2]string{"X-GitHub-SSO", "required; url=https://github.com/orgs/acme/sso?authorization_request=AZSCKL2REQUEST"}, gone: []string{"AZSCKL2REQUEST"}},
		"a login by SAML":    {header: [2]string{"Location", "https://login.corp.test/saml?SAMLRequest=fZJNT8JAEIbv&RelayState=ab-12"}, gone: []string{"fZJNT8JAEIbv", "ab-12"}},
		"Discord's, escaped": {body: `{"text":"https%3A%2F%2Fdiscord.com%2Fapi%2Fwebhooks%2F123456789012345678%2Fabcdefghijklmnopqrst"}`, gone: []string{"abcdefghijklmnopqrst"}},
		"Slack's, escaped":   {body: `{"text":"u=https%3A%2F%2Fhooks.slack.com%2Fservices%2FT01ABCDEF%2FB01ABCDEF%2Fabcdefghijklmnop"}`, gone: []string{"abcdefghijklmnop"}},
		"a Gravatar":         {body: `{"icon":"https://secure.gravatar.com/avatar/0bc83cb571cd1c50ba6f3e8a78ef1346?d=x"}`, gone: []string{"0bc83cb571cd"}},
		"base64 in lines":    {body: `{"x":"c2VjcmV0LXRva2Vu\r\nLTEyMzQ1Ng=="}`, gone: []string{"c2VjcmV0LXRva2Vu"}},
		"base32":             {body: `{"x":"ONSWG4TFOQWXI33LMVXC2MJSGM2DKNQ="}`, gone: []string{"ONSWG4TFOQ"}},
	})
}

// Members that only end like the name of a secret stay.
func TestCursorsStay(t *testing.T) {
	body := `{"nextPageToken":"abc","next_cursor":"dXNlcjpVMDYxTkZUVDI=","has_token":true}`
	if _, clean := scrubbed(t, Scrub{}, exchange("GET", "/", "", body)); string(clean[0].Response.Body) != body {
		t.Error(string(clean[0].Response.Body))
	}
}

// Names of companies and machines in headers and in what a server says of itself.
func TestNamesOfServers(t *testing.T) {
	hold(t, map[string]leak{
		"a realm":      {header: [2]string{"WWW-Authenticate", `Basic realm="Big Bank Tracker", charset="UTF-8"`}, gone: []string{"Big Bank"}},
		"a bare realm": {header: [2]string{"WWW-Authenticate", `Bearer realm=bigbank`}, gone: []string{"bigbank"}},
		"a machine":    {header: [2]string{"Server", "bigbank-proxy-01"}, gone: []string{"bigbank"}},
		"a server":     {body: `{"version":"9.4.0","serverTitle":"Big Bank Jira"}`, gone: []string{"Big Bank"}},
		"a whole name": {body: `{"user":{"fullName":"Jane Doe"},"author":{"full_name":"John Roe"}}`, gone: []string{"Jane", "Roe"}},
	})

	for _, stays := range []string{"nginx/1.25.3", "cloudflare", "Apache/2.4.57 (Debian)", "AtlassianEdge"} {
		e := exchange("GET", "/", "", "{}")
		e.Response.Header["Server"] = stays
		if _, clean := scrubbed(t, Scrub{}, e); clean[0].Response.Header["Server"] != stays {
			t.Error(clean[0].Response.Header["Server"])
		}
	}
}
