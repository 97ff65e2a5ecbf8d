package publisher

import (
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"example.com/integrations/shared/awsclient"
)

// NewClient returns the event buses' client. It gives up early: what is not published
// stays in the outbox, and dispatch publishes it.
func NewClient(c *awsclient.Clients) *eventbridge.Client {
	return eventbridge.NewFromConfig(c.Config, func(o *eventbridge.Options) {
		o.BaseEndpoint = c.Endpoint("EVENTBRIDGE")
		o.Retryer = awsclient.FewAttempts()
	})
}
