package raw

import (
	"strings"
	"testing"
)

// Links of Markdown whose text names another host show where they lead.
func TestReveal(t *testing.T) {
	for source, want := range map[string]string{
		"[good.test](https://evil.test)":                                                "good.test (<https://evil.test>)",
		"See [https://good.test/login](https://evil.test/x?y=1).":                       "See https://good.test/login (<https://evil.test/x?y=1>).",
		"[good.test][ref]\n\n[ref]: https://evil.test":                                  "good.test (<https://evil.test>)\n\n[ref]: https://evil.test",
		"[good.test][]\n\n[good.test]: https://evil.test":                               "good.test (<https://evil.test>)\n\n[good.test]: https://evil.test",
		"[good.test]\n\n[good.test]: <https://evil.test> \"x\"":                         "good.test (<https://evil.test>)\n\n[good.test]: <https://evil.test> \"x\"",
		"[**good.test**](https://evil.test)":                                            "**good.test** (<https://evil.test>)",
		"*[good.test](https://evil.test)*":                                              "*good.test (<https://evil.test>)*",
		"[`good.test`](https://evil.test)":                                              "`good.test` (<https://evil.test>)",
		"[go*o*d.test](<https://evil.test/a b> \"title\")":                              "go*o*d.test (<https://evil.test/a%20b>)",
		"[good&#46;test](https://evil.test)":                                            "good&#46;test (<https://evil.test>)",
		"[good\\.test](https://evil.test)":                                              "good\\.test (<https://evil.test>)",
		"[good\u200b.test](https://evil.test)":                                          "good\u200b.test (<https://evil.test>)",
		"[good。test](https://evil.test)":                                                "good。test (<https://evil.test>)",
		"[log in at\ngood.test](\nhttps://evil.test\n'title')":                          "log in at\ngood.test (<https://evil.test>)",
		"> [good.test\n> login](\n> https://evil.test) x":                               "> good.test\n> login (<https://evil.test>) x",
		"- a [good.test](https://evil.test)\n- b":                                       "- a good.test (<https://evil.test>)\n- b",
		"# [good.test](https://evil.test) #":                                            "# good.test (<https://evil.test>) #",
		"|a|b|\n|-|-|\n|[good.test](https://evil.test)|c|":                              "|a|b|\n|-|-|\n|good.test (<https://evil.test>)|c|",
		"[good.test](//evil.test/x)":                                                    "good.test (<https://evil.test/x>)",
		"[good.test](https:///evil.test)":                                               "good.test (https:///evil.test)",
		"[good.test](ftp://evil.test)":                                                  "good.test (ftp://evil.test)",
		"[good.test](https://good.test@evil.test/)":                                     "good.test (https://good.test@evil.test/)",
		"[good.test](https://evil&#46;test)":                                            "good.test (<https://evil.test>)",
		"[a@good.test](mailto:b@evil.test)":                                             "a@good.test (mailto:b@evil.test)",
		"[https://good.test](/evil)":                                                    "https://good.test (/evil)",
		"[192.0.2.1](https://evil.test)":                                                "\u200b192.0.2.1 (<https://evil.test>)",
		"[https://intranet/login](https://evil.test)":                                   "https://intranet/login (<https://evil.test>)",
		"[good.](https://evil.test)[test](https://evil.test/2)":                         "good. (<https://evil.test>)test (<https://evil.test/2>)",
		"[good.](https://evil.test)[test](https://good.test)":                           "good. (<https://evil.test>)test (<https://good.test>)",
		"[good.test](ftp://evil.test/*a*_b_)":                                           "good.test (ftp://evil.test/\\*a\\*\\_b\\_)",
		"[1. good.test](https://evil.test)":                                             "\u200b1. good.test (<https://evil.test>)",
		"[- good.test](https://evil.test)":                                              "\u200b- good.test (<https://evil.test>)",
		"[```good.test```](https://evil.test)":                                          "\u200b```good.test``` (<https://evil.test>)",
		"[![good.test](https://img.test/a.png)](https://evil.test)":                     "![good.test](https://img.test/a.png) (<https://evil.test>)",
		"[api.good.test](https://good.test)":                                            "api.good.test (<https://good.test>)",
		"[good.test](https://api.good.test)":                                            "good.test (<https://api.good.test>)",
		strings.Repeat("[good.test](https://evil.test)\n\n", 3):                         strings.Repeat("good.test (<https://evil.test>)\n\n", 3),
		"```\n[good.test](https://evil.test)\n```\n[good.test](https://evil.test)":      "```\n[good.test](https://evil.test)\n```\ngood.test (<https://evil.test>)",
		"`[good.test](https://evil.test)` and [www.good.test](http://evil.test:8080/x)": "`[good.test](https://evil.test)` and www.good.test (<http://evil.test:8080/x>)",
	} {
		got := Reveal(source, ImagesShown)
		if got != want {
			t.Errorf("%q:\n got %q\nwant %q", source, got, want)
		}

		if !HidesHost(source, ImagesShown) || HidesHost(got, ImagesShown) {
			t.Errorf("%q: still hides a host, or hid none", got)
		}
	}
}

