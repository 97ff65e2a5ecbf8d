package client

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
)

// A CallOption changes one request.
type CallOption func(*request)

// IfMatch changes or deletes an integration only while it is at a version.
func IfMatch(etag string) CallOption { return header("If-Match", etag) }

// IfNoneMatch reads an integration only if it is at another version;
// ErrNotModified says that it is not.
func IfNoneMatch(etag string) CallOption { return header("If-None-Match", etag) }

// IdempotencyKey makes creations with the same key one, for 24 hours. Without
// it each call makes a key of its own, for its own repetitions.
func IdempotencyKey(key string) CallOption { return header("Idempotency-Key", key) }

func header(name, value string) CallOption {
	return func(r *request) { r.header.Set(name, value) }
}

// path puts a path together; ids lead nowhere else.
func path(first string, rest ...string) string {
	all := "/" + first
	for _, part := range rest {
		all += "/" + url.PathEscape(part)
	}
	return all
}

func get(path string, query url.Values) request {
	return request{method: http.MethodGet, path: path, query: query, header: http.Header{}, repeatable: true}
}

func post(path string, body any) request {
	return request{method: http.MethodPost, path: path, header: http.Header{}, body: body}
}

// CreateIntegration creates one in an organisation.
func (c *Client) CreateIntegration(ctx context.Context, organisation string, i NewIntegration, options ...CallOption) (Integration, error) {
	r := post(path("organisations", organisation, "integrations"), i)
	r.header.Set("Idempotency-Key", rand.Text())
	r.repeatable = true // for its key
	return c.integration(ctx, r, options...)
}

// GetIntegration reads one.
func (c *Client) GetIntegration(ctx context.Context, id string, options ...CallOption) (Integration, error) {
	return c.integration(ctx, get(path("integrations", id), nil), options...)
}

// UpdateIntegration changes one.
func (c *Client) UpdateIntegration(ctx context.Context, id string, change Change, options ...CallOption) (Integration, error) {
	r := request{method: http.MethodPatch, path: path("integrations", id), header: http.Header{}, body: change}
	return c.integration(ctx, r, options...)
}

func (c *Client) integration(ctx context.Context, r request, options ...CallOption) (Integration, error) {
	var i Integration
	header, err := c.do(ctx, r, &i, options...)
	i.ETag = header.Get("ETag")
	return i, err
}

// DeleteIntegration deletes one.
func (c *Client) DeleteIntegration(ctx context.Context, id string, options ...CallOption) error {
	_, err := c.do(ctx, request{method: http.MethodDelete, path: path("integrations", id), header: http.Header{}}, nil, options...)
	return err
}

// CheckIntegration asks the provider whether credentials and target work.
func (c *Client) CheckIntegration(ctx context.Context, id string) (CheckResult, error) {
	var result CheckResult
	_, err := c.do(ctx, post(path("integrations", id, "check"), nil), &result)
	return result, err
}

// PostTestMessage does what CheckIntegration does, and has the service post one
// test message into the chat. It is never sent a second time by itself: where the
// answer is lost, look in the chat before the next call.
func (c *Client) PostTestMessage(ctx context.Context, id string) (CheckResult, error) {
	var result CheckResult
	_, err := c.do(ctx, post(path("integrations", id, "check"), map[string]bool{"post": true}), &result)
	return result, err
}

// GetStatus reads how an integration stands.
func (c *Client) GetStatus(ctx context.Context, id string) (Status, error) {
	var s Status
	_, err := c.do(ctx, get(path("integrations", id, "status"), nil), &s)
	return s, err
}

// StartSync makes sure that a sync is under way and says which.
func (c *Client) StartSync(ctx context.Context, id string, how SyncRequest) (Run, error) {
	r := post(path("integrations", id, "sync"), nil)
	if how != (SyncRequest{}) {
		r.body = how
	}
	return c.run(ctx, r)
}

// GetSync reads a sync.
func (c *Client) GetSync(ctx context.Context, id, sync string) (Run, error) {
	return c.run(ctx, get(path("integrations", id, "syncs", sync), nil))
}

// CancelSync stops a sync; it has stopped when the run is active no more.
func (c *Client) CancelSync(ctx context.Context, id, sync string) (Run, error) {
	r := post(path("integrations", id, "syncs", sync, "cancel"), nil)
	r.repeatable = true
	return c.run(ctx, r)
}

// RetryItems tries items again: those named, at most 100, or without a name
// all that failed, were given up or were never answered.
func (c *Client) RetryItems(ctx context.Context, id string, items ...string) (Run, error) {
	r := post(path("integrations", id, "items", "retry"), nil)
	if len(items) > 0 {
		r.body = map[string][]string{"item_ids": items}
	}
	return c.run(ctx, r)
}

func (c *Client) run(ctx context.Context, r request) (Run, error) {
	var run Run
	_, err := c.do(ctx, r, &run)
	return run, err
}
