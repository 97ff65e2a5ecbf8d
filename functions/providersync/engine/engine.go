// Package engine brings an organisation's items to a provider: one slice of
// one run at a time, under a lease, so that no change is lost and no object is
// created twice, whatever crashes in between.
//
// A slice takes the lease, plans if the run is full (compares every item and
// marks what differs, without asking the provider), then pushes the marked
// items page by page. Before a create leaves, its intent is stored; its result
// is recorded before the next create. A mark is deleted, by item and version,
// only when that version is at the provider. What a crashed slice leaves
// behind, the next one finds: an intent without a result is looked for at the
// provider before anything is sent again.
package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"integrations/shared/connector"
	"integrations/shared/domain"
	"integrations/shared/store"
	"integrations/shared/syncqueue"
)

// A Clock tells the time by the wall and waits.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

// A Queue asks for the next slice.
type Queue interface {
	Send(ctx context.Context, organisation, integration, run domain.Snowflake) error
}

// An Opener makes the connector for what is configured now. A *connector.Error
// ends the run; any other error is ours, and the slice is tried again.
type Opener func(ctx context.Context, v store.View) (connector.Connector, error)

// Settings are the engine's times.
type Settings struct {
	Slice       time.Duration // how long a slice takes on new work
	Call        time.Duration // the longest call to a provider
	Settle      time.Duration // how long a provider may take to list what it created
	LeaseMargin time.Duration // how long a lease outlives its invocation
	LostAfter   time.Duration // how long a message may be under way
}

// An Engine works on slices.
type Engine struct {
	Store    *store.Store
	Open     Opener
	Queue    Queue
	Clock    Clock
	Log      *slog.Logger
	Settings Settings
}

// ErrWrongOrganisation reports a message that names an integration of another
// organisation.
var ErrWrongOrganisation = errors.New("the integration belongs to another organisation")

