package recording

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// planted is a secret with characters that each encoding writes differently.
const planted = "pl4nted/Secr3t+va1ue=&\"x<ÿ"

func scrubber(t testing.TB, s Scrub) *Scrubber {
	t.Helper()
	made, err := NewScrubber(s)
	if err != nil {
		t.Fatal(err)
	}

	return made
}

// text gives a header's value.
func text(value string) *string { return &value }

// exchange is one with a body each way.
func exchange(method, path, asked, answered string) Exchange {
	return Exchange{
		Case: "c", Role: "writer",
		Request: Request{Method: method, Path: path, Header: map[string]*string{}, Body: BodyOf([]byte(asked))},
		Response: Response{
			Status: 200, Reason: "OK", Header: map[string]string{"Content-Type": "application/json"}, Body: BodyOf([]byte(answered)),
		},
	}
}

// scrubbed are the lines of a recording.
func scrubbed(t testing.TB, s Scrub, all ...Exchange) (lines string, clean []Exchange) {
	t.Helper()
	clean, err := scrubber(t, s).Scrub(all)
	if err != nil {
		t.Fatal(err)
	}

	var file bytes.Buffer
	for _, e := range clean {
		if err := Write(&file, e); err != nil {
			t.Fatal(err)
		}
	}

	return file.String(), clean
}

// encoded are the forms in which a secret may stand in a text.
func encoded(secret string) map[string]string {
	quoted, err := json.Marshal(secret)
	if err != nil {
		panic(err)
	}

	twice, err := json.Marshal(string(quoted))
	if err != nil {
		panic(err)
	}

	all := map[string]string{
		"plain": secret, "json": string(quoted[1 : len(quoted)-1]), "json twice": string(twice), "html": html.EscapeString(secret),
		"query": url.QueryEscape(secret), "path": url.PathEscape(secret), "lower percent": lowerPercent(url.QueryEscape(secret)),
		"percent twice": url.QueryEscape(url.QueryEscape(secret)), "hex": hex.EncodeToString([]byte(secret)),
	}

	every := ""
	for _, b := range []byte(secret) {
		every += fmt.Sprintf("%%%02x", b)
	}

	all["each byte in percent"] = every
	units := ""
	for _, r := range secret {
		units += fmt.Sprintf(`\u%04x`, r)
	}

	all["each character in \\u"] = units
	for name, encoding := range map[string]*base64.Encoding{
		"std": base64.StdEncoding, "raw std": base64.RawStdEncoding, "url": base64.URLEncoding, "raw url": base64.RawURLEncoding,
	} {
		all["base64 "+name] = encoding.EncodeToString([]byte(secret))
		for _, user := range []string{"a", "ab", "abc", "bot@acme.example"} {
			all["basic "+name+" "+user] = encoding.EncodeToString([]byte(user + ":" + secret))
		}

		all["base64 in percent "+name] = url.QueryEscape(encoding.EncodeToString([]byte(user(secret))))
		all["base64 of json "+name] = encoding.EncodeToString([]byte(`{"token":` + string(quoted) + `}`))
		all["base64 twice "+name] = encoding.EncodeToString([]byte(encoding.EncodeToString([]byte(secret))))
	}

	return all
}

func user(secret string) string { return "user:" + secret }

// places put a text into an exchange.
var places = map[string]func(e *Exchange, text string){
	"path": func(e *Exchange, text string) {
		e.Request.Path = "/a/" + strings.Trim(url.PathEscape(text), "/") + "/b"
	},
	"raw path":     func(e *Exchange, text string) { e.Request.Path = "/a/" + text },
	"query":        func(e *Exchange, text string) { e.Request.Path = "/a?b=" + url.QueryEscape(text) + "&c=d" },
	"query name":   func(e *Exchange, text string) { e.Request.Path = "/a?" + url.QueryEscape(text) + "=b" },
	"asked header": func(e *Exchange, text string) { e.Request.Header["If-Match"] = &text },
	"reason":       func(e *Exchange, text string) { e.Response.Reason = "Not " + text },
	"header":       func(e *Exchange, text string) { e.Response.Header["ETag"] = text },
	"link": func(e *Exchange, text string) {
		e.Response.Header["Link"] = `<https://h.example/a?b=` + url.QueryEscape(text) + `>; rel="next"`
	},
	"case": func(e *Exchange, text string) { e.Case = "case " + text },
	"note": func(e *Exchange, text string) { e.Note = "note " + text },
	"role": func(e *Exchange, text string) { e.Role = text },
	"asked member": func(e *Exchange, text string) {
		e.Request.Body = Body(encode(object{{"a", []any{object{{"b", text}}}}}))
	},
	"member": func(e *Exchange, text string) {
		e.Response.Body = Body(encode(object{{"a", object{{"b", "see " + text + "."}}}}))
	},
	"name": func(e *Exchange, text string) { e.Response.Body = Body(encode(object{{text, json.Number("1")}})) },
	"login": func(e *Exchange, text string) {
		e.Response.Body = Body(encode(object{{"user", object{{"login", text}, {"id", json.Number("5")}}}}))
	},
	"page":      func(e *Exchange, text string) { e.Response.Body = BodyOf([]byte("<html><p>" + text + "</p>")) },
	"glued":     func(e *Exchange, text string) { e.Response.Body = BodyOf([]byte("<html><p>x" + text + "y</p>")) },
	"cut JSON":  func(e *Exchange, text string) { e.Response.Body = BodyOf([]byte(`{"a":"` + text)) },
	"JSON text": func(e *Exchange, text string) { e.Response.Body = BodyOf(encode(text)) },
	"JSON in JSON": func(e *Exchange, text string) {
		e.Response.Body = Body(encode(object{{"a", string(encode(object{{"b", text}}))}}))
	},
	"form": func(e *Exchange, text string) {
		e.Request.Header["Content-Type"] = ptr("application/x-www-form-urlencoded")
		e.Request.Body = BodyOf([]byte("a=" + url.QueryEscape(text) + "&b=c"))
	},
	"link in text": func(e *Exchange, text string) {
		e.Response.Body = Body(encode(object{{"a", "at https://h.example/x/" + url.PathEscape(text) + "?y=1 or so"}}))
	},
	"user of a URL": func(e *Exchange, text string) {
		e.Response.Body = Body(encode(object{{"a", "https://u:" + url.QueryEscape(text) + "@h.example/"}}))
	},
}

