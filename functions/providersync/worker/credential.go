package worker

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

const (
	// refusedInARow is how many different items must be refused, with no write
	// accepted between them, for all writes to pause.
	refusedInARow = 3
	// probeGap is how often a manager's sync may try a refused credential.
	probeGap = 5 * time.Minute
	// longBlock is how long a rate limit must still last for it to be tried
	// before its end. limitProbeGap is how often a manager's sync may do so, and
	// limitAgain how often it is done without one.
	longBlock     = 10 * time.Minute
	limitProbeGap = 10 * time.Minute
	limitAgain    = time.Hour
)

// writesRefused is the code of an integration whose writes were refused one
// after the other.
const writesRefused = "writes_refused"

// ofCredential are the codes by which a provider refuses a credential as a
// whole, wherever it is used.
var ofCredential = map[string]bool{"credentials_rejected": true, "installation_not_found": true, "account_disabled": true}

// credentialRefused is the verdict on a failure by which the provider refuses the
// credential as a whole, nil for any other.
func credentialRefused(err error) *verdict {
	var e *failure.Error
	if !errors.As(err, &e) || !ofCredential[e.Code] {
		return nil
	}

	return refused(e)
}

// admit says whether the provider may be asked, as far as other integrations
// with the same credential know. Where it refuses the credential, or all that is
// written at this place, one worker tries it after the pause, and the others
// wait for what it finds out.
func (s *slice) admit(ctx context.Context) (*verdict, error) {
	for {
		if err := s.usage(ctx); err != nil {
			return nil, err
		}

		now := s.Clock.Now()
		a := s.admission(now)
		if !a.write {
			return s.admitted(a), nil
		}

		usage := s.pace.usage
		usage.Credential = a.credential
		retry, err := s.putUsage(ctx, usage, now)
		if err != nil {
			return nil, err
		}
		if retry {
			continue
		}

		s.sendFor(ctx, a.next)

		return s.admitted(a), nil
	}
}

// An admission is the answer to a worker that wants to use a credential.
type admission struct {
	credential store.Credential // what is known of it from here on
	write      bool             // that is news
	verdict    *verdict         // why not, nil if the provider may be asked
	refused    *store.Refusal   // the refusal that is why not
	inTurn     bool             // the worker has a turn
	tries      bool             // it tries a provider that has refused
	afterPause bool             // it does so since the pause is over
	next       *limits.Waiter   // who is to be sent for
}

// admission decides by what is known of the credential.
func (s *slice) admission(now time.Time) admission {
	a := s.takeCredential(now)
	r := s.sharedRefusal()
	if r == nil {
		return a
	}

	next := *r
	over := r.Until <= now.UnixMilli()
	switch {
	case over && a.verdict != nil:
		return a
	case over:
		next.Until = now.Add(probeGap).UnixMilli()
	case a.verdict == nil && s.wantsProbe(now, probeGap):
		a.credential.ProbedAt = now.UnixMilli()
	default:
		return s.turnedAway(r, now)
	}

	a.credential = s.withRefusal(a.credential, &next)
	a.write = true
	a.tries = true
	a.afterPause = over

	return a
}

// turnedAway is the answer to a worker whose credential was refused lately. It
// does not wait for a turn any more.
func (s *slice) turnedAway(r *store.Refusal, now time.Time) admission {
	why := s.shownReason(r)
	a := admission{refused: r, credential: s.pace.usage.Credential, verdict: &verdict{status: domain.Failed, err: &why, ill: true}}

	if a.credential.Turns.Waits(s.run.ID) {
		a.credential.Turns, a.next = a.credential.Turns.Release(s.run.ID, s.lease.ID, users, now)
		a.write = true
	}

	return a
}

// admitted takes note of the answer.
func (s *slice) admitted(a admission) *verdict {
	s.inTurn = s.inTurn || a.inTurn
	s.tries = s.tries || a.tries
	s.afterPause = s.afterPause || a.afterPause
	if a.refused != nil {
		s.sharedUntil = a.refused.Until
	}

	return a.verdict
}

