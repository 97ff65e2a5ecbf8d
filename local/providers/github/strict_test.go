package github

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// refusals: body, status, text in the answer, and whether GitHub's description
// forbids it too.
var refusals = []struct {
	name, body string
	status     int
	text       string
	described  bool
}{
	{"no title", `{"body":"x"}`, 422, `\"title\" wasn't supplied`, true},
	{"null title", `{"title":null}`, 422, "properties/title", true},
	{"title of the wrong type", `{"title":true}`, 422, "properties/title", true},
	{"fraction for a title", `{"title":1.5}`, 422, "properties/title", true},
	{"empty title", `{"title":"  "}`, 422, `"code":"missing_field","field":"title"`, false},
	{"title too long", `{"title":"` + strings.Repeat("é", 257) + `"}`, 422, "title is too long (maximum is 256 characters)", false},
	{"two lines", `{"title":"a\nb"}`, 422, "line breaks", false},
	{"body of the wrong type", `{"title":"x","body":1}`, 422, "properties/body", true},
	{"null body", `{"title":"x","body":null}`, 422, "properties/body", true},
	{"body too long", `{"title":"x","body":"` + strings.Repeat("é", 65537) + `"}`, 422, "body is too long (maximum is 65536 characters)", false},
	{"labels no array", `{"title":"x","labels":"bug"}`, 422, "properties/labels", true},
	{"label of the wrong type", `{"title":"x","labels":[1]}`, 422, "properties/labels", true},
	{"label without a name", `{"title":"x","labels":[{}]}`, 422, "properties/labels", false},
	{"empty label", `{"title":"x","labels":[""]}`, 422, `"resource":"Label"`, false},
	{"label too long", `{"title":"x","labels":["` + strings.Repeat("é", 51) + `"]}`, 422, "name is too long", false},
	{"too many labels", `{"title":"x","labels":[` + manyLabels(101) + `]}`, 422, "100 labels", false},
	{"unknown assignee", `{"title":"x","assignees":["nobody"]}`, 422, `"field":"assignees"`, false},
	{"assignees no array", `{"title":"x","assignees":"maria"}`, 422, "properties/assignees", true},
	{"a milestone", `{"title":"x","milestone":1}`, 422, `"field":"milestone"`, false},
	{"state at creation", `{"title":"x","state":"closed"}`, 422, "not a permitted key", false},
	{"unknown member", `{"title":"x","surprise":1}`, 422, "not a permitted key", false},
	{"no JSON", `{"title":`, 400, "Problems parsing JSON", true},
	{"two values", `{"title":"x"} {}`, 400, "Problems parsing JSON", false},
	{"invalid UTF-8", "{\"title\":\"\xff\"}", 400, "Problems parsing JSON", false},
	{"no object", `["x"]`, 400, "Body should be a JSON object", true},
	{"null", `null`, 400, "Body should be a JSON object", true},
	{"empty", ``, 400, "Problems parsing JSON", true},
}

func manyLabels(n int) string {
	var names []string
	for i := range n {
		names = append(names, `"l`+strconv.Itoa(i)+`"`)
	}
	return strings.Join(names, ",")
}

// TestRefusals holds with GitHub's description and without.
func TestRefusals(t *testing.T) {
	for _, spec := range []string{"", specPath()} {
		d := start(t, func(c *Config) { c.SpecPath = spec })
		for _, test := range refusals {
			before := len(d.Violations())
			answer := d.send("POST", "/repos/acme/work/issues", test.body)
			if answer.status != test.status || !strings.Contains(answer.text, test.text) {
				t.Errorf("%s: %d %s, want %d %s", test.name, answer.status, answer.text, test.status, test.text)
			}

			if found := len(d.Violations()) > before; spec != "" && found != test.described {
				t.Errorf("%s: recorded %v as a violation: %v", test.name, found, d.Violations()[before:])
			}
		}

		if left := len(d.snapshot(d.find("acme", "work"), "")); left != 0 {
			t.Errorf("%d issues were made of refused requests", left)
		}

		if writes := d.Writes(); len(writes) != len(refusals) {
			t.Errorf("%d writes recorded, want %d", len(writes), len(refusals))
		}
	}
}

