package store

import (
	"context"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
)

// A capacityRepository has what limits the work at the same time: the usage of each
// credential, and the slots of each organisation. Both are read and written whole.
type capacityRepository struct{ table *table }

// A document is read and written whole. Each write replaces the version that was
// read.
type document struct {
	Version   int64 `json:"version"`
	ExpiresAt int64 `json:"expires_at"` // Unix seconds
}

// documentsKept is how long an unchanged document is kept. Its content is outdated
// long before.
const documentsKept = 7 * 24 * time.Hour

// putDocument replaces version read of a document, 0 for none. ErrConflict when
// the stored version is another one.
func (r capacityRepository) putDocument(ctx context.Context, k key, v any, read int64, now time.Time) error {
	content := mustEncode(v)
	content["version"] = number(read + 1)
	content["expires_at"] = number(now.Add(documentsKept).Unix())

	unchanged := absent(partitionKey)
	if read > 0 {
		unchanged = equal("version", number(read))
	}

	err := r.table.put(ctx, put(k, content, unchanged))
	if _, failed := conditionFailed(err); failed {
		err = ErrConflict
	}

	return err
}

// A Refusal says that a provider refuses a credential, or its writes at one target,
// and until when no request is sent.
type Refusal struct {
	Reason domain.RunError `json:"reason"`
	Until  int64           `json:"until"` // Unix milliseconds
	Count  int             `json:"count"` // in a row
	// Organisation is the organisation whose request was refused.
	Organisation domain.Snowflake `json:"organisation"`
}

// A Credential is what all integrations with one credential share, beside the spent
// quota.
type Credential struct {
	// Refusal is nil while the provider accepts the credential.
	Refusal *Refusal `json:"refusal,omitempty"`
	// Writes are the refusals at targets where several writes in a row were refused,
	// by target key.
	Writes map[string]Refusal `json:"writes,omitempty"`
	// ProbedAt is when a manager last made a run try the provider during a pause.
	ProbedAt int64 `json:"probed_at"` // Unix milliseconds
	// AskedAt is when the provider last answered with a rate limit.
	AskedAt int64 `json:"asked_at"` // Unix milliseconds
	// FirstUser is the integration that used the credential first. Shared says that
	// another one has used it since.
	FirstUser domain.Snowflake `json:"first_user"`
	Shared    bool             `json:"shared"`
	// LastUser is the integration that last used a slot. No other one has used one
	// since AloneSince.
	LastUser   domain.Snowflake `json:"last_user"`
	AloneSince int64            `json:"alone_since"` // Unix milliseconds
	// Turns are the slots of a shared credential: the runs that use it, and those that
	// wait for it.
	Turns limits.Slots `json:"slots"`
}

// UsedBy records that an integration uses a slot.
func (c *Credential) UsedBy(integration domain.Snowflake, now time.Time) {
	if c.LastUser != integration {
		c.LastUser, c.AloneSince = integration, now.UnixMilli()
	}
}

// Alone reports whether no other integration has used a slot for some time.
func (c *Credential) Alone(integration domain.Snowflake, now time.Time, some time.Duration) bool {
	return c.LastUser == integration && now.Sub(time.UnixMilli(c.AloneSince)) >= some
}

// Usage is the state of a credential at a version.
type Usage struct {
	limits.Usage
	Credential
	document
}

// Usage reads the state of a credential.
func (r capacityRepository) Usage(ctx context.Context, credential string) (Usage, error) {
	var u Usage
	found, err := r.table.get(ctx, usageKey(credential))
	if err == nil && found != nil {
		err = decode(found, &u)
	}
	return u, wrap(err, "read usage of credential", credential)
}

// PutUsage replaces the state of a credential that was read. ErrConflict when
// another worker has written it meanwhile.
func (r capacityRepository) PutUsage(ctx context.Context, credential string, read Usage, now time.Time) (Usage, error) {
	content := struct {
		limits.Usage
		Credential
	}{read.Usage, read.Credential}
	err := r.putDocument(ctx, usageKey(credential), content, read.Version, now)
	if err == nil {
		read.Version++
	}

	return read, wrap(err, "write usage of credential", credential)
}

// Slots are the slots of an organisation at a version: the runs that work now, and
// those that wait.
type Slots struct {
	limits.Slots
	document
}

// Slots reads the slots of an organisation.
func (r capacityRepository) Slots(ctx context.Context, org domain.Snowflake) (Slots, error) {
	var s Slots
	found, err := r.table.get(ctx, slotsKey(org))
	if err == nil && found != nil {
		err = decode(found, &s)
	}
	return s, wrap(err, "read slots of organisation", org)
}

// SlotsFor is Slots together with the organisation that owns an integration, 0 for
// an integration that does not exist. Both are read in one round trip.
func (r capacityRepository) SlotsFor(ctx context.Context, org, integration domain.Snowflake) (s Slots, owner domain.Snowflake, err error) {
	found, err := r.table.batchGet(ctx, []key{slotsKey(org), ownerKey(integration)})
	var ref *IntegrationRef
	if err == nil {
		err = into(found[ownerKey(integration)], &ref)
	}

	if record := found[slotsKey(org)]; err == nil && record != nil {
		err = decode(record, &s)
	}

	if ref != nil {
		owner = ref.OrganisationID
	}

	return s, owner, wrap(err, "read slots of organisation", org)
}

// PutSlots replaces the slots that were read. ErrConflict when another worker has
// written them meanwhile.
func (r capacityRepository) PutSlots(ctx context.Context, org domain.Snowflake, read Slots, now time.Time) error {
	return wrap(r.putDocument(ctx, slotsKey(org), read.Slots, read.Version, now), "write slots of organisation", org)
}