func ptr(value string) *string { return &value }

// readable are all texts of a line, as they are written and as they are read.
func readable(t testing.TB, line string) string {
	t.Helper()
	all := line
	value, err := parse([]byte(line))
	if err != nil {
		t.Fatal(err)
	}

	var walk func(value any)
	walk = func(value any) {
		switch value := value.(type) {
		case string:
			all += "\n" + value
			if inner, err := parse([]byte(value)); err == nil {
				if _, text := inner.(string); !text {
					walk(inner)
				}
			}

		case []any:
			for _, one := range value {
				walk(one)
			}
		case object:
			for _, m := range value {
				walk(m.name)
				walk(m.value)
			}
		}
	}

	walk(value)

	return all
}

func TestNoSecretIsLeft(t *testing.T) {
	for encoding, secret := range encoded(planted) {
		for place, put := range places {
			e := exchange("POST", "/a", `{}`, `{}`)
			put(&e, secret)
			clean, err := scrubber(t, Scrub{Secrets: []string{planted}}).Scrub([]Exchange{e})
			if err != nil {
				t.Errorf("%s in %s: %v", encoding, place, err)

				continue
			}

			var line strings.Builder
			if err := Write(&line, clean[0]); err != nil {
				t.Fatal(err)
			}

			all := readable(t, line.String())
			for _, left := range []string{planted, secret, url.QueryEscape(secret), url.PathEscape(secret)} {
				if strings.Contains(all, left) {
					t.Errorf("%s in %s: %s", encoding, place, line.String())
				}
			}

			if !strings.Contains(all, Redacted) && place != "user of a URL" && place != "login" {
				t.Errorf("%s in %s: nothing is replaced: %s", encoding, place, line.String())
			}
		}
	}
}

func TestMultiLineSecret(t *testing.T) {
	line := strings.Repeat("Ab3", 20)
	key := "-----BEGIN " + "PRIVATE KEY-----\n" + line + "\n" + line + "x\n-----END " + "PRIVATE KEY-----\n"
	got, _ := scrubbed(t, Scrub{Secrets: []string{key}}, exchange("GET", "/", "", `{"a":"`+line+`","b":"`+base64.StdEncoding.EncodeToString([]byte(key))+`"}`))
	if strings.Contains(got, "Ab3Ab3") || strings.Contains(got, base64.StdEncoding.EncodeToString([]byte(line))) {
		t.Error(got)
	}
}

func TestAShortSecretIsRefused(t *testing.T) {
	_, err := NewScrubber(Scrub{Secrets: []string{"long enough", "abcde"}})
	if err == nil || !strings.Contains(err.Error(), "secret 2 of 2") || strings.Contains(err.Error(), "abcde") {
		t.Error(err)
	}
}

// What remains makes an error that shows nothing, and no exchange.
func TestScrubFailsClosed(t *testing.T) {
	bad := exchange("GET", "/", "", "{}")
	bad.Response.Header["X-Ratelimit-"+planted] = "1"
	clean, err := scrubber(t, Scrub{Secrets: []string{planted}}).Scrub([]Exchange{exchange("GET", "/", "", "{}"), bad})
	if !errors.Is(err, errSecretLeft) || clean != nil || err.Error() != "exchange 2: something like a declared secret is left" {
		t.Errorf("%v, %v", clean, err)
	}

	bad = exchange("GET", "/", "", "{}")
	bad.Response.Header["X-Ratelimit-Of-Acme.test"] = "1"
	if clean, err := scrubber(t, Scrub{Hosts: []string{"acme.test"}}).Scrub([]Exchange{bad}); !errors.Is(err, errAddressLeft) || clean != nil {
		t.Errorf("%v, %v", clean, err)
	}
}

