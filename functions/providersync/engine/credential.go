package engine

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"integrations/shared/connector"
	"integrations/shared/domain"
	"integrations/shared/pacing"
	"integrations/shared/store"
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

// admit says whether the provider may be asked, as far as other integrations
// with the same credential know. Where it refuses the credential, or all that is
// written at this place, one worker tries it after the pause, and the others
// wait for what it finds out.
func (s *slice) admit(ctx context.Context) (*verdict, error) {
	for {
		if err := s.usage(ctx); err != nil {
			return nil, err
		}

		r := s.sharedRefusal()
		if r == nil {
			return nil, nil
		}

		now := s.Clock.Now()
		next := *r
		usage := s.pace.usage
		over := r.Until <= now.UnixMilli()
		switch {
		case over:
			next.Until = now.Add(probeGap).UnixMilli()
		case s.wantsProbe(now, probeGap):
			usage.ProbedAt = now.UnixMilli()
		default:
			s.sharedUntil = r.Until
			why := s.shownReason(r)
			return &verdict{status: domain.Failed, err: &why, ill: true}, nil
		}

		usage.Credential = s.withRefusal(usage.Credential, &next)
		retry, err := s.putUsage(ctx, usage, now)
		if err != nil {
			return nil, err
		}
		if !retry {
			s.tries, s.afterPause = true, over
			return nil, nil
		}
	}
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
		next := store.Refusal{Reason: why, Organisation: s.meta.OrganisationID}
		was := s.sharedRefusal()
		if was != nil && was.Reason.Code == why.Code {
			next.Until, next.Count = was.Until, was.Count
		}
		if s.afterPause || next.Until <= now.UnixMilli() {
			next.Count++
			next.Until = now.Add(min(firstCoolDown<<min(next.Count-1, 10), longestCoolDown)).UnixMilli()
		}

		usage := s.pace.usage
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

// allowed forgets earlier refusals after a success. Another worker's write in
// between is as good.
func (s *slice) allowed(ctx context.Context, wrote bool) error {
	now := s.Clock.Now()
	usage := s.pace.usage
	_, writes := usage.Writes[s.target.Key]
	writes = writes && wrote
	if usage.Strikes == 0 && usage.Refusal == nil && !writes && usage.Blocked <= now.UnixMilli() {
		return nil
	}

	usage.Usage = pacing.Succeeded(usage.Usage)
	usage.Refusal = nil
	if writes {
		usage.Writes = maps.Clone(usage.Writes)
		delete(usage.Writes, s.target.Key)
	}

	_, err := s.putUsage(ctx, usage, now)

	return err
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
func (s *slice) refusedWrite(t *task, e *connector.Error) *verdict {
	if e.Class != connector.Final || ofObject[e.Code] {
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

	return refused(&connector.Error{Code: writesRefused, Detail: reasonText(e)})
}

// writesPaused reports whether the integration is paused since its writes were
// refused.
func (s *slice) writesPaused() bool {
	c := s.known()
	return c != nil && c.State == domain.Unhealthy && c.Reason != nil && c.Reason.Code == writesRefused
}

// acceptedWrite begins to count refusals anew.
func (s *slice) acceptedWrite() {
	s.wrote, s.sparing = true, false

	known := s.known()
	if known == nil || len(known.Refused) == 0 {
		return
	}

	next := *known
	next.Refused = nil
	s.condition = &next
}
