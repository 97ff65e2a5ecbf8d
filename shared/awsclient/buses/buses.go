// Package buses makes the EventBridge client, for the functions that publish.
package buses

import (
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"integrations/shared/awsclient"
)

// New returns the event buses' client. It gives up early: what is not published
// stays in the outbox, and dispatch publishes it.
func New(c *awsclient.Clients) *eventbridge.Client {
	return eventbridge.NewFromConfig(c.Config, func(o *eventbridge.Options) {
		o.BaseEndpoint = c.Endpoint("EVENTBRIDGE")
		o.Retryer = awsclient.FewAttempts()
	})
}
