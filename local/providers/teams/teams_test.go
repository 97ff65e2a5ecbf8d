package teams

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/integrations/shared/configuration/address"
)

// A clock that tests turn.
type clock struct {
	lock sync.Mutex
	at   time.Time
}

func (c *clock) now() time.Time {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.at
}

func (c *clock) turn(by time.Duration) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.at = c.at.Add(by)
}

// schemaPath is where the schema lies, or empty where it is absent.
func schemaPath() string {
	path := filepath.Join("..", "..", "..", "..", "shared", "specs", "adaptive-card-1.4.0.schema.json")
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// A driver speaks to a fake server by HTTP.
type driver struct {
	*Server
	t     *testing.T
	clock *clock
	url   string
}

var (
	enveloped = Flow{ID: "flow1", Sig: "right", Channel: "work"}
	bare      = Flow{ID: "flow2", Sig: "right", Channel: "work", Payload: Card}
	off       = Flow{ID: "flow3", Sig: "right", Channel: "work", Off: true}
)

func start(t *testing.T, dir string, limits bool) *driver {
	t.Helper()
	d := &driver{t: t, clock: &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}}
	server, err := Open(Config{
		Dir: dir, SchemaPath: schemaPath(), Limits: limits, Now: d.clock.now, Person: "maria",
		Channels: []Channel{{ID: "work", Name: "Work items"}}, Flows: []Flow{enveloped, bare, off},
	})
	if err != nil {
		t.Fatal(err)
	}

	d.Server = server
	api := httptest.NewServer(server.API())
	t.Cleanup(func() { api.Close(); _ = server.Close() })
	d.url = api.URL

	return d
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (d *driver) send(method, path, body string) reply {
	d.t.Helper()
	request, err := http.NewRequest(method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}

	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}

	defer func() { _ = response.Body.Close() }()
	content, _ := io.ReadAll(response.Body)

	return reply{response.StatusCode, response.Header, string(content)}
}

// path is a flow's, as its URL has it.
func path(f Flow) string { return strings.TrimPrefix(f.URL("x"), "https://x") }

const schemaURL = `"$schema":"http://adaptivecards.io/schemas/adaptive-card.json"`

func card(members string) string {
	return `{` + schemaURL + `,"type":"AdaptiveCard","version":"1.4",` + members + `}`
}

func envelope(card string) string {
	return `{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,"content":` + card + `}]}`
}

const hello = `"body":[{"type":"TextBlock","text":"hello","wrap":true}]`

func TestTriggers(t *testing.T) {
	d := start(t, t.TempDir(), false)
	good := envelope(card(hello))
	right := path(enveloped)
	for _, c := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"POST", right, good, 202, ""},
		{"POST", path(bare), card(hello), 202, ""},
		{"POST", strings.Replace(right, "sig=right", "sig=wrong", 1), good, 401, "AuthorizationFailed"},
		{"POST", strings.Replace(right, "sig=right", "x=1", 1), good, 401, "DirectApiAuthorizationRequired"},
		{"POST", strings.Replace(right, "flow1", "flow9", 1), good, 404, "WorkflowNotFound"},
		{"POST", strings.Replace(right, "/invoke", "/run", 1), good, 404, "NotFound"},
		{"POST", strings.Replace(right, "api-version=1", "", 1), good, 400, "MissingApiVersionParameter"},
		{"POST", path(off), good, 400, "WorkflowTriggerIsNotEnabled"},
		{"GET", right, "", 400, "TriggerRequestMethodNotValid"},
		{"POST", right, `{"type":`, 400, "InvalidRequestContent"},
	} {
		r := d.send(c.method, c.path, c.body)
		var read struct {
			Error struct{ Code, Message string }
		}
		_ = json.Unmarshal([]byte(r.body), &read)
		if r.status != c.status || read.Error.Code != c.code || (c.code == "") != (r.body == "") || c.code != "" && read.Error.Message == "" {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, r.status, r.body, c.status, c.code)
		}
	}

	if n := len(d.Messages("work")); n != 2 || len(d.Violations()) > 0 {
		t.Errorf("%d messages, %q", n, d.Violations())
	}
}

