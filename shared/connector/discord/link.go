package discord

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"

	"example.com/integrations/shared/markup"
)

// embedURL gives an item's address in the form that Discord takes in the url of
// an embed. It returns false for an address that Discord does not take there:
// Discord then refuses the whole message, so the address must be left out.
//
// Discord documents no rule. It is known from reports that it takes http and https
// with an IPv4 address (go-gitea/gitea#11124, #35918) and with a name that has
// a dot, and that it refuses a name without one, such as localhost or bugsink
// (bugsink/bugsink#280, grafana/grafana#65270, rogerrum/alertmanager-discord#19),
// and a name with an underscore (discordjs/discord.js#7438). What no report
// speaks of, such as an IPv6 address, is left out.
func embedURL(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Opaque != "" {
		return "", false
	}

	name, ok := embedHost(u.Hostname())
	if !ok {
		return "", false
	}

	port := u.Port()
	u.Host = name
	if port != "" {
		u.Host += ":" + port
	}

	out := u.String()

	return out, plainASCII(out) && len(out) <= maxURL
}

// shownAddress is the line with an item's address for a message whose embed
// cannot lead there. It is "" where the embed does, or where there is no address.
// The brackets keep Discord from making a preview of it.
func shownAddress(address string) string {
	if _, ok := embedURL(address); ok || address == "" {
		return ""
	}

	return "\n<" + address + ">"
}

// embedHost gives a host's name in ASCII, an international one in punycode. It
// returns false for a host that Discord does not take.
func embedHost(name string) (string, bool) {
	if ip, err := netip.ParseAddr(name); err == nil {
		return name, ip.Is4()
	}

	ascii, err := markup.ASCIIHost(name)
	if err != nil || !utf8.ValidString(name) {
		return "", false
	}

	dot := strings.LastIndexByte(ascii, '.')
	if dot < 1 || !topLevel(ascii[dot+1:]) {
		return "", false
	}

	return ascii, true
}

// topLevel reports whether a label can be the last one of a public name: two or
// more letters, or an international name in punycode. A number is none: it makes
// the name look like an address.
func topLevel(label string) bool {
	if strings.HasPrefix(label, "xn--") {
		return true
	}

	for _, r := range label {
		if r < 'a' || r > 'z' {
			return false
		}
	}

	return len(label) >= 2
}

// plainASCII reports whether a text has neither white space nor anything beyond
// ASCII.
func plainASCII(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}

	return true
}
