package store

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/domain"
)

// A IntegrationRef says whose an integration is and which items trigger it. Neither ever
// changes, so a warm function may remember it.
type IntegrationRef struct {
	ID             domain.Snowflake `json:"id"`
	OrganisationID domain.Snowflake `json:"organisation_id"`
	ItemType       domain.ItemType  `json:"item_type"`
}

// An Integration is the manager's record (META).
type Integration struct {
	domain.Integration
	// Version counts the manager's writes, from 1. It is the ETag.
	Version int64 `json:"version"`
	// WriteID names the last write, so that a retry recognises its own success.
	WriteID string `json:"write_id"`
	// FullEpoch grows whenever the next sync must look at every item: on
	// create, enable, changed templates or labels. A full run is needed while it
	// is ahead of State.FullEpoch, which starts anew at another place.
	FullEpoch int64 `json:"full_epoch"`
	// ConfigurationVersion counts the changes of configuration and secrets.
	ConfigurationVersion int64 `json:"configuration_version"`
	// ConnectionVersion counts the changes of secrets, place and identity: what
	// the provider has said of an earlier connection says nothing of this one.
	ConnectionVersion int64 `json:"connection_version"`
	// TargetHash names the place items go to as the configuration spells it.
	// State.Target says which place that is.
	TargetHash string `json:"target_hash"`
	// WebhookHash names the secret URL items go to, "" where there is none.
	WebhookHash string `json:"webhook_hash"`
	// Fingerprint is a hash of what decides how items are rendered.
	Fingerprint string `json:"fingerprint"`
	// SecretOrigins says for each stored secret where it may be sent.
	SecretOrigins map[string]string `json:"secret_origins"`
}

// secretPrefix starts the attribute of a sealed secret.
const secretPrefix = "secret_"

// Locate reads whose an integration is. ErrNotFound if it does not exist.
func (s *Store) Locate(ctx context.Context, id domain.Snowflake) (IntegrationRef, error) {
	r, err := s.get(ctx, ownerKey(id))
	if err == nil && r == nil {
		err = ErrNotFound
	}

	var p IntegrationRef
	if err == nil {
		err = decode(r, &p)
	}

	return p, wrap(err, "locate integration", id)
}

// A View is what one consistent read tells about an integration. A record that
// does not exist is nil.
type View struct {
	Integration  *Integration
	Organisation *domain.Organisation
	Member       *domain.Member
	State        *State
	sealed       record
}

// Sealed returns the sealed secret of a member, nil if none is stored.
func (v *View) Sealed(member string) []byte {
	if b, ok := v.sealed[secretPrefix+member].(*types.AttributeValueMemberB); ok {
		return b.Value
	}
	return nil
}

// View reads an integration with its organisation and state, and, where user
// is not 0, that user's membership, in one BatchGetItem.
func (s *Store) View(ctx context.Context, p IntegrationRef, user domain.Snowflake) (View, error) {
	var v View
	keys := []key{metaKey(p), organisationKey(p.OrganisationID), stateKey(p.ID)}
	if user != 0 {
		keys = append(keys, memberKey(p.OrganisationID, user))
	}

	found, err := s.batchGet(ctx, keys)
	if err != nil {
		return v, wrap(err, "view integration", p.ID)
	}

	v.sealed = found[metaKey(p)]
	var unreadable error
	v.Organisation, unreadable = organisation(found[organisationKey(p.OrganisationID)])
	err = errors.Join(unreadable, into(found[metaKey(p)], &v.Integration), into(found[stateKey(p.ID)], &v.State))
	if user != 0 {
		err = errors.Join(err, into(found[memberKey(p.OrganisationID, user)], &v.Member))
	}

	return v, wrap(err, "view integration", p.ID)
}

// into decodes a record that may be absent.
func into[T any](r record, target **T) error {
	if r == nil {
		return nil
	}
	*target = new(T)
	return decode(r, *target)
}

// A Listener is an integration that an item concerns.
type Listener struct {
	IntegrationRef
	ConfigurationVersion int64 `json:"configuration_version"`
}

// EnabledOfType lists an organisation's enabled integrations of an item type,
// strongly consistent.
func (s *Store) EnabledOfType(ctx context.Context, org domain.Snowflake, t domain.ItemType) ([]Listener, error) {
	return s.enabled(ctx, org, metaPrefix(t))
}

// enabled lists an organisation's enabled integrations by the beginning of their
// sort keys.
func (s *Store) enabled(ctx context.Context, org domain.Snowflake, prefix string) ([]Listener, error) {
	yes := true
	condition := "pk = :p AND begins_with(sk, :s)"
	filter := "enabled = :t"
	projection := "id, organisation_id, item_type, configuration_version"
	pages := dynamodb.NewQueryPaginator(s.db, &dynamodb.QueryInput{
		TableName: &s.table, ConsistentRead: &yes, KeyConditionExpression: &condition,
		FilterExpression: &filter, ProjectionExpression: &projection,
		ExpressionAttributeValues: record{
			":p": text(organisationPartition(org)), ":s": text(prefix), ":t": truth(true),
		},
	})

	var all []Listener
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, wrap(err, "list integrations of organisation", org)
		}

		for _, r := range page.Items {
			var l Listener
			if err := decode(r, &l); err != nil {
				return nil, wrap(err, "list integrations of organisation", org)
			}
			all = append(all, l)
		}
	}

	return all, nil
}
