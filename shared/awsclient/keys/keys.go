// Package keys makes the KMS client, for the functions that seal or open.
package keys

import (
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"integrations/shared/awsclient"
)

// New returns the key's client.
func New(c *awsclient.Clients) *kms.Client {
	return kms.NewFromConfig(c.Config, func(o *kms.Options) { o.BaseEndpoint = c.Endpoint("KMS") })
}