// A failed run is not reported to the caller; people see it.
func TestRunsThatFail(t *testing.T) {
	run := func(text string) string {
		return card(`"body":[{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"` + text + `"}]}]`)
	}
	block := func(text string) string { return card(`"body":[{"type":"TextBlock","text":"` + text + `"}]`) }
	open := func(address string) string {
		return card(hello + `,"actions":[{"type":"Action.OpenUrl","title":"Open","url":"` + address + `"}]`)
	}
	for _, c := range []struct {
		body, want string
		schema     bool // only the schema tells
	}{
		{envelope(open("https://items.example/1")), "", false}, {envelope(run("[x](https://y.example) * _")), "", false},
		{card(hello), "type must be message", false}, {`{"type":"message"}`, "there are none", false}, {`{"type":"message","attachments":[]}`, "0 attachments", false},
		{strings.Replace(envelope(card(hello)), "adaptive", "hero", 1), "no adaptive card", false},
		{envelope(`{"type":"Card"}`), "must be 'AdaptiveCard'", false}, {envelope(strings.Replace(card(hello), "1.4", "1.9", 1)), "version", false},
		{envelope(open("javascript:alert(1)")), "no web address", false}, {envelope(open("mailto:a@b.example")), "no web address", false}, {envelope(open("ftp://a.example/b")), "no web address", false},
		{envelope(card(hello + `,"actions":[{"type":"Action.Submit","title":"x"}]`)), "does not work", false},
		{envelope(card(hello + `,"msteams":{"entities":[]}`)), "mentions somebody", false}, {envelope(card(hello + `,"msteams":{"width":"Full"}`)), "", false},
		{envelope(card(hello + `,"msteams":{"width":"Wide"}`)), "is no width", false}, {envelope(card(hello + `,"msteams":{"x":1}`)), "Teams has no such member", false}, {envelope(card(hello + `,"msteams":[]`)), "no object", false},
		{envelope(run("<at>maria</at>")), "<at>", false}, {envelope(block("<AT id=1>x</AT>")), "<at>", false},
		{envelope(block("[x](https://y.example)")), "hides where", false}, {envelope(block(`\\[x\\](https://y.example)`)), "", false},
		{envelope(run(strings.Repeat("x", maxMessage))), "28672", false},
		{envelope(run(strings.Repeat("x", maxMessage/2))), "28672", false}, {envelope(run(strings.Repeat(`\"安`, 4200))), "28672", false}, {envelope(run(strings.Repeat(`\"安`, 3800))), "", false},
		{envelope(card(`"body":[{"type":"TextBlock"}]`)), "schema", true}, {envelope(card(`"body":[{"type":"Nonsense","text":"x"}]`)), "schema", true},
		{envelope(card(`"body":[{"type":"TextBlock","text":"x","size":"gigantic"}]`)), "schema", true},
		{envelope(card(hello + `,"colour":"red"`)), "schema", true},
		{summed(`"A title — open"`), "", false}, {summed(`""`), "no text for a notification", false}, {summed(`"<at>maria</at>"`), "no text for a notification", false}, {summed(`1`), "type must be message", false},
	} {
		if c.schema && schemaPath() == "" {
			t.Log("without the schema of cards it is not known what breaks it")
			continue
		}

		d := start(t, t.TempDir(), false)
		r := d.send("POST", path(enveloped), c.body)
		all := d.Messages("work")
		if r.status != http.StatusAccepted || len(all) != 1 || (all[0].Failed == "") != (c.want == "") || !strings.Contains(all[0].Failed, c.want) {
			t.Errorf("%.120s: %d, %q, want %q", c.body, r.status, all[0].Failed, c.want)
		}

		if (len(d.Violations()) > 0) != (c.want != "") {
			t.Errorf("%.120s: %q", c.body, d.Violations())
		}
	}
}

// summed is an envelope with a summary.
func summed(summary string) string {
	return strings.Replace(envelope(card(hello)), `"message",`, `"message","summary":`+summary+`,`, 1)
}

