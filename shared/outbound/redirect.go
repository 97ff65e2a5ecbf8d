package outbound

import (
	"context"
	"net/http"
	"net/url"
)

// OntoHost takes the path and the query of a reference found in an answer onto
// the scheme and host of base. A server behind a proxy writes its own idea of its
// address into links and redirects. The result names no other host, so nothing is
// ever sent elsewhere. A reference with user information, or one that two readers
// could read differently, is refused.
func OntoHost(base, reference string) (string, bool) {
	if reference == "" || !plain(reference) {
		return "", false
	}

	from, err := url.Parse(base)
	if err != nil {
		return "", false
	}

	to, err := from.Parse(reference)
	if err != nil || to.Scheme != "https" && to.Scheme != "http" || to.User != nil || to.Opaque != "" || to.Host == "" {
		return "", false
	}

	to.Scheme = from.Scheme
	to.Host = from.Host
	to.Fragment = ""
	to.RawFragment = ""

	return to.String(), true
}

// Read makes one attempt at a GET, and one more where that is redirected to a
// path below root: what was renamed or moved is still to be found by its old
// address. The redirect is followed at the host of the request, whatever host it
// names. One that leads to the same address is not followed.
func (c *Client) Read(ctx context.Context, r Request, root string) (Response, error) {
	r.Method = http.MethodGet
	answer, err := c.Do(ctx, r)
	if err != nil || !redirects(answer.Status) {
		return answer, err
	}

	to, ok := OntoHost(r.URL, answer.Header.Get("Location"))
	if !ok || to == r.URL || !Below(root, to) {
		return answer, nil
	}

	r.URL = to

	return c.Do(ctx, r)
}

// redirects reports whether a status sends a read on to another address.
func redirects(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}

	return false
}
