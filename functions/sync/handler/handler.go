// Package handler answers POST /integrations/{integration.id}/sync: it makes
// sure that one run is under way and says which.
package handler

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// Runs starts runs.
type Runs interface {
	RequestRun(ctx context.Context, p store.IntegrationRef, run store.ActiveRun, gap time.Duration, due time.Time) (store.State, bool, error)
	RequestDryRun(ctx context.Context, p store.IntegrationRef, run store.ActiveRun, gap time.Duration, due time.Time) (store.State, bool, error)
	JoinRun(ctx context.Context, integration, run domain.Snowflake, wish store.RunRequest) error
	ResumeRun(ctx context.Context, integration, run domain.Snowflake, due time.Time) error
}

// A Queue asks the worker for a slice of a run.
type Queue interface {
	Send(ctx context.Context, organisation, integration, run domain.Snowflake) error
}

// A Handler starts syncs.
type Handler struct {
	Gate  access.Admitter
	Runs  Runs
	Queue Queue
	Log   *slog.Logger
	Now   func() time.Time
	// LostAfter is how long a message may be under way before dispatch sends
	// another.
	LostAfter time.Duration
}

// gap is the least time between two new runs of one integration.
const gap = 2 * time.Second

// A request is the body.
type request struct {
	mode             domain.Mode // when not given, full if that is needed or it announces
	modeChosen       bool        // by us, not by the caller
	dryRun, announce bool
	// acceptTarget is the provider's id of a place that the caller accepts in
	// place of the one before, "" for none.
	acceptTarget string
}

// maxPlaceID bounds the id of a place, in bytes.
const maxPlaceID = 200

func read(r api.Request) (request, error) {
	var q request
	var mode string
	err := r.Object([]string{"application/json"}, true, map[string]api.Member{
		"mode":     api.Text(func(v string) { mode = v }),
		"dry_run":  api.Truth(func(v bool) { q.dryRun = v }),
		"announce": api.Truth(func(v bool) { q.announce = v }),

		"accept_target": api.Text(func(v string) { q.acceptTarget = v }),
	})
	if err != nil {
		return q, err
	}

	q.mode = domain.Mode(mode)
	if mode != "" && q.mode != domain.Incremental && q.mode != domain.Full {
		return q, api.BadBody(domain.FieldError{Field: "mode", Detail: `must be "incremental" or "full"`})
	}
	if len(q.acceptTarget) > maxPlaceID {
		return q, api.BadBody(domain.FieldError{Field: "accept_target", Detail: "must be at most 200 bytes; it is the id that the reason of status names"})
	}
	if q.acceptTarget != "" && (q.mode != domain.Full || q.dryRun) {
		return q, api.BadBody(domain.FieldError{Field: "accept_target", Detail: `needs "mode": "full" and no dry run`})
	}

	return q, nil
}

// Route answers one request. It reads like get, writes once and sends once; a
// send that fails is repaired by dispatch.
func (h *Handler) Route(ctx context.Context, r api.Request) (api.Answer, error) {
	pair, view, err := h.Gate.Admit(ctx, r.IntegrationID, r.Caller)
	if err != nil {
		return api.Answer{}, err
	}

	if err := r.NoQuery(); err != nil {
		return api.Answer{}, err
	}

	q, err := read(r)
	if err != nil {
		return api.Answer{}, err
	}
	if !view.Integration.Enabled {
		return api.Answer{}, api.Disabled()
	}

	if q.mode == "" {
		q.mode = neededMode(view, q.announce)
		q.modeChosen = true
	}

	state := view.State
	if q.dryRun {
		state = nil // a dry run does not join the active one
	}

	for range 3 { // the active run may end, or a new one start, in between
		var run *store.ActiveRun
		if state == nil || state.Run == nil {
			run, state, err = h.start(ctx, pair, q, r.Caller)
		} else {
			run, state, err = h.join(ctx, pair, *state.Run, q)
		}

		if err != nil {
			return api.Answer{}, err
		}
		if run != nil {
			return api.Accepted(run.Run), nil
		}
	}

	return api.Answer{}, &domain.Error{Code: domain.CodeConflict, Detail: "Runs start and end too quickly to join one. Try again."}
}

