package jira

import (
	"strings"
	"testing"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup/document"
)

// paragraph is a line as each of the two Jiras has it.
func paragraph(flavor, text string) string {
	if flavor == form.Cloud {
		return `{"type":"paragraph","content":[{"type":"text","text":"` + text + `"}]},`
	}
	return text + "\n\n"
}

var lines = map[string]string{
	form.Cloud:      "Type: Bug · Project: Apollo · Milestone: 1.4 · Owner: Ada L. · Due: 2026-12-01 · Changed by: Bob",
	form.Datacenter: "Type: Bug · Project: Apollo · Milestone: 1.4 · Owner: Ada L. · Due: 2026\\-\u200b12\\-\u200b01 · Changed by: Bob",
}

// rules separate the text from what stands below it.
var rules = map[string]string{form.Cloud: `{"type":"rule"},`, form.Datacenter: "\n\n----\n\n"}

// The line stands between the text and the line that leads to the item. An item
// without people has the body it always had.
func TestPeopleBelowTheText(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		c := rendering(flavor)
		without := c.Render(item).Body
		text, footer, ok := strings.Cut(without, rules[flavor])
		if !ok || strings.Contains(without, "Owner") {
			t.Fatalf("%q", without)
		}

		line := paragraph(flavor, lines[flavor])
		got := c.Render(connectortest.WithPeople(item))
		checkContent(t, flavor, "people", got)
		if want := text + rules[flavor] + line + footer; got.Body != want {
			t.Errorf("got  %q\nwant %q", got.Body, want)
		}

		bare := connectortest.WithPeople(item)
		bare.Description = ""
		got = c.Render(bare)
		checkContent(t, flavor, "without a text", got)
		if !strings.Contains(got.Body, line+footer) || strings.Contains(got.Body, rules[flavor]) {
			t.Errorf("without a text: %q", got.Body)
		}

		long := connectortest.WithPeople(item)
		long.Description = strings.Repeat("word ", maxDescription/5+1)
		got = c.Render(long)
		checkContent(t, flavor, "long", got)
		if !strings.HasSuffix(got.Body, line+footer) || document.Length(got.Body) < maxDescription-100 && flavor == form.Datacenter {
			t.Errorf("cut to %d characters: %q", document.Length(got.Body), got.Body[len(got.Body)-300:])
		}
	})
}

// Names are foreign text: Jira shows them and does nothing with them.
func TestHostileNames(t *testing.T) {
	for name, want := range map[string]struct{ cloud, datacenter string }{
		"@everyone":              {"@\u200beveryone", "@\u200beveryone"},
		"[~bob]":                 {"[~bob]", `\[\~bob\]`},
		"[x](https://evil.test)": {"[x](https:\u200b//evil.test)", `\[x\](https&#58;` + "\u200b//evil.test)"},
		"[x|https://evil.test]":  {"[x|https:\u200b//evil.test]", `\[x\|https&#58;` + "\u200b" + `//evil.test\]`},
		"www.evil.test":          {"www\u200b.evil.test", "www\u200b.evil.test"},
		"#1 WORK-5":              {"#1 WORK-5", `\#1 WORK\-` + "\u200b5"},
		"!x.png! {html}":         {"!x.png! {html}", `\!x.png\! \{html\}`},
		"a\nh1. b\r\n\n":         {"a h1. b", "a h1. b"},
		"\u202eevil\u202c":       {"evil", "evil"},
		strings.Repeat("é", 300): {strings.Repeat("é", 79) + "…", strings.Repeat("é", 79) + "…"},
	} {
		i := item
		i.Owner = &domain.Named{ID: 1, Name: name}
		i.UpdatedBy = &domain.Named{ID: 2, Name: name}
		for flavor, want := range map[string]string{form.Cloud: want.cloud, form.Datacenter: want.datacenter} {
			got := rendering(flavor).Render(i)
			checkContent(t, flavor, name, got)
			want := rules[flavor] + paragraph(flavor, "Owner: "+want+" · Changed by: "+want)
			if !strings.Contains(got.Body, want) {
				t.Errorf("%s %q: %q, want %q", flavor, name, got.Body, want)
			}
		}
	}
}
