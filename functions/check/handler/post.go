package handler

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"example.com/integrations/shared/api"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

// messageLimits are how often an integration sends a test message.
var messageLimits = store.TestMessageLimits{Check: gap, Gap: time.Minute, Day: 20}

const tooManyMessages = "An integration can send a test message once a minute and 20 times in 24 hours, and can be checked once every 10 seconds."

const (
	// patience is the longest wait for the pace of the credential. A longer one is
	// refused, because a check takes at most 10 seconds.
	patience = 2 * time.Second
	// callTime is how long a post is expected to take, for the pace.
	callTime = time.Second
	// usageTries is how often the usage of a credential is written when workers
	// write it at the same moment.
	usageTries = 5
)

// A trial is one request for a test message.
type trial struct {
	*Handler
	pair   store.IntegrationRef
	view   store.View
	caller domain.Snowflake
	opened Opened
	place  connector.Place // zero where it is not known
}

// post checks the integration and, if nothing is refused, sends one test message.
// The order keeps it at one: the message is counted before anything is asked, the
// post is made in one attempt, and no error follows it that could make a caller
// send the request again.
func (h *Handler) post(ctx context.Context, pair store.IntegrationRef, v store.View, caller string) (api.Answer, error) {
	user, err := domain.ParseSnowflake(caller)
	if err != nil {
		return api.Answer{}, err
	}

	if err := mayPost(v, h.Now()); err != nil {
		return api.Answer{}, err
	}

	now := h.Now()
	next, err := h.Limiter.StartTestMessage(ctx, pair.ID, rand.Text(), now, messageLimits)
	if err != nil {
		return api.Answer{}, err
	}
	if !next.IsZero() {
		return api.Answer{}, tooSoon(next.Sub(now), tooManyMessages)
	}

	t := &trial{Handler: h, pair: pair, view: v, caller: user}
	checks, sent, err := t.run(ctx)
	if err != nil {
		return api.Answer{}, err
	}

	return api.Answer{Status: http.StatusOK, Body: answer{OK: together(checks), Checks: checks, Message: sent}}, nil
}

// mayPost refuses a test message while the provider refuses the integration, and
// while its sync waits.
func mayPost(v store.View, now time.Time) error {
	health := v.State.Health(*v.Integration)
	if health.State == domain.Unhealthy {
		why := ""
		if health.Reason != nil {
			why = " (" + health.Reason.Code + ")"
		}
		return &domain.Error{Code: domain.CodeUnhealthy,
			Detail: "The provider refuses this integration" + why + ", so no test message was sent. Change the configuration, or start a sync, which asks the provider again."}
	}

	if v.State == nil || v.State.Run == nil || v.State.Run.Status != domain.Waiting {
		return nil
	}

	run := v.State.Run
	detail := "The sync of this integration waits"
	if run.WaitingReason != nil {
		detail += " (" + *run.WaitingReason + ")"
	}

	var wait time.Duration
	if run.WaitingUntil != nil {
		detail += " until " + run.WaitingUntil.UTC().Format(time.RFC3339)
		wait = run.WaitingUntil.Sub(now)
	}

	return &domain.Error{Code: domain.CodeWaiting, RetryAfter: wholeSeconds(wait), Detail: detail + ", so no test message was sent."}
}

// run opens the connector, checks and posts.
func (t *trial) run(ctx context.Context) ([]connector.Check, *message, error) {
	opened, err := t.Open(ctx, t.view)
	var unusable *failure.Error
	if errors.As(err, &unusable) {
		return []connector.Check{stored(unusable), notSent(anotherFailed)}, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}

	t.opened = opened
	if err := t.allowed(ctx); err != nil {
		return nil, nil, err
	}

	began := t.Now()
	limited, cancel := context.WithTimeout(ctx, t.Within)
	defer cancel()

	checks, err := t.checks(limited)
	if err != nil {
		return nil, nil, err
	}
	if slices.ContainsFunc(checks, refused) {
		return append(checks, notSent(anotherFailed)), nil, t.silence(ctx, checks, began)
	}

	waits, err := t.reserve(limited)
	if err != nil {
		return nil, nil, err
	}
	if waits != nil {
		return append(checks, *waits), nil, nil
	}

	began = t.Now()
	checks, sent := t.send(ctx, limited, checks)

	return checks, sent, t.silence(ctx, checks, began)
}

// allowed refuses a test message that the credential may not send now, as other
// integrations with the same credential have stored it.
func (t *trial) allowed(ctx context.Context) error {
	usage, err := t.Usages.Usage(ctx, t.opened.Credential)
	if err != nil {
		return err
	}

	if why := t.refusal(usage); why != nil {
		return &domain.Error{Code: domain.CodeUnhealthy,
			Detail: "The provider refuses the credential that this integration uses (" + why.Reason.Code + "), so no test message was sent. Change the configuration, or start a sync, which asks the provider again."}
	}

	now := t.Now()
	at := t.opened.Limits.Next(usage.Usage, now, limits.Create)
	if at.Sub(now) <= patience {
		return nil
	}

	// A request before the minute is over would be one too many.
	return &domain.Error{Code: domain.CodeWaiting, RetryAfter: wholeSeconds(max(at.Sub(now), messageLimits.Gap)),
		Detail: fmt.Sprintf("The next message may leave at %s: %s. No test message was sent.", at.UTC().Format(time.RFC3339), sentenceOf(waitCode(usage, now)))}
}

// refusal is what stands against the credential, nil for nothing. After its pause
// a sync tries the provider, a test message does not.
func (t *trial) refusal(usage store.Usage) *store.Refusal {
	if usage.Refusal != nil {
		return usage.Refusal
	}

	known := t.view.State.KnownTarget()
	if known == nil {
		return nil
	}

	if r, refused := usage.Writes[known.Key]; refused {
		return &r
	}

	return nil
}