// Headers that name a request, a session, an address or a person go away,
// declared or not.
func TestHeaders(t *testing.T) {
	e := exchange("GET", "/", "", "{}")
	e.Request.Header = map[string]*string{
		"Authorization": text("Bearer abc"), "Private-Token": text("abc"), "Cookie": text("abc"), "X-Custom-Token": text("abc"), "X-Forwarded-For": text("abc"),
		"X-Api-Key": text("abc"), "Proxy-Authorization": text("abc"), "Accept": text("application/json"), "User-Agent": nil, "If-None-Match": nil,
	}
	e.Response.Header = map[string]string{
		"Set-Cookie": "abc", "X-Request-Id": "abc", "X-Github-Request-Id": "abc", "Cf-Ray": "abc", "X-Ausername": "abc", "X-Arequestid": "abc", "X-Gitlab-Meta": "abc",
		"X-Amz-Cf-Id": "abc", "X-Served-By": "abc", "Nel": "abc", "Report-To": "abc", "X-Ms-Client-Request-Id": "abc", "X-Mantis-Username": "abc", "X-Slack-Req-Id": "abc",
		"Content-Type": "text/html", "X-Ratelimit-Remaining": "7", "Retry-After": "3", "Location": "https://h.test/b?token=abc",
	}

	got, clean := scrubbed(t, Scrub{Hosts: []string{"h.test"}}, e)
	if strings.Contains(got, "abc") {
		t.Error(got)
	}

	want := map[string]*string{
		"Authorization": text("Bearer <token of writer>"), "Private-Token": text("<token of writer>"), "X-Api-Key": text("<token of writer>"),
		"Accept": text("application/json"), "If-None-Match": nil,
	}
	if !reflect.DeepEqual(clean[0].Request.Header, want) {
		t.Errorf("%s", got)
	}

	answered := map[string]string{
		"Content-Type": "text/html", "X-Ratelimit-Remaining": "7", "Retry-After": "3", "Location": "https://provider.example/b?token=redacted",
	}
	if !reflect.DeepEqual(clean[0].Response.Header, answered) {
		t.Errorf("%v", clean[0].Response.Header)
	}

	for sent, want := range map[string]string{
		"Basic " + base64.StdEncoding.EncodeToString([]byte("a:b")): "Basic <token of writer>",
		"Bot abc": "Bot <token of writer>", "token abc": "token <token of writer>", "abc": "<token of writer>", "abc def": "<token of writer>",
	} {
		e.Request.Header = map[string]*string{"Authorization": &sent}
		if _, clean := scrubbed(t, Scrub{}, e); *clean[0].Request.Header["Authorization"] != want {
			t.Errorf("%s: %s", sent, *clean[0].Request.Header["Authorization"])
		}
	}
}

// secretForms are credentials that nobody declared. They are put together here so
// that no scanner takes them for real ones.
func secretForms() map[string]string {
	long := strings.Repeat("aB3", 12)

	return map[string]string{
		"GitHub": "gh" + "p_" + long, "GitHub App": "gh" + "s_1_" + long + "." + long, "GitLab": "gl" + "pat-" + long, "Jira": "ATA" + "TT3" + long,
		"Slack": "xox" + "b-1-" + long, "Discord": long[:24] + "." + long[:6] + "." + long[:27], "JWT": "ey" + "J" + long + "." + long + "." + long,
		"Discord webhook": "https://discord.com/api/" + "webhooks/1234/" + long, "Slack webhook": "https://hooks.slack.com/" + "services/T0/B0/" + long,
		"Teams webhook": "https://prod-1.westeurope.logic.azure.com:443/workflows/" + long + "/triggers/manual/paths/invoke?api-version=1&s" + "ig=" + long,
		"bearer":        "Bearer " + long,
	}
}

func TestCredentialsNobodyDeclared(t *testing.T) {
	core := strings.Repeat("aB3", 8)
	for name, form := range secretForms() {
		for place, put := range places {
			if name == "bearer" && place == "glued" {
				continue // "xBearer" is no scheme
			}

			e := exchange("POST", "/a", `{}`, `{}`)
			put(&e, form)
			clean, err := scrubber(t, Scrub{}).Scrub([]Exchange{e})
			if err != nil {
				t.Errorf("%s in %s: %v", name, place, err)

				continue
			}

			var line strings.Builder
			if err := Write(&line, clean[0]); err != nil {
				t.Fatal(err)
			}

			if strings.Contains(line.String(), core) {
				t.Errorf("%s in %s: %s", name, place, line.String())
			}
		}
	}
}

