package handler

import (
	"context"
	"errors"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// Erasures holds the schedules by which deleted organisations are erased, and
// erases.
type Erasures interface {
	Erasure(ctx context.Context, org domain.Snowflake) (*store.Erasure, error)
	MoveErasure(ctx context.Context, e store.Erasure, next time.Time) error
	Revive(ctx context.Context, org domain.Snowflake, now time.Time) error
	EraseNext(ctx context.Context, e *store.Erasure) ([]store.IntegrationRef, error)
	EraseIntegration(ctx context.Context, e store.Erasure, v store.View, purge domain.Snowflake, now time.Time) (queued bool, err error)
	Unpurged(ctx context.Context, e store.Erasure) (int, error)
	EraseSome(ctx context.Context, e store.Erasure) (int, error)
	Erased(ctx context.Context, e store.Erasure, sweep time.Time) error
	Swept(ctx context.Context, e store.Erasure) error
}

const (
	// pagesATick is how many pages of one organisation a tick erases: a page is a
	// transaction of at most 100 actions. What is left is erased a minute later.
	pagesATick = 50
	// announced is how long erasing waits for the bus to take the event that
	// announces it.
	announced = 24 * time.Hour
	// sweepAfter is when what late events have brought is erased too: a message
	// of the platform can come again until it has left the dead-letter queue,
	// which keeps it 14 days.
	sweepAfter = 15 * 24 * time.Hour
)

// erasure erases a part of a deleted organisation: first its integrations with
// their secrets, then, when their purges have ended, its items, and then the
// rest. Each step may be repeated, and nothing goes once the organisation has
// returned.
func (t *tick) erasure(ctx context.Context, org domain.Snowflake) (bool, error) {
	e, err := t.Erasures.Erasure(ctx, org)
	if err != nil || e == nil || e.DueAt > t.now.UnixMilli() {
		return false, err
	}
	if e.Returned {
		return false, t.Erasures.Revive(ctx, org, t.now)
	}

	if err := t.Erasures.MoveErasure(ctx, *e, t.now.Add(t.LostAfter)); err != nil {
		return false, err
	}

	told, err := t.announcedAlready(ctx, *e)
	if err != nil || !told {
		return false, err
	}

	if err := t.eraseIntegrations(ctx, e); err != nil {
		return false, err
	}

	left, err := t.Erasures.Unpurged(ctx, *e)
	if err != nil || left > 0 {
		return true, err // the worker purges them
	}

	return true, t.eraseRest(ctx, *e)
}

// announcedAlready reports whether the event that announces the erasure is published,
// or was not accepted for long.
func (t *tick) announcedAlready(ctx context.Context, e store.Erasure) (bool, error) {
	if e.Phase == store.Sweeping || t.now.After(time.UnixMilli(e.At).Add(announced)) {
		return true, nil
	}
	waiting, err := t.Outbox.OrganisationEvent(ctx, e.OrganisationID, e.Event)
	return waiting == nil, err
}

// eraseIntegrations deletes the integrations that are left, as a manager would,
// and has the worker purge what belongs to them.
func (t *tick) eraseIntegrations(ctx context.Context, e *store.Erasure) error {
	pairs, err := t.Erasures.EraseNext(ctx, e)
	if err != nil {
		return err
	}

	var all error
	for _, p := range pairs {
		all = errors.Join(all, t.eraseIntegration(ctx, *e, p))
	}

	return all
}

func (t *tick) eraseIntegration(ctx context.Context, e store.Erasure, p store.IntegrationRef) error {
	view, err := t.Index.View(ctx, p, 0)
	if err != nil || view.Integration == nil {
		return err
	}

	purge := domain.NewSnowflake(t.now)
	queued, err := t.Erasures.EraseIntegration(ctx, e, view, purge, t.now)
	if errors.Is(err, store.ErrConflict) {
		return nil // it has changed meanwhile, or the organisation has returned: the next tick looks again
	}
	if err != nil || !queued {
		return err // a worker that is on it begins the purge itself
	}

	t.Log.InfoContext(ctx, "integration of a deleted organisation erased", "organisation_id", p.OrganisationID.String(), "integration_id", p.ID.String())

	return t.Queue.Send(ctx, p.OrganisationID, p.ID, purge)
}

// eraseRest erases items and what else belongs to the organisation, as far as
// the tick's time reaches.
func (t *tick) eraseRest(ctx context.Context, e store.Erasure) error {
	for range pagesATick {
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < spare {
			return nil
		}

		n, err := t.Erasures.EraseSome(ctx, e)
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}

		t.Log.InfoContext(ctx, "organisation erased", "organisation_id", e.OrganisationID.String(), "phase", e.Phase)
		if e.Phase == store.Sweeping {
			return t.Erasures.Swept(ctx, e)
		}

		return t.Erasures.Erased(ctx, e, t.now.Add(sweepAfter))
	}

	return nil
}
