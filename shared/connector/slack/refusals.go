package slack

import "example.com/integrations/shared/connector/answers"

// The pages that document Slack's codes.
const (
	postErrors = "https://docs.slack.dev/reference/methods/chat.postMessage#errors"
	hookErrors = "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors"
)

// stop is a row for a code of the Web API.
func stop(code, means, detail string) answers.Refusal {
	return answers.Refusal{Code: code, Means: means, Detail: detail, Source: postErrors}
}

// refusals are the codes of the Web API that concern the token, the app, the
// workspace or the channel as a whole.
var refusals = []answers.Refusal{
	{Status: 401, Challenge: true, Means: "credentials_rejected", Source: "https://www.rfc-editor.org/rfc/rfc9110#status.401"},
	stop("invalid_auth", "credentials_rejected", ""),
	stop("not_authed", "credentials_rejected", ""),
	stop("token_revoked", "credentials_rejected", ""),
	stop("token_expired", "credentials_rejected", ""),
	stop("account_inactive", "credentials_rejected", ""),
	stop("is_inactive", "credentials_rejected", "the token's account or workspace is inactive"),
	stop("org_login_required", "credentials_rejected", ""),
	stop("not_allowed_token_type", "credentials_rejected", ""),
	stop("team_access_not_granted", "credentials_rejected", ""),
	stop("team_not_found", "credentials_rejected", "the token's workspace does not exist"),
	stop("two_factor_setup_required", "credentials_rejected", ""),
	stop("enterprise_is_restricted", "forbidden", "the organization does not let this token use the method"),
	stop("accesslimited", "forbidden", "access to this method is limited in the workspace"),
	stop("ekm_access_denied", "forbidden", "administrators have taken the token's access away"),
	stop("access_denied", "forbidden", ""),
	stop("missing_scope", "forbidden", "the bot lacks a scope"),
	stop("no_permission", "forbidden", "the bot lacks a scope"),
	stop("not_in_channel", "forbidden", "the bot is not in the channel: invite it"),
	stop("restricted_action", "forbidden", "a setting of the workspace keeps the bot from posting"),
	stop("restricted_action_read_only_channel", "forbidden", "the channel is read-only"),
	stop("restricted_action_thread_only_channel", "forbidden", "the channel takes replies only"),
	stop("restricted_action_non_threadable_channel", "forbidden", "the channel takes no replies: set on_update to edit or post"),
	stop("message_limit_exceeded", "forbidden", "the workspace has reached its limit of messages"),
	stop("method_deprecated", "api_removed", "Slack has removed the method"),
	stop("deprecated_endpoint", "api_removed", "Slack has removed the method"),
	stop("method_not_supported_for_channel_type", "target_not_found", "the channel is of a kind that takes no messages of bots"),
	stop("channel_not_found", "target_not_found", "the channel does not exist, or the bot may not see it"),
	stop("is_archived", "target_not_found", "the channel is archived"),
}

// reject is a row for a webhook's reason.
func reject(reason, means, detail string) answers.Refusal {
	return answers.Refusal{Code: reason, Plain: true, Means: means, Detail: detail, Source: hookErrors}
}

// hookRefusals are the reasons of a webhook that concern its address or its
// channel as a whole.
var hookRefusals = []answers.Refusal{
	{Status: 401, Challenge: true, Means: "credentials_rejected", Source: "https://www.rfc-editor.org/rfc/rfc9110#status.401"},
	reject("no_service", "credentials_rejected", ""),
	reject("no_service_id", "credentials_rejected", ""),
	reject("no_active_hooks", "credentials_rejected", ""),
	reject("invalid_token", "credentials_rejected", ""),
	reject("no_team", "credentials_rejected", ""),
	reject("team_disabled", "credentials_rejected", ""),
	reject("action_prohibited", "forbidden", "an administrator keeps the webhook from posting"),
	reject("posting_to_general_channel_denied", "forbidden", "the general channel takes no messages of webhooks"),
	reject("channel_not_found", "target_not_found", "the webhook's channel does not exist any more"),
	reject("channel_is_archived", "target_not_found", "the webhook's channel is archived"),
	reject("user_not_found", "target_not_found", "the webhook's user does not exist any more"),
}
