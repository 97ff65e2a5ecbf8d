package store

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
)

// A document is read and written whole, each write onto the version that was
// read.
type document struct {
	Version   int64 `json:"version"`
	ExpiresAt int64 `json:"expires_at"` // Unix seconds
}

// documentsKept is how long a document that nobody writes is kept: long after
// anything in it means something.
const documentsKept = 7 * 24 * time.Hour

func (s *Store) putDocument(ctx context.Context, k key, v any, read int64, now time.Time) error {
	r := keyed(k, mustEncode(v))
	r["version"], r["expires_at"] = number(read+1), number(now.Add(documentsKept).Unix())
	condition := "attribute_not_exists(pk)"
	values := record(nil)
	names := map[string]string(nil)
	if read > 0 {
		condition = "#version = :read"
		names = map[string]string{"#version": "version"}
		values = record{":read": number(read)}
	}

	_, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.table, Item: r, ConditionExpression: &condition, ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	})
	if _, failed := conditionFailed(err); failed {
		err = ErrConflict
	}

	return err
}

// A Refusal says that a provider refuses a credential, or what is written with
// it at one place, and until when nothing is tried.
type Refusal struct {
	Reason domain.RunError `json:"reason"`
	Until  int64           `json:"until"` // Unix milliseconds
	Count  int             `json:"count"` // in a row
	// Organisation is the one that was refused.
	Organisation domain.Snowflake `json:"organisation"`
}

// A Credential is what all integrations that use one credential share, beside
// what it has spent.
type Credential struct {
	// Refusal is nil while the provider accepts the credential.
	Refusal *Refusal `json:"refusal,omitempty"`
	// Writes holds the places where one write after the other was refused, by
	// target key.
	Writes map[string]Refusal `json:"writes,omitempty"`
	// ProbedAt is when a manager last had the provider asked during a pause.
	ProbedAt int64 `json:"probed_at"` // Unix milliseconds
	// AskedAt is when the provider last said that it wants to be left alone.
	AskedAt int64 `json:"asked_at"` // Unix milliseconds
	// FirstUser is the integration that used the credential first. Shared says
	// that another one has used it since.
	FirstUser domain.Snowflake `json:"first_user"`
	Shared    bool             `json:"shared"`
	// LastUser is the integration that last took a turn, and AloneSince since when
	// no other one has.
	LastUser   domain.Snowflake `json:"last_user"`
	AloneSince int64            `json:"alone_since"` // Unix milliseconds
	// Turns is which runs use a shared credential, and which wait to.
	Turns limits.Slots `json:"slots"`
}

// UsedBy notes that an integration takes a turn.
func (c *Credential) UsedBy(integration domain.Snowflake, now time.Time) {
	if c.LastUser != integration {
		c.LastUser, c.AloneSince = integration, now.UnixMilli()
	}
}

// Alone reports whether no other integration has taken a turn for some time.
func (c *Credential) Alone(integration domain.Snowflake, now time.Time, some time.Duration) bool {
	return c.LastUser == integration && now.Sub(time.UnixMilli(c.AloneSince)) >= some
}

// Usage is what is known of a credential, as of a version.
type Usage struct {
	limits.Usage
	Credential
	document
}

func paceKey(credential string) key { return key{"PACE#" + credential, "PACE"} }

// Usage reads what a credential has spent.
func (s *Store) Usage(ctx context.Context, credential string) (Usage, error) {
	var u Usage
	r, err := s.get(ctx, paceKey(credential))
	if err == nil && r != nil {
		err = decode(r, &u)
	}
	return u, wrap(err, "read usage of credential", credential)
}

// PutUsage writes what a credential has spent onto what was read. ErrConflict
// when another worker spent meanwhile.
func (s *Store) PutUsage(ctx context.Context, credential string, read Usage, now time.Time) (Usage, error) {
	known := struct {
		limits.Usage
		Credential
	}{read.Usage, read.Credential}
	err := s.putDocument(ctx, paceKey(credential), known, read.Version, now)
	if err == nil {
		read.Version++
	}

	return read, wrap(err, "write usage of credential", credential)
}

// Slots is whose turn it is within an organisation, as of a version.
type Slots struct {
	limits.Slots
	document
}

func turnsKey(org domain.Snowflake) key { return key{organisationPartition(org), "SLOTS"} }

// Slots reads whose turn it is.
func (s *Store) Slots(ctx context.Context, org domain.Snowflake) (Slots, error) {
	var t Slots
	r, err := s.get(ctx, turnsKey(org))
	if err == nil && r != nil {
		err = decode(r, &t)
	}
	return t, wrap(err, "read turns of organisation", org)
}

// SlotsFor is Turns together with the organisation that owns an integration, 0
// for an integration that does not exist. Both are read in one round trip.
func (s *Store) SlotsFor(ctx context.Context, org, integration domain.Snowflake) (t Slots, owner domain.Snowflake, err error) {
	found, err := s.batchGet(ctx, []key{turnsKey(org), ownerKey(integration)})
	var pair *IntegrationRef
	if err == nil {
		err = into(found[ownerKey(integration)], &pair)
	}

	if r := found[turnsKey(org)]; err == nil && r != nil {
		err = decode(r, &t)
	}

	if pair != nil {
		owner = pair.OrganisationID
	}

	return t, owner, wrap(err, "read turns of organisation", org)
}

// PutSlots writes whose turn it is onto what was read. ErrConflict when
// another worker did meanwhile.
func (s *Store) PutSlots(ctx context.Context, org domain.Snowflake, read Slots, now time.Time) error {
	return wrap(s.putDocument(ctx, turnsKey(org), read.Slots, read.Version, now), "write turns of organisation", org)
}
