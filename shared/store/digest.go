package store

import (
	"context"
	"time"

	"example.com/integrations/shared/domain"
)

// A Digest is a message that sums up many items, whose links name it. Without a
// record it has never left.
type Digest struct {
	ID      domain.Snowflake `json:"id"`
	Attempt int              `json:"attempt"`
	At      time.Time        `json:"at"` // when the last attempt was about to leave
	// Outcome is what became of it: created, accepted, unknown or failed;
	// deferred if it was refused for now and so has not left; "" while nobody
	// knows.
	Outcome domain.Outcome `json:"outcome"`
	Reason  string         `json:"reason"`
	Remote  *domain.Remote `json:"remote"`
	// Bare says that it was refused as it was, and names no items any more.
	Bare bool `json:"bare,omitempty"`
}

// Digest reads a digest, nil when it has never left.
func (s *Store) Digest(ctx context.Context, integration, id domain.Snowflake) (*Digest, error) {
	r, err := s.get(ctx, digestKey(integration, id))
	var d *Digest
	if err == nil {
		err = into(r, &d)
	}
	return d, wrap(err, "read digest", id)
}
