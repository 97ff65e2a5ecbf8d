package outbound

import (
	"context"
	"net/http"
	"net/url"
)

// ontoHost takes the path and the query of a reference found in an answer onto
// the scheme and host of base. A server behind a proxy may write its own name or
// http into such references. One with user information is refused.
func ontoHost(base, reference string) (string, bool) {
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
	to.Fragment, to.RawFragment = "", ""

	return to.String(), true
}

// ReadMoved is Read for a server that may stand behind a proxy: of a redirect
// only path and query count, and the host stays the one that was asked. The path
// must be below root.
func (c *Client) ReadMoved(ctx context.Context, r Request, root string) (Response, error) {
	r.Method = http.MethodGet
	answer, err := c.Do(ctx, r)
	if err != nil || !redirects(answer.Status) {
		return answer, err
	}

	to, ok := ontoHost(r.URL, answer.Header.Get("Location"))
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
