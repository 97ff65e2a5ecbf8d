package store

import (
	"context"
	"errors"
	"time"

	"example.com/integrations/shared/domain"
)

// MaxIntegrations is how many integrations an organisation has at most.
const MaxIntegrations = 50

// Errors of a create that callers distinguish.
var (
	// ErrFull: the organisation already has MaxIntegrations integrations.
	ErrFull = errors.New("the organisation already has the maximum number of integrations")
	// ErrRepeated: an earlier create used this key.
	ErrRepeated = errors.New("this key was used before")
)

// An IdempotencyKey makes a create happen once, however often the caller repeats
// the request with the same key.
type IdempotencyKey struct {
	User domain.Snowflake
	Key  string // a hash of the key that the caller sent
	// Fingerprint distinguishes different requests with the same key.
	Fingerprint string
	Now, Until  time.Time
}

// A CreatedBefore is the answer to the first create with a key.
type CreatedBefore struct {
	Fingerprint string             `json:"fingerprint"`
	Integration domain.Integration `json:"integration"`
	ExpiresAt   int64              `json:"expires_at"` // Unix seconds
}

// CreateIntegration stores a new integration with its sealed secrets, and
// counts it. ErrConflict when the id is taken, ErrFull when the organisation
// already has MaxIntegrations, a *TargetInUseError when another integration is
// configured with the same target hash.
func (r integrationRepository) CreateIntegration(ctx context.Context, i Integration, secrets map[string][]byte) error {
	return r.CreateOnce(ctx, i, secrets, nil)
}

// The positions of the actions of a create.
const (
	createOwner = iota
	createMeta
	createCount
	createSpelling
	createKey
)

// CreateOnce is CreateIntegration with an idempotency key, which is stored in the
// same transaction; nil for none. ErrRepeated when the key was used before:
// FindCreated reads the first answer.
func (r integrationRepository) CreateOnce(ctx context.Context, i Integration, secrets map[string][]byte, once *IdempotencyKey) error {
	i.Version = 1
	i.FullEpoch = 1
	i.ConfigurationVersion = 1
	i.ConnectionVersion = 1
	meta := mustEncode(i)
	for member, sealed := range secrets {
		meta[secretPrefix+member] = blob(sealed)
	}

	ref := i.ref()
	actions := []action{
		createOwner:    put(ownerKey(i.ID), mustEncode(ref), absent(partitionKey)),
		createMeta:     put(metaKey(ref), meta, absent(partitionKey)),
		createCount:    countOne(i.OrganisationID),
		createSpelling: claimFor(spellingKey(ref, i.TargetHash), i.ID),
	}
	if once != nil {
		actions = append(actions, rememberCreate(i.Integration, *once))
	}

	err := r.create(ctx, actions)

	var taken *TargetInUseError
	if errors.As(err, &taken) {
		freed, ferr := r.targets.freeOrphan(ctx, ref, spellingKey(ref, i.TargetHash), taken.Holder)
		err = errors.Join(err, ferr)
		if freed {
			err = r.create(ctx, actions)
		}
	}

	return wrap(err, "create integration", i.ID)
}

// create sends the transaction of a create.
func (r integrationRepository) create(ctx context.Context, actions []action) error {
	err := r.table.transact(ctx, actions)
	refusals := refusedAll(err)
	switch {
	case refusals[createKey]: // first: an earlier create with the key may cause the others
		err = ErrRepeated
	case refusals[createSpelling]:
		err = &TargetInUseError{Holder: holderOf(oldOf(err, createSpelling))}
	case refusals[createOwner] || refusals[createMeta]:
		err = ErrConflict
	case refusals[createCount]:
		err = ErrFull
	}

	return err
}

// countOne counts one more integration of an organisation. It is refused when there
// are MaxIntegrations.
func countOne(org domain.Snowflake) action {
	room := either(absent("integrations"), less("integrations", number(MaxIntegrations)))
	return change(countKey(org), newUpdate().add("integrations", 1).when(room))
}

// uncountOne counts one integration less.
func uncountOne(org domain.Snowflake) action {
	return change(countKey(org), newUpdate().add("integrations", -1))
}

// rememberCreate stores the answer to a create under its key.
func rememberCreate(i domain.Integration, o IdempotencyKey) action {
	made := mustEncode(CreatedBefore{Fingerprint: o.Fingerprint, Integration: i, ExpiresAt: o.Until.Unix()})
	unused := either(absent(partitionKey), atMost("expires_at", number(o.Now.Unix())))

	return put(idempotencyKey(i.OrganisationID, o), made, unused)
}

// FindCreated reads the answer to the first create with a key, nil when there was
// none or it has expired. DynamoDB deletes expired records late, so the expiry is
// checked here.
func (r integrationRepository) FindCreated(ctx context.Context, org domain.Snowflake, o IdempotencyKey) (*CreatedBefore, error) {
	found, err := r.table.get(ctx, idempotencyKey(org, o))
	var made *CreatedBefore
	if err == nil {
		err = into(found, &made)
	}

	if made != nil && made.ExpiresAt <= o.Now.Unix() {
		made = nil
	}

	return made, wrap(err, "read idempotency key of organisation", org)
}
