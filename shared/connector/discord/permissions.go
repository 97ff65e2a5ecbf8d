package discord

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
)

// The permissions that our calls need
// (https://discord.com/developers/docs/topics/permissions#permissions-bitwise-permission-flags).
const (
	administrator  = 1 << 3
	viewChannel    = 1 << 10
	sendMessages   = 1 << 11
	embedLinks     = 1 << 14
	readHistory    = 1 << 16
	createThreads  = 1 << 35
	sendInThreads  = 1 << 38
	allPermissions = 1<<63 - 1
)

// permissionNames are the permissions as a server's administrators know them.
var permissionNames = []struct {
	bit  int64
	name string
}{
	{viewChannel, "View Channel"}, {sendMessages, "Send Messages"}, {sendInThreads, "Send Messages in Threads"}, {embedLinks, "Embed Links"},
	{readHistory, "Read Message History"},
}

// The types of channels that are threads.
var threadTypes = []int{10, 11, 12}

const (
	permissionSource = "https://discord.com/developers/docs/topics/permissions"
	messageSource    = "https://discord.com/developers/docs/resources/message"
	guildSource      = "https://discord.com/developers/docs/resources/guild"
)

// Needs is what Discord asks a bot for before it does each of our calls.
var Needs = []connector.Need{
	{Call: "GET /users/@me", When: "the check: find out whose token it is", Right: "any bot", Source: "https://discord.com/developers/docs/resources/user#get-current-user"},
	{Call: "GET /channels/{id}", When: "find out which channel it is", Right: "*View Channel*", Source: "https://discord.com/developers/docs/resources/channel#get-channel"},
	{Call: "GET /guilds/{id}/members/{user}", When: "the check: read the bot's roles", Right: "the bot is in the server", Source: guildSource + "#get-guild-member"},
	{Call: "GET /guilds/{id}/roles", When: "the check: read what the roles allow", Right: "the bot is in the server", Source: guildSource + "#get-guild-roles"},
	{Check: checkWrite, Call: "POST /channels/{id}/messages", When: "post", Right: "*View Channel*, *Send Messages* (in a thread *Send Messages in Threads*), *Embed Links*", Source: messageSource + "#create-message"},
	{Check: checkReply, Call: "POST /channels/{id}/messages/{message}/threads", When: "make the thread for replies (`on_update: reply`)", Right: "*Create Public Threads*, *Send Messages in Threads*; without them replies go into the channel", Source: "https://discord.com/developers/docs/resources/channel#start-thread-from-message"},
	{Check: checkWrite, Call: "PATCH /channels/{id}/messages/{message}", When: "edit the bot's own message", Right: "*View Channel*", Source: messageSource + "#edit-message"},
	{Check: checkHistory, Call: "GET /channels/{id}/messages", When: "look for a message whose post was not answered", Right: "*View Channel*, *Read Message History*", Source: messageSource + "#get-channel-messages"},
	{Check: checkHistory, Call: "GET /channels/{id}/messages/{message}", When: "make sure that an empty list is no hidden one", Right: "*View Channel*, *Read Message History*", Source: messageSource + "#get-channel-message"},
}

// Bits are permissions: Discord writes them as text.
type bits int64

// UnmarshalJSON reads a number in text.
func (b *bits) UnmarshalJSON(raw []byte) error {
	n, err := strconv.ParseInt(strings.Trim(string(raw), `"`), 10, 64)
	*b = bits(n)

	return err
}

// An overwrite changes what a role (type 0) or a member (type 1) may do in a
// channel.
type overwrite struct {
	ID    string `json:"id"`
	Type  int    `json:"type"`
	Allow bits   `json:"allow"`
	Deny  bits   `json:"deny"`
}

// A guildMember is what we read of the bot as a member of the server.
type guildMember struct {
	Roles []string  `json:"roles"`
	Until time.Time `json:"communication_disabled_until"`
}

// A guildRole is a role and what it allows.
type guildRole struct {
	ID          string `json:"id"`
	Permissions bits   `json:"permissions"`
}

// standing is what decides what the bot may do in a channel.
type standing struct {
	guild, bot string
	member     guildMember
	roles      []guildRole
	overwrites []overwrite
}