func TestWebhookAddresses(t *testing.T) {
	token := strings.Repeat("aB3_-x", 11)
	for path, want := range map[string]string{
		"/api/webhooks/123456789012345678/" + token + "?wait=true":                   "/api/webhooks/redacted?wait=true",
		"/api/v10/webhooks/123456789012345678/" + token + "/messages/42?thread_id=7": "/api/v10/webhooks/redacted/messages/42?thread_id=7",
		"/services/T0AAAAAAA/B0AAAAAAA/" + token:                                     "/services/redacted",
		"/triggers/T0AAAAAAA/123/" + token:                                           "/triggers/redacted",
		"/powerautomate/automations/direct/workflows/0123456789abcdef0123456789abcdef/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=" + token: "/powerautomate/automations/direct/workflows/redacted/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=redacted",
		"/a?private_token=" + token + "&access_token=" + token: "/a?private_token=redacted&access_token=redacted",
	} {
		if _, clean := scrubbed(t, Scrub{}, exchange("POST", path, "{}", "{}")); clean[0].Request.Path != want {
			t.Errorf("%s\nwant %s", clean[0].Request.Path, want)
		}
	}
}

// A person has one replacement in a recording, whichever exchange says what.
func TestPeopleAreReplacedAlike(t *testing.T) {
	all := []Exchange{
		exchange("GET", "/users/maria.m/keys?assignee=maria.m", "", `{"body":"ask @Maria.M, Maria Meyer or maria@acme.test (id 4711)"}`),
		exchange("GET", "/user", "", `{"login":"maria.m","id":4711,"name":"Maria Meyer","email":"Maria@acme.test","avatar_url":"https://pics.test/4711","company":"Acme","html_url":"https://git.test/maria.m"}`),
		exchange("GET", "/issues?author_id=4711&creator=bob-b", "", `[{"title":"a","user":{"login":"maria.m","id":4711},"assignees":[{"login":"bob-b","id":12}],"author_id":4711}]`),
	}

	got, clean := scrubbed(t, Scrub{Hosts: []string{"git.test"}}, all...)
	for _, name := range []string{"maria", "Maria", "Meyer", "4711}", ":4711", "bob", "acme", "Acme", "pics.test", "git.test"} {
		if strings.Contains(got, name) {
			t.Errorf("%s is left: %s", name, got)
		}
	}

	for i, want := range []string{
		`{"body":"ask @person-1, Person 1 or person-1@provider.example (id 4711)"}`,
		`{"login":"person-1","id":900001,"name":"Person 1","email":"person-1@provider.example","avatar_url":"https://provider.example/avatar","company":"redacted","html_url":"https://provider.example/person-1"}`,
		`[{"title":"a","user":{"login":"person-1","id":900001},"assignees":[{"login":"person-2","id":900002}],"author_id":900001}]`,
	} {
		if string(clean[i].Response.Body) != want {
			t.Errorf("%s\nwant %s", clean[i].Response.Body, want)
		}
	}

	if clean[0].Request.Path != "/users/person-1/keys?assignee=person-1" || clean[2].Request.Path != "/issues?author_id=900001&creator=person-2" {
		t.Error(clean[0].Request.Path, clean[2].Request.Path)
	}
}

// A name is replaced in all exchanges, wherever the one that shows whose it is
// stands and whatever it shows it by.
func TestNamesOfLaterExchanges(t *testing.T) {
	form := exchange("POST", "/b", "username=dora-d&text=x", "{}")
	form.Request.Header["Content-Type"] = text("application/x-www-form-urlencoded")
	_, clean := scrubbed(t, Scrub{},
		exchange("GET", "/a", "", `{"a":"zoe-z, carl-c, dora-d and eve@acme.test"}`),
		exchange("GET", "/users/zoe-z?x=/u/carl-c", "", `{"a":"https://h.example/users/carl-c/x","b":"eve@acme.test"}`), form)
	first := string(clean[0].Response.Body)
	for _, name := range []string{"zoe", "carl", "dora", "eve"} {
		if strings.Contains(first, name) {
			t.Errorf("%s is left in %s", name, first)
		}
	}

	zoe, rest, _ := strings.Cut(strings.TrimPrefix(first, `{"a":"`), ", ")
	carl, _, _ := strings.Cut(rest, ", ")
	if got := clean[1].Request.Path; !strings.HasPrefix(got, "/users/"+zoe+"?") {
		t.Errorf("%s does not name %s", got, zoe)
	}

	if got := string(clean[1].Response.Body); !strings.Contains(got, "/users/"+carl+"/x") {
		t.Errorf("%s does not name %s", got, carl)
	}
}

// One recording is always scrubbed to the same lines.
func TestScrubIsStable(t *testing.T) {
	e := exchange("GET", "/a?creator=bob-b&assignee=carl-c&user_id=17&author=dora-d", "", `{}`)
	for _, name := range []string{"Link", "Location", "ETag", "Server"} {
		e.Response.Header[name] = "of " + name + "@acme.test"
	}

	first, _ := scrubbed(t, Scrub{}, e)
	for range 20 {
		if again, _ := scrubbed(t, Scrub{}, e); again != first {
			t.Fatalf("%s\n%s", first, again)
		}
	}
}

