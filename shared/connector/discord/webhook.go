package discord

import (
	"context"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/outbound"
)

// WebhookConfig is a channel's webhook. All of its URL is secret.
type WebhookConfig struct {
	Look
	URL    string // as Discord shows it
	Thread string // the id of a thread of the channel, or ""
	// ThreadName is the template of the name of a thread: the channel is a forum,
	// and each item gets a thread of its own there. "" makes none.
	ThreadName string
}

// A Webhook posts into its channel, or a thread of it. It edits what it has
// posted and cannot list it, so it finds nothing. It is safe for use by several
// goroutines.
type Webhook struct {
	*core
	cfg WebhookConfig
	// parent is the id of the webhook's channel, nil before it is known.
	parent atomic.Pointer[string]
}

// NewWebhook makes a webhook that asks through client, which must be pinned to
// the URL's host. A nil clock is the system's.
func NewWebhook(cfg WebhookConfig, client *outbound.Client, now func() time.Time) *Webhook {
	// Whatever version the URL was copied from, we speak one.
	if host, rest, ok := strings.Cut(cfg.URL, "/api/"); ok {
		if i := strings.Index(rest, "webhooks/"); i >= 0 {
			cfg.URL = host + "/api/v10/" + rest[i:]
		}
	}

	return &Webhook{core: newCore(cfg.Look, answers.WebhookAccess, client, now), cfg: cfg}
}

// Create posts the item. Only who waits is told the message's id, and what went
// wrong.
func (w *Webhook) Create(ctx context.Context, c connector.Content, m connector.Marker) (connector.Written, error) {
	return w.post(ctx, silent(compose(c, m)), c)
}

// Digest posts the digest.
func (w *Webhook) Digest(ctx context.Context, d connector.Digest, m connector.Marker) (connector.Written, error) {
	return w.post(ctx, silent(composeDigest(d, m)), connector.Content{Thread: cutThreadName(message.Totals(d))})
}

// Update edits the message.
func (w *Webhook) Update(ctx context.Context, sent connector.Sent, c connector.Content, m connector.Marker) (connector.Written, error) {
	if !snowflake.MatchString(sent.Remote.ID) {
		return connector.Written{}, w.unknown()
	}

	p := silent(compose(c, m))
	thread := w.threadOf(sent.Remote.Key)
	p.ownThread = thread != w.cfg.Thread

	return w.edit(ctx, w.addressIn(thread, "/messages/"+sent.Remote.ID), sent, c, p)
}

// address is the webhook's, for the configured thread, with a path below it and
// pairs of a query.
func (w *Webhook) address(path string, pairs ...string) string {
	return w.addressIn(w.cfg.Thread, path, pairs...)
}

// addressIn is address for another thread, "" for none.
func (w *Webhook) addressIn(thread, path string, pairs ...string) string {
	query := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		query.Set(pairs[i], pairs[i+1])
	}

	if thread != "" {
		query.Set("thread_id", thread)
	}

	if len(query) == 0 {
		return w.cfg.URL + path
	}

	return w.cfg.URL + path + "?" + query.Encode()
}