func TestLongestAllowed(t *testing.T) {
	d := start(t, nil)
	issue := d.create(`{"title":"` + strings.Repeat("é", 256) + `","body":"` + strings.Repeat("é", 65536) + `","labels":[` + manyLabels(100) + `]}`)
	if len(issue.Labels) != 100 {
		t.Errorf("%d labels", len(issue.Labels))
	}

	d.noViolations()
}

func TestRefusedChanges(t *testing.T) {
	d := start(t, nil)
	d.create(`{"title":"x"}`)
	for body, text := range map[string]string{
		`{"state":"done"}`: "properties/state", `{"state":null}`: "properties/state", `{"state_reason":"because"}`: "properties/state_reason",
		`{"title":null}`: "properties/title", `{"number":2}`: "not a permitted key", `{"title":""}`: "missing_field",
	} {
		answer := d.send("PATCH", "/repos/acme/work/issues/1", body)
		if answer.status != 422 || !strings.Contains(answer.text, text) {
			t.Errorf("%s: %d %s", body, answer.status, answer.text)
		}
	}

	if answer := d.send("PATCH", "/repos/acme/work/issues/1", ""); answer.status != 200 {
		t.Errorf("empty: %d %s", answer.status, answer.text)
	}
}

func TestMediaTypeAndSizeOfABody(t *testing.T) {
	d := start(t, nil)
	for _, media := range []string{"", "text/plain", "application/x-www-form-urlencoded"} {
		if answer := d.send("POST", "/repos/acme/work/issues", `{"title":"x"}`, "Content-Type", media); answer.status != 415 {
			t.Errorf("%q: %d", media, answer.status)
		}
	}

	huge := `{"title":"x","body":"` + strings.Repeat("x", maxRequest) + `"}`
	if answer := d.send("POST", "/repos/acme/work/issues", huge); answer.status != 413 {
		t.Errorf("over 1 MB: %d", answer.status)
	}
}

// TestContractAlone: what only the description forbids is refused as well.
func TestContractAlone(t *testing.T) {
	if specPath() == "" {
		t.Skip("GitHub's description is not beside the project (../shared/specs/derived)")
	}

	d := start(t, nil)
	answer := d.send("POST", "/repos/acme/work/issues", `{"title":"x","type":7}`)
	if answer.status != 422 || !strings.Contains(answer.text, "Invalid request") || len(d.Violations()) != 1 {
		t.Errorf("%d %s, violations %v", answer.status, answer.text, d.Violations())
	}

	if d.get(d.find("acme", "work"), 1) != nil {
		t.Error("the issue was made")
	}

	d.send("GET", "/repos/acme/work/milestones", "")
	if all := d.Violations(); len(all) != 2 || !strings.Contains(all[1], "no such operation") {
		t.Errorf("violations %v", all)
	}
}

// TestOwnAnswersAreChecked: an answer that breaks the description is recorded.
func TestOwnAnswersAreChecked(t *testing.T) {
	if specPath() == "" {
		t.Skip("GitHub's description is not beside the project (../shared/specs/derived)")
	}

	d := start(t, nil)
	request, _ := http.NewRequest("GET", "/user", nil)
	sent := &discard{header: http.Header{}}
	d.Server.send(sent, &call{Request: request}, &answer{status: 200, value: map[string]int{"id": 1}})
	if all := d.Violations(); len(all) != 1 || !strings.HasPrefix(all[0], "answer 200 to GET /user") {
		t.Errorf("violations %v", all)
	}
}

type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

