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

// health is how the provider answers to what is configured: healthy, or unhealthy
// with a pause.
type health struct {
	*session
	healthyIfDone bool // it answers reads, after something was refused
	acceptedOne   bool // a write was accepted
	skipsRefused  bool // items that were not refused yet come first
}

// known is what was last recorded or is about to be: how the provider answered.
func (h *health) known() *store.Condition {
	if h.condition != nil {
		return h.condition
	}
	return h.state.Condition
}

// markHealthy notes that the provider takes what is configured. Where something
// was refused, a read alone does not tell that: a token may read and not write.
// Then it counts when the run has come to its end.
func (h *health) markHealthy(wrote bool) {
	was := h.known()
	if was != nil && was.ConnectionVersion == h.meta.ConnectionVersion {
		if was.State == domain.Healthy {
			return
		}

		if h.healthyIfDone = !wrote; h.healthyIfDone {
			return
		}
	}

	h.condition = h.newCondition(domain.Healthy)
	if was != nil && was.State == domain.Unhealthy {
		h.announce()
	}
}

// markUnhealthy notes that the provider refuses what is configured. A further
// refusal during the pause, as of a sync that a manager asks for, does not
// make it wait longer.
func (h *health) markUnhealthy(why *domain.RunError, sharedUntil int64) {
	now := h.clock.Now()
	next := h.newCondition(domain.Unhealthy)
	next.Reason = why
	was := h.known()
	ill := was != nil && was.State == domain.Unhealthy && was.ConnectionVersion == h.meta.ConnectionVersion
	if ill && was.ConfigurationVersion == h.meta.ConfigurationVersion {
		next.Pauses = was.Pauses
		next.PausedUntil = was.PausedUntil
	}

	if sharedUntil > now.UnixMilli() { // as for all integrations with this credential
		next.Pauses = max(next.Pauses, 1)
		next.PausedUntil = sharedUntil
	}

	if next.PausedUntil <= now.UnixMilli() {
		next.Pauses++
		next.PausedUntil = now.Add(min(firstPause<<min(next.Pauses-1, 10), longestPause)).UnixMilli()
	}

	h.condition = next
	if !ill {
		h.announce()
	}
}

// newCondition is a condition of what is configured now.
func (h *health) newCondition(state domain.HealthState) *store.Condition {
	return &store.Condition{ConnectionVersion: h.meta.ConnectionVersion, ConfigurationVersion: h.meta.ConfigurationVersion, State: state}
}

// announce has the change of health published.
func (h *health) announce() {
	health := (&store.State{Condition: h.condition}).Health(h.meta)
	id := h.eventID()
	h.events.pending = append(h.events.pending, outgoing.HealthChanged(id, h.lease.Pair.OrganisationID, h.lease.Pair.ID, health))
}
