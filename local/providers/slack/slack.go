// Package slack is a fake server of Slack's Web API for messages and of its
// incoming webhooks. It keeps messages, answers as the real ones do, and checks
// strictly what its callers send.
package slack

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/chat"
)

// An Account is the owner of a token.
type Account struct {
	Name string // of the bot or the person
	User string // its id, U…
	// Scopes are what the token was granted.
	Scopes []string
	// Bot says that it is an app's bot user, not a person.
	Bot bool
}

// A Channel of the workspace.
type Channel struct {
	ID, Name string
	Private  bool
	Archived bool
	// Members lists the users who are in it; nil is everyone.
	Members []string
}

// A Hook is an incoming webhook.
type Hook struct {
	Path    string // of its URL, from /services/ on
	Channel string // its id
	App     string // as people see it
	// Off says that it was revoked.
	Off bool
}

// Config is what the fake server has, and its accounts.
type Config struct {
	Dir      string
	Limits   bool // enforce the published limits
	Accounts map[string]Account
	// PersonToken is the token of the person who posts and deletes on the page;
	// without it the page only shows.
	PersonToken string
	Channels    []Channel
	Hooks       []Hook
	// Scarce says that the app is distributed and not in the Marketplace. It gets one
	// page of history in a minute, with 15 messages.
	Scarce bool
	// Interactive says that the app answers interactions, such as a click on a
	// button.
	Interactive bool
	// Now replaces the clock.
	Now func() time.Time
}

// A Server is the fake server. Its messages survive the end of its process.
type Server struct {
	*chat.Chat
	config   Config
	channels *chat.Registry[Channel]
	limiter  *chat.Limiter
	incoming *incoming
}

// Open returns the fake server with all that the journal in config.Dir holds.
func Open(config Config) (*Server, error) {
	s := &Server{
		config:   config,
		channels: chat.NewRegistry(config.Channels, func(c Channel) string { return c.ID }),
		limiter:  chat.NewLimiter(config.Limits, config.Now),
	}
	s.incoming = &incoming{server: s, hooks: config.Hooks}

	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", s.serveMethod)
	mux.HandleFunc("/services/", s.incoming.serve)
	dialect := chat.Dialect{
		Name: "Slack", NextID: nextID, Draw: draw, Typed: typed,
		Person: config.Accounts[config.PersonToken].Name, Known: providers.AnyBearer(config.Accounts, config.PersonToken),
		API: mux, Prefix: "/api/", MaxBody: maxRequest, Broken: broken, Faults: s.kit,
	}
	for _, c := range config.Channels {
		dialect.Channels = append(dialect.Channels, chat.Place{ID: c.ID, Name: "#" + c.Name})
	}

	var err error
	s.Chat, err = chat.Open(config.Dir, dialect, config.Now)
	if err != nil {
		return nil, err
	}

	return s, nil
}

// nextID is a time stamp that no message of the channel has yet.
func nextID(now time.Time, last string) string {
	stamp := now.UnixMicro()
	if before, ok := micros(last); ok && stamp <= before {
		stamp = before + 1
	}
	return fmt.Sprintf("%d.%06d", stamp/1e6, stamp%1e6)
}

// micros reads a time stamp.
func micros(ts string) (int64, bool) {
	seconds, fraction, ok := strings.Cut(ts, ".")
	if !ok {
		fraction = "0"
	}

	whole, err1 := strconv.ParseInt(seconds, 10, 64)
	rest, err2 := strconv.ParseInt((fraction + "000000")[:6], 10, 64)
	return whole*1e6 + rest, err1 == nil && err2 == nil && whole >= 0 && rest >= 0 && whole < 1e12
}

// Rename gives a channel another name until the fake server is closed. Its id and
// its messages stay.
func (s *Server) Rename(id, name string) {
	s.channels.Change(id, func(c *Channel) { c.Name = name })
}

func (c *Channel) has(user string) bool { return c.Members == nil || slices.Contains(c.Members, user) }
