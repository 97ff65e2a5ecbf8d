package store

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/domain"
)

// MaxIntegrations is how many integrations an organisation has at most.
const MaxIntegrations = 50

// Errors of a create, that callers tell apart.
var (
	// ErrFull: the organisation has as many integrations as it may.
	ErrFull = errors.New("the organisation has as many integrations as it may")
	// ErrRepeated: a create with this key was made already.
	ErrRepeated = errors.New("made already with this key")
)

// A IdempotencyKey makes a create happen once, however often its caller asks for it with
// the same key.
type IdempotencyKey struct {
	User domain.Snowflake
	Key  string // a hash of what the caller sent
	// Fingerprint tells requests with one key from one another.
	Fingerprint string
	Now, Until  time.Time
}

// A CreatedBefore is what a create with a key has made: the answer it was given.
type CreatedBefore struct {
	Fingerprint string             `json:"fingerprint"`
	Integration domain.Integration `json:"integration"`
	ExpiresAt   int64              `json:"expires_at"` // Unix seconds
}

// CreateIntegration stores a new integration with its sealed secrets, and
// counts it. ErrConflict when the id is taken, ErrFull when the organisation
// has as many as it may, a *TargetInUseError when another one is configured for
// the same place in the same words.
func (s *Store) CreateIntegration(ctx context.Context, i Integration, secrets map[string][]byte) error {
	return s.CreateOnce(ctx, i, secrets, nil)
}

// CreateOnce is CreateIntegration for a caller who gave a key, which is
// remembered in the same transaction; nil for one who gave none. ErrRepeated
// when that was done before: MadeOnce tells what.
func (s *Store) CreateOnce(ctx context.Context, i Integration, secrets map[string][]byte, once *IdempotencyKey) error {
	p := IntegrationRef{ID: i.ID, OrganisationID: i.OrganisationID, ItemType: i.ItemType}
	i.Version = 1
	i.FullEpoch = 1
	i.ConfigurationVersion = 1
	i.ConnectionVersion = 1
	meta := keyed(metaKey(p), mustEncode(i))
	for member, blob := range secrets {
		meta[secretPrefix+member] = &types.AttributeValueMemberB{Value: blob}
	}

	absent := "attribute_not_exists(pk)"
	actions := []types.TransactWriteItem{
		{Put: &types.Put{TableName: &s.table, Item: keyed(ownerKey(i.ID), mustEncode(p)), ConditionExpression: &absent}},
		{Put: &types.Put{TableName: &s.table, Item: meta, ConditionExpression: &absent}},
		s.countAction(i.OrganisationID, 1),
		s.placeAction(spellingKey(p, i.TargetHash), i.ID),
	}
	if once != nil {
		actions = append(actions, s.onceAction(i.Integration, *once))
	}

	err := s.create(ctx, actions)

	var taken *TargetInUseError
	if errors.As(err, &taken) {
		freed, ferr := s.freeOrphan(ctx, p, spellingKey(p, i.TargetHash), taken.Holder)
		err = errors.Join(err, ferr)
		if freed {
			err = s.create(ctx, actions)
		}
	}

	return wrap(err, "create integration", i.ID)
}

// create makes the transaction of a create. Its actions are in the order in
// which CreateOnce lists them.
func (s *Store) create(ctx context.Context, actions []types.TransactWriteItem) error {
	err := s.transact(ctx, actions)
	refusals := refusedAll(err)
	switch {
	case refusals[4]: // of all, this says most: the others may be its own doing
		err = ErrRepeated
	case refusals[3]:
		err = &TargetInUseError{Holder: holderOf(oldOf(err, 3))}
	case refusals[0] || refusals[1]:
		err = ErrConflict
	case refusals[2]:
		err = ErrFull
	}

	return err
}

// countAction counts an integration more or less. One more is refused where
// there are as many as there may be.
func (s *Store) countAction(org domain.Snowflake, by int64) types.TransactWriteItem {
	u := update{expression: "ADD #n :by", names: map[string]string{"#n": "integrations"}, values: record{":by": number(by)}}
	if by > 0 {
		u.condition = "attribute_not_exists(#n) OR #n < :max"
		u.values[":max"] = number(MaxIntegrations)
	}
	return s.updateAction(countKey(org), u)
}

