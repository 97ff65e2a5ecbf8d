// Package discord is a fake server of Discord's API for messages, of bots and of
// webhooks. It keeps messages, answers as version 10 does, and checks strictly what
// its callers send.
package discord

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/chat"
)

// An Account is the owner of a token.
type Account struct {
	ID   string // a snowflake
	Name string
	// Bot says that its token has the scheme Bot. Others are people.
	Bot bool
}

// A Channel, or a thread of one.
type Channel struct {
	ID, Name string
	// Parent is the channel that a thread is in.
	Parent string
	// Archived says that a thread is archived.
	Archived bool
	// Forum says that it has threads only, and no messages of its own.
	Forum bool
	// RequireTag says that each new thread of a forum must have a tag.
	RequireTag bool
	// Members lists the ids of those who see it; nil is everyone.
	Members []string
	// Mute lists the ids of those who may not write in it.
	Mute []string
	// Unread lists the ids of those who may not read its history.
	Unread []string
	// NoEmbeds lists the ids of those whose messages may have no embeds.
	NoEmbeds []string
	// NoThreads lists the ids of those who may not write in its threads.
	NoThreads []string
	// NoNewThreads lists the ids of those who may not open threads in it.
	NoNewThreads []string
}

// A Webhook of a channel.
type Webhook struct {
	ID, Token string
	Channel   string // its id
	Name      string // as people see it
	// Off says that it was deleted.
	Off bool
}

// Config is what the fake server has, and its accounts.
type Config struct {
	Dir      string
	SpecPath string // Discord's OpenAPI description; without it only our own checks apply
	Limits   bool   // enforce limits like the real ones
	Accounts map[string]Account
	// PersonToken is the token of the person who posts and deletes on the page;
	// without it the page only shows.
	PersonToken string
	Channels    []Channel
	Webhooks    []Webhook
	// OldEdits is how many edits of messages older than an hour a channel allows
	// within OldWindow. 0 sets no limit unless Limits is on.
	OldEdits int
	// Now replaces the clock.
	Now func() time.Time
}

// OldWindow is how long edits of old messages are counted. Discord publishes neither
// this time nor the number of edits.
const OldWindow = 20 * time.Second

// A Server is the fake server. Its messages survive the end of its process.
type Server struct {
	*chat.Chat
	*guild
	config   Config
	contract *providers.Contract
	limiter  *chat.Limiter
	messages *messages
}

// Open returns the fake server with all that the journal in config.Dir holds.
func Open(config Config) (*Server, error) {
	contract, err := providers.LoadContract(config.SpecPath)
	if err != nil {
		return nil, fmt.Errorf("the fake server of Discord: %w", err)
	}

	return open(config, contract)
}

func open(config Config, contract *providers.Contract) (*Server, error) {
	if config.Limits && config.OldEdits == 0 {
		config.OldEdits = 3
	}

	s := &Server{config: config, contract: contract, limiter: chat.NewLimiter(config.Limits, config.Now)}
	s.messages = &messages{Server: s, old: chat.NewLimiter(config.OldEdits > 0, config.Now), oldEdits: config.OldEdits}
	dialect := chat.Dialect{
		Name: "Discord", NextID: nextID, Draw: draw, Typed: typed,
		Person: config.Accounts[config.PersonToken].Name, Known: s.known,
		API: http.HandlerFunc(s.serveAPI), Prefix: "/api/", MaxBody: maxRequest, Broken: broken, Faults: s.kit,
	}
	for _, c := range config.Channels {
		dialect.Channels = append(dialect.Channels, chat.Place{ID: c.ID, Name: "#" + c.Name})
	}

	var err error
	s.Chat, err = chat.Open(config.Dir, dialect, config.Now)
	if err != nil {
		return nil, err
	}

	s.guild = newGuild(config, s.Chat)

	return s, nil
}

// known turns an unknown token into the person's. A person's token has no scheme.
func (s *Server) known(r *http.Request) {
	providers.AnyBearer(s.config.Accounts, s.config.PersonToken)(r)
	if s.config.PersonToken != "" && r.Header.Get("Authorization") == "Bot "+s.config.PersonToken {
		r.Header.Set("Authorization", s.config.PersonToken)
	}
}

// epoch is when Discord's time begins, in milliseconds.
const epoch = 1420070400000

// nextID is a snowflake that no message of the channel has yet.
func nextID(now time.Time, last string) string {
	id := uint64(now.UnixMilli()-epoch) << 22
	if before, err := strconv.ParseUint(last, 10, 64); err == nil && id <= before {
		id = before + 1
	}
	return strconv.FormatUint(id, 10)
}

func number(id string) uint64 {
	n, _ := strconv.ParseUint(id, 10, 64)
	return n
}
