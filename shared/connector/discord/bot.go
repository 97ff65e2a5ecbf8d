package discord

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/domain"
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
	*core
	place   *place
	lists   *lists
	rights  *rights
	replies *replies
}

// NewBot makes a bot that asks through client, which must be pinned to the
// API's host. A nil clock is the system's.
func NewBot(cfg BotConfig, client *outbound.Client, now func() time.Time) *Bot {
	core := newCore(cfg.Look, answers.BotAccess, client, now)
	core.header.Set("Authorization", "Bot "+cfg.Token)

	place := &place{baseURL: strings.TrimSuffix(cmp.Or(cfg.BaseURL, DefaultBaseURL), "/"), channel: cfg.Channel}
	lists := &lists{core: core, place: place, sizes: paging.Usual()}

	return &Bot{
		core:    core,
		place:   place,
		lists:   lists,
		rights:  &rights{core: core, place: place, lists: lists, replies: cfg.Replies},
		replies: &replies{core: core, place: place, lists: lists},
	}
}

// DeliveryMode says whether messages are edited, and replied to.
func (b *Bot) DeliveryMode() connector.DeliveryMode {
	m := b.core.DeliveryMode()
	m.Replies = b.rights.replies

	return m
}

// Create posts the item.
func (b *Bot) Create(ctx context.Context, c connector.Content, m connector.Marker) (connector.Written, error) {
	p := silent(compose(c, m))
	p.Nonce = b.nonce(c, m)
	p.EnforceNonce = true
	return b.create(ctx, b.place.address(b.place.id())+"/messages", b.place.id(), p, c)
}

// Digest posts the digest.
func (b *Bot) Digest(ctx context.Context, d connector.Digest, m connector.Marker) (connector.Written, error) {
	p := silent(composeDigest(d, m))
	p.Nonce = b.place.nonce(fmt.Sprint("digest ", m.Integration, " ", m.Item))
	p.EnforceNonce = true
	return b.create(ctx, b.place.address(b.place.id())+"/messages", b.place.id(), p, connector.Content{})
}

// nonce names a message, so that Discord gives it back instead of posting it
// again within a few minutes. It is the same in each attempt to say the same
// thing; where each change is a message, what is said may come again, and is
// told apart by the attempt.
func (b *Bot) nonce(c connector.Content, m connector.Marker) string {
	name := fmt.Sprint("item ", m.Integration, " ", m.Item, " ", c.Hash())
	if b.look.PostUpdates {
		name += fmt.Sprint(" ", m.Attempt)
	}
	return b.place.nonce(name)
}

// Update edits the message.
func (b *Bot) Update(ctx context.Context, sent connector.Sent, c connector.Content, m connector.Marker) (connector.Written, error) {
	channel := cmp.Or(sent.Remote.Key, b.place.id())
	if !snowflake.MatchString(sent.Remote.ID) || !snowflake.MatchString(channel) {
		return connector.Written{}, b.unknown()
	}
	return b.edit(ctx, b.place.address(channel)+"/messages/"+sent.Remote.ID, sent, c, silent(compose(c, m)))
}

// Use makes later calls go to a channel that was resolved before.
func (b *Bot) Use(p connector.Place) { b.place.use(p) }

// Check asks whose token it is, reads the channel, and says what the bot may do in
// it.
func (b *Bot) Check(ctx context.Context) ([]connector.Check, error) { return b.rights.check(ctx) }

// Find walks through the channel's messages from since on, the oldest first.
// It needs the permission Read Message History.
func (b *Bot) Find(ctx context.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	return b.lists.find(ctx, since, want)
}

// Reply says what has changed below the message of an item.
func (b *Bot) Reply(ctx context.Context, r connector.Reply) (connector.Written, error) {
	return b.replies.post(ctx, r)
}

// FindReply looks for a reply whose answer was lost.
func (b *Bot) FindReply(ctx context.Context, r connector.Reply) (connector.Written, bool, error) {
	return b.replies.find(ctx, r)
}

// ClockLag is how far Discord's clock is behind ours.
func (b *Bot) ClockLag() (last, most time.Duration) { return b.client.ClockLag() }
