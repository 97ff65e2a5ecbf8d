package document

import (
	"strings"
	"testing"
)

// outline is a text's spans: each link between brackets, with its address.
func outline(blocks []Block) string {
	var out strings.Builder
	for _, b := range blocks {
		for _, s := range b.Spans {
			text := s.Text
			if s.Link != "" {
				text = "[" + text + "→" + s.Link + "]"
			}
			out.WriteString(text)
		}

		out.WriteString(outline(b.Blocks))
		for _, item := range b.Items {
			out.WriteString(outline(item))
		}

		for _, row := range b.Rows {
			for _, cell := range row {
				out.WriteString(outline([]Block{{Spans: cell}}))
			}
		}
	}

	return out.String()
}

// A link of Markdown whose text names another host is text, the address behind it.
// All other links stay.
func TestLinksHideNoHost(t *testing.T) {
	const shown = "good.test ([https://evil.test→https://evil.test])"
	for source, want := range map[string]string{
		"[good.test](https://evil.test)":                                           shown,
		"[good.test][x]\n\n[x]: https://evil.test":                                 shown,
		"[**good.test**](https://evil.test)":                                       shown,
		"[`good.test`](https://evil.test)":                                         shown,
		"[go*od*.test](https://evil.test)":                                         shown,
		"![good.test](https://evil.test)":                                          shown,
		"> [good.test](https://evil.test)":                                         shown,
		"- 1. [good.test](https://evil.test)":                                      shown,
		"|[good.test](https://evil.test)|\n|-|":                                    shown,
		"# [good.test](https://evil.test)":                                         shown,
		"<a href='https://evil.test'>good.test</a>":                                shown,
		"[good.](https://evil.test)[test](https://evil.test)":                      shown,
		"[good.](https://a.test)[test](https://b.test)":                            "good. ([https://a.test→https://a.test])test ([https://b.test→https://b.test])",
		"<https://a.test>[b.test](https://c.test)":                                 "[https://a.test→https://a.test]b.test ([https://c.test→https://c.test])",
		"[x@good.test](mailto:x@evil.test)":                                        "x@good.test ([mailto:x@evil.test→mailto:x@evil.test])",
		"[![good.test](https://img.test/x.png)](https://evil.test)":                "good.test ([https://img.test/x.png→https://img.test/x.png])",
		"[the docs](https://evil.test) [good.test](https://good.test/x)":           "[the docs→https://evil.test] [good.test→https://good.test/x]",
		"https://good.test/?a=evil.test x@good.test www.good.test":                 "[https://good.test/?a=evil.test→https://good.test/?a=evil.test] [x@good.test→mailto:x@good.test] [www.good.test→http://www.good.test]",
		"[main.go](https://good.test) and [good.test/main.py](https://good.test/)": "[main.go→https://good.test] and [good.test/main.py→https://good.test/]",
	} {
		blocks := Parse(source)
		got := outline(blocks)
		if got != want {
			t.Errorf("%q:\n got %q\nwant %q", source, got, want)
		}

		if again := outline(Reveal(blocks)); again != got {
			t.Errorf("%q: once more %q", source, again)
		}
	}
}
