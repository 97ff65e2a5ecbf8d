// Package address judges the addresses a manager types: https only, one
// spelling, SaaS hosts pinned, names and literal addresses of private networks
// refused. It resolves nothing; who dials checks the address connected to.
//
// Every error is a sentence for the manager that never repeats the address,
// because some addresses are secrets.
package address

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// maxLength bounds an address. The longest known real one, a Teams workflow's,
// has about 400 characters.
const maxLength = 2048

// A URL is an address in canonical form.
type URL struct {
	Host  string // lower case, an IPv6 address in brackets
	Port  string // "" is 443
	Path  string // "" or /a/b, never with a trailing slash
	Query string // without the question mark
}

// Origin is scheme, host and, unless it is 443, port: where secrets are sent.
func (u URL) Origin() string {
	if u.Port == "" {
		return "https://" + u.Host
	}
	return "https://" + u.Host + ":" + u.Port
}

// String is the whole address in canonical form, without the query.
func (u URL) String() string { return u.Origin() + u.Path }

// Sentences used in more than one place.
var (
	errScheme   = errors.New("must begin with https://")
	errUser     = errors.New("must not contain a user name or password (nor any @)")
	errFragment = errors.New("must not contain a fragment (#…)")
	errQuery    = errors.New("must not contain a query (?…)")
	errChars    = errors.New("must contain only plain ASCII letters, digits and the signs of an address; write an international name in its xn-- form")
	errHost     = errors.New("must name a full host such as tracker.example.com")
	errDot      = errors.New("must not have a host that ends with a dot")
	errPort     = errors.New("must have a port from 1 to 65535, or none")
	errPath     = errors.New("must have a plain path: letters, digits, dots, hyphens, underscores and tildes between single slashes, no . or .. segments")
	errPrivate  = errors.New("must not be a private, loopback, link-local or otherwise internal address")
)

// Base reads the address of a server, with or without a path, and gives its
// canonical form. Query, fragment and user information are refused.
func Base(text string) (URL, error) {
	if strings.Contains(text, "?") {
		return URL{}, errQuery
	}
	return split(strings.TrimSuffix(text, "/"))
}

// split reads an https address whose path is plain.
func split(text string) (URL, error) {
	u, err := parts(text)
	if err != nil {
		return URL{}, err
	}

	if u.Path, err = cleanPath(u.Path); err != nil {
		return URL{}, err
	}

	return u, nil
}

// parts reads an https address by hand: everything two URL readers could take
// differently (backslashes, escapes in the host, user information, white
// space) is refused before anything is read. The path is left to the caller to
// judge.
func parts(text string) (URL, error) {
	if err := spelling(text); err != nil {
		return URL{}, err
	}

	rest, query, asked := strings.Cut(text[len("https://"):], "?")
	if asked && query == "" {
		return URL{}, errQuery
	}

	authority := rest
	path := ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority = rest[:i]
		path = rest[i:]
	}

	host, port, err := hostPort(authority)
	if err != nil {
		return URL{}, err
	}

	return URL{Host: host, Port: port, Path: path, Query: query}, nil
}

func spelling(text string) error {
	switch {
	case len(text) > maxLength:
		return errors.New("must be at most " + strconv.Itoa(maxLength) + " characters long")
	case len(text) < len("https://") || !strings.EqualFold(text[:len("https://")], "https://"):
		return errScheme
	case strings.Contains(text, "@"):
		return errUser
	case strings.Contains(text, "#"):
		return errFragment
	}

	for i := range len(text) {
		if c := text[i]; c <= ' ' || c > '~' || strings.IndexByte("\\\"<>^`{|}", c) >= 0 {
			return errChars
		}
	}

	return nil
}

func hostPort(authority string) (host, port string, err error) {
	host = authority
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		if port, err = portOf(authority[i+1:]); err != nil {
			return "", "", err
		}
		host = authority[:i]
	}

	host, err = hostOf(strings.ToLower(host))

	return host, port, err
}

func portOf(text string) (string, error) {
	if len(text) < 1 || len(text) > 5 || strings.Trim(text, "0123456789") != "" {
		return "", errPort
	}

	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 65535 {
		return "", errPort
	}
	if n == 443 {
		return "", nil
	}

	return strconv.Itoa(n), nil
}

func hostOf(host string) (string, error) {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		ip, err := netip.ParseAddr(inner)
		if err != nil || !closed || !ip.Is6() || ip.Zone() != "" {
			return "", errHost
		}
		if Internal(ip) {
			return "", errPrivate
		}

		return "[" + ip.String() + "]", nil
	}

	if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
		if Internal(ip) {
			return "", errPrivate
		}
		return ip.String(), nil
	}

	return host, checkName(host)
}

// checkName admits a full DNS name of letters, digits and hyphens. A last
// label that looks like a number is refused: some resolvers read 0x7f.1 or
// 2130706433 as an IPv4 address.
func checkName(host string) error {
	if strings.HasSuffix(host, ".") {
		return errDot
	}
	if internalName(host) {
		return errPrivate
	}

	labels := strings.Split(host, ".")
	if len(host) > 253 || len(labels) < 2 {
		return errHost
	}

	for _, label := range labels {
		if !ldh(label) {
			return errHost
		}
	}

	if last := labels[len(labels)-1]; numeric(last) {
		return errHost
	}

	return nil
}

func ldh(label string) bool {
	if len(label) < 1 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}

	for i := range len(label) {
		c := label[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}

	return true
}

func numeric(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

// internalNames are names that mean the machine itself or a cloud's metadata
// service wherever they resolve.
var internalNames = []string{
	"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback", "broadcasthost",
	"metadata", "metadata.google.internal", "metadata.goog", "metadata.azure.internal",
	"instance-data", "instance-data.ec2.internal",
}

func internalName(host string) bool {
	for _, name := range internalNames {
		if host == name {
			return true
		}
	}
	return strings.HasSuffix(host, ".localhost")
}

// cleanPath admits no empty segment, so no trailing slash either: a secret URL
// is kept as it was given and must have one spelling.
func cleanPath(path string) (string, error) {
	if path == "" {
		return "", nil
	}

	for _, segment := range strings.Split(path[1:], "/") {
		if segment == "" || segment == "." || segment == ".." || !plain(segment) {
			return "", errPath
		}
	}

	return path, nil
}

func plain(segment string) bool {
	for i := range len(segment) {
		c := segment[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && strings.IndexByte("-._~", c) < 0 {
			return false
		}
	}

	return true
}
