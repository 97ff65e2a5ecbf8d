package worker

import (
	"context"
	"log/slog"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/store"
)

// A sessionStore records what an invocation does, under its lease.
type sessionStore interface {
	Commit(ctx context.Context, l store.Lease, b store.Batch) error
	ReadControl(ctx context.Context, l store.Lease) (store.RunControl, error)
}

// A session is the run under its lease, and the time that is left for it. All parts
// of an invocation share one.
type session struct {
	store    sessionStore
	clock    Clock
	log      *slog.Logger
	settings Settings

	lease store.Lease
	state store.State // as it was when the lease was taken
	run   store.ActiveRun
	meta  store.Integration

	deadlines
	checkedAt time.Time        // when it last looked whether the run may go on
	condition *store.Condition // how the provider answered, to be recorded
	events    eventLog
}

// deadlines are the times at which an invocation ends.
type deadlines struct {
	workEnds  time.Time // no new work from here on
	leaseEnds time.Time // no worker is on the run any more, also if this one was killed
}

// An eventLog holds the events of one invocation.
type eventLog struct {
	lastEventID domain.Snowflake
	pending     []outgoing.Event // to be recorded with the next commit
	recorded    []outgoing.Event // in the outbox, to be published
}

// start marks the run as running.
func (s *session) start() {
	s.run.Status = domain.Running
	s.run.WaitingUntil = nil
	s.run.WaitingReason = nil

	if s.run.StartedAt == nil {
		at := s.clock.Now().UTC()
		s.run.StartedAt = &at
	}
}

// dry says that the run only plans.
func (s *session) dry() bool { return s.lease.Kind == store.DryRun }

// timeLeft reports whether new work may begin.
func (s *session) timeLeft() bool { return s.clock.Now().Before(s.workEnds) }

// madeProgress notes that the invocation brought something forward.
func (s *session) madeProgress() { s.run.Idle = 0 }

// commit records a batch, with whatever else has to be recorded.
func (s *session) commit(ctx context.Context, b store.Batch) error {
	b.Run = s.run
	b.Condition = s.condition
	s.condition = nil
	b.Events = append(b.Events, s.events.pending...)
	b.EventsDue = s.clock.Now().Add(s.settings.LostAfter)
	s.events.pending = nil
	if b.Condition != nil {
		s.state.Condition = b.Condition
	}

	err := s.store.Commit(ctx, s.lease, b)
	if err == nil {
		s.events.recorded = append(s.events.recorded, b.Events...)
		for _, p := range b.Pulled {
			s.events.recorded = append(s.events.recorded, p.Events...)
		}
	}

	return err
}

// flush records what no commit has recorded yet.
func (s *session) flush(ctx context.Context) error {
	if s.condition == nil && len(s.events.pending) == 0 {
		return nil
	}
	return s.commit(ctx, store.Batch{})
}

func (s *session) finalStatus() domain.Status {
	if s.run.Counts.Failed > 0 || s.run.RetryAt != 0 {
		return domain.Partial
	}
	return domain.Succeeded
}

func (s *session) tally(out domain.Outcome, n int) { tally(&s.run.Counts, out, n) }

// pullProblem is why the pull could not go on when it was last tried, nil if it
// could.
func (s *session) pullProblem() *store.Problem { return s.state.PullProblem(s.meta) }

// eventID is a new id for an event, another than all of this invocation: a page of
// changes is made within a millisecond, and ids have few random bits.
func (s *session) eventID() domain.Snowflake {
	s.events.lastEventID = max(domain.NewSnowflake(s.clock.Now()), s.events.lastEventID+1)
	return s.events.lastEventID
}

// remoteChanges makes the events of an object's changes.
func (s *session) remoteChanges(item *domain.Snowflake, changes []string, o connector.Object) []outgoing.Event {
	remote := outgoing.Remote{Remote: o.Remote, Title: o.Title, UpdatedAt: o.UpdatedAt.UTC()}
	var all []outgoing.Event
	for _, change := range changes {
		all = append(all, outgoing.RemoteChanged(outgoing.RemoteChange{
			EventID:      s.eventID(),
			Organisation: s.lease.Pair.OrganisationID,
			Integration:  s.lease.Pair.ID,
			Item:         item,
			Provider:     s.meta.Provider,
			Change:       change,
			Remote:       remote,
		}))
	}

	return all
}
