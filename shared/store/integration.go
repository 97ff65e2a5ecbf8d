package store

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"integrations/shared/domain"
)

// A Pair says whose an integration is and which items trigger it. Neither ever
// changes, so a warm function may remember it.
type Pair struct {
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
	// create, enable, a new target, changed templates or labels. A full run is
	// needed while it is ahead of State.FullEpoch.
	FullEpoch int64 `json:"full_epoch"`
	// TargetHash names the place items go to; a link of another is not used.
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
func (s *Store) Locate(ctx context.Context, id domain.Snowflake) (Pair, error) {
	r, err := s.get(ctx, ownerKey(id))
	if err == nil && r == nil {
		err = ErrNotFound
	}
	var p Pair
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
func (s *Store) View(ctx context.Context, p Pair, user domain.Snowflake) (View, error) {
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
	err = errors.Join(
		into(found[metaKey(p)], &v.Integration),
		into(found[organisationKey(p.OrganisationID)], &v.Organisation),
		into(found[stateKey(p.ID)], &v.State),
	)
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

// EnabledOfType lists an organisation's enabled integrations of an item type,
// strongly consistent.
func (s *Store) EnabledOfType(ctx context.Context, org domain.Snowflake, t domain.ItemType) ([]Pair, error) {
	yes, condition, filter := true, "pk = :p AND begins_with(sk, :s)", "enabled = :t"
	projection := "id, organisation_id, item_type"
	pages := dynamodb.NewQueryPaginator(s.db, &dynamodb.QueryInput{
		TableName: &s.table, ConsistentRead: &yes, KeyConditionExpression: &condition,
		FilterExpression: &filter, ProjectionExpression: &projection,
		ExpressionAttributeValues: record{
			":p": text(organisationPartition(org)), ":s": text(metaPrefix(t)), ":t": truth(true),
		},
	})
	var pairs []Pair
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, wrap(err, "list integrations of organisation", org)
		}
		for _, r := range page.Items {
			var p Pair
			if err := decode(r, &p); err != nil {
				return nil, wrap(err, "list integrations of organisation", org)
			}
			pairs = append(pairs, p)
		}
	}
	return pairs, nil
}

// CreateIntegration stores a new integration with its sealed secrets. It is
// refused with ErrConflict when the id is taken.
func (s *Store) CreateIntegration(ctx context.Context, i Integration, secrets map[string][]byte) error {
	p := Pair{ID: i.ID, OrganisationID: i.OrganisationID, ItemType: i.ItemType}
	i.Version, i.FullEpoch = 1, 1
	meta := keyed(metaKey(p), mustEncode(i))
	for member, blob := range secrets {
		meta[secretPrefix+member] = &types.AttributeValueMemberB{Value: blob}
	}
	absent := "attribute_not_exists(pk)"
	err := s.transact(ctx, []types.TransactWriteItem{
		{Put: &types.Put{TableName: &s.table, Item: keyed(ownerKey(i.ID), mustEncode(p)), ConditionExpression: &absent}},
		{Put: &types.Put{TableName: &s.table, Item: meta, ConditionExpression: &absent}},
	})
	if _, at := refused(err); at >= 0 {
		err = ErrConflict
	}
	return wrap(err, "create integration", i.ID)
}

// A Change is what a manager's PATCH writes. Everything not named stays.
type Change struct {
	Enabled       bool
	Configuration string
	TargetHash    string
	WebhookHash   string
	Fingerprint   string
	SecretOrigins map[string]string // all secrets the integration has afterwards
	NewSecrets    map[string][]byte // sealed; the kept ones are not touched
	NeedsFull     bool
}

// UpdateIntegration writes a change onto the version that was read, in one
// conditional write, and returns the new record. ErrConflict if another write
// came first, ErrNotFound if the integration is gone. A retry by the SDK of
// its own success finds its write id and succeeds.
func (s *Store) UpdateIntegration(ctx context.Context, read Integration, c Change) (Integration, error) {
	p := Pair{ID: read.ID, OrganisationID: read.OrganisationID, ItemType: read.ItemType}
	next := read
	next.Enabled, next.Configuration = c.Enabled, c.Configuration
	next.WebhookHash = c.WebhookHash
	next.TargetHash, next.Fingerprint, next.SecretOrigins = c.TargetHash, c.Fingerprint, c.SecretOrigins
	next.Version, next.WriteID = read.Version+1, rand.Text()
	if c.NeedsFull {
		next.FullEpoch++
	}
	_, err := s.update(ctx, metaKey(p), changeUpdate(read, next, c.NewSecrets))
	if old, failed := conditionFailed(err); failed {
		switch {
		case old == nil:
			err = ErrNotFound
		case textOf(old, "write_id") == next.WriteID:
			err = nil
		default:
			err = ErrConflict
		}
	}
	return next, wrap(err, "update integration", read.ID)
}

func changeUpdate(read, next Integration, secrets map[string][]byte) update {
	u := update{condition: "#version = :read", names: map[string]string{"#version": "version"}, values: record{":read": number(read.Version)}}
	var set, remove []string
	for name, value := range mustEncode(next) {
		if name == "id" || name == "organisation_id" || name == "item_type" || name == "provider" {
			continue // these never change
		}
		u.names["#"+name], u.values[":"+name] = name, value
		set = append(set, "#"+name+" = :"+name)
	}
	for member, blob := range secrets {
		name := secretPrefix + member
		u.names["#"+name], u.values[":"+name] = name, &types.AttributeValueMemberB{Value: blob}
		set = append(set, "#"+name+" = :"+name)
	}
	for member := range read.SecretOrigins {
		if _, kept := next.SecretOrigins[member]; !kept {
			u.names["#"+secretPrefix+member] = secretPrefix + member
			remove = append(remove, "#"+secretPrefix+member)
		}
	}
	u.expression = "SET " + strings.Join(set, ", ")
	if len(remove) > 0 {
		u.expression += " REMOVE " + strings.Join(remove, ", ")
	}
	return u
}

// PutOrganisation stores an organisation as an event or a seed tells it.
func (s *Store) PutOrganisation(ctx context.Context, o domain.Organisation) error {
	return wrap(s.put(ctx, organisationKey(o.ID), o), "put organisation", o.ID)
}

// PutMember stores a membership.
func (s *Store) PutMember(ctx context.Context, m domain.Member) error {
	return wrap(s.put(ctx, memberKey(m.OrganisationID, m.UserID), m), "put member", m.UserID)
}

func (s *Store) put(ctx context.Context, k key, v any) error {
	r, err := encode(v)
	if err != nil {
		return err
	}
	_, err = s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.table, Item: keyed(k, r)})
	return err
}
