package teams

import "example.com/integrations/shared/connector"

// Needs is what a workflow asks for. It can only be started, so no check says
// whether it is met.
var Needs = []connector.Need{
	{Call: "POST /{path}/triggers/{trigger}/paths/invoke", When: "post", Right: "the address with its `sig`, and *Who can trigger the flow* set to *Anyone*", Source: "https://learn.microsoft.com/en-us/connectors/teams/#microsoft-teams-webhook"},
}
