package worker

import (
	"context"
	"slices"
	"time"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/connector/failure"
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

// writesRefused is the code of an integration whose writes were refused one
// after the other.
const writesRefused = "writes_refused"

// ofCredential are the codes by which a provider refuses a credential as a
// whole, wherever it is used.
var ofCredential = map[string]bool{"credentials_rejected": true, "installation_not_found": true, "account_disabled": true}

// ofObject are the codes of refusals that the connector has found to be about one
// object: the place itself can be read, or a person changed the object at the same
// moment.
var ofObject = map[string]bool{item.RemoteDeleted: true, remoteMoved: true, "remote_forbidden": true, "conflict": true}

// health is how the provider answers to what is configured: healthy, or unhealthy
// with a pause.
type health struct {
	*session
	healthyIfDone bool // it answers reads, after something was refused
	acceptedOne   bool // a write was accepted
	skipsRefused  bool // items that were not refused yet come first
}

// A usageStore keeps what is known of a credential, for all workers that use it.
type usageStore interface {
	Usage(ctx context.Context, credential string) (store.Usage, error)
	PutUsage(ctx context.Context, credential string, read store.Usage, now time.Time) (store.Usage, error)
}

// known is what was last recorded or is about to be: how the provider answered.
func (h *health) known() *store.Condition {
	if h.condition != nil {
		return h.condition
	}
	return h.state.Condition
}

// markHealthy records that the provider accepts what is configured. After a refusal a
// read alone does not prove that, since a token may read and not write: then it
// counts when the run has come to its end.
func (h *health) markHealthy(wrote bool) {
	was := h.known()
	if was != nil && was.ConnectionVersion == h.meta.ConnectionVersion {
		if was.State == domain.Healthy {
			return
		}

		h.healthyIfDone = !wrote
		if h.healthyIfDone {
			return
		}
	}

	h.condition = h.newCondition(domain.Healthy)
	if was != nil && was.State == domain.Unhealthy {
		h.announce()
	}
}

// markUnhealthy records that the provider refuses what is configured. A further
// refusal during the pause, as of a sync that a manager asks for, does not make the
// pause longer. sharedUntil is the pause of the credential in Unix milliseconds, 0
// for none.
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

// countRefusal notes that the provider does not accept an item. The third one in
// a row pauses the integration, and so does one that was to try whether the
// pause is over. A version of an item counts once: items that the provider never
// accepts are tried again one after the other, and would pause the integration
// each time.
func (h *health) countRefusal(t *task, e *failure.Error) error {
	if e.Class != failure.Final || ofObject[e.Code] {
		return nil
	}
	if t.link.Attempts > 1 && !h.writesPaused() {
		return nil
	}

	next := h.newCondition(domain.HealthUnknown)
	if known := h.known(); known != nil && known.ConnectionVersion == h.meta.ConnectionVersion {
		*next = *known
		next.Refused = slices.Clone(known.Refused)
	}

	if !slices.Contains(next.Refused, t.id) && len(next.Refused) < refusedInARow {
		next.Refused = append(next.Refused, t.id)
	}

	h.condition = next

	if len(next.Refused) < refusedInARow && !h.writesPaused() {
		return nil
	}

	return stopRefused(&failure.Error{Code: writesRefused, Detail: reasonText(e)})
}

// writesPaused reports whether the integration is paused since its writes were
// refused.
func (h *health) writesPaused() bool {
	c := h.known()
	return c != nil && c.State == domain.Unhealthy && c.Reason != nil && c.Reason.Code == writesRefused
}

// resetRefusals starts counting refusals again after an accepted write.
func (h *health) resetRefusals() {
	h.acceptedOne = true
	h.skipsRefused = false

	known := h.known()
	if known == nil || len(known.Refused) == 0 {
		return
	}

	next := *known
	next.Refused = nil
	h.condition = &next
}
