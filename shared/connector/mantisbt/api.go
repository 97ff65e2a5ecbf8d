package mantisbt

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// pageBody is the largest answer with an issue and all its notes, in bytes.
const pageBody = 32 << 20

// A client sends requests to MantisBT's API with the token of the
// configuration. It repeats none by itself.
type client struct {
	cfg        Config
	http       *outbound.Client
	now        func() time.Time
	classifier *classifier
}

// home is the address at which people read issues, without a slash at its end.
func (c *client) home() string { return strings.TrimSuffix(c.cfg.BaseURL, "/api/rest") }

// header carries the bare token: MantisBT 2.28 answers 401 to a scheme before it.
func (c *client) header() http.Header {
	return http.Header{"Authorization": {c.cfg.Token}, "Accept": {"application/json"}}
}

// get reads. Answers that classifier.trusted rejects are errors.
func (c *client) get(ctx context.Context, where string, maxBody int64) (outbound.Response, error) {
	answer, err := c.http.Do(ctx, outbound.Request{Method: http.MethodGet, URL: where, Header: c.header(), MaxBody: maxBody})
	if err != nil {
		return answer, err
	}

	return c.trusted(answer)
}

// stream is get for an answer that is read while it arrives.
func (c *client) stream(ctx context.Context, request outbound.Request) (outbound.Response, error) {
	answer, err := c.http.Do(ctx, request)
	if err != nil {
		return answer, tooLarge(err)
	}
	if answer.Status == http.StatusOK && exhausted(answer.Body) {
		return answer, c.classifier.fail(failure.Retryable, failure.IntegrationScope, "answer_cut", "PHP ran out of memory or time", answer)
	}

	return c.trusted(answer)
}

// trusted is an answer without PHP's notices, or the error that classifier.trusted
// finds in it.
func (c *client) trusted(answer outbound.Response) (outbound.Response, error) {
	if err := c.classifier.trusted(answer); err != nil {
		return answer, err
	}

	if answer.Status < 300 {
		answer.Body = withoutNotices(answer.Body)
	}

	return answer, nil
}

// exhausted reports whether an answer is PHP's error about a page that was too
// large for it. It comes with status 200 where errors are shown
// (https://www.php.net/manual/en/ini.core.php#ini.memory-limit).
func exhausted(body []byte) bool {
	return bytes.Contains(body, []byte("Allowed memory size of")) || bytes.Contains(body, []byte("Maximum execution time of"))
}

// tooLarge makes a page that is too large to be read an outage: a smaller page
// may be read.
func tooLarge(err error) error {
	var e *failure.Error
	if errors.As(err, &e) && e.Code == "answer_too_large" {
		e.Class = failure.Retryable
		e.Scope = failure.IntegrationScope
	}

	return err
}
