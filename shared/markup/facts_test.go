package markup

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"example.com/integrations/shared/domain"
)

func named(name string) *domain.Named { return &domain.Named{ID: 1, Name: name} }

var whole = domain.Item{
	Type: named("Bug"), Project: named("Apollo"), Milestone: named("1.4"), Owner: named("Ada L."), UpdatedBy: named("Bob"),
	DueAt: time.Date(2026, 12, 1, 0, 0, 0, 0, time.FixedZone("", 7200)),
}

func asItIs(name string) string { return name }

func TestFactsLine(t *testing.T) {
	for want, change := range map[string]func(*domain.Item){
		"Type: Bug · Project: Apollo · Milestone: 1.4 · Owner: Ada L. · Due: 2026-12-01 · Changed by: Bob": func(*domain.Item) {},
		"Project: Apollo · Milestone: 1.4 · Owner: Ada L. · Due: 2026-12-01 · Changed by: Bob":             func(i *domain.Item) { i.Type = nil },
		"Type: Bug · Milestone: 1.4 · Owner: Ada L. · Due: 2026-12-01 · Changed by: Bob":                   func(i *domain.Item) { i.Project = named("") },
		"Type: Bug · Project: Apollo · Owner: Ada L. · Due: 2026-12-01 · Changed by: Bob":                  func(i *domain.Item) { i.Milestone = named(" \n\u202e") },
		"Type: Bug · Project: Apollo · Milestone: 1.4 · Due: 2026-12-01 · Changed by: Bob":                 func(i *domain.Item) { i.Owner = named("\u200b") },
		"Type: Bug · Project: Apollo · Milestone: 1.4 · Owner: Ada L. · Changed by: Bob":                   func(i *domain.Item) { i.DueAt = time.Time{} },
		"Type: Bug · Project: Apollo · Milestone: 1.4 · Owner: Ada L. · Due: 2026-12-01":                   func(i *domain.Item) { i.UpdatedBy = nil },
		"": func(i *domain.Item) { *i = domain.Item{ID: 7, Title: "t", Status: "s", Priority: "p"} },
	} {
		i := whole
		change(&i)
		if got := FactsLine(i, asItIs); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

// Each name, and nothing else, is shown in the markup of the provider. A name of
// which the markup leaves nothing is not there.
func TestNamesAreShownInTheMarkup(t *testing.T) {
	var asked []string
	got := FactsLine(whole, func(name string) string {
		asked = append(asked, name)
		return "<" + name + ">"
	})
	if got != "Type: <Bug> · Project: <Apollo> · Milestone: <1.4> · Owner: <Ada L.> · Due: 2026-12-01 · Changed by: <Bob>" || len(asked) != 5 {
		t.Errorf("%q, asked for %q", got, asked)
	}

	if got := FactsLine(whole, func(string) string { return "" }); got != "Due: 2026-12-01" {
		t.Errorf("%q", got)
	}
}

// A name is one short line that no provider makes a link of.
func TestHostileNames(t *testing.T) {
	for name, want := range map[string]string{
		" Ada\r\n L.\t":                    "Ada L.",
		"a\u2028b\u0085c\x00d":             "a b cd",
		"\u202eevil\u202c \u2066x\u2069":   "evil x",
		"https://evil.test":                "https:\u200b//evil.test",
		"ftp://evil.test HTTP://evil.test": "ftp:\u200b//evil.test HTTP:\u200b//evil.test",
		"WWW.evil.test":                    "WWW\u200b.evil.test",
		"ada@evil.test":                    "ada@\u200bevil.test",
		"@everyone":                        "@\u200beveryone",
		"[x](https://evil.test)":           "[x](https:\u200b//evil.test)",
		"#1 !1":                            "#1 !1", // the markup's matter
		strings.Repeat("é", 300):           strings.Repeat("é", 79) + "…",
		strings.Repeat("👩\u200d👩\u200d👧", 60): strings.Repeat("👩\u200d👩\u200d👧", 15) + "…",
		"\xff": "\ufffd",
	} {
		if got := FactsLine(domain.Item{Owner: named(name)}, asItIs); got != "Owner: "+want {
			t.Errorf("%.40q: %q, want %q", name, got, want)
		}
	}
}

func FuzzLine(f *testing.F) {
	for _, name := range []string{"Ada", "a\nb", "https://a.test", "www.a.test", "a@b.test", "\u202e", strings.Repeat("é", 300)} {
		f.Add(name, name)
	}

	f.Fuzz(func(t *testing.T, project, owner string) {
		got := FactsLine(domain.Item{Project: named(project), Owner: named(owner)}, asItIs)
		bad := strings.ContainsFunc(got, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) })
		if bad || !utf8.ValidString(got) || strings.ContainsAny(got, "\u2028\u2029") {
			t.Errorf("not one plain line: %q", got)
		}

		if strings.Contains(got, "://") || strings.Contains(strings.ToLower(got), "www.") {
			t.Errorf("an address in %q", got)
		}

		if plain := strings.ReplaceAll(got, "\u200b", ""); Count(plain) > 2*MaxFactName+len("Project:  · Owner: ") {
			t.Errorf("%d characters", Count(plain))
		}
	})
}