func (s *Store) onceAction(i domain.Integration, o IdempotencyKey) types.TransactWriteItem {
	made := mustEncode(CreatedBefore{Fingerprint: o.Fingerprint, Integration: i, ExpiresAt: o.Until.Unix()})
	free := "attribute_not_exists(pk) OR expires_at <= :now"
	return types.TransactWriteItem{Put: &types.Put{
		TableName: &s.table, Item: keyed(onceKey(i.OrganisationID, o), made), ConditionExpression: &free,
		ExpressionAttributeValues: record{":now": number(o.Now.Unix())},
	}}
}

// FindCreated reads what a create with a key has made, nil when there was none or
// its time is over: DynamoDB deletes late, so that is decided here.
func (s *Store) FindCreated(ctx context.Context, org domain.Snowflake, o IdempotencyKey) (*CreatedBefore, error) {
	r, err := s.get(ctx, onceKey(org, o))
	var made *CreatedBefore
	if err == nil {
		err = into(r, &made)
	}

	if made != nil && made.ExpiresAt <= o.Now.Unix() {
		made = nil
	}

	return made, wrap(err, "read what was created in organisation", org)
}

// Integrations lists up to limit integrations of an organisation, by item type
// and id, after the place a page before ended at ("" for the first), strongly
// consistent. Next is "" when there are no more.
func (s *Store) Integrations(ctx context.Context, org domain.Snowflake, after string, limit int) (all []domain.Integration, next string, err error) {
	q := pageOf{pk: organisationPartition(org), prefix: integrations, limit: limit, only: []string{"id", "organisation_id", "item_type", "provider", "enabled", "configuration"}}
	if after != "" {
		q.after = integrations + after
	}

	records, more, err := s.query(ctx, q)
	for _, r := range records {
		var i domain.Integration
		err = errors.Join(err, decode(r, &i))
		all = append(all, i)
		next = string(i.ItemType) + "#" + i.ID.Sortable()
	}

	if !more {
		next = ""
	}

	return all, next, wrap(err, "list integrations of organisation", org)
}

// A Membership is what decides who may do what in an organisation. What does
// not exist is nil.
type Membership struct {
	Organisation *domain.Organisation
	Member       *domain.Member
}

// Membership reads an organisation and, where user is not 0, that user's
// membership, in one BatchGetItem.
func (s *Store) Membership(ctx context.Context, org, user domain.Snowflake) (m Membership, err error) {
	keys := []key{organisationKey(org)}
	if user != 0 {
		keys = append(keys, memberKey(org, user))
	}

	found, err := s.batchGet(ctx, keys)
	if err == nil {
		m.Organisation, err = organisation(found[organisationKey(org)])
	}

	if err == nil && user != 0 {
		err = into(found[memberKey(org, user)], &m.Member)
	}

	return m, wrap(err, "read organisation", org)
}

// checkKept is how long it is kept when an integration was checked.
const checkKept = 24 * time.Hour

// StartCheck notes that the provider is about to be asked whether what is
// configured works. When that was done less than gap ago, next is when it may
// be done again. The record goes by itself where a purge has missed it.
func (s *Store) StartCheck(ctx context.Context, id domain.Snowflake, check string, now time.Time, gap time.Duration) (next time.Time, err error) {
	_, err = s.update(ctx, checkKey(id), update{
		expression: "SET #at = :now, #check = :check, #expires = :expires", condition: "attribute_not_exists(#at) OR #at <= :gap",
		names: map[string]string{"#at": "checked_at", "#check": "check_id", "#expires": "expires_at"},
		values: record{
			":now": number(now.UnixMilli()), ":gap": number(now.Add(-gap).UnixMilli()), ":check": text(check),
			":expires": number(now.Add(checkKept).Unix()),
		},
	})

	old, failed := conditionFailed(err)
	if !failed || textOf(old, "check_id") == check { // the SDK's retry of our own success
		if failed {
			err = nil
		}
		return time.Time{}, wrap(err, "check integration", id)
	}

	var last struct {
		At int64 `json:"checked_at"`
	}
	err = decode(old, &last)

	return time.UnixMilli(last.At).Add(gap), wrap(err, "check integration", id)
}
