package mantisbt

import (
	"context"
	"net/http"
	"time"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// A client sends requests to MantisBT's API with the token of the
// configuration. It repeats none by itself.
type client struct {
	cfg     Config
	http    *outbound.Client
	now     func() time.Time
	answers *answers
}

// get reads. Nothing is believed of what MantisBT shows to its anonymous
// account, nor of an answer that is no JSON.
func (c *client) get(ctx context.Context, where string, maxBody int64) (outbound.Response, error) {
	answer, err := c.http.Do(ctx, outbound.Request{Method: http.MethodGet, URL: where, Header: c.header(), MaxBody: maxBody})
	if err != nil {
		return answer, err
	}

	if err := c.answers.trusted(answer); err != nil {
		return answer, err
	}

	if answer.Status < 300 {
		answer.Body = withoutNotices(answer.Body)
	}

	return answer, nil
}

// header carries the bare token: MantisBT 2.28 answers 401 to a scheme.
func (c *client) header() http.Header {
	return http.Header{"Authorization": {c.cfg.Token}, "Accept": {"application/json"}}
}

// stream is get for an answer that is read while it arrives.
func (c *client) stream(ctx context.Context, request outbound.Request) (outbound.Response, error) {
	answer, err := c.http.Do(ctx, request)
	if err != nil {
		return answer, unread(err)
	}
	if answer.Status == http.StatusOK && exhausted(answer.Body) {
		return answer, c.answers.fail(failure.Retryable, failure.IntegrationScope, "answer_cut", "PHP ran out of memory or time", answer)
	}

	if err := c.answers.trusted(answer); err != nil {
		return answer, err
	}

	if answer.Status < 300 {
		answer.Body = withoutNotices(answer.Body)
	}

	return answer, nil
}
