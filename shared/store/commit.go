package store

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
)

// A Batch is what a worker records together. Links are written before pending
// changes are deleted, in however many transactions. A link and the records of
// one Pulled are always in the same transaction.
type Batch struct {
	Run            ActiveRun
	Links          []Link
	Pulled         []Pulled
	AddPending     []PendingChange
	DeletePending  []PendingChange
	RetriedPending []PendingChange // they were tried again as a manager asked
	PlanRows       []domain.PlanRow
	PlansUntil     time.Time // when PlanRows expire
	Digest         *Digest   // nil for none
	Events         []outgoing.Event
	EventsDue      time.Time
	Condition      *Condition // nil: it stays
	Pull           *Pull      // nil: it stays; written with the last transaction
	Relink         *Pull      // nil: it stays; written with the last transaction
	// PullProblem is why the pull cannot continue, nil if it can. It is written if
	// PullTried is set.
	PullProblem *Problem
	PullTried   bool
	// Relinked is when the search for lost links was complete, zero for not yet. The
	// next sync must then be full. Target is written with it.
	Relinked time.Time
	Target   *Target // nil: it stays; written with the last transaction
	// Cursor says that everything up to Run.PendingCursor is done with this batch.
	Cursor bool
}

// A Pulled is what a pull found out about an object, with the events about it.
type Pulled struct {
	Link    *Link            // the item's, nil for an object without one
	Objects []Object         // objects to store
	Forget  []Object         // objects whose records are deleted
	Events  []outgoing.Event // events about the change
}

// Commit writes a batch under the lease. Each transaction checks the fence and
// writes the run's progress. ErrFenced when the lease is lost.
func (r leaseRepository) Commit(ctx context.Context, l Lease, b Batch) error {
	progress := change(l.key(), l.batchUpdate(b, false))
	groups := l.groups(b)
	for {
		actions, rest := nextTransaction(progress, groups)
		last := len(rest) == 0
		if last {
			actions[0] = change(l.key(), l.batchUpdate(b, true))
		}

		err := r.table.transact(ctx, actions)
		if _, at := refused(err); at == 0 {
			err = ErrFenced
		}

		if err != nil || last {
			return wrap(err, "commit to integration", l.Pair.ID)
		}

		groups = rest
	}
}

// groups are the writes of a batch beside the state's. The actions of a group are
// written in one transaction.
func (l Lease) groups(b Batch) [][]action {
	id := l.Pair.ID
	var groups [][]action
	alone := func(a action) { groups = append(groups, []action{a}) }

	for _, link := range b.Links {
		alone(putLink(id, link))
	}

	for _, pulled := range b.Pulled {
		groups = append(groups, pulled.actions(id, b.EventsDue))
	}

	if b.Digest != nil {
		alone(put(digestKey(id, b.Digest.ID), mustEncode(*b.Digest)))
	}

	for _, event := range b.Events {
		alone(putEvent(event, b.EventsDue))
	}

	for _, row := range b.PlanRows {
		stored := planRecord{PlanRow: row, ExpiresAt: b.PlansUntil.Unix()}
		alone(put(planKey(id, l.RunID, row.ItemID), mustEncode(stored)))
	}

	for _, p := range b.AddPending {
		alone(putPending(id, p))
	}

	for _, p := range b.RetriedPending {
		alone(clearRetry(id, p))
	}

	for _, p := range b.DeletePending {
		alone(erase(pendingKey(id, p)))
	}

	return groups
}

// actions are the writes of what a pull found out about one object.
func (p Pulled) actions(integration domain.Snowflake, due time.Time) []action {
	var group []action
	if p.Link != nil {
		group = append(group, putLink(integration, *p.Link))
	}

	for _, o := range p.Objects {
		group = append(group, put(remoteKey(integration, o.Target, o.RemoteID), mustEncode(o)))
	}

	for _, o := range p.Forget {
		group = append(group, erase(remoteKey(integration, o.Target, o.RemoteID)))
	}

	for _, event := range p.Events {
		group = append(group, putEvent(event, due))
	}

	return group
}

// batchUpdate is what a batch changes in the state. Some members are written with
// the last transaction only, when everything before them is stored.
func (l Lease) batchUpdate(b Batch, last bool) *update {
	u := l.progressUpdate(b.Run, b.Cursor && last)
	if b.Condition != nil {
		u.set("condition", fields(b.Condition))
	}

	if !last {
		return u
	}

	if b.Pull != nil {
		u.set("pull", fields(b.Pull))
	}

	if b.PullTried && b.PullProblem != nil {
		u.set("pull_problem", fields(*b.PullProblem))
	}

	if b.PullTried && b.PullProblem == nil {
		u.set("pull_problem", &types.AttributeValueMemberNULL{Value: true})
	}

	if b.Relink != nil {
		u.set("relink", fields(b.Relink))
	}

	if !b.Relinked.IsZero() {
		u.set("relinked_at", millis(b.Relinked)).set("full_epoch", number(0))
	}

	if b.Target != nil {
		u.set("place", fields(*b.Target))
	}

	return u
}
