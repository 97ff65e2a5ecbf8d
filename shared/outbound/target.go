package outbound

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

var (
	errScheme = errors.New("the address is not https")
	errForm   = errors.New("the address is not a plain https URL with a host")
	errPin    = errors.New("the host is not one this integration may ask")
)

// target reads an address and refuses what is not for this client. Its errors
// name no part of the address, which may be a secret.
func (c *Client) target(raw string) (*url.URL, error) {
	if !plain(raw) {
		return nil, errForm
	}

	u, err := url.Parse(raw)
	if err != nil {
		return nil, errForm
	}
	if u.Scheme != "https" {
		return nil, errScheme
	}
	if u.User != nil || u.Opaque != "" || strings.Contains(raw, "#") || !plainHost(u.Hostname()) {
		return nil, errForm
	}

	u.Host = strings.TrimSuffix(strings.ToLower(u.Host), ":443")
	if strings.HasSuffix(u.Host, ":") {
		return nil, errForm
	}
	if !c.any && !slices.Contains(c.hosts, u.Host) {
		return nil, errPin
	}

	return u, nil
}

// plain admits only the characters of a well-formed URL: an address that two
// readers could read differently is refused.
func plain(raw string) bool {
	for i := range len(raw) {
		if raw[i] <= ' ' || raw[i] > '~' || strings.IndexByte("\\\"<>^`{|}", raw[i]) >= 0 {
			return false
		}
	}
	return raw != "" && len(raw) <= 8192
}

// plainHost admits an IP address without a zone and not in the mapped form,
// which would be connected to as IPv4, or a DNS name whose last label is no
// number: some resolvers read 0x7f.1 or 2130706433 as an address.
func plainHost(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Zone() == "" && !ip.Is4In6()
	}

	labels := strings.Split(strings.ToLower(host), ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}

	last := labels[len(labels)-1]
	hex, isHex := strings.CutPrefix(last, "0x")

	return len(host) <= 253 && strings.Trim(last, "0123456789") != "" &&
		!(isHex && strings.Trim(hex, "0123456789abcdef") == "")
}

// Redirect gives the address a read was sent on to, if it is one that may be
// asked with the same credentials: https, same host, same port. A write is
// never sent on.
func Redirect(r Request, answer Response) (string, bool) {
	if !redirects(answer.Status) || r.Method != http.MethodGet {
		return "", false
	}
	return SameHost(r.URL, answer.Header.Get("Location"))
}

// SameHost resolves a reference found in an answer and gives it only if it is
// https at the same host and port, without user information.
func SameHost(base, reference string) (string, bool) {
	if !plain(reference) {
		return "", false
	}

	from, err := url.Parse(base)
	if err != nil {
		return "", false
	}

	to, err := from.Parse(reference)
	if err != nil || to.Scheme != "https" || to.User != nil || to.Opaque != "" {
		return "", false
	}

	to.Fragment = ""
	to.RawFragment = ""
	if authority(to) != authority(from) {
		return "", false
	}

	return to.String(), true
}

// Below reports whether an address is below an API's root: a path above it is
// another service's.
func Below(root, address string) bool {
	u, err := url.Parse(address)
	base, baseErr := url.Parse(root)
	return err == nil && baseErr == nil && strings.HasPrefix(u.EscapedPath(), base.EscapedPath()+"/") &&
		!strings.Contains(u.Path, "/../") && !strings.HasSuffix(u.Path, "/..")
}

func authority(u *url.URL) string { return strings.TrimSuffix(strings.ToLower(u.Host), ":443") }
