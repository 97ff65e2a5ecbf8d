package rawhtml

import (
	"net/url"
	"regexp"
	"strings"
)

// named is what looks like the name of a host: labels with dots between, the last
// one without digits.
var named = regexp.MustCompile(`[\pL\pN_-]+(?:\.[\pL\pN_-]+)*\.\pL{2,}`)

// Hides reports whether a link's text names a host to which the link does not
// lead. The address is one that markup.WebURL has let through.
func Hides(text, address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return true
	}
	host := strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")
	for _, name := range named.FindAllString(text, -1) {
		if strings.TrimPrefix(strings.ToLower(name), "www.") != host {
			return true
		}
	}

	return false
}
