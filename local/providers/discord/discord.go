// Package discord is a fake server of Discord's API for messages, of bots and of
// webhooks: it keeps what it is given, behaves as version 10 does, and is
// strict with its callers.
package discord

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/chat"
	"example.com/integrations/local/providers/faults"
)

// An Account is whom a token is of.
type Account struct {
	ID   string // a snowflake
	Name string
	// Bot says that it comes with the scheme Bot; else it is a person.
	Bot bool
}

// A Channel, or a thread of one.
type Channel struct {
	ID, Name string
	// Parent is the channel that a thread is in.
	Parent string
	// Archived is said of threads.
	Archived bool
	// Forum says that it takes no messages of its own, only threads.
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

// Config says what the fake server has and who may use it.
type Config struct {
	Dir      string
	SpecPath string // Discord's OpenAPI description; without it only the own checks apply
	Limits   bool   // enforce limits such as the real ones
	Accounts map[string]Account
	// PersonToken is the token of the person who posts and deletes on the page;
	// without it the page only shows.
	PersonToken string
	Channels    []Channel
	Webhooks    []Webhook
	// OldEdits is how many edits of messages older than an hour a channel takes
	// within OldWindow; 0 sets no limit unless Limits is on.
	OldEdits int
	// Now replaces the clock.
	Now func() time.Time
}

// OldWindow is how long edits of old messages are counted. Discord publishes
// neither this nor how many there may be.
const OldWindow = 20 * time.Second

// A Server is the fake server. It survives the death of its process.
type Server struct {
	*chat.Chat
	config   Config
	contract *providers.Contract
	limiter  *chat.Limiter
	old      *chat.Limiter
	faults   *faults.Kit

	lock sync.RWMutex
	// channels and webhooks are replaced as a whole, and never changed.
	channels []Channel
	webhooks []Webhook
	// archived are the ids of threads that messages opened and that are archived.
	archived map[string]bool
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

	s := &Server{
		config: config, channels: config.Channels, webhooks: config.Webhooks, contract: contract, archived: map[string]bool{}, limiter: chat.NewLimiter(config.Limits, config.Now), old: chat.NewLimiter(config.OldEdits > 0, config.Now),
	}
	s.faults = faults.New(faults.Discord(), s.hooks())
	dialect := chat.Dialect{
		Faults: s.faults,
		Name:   "Discord", File: "discord.jsonl", NextID: nextID, Draw: draw, Typed: typed,
		Person: config.Accounts[config.PersonToken].Name, Prefix: "/api/", API: s.API(), Known: s.known,
	}
	for _, c := range config.Channels {
		dialect.Channels = append(dialect.Channels, chat.Place{ID: c.ID, Name: "#" + c.Name})
	}

	var err error
	if s.Chat, err = chat.Open(config.Dir, dialect, config.Now); err != nil {
		return nil, err
	}

	return s, nil
}

// known makes the person of whoever comes with a token of nobody's. A person's
// token has no scheme.
func (s *Server) known(r *http.Request) {
	providers.AnyBearer(s.config.Accounts, s.config.PersonToken)(r)
	if s.config.PersonToken != "" && r.Header.Get("Authorization") == "Bot "+s.config.PersonToken {
		r.Header.Set("Authorization", s.config.PersonToken)
	}
}

// API is what is served under discord.com.
func (s *Server) API() http.Handler { return s.faults.Wrap(http.HandlerFunc(s.serveAPI)) }

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

func (s *Server) channel(id string) *Channel {
	s.lock.RLock()
	defer s.lock.RUnlock()

	i := slices.IndexFunc(s.channels, func(c Channel) bool { return c.ID == id })
	if i >= 0 {
		return &s.channels[i]
	}

	if thread := s.Opened(id); thread != nil {
		return &Channel{ID: id, Name: thread.Name, Parent: thread.Parent, Archived: s.archived[id]}
	}

	return nil
}

func (s *Server) webhook(id string) *Webhook {
	all := s.allWebhooks()
	i := slices.IndexFunc(all, func(w Webhook) bool { return w.ID == id && !w.Off })
	if i < 0 {
		return nil
	}
	return &all[i]
}

func (s *Server) allWebhooks() []Webhook {
	s.lock.RLock()
	defer s.lock.RUnlock()

	return s.webhooks
}

// Rename gives a channel another name until the fake server is closed. Its id and
// its messages stay.
func (s *Server) Rename(id, name string) {
	s.lock.Lock()
	defer s.lock.Unlock()

	s.channels = slices.Clone(s.channels)
	for i := range s.channels {
		if s.channels[i].ID == id {
			s.channels[i].Name = name
		}
	}
}

// MoveWebhook leads a webhook to another channel until the fake server is closed,
// as a person can in the channel's settings. Id and token stay.
func (s *Server) MoveWebhook(id, channel string) {
	s.changeWebhook(id, func(w *Webhook) { w.Channel = channel })
}

// DeleteWebhook deletes a webhook until the fake server is closed.
func (s *Server) DeleteWebhook(id string) {
	s.changeWebhook(id, func(w *Webhook) { w.Off = true })
}

func (s *Server) changeWebhook(id string, change func(*Webhook)) {
	s.lock.Lock()
	defer s.lock.Unlock()

	s.webhooks = slices.Clone(s.webhooks)
	for i := range s.webhooks {
		if s.webhooks[i].ID == id {
			change(&s.webhooks[i])
		}
	}
}
