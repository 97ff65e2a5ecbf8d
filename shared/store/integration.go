package store

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/domain"
)

// An integrationRepository has the manager's record of each integration, its
// reference, its checks, and what goes with a create: the count and the
// idempotency keys. Only the API and the erasure write them.
type integrationRepository struct {
	table   *table
	targets targetRepository
}

// An IntegrationRef identifies an integration with its organisation and the item
// type that it syncs. They never change, so a warm function may cache them.
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
	// WriteID identifies the last write, so that a retry of it recognises its own
	// success.
	WriteID string `json:"write_id"`
	// FullEpoch grows whenever the next sync must look at every item: on
	// create, enable, changed templates or labels. A full run is needed while it
	// is higher than State.FullEpoch, which a new target resets to 0.
	FullEpoch int64 `json:"full_epoch"`
	// ConfigurationVersion counts the changes of configuration and secrets.
	ConfigurationVersion int64 `json:"configuration_version"`
	// ConnectionVersion counts the changes of secrets, target and identity. Health
	// that was recorded for an earlier version does not apply.
	ConnectionVersion int64 `json:"connection_version"`
	// TargetHash is a hash of the target as it is configured. State.Target is the
	// target that the provider resolved.
	TargetHash string `json:"target_hash"`
	// WebhookHash is a hash of the secret URL that items are sent to, "" where there
	// is none.
	WebhookHash string `json:"webhook_hash"`
	// Fingerprint is a hash of the settings by which items are rendered.
	Fingerprint string `json:"fingerprint"`
	// SecretOrigins is the URL origin to which each stored secret may be sent, by
	// member.
	SecretOrigins map[string]string `json:"secret_origins"`
}

// ref is the integration's reference.
func (i Integration) ref() IntegrationRef {
	return IntegrationRef{ID: i.ID, OrganisationID: i.OrganisationID, ItemType: i.ItemType}
}

// secretPrefix starts the attribute of a sealed secret.
const secretPrefix = "secret_"

// Locate reads an integration's reference. ErrNotFound if the integration does not
// exist.
func (r integrationRepository) Locate(ctx context.Context, id domain.Snowflake) (IntegrationRef, error) {
	found, err := r.table.get(ctx, ownerKey(id))
	if err == nil && found == nil {
		err = ErrNotFound
	}

	var ref IntegrationRef
	if err == nil {
		err = decode(found, &ref)
	}

	return ref, wrap(err, "locate integration", id)
}

// A View is an integration with the records around it, from one consistent read. A
// record that does not exist is nil.
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
func (r integrationRepository) View(ctx context.Context, ref IntegrationRef, user domain.Snowflake) (View, error) {
	var v View
	keys := []key{metaKey(ref), organisationKey(ref.OrganisationID), stateKey(ref.ID)}
	if user != 0 {
		keys = append(keys, memberKey(ref.OrganisationID, user))
	}

	found, err := r.table.batchGet(ctx, keys)
	if err != nil {
		return v, wrap(err, "view integration", ref.ID)
	}

	v.sealed = found[metaKey(ref)]
	var unreadable error
	v.Organisation, unreadable = organisation(found[organisationKey(ref.OrganisationID)])
	err = errors.Join(unreadable, into(found[metaKey(ref)], &v.Integration), into(found[stateKey(ref.ID)], &v.State))
	if user != 0 {
		err = errors.Join(err, into(found[memberKey(ref.OrganisationID, user)], &v.Member))
	}

	return v, wrap(err, "view integration", ref.ID)
}

// A Listener is an integration that syncs items of some type.
type Listener struct {
	IntegrationRef
	ConfigurationVersion int64 `json:"configuration_version"`
}

// EnabledOfType lists an organisation's enabled integrations of an item type,
// strongly consistent.
func (r integrationRepository) EnabledOfType(ctx context.Context, org domain.Snowflake, t domain.ItemType) ([]Listener, error) {
	return r.enabled(ctx, org, metaPrefix(t))
}

// enabled lists an organisation's enabled integrations by a prefix of their sort
// keys.
func (r integrationRepository) enabled(ctx context.Context, org domain.Snowflake, prefix string) ([]Listener, error) {
	records, err := r.table.every(ctx, pageOf{
		pk: organisationPartition(org), prefix: prefix, filter: equal("enabled", truth(true)),
		only: []string{"id", "organisation_id", "item_type", "configuration_version"},
	})

	var found []Listener
	for _, record := range records {
		var l Listener
		err = errors.Join(err, decode(record, &l))
		found = append(found, l)
	}

	return found, wrap(err, "list integrations of organisation", org)
}

// Integrations lists a page of an organisation's integrations by item type and id,
// strongly consistent. Pages begin after next of the page before. next is "" when
// there are no more.
func (r integrationRepository) Integrations(ctx context.Context, org domain.Snowflake, page domain.Page) (found []domain.Integration, next string, err error) {
	q := pageOf{pk: organisationPartition(org), prefix: integrationPrefix, limit: page.Limit, only: []string{"id", "organisation_id", "item_type", "provider", "enabled", "configuration"}}
	if page.After != "" {
		q.after = integrationPrefix + page.After
	}

	records, last, err := r.table.query(ctx, q)
	for _, record := range records {
		var i domain.Integration
		err = errors.Join(err, decode(record, &i))
		found = append(found, i)
	}

	return found, strings.TrimPrefix(last, integrationPrefix), wrap(err, "list integrations of organisation", org)
}
