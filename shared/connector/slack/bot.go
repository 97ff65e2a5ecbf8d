package slack

import (
	"cmp"
	gocontext "context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/outbound"
)

// BotConfig is a bot and the channel that it posts into.
type BotConfig struct {
	Look
	BaseURL string // of the API, without a trailing slash; "" is DefaultBaseURL
	Token   string
	Channel string // its id
	// PostUpdates makes a message of each change instead of editing the first.
	PostUpdates bool
	// Replies says changes of state, status and priority in the thread of the
	// message, which is edited.
	Replies bool
}

// A Bot posts into a channel with a bot token. It is safe for use by several
// goroutines.
type Bot struct {
	*client
	lists *lists
	cfg   BotConfig
	// used is the channel of the place that was resolved, nil before.
	used atomic.Pointer[string]
}

// A client calls the methods of Slack's API with a bot token.
type client struct {
	core
	baseURL string // of the API, without a trailing slash
	token   string
}

// NewBot makes a bot that asks through http, which must be pinned to the
// API's host. A nil clock is the system's.
func NewBot(cfg BotConfig, http *outbound.Client, now func() time.Time) *Bot {
	calls := &client{
		core:    newCore(cfg.Look, http, now),
		baseURL: strings.TrimSuffix(cmp.Or(cfg.BaseURL, DefaultBaseURL), "/"),
		token:   cfg.Token,
	}

	return &Bot{client: calls, lists: &lists{client: calls, sizes: paging.Usual()}, cfg: cfg}
}

// DeliveryMode says whether messages are edited.
func (b *Bot) DeliveryMode() connector.DeliveryMode {
	return connector.DeliveryMode{Edits: !b.cfg.PostUpdates, Replies: b.cfg.Replies, DigestOver: b.digestOver}
}

// Create posts the item.
func (b *Bot) Create(ctx gocontext.Context, c connector.Content, m connector.Marker) (connector.Written, error) {
	a, err := b.post(ctx, created(b.compose(c)), m)
	return written(a.Channel, a.TS, c), err
}

// Digest posts the digest. Who looks for it finds it like an item's message.
func (b *Bot) Digest(ctx gocontext.Context, d connector.Digest, m connector.Marker) (connector.Written, error) {
	a, err := b.post(ctx, created(b.composeDigest(d)), m)
	return written(a.Channel, a.TS, connector.Content{}), err
}

func (b *Bot) post(ctx gocontext.Context, p post, m connector.Marker) (answer, error) {
	p.Channel, p.Metadata = b.where(), metadataOf(m)
	a, err := b.write(ctx, "chat.postMessage", folded(p))
	if err != nil {
		return answer{}, err
	}
	if !stamp.MatchString(a.TS) || !posts(a.response, m) {
		return answer{}, b.foreign(http.MethodPost, a.response)
	}

	a.Channel = cmp.Or(a.Channel, b.where())

	return a, nil
}

// stamp is the time that names a message within its channel.
var stamp = regexp.MustCompile(`^[0-9]{1,12}\.[0-9]{1,9}$`)

// badBlocks are the codes of a message whose blocks Slack does not take
// (https://docs.slack.dev/reference/methods/chat.update#errors).
var badBlocks = []string{"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "invalid_attachments"}

// names reports whether an answer is about a message. What it does not say does
// not count.
func (a answer) names(ts, channel string) bool {
	return (a.TS == "" || a.TS == ts) && (a.Channel == "" || a.Channel == channel)
}

// unknown is for a link that holds no message.
func (b *Bot) unknown() error {
	return b.fail(failure.Final, failure.ItemScope, "remote_unknown", "the link does not hold the time stamp of a message", outbound.Response{})
}

// Update edits the message. One whose blocks Slack does not take is sent again
// without them, so that it says the right thing in plainer form; it is never
// posted anew here. Slack keeps the attachments, and in some cases the blocks, of a
// message that is edited without that member, so both are always given, as empty
// lists where there are none.
func (b *Bot) Update(ctx gocontext.Context, sent connector.Sent, c connector.Content, m connector.Marker) (connector.Written, error) {
	if !stamp.MatchString(sent.Remote.ID) {
		return connector.Written{}, b.unknown()
	}

	channel := cmp.Or(sent.Remote.Key, b.where())
	shown := b.compose(c)
	p := post{Channel: channel, TS: sent.Remote.ID, Text: shown.text, Blocks: shown.blocks, Attachments: shown.attachments, Metadata: metadataOf(m)}
	a, err := b.write(ctx, "chat.update", p)
	if slices.Contains(badBlocks, a.Error) {
		p.Text = whole(c)
		p.Blocks = []block{}
		p.Attachments = []attachment{}
		a, err = b.write(ctx, "chat.update", p)
	}

	switch {
	case err != nil:
		return connector.Written{}, err
	case !editProof.Proven(a.response), !a.names(sent.Remote.ID, channel):
		return connector.Written{}, b.foreign(http.MethodPost, a.response)
	}

	return written(channel, sent.Remote.ID, c), nil
}

// write calls a method. The answer of a refusal is given beside the error.
func (c *client) write(ctx gocontext.Context, method string, p post) (answer, error) {
	return c.send(ctx, method, encode(p))
}

// send calls a method with a body. The answer of a refusal is given beside the
// error.
func (c *client) send(ctx gocontext.Context, method string, body []byte) (answer, error) {
	header := jsonHeader()
	header.Set("Authorization", "Bearer "+c.token)
	response, err := c.http.Do(ctx, outbound.Request{Method: http.MethodPost, URL: c.baseURL + "/" + method, Header: header, Body: body})
	if err != nil {
		return answer{}, err
	}

	return c.read(http.MethodPost, response)
}

// ask calls a method that only reads.
func (c *client) ask(ctx gocontext.Context, method string, query url.Values, maxBody int64) (answer, error) {
	where := c.baseURL + "/" + method
	if len(query) > 0 {
		where += "?" + query.Encode()
	}

	header := http.Header{"Authorization": {"Bearer " + c.token}}
	response, err := c.http.Do(ctx, outbound.Request{Method: http.MethodGet, URL: where, Header: header, MaxBody: maxBody})
	if err != nil {
		return answer{}, err
	}

	a, err := c.read(http.MethodGet, response)
	if err == nil && !listProof.Proven(response) {
		return answer{}, c.foreign(http.MethodGet, response)
	}

	return a, err
}
