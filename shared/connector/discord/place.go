package discord

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// instance is Discord's name of itself: it has one server.
const instance = "discord.com"

// A place is the channel that calls go to: the configured one, until a resolved one
// is used.
type place struct {
	baseURL string // of the API, without a trailing slash
	channel string // the id in the configuration
	used    atomic.Pointer[string]
}

// id is the id of the channel that calls go to.
func (p *place) id() string {
	if used := p.used.Load(); used != nil {
		return *used
	}
	return p.channel
}

// use makes later calls go to a channel that was resolved before.
func (p *place) use(resolved connector.Place) {
	if !snowflake.MatchString(resolved.ID) {
		return
	}

	id := resolved.ID
	p.used.Store(&id)
}

// address is where a channel is in the API.
func (p *place) address(id string) string { return p.baseURL + "/channels/" + id }

// nonce is a name as a nonce: 120 bits in 24 characters: Discord takes 25. It is another one in
// each channel, for Discord looks for a nonce in all of them.
func (p *place) nonce(name string) string {
	sum := sha256.Sum256([]byte(p.id() + " " + name))
	return base32.StdEncoding.EncodeToString(sum[:15])
}

// A spot is what we read of a channel or a webhook to name the place.
type spot struct {
	ID        string  `json:"id"`
	ChannelID *string `json:"channel_id"` // of a webhook
	GuildID   *string `json:"guild_id"`   // none in a direct message
	Name      *string `json:"name"`       // null where there is none
}

// parseSpot reads a channel or, where hook is true, a webhook.
func parseSpot(body []byte, hook bool) (spot, bool) {
	var s spot
	if err := json.Unmarshal(body, &s); err != nil || !snowflake.MatchString(s.ID) {
		return spot{}, false
	}

	if hook && (s.ChannelID == nil || !snowflake.MatchString(*s.ChannelID)) {
		return spot{}, false
	}

	return s, true
}

// page is the address of a channel in the guild, "" outside of one.
func (s spot) page(channel string) string {
	if s.GuildID == nil || !snowflake.MatchString(*s.GuildID) {
		return ""
	}
	return "https://discord.com/channels/" + *s.GuildID + "/" + channel
}

// label is the name as the channel list shows it, "" where there is none.
func (s spot) label() string {
	if s.Name == nil {
		return ""
	}
	return strings.TrimSpace(*s.Name)
}

// Resolve reads the channel. It keeps its id when it is renamed or moved to
// another category (https://discord.com/developers/docs/resources/channel#get-channel).
func (b *Bot) Resolve(ctx context.Context) (connector.Place, error) {
	response, err := b.get(ctx, b.place.address(b.place.channel), 0)
	if err != nil {
		return connector.Place{}, connector.OfPlace(unseen(err))
	}

	found, ok := parseSpot(response.Body, false)
	if !ok {
		return connector.Place{}, b.noPlace("channel", response)
	}

	name := found.ID
	if label := found.label(); label != "" {
		name = "#" + label
	}

	p := connector.Place{Instance: instance, ID: found.ID, Name: b.client.Clean(name), URL: found.page(found.ID)}
	b.place.use(p)

	return p, nil
}

// Resolve reads the webhook, which names itself and its channel
// (https://discord.com/developers/docs/resources/webhook#get-webhook-with-token).
// A webhook that was led to another channel is another place.
func (w *Webhook) Resolve(ctx context.Context) (connector.Place, error) {
	response, err := w.get(ctx, w.cfg.URL, 0)
	if err != nil {
		return connector.Place{}, connector.OfPlace(err)
	}

	found, ok := parseSpot(response.Body, true)
	if !ok {
		return connector.Place{}, w.noPlace("webhook", response)
	}

	id := found.ID + "/" + *found.ChannelID
	if w.cfg.Thread != "" {
		id += "/" + w.cfg.Thread
	}

	page := found.page(cmp.Or(w.cfg.Thread, *found.ChannelID))
	p := connector.Place{Instance: instance, ID: id, Name: w.client.Clean(cmp.Or(found.label(), found.ID)), URL: page}
	w.Use(p)

	return p, nil
}

func (c *core) noPlace(what string, response outbound.Response) *failure.Error {
	return c.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "Discord's answer is not a "+what, response)
}

// unseen says of a channel that the bot may not see that it is not found. A
// token that Discord does not know is answered 401.
func unseen(err error) error {
	var e *failure.Error
	if errors.As(err, &e) && e.Status == http.StatusForbidden && e.Code == "forbidden" {
		e.Code = "target_not_found"
	}
	return err
}