// elementCases are elements of a card, and why Teams or our own rules refuse them;
// "" is one that is taken.
var elementCases = []struct{ version, element, want string }{
	{"1.2", `{"type":"RichTextBlock","id":"sync-1-2-3","spacing":"Small","separator":true,"inlines":["a",{"type":"TextRun","text":"b","weight":"bolder","size":"medium","color":"good","fontType":"monospace","isSubtle":true,"italic":true,"strikethrough":true}]}`, ""},
	{"1.2", `{"type":"Container","style":"emphasis","selectAction":{"type":"Action.OpenUrl","url":"https://a.example"},"items":[{"type":"TextBlock","text":"x","wrap":true}]}`, ""},
	{"1.2", `{"type":"ColumnSet","columns":[{"type":"Column","width":"stretch","items":[]},{"width":"50px","items":[]},{"type":"Column","width":2,"items":[]}]}`, ""},
	{"1.2", `{"type":"ActionSet","actions":[{"type":"Action.OpenUrl","title":"x","url":"https://a.example"}]}`, ""},
	{"1.2", `{"type":"FactSet","facts":[{"title":"a","value":"b"}]}`, ""},
	// What the vendor's own reader notes an event for, as adaptivecards 3.0.6 from
	// npm does for each of these and for none of those above.
	{"1.2", `{"type":"Nonsense","text":"x"}`, "is nothing that Teams shows"},
	{"1.2", `{"type":"TextBlock","text":"x","size":"gigantic"}`, "/size: cannot be gigantic"},
	{"1.2", `{"type":"Container","style":"loud","items":[]}`, "/style: cannot be loud"},
	{"1.2", `{"type":"ColumnSet","columns":[{"type":"Column","width":"wide","items":[]}]}`, "/width: cannot be wide"},
	{"1.2", `{"type":"Container","items":[{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"x","color":"pink"}]}]}`, "/color: cannot be pink"},
	{"1.2", `{"type":"ActionSet","actions":[` + strings.TrimSuffix(strings.Repeat(`{"type":"Action.OpenUrl","title":"x","url":"https://a.example"},`, 7), ",") + `]}`, "7 actions"},
	{"1.2", `{"type":"ActionSet","actions":[{"type":"Action.OpenUrl","title":"x"}]}`, "Action.OpenUrl has no url"},
	{"1.2", `{"type":"TextBlock","text":"x","spacing":"wide"}`, "/spacing: cannot be wide"},
	{"1.2", `{"type":"RichTextBlock","inlines":[{"text":"x"}]}`, "is nothing that Teams shows"},
	{"1.2", `{"type":"Container","id":"x","items":[{"type":"TextBlock","text":"y","id":"x"}]}`, "is there twice"},
	// What the schema, Teams in one of its clients, or our own rules refuse.
	{"1.2", `{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"x","underline":true}]}`, "/underline: came with version 1.3"},
	{"1.2", `{"type":"TextBlock","text":"x","style":"heading"}`, "/style: came with version 1.5"},
	{"1.0", `{"type":"TextBlock","text":"x","fontType":"monospace"}`, "/fontType: came with version 1.2"},
	{"1.2", `{"type":"TextBlock","text":"x","wrap":"yes"}`, "/wrap: cannot be yes"},
	{"1.2", `{"type":"RichTextBlock","inlines":[]}`, "/inlines: is empty"},
	{"1.2", `{"type":"RichTextBlock","inlines":[""]}`, "TextRun has no text"},
	{"1.2", `{"type":"RichTextBlock"}`, "RichTextBlock has no inlines"},
	{"1.2", `{"type":"Container","colour":"red","items":[]}`, "has no such member"},
	{"1.2", `{"type":"Container","items":{}}`, "is no list"},
	{"1.2", `{"type":"Container","items":[1]}`, "is no object"},
	{"1.1", `{"type":"RichTextBlock","inlines":["x"]}`, "RichTextBlock came with version 1.2"},
	{"1.5", `{"type":"Table","rows":[]}`, "is nothing that Teams shows"},
	{"1.2", `{"type":"Input.Text","id":"x"}`, "is nothing that Teams shows"},
	{"1.2", `{"type":"Image","url":"https://evil.example/x.png"}`, "loads a picture"},
	{"1.2", `{"type":"Container","backgroundImage":"https://evil.example/x.png","items":[]}`, "loads a picture"},
	{"1.2", `{"type":"ActionSet","actions":[{"type":"Action.OpenUrl","title":"x","url":"https://a.example","iconUrl":"https://evil.example/x.png"}]}`, "loads a picture"},
	{"1.2", `{"type":"RichTextBlock","inlines":["{{DATE(2026-01-01T00:00:00Z)}}"]}`, "replaced by a date"},
	{"1.2", `{"type":"FactSet","facts":[{"title":"a","value":"[b](https://evil.example)"}]}`, "hides where it leads"},
	{"1.2", `{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"https://a.example/x","selectAction":{"type":"Action.OpenUrl","url":"https://a.example/x"}}]}`, ""},
	{"1.2", `{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"https://bank.example","selectAction":{"type":"Action.OpenUrl","url":"https://evil.example"}}]}`, "shows https://bank.example and leads to https://evil.example"},
	{"1.2", `{"type":"Container","selectAction":{"type":"Action.OpenUrl","url":"https://evil.example"},"items":[{"type":"RichTextBlock","inlines":["see WWW.bank.example now"]}]}`, "shows WWW.bank.example"},
	{"1.2", `{"type":"ActionSet","actions":[{"type":"Action.OpenUrl","title":"https://bank.example","url":"https://evil.example"}]}`, "shows https://bank.example"},
}

