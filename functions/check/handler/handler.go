// Package handler answers POST /integrations/{integration.id}/check: it asks
// the provider, with what is stored, whether credentials and target work. It
// writes nothing there, except the test message that a caller asks for.
package handler

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/factory"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

// A Limiter notes that a check begins, unless one has less than gap ago, and that
// a test message is about to be sent, unless that is one too many.
type Limiter interface {
	StartCheck(ctx context.Context, id domain.Snowflake, check string, now time.Time, gap time.Duration) (next time.Time, err error)
	StartTestMessage(ctx context.Context, id domain.Snowflake, check string, now time.Time, limits store.TestMessageLimits) (next time.Time, err error)
}

// Places finds the integration of an organisation and item type syncs with a
// place.
type Places interface {
	TargetHolder(ctx context.Context, p store.IntegrationRef, targetKey string) (domain.Snowflake, error)
}

// Usages keeps what each credential has spent of its provider's limits.
type Usages interface {
	Usage(ctx context.Context, credential string) (store.Usage, error)
	PutUsage(ctx context.Context, credential string, read store.Usage, now time.Time) (store.Usage, error)
}

// Opened is the connector for what is stored, and how fast it may be used.
type Opened struct {
	Connector connector.Connector
	// Credential names who calls the provider: all integrations that use the same
	// one share its limits.
	Credential string
	Limits     limits.Limits
}

// An Opener makes the connector for what is stored. What is stored and cannot
// be used comes as a *connector.Error.
type Opener func(ctx context.Context, v store.View) (Opened, error)

// A Handler checks integrations.
type Handler struct {
	Gate    access.Admitter
	Limiter Limiter
	Places  Places
	Usages  Usages
	Open    Opener
	Log     *slog.Logger
	Now     func() time.Time
	Sleep   func(ctx context.Context, d time.Duration) error
	// Within is how long the provider may take to answer.
	Within time.Duration
	// Silence is how long it takes to say that it is unreachable: no less than
	// the longest call, so that the time does not show whether an address was
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
	// Message is the test message, nil without one and where the provider does not
	// say which it is.
	Message *message `json:"message"`
}

// read reads the body: whether a test message is asked for.
func read(r api.Request, provider domain.Provider) (post bool, err error) {
	err = r.Object([]string{"application/json"}, true, map[string]api.Member{
		"post": api.Truth(func(v bool) { post = v }),
	})
	if err == nil && post && !provider.Chat() {
		err = api.BadBody(domain.FieldError{Field: "post", Detail: "needs a chat: " + string(provider) + " takes no messages"})
	}

	return post, err
}

// Route answers one request.
func (h *Handler) Route(ctx context.Context, r api.Request) (api.Answer, error) {
	pair, view, err := h.Gate.Admit(ctx, r.IntegrationID, r.Caller)
	if err == nil {
		err = r.NoQuery()
	}

	post := false
	if err == nil {
		post, err = read(r, view.Integration.Provider)
	}

	if err != nil {
		return api.Answer{}, err
	}
	if post {
		return h.post(ctx, pair, view, r.Caller)
	}

	now := h.Now()
	next, err := h.Limiter.StartCheck(ctx, pair.ID, rand.Text(), now, gap)
	if err != nil {
		return api.Answer{}, err
	}
	if !next.IsZero() {
		return api.Answer{}, tooSoon(next.Sub(now), "An integration can be checked once every 10 seconds.")
	}

	checks, err := h.ask(ctx, pair, view)
	if err != nil {
		return api.Answer{}, err
	}

	return api.Answer{Status: http.StatusOK, Body: answer{OK: together(checks), Checks: checks}}, nil
}

// tooSoon refuses a request that can be sent again after a time.
func tooSoon(wait time.Duration, detail string) *domain.Error {
	return &domain.Error{Code: domain.CodeTooManyRequests, RetryAfter: wholeSeconds(wait), Detail: detail}
}

// wholeSeconds rounds up, to one second at least.
func wholeSeconds(wait time.Duration) int {
	return max(int((wait+time.Second-1)/time.Second), 1)
}

// ask opens the connector and has it ask.
func (h *Handler) ask(ctx context.Context, pair store.IntegrationRef, v store.View) ([]connector.Check, error) {
	opened, err := h.Open(ctx, v)
	var unusable *failure.Error
	if errors.As(err, &unusable) {
		return []connector.Check{stored(unusable)}, nil
	}
	if err != nil {
		return nil, err
	}

	c := opened.Connector

	began := h.Now()
	limited, cancel := context.WithTimeout(ctx, h.Within)
	defer cancel()
	checks := h.look(limited, v, c)
	if slices.ContainsFunc(checks, unreachable) {
		return checks, h.Sleep(ctx, began.Add(h.Silence).Sub(h.Now()))
	}

	at := slices.IndexFunc(checks, func(c connector.Check) bool { return c.Name == connector.CheckTarget && c.OK != nil && *c.OK })
	if at < 0 {
		return checks, nil
	}

	_, code, err := h.taken(limited, pair, v, c)
	if err == nil && code != "" {
		checks[at] = connector.Refused(connector.CheckTarget, code)
	}

	return checks, err
}

// look has the connector make its checks.
func (h *Handler) look(ctx context.Context, v store.View, c connector.Connector) []connector.Check {
	checker, can := c.(connector.Checker)
	if !can {
		return []connector.Check{connector.Undecided(connector.CheckTarget, "not_told")}
	}

	checks, err := checker.Check(ctx)
	if err != nil {
		h.Log.WarnContext(ctx, "check failed", "integration_id", v.Integration.ID.String(), "error", err.Error())
	}

	return checks
}

// taken says why a place that is there is not this integration's: another one of
// the organisation and item type syncs with it, or the same configuration led to
// another place before. "" is for a place without such trouble. Where the
// provider cannot be asked, the other checks stand, and the place is zero.
func (h *Handler) taken(ctx context.Context, pair store.IntegrationRef, v store.View, c connector.Connector) (connector.Place, string, error) {
	place, err := c.Resolve(ctx)
	if err != nil {
		h.Log.WarnContext(ctx, "target not resolved", "integration_id", pair.ID.String(), "error", err.Error())
		return connector.Place{}, "", nil
	}

	holder, err := h.Places.TargetHolder(ctx, pair, place.Key(v.Integration.Provider))
	if err != nil {
		return place, "", err
	}
	if holder != 0 && holder != pair.ID {
		return place, string(domain.CodeTargetInUse), nil
	}

	known := v.State.KnownTarget()
	if known != nil && known.Replaced(v.Integration.TargetHash, place.ID, place.Created) {
		return place, store.TargetMoved, nil
	}

	return place, "", nil
}

func unreachable(c connector.Check) bool { return c.Code != nil && *c.Code == connector.Unreachable }

// stored is the check of what is stored and cannot be used.
func stored(e *failure.Error) connector.Check {
	switch e.Code {
	case factory.SecretUnreadable:
		return connector.Refused(connector.CheckCredentials, e.Code)
	case factory.ConfigurationUnusable:
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
