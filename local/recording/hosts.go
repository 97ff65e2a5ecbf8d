package recording

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// public reports whether the name of a host may stay in a recording. Any other name in
// an address can be that of a company.
func (r *Rules) public(host string) bool {
	host = strings.ToLower(host)

	return host == "" || host == Host || slices.ContainsFunc(r.Public, func(one string) bool {
		below, any := strings.CutPrefix(one, "*")

		return one == host || any && strings.HasSuffix(host, below)
	})
}

// domainOf is the domain of a company in which a host is, "" for none.
func (r *Rules) domainOf(host string) string {
	host = strings.ToLower(host)
	_, domain, _ := strings.Cut(host, ".")
	if _, err := netip.ParseAddr(host); err == nil || r.public(host) || r.public(domain) || !strings.Contains(domain, ".") {
		return ""
	}

	return domain
}

// replaceHosts replaces the names of hosts. The digits of a percent code before a
// name are none of it.
func replaceHosts(form *regexp.Regexp, text string) string {
	var clean strings.Builder
	from := 0
	for _, found := range form.FindAllStringIndex(text, -1) {
		if at := found[0]; at > from && text[at-1] == '%' && percentCode.MatchString(text[at-1:found[1]]) {
			found[0] += 2
		}

		clean.WriteString(text[from:found[0]])
		clean.WriteString(Host)
		from = found[1]
	}

	clean.WriteString(text[from:])

	return clean.String()
}

// hostName matches the name of a host.
var hostName = regexp.MustCompile(`^[^\s:\[\]/]*[^\s:\[\]/.,;!)]`)

// authority is what stands between // and the path of an address.
func (c *cleaner) authority(text string) string {
	return hostName.ReplaceAllStringFunc(c.words(text), c.hostOf)
}

// hostOf is the name of a host in an address.
func (c *cleaner) hostOf(name string) string {
	if _, err := netip.ParseAddr(name); err == nil || c.rules.public(name) {
		return name
	}

	return Host
}

// escapedAddresses match the host of an address in a script or in a query, and that
// of one without a scheme, with what is before it.
var escapedAddresses = regexp.MustCompile(`(?i)(?:\bhttps?(?::|%3A)(?:\\/\\/|%2F%2F)|["'(=]//)[a-z0-9][a-z0-9.-]*[a-z0-9]`)

func (c *cleaner) escapedAddress(found string) string {
	at := strings.LastIndexByte(found, '/') + 1
	if escaped := strings.LastIndexByte(found, '%'); escaped > at {
		at = escaped + len("%2F")
	}

	return found[:at] + c.hostOf(found[at:])
}
