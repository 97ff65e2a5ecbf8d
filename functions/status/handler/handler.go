// Package handler answers GET /integrations/{integration.id}/status: how an
// integration stands with its provider, and what it has yet to do.
package handler

import (
	"context"
	"net/http"
	"time"

	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A Counter counts pending changes and items that were given up.
type Counter interface {
	Backlog(ctx context.Context, integration domain.Snowflake, target string) (pending, givenUp int, err error)
}

// A status is the answer.
type status struct {
	domain.Health
	ActiveRun     *domain.Run `json:"active_run"`
	Pending       int         `json:"pending"`  // changes that have yet to reach the provider
	GivenUp       int         `json:"given_up"` // items given up until they change or are retried
	LastSuccessAt *time.Time  `json:"last_success_at"`
	// Target is the place it syncs with, null until a sync has resolved it.
	Target *target `json:"target"`
	// PullProblem is why what people change at the provider cannot be read, null
	// while it can. Pushes go on meanwhile.
	PullProblem *problem `json:"pull_problem"`
}

// A problem is why something does not work, and since when.
type problem struct {
	domain.RunError
	Since time.Time `json:"since"`
}

// problemOf is why the pull could not go on when it was last tried, nil if it
// could.
func problemOf(view store.View) *problem {
	known := view.State.PullProblem(*view.Integration)
	if known == nil {
		return nil
	}

	return &problem{RunError: known.Reason, Since: time.UnixMilli(known.Since).UTC()}
}

// A target is a place as the provider identifies it.
type target struct {
	ID   string  `json:"id"`
	Name string  `json:"name"`
	URL  *string `json:"url"` // null where it has no page
}

// targetOf is the place that was last resolved, nil for none.
func targetOf(st *store.State) *target {
	known := st.KnownTarget()
	if known == nil {
		return nil
	}

	t := &target{ID: known.ID, Name: known.Name}
	if known.URL != "" {
		t.URL = &known.URL
	}

	return t
}

// New returns the route.
func New(gate access.Admitter, counter Counter) api.Route {
	return func(ctx context.Context, r api.Request) (api.Answer, error) {
		pair, view, err := gate.Admit(ctx, r.IntegrationID, r.Caller)
		if err == nil {
			err = r.NoQuery()
		}

		if err != nil {
			return api.Answer{}, err
		}

		s := status{Health: view.State.Health(*view.Integration)}
		s.Target = targetOf(view.State)
		s.PullProblem = problemOf(view)
		if st := view.State; st != nil {
			if st.Run != nil {
				s.ActiveRun = &st.Run.Run
			}

			if st.LastSuccessAt > 0 {
				at := time.UnixMilli(st.LastSuccessAt).UTC()
				s.LastSuccessAt = &at
			}
		}

		s.Pending, s.GivenUp, err = counter.Backlog(ctx, pair.ID, view.State.TargetKey())

		return api.Answer{Status: http.StatusOK, Body: s}, err
	}
}
