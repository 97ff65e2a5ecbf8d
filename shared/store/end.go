package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
)

// runsKept is how long an ended run can be read.
const runsKept = 90 * 24 * time.Hour

func encodeRun(run ActiveRun) *types.AttributeValueMemberM {
	return &types.AttributeValueMemberM{Value: mustEncode(run)}
}

// An Ending is how a run ends.
type Ending struct {
	Run     domain.Run // with its final status, counts and finished_at
	Mode    domain.Mode
	RetryAt time.Time // when to try again what failed, zero for not
	PullAt  time.Time // when to pull next, zero for not
	// FullEpoch is set when a full run saw everything of that epoch.
	FullEpoch int64
	// Forced ends the run although changes may have arrived: it failed or was
	// cancelled, and their marks stay for the next one.
	Forced bool
	// OnlyIfSeen refuses a forced end with ErrWoken when a change has arrived that the
	// worker has not looked at.
	OnlyIfSeen bool
	// Condition is how the provider answered, nil to leave what is known.
	Condition *Condition
	Events    []outgoing.Event // beside the one that the run has ended
	// EventsDue is when dispatch publishes the notices if the worker does not.
	EventsDue time.Time
	// MetaVersion is the version of the manager's record that the worker has
	// seen; a run that is not forced to end ends only while it is that one.
	MetaVersion int64
	// Judged says that the run is forced to end by what the provider says of
	// what is configured: then too only while it is that version.
	Judged bool
	// Purge is the run that follows, when the integration was deleted.
	Purge *ActiveRun
}

// ended is what is written beside the state when a run ends: its history and,
// unless it only planned, the notice that it has.
func (s *Store) ended(run domain.Run, due time.Time, more ...outgoing.Event) []types.TransactWriteItem {
	history := mustEncode(run)
	history["expires_at"] = number(run.FinishedAt.Add(runsKept).Unix())
	actions := []types.TransactWriteItem{s.putAction(runKey(run.IntegrationID, run.ID), history)}
	if !run.DryRun {
		more = append(more, outgoing.SyncFinished(run))
	}

	for _, n := range more {
		actions = append(actions, s.outboxAction(n, due))
	}

	return actions
}

// Finish ends the active run and files it under the integration's history, in
// one transaction with the notice that says so. ErrWoken when a change arrived
// or the run was made full since the worker last looked; ErrChanged when a
// manager has stopped the run, or changed or deleted the integration; ErrFenced
// when the lease is lost.
func (s *Store) Finish(ctx context.Context, l Lease, e Ending) error {
	actions := []types.TransactWriteItem{s.updateAction(l.key(), e.update(l))}
	if e.Purge == nil && !(e.Forced && l.Kind == DryRun) {
		actions = append(actions, s.metaCheck(l.Pair, e.MetaVersion, e.Forced && !e.Judged))
	}

	err := s.transact(ctx, append(actions, s.ended(e.Run, e.EventsDue, e.Events...)...))
	switch old, at := refused(err); {
	case at == 0 && !l.holds(old):
		err = ErrFenced
	case at == 0 && (e.Forced || !cancelRequested(old)):
		err = ErrSignaled
	case at >= 0:
		err = ErrChanged
	}

	return wrap(err, "finish run", l.RunID)
}

// update is what an ending leaves of the state.
func (e Ending) update(l Lease) update {
	x := edits{u: l.fenced(update{})}
	x.put("#until", "lease_until", number(0))
	switch {
	case e.Forced && e.OnlyIfSeen:
		x.u.condition += " AND attribute_not_exists(#signal)"
		x.u.names["#signal"] = "signal"
	case e.Forced:
		x.drop("#signal", "signal")
	default:
		x.u.condition += " AND attribute_not_exists(#signal) AND #run.#mode = :mode AND " + notCancelled(&x.u)
		x.u.names["#signal"], x.u.names["#mode"], x.u.values[":mode"] = "signal", "mode", text(string(e.Mode))
	}

	if e.FullEpoch > 0 {
		x.put("#epoch", "full_epoch", number(e.FullEpoch))
	}

	if e.Run.Status == domain.Succeeded {
		x.put("#success", "last_success_at", number(e.Run.FinishedAt.UnixMilli()))
	}

	if e.Condition != nil {
		x.put("#known", "condition", &types.AttributeValueMemberM{Value: mustEncode(e.Condition)})
	}

	e.next(l, &x)

	return x.update()
}

