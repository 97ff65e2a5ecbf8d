package discord

import (
	"slices"
	"strconv"
	"sync"

	"example.com/integrations/local/providers/chat"
)

// guildID is the id of the one guild that all channels belong to.
const guildID = "1100000000000000001"

// The permissions that are enforced
// (https://discord.com/developers/docs/topics/permissions#permissions-bitwise-permission-flags).
const (
	viewChannel   = 1 << 10
	sendMessages  = 1 << 11
	embedLinks    = 1 << 14
	readHistory   = 1 << 16
	sendInThreads = 1 << 38
)

// guild holds the channels, threads, webhooks and accounts, and their permissions.
type guild struct {
	accounts map[string]Account
	channels *chat.Registry[Channel]
	webhooks *chat.Registry[Webhook]
	chat     *chat.Chat

	lock sync.RWMutex
	// archived are the ids of archived threads that messages opened.
	archived map[string]bool
}

func newGuild(config Config, c *chat.Chat) *guild {
	return &guild{
		accounts: config.Accounts,
		channels: chat.NewRegistry(config.Channels, func(c Channel) string { return c.ID }),
		webhooks: chat.NewRegistry(config.Webhooks, func(w Webhook) string { return w.ID }),
		chat:     c,
		archived: map[string]bool{},
	}
}

// channel is a channel or a thread, nil if there is none with the id.
func (g *guild) channel(id string) *Channel {
	if found := g.channels.Get(id); found != nil {
		return found
	}

	thread := g.chat.Opened(id)
	if thread == nil {
		return nil
	}

	g.lock.RLock()
	defer g.lock.RUnlock()

	return &Channel{ID: id, Name: thread.Name, Parent: thread.Parent, Archived: g.archived[id]}
}

// webhook is a webhook that was not deleted, nil if there is none with the id.
func (g *guild) webhook(id string) *Webhook {
	found := g.webhooks.Get(id)
	if found == nil || found.Off {
		return nil
	}

	return found
}

// Rename gives a channel another name until the fake server is closed. Its id and
// its messages stay.
func (g *guild) Rename(id, name string) {
	g.channels.Change(id, func(c *Channel) { c.Name = name })
}

// MoveWebhook leads a webhook to another channel until the fake server is closed,
// as a person can in the channel's settings. Id and token stay.
func (g *guild) MoveWebhook(id, channel string) {
	g.webhooks.Change(id, func(w *Webhook) { w.Channel = channel })
}

// DeleteWebhook deletes a webhook until the fake server is closed.
func (g *guild) DeleteWebhook(id string) {
	g.webhooks.Change(id, func(w *Webhook) { w.Off = true })
}

// Archive archives a thread that a message opened, until the fake server is closed.
// Discord does so after days without a message. With false it opens the thread again,
// as a new message does.
func (g *guild) Archive(thread string, archived bool) {
	g.lock.Lock()
	defer g.lock.Unlock()

	g.archived[thread] = archived
}

// governing is the channel whose permissions count: a thread has those of its
// channel.
func (g *guild) governing(where *Channel) *Channel {
	if parent := g.channel(where.Parent); parent != nil {
		return parent
	}

	return where
}

// silenced reports whether an account may not write in a channel or thread.
func (g *guild) silenced(where *Channel, id string) bool {
	if where.Parent != "" {
		return slices.Contains(g.governing(where).NoThreads, id)
	}

	return slices.Contains(where.Mute, id)
}

func (g *guild) isBot(id string) bool {
	for _, account := range g.accounts {
		if account.ID == id {
			return account.Bot
		}
	}
	return false
}

func (g *guild) user(id, name string, bot bool) object {
	value := object{"id": id, "username": name, "avatar": nil, "discriminator": "0000", "public_flags": 0, "flags": 0, "global_name": nil, "primary_guild": nil}
	if bot {
		value["bot"] = true
	}
	return value
}

// viewChannel is a channel or thread as Discord shows it.
func (g *guild) viewChannel(where *Channel) object {
	value := object{"id": where.ID, "type": 0, "name": where.Name, "guild_id": guildID, "flags": 0, "position": 0, "last_message_id": nil, "permission_overwrites": overwrites(where)}
	if last := g.chat.Last(where.ID); last != "" { // it may be deleted by now
		value["last_message_id"] = last
	}

	if where.Forum {
		value["type"] = 15
	}

	if where.Parent != "" {
		value["type"] = 11
		value["parent_id"] = where.Parent
		delete(value, "position")
		delete(value, "permission_overwrites")
		at := g.chat.Now().Format(stamp)
		value["owner_id"] = guildID
		value["message_count"] = 0
		value["member_count"] = 1
		value["total_message_sent"] = 0
		value["rate_limit_per_user"] = 0
		value["thread_metadata"] = object{"archived": where.Archived, "archive_timestamp": at, "auto_archive_duration": 1440, "locked": false, "create_timestamp": at}
	}

	return value
}

// overwrites are the permissions of a channel as the API shows them.
func overwrites(where *Channel) []object {
	list := []object{}
	add := func(id string, kind int, allow, deny int64) {
		list = append(list, object{"id": id, "type": kind, "allow": strconv.FormatInt(allow, 10), "deny": strconv.FormatInt(deny, 10)})
	}
	if where.Members != nil {
		add(guildID, 0, 0, viewChannel)
	}

	denied := map[string]int64{}
	for bit, ids := range map[int64][]string{sendMessages: where.Mute, readHistory: where.Unread, embedLinks: where.NoEmbeds, sendInThreads: where.NoThreads, createThreads: where.NoNewThreads} {
		for _, id := range ids {
			denied[id] |= bit
		}
	}

	allowed := map[string]int64{}
	for _, id := range where.Members {
		allowed[id] = viewChannel
	}

	for id, deny := range denied {
		add(id, 1, allowed[id], deny)
		delete(allowed, id)
	}

	for id, allow := range allowed {
		add(id, 1, allow, 0)
	}

	return list
}