// C8: the fake server is as strict as the vendor's own reader of cards. A mention, a
// picture or a link that hides its address is a failure.
func TestElements(t *testing.T) {
	for _, c := range elementCases {
		card := `{"type":"AdaptiveCard","version":"` + c.version + `","body":[` + c.element + `]}`
		got := strings.Join((&Server{}).judge([]byte(card)), "; ")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.element, got, c.want)
		}
	}

	for _, text := range []string{"[x](https://evil.example)", "<at>x</at>", "{{TIME(x)}}"} {
		card := `{"type":"AdaptiveCard","version":"1.2","fallbackText":"` + text + `","body":[]}`
		if (&Server{}).judge([]byte(card)) == nil {
			t.Errorf("%s is taken as a fallback text", text)
		}
	}
}

// C9: the marker is read from the name of an element.
func TestMarker(t *testing.T) {
	for name, want := range map[string]string{
		"sync-77-4711-2-aaaaaaaaabcdefghij234567": "77/4711/2/aaaaaaaaabcdefghij234567", "sync-77-5-1": "77/5/1",
		"sync-77": "", "77-5-1": "", "x": "",
	} {
		d := start(t, t.TempDir(), false)
		d.send("POST", path(enveloped), envelope(card(`"body":[{"type":"Container","items":[{"type":"Container","id":"`+name+`","items":[]}]}]`)))
		if all := d.Messages("work"); len(all) != 1 || all[0].Key != want || len(d.Violations()) > 0 {
			t.Errorf("%s: %+v %q", name, all, d.Violations())
		}
	}
}

// What people see of boxes, columns and areas that lead somewhere.
func TestDraw(t *testing.T) {
	mono := func(text string) string {
		return `{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"` + text + `","fontType":"monospace"}]}`
	}
	blocks := draw([]byte(card(`"body":[
		{"type":"Container","selectAction":{"type":"Action.OpenUrl","url":"https://a.example"},"items":[{"type":"RichTextBlock","inlines":["title"]}]},
		{"type":"Container","style":"emphasis","spacing":"medium","items":[` + mono("a") + `,` + mono("b") + `]},
		{"type":"Container","style":"emphasis","items":[{"type":"RichTextBlock","inlines":["quoted"]}]},
		{"type":"ColumnSet","columns":[{"type":"Column","items":[{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"Owner: ","isSubtle":true},"Kim"]}]},{"type":"Column","items":[{"type":"TextBlock","text":"x"}]}]},
		{"type":"ColumnSet","columns":[{"type":"Column","items":[]},{"type":"Column","items":[{"type":"TextBlock","text":"y"}]}]}]`))).All()

	var got []string
	for _, b := range blocks {
		text := string(b.Kind) + ":"
		for _, s := range b.Spans {
			text += s.Text + s.Link
		}

		for _, f := range b.Fields {
			for _, s := range append(f.Name, f.Value...) {
				text += s.Text + "|"
			}
		}

		got = append(got, text)
	}

	const want = "text:titlehttps://a.example code:a\nb quote:quoted fields:Owner|Kim|x| text:y"
	if text := strings.Join(got, " "); text != want || !blocks[1].Apart {
		t.Errorf("%q", text)
	}
}

func TestLimits(t *testing.T) {
	d := start(t, t.TempDir(), true)
	body := envelope(card(hello))
	for range 4 {
		if r := d.send("POST", path(enveloped), body); r.status != http.StatusAccepted {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}

	if r := d.send("POST", path(enveloped), body); r.status != 429 || r.header.Get("Retry-After") != "1" {
		t.Errorf("the fifth: %d %v", r.status, r.header)
	}

	d.clock.turn(time.Second)
	if r := d.send("POST", path(enveloped), body); r.status != http.StatusAccepted {
		t.Errorf("a second later: %d", r.status)
	}
}

func TestItSurvives(t *testing.T) {
	dir := t.TempDir()
	start(t, dir, false).send("POST", path(enveloped), envelope(card(hello))) // it is not closed
	again := start(t, dir, false)
	again.send("POST", path(enveloped), envelope(card(hello)))
	all := again.Messages("work")
	if len(all) != 2 || draw(all[0].Wire).String() != "hello" || all[0].ID >= all[1].ID {
		t.Errorf("%d messages", len(all))
	}
}

// The URLs are such as a manager may configure.
func TestURL(t *testing.T) {
	if _, err := address.TeamsWorkflow(enveloped.URL("default0.0a.environment.api.powerplatform.com")); err != nil {
		t.Error(err)
	}
}

func FuzzCard(f *testing.F) {
	f.Add(card(hello))
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) {
			return
		}

		_ = (&Server{}).judge([]byte(text))
		if _, err := draw([]byte(text)).HTML(); err != nil {
			t.Error(err)
		}
	})
}
