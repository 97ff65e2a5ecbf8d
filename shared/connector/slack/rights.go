package slack

import (
	"slices"

	"example.com/integrations/shared/connector"
)

const methods = "https://docs.slack.dev/reference/methods/"

// Needs is what Slack asks a bot for before it does each of our calls.
var Needs = []connector.Need{
	{Call: "GET /auth.test", When: "the check: find out whose token it is and which scopes it has", Right: "any token", Source: methods + "auth.test"},
	{Call: "GET /conversations.info", When: "find out which channel it is", Right: "`channels:read`, for a private channel `groups:read`", Source: methods + "conversations.info"},
	{Check: checkWrite, Call: "POST /chat.postMessage", When: "post", Right: "`chat:write`, the bot is in the channel (or `chat:write.public`)", Source: methods + "chat.postMessage"},
	{Check: checkWrite, Call: "POST /chat.update", When: "edit the bot's own message", Right: "`chat:write`", Source: methods + "chat.update"},
	{Check: checkWrite, Call: "POST /chat.delete", When: "take a reply back that Slack has posted into the channel, because the item's message was deleted (`on_update: reply`)", Right: "`chat:write`", Source: methods + "chat.delete"},
	{Check: checkHistory, Call: "GET /conversations.replies", When: "look for a reply whose post was not answered (`on_update: reply`)", Right: "`channels:history`, for a private channel `groups:history`; the bot is in the channel", Source: methods + "conversations.replies"},
	{Check: checkHistory, Call: "GET /conversations.history", When: "look for a message whose post was not answered", Right: "`channels:history`, for a private channel `groups:history`; the bot is in the channel", Source: methods + "conversations.history"},
}

// mayWrite reports whether the bot may post: by its scopes, and by whether it is in
// the channel. Where the channel is not known, neither is that.
func mayWrite(scopes []string, told bool, ch channel, target connector.Check) connector.Check {
	anywhere := slices.Contains(scopes, "chat:write.public")
	switch check := scoped(checkWrite, "write_not_allowed", told, slices.Contains(scopes, "chat:write")); {
	case target.OK != nil && !*target.OK:
		return connector.Refused(checkWrite, *target.Code).With("The channel takes no messages of the bot.")
	case check.OK != nil && !*check.OK:
		return check.With("The token lacks the scope chat:write.")
	case ch.known && !ch.Member && !anywhere:
		return connector.Refused(checkWrite, "not_in_channel").With("The bot is not in the channel. Invite it there.")
	case ch.known && !ch.Member && ch.Private:
		return connector.Refused(checkWrite, "not_in_channel").With("The bot is not in the private channel. Invite it there.")
	case !ch.known && check.Holds():
		return connector.Undecided(checkWrite, connector.NotTold).With("Without the scope channels:read (groups:read) Slack does not say whether the bot is in the channel.")
	default:
		return check
	}
}

// mayLook reports whether a lost message can be looked for. A channel of which
// nothing is known may be public or private, which have scopes of their own, and
// the bot may be in it or not.
func mayLook(scopes []string, told bool, ch channel, target connector.Check) connector.Check {
	public := slices.Contains(scopes, "channels:history")
	private := slices.Contains(scopes, "groups:history")
	needed := "channels:history"
	granted := public
	if ch.Private {
		needed = "groups:history"
		granted = private
	}

	switch {
	case !ch.known && target.OK != nil && !*target.OK:
		return connector.Refused(checkHistory, *target.Code).With("There is no such channel, or the bot may not see it.")
	case ch.known && !ch.Member:
		return connector.Refused(checkHistory, "not_in_channel").With("The bot is not in the channel. Invite it there.")
	case ch.known && told && !granted:
		return connector.Refused(checkHistory, "history_not_allowed").With("The token lacks the scope " + needed + ".")
	case told && !public && !private:
		return connector.Refused(checkHistory, "history_not_allowed").With("The token lacks the scope channels:history (groups:history for a private channel).")
	case !ch.known:
		return connector.Undecided(checkHistory, connector.NotTold).With("Slack does not say whether the bot is in the channel, and whether that is private.")
	}

	return scoped(checkHistory, "history_not_allowed", told, granted)
}
