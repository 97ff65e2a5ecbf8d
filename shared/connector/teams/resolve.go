package teams

import (
	"context"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

// Resolve makes no call: a workflow can only be started. Its address is all
// there is to name the place, and a secret, so the id is a hash of it.
func (c *Connector) Resolve(context.Context) (connector.Place, error) {
	return connector.Place{Instance: "teams.microsoft.com", ID: connector.SecretPlaceID(domain.Teams, c.cfg.URL), Name: "workflow"}, nil
}

// Use does nothing: a workflow posts into one place only.
func (c *Connector) Use(connector.Place) {}