// Slice works on one slice of a run until the deadline of its invocation comes
// near. It drops the message when another worker holds the lease or the run is
// over. An error means that the table or the queue failed; the message may
// come again.
func (e *Engine) Slice(ctx context.Context, m syncqueue.Message, deadline time.Time) error {
	log := e.Log.With("integration_id", m.IntegrationID.String(), "run_id", m.RunID.String())
	now := e.Clock.Now()
	pair := store.Pair{ID: m.IntegrationID}
	state, lease, held, err := e.Store.Acquire(ctx, pair, m.RunID, rand.Text(), now, deadline.Add(e.Settings.LeaseMargin))
	if err != nil {
		return err
	}
	if !held {
		log.InfoContext(ctx, "message dropped: the run is over, or another worker is on it")
		return nil
	}
	if state.OrganisationID != m.OrganisationID {
		return fmt.Errorf("slice of run %s: %w", m.RunID, ErrWrongOrganisation)
	}
	s := &slice{Engine: e, log: log, lease: lease, run: *state.Run, began: now}
	s.end = earlier(now.Add(e.Settings.Slice), deadline.Add(-e.Settings.Call))
	s.run.Status, s.run.WaitingUntil, s.run.WaitingReason = domain.Running, nil, nil
	if s.run.StartedAt == nil {
		at := now.UTC()
		s.run.StartedAt = &at
	}
	v, err := s.work(ctx)
	if errors.Is(err, store.ErrFenced) {
		log.WarnContext(ctx, "lease lost: another worker goes on", "error", err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	return s.conclude(ctx, v)
}

// A slice is the work of one invocation.
type slice struct {
	*Engine
	log   *slog.Logger
	lease store.Lease
	run   store.ActiveRun
	began time.Time
	end   time.Time // no new work from here on

	meta     store.Integration
	conn     connector.Connector
	onDelete string
	handled  int
}

// A verdict says how a slice ends.
type verdict struct {
	status domain.Status // Queued: go on in another slice
	until  time.Time     // Waiting
	reason string        // Waiting
	err    *domain.RunError
}

var goOn = &verdict{status: domain.Queued}

func failure(code, detail string) *verdict {
	return &verdict{status: domain.Failed, err: &domain.RunError{Code: code, Detail: detail}}
}

func cancelled(code, detail string) *verdict {
	return &verdict{status: domain.Cancelled, err: &domain.RunError{Code: code, Detail: detail}}
}

// work does what fits into the slice.
func (s *slice) work(ctx context.Context) (*verdict, error) {
	if v, err := s.load(ctx); v != nil || err != nil {
		return v, err
	}
	for {
		if s.run.Mode == domain.Full && !s.run.PlanDone {
			if v, err := s.plan(ctx); v != nil || err != nil {
				return v, err
			}
		}
		if v, err := s.push(ctx); v != nil || err != nil {
			return v, err
		}
		if s.run.SettleAt != 0 {
			at := time.UnixMilli(s.run.SettleAt)
			return &verdict{status: domain.Waiting, until: at, reason: "reconciling"}, nil
		}
		err := s.finish(ctx, s.finalStatus(), nil)
		if !errors.Is(err, store.ErrWoken) {
			return nil, err
		}
		state, err := s.Store.State(ctx, s.lease.Pair.ID)
		if err != nil || state == nil || state.Run == nil {
			return nil, errors.Join(err, store.ErrFenced)
		}
		s.run.Mode, s.run.MarkCursor = state.Run.Mode, ""
	}
}

// load reads what is configured now and opens the connector for it.
func (s *slice) load(ctx context.Context) (*verdict, error) {
	view, v, err := s.look(ctx)
	if v != nil || err != nil {
		return v, err
	}
	s.meta, s.onDelete = *view.Integration, onDelete(view.Integration.Configuration)
	if s.run.Target == "" {
		s.run.Target = s.meta.TargetHash
	}
	if s.run.Target != s.meta.TargetHash {
		return cancelled("configuration_changed", "The integration was led to another target while the run was active; the next sync is full."), nil
	}
	s.conn, err = s.Open(ctx, view)
	var refused *connector.Error
	if errors.As(err, &refused) {
		return failure(refused.Code, refused.Detail), nil
	}
	return nil, err
}

// look reads the integration and its organisation, and tells whether the run
// may go on.
func (s *slice) look(ctx context.Context) (store.View, *verdict, error) {
	view, err := s.Store.View(ctx, s.lease.Pair, 0)
	switch {
	case err != nil:
		return view, nil, err
	case view.Integration == nil:
		return view, cancelled("integration_deleted", "The integration was deleted."), nil
	case view.Organisation == nil || view.Organisation.Deleted:
		return view, cancelled("organisation_deleted", "The organisation does not exist any more."), nil
	case !view.Integration.Enabled:
		return view, cancelled("integration_disabled", "The integration was disabled."), nil
	}
	return view, nil, nil
}

// room reports whether new work may begin.
func (s *slice) room() bool { return s.Clock.Now().Before(s.end) }

// conclude ends the slice. The lease is given back before the next message
// leaves, or its receiver would meet it.
func (s *slice) conclude(ctx context.Context, v *verdict) error {
	if v == nil {
		return nil // finished already
	}
	now := s.Clock.Now()
	var err error
	switch v.status {
	case domain.Queued:
		s.run.Status = domain.Queued
		if err = s.Store.Release(ctx, s.lease, s.run, now.Add(s.Settings.LostAfter)); err == nil {
			err = s.Queue.Send(ctx, s.lease.Pair.OrganisationID, s.lease.Pair.ID, s.run.ID)
		}
	case domain.Waiting:
		until := v.until.UTC()
		s.run.Status, s.run.WaitingUntil, s.run.WaitingReason = domain.Waiting, &until, &v.reason
		s.run.MarkCursor = ""
		err = s.Store.Release(ctx, s.lease, s.run, until)
	default:
		err = s.finish(ctx, v.status, v.err)
	}
	s.log.InfoContext(ctx, "slice ended", "status", string(v.status), "reason", v.reason, "counts", s.run.Counts, "handled", s.handled)
	if errors.Is(err, store.ErrFenced) {
		return nil
	}
	return err
}

func (s *slice) finalStatus() domain.Status {
	if s.run.Counts.Failed > 0 {
		return domain.Partial
	}
	return domain.Succeeded
}

// finish ends the run and files it.
func (s *slice) finish(ctx context.Context, status domain.Status, reason *domain.RunError) error {
	now := s.Clock.Now().UTC()
	ended := s.run.Run
	zero := 0
	ended.Status, ended.Error, ended.FinishedAt = status, reason, &now
	ended.EstimatedFinish, ended.WaitingUntil, ended.WaitingReason = nil, nil, nil
	e := store.Ending{Run: ended, Mode: s.run.Mode, Forced: status == domain.Failed || status == domain.Cancelled}
	if !e.Forced {
		e.Run.Remaining = &zero
		if s.run.Mode == domain.Full {
			e.FullEpoch = s.run.FullEpoch
		}
		if s.run.RetryAt != 0 {
			e.RetryAt = time.UnixMilli(s.run.RetryAt)
		}
	}
	err := s.Store.Finish(ctx, s.lease, e)
	if err == nil {
		s.log.InfoContext(ctx, "run ended", "status", string(status), "counts", s.run.Counts, "error", reason)
	}
	return err
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// sooner keeps the earlier of two times in Unix milliseconds, 0 meaning none.
func sooner(ms int64, at time.Time) int64 {
	if t := at.UnixMilli(); ms == 0 || t < ms {
		return t
	}
	return ms
}