// neededMode is what a manager gets who names no mode, whether a run is started
// for him or he joins the one that changes have started. Only a full one finds
// what a chat was not told.
func neededMode(v store.View, announce bool) domain.Mode {
	if announce || store.NeedsFull(*v.Integration, v.State) {
		return domain.Full
	}
	return domain.Incremental
}

// start adds a run. Without a run it returns the state that was in the way.
func (h *Handler) start(ctx context.Context, p store.IntegrationRef, q request, caller string) (*store.ActiveRun, *store.State, error) {
	now := h.Now().UTC()
	user, err := domain.ParseSnowflake(caller)
	if err != nil {
		return nil, nil, err
	}

	run := store.ActiveRun{Announce: q.announce, ModeChosen: q.modeChosen, AcceptTarget: q.acceptTarget, Run: domain.Run{
		ID: domain.NewSnowflake(now), IntegrationID: p.ID, OrganisationID: p.OrganisationID, Mode: q.mode,
		Trigger: domain.ByRequest, RequestedBy: &user, RequestedAt: now, Status: domain.Queued,
	}}
	request := h.Runs.RequestRun
	if run.DryRun = q.dryRun; q.dryRun {
		request = h.Runs.RequestDryRun
	}

	state, started, err := request(ctx, p, run, gap, now.Add(h.LostAfter))
	switch {
	case err != nil:
		return nil, nil, err
	case started:
		h.send(ctx, p, run.ID)
		return state.Run, nil, nil
	case state.Run == nil:
		return nil, nil, &domain.Error{Code: domain.CodeTooManyRequests, RetryAfter: int(gap / time.Second),
			Detail: "A new sync of an integration can be started once every 2 seconds."}
	}

	return nil, &state, nil
}

// join answers with the active run; without a run it had ended. One that waits
// for the end of a pause or of a long rate limit tries the provider at once.
// A dry run is joined as it is.
func (h *Handler) join(ctx context.Context, p store.IntegrationRef, run store.ActiveRun, q request) (*store.ActiveRun, *store.State, error) {
	if q.dryRun {
		return &run, nil, nil
	}

	probes := store.Probes(run.Run, h.Now())
	wish := store.RunRequest{Full: q.mode == domain.Full && run.Mode != domain.Full, Announce: q.announce && !run.Announce, AcceptTarget: q.acceptTarget}
	if probes {
		wish.ProbeAt = h.Now().UnixMilli()
	}

	if wish != (store.RunRequest{}) {
		err := h.Runs.JoinRun(ctx, p.ID, run.ID, wish)
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil, nil
		}
		if err != nil {
			return nil, nil, err
		}
	}

	if wish.Full {
		run.Mode = domain.Full
	}

	if !probes {
		return &run, nil, nil
	}

	return &run, nil, h.poke(ctx, p, &run)
}

func (h *Handler) poke(ctx context.Context, p store.IntegrationRef, run *store.ActiveRun) error {
	err := h.Runs.ResumeRun(ctx, p.ID, run.ID, h.Now().Add(h.LostAfter))
	if errors.Is(err, store.ErrNotFound) {
		return nil // it waits no more
	}
	if err != nil {
		return err
	}

	run.Status = domain.Queued
	run.WaitingUntil = nil
	run.WaitingReason = nil
	h.send(ctx, p, run.ID)

	return nil
}

func (h *Handler) send(ctx context.Context, p store.IntegrationRef, run domain.Snowflake) {
	if err := h.Queue.Send(ctx, p.OrganisationID, p.ID, run); err != nil {
		h.Log.ErrorContext(ctx, "sync message not sent; dispatch will", "run_id", run.String(), "error", err.Error())
	}
}
