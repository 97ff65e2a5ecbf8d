package gitlab

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// refusals: body, status, text in the answer, and whether it is a breach of the
// documentation.
var refusals = []struct {
	name, body string
	status     int
	text       string
	breach     bool
}{
	{"no title", `{"description":"x"}`, 400, "title is missing", false},
	{"null title", `{"title":null}`, 400, "can't be blank", false},
	{"title of the wrong type", `{"title":true}`, 400, "title is invalid", false},
	{"blank title", `{"title":"  "}`, 400, "can't be blank", false},
	{"title too long", `{"title":"` + strings.Repeat("é", 256) + `"}`, 400, "is too long (maximum is 255 characters)", false},
	{"description of the wrong type", `{"title":"x","description":1}`, 400, "description is invalid", false},
	{"description too long", `{"title":"x","description":"` + strings.Repeat("é", 1_048_577) + `"}`, 400, "is too long (maximum is 1048576 characters)", false},
	{"labels of the wrong type", `{"title":"x","labels":1}`, 400, "labels is invalid", false},
	{"label too long", `{"title":"x","labels":"` + strings.Repeat("é", 256) + `"}`, 400, "is too long", false},
	{"comma in a label", `{"title":"x","labels":["a,b"]}`, 400, "title is invalid", false},
	{"state at creation", `{"title":"x","state_event":"close"}`, 400, "not documented", true},
	{"unknown member", `{"title":"x","surprise":1}`, 400, "not documented", true},
	{"spam", `{"title":"cheap watches"}`, 409, `"needs_captcha_response":true`, false},
	{"no JSON", `{"title":`, 400, "problem in the JSON", false},
	{"two values", `{"title":"x"} {}`, 400, "problem in the JSON", false},
	{"invalid UTF-8", "{\"title\":\"\xff\"}", 400, "problem in the JSON", false},
	{"no object", `["x"]`, 400, "not an object", false},
	{"null", `null`, 400, "not an object", false},
	{"empty", ``, 400, "problem in the JSON", false},
}

func TestRefusals(t *testing.T) {
	d := start(t, nil)
	for _, test := range refusals {
		before := len(d.Violations())
		answer := d.send("POST", work+"/issues", test.body)
		if answer.status != test.status || !strings.Contains(answer.text, test.text) {
			t.Errorf("%s: %d %.200s, want %d %s", test.name, answer.status, answer.text, test.status, test.text)
		}

		if found := len(d.Violations()) > before; found != test.breach {
			t.Errorf("%s: recorded %v as a violation: %v", test.name, found, d.Violations()[before:])
		}
	}

	if left := len(d.snapshot(d.find("acme/sub/work"))); left != 0 {
		t.Errorf("%d issues were made of refused requests", left)
	}

	if writes := d.Writes(); len(writes) != len(refusals) {
		t.Errorf("%d writes recorded, want %d", len(writes), len(refusals))
	}
}

func TestLongestAllowed(t *testing.T) {
	d := start(t, nil)
	one := d.create(`{"title":"` + strings.Repeat("é", 255) + `","description":"` + strings.Repeat("é", 1_048_576) + `","labels":["` + strings.Repeat("é", 255) + `"]}`)
	if len(one.Labels) != 1 {
		t.Errorf("%d labels", len(one.Labels))
	}

	d.noViolations()
}

func TestRefusedChanges(t *testing.T) {
	d := start(t, nil)
	d.create(`{"title":"x"}`)
	for body, text := range map[string]string{
		`{"state_event":"done"}`: "does not have a valid value", `{"title":null}`: "can't be blank", `{"state":"closed"}`: "not documented", `{}`: "at least one parameter",
		`{"description":"cheap watches"}`: "needs_captcha_response", `{"add_labels":{}}`: "add_labels is invalid",
	} {
		answer := d.send("PUT", work+"/issues/1", body)
		if answer.status < 400 || !strings.Contains(answer.text, text) {
			t.Errorf("%s: %d %s", body, answer.status, answer.text)
		}
	}

	for _, media := range []string{"", "text/plain"} {
		if answer := d.send("POST", work+"/issues", `{"title":"x"}`, "Content-Type", media); answer.status != 415 {
			t.Errorf("%q: %d", media, answer.status)
		}
	}

	if answer := d.send("POST", work+"/issues", `{"title":"`+strings.Repeat("x", maxRequest)+`"}`); answer.status != 413 {
		t.Errorf("too large: %d", answer.status)
	}
}