// permissions computes what the bot may do, as Discord documents it
// (https://discord.com/developers/docs/topics/permissions#permission-overwrites):
// what its roles allow in the server, then the overwrites of everyone, of its
// roles together, and its own.
func (s standing) permissions(now time.Time) int64 {
	var base bits
	for _, r := range s.roles {
		if r.ID == s.guild || slices.Contains(s.member.Roles, r.ID) {
			base |= r.Permissions
		}
	}

	if base&administrator != 0 {
		return allPermissions
	}

	var roleAllow, roleDeny, ownAllow, ownDeny bits
	for _, o := range s.overwrites {
		switch {
		case o.Type == 0 && o.ID == s.guild:
			base = base&^o.Deny | o.Allow
		case o.Type == 0 && slices.Contains(s.member.Roles, o.ID):
			roleAllow |= o.Allow
			roleDeny |= o.Deny
		case o.Type == 1 && o.ID == s.bot:
			ownAllow = o.Allow
			ownDeny = o.Deny
		}
	}

	base = base&^roleDeny | roleAllow
	base = base&^ownDeny | ownAllow

	if s.member.Until.After(now) { // a time-out
		base &= viewChannel | readHistory
	}

	if base&viewChannel == 0 {
		return 0
	}

	return int64(base)
}

// rights finds out which of our calls Discord would accept.
type rights struct {
	core    *core
	place   *place
	lists   *lists
	replies bool // whether changes are said below the message
}

// standing reads what decides what the bot may do in a channel. A thread has the
// overwrites of its channel.
func (r *rights) standing(ctx context.Context, bot string, ch channel) (standing, error) {
	s := standing{guild: ch.Guild, bot: bot, overwrites: ch.Overwrites}
	if !snowflake.MatchString(ch.Guild) || !snowflake.MatchString(bot) {
		return s, errNotTold
	}

	if slices.Contains(threadTypes, ch.Type) {
		if !snowflake.MatchString(ch.Parent) {
			return s, errNotTold
		}

		var parent channel
		if err := r.readInto(ctx, r.place.address(ch.Parent), &parent); err != nil {
			return s, err
		}

		s.overwrites = parent.Overwrites
	}

	guild := r.place.baseURL + "/guilds/" + ch.Guild
	if err := r.readInto(ctx, guild+"/members/"+bot, &s.member); err != nil {
		return s, err
	}

	if err := r.readInto(ctx, guild+"/roles", &s.roles); err != nil {
		return s, err
	}

	if !slices.ContainsFunc(s.roles, func(r guildRole) bool { return r.ID == ch.Guild }) {
		return s, errNotTold
	}

	return s, nil
}

// errNotTold says that Discord's answer leaves out what decides.
var errNotTold = &failure.Error{Class: failure.Final, Scope: failure.IntegrationScope, Code: connector.NotTold}

// readInto reads an answer into a value.
func (r *rights) readInto(ctx context.Context, where string, into any) error {
	response, err := r.core.get(ctx, where, pageBody)
	if err != nil {
		return err
	}
	if json.Unmarshal(response.Body, into) != nil {
		return errNotTold
	}

	return nil
}

// all are the checks of what the bot may do in the channel. The second return
// value says whether Discord told enough.
func (r *rights) all(ctx context.Context, bot string, ch channel) (checks []connector.Check, told bool) {
	s, err := r.standing(ctx, bot, ch)
	if err != nil {
		return nil, false
	}

	granted := s.permissions(r.core.now())
	send := int64(sendMessages)
	if slices.Contains(threadTypes, ch.Type) {
		send = sendInThreads
	}

	checks = append(checks,
		grants(checkWrite, "write_not_allowed", granted, viewChannel|send|embedLinks),
		grants(checkHistory, "history_not_allowed", granted, viewChannel|readHistory))
	if r.replies {
		checks = append(checks, mayReply(ch, granted))
	}

	return checks, true
}

// mayReply says where replies go. Whoever may post may reply.
func mayReply(ch channel, granted int64) connector.Check {
	passed := connector.Passed(checkReply)
	switch {
	case slices.Contains(threadTypes, ch.Type):
		return passed.With("The channel is a thread, so replies go into it and not into threads of their own.")
	case granted&createThreads == 0 || granted&sendInThreads == 0:
		return passed.With("Replies go into the channel: for threads the bot lacks Create Public Threads or Send Messages in Threads.")
	}

	return passed
}

// grants compares permissions with those that a call needs.
func grants(name, code string, granted, needed int64) connector.Check {
	var lacking []string
	for _, p := range permissionNames {
		if needed&p.bit != 0 && granted&p.bit == 0 {
			lacking = append(lacking, p.name)
		}
	}

	if len(lacking) > 0 {
		return connector.Refused(name, code).With("The bot lacks " + strings.Join(lacking, ", ") + " in the channel.")
	}

	return connector.Passed(name)
}
