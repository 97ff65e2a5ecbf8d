// Package buses makes the EventBridge client, for the functions that publish.
package buses

import (
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"integrations/shared/awsclient"
)

// New returns the event buses' client.
func New(c *awsclient.Clients) *eventbridge.Client {
	return eventbridge.NewFromConfig(c.Config, func(o *eventbridge.Options) { o.BaseEndpoint = c.Endpoint("EVENTBRIDGE") })
}