// Names of places have the replacements that were declared, and usual words stay.
func TestPlacesAndUsualWords(t *testing.T) {
	e := exchange("POST", "/api/v4/projects/realorg%2FReal-Repo/issues?labels=a%2Cb&x=%20y", `{"title":"in REALORG"}`,
		`{"state":"opened","author":{"id":1,"username":"administrator"},"access_level":{"name":"administrator"},"web_url":"https://git.test/realorg/real-repo/-/issues/1","at":"10.1.2.3, fe80::1:2","time":"2026-01-02T03:04:05.000Z","version":"2.28.4","cpp":"std::a"}`)
	_, clean := scrubbed(t, Scrub{Hosts: []string{"git.test"}, Places: map[string]string{"realorg": "acme", "real-repo": "work"}}, e)
	if got, want := clean[0].Request.Path, "/api/v4/projects/acme%2Fwork/issues?labels=a%2Cb&x=%20y"; got != want {
		t.Errorf("%s, want %s", got, want)
	}

	want := `{"state":"opened","author":{"id":900001,"username":"administrator"},"access_level":{"name":"administrator"},"web_url":"https://provider.example/acme/work/-/issues/1","at":"192.0.2.1, 2001:db8::1","time":"2026-01-02T03:04:05.000Z","version":"2.28.4","cpp":"std::a"}`
	if got := string(clean[0].Response.Body); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}

	if got := string(clean[0].Request.Body); got != `{"title":"in acme"}` {
		t.Error(got)
	}
}

// The scrubber does not change its input, and keeps what names no person.
func TestTheRestStays(t *testing.T) {
	body := `{"id":7,"key":"AB-7","b":[1.50,1e3,true,null,"<&>",""],"state":"open","labels":[{"id":3,"name":"bug"}],"code":"missing_field","z":{},"project":{"id":1,"name":"Work"}}`
	e := exchange("PATCH", "/repos/a/b/issues/7?per_page=100&since=2026-01-02T03:04:05Z", body, body)
	before := fmt.Sprintf("%+v", e)
	_, clean := scrubbed(t, Scrub{Secrets: []string{planted}, Hosts: []string{"h.test"}}, e)
	if !reflect.DeepEqual(clean[0], e) {
		t.Errorf("%+v\nwant %+v", clean[0], e)
	}

	if got := fmt.Sprintf("%+v", e); got != before {
		t.Error(got)
	}
}

