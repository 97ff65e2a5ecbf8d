package discord

import "example.com/integrations/shared/connector/answers"

// codes is where Discord lists its codes.
const codes = "https://discord.com/developers/docs/topics/opcodes-and-status-codes#json"

// stop is a row for a code.
func stop(code, means, detail string) answers.Refusal {
	return answers.Refusal{Code: code, Means: means, Detail: detail, Source: codes}
}

// refusals are the answers that concern the token, the webhook or the channel as
// a whole. Every other refusal of a write concerns one item.
var refusals = []answers.Refusal{
	stop("10003", "target_not_found", "the channel or thread does not exist"),
	stop("10004", "target_not_found", "the server does not exist, or the bot is not in it"),
	stop("10015", "target_not_found", "the webhook was deleted"),
	stop("40001", "credentials_rejected", "the token is not valid"),
	stop("40002", "credentials_rejected", "the account must be verified"),
	stop("50001", "forbidden", "the bot may not see the channel"),
	stop("50008", "target_not_found", "the channel is of a kind that takes no messages"),
	stop("50013", "forbidden", "the bot lacks a permission: it needs View Channel, Send Messages, Embed Links and Read Message History"),
	stop("50014", "credentials_rejected", "the token is not valid"),
	stop("50024", "target_not_found", "the channel is of a kind that takes no messages"),
	stop("50027", "credentials_rejected", "the webhook's token is not valid"),
	stop("40067", "tag_required", "the forum wants a tag on each new thread: switch that off in its settings, or give thread_id"),
	stop("220001", "thread_required", "the channel is a forum: give thread_id, or thread_name for a thread of each item"),
	stop("220003", "not_a_forum", "only in a forum can a webhook open threads: leave thread_name out, or use the webhook of a forum"),
	{Status: 401, Challenge: true, Means: "credentials_rejected", Source: "https://discord.com/developers/docs/topics/opcodes-and-status-codes#http"},
	{Status: 404, Creates: true, Means: "target_not_found", Source: "https://discord.com/developers/docs/topics/opcodes-and-status-codes#http"},
}
