// Package handler answers POST /integrations/{integration.id}/check: it asks
// the provider, with what is stored, whether credentials and target work, and
// writes nothing there.
package handler

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"integrations/shared/api"
	"integrations/shared/connector"
	"integrations/shared/connector/opening"
	"integrations/shared/domain"
	"integrations/shared/store"
)

// A Gate admits callers to an integration.
type Gate interface {
	Admit(ctx context.Context, rawID, caller string) (store.Pair, store.View, error)
}

// A Limiter notes that a check begins, unless one has less than gap ago.
type Limiter interface {
	StartCheck(ctx context.Context, id domain.Snowflake, check string, now time.Time, gap time.Duration) (next time.Time, err error)
}

// Places knows which integration of an organisation and item type syncs with a
// place.
type Places interface {
	TargetHolder(ctx context.Context, p store.Pair, targetKey string) (domain.Snowflake, error)
}

// An Opener makes the connector for what is stored. What is stored and cannot
// be used comes as a *connector.Error.
type Opener func(ctx context.Context, v store.View) (connector.Connector, error)

// A Handler checks integrations.
type Handler struct {
	Gate    Gate
	Limiter Limiter
	Places  Places
	Open    Opener
	Log     *slog.Logger
	Now     func() time.Time
	Sleep   func(ctx context.Context, d time.Duration) error
	// Within is how long the provider may take to answer.
	Within time.Duration
	// Silence is how long it takes to say that it is unreachable: no less than
	// the longest call, so that the time tells nobody whether an address was
	// refused, blocked, or did not answer.
	Silence time.Duration
}

// gap is the least time between two checks of one integration.
const gap = 10 * time.Second

// An answer is what the checks say together: ok is false if one is refused,
// else null if one is not known.
type answer struct {
	OK     *bool             `json:"ok"`
	Checks []connector.Check `json:"checks"`
}

// Route answers one request.
func (h *Handler) Route(ctx context.Context, r api.Request) (api.Answer, error) {
	pair, view, err := h.Gate.Admit(ctx, r.IntegrationID, r.Caller)
	if err == nil {
		err = r.NoQuery()
	}
	if err == nil {
		err = r.NoBody()
	}
	if err != nil {
		return api.Answer{}, err
	}
	now := h.Now()
	next, err := h.Limiter.StartCheck(ctx, pair.ID, rand.Text(), now, gap)
	if err != nil {
		return api.Answer{}, err
	}
	if !next.IsZero() {
		seconds := int((next.Sub(now) + time.Second - 1) / time.Second)
		return api.Answer{}, &domain.Error{Code: domain.CodeTooManyRequests, RetryAfter: max(seconds, 1),
			Detail: "An integration can be checked once every 10 seconds."}
	}
	checks, err := h.ask(ctx, pair, view)
	if err != nil {
		return api.Answer{}, err
	}
	return api.Answer{Status: http.StatusOK, Body: answer{OK: together(checks), Checks: checks}}, nil
}

// ask opens the connector and has it ask.
func (h *Handler) ask(ctx context.Context, pair store.Pair, v store.View) ([]connector.Check, error) {
	c, err := h.Open(ctx, v)
	var unusable *connector.Error
	if errors.As(err, &unusable) {
		return []connector.Check{stored(unusable)}, nil
	}
	if err != nil {
		return nil, err
	}
	checker, can := c.(connector.Checker)
	if !can {
		return []connector.Check{connector.Undecided(connector.CheckTarget, "not_told")}, nil
	}
	began := h.Now()
	limited, cancel := context.WithTimeout(ctx, h.Within)
	defer cancel()
	checks, err := checker.Check(limited)
	if err != nil {
		h.Log.WarnContext(ctx, "check failed", "integration_id", v.Integration.ID.String(), "error", err.Error())
	}
	if slices.ContainsFunc(checks, unreachable) {
		return checks, h.Sleep(ctx, began.Add(h.Silence).Sub(h.Now()))
	}

	at := slices.IndexFunc(checks, func(c connector.Check) bool { return c.Name == connector.CheckTarget && c.OK != nil && *c.OK })
	if at < 0 {
		return checks, nil
	}

	code, err := h.taken(limited, pair, v, c)
	if err == nil && code != "" {
		checks[at] = connector.Refused(connector.CheckTarget, code)
	}

	return checks, err
}

// taken says why a place that is there is not this integration's: another one of
// the organisation and item type syncs with it, or the same configuration led to
// another place before. "" is for a place without such trouble. Where the
// provider cannot be asked, the other checks stand.
func (h *Handler) taken(ctx context.Context, pair store.Pair, v store.View, c connector.Connector) (string, error) {
	place, err := c.Resolve(ctx)
	if err != nil {
		h.Log.WarnContext(ctx, "target not resolved", "integration_id", pair.ID.String(), "error", err.Error())
		return "", nil
	}

	holder, err := h.Places.TargetHolder(ctx, pair, place.Key(v.Integration.Provider))
	if err != nil {
		return "", err
	}
	if holder != 0 && holder != pair.ID {
		return string(domain.CodeTargetInUse), nil
	}

	known := v.State.KnownTarget()
	if known != nil && known.Replaced(v.Integration.TargetHash, place.ID, place.Created) {
		return store.TargetMoved, nil
	}

	return "", nil
}

func unreachable(c connector.Check) bool { return c.Code != nil && *c.Code == connector.Unreachable }

// stored is the check of what is stored and cannot be used.
func stored(e *connector.Error) connector.Check {
	switch e.Code {
	case opening.SecretUnreadable:
		return connector.Refused(connector.CheckCredentials, e.Code)
	case opening.ConfigurationUnusable:
		return connector.Refused("configuration", e.Code)
	}
	return connector.Undecided("connector", "not_supported")
}

func together(checks []connector.Check) *bool {
	all := true
	known := true
	for _, c := range checks {
		known = known && c.OK != nil
		all = all && (c.OK == nil || *c.OK)
	}
	if all && !known {
		return nil
	}
	return &all
}
