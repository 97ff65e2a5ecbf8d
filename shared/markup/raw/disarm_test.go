package raw

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/worktest"
)

// disarmers are those of the servers to which Markdown is passed on.
func disarmers() map[string]Disarmer {
	return map[string]Disarmer{
		"github":   {Disarm: markup.NewGitHub("github.com").Disarm, Form: ImagesShown},
		"gitlab":   {Disarm: markup.NewGitLab("gitlab.com").Disarm, Form: ImagesLinked},
		"mantisbt": {Disarm: markup.MantisBT{}.Disarm, Form: LinksPlain},
	}
}

// madeByDisarming are texts in which a link is none before they are disarmed.
var madeByDisarming = []string{
	"<div>\n[good.test](https://evil.test)\n</div>",
	"<x y=\"\n[good.test](https://evil.test)\n\">",
	"[good.test<x y=\"](https://good.test)\">](https://evil.test)",
	"<details>\n<summary>x</summary>\n[good.test](https://evil.test)\n</details>",
	"<!-- [good.test](https://evil.test) -->",
	"<?x [good.test](https://evil.test) ?>",
}

// What disarming makes a link of shows its address too.
func TestLinksMadeByDisarming(t *testing.T) {
	for name, d := range disarmers() {
		for _, source := range madeByDisarming {
			if HidesHost(source, d.Form) && source[0] != '[' {
				t.Errorf("%q: the link is one before", source)
			}

			got := d.Text(source)
			if HidesHost(got, d.Form) || !strings.Contains(got, "evil.test") {
				t.Errorf("%s: %q: %q", name, source, got)
			}
		}
	}
}

// A text that is read in another way each time loses its links, and nothing else.
func TestLinksInDoubtAreBroken(t *testing.T) {
	n := 0
	d := Disarmer{Disarm: func(text string) string {
		n++
		if n > maxRounds+1 {
			return text
		}
		return strings.ReplaceAll(text, "END", "[good.test](https://evil.test) END")
	}}

	got := d.Text("a END")
	if n > maxRounds+2 || strings.Contains(got, "](") {
		t.Errorf("after %d rounds: %q", n, got)
	}
}

// A cut makes no link that hides a host: neither of what was code, nor of the end.
func TestCutHidesNoHost(t *testing.T) {
	d := disarmers()["github"]
	code := "``x [good.test](https://evil.test) " + strings.Repeat("word\n", 100) + "``"
	text := d.Text(code)
	if HidesHost(text, d.Form) {
		t.Fatalf("%q", text)
	}

	for limit := 200; limit < 480; limit += 20 {
		got := d.Cut(text, limit, "…(cut)", "\n\n---\nend")
		body, ok := strings.CutSuffix(got, "\n\n---\nend")
		if HidesHost(got, d.Form) || !ok || markup.Count(body) > limit {
			t.Errorf("%d: %q", limit, got)
		}
	}

	d = disarmers()["mantisbt"]
	text = d.Text("A text.\n\n[good.test]: https://evil.test")
	got := d.Cut(text, 1000, "", "\n\n---\nOwner: [good.test]")
	if HidesHost(got, d.Form) || !strings.HasSuffix(got, "Owner: [good.test]") {
		t.Errorf("%q", got)
	}
}

// Links that take long to read are broken.
func TestLongParagraphs(t *testing.T) {
	for _, source := range []string{
		strings.Repeat("*a [b] ", 400) + "[good.test](https://evil.test)",
		strings.Repeat("*a [b] ", 400) + "[good.test][x]\n\n[x]: https://evil.test",
		strings.Repeat("*a [b] ", 400) + "[good.test]\n\n[good.test]: https://evil.test",
		strings.Repeat("> ", markup.MaxNesting+2) + "[good.test](https://evil.test)",
		strings.Repeat("> ", markup.MaxNesting+2) + "[good.test\n](https://evil.test)",
	} {
		got := Reveal(source, ImagesShown)
		if regexp.MustCompile(`\]\(|\]:`).MatchString(got) || strings.ReplaceAll(got, breaker, "") != source {
			t.Errorf("%q: %q", source, got)
		}
	}

	items := strings.Repeat("- [ ] *a* [b](https://b.test) [c.test](https://d.test)\n", 300)
	if got := Reveal(items, ImagesShown); strings.Count(got, "[b](https://b.test) c.test (<https://d.test>)") != 300 {
		t.Errorf("%.200q", got)
	}
}

// Work grows with the length of a text, whatever is in it.
func TestWork(t *testing.T) {
	for _, part := range []string{
		"[", "]", "](", "[a](b", "![", "[a]", "[a.test](https://b.test)", "[a.test](https://b.test) ", "`", "``` ", "> ", "- ", "<", "<a", "*", "_a", "\\", "&", "[a]: b\n", "[a.test][b]\n", "|a|b|\n",
		"a.b", "https://", "www.", "- [a.test](https://b.test)\n", "[a.test](https://b.test)\n\n", "[![a.test](x)](https://b.test)\n",
	} {
		for name, d := range disarmers() {
			work := func(size int) func() {
				text := strings.Repeat(part, size/len(part))
				return func() { d.Text(text) }
			}
			worktest.AtMost(t, fmt.Sprintf("%s: %q", name, part), 10, work(16<<10), work(64<<10))
		}

		reading := func(size int) func() {
			text := strings.Repeat(part, size/len(part))
			return func() { find(text) }
		}
		worktest.AtMost(t, fmt.Sprintf("reading %q", part), 10, reading(16<<10), reading(64<<10))
	}
}

// Whatever the text: no link hides a host, and disarming once more changes nothing.
func FuzzText(f *testing.F) {
	for _, source := range madeByDisarming {
		f.Add(source)
	}

	for _, source := range []string{
		"[good.test](https://evil.test)", "[good.test][a]\n\n[a]: <https://evil.test> 'x'", "![good.test](https://evil.test)", "[![good.test](x)](https://evil.test)",
		"> - [`good.test`\n> x](\n> //evil.test)", "|[good.test](https://evil.test)|\n|-|", "[good.](https://evil.test)*[test](https://evil.test)*", "[a][good.test](https://evil.test)",
		"![x ![good.test](https://evil.test)](https://evil.test)", "`` [good.test](https://evil.test) `", "\\[good.test](https://evil.test)",
	} {
		f.Add(source)
	}

	all := disarmers()
	f.Fuzz(func(t *testing.T, source string) {
		for name, d := range all {
			got := d.Text(source)
			if HidesHost(got, d.Form) {
				t.Errorf("%s: %q hides a host: %q", name, source, got)
			}

			if again := d.Text(got); again != got {
				t.Errorf("%s: %q is %q, and then %q", name, source, got, again)
			}

			if cut := d.Cut(got, len(got)/2, "rest", "\n\n---\nend"); HidesHost(cut, d.Form) {
				t.Errorf("%s: %q, cut, hides a host: %q", name, source, cut)
			}
		}
	})
}
