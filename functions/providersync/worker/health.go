package worker

import (
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/store"
)

const (
	// firstPause is how long changes wait after the provider has refused
	// what is configured; it doubles with every further refusal.
	firstPause   = 5 * time.Minute
	longestPause = 24 * time.Hour
)

// known is what was last recorded or is about to be: how the provider answered.
func (s *slice) known() *store.Condition {
	if s.condition != nil {
		return s.condition
	}
	return s.state.Condition
}

// answered notes that the provider takes what is configured. Where something
// was refused, a read alone does not tell that: a token may read and not write.
// Then it counts when the run has come to its end.
func (s *slice) answered(wrote bool) {
	was := s.known()
	if was != nil && was.ConnectionVersion == s.meta.ConnectionVersion {
		if was.State == domain.Healthy {
			return
		}

		if s.reading = !wrote; s.reading {
			return
		}
	}

	s.condition = s.newCondition(domain.Healthy)
	if was != nil && was.State == domain.Unhealthy {
		s.announce()
	}
}

// fallIll notes that the provider refuses what is configured. A further
// refusal during the pause, as of a sync that a manager asks for, does not
// make it wait longer.
func (s *slice) fallIll(why *domain.RunError) {
	now := s.Clock.Now()
	next := s.newCondition(domain.Unhealthy)
	next.Reason = why
	was := s.known()
	ill := was != nil && was.State == domain.Unhealthy && was.ConnectionVersion == s.meta.ConnectionVersion
	if ill && was.ConfigurationVersion == s.meta.ConfigurationVersion {
		next.Pauses = was.Pauses
		next.PausedUntil = was.PausedUntil
	}

	if s.sharedUntil > now.UnixMilli() { // as for all integrations with this credential
		next.Pauses = max(next.Pauses, 1)
		next.PausedUntil = s.sharedUntil
	}

	if next.PausedUntil <= now.UnixMilli() {
		next.Pauses++
		next.PausedUntil = now.Add(min(firstPause<<min(next.Pauses-1, 10), longestPause)).UnixMilli()
	}

	s.condition = next
	if !ill {
		s.announce()
	}
}

// newCondition is a condition of what is configured now.
func (s *slice) newCondition(state domain.HealthState) *store.Condition {
	return &store.Condition{ConnectionVersion: s.meta.ConnectionVersion, ConfigurationVersion: s.meta.ConfigurationVersion, State: state}
}

// announce has the change of health published.
func (s *slice) announce() {
	health := (&store.State{Condition: s.condition}).Health(s.meta)
	id := s.noticeID()
	s.pending = append(s.pending, outgoing.HealthChanged(id, s.lease.Pair.OrganisationID, s.lease.Pair.ID, health))
}