// typical are exchanges of each provider with secrets, names and addresses. All
// that must go is written in %s places, or named in gone.
func typical() map[string]struct {
	scrub Scrub
	all   []Exchange
	gone  []string
	stays []string
} {
	type set = struct {
		scrub Scrub
		all   []Exchange
		gone  []string
		stays []string
	}

	with := func(e Exchange, headers ...string) Exchange {
		for i := 0; i < len(headers); i += 2 {
			e.Request.Header[headers[i]] = &headers[i+1]
		}

		return e
	}

	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("mia@corp.test:"+planted))
	hook := "AbCdEfGh" + strings.Repeat("0123456789", 5)

	return map[string]set{
		"github": {
			Scrub{Secrets: []string{planted}, Hosts: []string{"api.github.com", "github.com"}, Places: map[string]string{"corpo": "acme", "plans": "work"}},
			[]Exchange{
				with(exchange("GET", "/user", "", `{"login":"mia-k","id":583231,"node_id":"MDQ6VXNlcjU4MzIzMQ==","avatar_url":"https://avatars.githubusercontent.com/u/583231?v=4","gravatar_id":"","url":"https://api.github.com/users/mia-k","name":"Mia Kranz","company":"Corpo Ltd","blog":"https://mia.test","location":"Bern","email":"mia@corp.test","type":"User"}`), "Authorization", "Bearer "+planted),
				exchange("POST", "/repos/corpo/plans/issues", `{"title":"x","body":"for @mia-k"}`, `{"id":1,"number":7,"title":"x","body":"for @mia-k","html_url":"https://github.com/corpo/plans/issues/7","user":{"login":"mia-k","id":583231,"node_id":"MDQ6VXNlcjU4MzIzMQ=="},"closed_by":null,"author_association":"OWNER","state":"open"}`),
				exchange("POST", "/app/installations/5/access_tokens", "", `{"token":"any-form-of-token","expires_at":"2026-01-02T03:04:05Z","permissions":{"issues":"write","members":"read","metadata":"read"}}`),
			},
			[]string{"mia", "Mia", "583231", "MDQ6VXNlcj", "Corpo", "corpo", "plans", "Bern", "any-form", "github.com"},
			[]string{`"number":7`, `"author_association":"OWNER"`, "/repos/acme/work/issues", `"type":"User"`, `"state":"open"`, `"issues":"write","members":"read","metadata":"read"`},
		},
		"gitlab": {
			Scrub{Secrets: []string{planted}, Hosts: []string{"git.corp.test"}, Places: map[string]string{"corpo": "acme", "plans": "work"}},
			[]Exchange{
				with(exchange("GET", "/api/v4/user", "", `{"id":7011,"username":"mia.k","name":"Mia Kranz","state":"active","avatar_url":null,"web_url":"https://git.corp.test/mia.k","public_email":"mia@corp.test","commit_email":"7011-mia.k@users.noreply.git.corp.test","current_sign_in_ip":"84.12.13.14","job_title":"Cook","identities":[{"provider":"saml","extern_uid":"u-mia-99"}]}`), "Private-Token", planted),
				exchange("PUT", "/api/v4/projects/corpo%2Fplans/issues/7?private_token="+url.QueryEscape(planted), `{"description":"/cc @mia.k"}`, `{"id":9,"iid":7,"title":"x","author":{"id":7011,"username":"mia.k","name":"Mia Kranz","web_url":"https://git.corp.test/mia.k"},"assignee_ids":[7011],"web_url":"https://git.corp.test/corpo/plans/-/issues/7","_links":{"self":"https://git.corp.test/api/v4/projects/3/issues/7"}}`),
			},
			[]string{"mia", "Mia", "7011", "corp", "84.12.13.14", "Cook"},
			[]string{`"iid":7`, "/api/v4/projects/acme%2Fwork/issues/7", "https://provider.example/api/v4/projects/3/issues/7", `"state":"active"`},
		},
		"jira": {
			Scrub{Secrets: []string{planted}, Hosts: []string{"corpo.atlassian.net"}, Places: map[string]string{"PLANS": "WORK"}},
			[]Exchange{
				with(exchange("GET", "/rest/api/3/myself", "", `{"self":"https://corpo.atlassian.net/rest/api/3/user?accountId=557058%3A0a1b2c3d","accountId":"557058:0a1b2c3d","accountType":"atlassian","emailAddress":"mia@corp.test","displayName":"Mia Kranz","avatarUrls":{"48x48":"https://secure.gravatar.com/avatar/0cc175b9?d=mia"},"timeZone":"Europe/Zurich"}`), "Authorization", basic),
				exchange("POST", "/rest/api/3/search/jql", `{"jql":"project = PLANS and assignee = \"557058:0a1b2c3d\""}`, `{"issues":[{"id":"10001","key":"PLANS-7","self":"https://corpo.atlassian.net/rest/api/3/issue/10001","fields":{"summary":"x","reporter":{"accountId":"557058:0a1b2c3d","displayName":"Mia Kranz"},"status":{"name":"Done","id":"3"}}}]}`),
				exchange("GET", "/rest/api/2/user?username=miak&key=JIRAUSER10100", "", `{"self":"https://corpo.atlassian.net/rest/api/2/user?username=miak","key":"JIRAUSER10100","name":"miak","emailAddress":"mia@corp.test","displayName":"Mia Kranz"}`),
				exchange("GET", "/rest/api/3/issue/createmeta/PLANS/issuetypes/1", "", `{"fields":[{"required":true,"schema":{"type":"user","system":"reporter"},"name":"Reporter","key":"reporter"}]}`),
			},
			[]string{"mia", "Mia", "557058", "corpo", "PLANS", "gravatar", "0cc175b9", "JIRAUSER", "corp.test", basic[6:20]},
			[]string{`"id":"10001"`, `"key":"WORK-7"`, `"name":"Done"`, `"name":"Reporter","key":"reporter"`, "Basic <token of writer>", "project = WORK"},
		},
		"mantisbt": {
			Scrub{Secrets: []string{planted}, Hosts: []string{"bugs.corp.test"}},
			[]Exchange{
				with(exchange("GET", "/api/rest/users/me", "", `{"id":31,"name":"miak","real_name":"Mia Kranz","email":"mia@corp.test","language":"english","access_level":{"id":55,"name":"developer","label":"developer"},"projects":[{"id":1,"name":"Work"}]}`), "Authorization", planted),
				exchange("POST", "/api/rest/issues", `{"summary":"x","handler":{"name":"miak"}}`, `{"issue":{"id":7,"summary":"x","reporter":{"id":31,"name":"miak","real_name":"Mia Kranz"},"handler":{"id":31,"name":"miak"},"project":{"id":1,"name":"Work"},"status":{"id":10,"name":"new","label":"new"},"history":[{"user":{"id":31,"name":"miak"},"message":"New Issue"}]}}`),
			},
			[]string{"mia", "Mia", "corp.test", `"id":31`},
			[]string{`"name":"developer"`, `"issue":{"id":7`, `"name":"Work"`, `"name":"new"`, `"Authorization":"<token of writer>"`},
		},
		"slack": {
			Scrub{Secrets: []string{planted}, Hosts: []string{"slack.com"}},
			[]Exchange{
				with(exchange("GET", "/api/auth.test", "", `{"ok":true,"url":"https://corpo.slack.com/","team":"Corpo","user":"miakbot","team_id":"T0CORPO12","user_id":"U0MIAK123","bot_id":"B0MIAK123"}`), "Authorization", "Bearer "+planted),
				exchange("POST", "/api/chat.postMessage", `{"channel":"C024BE91L","text":"hi <@U0MIAK123>"}`, `{"ok":true,"channel":"C024BE91L","ts":"1503435956.000247","message":{"text":"hi <@U0MIAK123>","username":"miakbot","bot_id":"B0MIAK123","user":"U0MIAK123","team":"T0CORPO12","bot_profile":{"id":"B0MIAK123","name":"miakbot","team_id":"T0CORPO12","icons":{"image_36":"https://a.test/miak.png"}}}}`),
				exchange("GET", "/api/users.info?user=U0MIAK123", "", `{"ok":true,"user":{"id":"U0MIAK123","team_id":"T0CORPO12","name":"miak","profile":{"title":"Cook","phone":"123","real_name":"Mia Kranz","email":"mia@corp.test","image_72":"https://a.test/miak.png"}}}`),
				exchange("POST", "/services/T0CORPO12/B0MIAK123/"+hook, `{"text":"x"}`, `ok`),
			},
			[]string{"mia", "Mia", "MIAK", "orpo", "CORPO", "Cook", "corp.test", hook, "slack.com"},
			[]string{`"channel":"C024BE91L"`, `"ts":"1503435956.000247"`, `"ok":true`, "/services/redacted"},
		},
		"discord": {
			Scrub{Secrets: []string{planted}, Hosts: []string{"discord.com"}},
			[]Exchange{
				with(exchange("GET", "/api/v10/users/@me", "", `{"id":"80351110224678912","username":"miak","discriminator":"0","global_name":"Mia Kranz","avatar":"8342729096ea3675442027381ff50dfe","email":"mia@corp.test","bot":true}`), "Authorization", "Bot "+planted),
				exchange("POST", "/api/v10/channels/41771983423143937/messages", `{"content":"hi <@80351110224678912>"}`, `{"id":"334385199974967042","channel_id":"41771983423143937","content":"hi <@80351110224678912>","author":{"id":"80351110224678912","username":"miak","avatar":"8342729096ea3675442027381ff50dfe"},"mentions":[{"id":"80351110224678912","username":"miak"}]}`),
				exchange("GET", "/api/webhooks/223704706495545344/"+hook, "", `{"id":"223704706495545344","name":"board","avatar":null,"token":"`+hook+`","channel_id":"41771983423143937","user":{"id":"80351110224678912","username":"miak"}}`),
			},
			[]string{"mia", "Mia", "80351110224678912", "8342729096", "corp.test", hook},
			[]string{`"id":"334385199974967042"`, "/channels/41771983423143937/messages", "/users/@me", "/api/webhooks/redacted", `"bot":true`, `"name":"board"`},
		},
		"teams": {
			Scrub{Secrets: []string{planted}, Hosts: []string{"default0a1b.0f.environment.api.powerplatform.com"}},
			[]Exchange{
				exchange("POST", "/powerautomate/automations/direct/workflows/"+hook+"/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig="+url.QueryEscape(planted), `{"type":"message","attachments":[]}`, `{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"of mia@corp.test at https://default0a1b.0f.environment.api.powerplatform.com:443/x"},"requestId":"08584-mia"}`),
				with(exchange("POST", "/workflows/"+hook+"/triggers/manual/paths/invoke?sig="+hook, `{}`, ``), "Cookie", "mia"),
			},
			[]string{"mia", "corp.test", "powerplatform", "default0a1b", hook},
			[]string{`"code":"WorkflowTriggerIsNotEnabled"`, "/workflows/redacted/triggers/manual/paths/invoke", "sig=redacted"},
		},
	}
}