// Limits in front of the application tell how long to wait, its own do not.
func TestLimits(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) {
		c.Now = clock.now
		c.Limits = true
	})
	for range issueCreates {
		d.create(`{"title":"x"}`)
	}

	over := d.send("POST", work+"/issues", `{"title":"x"}`)
	if over.status != 429 || !strings.Contains(over.text, "requested too many times") || over.header.Get("Retry-After")+over.header.Get("RateLimit-Reset") != "" {
		t.Errorf("creates: %d %s %v", over.status, over.text, over.header)
	}

	d.create(`{"title":"another's"}`, "PRIVATE-TOKEN", person)
	reads := 0
	for reads < projectCalls {
		answer := d.send("GET", work, "")
		if answer.status != 200 {
			clock.pass(10 * time.Second)
			answer = d.send("GET", work, "")
			if answer.status != 429 || answer.header.Get("Retry-After") != "50" || answer.header.Get("RateLimit-Name") == "" || answer.header.Get("RateLimit-Remaining") != "0" || answer.text != "Retry later\n" {
				t.Errorf("%d %s %v", answer.status, answer.text, answer.header)
			}

			break
		}

		if answer.header.Get("RateLimit-Limit") != "2000" {
			t.Fatalf("headers %v", answer.header)
		}

		reads++
	}

	if reads != projectCalls-issueCreates {
		t.Errorf("%d reads after %d creates", reads, issueCreates)
	}

	clock.pass(50 * time.Second)
	d.create(`{"title":"later"}`)
	for n := 0; ; n++ {
		if answer := d.send("GET", "/gitlab/api/v4/user", ""); answer.status == 429 {
			if n != userCalls-1 {
				t.Errorf("%d calls of a user", n)
			}
			break
		} else if n > userCalls {
			t.Fatal("no limit")
		}
	}

	d.noViolations()
}

// FuzzCreate: whatever is sent is understood or refused.
func FuzzCreate(f *testing.F) {
	for _, one := range refusals {
		if len(one.body) < 1000 {
			f.Add([]byte(one.body))
		}
	}

	f.Add([]byte(`{"title":"x","labels":["a"],"description":"/close\n@a"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s := &issues{state: &state{}}
		a, refused := s.parse(body, createMembers)
		if a == nil && refused == nil {
			t.Fatal("neither understood nor refused")
		}

		if refused == nil && a.title != nil && len([]rune(*a.title)) > maxTitle {
			t.Fatalf("title of %d characters", len([]rune(*a.title)))
		}

		if refused == nil && a.description != nil {
			if left, _ := extract(*a.description); len(left) > len(*a.description) {
				t.Fatalf("%q grew", *a.description)
			}
			mentioned("example.com", "", *a.description)
		}
	})
}

// The number of an issue ends where GitLab has it end. What only begins like one,
// such as the target of a link within the page, refers to nothing.
func TestNumbersThatGoOn(t *testing.T) {
	for text, want := range map[string][]string{
		"#64":                     {"#64"},
		"(#64)":                   {"#64"},
		"#64-limits":              {"#64"},
		"#64+s #65+":              {"#64", "#65"},
		"see #64, #65.":           {"#64", "#65"},
		"GL-7":                    {"GL-7"},
		"#64k":                    nil,
		"[x](#64k-limits) and #5": {"#5"},
		"#64_a":                   nil,
		"GL-7b":                   nil,
		"!64k":                    {"!64"},
		"&64k":                    {"&64"},
	} {
		_, things := mentioned("example.com", "", text)
		if !slices.Equal(things, want) {
			t.Errorf("%s: %q, want %q", text, things, want)
		}
	}
}
