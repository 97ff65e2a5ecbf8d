// Package teams is the connector to Microsoft Teams: items are Adaptive Cards
// that a Power Automate workflow posts. The workflow says no more than that it
// was started, so nothing is proven, edited or found.
package teams

import (
	"context"
	"net/http"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/markup/chat"
	"example.com/integrations/shared/outbound"
)

// Config is a workflow. All of its URL is secret.
type Config struct {
	URL string // kept as it is, query included
	// Card sends the bare card, which some templates of workflows want, instead
	// of a message with the card attached.
	Card       bool
	DigestOver int
	// Templates replace the usual title and body; "" leaves the usual one.
	TitleTemplate, BodyTemplate string
}

// A Connector posts through one workflow. It is safe for use by several
// goroutines.
type Connector struct {
	message.Renderer
	cfg    Config
	client *outbound.Client
	now    func() time.Time
}

// New makes a connector that asks through client, which must be pinned to the
// URL's host. A nil clock is the system's.
func New(cfg Config, client *outbound.Client, now func() time.Time) *Connector {
	if now == nil {
		now = time.Now
	}

	return &Connector{
		Renderer: message.Renderer{Dialect: chat.Plain{}, TitleTemplate: cfg.TitleTemplate, BodyTemplate: cfg.BodyTemplate, Blocks: true},
		cfg:      cfg, client: client, now: now,
	}
}

// DeliveryMode says that every change is a message.
func (c *Connector) DeliveryMode() connector.DeliveryMode {
	return connector.DeliveryMode{DigestOver: c.cfg.DigestOver}
}

// Create posts the item.
func (c *Connector) Create(ctx context.Context, content connector.Content, m connector.Marker) (connector.Written, error) {
	if err := c.post(ctx, compose(content, m)); err != nil {
		return connector.Written{}, err
	}
	return connector.Written{Seen: connector.Seen{Text: content.Hash(), State: content.State}, Unproven: true}, nil
}

// Update is not possible.
func (c *Connector) Update(context.Context, connector.Sent, connector.Content, connector.Marker) (connector.Written, error) {
	return connector.Written{}, c.fail(failure.Final, failure.ItemScope, connector.NotEditable, "a workflow cannot edit messages", outbound.Response{})
}

// Digest posts the digest.
func (c *Connector) Digest(ctx context.Context, d connector.Digest, m connector.Marker) (connector.Written, error) {
	if err := c.post(ctx, composeDigest(d, m)); err != nil {
		return connector.Written{}, err
	}
	return connector.Written{Unproven: true}, nil
}

// post starts the workflow with a card.
func (c *Connector) post(ctx context.Context, made card) error {
	response, err := c.client.Do(ctx, outbound.Request{
		Method: http.MethodPost, URL: c.cfg.URL, Header: http.Header{"Content-Type": {"application/json"}}, Body: c.payload(made),
	})
	if err != nil {
		return err
	}

	if e := c.refused(response); e != nil {
		return e
	}

	return nil
}

// An envelope is a message with a card attached
// (https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using).
// Its summary is the text of the notification.
type envelope struct {
	Type        string       `json:"type"`
	Summary     string       `json:"summary"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	ContentType string  `json:"contentType"`
	ContentURL  *string `json:"contentUrl"`
	Content     card    `json:"content"`
}

// payload is the body of a request. A bare card has no place for a summary: its
// notification shows what Teams makes of the card.
func (c *Connector) payload(made card) []byte {
	if c.cfg.Card {
		return encode(made)
	}
	attached := attachment{ContentType: "application/vnd.microsoft.card.adaptive", Content: made}
	return encode(envelope{Type: "message", Summary: made.FallbackText, Attachments: []attachment{attached}})
}

// Check asks nothing: a workflow can only be started.
func (c *Connector) Check(context.Context) ([]connector.Check, error) {
	const onlyByPosting = connector.OnlyByPosting
	return []connector.Check{
		connector.Undecided(connector.CheckReachable, onlyByPosting), connector.Undecided(connector.CheckCredentials, onlyByPosting),
		connector.Undecided(connector.CheckTarget, onlyByPosting),
	}, nil
}
