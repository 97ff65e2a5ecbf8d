// Package handler answers POST /integrations/{integration.id}/items/retry: it
// has items tried again that were given up.
package handler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// Links are the ledger's rows.
type Links interface {
	Links(ctx context.Context, integration domain.Snowflake, target string, items []domain.Snowflake) (map[domain.Snowflake]store.Link, error)
	RetryItems(ctx context.Context, integration domain.Snowflake, links []store.Link) error
}

// Runs makes sure that a worker looks at them.
type Runs interface {
	State(ctx context.Context, id domain.Snowflake) (*store.State, error)
	Signal(ctx context.Context, id domain.Snowflake) error
	SignalWithRun(ctx context.Context, p store.IntegrationRef, run store.ActiveRun, due time.Time) (started bool, err error)
	RetryAll(ctx context.Context, integration, run domain.Snowflake) error
	ResumeRun(ctx context.Context, integration, run domain.Snowflake, due time.Time) error
}

// A Queue asks the worker for a slice of a run.
type Queue interface {
	Send(ctx context.Context, organisation, integration, run domain.Snowflake) error
}

// A Handler has items tried again.
type Handler struct {
	Gate  access.Admitter
	Links Links
	Runs  Runs
	Queue Queue
	Log   *slog.Logger
	Now   func() time.Time
	// LostAfter is how long a message may be under way before dispatch sends
	// another.
	LostAfter time.Duration
}

// maxItems is how many items can be named in one request.
const maxItems = 100

// A named item stands at a place in the body.
type named struct {
	at int
	id domain.Snowflake
}

// read reads the items to be tried again, each once, none for all.
func read(r api.Request) (items []named, err error) {
	var fields []domain.FieldError
	err = r.Object([]string{"application/json"}, true, map[string]api.Member{"item_ids": func(raw json.RawMessage) string {
		var texts []string
		if json.Unmarshal(raw, &texts) != nil || len(texts) == 0 || len(texts) > maxItems {
			return "must be a list of 1 to 100 ids; leave it out for all"
		}

		seen := map[domain.Snowflake]bool{}
		for i, text := range texts {
			id, err := domain.ParseSnowflake(text)
			if err != nil {
				fields = append(fields, field(i, err.Error()))
			} else if !seen[id] {
				seen[id] = true
				items = append(items, named{i, id})
			}
		}

		return ""
	}})
	if err == nil && len(fields) > 0 {
		err = api.BadBody(fields...)
	}

	return items, err
}

func field(i int, detail string) domain.FieldError {
	return domain.FieldError{Field: fmt.Sprintf("item_ids[%d]", i), Detail: detail}
}

// Route answers one request with the run that tries the items again.
func (h *Handler) Route(ctx context.Context, r api.Request) (api.Answer, error) {
	pair, view, err := h.Gate.Admit(ctx, r.IntegrationID, r.Caller)
	if err != nil {
		return api.Answer{}, err
	}

	if err := r.NoQuery(); err != nil {
		return api.Answer{}, err
	}

	items, err := read(r)
	if err != nil {
		return api.Answer{}, err
	}
	if !view.Integration.Enabled {
		return api.Answer{}, api.Disabled()
	}

	if err := h.mark(ctx, pair.ID, view.State.TargetKey(), items); err != nil {
		return api.Answer{}, err
	}

	run, err := h.wake(ctx, pair, view.State, r.Caller, len(items) == 0)
	if err != nil {
		return api.Answer{}, err
	}

	return api.Accepted(run), nil
}

// mark marks the named items, all of which must be in the ledger.
func (h *Handler) mark(ctx context.Context, integration domain.Snowflake, target string, items []named) error {
	if len(items) == 0 {
		return nil
	}

	ids := make([]domain.Snowflake, len(items))
	for i, item := range items {
		ids[i] = item.id
	}

	found, err := h.Links.Links(ctx, integration, target, ids)
	if err != nil {
		return err
	}

	var links []store.Link
	var fields []domain.FieldError
	for _, item := range items {
		link, ok := found[item.id]
		if !ok {
			fields = append(fields, field(item.at, "has never been synced here"))
		}
		links = append(links, link)
	}

	if len(fields) > 0 {
		return api.BadBody(fields...)
	}

	return h.Links.RetryItems(ctx, integration, links)
}

// wake gives a run that looks at the marks: the active one, told to look again,
// or a new one. One that waits for the end of a pause goes on at once.
func (h *Handler) wake(ctx context.Context, p store.IntegrationRef, st *store.State, caller string, all bool) (domain.Run, error) {
	user, err := domain.ParseSnowflake(caller)
	if err != nil {
		return domain.Run{}, err
	}

	for range 5 { // runs may end and start in between
		if st == nil || st.Run == nil {
			now := h.Now().UTC()
			run := store.ActiveRun{RetryAll: all, Run: domain.Run{
				ID: domain.NewSnowflake(now), IntegrationID: p.ID, OrganisationID: p.OrganisationID, Mode: domain.Incremental,
				Trigger: domain.ByRequest, RequestedBy: &user, RequestedAt: now, Status: domain.Queued,
			}}
			started, err := h.Runs.SignalWithRun(ctx, p, run, now.Add(h.LostAfter))
			if err != nil {
				return domain.Run{}, err
			}

			if started {
				h.send(ctx, run.Run)
				return run.Run, nil
			}
		} else if run, err := h.join(ctx, st.Run.Run, all); !errors.Is(err, store.ErrNotFound) {
			return run, err
		}

		if st, err = h.Runs.State(ctx, p.ID); err != nil {
			return domain.Run{}, err
		}
	}

	return domain.Run{}, &domain.Error{Code: domain.CodeConflict, Detail: "Runs start and end too quickly to join one. Try again."}
}

func (h *Handler) join(ctx context.Context, run domain.Run, all bool) (domain.Run, error) {
	var err error
	if all {
		err = h.Runs.RetryAll(ctx, run.IntegrationID, run.ID)
	} else {
		err = h.Runs.Signal(ctx, run.IntegrationID)
	}

	if err != nil || !store.PausesAfter(run) {
		return run, err
	}

	err = h.Runs.ResumeRun(ctx, run.IntegrationID, run.ID, h.Now().Add(h.LostAfter))
	if errors.Is(err, store.ErrNotFound) {
		return run, nil // it waits no more
	}

	if err == nil {
		run.Status = domain.Queued
		run.WaitingUntil = nil
		run.WaitingReason = nil
		h.send(ctx, run)
	}

	return run, err
}

func (h *Handler) send(ctx context.Context, run domain.Run) {
	if err := h.Queue.Send(ctx, run.OrganisationID, run.IntegrationID, run.ID); err != nil {
		h.Log.ErrorContext(ctx, "sync message not sent; dispatch will", "run_id", run.ID.String(), "error", err.Error())
	}
}
