package discord

import (
	"net/http"
	"strconv"
)

func (s *Server) me(c *call) result {
	value := s.user(c.account.ID, c.account.Name, c.account.Bot)
	value["mfa_enabled"] = false
	value["locale"] = "en-US"
	value["verified"] = true
	value["email"] = nil
	return result{status: http.StatusOK, value: value}
}

func (s *Server) showWebhook(c *call) result {
	return result{status: http.StatusOK, value: object{
		"application_id": nil, "avatar": nil, "channel_id": c.webhook.Channel, "guild_id": guildID, "id": c.webhook.ID, "name": c.webhook.Name,
		"type": 1, "token": c.webhook.Token, "url": "https://discord.com/api/webhooks/" + c.webhook.ID + "/" + c.webhook.Token,
	}}
}

func (s *Server) showChannel(c *call) result {
	where, refused := s.target(c)
	if refused != nil {
		return *refused
	}
	return result{status: http.StatusOK, value: s.viewChannel(where)}
}

// member is an account as a member of the server.
func (s *Server) member(c *call) result {
	if c.parts[1] != guildID {
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

// roles are those of the server: the permissions of everyone.
func (s *Server) roles(c *call) result {
	if c.parts[1] != guildID {
		return refuse(http.StatusNotFound, 10004, "Unknown Guild")
	}

	everyone := int64(viewChannel | sendMessages | embedLinks | readHistory | sendInThreads)

	return result{status: http.StatusOK, value: []object{{
		"id": guildID, "name": "@everyone", "permissions": strconv.FormatInt(everyone, 10), "position": 0, "color": 0, "hoist": false, "managed": false,
		"mentionable": false, "flags": 0,
	}}}
}
