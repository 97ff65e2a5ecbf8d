package outbound

import (
	"context"
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

// plain admits only the characters of a well-formed URL: what two readers
// could take differently is refused.
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

// redirectOnto gives the address a read was sent on to, moved to the host of
// the request.
func redirectOnto(r Request, answer Response) (string, bool) {
	if !isRedirect(r, answer) {
		return "", false
	}
	return OntoHost(r.URL, answer.Header.Get("Location"))
}

// isRedirect reports whether an answer sends a read on. A write is never sent
// on.
func isRedirect(r Request, answer Response) bool {
	switch answer.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return r.Method == http.MethodGet
	}
	return false
}

// Redirect gives the address a read was sent on to, if it is one that may be
// asked with the same credentials: https, same host, same port. A write is
// never sent on.
func Redirect(r Request, answer Response) (string, bool) {
	if !isRedirect(r, answer) {
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
	to.Fragment, to.RawFragment = "", ""
	if authority(to) != authority(from) {
		return "", false
	}
	return to.String(), true
}

// OntoHost resolves a reference found in an answer and moves it to the host of
// base, over https: only path and query of the reference count. A server behind
// a proxy writes its own idea of its address into links and redirects. The
// result names no other host, so nothing is ever sent elsewhere. A reference
// with user information, or one that two readers could read differently, gives
// nothing.
func OntoHost(base, reference string) (string, bool) {
	if !plain(reference) {
		return "", false
	}
	from, err := url.Parse(base)
	if err != nil || from.Scheme != "https" {
		return "", false
	}
	to, err := from.Parse(reference)
	if err != nil || to.Scheme != "https" && to.Scheme != "http" || to.User != nil || to.Opaque != "" {
		return "", false
	}
	to.Scheme, to.Host = from.Scheme, from.Host
	to.Fragment, to.RawFragment = "", ""
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

// Read makes one attempt at a GET, and one more where that is redirected to a
// path below root: what was renamed or moved is still to be found by its old
// address. The redirect is followed at the host of the request, whatever host it
// names. One that leads to the same address is not followed.
func (c *Client) Read(ctx context.Context, r Request, root string) (Response, error) {
	r.Method = http.MethodGet
	answer, err := c.Do(ctx, r)
	if err != nil {
		return answer, err
	}
	to, ok := redirectOnto(r, answer)
	if !ok || to == r.URL || !Below(root, to) {
		return answer, nil
	}
	r.URL = to
	return c.Do(ctx, r)
}

func authority(u *url.URL) string { return strings.TrimSuffix(strings.ToLower(u.Host), ":443") }
