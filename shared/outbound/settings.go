package outbound

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// An Allow admits connections to one port of a network that is not public, or
// to an odd port.
type Allow struct {
	Prefix netip.Prefix
	Port   uint16
}

// metadata is never admitted: no tracker runs there, and the services there hand
// out credentials.
var metadata = []netip.Prefix{
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("fd00:ec2::/32"),
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("::/128"),
	// Those of Alibaba, Oracle, Azure and Google, which are elsewhere.
	netip.MustParsePrefix("100.100.100.200/32"), netip.MustParsePrefix("192.0.0.192/32"), netip.MustParsePrefix("168.63.129.16/32"),
	netip.MustParsePrefix("fd20:ce::254/128"),
}

func (a Allow) covers(to netip.AddrPort) bool {
	ip := to.Addr()
	for _, never := range metadata {
		if never.Contains(ip) {
			return false
		}
	}

	// Loopback must be meant: the Lambda Runtime API listens there.
	if ip.IsLoopback() && !a.Prefix.Addr().IsLoopback() {
		return false
	}

	return a.Port == to.Port() && a.Prefix.Contains(ip)
}

// ParseAllowDial reads `cidr:port,…`, an IPv6 network in brackets. Errors name
// the entry.
func ParseAllowDial(text string) ([]Allow, error) {
	var list []Allow
	for _, entry := range entries(text) {
		network, port, err := cutPort(entry)
		if err != nil {
			return nil, fmt.Errorf("entry %q: %w", entry, err)
		}

		prefix, err := netip.ParsePrefix(network)
		switch {
		case err != nil:
			return nil, fmt.Errorf("entry %q: want a network such as 10.1.0.0/16 or [fd12::/16]", entry)
		case prefix.Bits() == 0:
			return nil, fmt.Errorf("entry %q: covers every address", entry)
		case prefix != prefix.Masked():
			return nil, fmt.Errorf("entry %q: bits are set behind the prefix; the network is %s", entry, prefix.Masked())
		case prefix.Addr().Is4In6():
			return nil, fmt.Errorf("entry %q: write the network as IPv4", entry)
		}

		list = append(list, Allow{Prefix: prefix, Port: port})
	}

	return list, nil
}

// ParseOverrides reads `host=ip:port,…`. Errors name the entry.
func ParseOverrides(text string) (map[string]netip.AddrPort, error) {
	hosts := map[string]netip.AddrPort{}
	for _, entry := range entries(text) {
		host, to, found := strings.Cut(entry, "=")
		host = strings.ToLower(host)
		addr, err := netip.ParseAddrPort(to)
		_, twice := hosts[host]
		switch {
		case !found || err != nil || addr.Port() == 0 || addr.Addr().Zone() != "":
			return nil, fmt.Errorf("entry %q: want host=ip:port, an IPv6 address in brackets", entry)
		case !plainHost(host):
			return nil, fmt.Errorf("entry %q: the host is not an exact host name", entry)
		case twice:
			return nil, fmt.Errorf("entry %q: the host is named twice", entry)
		}

		hosts[host] = addr
	}

	return hosts, nil
}

func entries(text string) []string {
	var list []string
	for _, entry := range strings.Split(text, ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			list = append(list, entry)
		}
	}

	return list
}

func cutPort(entry string) (network string, port uint16, err error) {
	i := strings.LastIndexByte(entry, ':')
	if i < 0 {
		return "", 0, fmt.Errorf("want cidr:port")
	}

	n, err := strconv.ParseUint(entry[i+1:], 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("want a port from 1 to 65535 behind the last colon")
	}

	network = entry[:i]
	if inner, ok := strings.CutPrefix(network, "["); ok {
		network, ok = strings.CutSuffix(inner, "]")
		if !ok {
			return "", 0, fmt.Errorf("a bracket is not closed")
		}
	} else if strings.Contains(network, ":") {
		return "", 0, fmt.Errorf("an IPv6 network stands in brackets")
	}

	return network, uint16(n), nil
}