// All other text stays as it is.
func TestRevealKeeps(t *testing.T) {
	for _, source := range []string{
		"", "plain", "[the docs](https://good.test)", "[good.test](https://good.test/x)", "[www.Good.test:8443](https://good.test)",
		"[https://good.test/?u=evil.test](https://good.test/?u=evil.test)", "[good.test/README.md](https://good.test/README.md)",
		"[main.go](https://good.test/main.go)", "[v1.2.3](https://good.test)", "[e.g.](https://good.test)", "[Node.js](#nodejs)", "[README.md](docs/README.md)",
		"`[good.test](https://evil.test)`", "    [good.test](https://evil.test)", "~~~\n[good.test](https://evil.test)\n~~~", "\\[good.test](https://evil.test)",
		"<https://evil.test|good.test>", "<https://good.test>", "https://good.test", "good.test https://evil.test", "[good.test]", "[good.test]()", "[x]: https://evil.test",
		"![good.test](https://evil.test/x.png)", "![good.](https://img.test/x.png)[test](https://evil.test)", "[a@good.test](mailto:a@good.test)", "[^1] a\n\n[^1]: https://evil.test", "- [x] done", "[x](https://a.test) [y](https://b.test)",
	} {
		if got := Reveal(source, ImagesShown); got != source {
			t.Errorf("%q: %q", source, got)
		}
	}
}

// Where Markdown may be shown as it stands, the address is plain text.
func TestRevealPlain(t *testing.T) {
	for source, want := range map[string]string{
		"[good.test](https://evil.test).":                     "good.test (https://evil.test).",
		"[good.](https://evil.test)[test](https://evil.test)": "good. (https://evil.test) test (https://evil.test)",
		"[good.test](https://evil.test)s":                     "good.test (https://evil.test) s",
		"[good.test](ftp://evil.test/*a*)":                    "good.test (ftp://evil.test/*a*)",
	} {
		if got := Reveal(source, LinksPlain); got != want {
			t.Errorf("%q:\n got %q\nwant %q", source, got, want)
		}
	}
}

// Where images are links, the alternative text is a link's text.
func TestRevealImages(t *testing.T) {
	for source, want := range map[string]string{
		"![good.test](https://evil.test/x.png)":                     "good.test (<https://evil.test/x.png>)",
		"![good.test][i]\n\n[i]: https://evil.test/x.png":           "good.test (<https://evil.test/x.png>)\n\n[i]: https://evil.test/x.png",
		"![a graph](https://evil.test/x.png)":                       "![a graph](https://evil.test/x.png)",
		"[![good.test](https://img.test/x.svg)](https://good.test)": "[good.test](https://good.test)",
		"[![good.test](https://img.test/x.svg)](https://evil.test)": "good.test (<https://evil.test>)",
	} {
		if got := Reveal(source, ImagesLinked); got != want {
			t.Errorf("%q:\n got %q\nwant %q", source, got, want)
		}
	}
}
