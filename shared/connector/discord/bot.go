package discord

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/outbound"
)

// BotConfig says whose bot posts where.
type BotConfig struct {
	Look
	BaseURL string // of the API, without a trailing slash; "" is DefaultBaseURL
	Token   string
	Channel string // the id of a channel or thread
	// Replies says changes of state, status and priority below the message, which
	// is edited.
	Replies bool
}

// A Bot posts into a channel with a bot token. It is safe for use by several
// goroutines.
type Bot struct {
	core
	cfg BotConfig
	// used is the channel of the place that was resolved, nil before.
	used  atomic.Pointer[string]
	sizes *paging.Size // of pages of messages
}

// NewBot makes a bot that asks through client, which must be pinned to the
// API's host. A nil clock is the system's.
func NewBot(cfg BotConfig, client *outbound.Client, now func() time.Time) *Bot {
	cfg.BaseURL = strings.TrimSuffix(cmp.Or(cfg.BaseURL, DefaultBaseURL), "/")
	b := &Bot{core: newCore(cfg.Look, answers.BotAccess, client, now), cfg: cfg, sizes: paging.Usual()}
	b.header.Set("Authorization", "Bot "+cfg.Token)
	return b
}

// DeliveryMode says whether messages are edited, and replied to.
func (b *Bot) DeliveryMode() connector.DeliveryMode {
	m := b.core.DeliveryMode()
	m.Replies = b.cfg.Replies

	return m
}

func (b *Bot) channel(id string) string { return b.cfg.BaseURL + "/channels/" + id }

// Create posts the item.
func (b *Bot) Create(ctx context.Context, c connector.Content, m connector.Marker) (connector.Written, error) {
	p := silent(compose(c, m))
	p.Nonce = b.nonce(c, m)
	p.EnforceNonce = true
	return b.create(ctx, b.channel(b.where())+"/messages", b.where(), p, c)
}

// Digest posts the digest.
func (b *Bot) Digest(ctx context.Context, d connector.Digest, m connector.Marker) (connector.Written, error) {
	p := silent(composeDigest(d, m))
	p.Nonce = b.hashed(fmt.Sprint("digest ", m.Integration, " ", m.Item))
	p.EnforceNonce = true
	return b.create(ctx, b.channel(b.where())+"/messages", b.where(), p, connector.Content{})
}

// nonce names a message, so that Discord gives it back instead of posting it
// again within a few minutes. It is the same in each attempt to say the same
// thing; where each change is a message, what is said may come again, and is
// told apart by the attempt.
func (b *Bot) nonce(c connector.Content, m connector.Marker) string {
	name := fmt.Sprint("item ", m.Integration, " ", m.Item, " ", c.Hash())
	if b.cfg.PostUpdates {
		name += fmt.Sprint(" ", m.Attempt)
	}
	return b.hashed(name)
}

// hashed is 120 bits in 24 characters: Discord takes 25. It is another one in
// each channel, for Discord looks for a nonce in all of them.
func (b *Bot) hashed(name string) string {
	sum := sha256.Sum256([]byte(b.where() + " " + name))
	return base32.StdEncoding.EncodeToString(sum[:15])
}

// Update edits the message.
func (b *Bot) Update(ctx context.Context, sent connector.Sent, c connector.Content, m connector.Marker) (connector.Written, error) {
	channel := cmp.Or(sent.Remote.Key, b.where())
	if !snowflake.MatchString(sent.Remote.ID) || !snowflake.MatchString(channel) {
		return connector.Written{}, b.unknown()
	}
	return b.edit(ctx, b.channel(channel)+"/messages/"+sent.Remote.ID, sent, c, silent(compose(c, m)))
}
