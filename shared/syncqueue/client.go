package syncqueue

import (
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"example.com/integrations/shared/awsclient"
)

// NewClient returns the queues' client. It gives up early: what is not sent, dispatch
// sends again.
func NewClient(c *awsclient.Clients) *sqs.Client {
	return sqs.NewFromConfig(c.Config, func(o *sqs.Options) {
		o.BaseEndpoint = c.Endpoint("SQS")
		o.Retryer = awsclient.FewAttempts()
	})
}
