package connector

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
	"time"

	"example.com/integrations/shared/domain"
)

// InstanceOf names a self-managed server by its address: host and path in lower
// case, without scheme, default port and slash at the end. It is "" for what is
// no http or https address.
func InstanceOf(address string) string {
	u, err := url.Parse(strings.ToLower(strings.TrimSpace(address)))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return ""
	}

	host := u.Host
	if port := u.Port(); port == "" || port == map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		host = strings.TrimSuffix(host, ":"+port)
	}

	return host + strings.TrimRight(u.Path, "/")
}

// HostOf names a self-managed server by the first address that has a host, in
// lower case and without the default port of https. It is "" if none has.
func HostOf(addresses ...string) string {
	for _, address := range addresses {
		u, err := url.Parse(address)
		if err == nil && u.Hostname() != "" {
			return strings.TrimSuffix(strings.ToLower(u.Host), ":443")
		}
	}

	return ""
}

// longestInstant bounds what stands in place of a time, in code points.
const longestInstant = 64

// Instant is a time in one form, so that a server that changes its time zone or
// the digits of its seconds does not become another one. What is no time of
// RFC 3339 stays as it is.
func Instant(text string) string {
	at, err := time.Parse(time.RFC3339, text)
	if err == nil {
		return at.UTC().Format(time.RFC3339)
	}

	runes := []rune(text)

	return string(runes[:min(len(runes), longestInstant)])
}

// SecretPlaceID is the id of a place that has none but a secret address: a hash
// of path and query. It equals the WebhookHash of a configuration's destination.
func SecretPlaceID(provider domain.Provider, address string) string {
	rest := address
	if _, after, ok := strings.Cut(address, "://"); ok {
		rest = after
	}

	path := "/"
	query := ""
	if at := strings.IndexByte(rest, '/'); at >= 0 {
		path, query, _ = strings.Cut(rest[at:], "?")
	}

	path = strings.TrimRight(path, "/")
	sum := sha256.Sum256([]byte(string(provider) + " " + path + "?" + query))

	return hex.EncodeToString(sum[:])
}
