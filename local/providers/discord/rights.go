package discord

import (
	"net/http"
	"slices"
	"strconv"
)

// The permissions that are enforced
// (https://discord.com/developers/docs/topics/permissions#permissions-bitwise-permission-flags).
const (
	viewChannel   = 1 << 10
	sendMessages  = 1 << 11
	embedLinks    = 1 << 14
	readHistory   = 1 << 16
	sendInThreads = 1 << 38
)

// governing is the channel whose permissions count: a thread has those of its
// channel.
func (s *Server) governing(where *Channel) *Channel {
	if parent := s.channel(where.Parent); parent != nil {
		return parent
	}

	return where
}

// silenced reports whether somebody may not write in a channel or thread.
func (s *Server) silenced(where *Channel, id string) bool {
	if where.Parent != "" {
		return slices.Contains(s.governing(where).NoThreads, id)
	}

	return slices.Contains(where.Mute, id)
}

// overwrites are the permissions of a channel as the API shows them.
func overwrites(where *Channel) []object {
	list := []object{}
	add := func(id string, kind int, allow, deny int64) {
		list = append(list, object{"id": id, "type": kind, "allow": strconv.FormatInt(allow, 10), "deny": strconv.FormatInt(deny, 10)})
	}
	if where.Members != nil {
		add(guild, 0, 0, viewChannel)
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

// member is an account as a member of the server.
func (s *Server) member(c *call) result {
	if c.parts[1] != guild {
		return refuse(http.StatusNotFound, 10004, "Unknown Guild")
	}

	for _, account := range s.config.Accounts {
		if account.ID == c.parts[3] {
			return result{status: http.StatusOK, value: object{
				"user":  object{"id": account.ID, "username": account.Name, "bot": account.Bot, "discriminator": "0", "global_name": nil, "avatar": nil, "public_flags": 0},
				"roles": []string{}, "joined_at": s.Now().Format(stamp), "deaf": false, "mute": false, "flags": 0, "communication_disabled_until": nil,
			}}
		}
	}

	return refuse(http.StatusNotFound, 10007, "Unknown Member")
}

// roles are those of the server: what everyone may.
func (s *Server) roles(c *call) result {
	if c.parts[1] != guild {
		return refuse(http.StatusNotFound, 10004, "Unknown Guild")
	}

	everyone := int64(viewChannel | sendMessages | embedLinks | readHistory | sendInThreads)

	return result{status: http.StatusOK, value: []object{{
		"id": guild, "name": "@everyone", "permissions": strconv.FormatInt(everyone, 10), "position": 0, "color": 0, "hoist": false, "managed": false,
		"mentionable": false, "flags": 0,
	}}}
}
