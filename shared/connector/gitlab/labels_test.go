package gitlab

import (
	"html"
	"strings"
	"testing"

	"example.com/integrations/shared/markup"
)

// stored is what GitLab makes of a label's name:
// CGI.unescapeHTML(Sanitize.clean(value)), stripped.
func stored(name string) string {
	return strings.TrimSpace(html.UnescapeString(stripTags(name)))
}

// B17: a label is written as GitLab will store it, so that it is found again.
func TestLabelNames(t *testing.T) {
	for name, want := range map[string]string{
		"plain": "plain", "<b>x</b>": "x", "a < b": "a < b", "R&amp;D": "R&D", "R&D": "R&D", "&lt;b&gt;x&lt;/b&gt;": "x", "&amp;lt;i&amp;gt;y": "y",
		"a,b": "a b", "a&#44;b": "a b", "s::t": "s:t", "s&#58;&#58;t": "s:t", "<!-- x -->y": "y", "<b": "", "</>": "", "<>": "<>", "what?": "what?", "1 <2": "1 <2",
		" x \n": "x", "a&nbsp;b": "a b", "a\u00a0b": "a b", "C++ &copy": "C++ ©", "<script>alert(1)</script>": "alert(1)", "a<br>b": "ab", `<a title="x>y">z`: `y">z`,
		strings.Repeat("&amp;", 300): strings.Repeat("&", 255), strings.Repeat("é", 300): strings.Repeat("é", 255), "&" + strings.Repeat("amp;", 10) + "lt;b>z": "z",
	} {
		got := labelName(name)
		if got != want {
			t.Errorf("%.40q: %q, want %q", name, got, want)
		}

		if stored(got) != got {
			t.Errorf("%.40q: GitLab stores %q as %q", name, got, stored(got))
		}
	}

	c := connectorWith(Config{Labels: true})
	if got := c.renderer.labels([]string{"<b>x</b>", "x", "<i></i>", "R&amp;D"}); strings.Join(got, "|") != "R&D|x" {
		t.Errorf("%q", got)
	}
}

// FuzzLabelName: whatever a label is called, GitLab stores what it is sent.
func FuzzLabelName(f *testing.F) {
	for _, name := range []string{"<b>x</b>", "&amp;lt;b&gt;", "a,b::c", "&#x3c;b", "<<b>b>", "&ampamp;", "&" + strings.Repeat("amp;", 40) + "lt;b>z"} {
		f.Add(name)
	}

	f.Fuzz(func(t *testing.T, name string) {
		got := labelName(name)
		if stored(got) != got || strings.ContainsAny(got, ",\n") || strings.Contains(got, "::") || markup.Count(got) > maxLabel {
			t.Errorf("%q: %q is stored as %q", name, got, stored(got))
		}
	})
}