// The codes of a message that has to wait for the provider's limits.
const (
	rateLimited = "rate_limited" // the provider wants to be left alone
	paced       = "pacing"       // other messages of the credential leave first
)

func waitCode(usage store.Usage, now time.Time) string {
	if usage.Blocked > now.UnixMilli() {
		return rateLimited
	}

	return paced
}

func sentenceOf(code string) string {
	if code == rateLimited {
		return "the provider wants no calls before that"
	}

	return "the provider's limits are used by other messages until then"
}

// checks makes the usual checks. The place is looked at unless it is refused: of
// some webhooks only a message shows whether it is there.
func (t *trial) checks(ctx context.Context) ([]connector.Check, error) {
	checks := t.look(ctx, t.view, t.opened.Connector)
	if slices.ContainsFunc(checks, refused) {
		return checks, nil
	}

	place, code, err := t.taken(ctx, t.pair, t.view, t.opened.Connector)
	if err != nil {
		return nil, err
	}

	t.place = place

	for i, c := range checks {
		if code != "" && c.Name == connector.CheckTarget {
			checks[i] = connector.Refused(connector.CheckTarget, code)
		}
	}

	return checks, nil
}

// refused reports whether a check says that no message can be posted. A bot that
// may post and not read old messages is not refused.
func refused(c connector.Check) bool {
	needed := []string{connector.CheckReachable, connector.CheckCredentials, connector.CheckTarget, checkWrite}
	return c.OK != nil && !*c.OK && slices.Contains(needed, c.Name)
}

// silence waits, if something is unreachable, until it is as late as after the
// longest call.
func (t *trial) silence(ctx context.Context, checks []connector.Check, began time.Time) error {
	if !slices.ContainsFunc(checks, unreachable) {
		return nil
	}

	return t.Sleep(ctx, began.Add(t.Silence).Sub(t.Now()))
}

// reserve takes the time of one message out of the pace of the credential, and
// sleeps until that time. Where it would be too long, the check says so.
func (t *trial) reserve(ctx context.Context) (*connector.Check, error) {
	for range usageTries {
		usage, err := t.Usages.Usage(ctx, t.opened.Credential)
		if err != nil {
			return nil, err
		}

		if t.refusal(usage) != nil {
			waits := notSent("The message was not sent, because the provider refuses the credential.")
			return &waits, nil
		}

		now := t.Now()
		at := t.opened.Limits.Next(usage.Usage, now, limits.Create)
		if at.Sub(now) > patience {
			waits := hasToWait(waitCode(usage, now))
			return &waits, nil
		}

		if !t.opened.Limits.Unlimited() {
			spent, times := t.opened.Limits.Take(usage.Usage, now, now.Add(patience+time.Second), []limits.Op{limits.Create}, callTime)
			usage.Usage = spent
			at = times[0]
			_, err = t.Usages.PutUsage(ctx, t.opened.Credential, usage, now)
		}

		if errors.Is(err, store.ErrConflict) { // a worker was first
			continue
		}
		if err != nil {
			return nil, err
		}

		if pause := at.Sub(now); pause > 0 {
			err = t.Sleep(ctx, pause)
		}

		return nil, err
	}

	busy := hasToWait(paced)

	return &busy, nil
}

// hasToWait is the check of a message for which it is too early.
func hasToWait(code string) connector.Check {
	return connector.Undecided(connector.CheckPost, code).With("The message was not sent: " + sentenceOf(code) + ".")
}

// send posts the message, once, and says what that shows.
func (t *trial) send(ctx, limited context.Context, checks []connector.Check) ([]connector.Check, *message) {
	tester, can := t.opened.Connector.(connector.Tester)
	if !can {
		return append(checks, connector.Undecided(connector.CheckPost, "not_supported")), nil
	}

	i := t.view.Integration
	written, err := tester.Test(limited, connector.TestMessage{
		Integration: i.ID, ItemType: i.ItemType, AskedBy: t.caller, AskedAt: t.Now(), Place: t.place,
	})
	var failed *failure.Error
	if err != nil && !errors.As(err, &failed) {
		failed = &failure.Error{Class: failure.Ambiguous, Code: noAnswer}
	}

	log := t.Log.With("integration_id", i.ID.String())
	if failed == nil {
		log.InfoContext(ctx, "test message posted", "unproven", written.Unproven)
	} else {
		log.WarnContext(ctx, "test message not posted, or not known to be", "class", failed.Class.String(), "error", failed.Error())
		t.noteLimit(ctx, failed)
	}

	checks = learned(checks, written, failed)

	return append(checks, posted(written, failed)), messageOf(written)
}

// noteLimit records that the provider wants to be left alone, so that syncs with
// the same credential do that too. If it fails, they find out by themselves.
func (t *trial) noteLimit(ctx context.Context, e *failure.Error) {
	if e.Class != failure.Retryable || e.Code != rateLimited {
		return
	}

	for range usageTries {
		usage, err := t.Usages.Usage(ctx, t.opened.Credential)
		if err == nil {
			now := t.Now()
			usage.AskedAt = now.UnixMilli()
			usage.Usage, _ = t.opened.Limits.Refused(usage.Usage, now, max(e.Wait, time.Second), e.NoRetryAfter)
			_, err = t.Usages.PutUsage(ctx, t.opened.Credential, usage, now)
		}

		if errors.Is(err, store.ErrConflict) {
			continue
		}

		if err != nil {
			t.Log.WarnContext(ctx, "rate limit not recorded", "integration_id", t.pair.ID.String(), "error", err.Error())
		}

		return
	}
}
