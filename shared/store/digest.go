package store

import (
	"context"
	"time"

	"example.com/integrations/shared/domain"
)

// A Digest is one message about many items, whose links name it. A digest without a
// record was never sent.
type Digest struct {
	ID      domain.Snowflake `json:"id"`
	Attempt int              `json:"attempt"`
	At      time.Time        `json:"at"` // before the last attempt was sent
	// Outcome is the result: created, accepted, unknown or failed; deferred if the
	// provider refused it for now, so that it was not posted; "" while the result is
	// not recorded.
	Outcome domain.Outcome `json:"outcome"`
	Reason  string         `json:"reason"`
	Remote  *domain.Remote `json:"remote"`
	// Bare says that the provider refused the full text, and that the digest lists no
	// items any more.
	Bare bool `json:"bare,omitempty"`
}

// Digest reads a digest, nil when it was never sent.
func (r linkRepository) Digest(ctx context.Context, integration, id domain.Snowflake) (*Digest, error) {
	found, err := r.table.get(ctx, digestKey(integration, id))
	var d *Digest
	if err == nil {
		err = into(found, &d)
	}
	return d, wrap(err, "read digest", id)
}
