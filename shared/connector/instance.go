package connector

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"

	"integrations/shared/domain"
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

// SecretPlaceID is the id of a place that has none but a secret address: a hash
// of path and query. It equals the WebhookHash of a configuration's destination.
func SecretPlaceID(provider domain.Provider, address string) string {
	rest := address
	if _, after, ok := strings.Cut(address, "://"); ok {
		rest = after
	}

	path, query := "/", ""
	if at := strings.IndexByte(rest, '/'); at >= 0 {
		path, query, _ = strings.Cut(rest[at:], "?")
	}
	path = strings.TrimRight(path, "/")
	sum := sha256.Sum256([]byte(string(provider) + " " + path + "?" + query))

	return hex.EncodeToString(sum[:])
}