// sharedRefusal is what stands against a call, nil for nothing.
func (s *slice) sharedRefusal() *store.Refusal {
	if s.pace.usage.Refusal != nil {
		return s.pace.usage.Refusal
	}

	if r, refused := s.pace.usage.Writes[s.target.Key]; refused {
		return &r
	}

	return nil
}

// shownReason is why a credential is not used. The provider's words may be about
// an item, so another organisation that uses the same credential does not see
// them.
func (s *slice) shownReason(r *store.Refusal) domain.RunError {
	why := r.Reason
	if r.Organisation != s.meta.OrganisationID {
		why.ProviderMessage = ""
	}

	return why
}

// withRefusal gives what is known of a credential with a refusal in it.
func (s *slice) withRefusal(c store.Credential, r *store.Refusal) store.Credential {
	if r.Reason.Code != writesRefused {
		c.Refusal = r
		return c
	}

	c.Writes = maps.Clone(c.Writes)
	if c.Writes == nil {
		c.Writes = map[string]store.Refusal{}
	}

	c.Writes[s.target.Key] = *r

	return c
}

// putUsage writes what is known of the credential. retry says that another
// worker was first.
func (s *slice) putUsage(ctx context.Context, usage store.Usage, now time.Time) (retry bool, err error) {
	usage, err = s.Store.PutUsage(ctx, s.pace.credential, usage, now)
	if errors.Is(err, store.ErrConflict) {
		s.pace.read = false
		return true, nil
	}

	if err == nil {
		s.pace.usage = usage
	}

	return false, err
}

// wantsProbe reports whether a manager wants the provider to be tried, by a sync
// or a changed configuration, and nobody has within a time.
func (s *slice) wantsProbe(now time.Time, gap time.Duration) bool {
	asked := s.run.ProbeAt
	if s.run.Trigger == domain.ByRequest {
		asked = max(asked, s.run.RequestedAt.UnixMilli())
	}

	known := s.state.Condition
	changed := known != nil && known.ConfigurationVersion != s.meta.ConfigurationVersion
	last := s.pace.usage.ProbedAt

	return (asked > last || changed) && now.Sub(time.UnixMilli(last)) >= gap
}

// share records that the provider refuses the credential, or what is written at
// this place, for all integrations that use it. A refusal during a pause does
// not make it longer.
func (s *slice) share(ctx context.Context, why domain.RunError) error {
	if s.sharedUntil != 0 || !ofCredential[why.Code] && why.Code != writesRefused {
		return nil
	}

	for {
		if err := s.usage(ctx); err != nil {
			return err
		}

		now := s.Clock.Now()
		usage := s.pace.usage
		next := store.Refusal{Reason: why, Organisation: s.meta.OrganisationID}
		was := s.sharedRefusal()
		if was != nil && was.Reason.Code == why.Code {
			next.Until = was.Until
			next.Count = was.Count
		}

		if s.afterPause || next.Until <= now.UnixMilli() {
			next.Count++
			next.Until = now.Add(min(firstPause<<min(next.Count-1, 10), longestPause)).UnixMilli()
		}

		if ofCredential[why.Code] && !s.afterPause && (was != nil || usage.Turns.Others(s.run.ID, now)) {
			usage.ProbedAt = now.UnixMilli() // two workers' calls are enough for five minutes, whenever they left
		}

		usage.Credential = s.withRefusal(usage.Credential, &next)
		retry, err := s.putUsage(ctx, usage, now)
		if err != nil {
			return err
		}

		if !retry {
			s.sharedUntil = next.Until
			return nil
		}
	}
}