func TestTypicalExchangesOfEachProvider(t *testing.T) {
	for name, test := range typical() {
		t.Run(name, func(t *testing.T) {
			for i := range test.all {
				test.all[i].Response.Header["Set-Cookie"] = "s=mia; Domain=corp.test"
				test.all[i].Response.Header["X-Request-Id"] = "mia"
				test.all[i].Response.Header["Link"] = "<https://" + test.scrub.Hosts[0] + "/next?page=2>; rel=\"next\""
			}

			got, clean := scrubbed(t, test.scrub, test.all...)
			for _, gone := range append(test.gone, planted, url.QueryEscape(planted), base64.StdEncoding.EncodeToString([]byte(planted)), test.scrub.Hosts[0]) {
				if strings.Contains(got, gone) {
					t.Errorf("%s is left in\n%s", gone, got)
				}
			}

			for _, stays := range test.stays {
				if !strings.Contains(got, stays) {
					t.Errorf("%s is not in\n%s", stays, got)
				}
			}

			for _, e := range clean {
				if e.Response.Header["Link"] != `<https://provider.example/next?page=2>; rel="next"` {
					t.Error(e.Response.Header["Link"])
				}
			}
		})
	}
}

// FuzzScrub plants a secret in a random place, in a random encoding, between
// random other text.
func FuzzScrub(f *testing.F) {
	f.Add("s3cret-value", uint(0), uint(0), "before", "after")
	f.Add(planted, uint(3), uint(7), "", "")
	f.Add("aaaaaaaaaaaaaaaa", uint(9), uint(21), "a", "%")
	f.Add("0123456789", uint(11), uint(13), "\\", "\\u00")
	f.Fuzz(func(t *testing.T, secret string, encoding, place uint, before, after string) {
		if len(secret) < 8 || strings.TrimSpace(secret) != secret || strings.ToValidUTF8(secret, "") != secret || strings.Contains(Redacted+"https://"+Host, secret) {
			t.Skip()
		}

		before = strings.ToValidUTF8(before, "?")
		after = strings.ToValidUTF8(after, "?")
		forms := encoded(secret)
		spots := sorted(places)
		form := forms[sorted(forms)[encoding%uint(len(forms))]]
		spot := spots[place%uint(len(spots))]

		e := exchange("POST", "/a", `{"a":"`+strings.Repeat("b", 5)+`"}`, `{}`)
		places[spot](&e, before+form+after)
		clean, err := scrubber(t, Scrub{Secrets: []string{secret}}).Scrub([]Exchange{e})
		if err != nil {
			t.Fatalf("%q in %s: %v", form, spot, err)
		}

		var line strings.Builder
		if err := Write(&line, clean[0]); err != nil {
			t.Fatal(err)
		}

		all := readable(t, line.String())
		without := readable(t, lineOf(t, exchange("POST", "/a", `{"a":"bbbbb"}`, `{}`)))
		if strings.Contains(all, secret) && !strings.Contains(without, secret) || strings.Contains(all, form) && !strings.Contains(without, form) {
			t.Errorf("%q in %s: %s", form, spot, line.String())
		}
	})
}

