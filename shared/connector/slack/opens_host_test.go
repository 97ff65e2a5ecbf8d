package slack

import (
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

// C6: what a message says of where it leads is the host that a browser opens, or no
// host at all. It is in ASCII, because names of other writings can look like each
// other (https://www.unicode.org/reports/tr36/#international_domain_names).
func TestAMessageNamesTheHostThatItLeadsTo(t *testing.T) {
	const unnamed = "On another page"
	for address, want := range map[string]string{
		"https://items.example/7":                                          "items.example",
		"http://bugsink:8000/issues/1":                                     "bugsink:8000",
		"https://my_items.example/1":                                       "my_items.example",
		"https://10.0.0.1:8443/1":                                          "10.0.0.1:8443",
		"https://items.example:8443/?x=@evil/#@a":                          "items.example:8443",
		"https://items.example/https://b.example":                          "items.example",
		"https://münchen.example:8443/1":                                   "xn--mnchen-3ya.example:8443",
		"https://аррӏе.com/1":                                              "xn--80ak6aa92e.com",
		"https://items.example\u2044a.evil.example":                        "items.xn--examplea-k03d.evil.example", // a sign that looks like a slash
		"https://items.example\uff0fa.evil.example":                        unnamed,
		"https://gro.a\u202e.evil.example/":                                unnamed, // turns what follows around
		"https://items.example\uff20evil.example/":                         unnamed,
		"https://items\u200b.example/":                                     "items.example",
		"https://" + strings.Repeat("good.example.", 12) + "evil.example/": unnamed,
		"https://" + strings.Repeat("ü", 60) + ".example/":                 unnamed,
		"https://good.example@evil.example/":                               "", // no address of a web page
		"https://good.example:443@evil.example/":                           "",
		"https://good.example%40evil.example/":                             "",
		`https://good.example\@evil.example/`:                              "",
		"https:good.example":                                               "",
		"javascript:alert(1)//good.example":                                "",
		"https://evil.example\t/good.example":                              "",
	} {
		c := renderer().Render(domain.Item{Title: "Door", FormattedNumber: "WI-7", URL: address})
		digest := connector.Digest{New: 30, URL: address, First: []connector.Content{c}}
		for what, body := range map[string]string{
			"message": string(encode(created(pressing.compose(c)))), "digest": string(encode(created(pressing.composeDigest(digest)))),
		} {
			found := openings(t, body)
			if want == "" {
				if len(found) != 0 || strings.Contains(body, "evil.example") {
					t.Errorf("%s of %q: %s", what, address, body)
				}
				continue
			}

			if len(found) != 1 || found[0].Text.Text != want {
				t.Errorf("%s of %q: %+v, want %q", what, address, found, want)
			}
		}

		on := " on " + want
		if want == "" || want == unnamed {
			on = ""
		}

		if want != "" {
			if got := opens("Open", c.URL)[0].Text; got != "Open"+on {
				t.Errorf("the link to %q is called %q", address, got)
			}
		}
	}
}
