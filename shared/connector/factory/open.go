package factory

import (
	"context"
	"errors"
	"time"

	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"

	"example.com/integrations/shared/outbound"
	"example.com/integrations/shared/sealing"
	"example.com/integrations/shared/store"
)

// An Opened is a connector, and the secrets it was made with, by member.
type Opened struct {
	Connector connector.Connector
	Secrets   map[string]string
	// Credential names who calls the provider, without giving it away: all
	// integrations that use the same one share its limits.
	Credential string
	// Hosted says that the provider itself runs the place, with the limits it
	// publishes.
	Hosted bool
}

// The codes of what is stored and cannot be used.
const (
	SecretUnreadable      = "secret_unreadable"
	ConfigurationUnusable = "configuration_unusable"
)

// Open makes the connector. What is stored and cannot be used comes as a
// *connector.Error, any other error is ours.
func Open(ctx context.Context, keys sealing.KeyDecrypter, client *outbound.Client, v store.View) (Opened, error) {
	i := v.Integration
	secrets := map[string]string{}
	for member, origin := range i.SecretOrigins {
		b := sealing.Binding{Organisation: i.OrganisationID, Integration: i.ID, Field: member, Origin: origin}
		secret, err := sealing.Open(ctx, keys, b, v.Sealed(member))
		if unreadable(err) {
			return Opened{}, unusable(SecretUnreadable, "The stored secret of "+member+" cannot be opened; give it again.")
		}
		if err != nil {
			return Opened{}, err
		}

		secrets[member] = secret
	}

	c, err := New(i.Provider, i.Configuration, secrets, client, time.Now)
	var unsupported *NotSupportedError
	if errors.As(err, &unsupported) {
		return Opened{}, unusable(unsupported.Code(), unsupported.Error()+".")
	}
	if err != nil {
		return Opened{}, unusable(ConfigurationUnusable, "The stored configuration cannot be used; give it again.")
	}

	return Opened{
		Connector: c, Secrets: secrets,
		Credential: credential(i.Provider, i.SecretOrigins, secrets),
		Hosted:     hosted(i.Provider, i.SecretOrigins),
	}, nil
}

// unreadable reports whether no other try will open a secret: it is damaged, or
// KMS says that it was not sealed for this place.
func unreadable(err error) bool {
	var invalid *kmstypes.InvalidCiphertextException
	return errors.Is(err, sealing.ErrMalformed) || errors.As(err, &invalid)
}

func unusable(code, detail string) error {
	return &failure.Error{Class: failure.Final, Scope: failure.IntegrationScope, Code: code, Detail: detail}
}
