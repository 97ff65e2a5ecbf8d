package slack

import (
	gocontext "context"
	"net/http"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// WebhookConfig is an incoming webhook. All of its URL is secret.
type WebhookConfig struct {
	Look
	URL string
}

// A Webhook posts into the channel of an incoming webhook. It is told no
// message's id, so it can neither edit a message nor find one. It is safe for
// use by several goroutines.
type Webhook struct {
	core
	cfg WebhookConfig
}

// NewWebhook makes a webhook that asks through client, which must be pinned to
// the URL's host. A nil clock is the system's.
func NewWebhook(cfg WebhookConfig, client *outbound.Client, now func() time.Time) *Webhook {
	return &Webhook{core: newCore(cfg.Look, client, now), cfg: cfg}
}

// DeliveryMode says that every change is a message.
func (w *Webhook) DeliveryMode() connector.DeliveryMode {
	return connector.DeliveryMode{DigestOver: w.digestOver}
}

// Create posts the item. The marker has no place in it.
func (w *Webhook) Create(ctx gocontext.Context, c connector.Content, _ connector.Marker) (connector.Written, error) {
	return connector.Written{Seen: written("", "", c).Seen}, w.post(ctx, created(w.compose(c)))
}

// Update is not possible.
func (w *Webhook) Update(gocontext.Context, connector.Sent, connector.Content, connector.Marker) (connector.Written, error) {
	return connector.Written{}, w.fail(failure.Final, failure.ItemScope, connector.NotEditable, "an incoming webhook cannot edit messages", outbound.Response{})
}

// Digest posts the digest.
func (w *Webhook) Digest(ctx gocontext.Context, d connector.Digest, _ connector.Marker) (connector.Written, error) {
	return connector.Written{}, w.post(ctx, created(w.composeDigest(d)))
}

func (w *Webhook) post(ctx gocontext.Context, p post) error { return w.send(ctx, encode(folded(p))) }

// send sends a message. Slack answers in plain text: ok, or the reason.
func (w *Webhook) send(ctx gocontext.Context, body []byte) error {
	response, err := w.client.Do(ctx, outbound.Request{Method: http.MethodPost, URL: w.cfg.URL, Header: jsonHeader(), Body: body})
	if err != nil {
		return err
	}

	switch {
	case hookProof.Proven(response):
		return nil
	case !response.Success(), answers.Read(response, w.client.Clean).Member("ok") == "false":
		return w.hookRefused(response)
	}

	return w.foreign(http.MethodPost, response)
}