func TestLimits(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) {
		c.Now = clock.now
		c.Limits = true
		c.SpecPath = ""
	})
	if header := d.send("GET", "/user", "").header; header.Get("X-Ratelimit-Limit") != "5000" || header.Get("X-Ratelimit-Remaining") != "4999" ||
		header.Get("X-Ratelimit-Resource") != "core" || header.Get("X-Ratelimit-Reset") == "" {
		t.Errorf("headers %v", header)
	}

	clock.pass(time.Minute)
	for i := range createsPerMin {
		d.create(`{"title":"` + strconv.Itoa(i) + `"}`)
	}

	first := d.send("POST", "/repos/acme/work/issues", `{"title":"over"}`)
	second := d.send("POST", "/repos/acme/work/issues", `{"title":"over"}`)
	for _, refused := range []reply{first, second} {
		if refused.status != 403 || !strings.Contains(refused.text, "secondary rate limit") {
			t.Fatalf("over %d a minute: %d %s", createsPerMin, refused.status, refused.text)
		}
	}

	if first.header.Get("Retry-After") != "60" || second.header.Get("Retry-After") != "" || second.header.Get("X-Ratelimit-Remaining") != "" {
		t.Errorf("headers %v and %v", first.header, second.header)
	}

	d.create(`{"title":"another's"}`, "Authorization", "Bearer "+person)
	if answer := d.send("GET", "/repos/acme/work/issues", ""); answer.status != 200 {
		t.Errorf("reading meanwhile: %d", answer.status)
	}

	clock.pass(time.Minute)
	d.create(`{"title":"later"}`)
}

func TestHourlyLimits(t *testing.T) {
	clock := newClock()
	limits := newLimiter(true, clock.now)
	take := func(method string, creates bool) int {
		header, refused := limits.take("a", method, creates)
		if refused != nil {
			return refused.status
		}

		if header.Get("X-Ratelimit-Used") == "" {
			t.Fatal("no headers")
		}

		return 200
	}

	made := 0
	for range 10 {
		for range 70 {
			if take("POST", true) == 200 {
				made++
			}
		}

		clock.pass(time.Minute)
	}

	if made != createsPerHour {
		t.Errorf("%d creates in an hour, want %d", made, createsPerHour)
	}

	clock.pass(time.Hour)
	patches := 0
	for patches <= pointsPerMin && take("PATCH", false) == 200 {
		patches++
	}

	if patches != pointsPerMin/writePoints {
		t.Errorf("%d updates in a minute, want %d", patches, pointsPerMin/writePoints)
	}

	clock.pass(time.Hour)
	reads := 0
	for reads <= perHour && take("GET", false) == 200 {
		if reads++; reads%600 == 0 {
			clock.pass(time.Minute)
		}
	}

	if reads != perHour {
		t.Errorf("%d reads in an hour, want %d", reads, perHour)
	}

	if _, refused := limits.take("a", "GET", false); refused == nil || refused.header.Get("X-Ratelimit-Remaining") != "0" {
		t.Errorf("refusal %+v", refused)
	}

	clock.pass(time.Hour)
	if take("GET", false) != 200 {
		t.Error("still refused after the reset")
	}
}

func TestNotModifiedIsFree(t *testing.T) {
	d := start(t, func(c *Config) { c.Limits = true })
	first := d.send("GET", "/repos/acme/work/issues", "")
	again := d.send("GET", "/repos/acme/work/issues", "", "If-None-Match", first.header.Get("Etag"))
	if again.status != 304 || again.text != "" || again.header.Get("X-Ratelimit-Used") != first.header.Get("X-Ratelimit-Used") {
		t.Errorf("%d %q, used %s after %s", again.status, again.text, again.header.Get("X-Ratelimit-Used"), first.header.Get("X-Ratelimit-Used"))
	}

	d.create(`{"title":"x"}`)
	if changed := d.send("GET", "/repos/acme/work/issues", "", "If-None-Match", first.header.Get("Etag")); changed.status != 200 {
		t.Errorf("after a change: %d", changed.status)
	}
}

// FuzzCreate: whatever is sent, an issue is made or nothing is, and the answer
// follows the description.
func FuzzCreate(f *testing.F) {
	for _, one := range refusals {
		if len(one.body) < 1000 {
			f.Add([]byte(one.body))
		}
	}

	f.Add([]byte(`{"title":"x","labels":["a",{"name":"b"}],"assignees":["maria"]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s := &issues{&state{config: Config{Tokens: map[string]string{person: "maria"}}}}
		asked, refused := s.parse(body, createMembers)
		if (asked == nil) && refused == nil {
			t.Fatal("neither understood nor refused")
		}

		if refused == nil && asked.title != nil && len([]rune(*asked.title)) > maxTitle {
			t.Fatalf("title of %d characters", len([]rune(*asked.title)))
		}
	})
}