// next is what follows in the lane: a purge, or what comes due, or nothing.
func (e Ending) next(l Lease, x *edits) {
	if e.Purge != nil {
		x.put("#run", "run", encodeRun(*e.Purge))
		x.put("#due", "due_at", number(e.Purge.RequestedAt.UnixMilli()))
		x.put("#shard", "due_shard", text(dueShard(l.Pair.ID)))
		return
	}

	x.drop("#run", "run")
	due := soonest(e.RetryAt, e.PullAt)
	x.putTime("#retry", "retry_at", e.RetryAt)
	x.putTime("#pull", "pull_at", e.PullAt)
	x.putTime("#due", "due_at", due)
	if due.IsZero() {
		x.drop("#shard", "due_shard")
	} else {
		x.put("#shard", "due_shard", text(dueShard(l.Pair.ID)))
	}
}

// edits gather what one update sets and removes.
type edits struct {
	u           update
	set, remove []string
}

// put sets an attribute under an alias, which names its value too.
func (x *edits) put(alias, name string, v types.AttributeValue) {
	x.u.names[alias] = name
	x.u.values[":next_"+alias[1:]] = v
	x.set = append(x.set, alias+" = :next_"+alias[1:])
}

func (x *edits) drop(alias, name string) {
	x.u.names[alias] = name
	x.remove = append(x.remove, alias)
}

// putTime sets a time in Unix milliseconds, or removes it where there is none.
func (x *edits) putTime(alias, name string, at time.Time) {
	if at.IsZero() {
		x.drop(alias, name)
	} else {
		x.put(alias, name, number(at.UnixMilli()))
	}
}

func (x *edits) update() update {
	x.u.expression = "SET " + strings.Join(x.set, ", ")
	if len(x.remove) > 0 {
		x.u.expression += " REMOVE " + strings.Join(x.remove, ", ")
	}
	return x.u
}

// metaCheck makes a write conditional on the manager's record: that it is still
// of a version, or, if any will do, that it is there at all. Whoever deletes an
// integration under a live lease relies on the worker to begin the purge; on one
// that only plans nobody does.
func (s *Store) metaCheck(p IntegrationRef, version int64, any bool) types.TransactWriteItem {
	check := &types.ConditionCheck{TableName: &s.table, Key: metaKey(p).attributes()}
	there := "attribute_exists(pk)"
	same := "#version = :version"
	if check.ConditionExpression = &there; !any {
		check.ConditionExpression = &same
		check.ExpressionAttributeNames = map[string]string{"#version": "version"}
		check.ExpressionAttributeValues = record{":version": number(version)}
	}

	return types.TransactWriteItem{ConditionCheck: check}
}

// notCancelled is the condition that nobody has asked to cancel the run.
func notCancelled(u *update) string {
	u.names["#cancel"], u.values[":null"] = "cancel_requested_at", text("NULL")
	return "(attribute_not_exists(#run.#cancel) OR attribute_type(#run.#cancel, :null))"
}

func cancelRequested(r record) bool {
	var st State
	return decode(r, &st) == nil && st.Run != nil && st.Run.CancelRequestedAt != nil
}

// soonest is the earlier of two times of which either may be zero for never.
func soonest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// millis is a time of Unix milliseconds, zero for 0.
func millis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// stopped is a run that ends before its work is done.
func stopped(run domain.Run, now time.Time, why *domain.RunError) domain.Run {
	at := now.UTC()
	run.Status = domain.Cancelled
	run.FinishedAt = &at
	run.Error = why
	run.EstimatedFinish = nil
	run.WaitingUntil = nil
	run.WaitingReason = nil

	return run
}

// as makes a write conditional on a state's run and lease being as they were
// read: no worker has taken it up or given it back since.
func (st State) as(u update) update {
	if u.names == nil {
		u.names = map[string]string{}
		u.values = record{}
	}

	u.condition = "#run.#id = :run AND #until = :until"
	if st.LeaseUntil == 0 {
		u.condition = "#run.#id = :run AND (attribute_not_exists(#until) OR #until = :until)"
	}

	u.names["#run"] = "run"
	u.names["#id"] = "id"
	u.names["#until"] = "lease_until"
	u.values[":run"], u.values[":until"] = number(int64(st.Run.ID)), number(st.LeaseUntil)

	return u
}

