package worker

import (
	"context"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A digestStore keeps the records of digests.
type digestStore interface {
	Digest(ctx context.Context, integration, id domain.Snowflake) (*store.Digest, error)
}

// digestRecords are the records of the digests that links name.
type digestRecords struct {
	*session
	store digestStore
	// digests are those that were read; nil for one that was not sent.
	digests map[domain.Snowflake]*store.Digest
}

// storeDigest records what is known of a digest.
func (r *digestRecords) storeDigest(ctx context.Context, d *store.Digest) error {
	copied := *d
	r.digests[d.ID] = &copied
	return r.commit(ctx, store.Batch{Digest: &copied})
}

// digest reads a digest's record, once an invocation.
func (r *digestRecords) digest(ctx context.Context, id domain.Snowflake) (*store.Digest, error) {
	known, ok := r.digests[id]
	if ok {
		return known, nil
	}

	d, err := r.store.Digest(ctx, r.lease.Pair.ID, id)
	if err == nil {
		r.digests[id] = d
	}

	return d, err
}

// loadDigestOf finds the digest that a link names. One that was not sent, and is not
// this run's, counts as none.
func (r *digestRecords) loadDigestOf(ctx context.Context, t *task) error {
	g := t.link.InDigest
	t.digest = nil
	if g == nil {
		return nil
	}

	d, err := r.digest(ctx, g.Digest)
	if err != nil {
		return err
	}

	if d != nil && d.Outcome != domain.Deferred {
		t.digest = d
	} else if r.run.Digest == nil || r.run.Digest.ID != g.Digest {
		t.link.InDigest = nil
	}

	return nil
}
