package address

import "net/netip"

// internal4 is every IPv4 range that is not the public internet (IANA special
// purpose registry), the metadata services within them included, and Azure's,
// which has a public address and is in each of its machines.
var internal4 = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
)

// global6 is where public IPv6 addresses are; internal6 is what lies within
// and yet is not public, or carries an IPv4 address (Teredo, 6to4).
var (
	global6   = netip.MustParsePrefix("2000::/3")
	internal6 = prefixes("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// Internal reports whether an address is anything but a public one. Mapped
// and translated forms of IPv4 addresses lie outside 2000::/3 or are listed,
// so all of them are internal.
func Internal(ip netip.Addr) bool {
	list := internal4
	if ip.Is6() {
		if !global6.Contains(ip) {
			return true
		}
		list = internal6
	}

	for _, prefix := range list {
		if prefix.Contains(ip) {
			return true
		}
	}

	return false
}