// rest is how long items that failed, and pulls, are left alone after a manager
// has cancelled a run.
const rest = 15 * time.Minute

// AfterCancel is when that is done which was to be done at the earlier of two
// times in Unix milliseconds, 0 meaning none: not at once, since somebody has
// just wanted it to stop.
func AfterCancel(now time.Time, a, b int64) time.Time {
	at := a
	if at == 0 || b != 0 && b < a {
		at = b
	}

	if at == 0 {
		return time.Time{}
	}

	if late := now.Add(rest); late.After(time.UnixMilli(at)) {
		return late
	}

	return time.UnixMilli(at)
}

// NextAttempt is the earlier of RetryAt and ReplyAt, 0 for none.
func (r *ActiveRun) NextAttempt() int64 {
	if r.RetryAt == 0 || r.ReplyAt != 0 && r.ReplyAt < r.RetryAt {
		return r.ReplyAt
	}
	return r.RetryAt
}

// endNow are the writes that end a run on which no worker is: it goes from the
// state, into the history. Pulls go on when they come due, unless all stops, and
// so do attempts, unless the run ends for a reason.
func (s *Store) endNow(lane RunKind, st State, now time.Time, why *domain.RunError, all bool) []types.TransactWriteItem {
	var retry, pull time.Time
	if !all {
		pull = millis(st.PullAt)
	}

	if !all && why == nil {
		retry = AfterCancel(now, st.RetryAt, st.Run.NextAttempt())
		pull = AfterCancel(now, st.PullAt, 0)
	}

	u := st.as(update{})
	set := []string{}
	remove := []string{"#run", "#signal"}
	u.names["#signal"] = "signal"
	for _, at := range []struct {
		alias, name string
		at          time.Time
	}{{"#retry", "retry_at", retry}, {"#pull", "pull_at", pull}, {"#due", "due_at", soonest(retry, pull)}} {
		u.names[at.alias] = at.name
		if at.at.IsZero() {
			remove = append(remove, at.alias)
			continue
		}

		u.values[":"+at.alias[1:]] = number(at.at.UnixMilli())
		set = append(set, at.alias+" = :"+at.alias[1:])
	}

	if len(set) > 0 {
		u.expression = "SET " + strings.Join(set, ", ") + " "
	} else {
		u.names["#shard"] = "due_shard"
		remove = append(remove, "#shard")
	}

	u.expression += "REMOVE " + strings.Join(remove, ", ")

	return append([]types.TransactWriteItem{s.updateAction(laneKey(st.ID, lane), u)}, s.ended(stopped(st.Run.Run, now, why), now)...)
}

// stops bounds how often a stop is tried again while workers come and go.
const stops = 5

// CancelRun stops a run for a manager: one that no worker is on ends at once;
// else the worker is told, and the run comes back as still active. A run that
// has ended comes back as it ended. ErrNotFound when there is none.
func (s *Store) CancelRun(ctx context.Context, p IntegrationRef, id domain.Snowflake, now time.Time) (domain.Run, error) {
	for range stops {
		found, err := s.findRun(ctx, p.ID, id, now)
		if err != nil || found.state == nil {
			return found.run, wrap(err, "cancel run", id)
		}

		run, err := s.cancel(ctx, found, now)
		if !errors.Is(err, ErrConflict) {
			return run, wrap(err, "cancel run", id)
		}
	}

	return domain.Run{}, wrap(ErrConflict, "cancel run", id)
}

func (s *Store) cancel(ctx context.Context, f foundRun, now time.Time) (domain.Run, error) {
	at := now.UTC()
	if f.state.Run.CancelRequestedAt == nil {
		f.state.Run.CancelRequestedAt = &at
	}

	if !f.state.leased(now) {
		actions := s.endNow(f.lane, *f.state, now, nil, false)
		err := s.transact(ctx, actions)
		if _, i := refused(err); i >= 0 {
			err = ErrConflict
		}
		return stopped(f.state.Run.Run, now, nil), err
	}

	u := f.state.as(update{expression: "SET #run.#cancel = :at"})
	u.names["#cancel"], u.values[":at"] = "cancel_requested_at", mustEncode(f.state.Run)["cancel_requested_at"]
	_, err := s.update(ctx, laneKey(f.state.ID, f.lane), u)
	if _, failed := conditionFailed(err); failed {
		err = ErrConflict
	}

	return f.state.Run.Run, err
}