// allowed forgets earlier refusals after a success. For the provider's wish to be
// left alone, another worker's write in between is as good. A refusal is forgotten
// all the same, unless there is news of it.
func (s *slice) allowed(ctx context.Context, wrote bool) error {
	now := s.Clock.Now()
	usage := s.pace.usage
	refusal := usage.Refusal
	atPlace := s.refusalHere(wrote)
	if usage.Strikes == 0 && refusal == nil && atPlace == nil && usage.Blocked <= now.UnixMilli() {
		return nil
	}

	usage.Usage = limits.Succeeded(usage.Usage)
	for {
		usage.Refusal = nil
		if atPlace != nil {
			usage.Writes = maps.Clone(usage.Writes)
			delete(usage.Writes, s.target.Key)
		}

		retry, err := s.putUsage(ctx, usage, now)
		if err != nil || !retry || refusal == nil && atPlace == nil {
			return err
		}

		if err := s.usage(ctx); err != nil {
			return err
		}

		usage = s.pace.usage
		if !same(usage.Refusal, refusal) || !same(s.refusalHere(wrote), atPlace) {
			return nil
		}
	}
}

// refusalHere is what stands against writes at this place and is over with a
// write, nil for nothing.
func (s *slice) refusalHere(wrote bool) *store.Refusal {
	r, refused := s.pace.usage.Writes[s.target.Key]
	if !refused || !wrote {
		return nil
	}

	return &r
}

func same(a, b *store.Refusal) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// mayAsk reports whether a provider that wants to be left alone for long may be
// asked once: a manager wants it, or nobody has for an hour.
func (s *slice) mayAsk(now time.Time) bool {
	if time.UnixMilli(s.pace.usage.Blocked).Sub(now) <= longBlock {
		return false
	}

	return s.wantsProbe(now, limitProbeGap) || now.Sub(time.UnixMilli(s.pace.usage.AskedAt)) >= limitAgain
}

// untilAsked is when a run that waits for the end of a rate limit goes on: a
// long one is tried each hour.
func (s *slice) untilAsked(end, now time.Time) time.Time {
	if time.UnixMilli(s.pace.usage.Blocked).Sub(now) <= longBlock {
		return end
	}

	return earlier(end, time.UnixMilli(s.pace.usage.AskedAt).Add(limitAgain))
}

// ofObject are the codes of refusals that the connector has found to be about one
// object: the place itself can be read, or a person changed the object at the same
// moment.
var ofObject = map[string]bool{remoteDeleted: true, remoteMoved: true, "remote_forbidden": true, "conflict": true}

// refusedWrite notes that the provider does not accept an item. The third one in
// a row pauses the integration, and so does one that was to try whether the
// pause is over. A version of an item counts once: items that the provider never
// accepts are tried again one after the other, and would pause the integration
// each time.
func (s *slice) refusedWrite(t *task, e *failure.Error) *verdict {
	if e.Class != failure.Final || ofObject[e.Code] {
		return nil
	}
	if t.link.Attempts > 1 && !s.writesPaused() {
		return nil
	}

	next := s.newCondition(domain.HealthUnknown)
	if known := s.known(); known != nil && known.ConnectionVersion == s.meta.ConnectionVersion {
		*next = *known
		next.Refused = slices.Clone(known.Refused)
	}

	if !slices.Contains(next.Refused, t.id) && len(next.Refused) < refusedInARow {
		next.Refused = append(next.Refused, t.id)
	}

	s.condition = next

	if len(next.Refused) < refusedInARow && !s.writesPaused() {
		return nil
	}

	return refused(&failure.Error{Code: writesRefused, Detail: reasonText(e)})
}

// writesPaused reports whether the integration is paused since its writes were
// refused.
func (s *slice) writesPaused() bool {
	c := s.known()
	return c != nil && c.State == domain.Unhealthy && c.Reason != nil && c.Reason.Code == writesRefused
}

// acceptedWrite begins to count refusals anew.
func (s *slice) acceptedWrite() {
	s.wrote = true
	s.sparing = false

	known := s.known()
	if known == nil || len(known.Refused) == 0 {
		return
	}

	next := *known
	next.Refused = nil
	s.condition = &next
}
