package sealing

import (
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"example.com/integrations/shared/awsclient"
)

// NewClient returns the key's client.
func NewClient(c *awsclient.Clients) *kms.Client {
	return kms.NewFromConfig(c.Config, func(o *kms.Options) { o.BaseEndpoint = c.Endpoint("KMS") })
}