func lineOf(t testing.TB, e Exchange) string {
	t.Helper()
	var line strings.Builder
	if err := Write(&line, e); err != nil {
		t.Fatal(err)
	}

	return line.String()
}

func sorted[V any](all map[string]V) []string {
	var names []string
	for name := range all {
		names = append(names, name)
	}

	slices.Sort(names)

	return names
}

// Any bytes are scrubbed without a panic, and what is read again is the same.
func FuzzScrubBodies(f *testing.F) {
	for _, test := range typical() {
		for _, e := range test.all {
			f.Add(e.Request.Path, []byte(e.Response.Body.Bytes()))
		}
	}

	f.Add("/%zz?a=%zz&=&%3D", []byte(`{"user":[[{"login":"x"}]],"a":"https://@/%zz?%zz#%zz"}`))
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		e := exchange(http.MethodGet, path, "", "")
		e.Response.Body = BodyOf(body)
		clean, err := scrubber(t, Scrub{Hosts: []string{"api.github.com"}}).Scrub([]Exchange{e})
		if err != nil {
			return
		}

		if json.Valid(body) && len(body) > 0 && !json.Valid(clean[0].Response.Body.Bytes()) {
			if value, err := parse(body); err != nil || value != nil {
				t.Errorf("%q became %q", body, clean[0].Response.Body)
			}
		}

		if again, err := Read(strings.NewReader(lineOf(t, clean[0]))); err != nil || len(again) != 1 {
			t.Errorf("%v, %v", again, err)
		}
	})
}

// The real recordings of MantisBT are scrubbed without a loss of form.
func TestScrubOfRealExchanges(t *testing.T) {
	all := realExchanges(t)
	got, clean := scrubbed(t, Scrub{Hosts: []string{"mantis.example"}}, all...)
	for _, gone := range []string{"mantis.example", "reporter@", "Paul Person"} {
		if strings.Contains(got, gone) {
			t.Errorf("%s is left", gone)
		}
	}

	for i, e := range clean {
		was := all[i]
		if e.Case != was.Case || e.Response.Status != was.Response.Status || e.Response.Reason != was.Response.Reason || e.Response.Header["ETag"] != was.Response.Header["ETag"] {
			t.Errorf("%+v\nwas %+v", e, was)
		}

		c := &comparison{name: e.Case, mapping: newMapping(DefaultGiven())}
		c.bodies(was.Response.Body.Bytes(), e.Response.Body.Bytes())
		if len(c.found) > 0 {
			t.Error(sentences(c.found))
		}
	}
}

// A large answer is scrubbed in a bearable time.
func BenchmarkScrub(b *testing.B) {
	one := `{"id":1,"title":"a title of some words","user":{"login":"maria","id":5},"body":"` + strings.Repeat("Some prose, https://h.example/a/b?c=d and YWJjZGVmZ2hpamtsbW5vcA== too. ", 20) + `"}`
	body := "[" + strings.Repeat(one+",", 600) + one + "]"
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		scrubbed(b, Scrub{Secrets: []string{planted}, Hosts: []string{"h.example"}}, exchange("GET", "/", "", body))
	}
}
