package teams

import "example.com/integrations/shared/connector/answers"

// The pages that document the answers of Power Automate.
const (
	triggers = "https://learn.microsoft.com/power-automate/oauth-authentication"
	workflow = "https://learn.microsoft.com/azure/logic-apps/logic-apps-http-endpoint"
)

// refusals are Power Automate's answers that concern the URL, the workflow or
// its owner as a whole. Every other refusal concerns one item.
var refusals = []answers.Refusal{
	{Status: 401, Challenge: true, Means: "credentials_rejected", Detail: "the URL's sig is not valid, or the workflow wants a sign-in, which it must not", Source: triggers},
	{Status: 403, Words: "authorization", Means: "forbidden", Detail: "the workflow does not take requests from anyone", Source: triggers},
	{Status: 403, Words: "not authorized", Means: "forbidden", Detail: "the workflow does not take requests from anyone", Source: triggers},
	{Status: 404, Creates: true, Means: "target_not_found", Detail: "the workflow was deleted, or its owner's account", Source: workflow},
	{Status: 410, Creates: true, Means: "target_not_found", Detail: "the workflow was deleted, or its owner's account", Source: workflow},
	{Status: 400, Words: "notenabled", Means: "target_not_found", Detail: "the workflow is switched off", Source: workflow},
	{Status: 400, Words: "schemamismatch", Means: "payload_refused", Detail: "the workflow wants another payload: change payload between envelope and card", Source: workflow},
}
