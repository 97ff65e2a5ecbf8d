package store

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
)

// A Batch is what a worker records together. Links are written before marks
// are deleted, whatever the number of transactions it takes; a link and what
// belongs to it are never apart.
type Batch struct {
	Run            ActiveRun
	Links          []Link
	Pulled         []Pulled
	AddPending     []PendingChange
	DeletePending  []PendingChange
	RetriedPending []PendingChange // a manager's wish to have them tried again is fulfilled
	PlanRows       []domain.PlanRow
	PlansUntil     time.Time // when PlanRows expire
	Digest         *Digest   // nil for none
	Events         []outgoing.Event
	EventsDue      time.Time
	Condition      *Condition // nil: what is known stays
	Pull           *Pull      // nil: it stays; written with the last transaction
	Relink         *Pull      // nil: it stays; written with the last transaction
	// PullProblem replaces why the pull cannot go on, nil for that it can. It is
	// written where PullTried is set.
	PullProblem *Problem
	PullTried   bool
	// Relinked says that the search for lost links is complete, as of a time;
	// the next sync must then be full. Target is written with it.
	Relinked time.Time
	Target   *Target // nil: it stays; written with the last transaction
	// Cursor says that everything up to Run.MarkCursor is done with this batch.
	Cursor bool
}

// A Pulled is what a pull found out about an object, with the notice of it.
type Pulled struct {
	Link    *Link            // the item's, nil for an object without one
	Objects []Object         // objects to be remembered
	Forget  []Object         // objects whose records go
	Events  []outgoing.Event // the events of the change
}

// An Object is what is remembered of an object at the provider: whose it is,
// and for nobody's how it looked.
type Object struct {
	Target    string           `json:"target"`
	RemoteID  string           `json:"remote_id"`
	ItemID    domain.Snowflake `json:"item_id"` // 0: nobody's
	SeenText  string           `json:"seen_text"`
	SeenState domain.ItemState `json:"seen_state"`
}

// groups are the writes of a batch beside the state's, each group to be in one
// transaction.
func (s *Store) groups(l Lease, b Batch) [][]types.TransactWriteItem {
	id := l.Pair.ID
	var groups [][]types.TransactWriteItem
	link := func(link Link) types.TransactWriteItem {
		return s.putAction(linkKey(id, link.Target, link.ItemID), linkRecord(id, link))
	}

	for _, one := range b.Links {
		groups = append(groups, []types.TransactWriteItem{link(one)})
	}

	for _, c := range b.Pulled {
		var group []types.TransactWriteItem
		if c.Link != nil {
			group = append(group, link(*c.Link))
		}

		for _, o := range c.Objects {
			group = append(group, s.putAction(remoteKey(id, o.Target, o.RemoteID), mustEncode(o)))
		}

		for _, o := range c.Forget {
			group = append(group, s.deleteAction(remoteKey(id, o.Target, o.RemoteID)))
		}

		for _, n := range c.Events {
			group = append(group, s.outboxAction(n, b.EventsDue))
		}

		groups = append(groups, group)
	}

	if b.Digest != nil {
		groups = append(groups, []types.TransactWriteItem{s.putAction(digestKey(id, b.Digest.ID), mustEncode(*b.Digest))})
	}

	for _, n := range b.Events {
		groups = append(groups, []types.TransactWriteItem{s.outboxAction(n, b.EventsDue)})
	}

	for _, row := range b.PlanRows {
		r := mustEncode(planRecord{PlanRow: row, ExpiresAt: b.PlansUntil.Unix()})
		groups = append(groups, []types.TransactWriteItem{s.putAction(planKey(id, l.RunID, row.ItemID), r)})
	}

	for _, m := range b.AddPending {
		groups = append(groups, []types.TransactWriteItem{s.updateAction(markKey(id, m), markUpdate(m))})
	}

	for _, m := range b.RetriedPending {
		u := update{expression: "SET #retry = :false", names: map[string]string{"#retry": "retry"}, values: record{":false": truth(false)}}
		groups = append(groups, []types.TransactWriteItem{s.updateAction(markKey(id, m), u)})
	}

	for _, m := range b.DeletePending {
		groups = append(groups, []types.TransactWriteItem{s.deleteAction(markKey(id, m))})
	}

	return groups
}

// Commit writes a batch under the lease: each transaction holds the fence and
// the run's progress. ErrFenced when the lease is lost.
func (s *Store) Commit(ctx context.Context, l Lease, b Batch) error {
	groups := s.groups(l, b)
	for {
		actions := []types.TransactWriteItem{{}}
		for len(groups) > 0 && len(actions)+len(groups[0]) <= MaxActions {
			actions = append(actions, groups[0]...)
			groups = groups[1:]
		}

		last := len(groups) == 0
		actions[0] = s.updateAction(l.key(), l.batchUpdate(b, last))
		err := s.transact(ctx, actions)
		if _, at := refused(err); at == 0 {
			err = ErrFenced
		}

		if err != nil || last {
			return wrap(err, "commit to integration", l.Pair.ID)
		}
	}
}

func (l Lease) batchUpdate(b Batch, last bool) update {
	u := l.progressUpdate(b.Run, b.Cursor && last)
	put := func(name string, v types.AttributeValue) {
		u.names["#"+name] = name
		u.values[":"+name] = v
		u.expression += ", #" + name + " = :" + name
	}
	if b.Condition != nil {
		put("condition", &types.AttributeValueMemberM{Value: mustEncode(b.Condition)})
	}

	if b.Pull != nil && last {
		put("pull", &types.AttributeValueMemberM{Value: mustEncode(b.Pull)})
	}

	if b.PullTried && last && b.PullProblem != nil {
		put("pull_problem", &types.AttributeValueMemberM{Value: mustEncode(*b.PullProblem)})
	}

	if b.PullTried && last && b.PullProblem == nil {
		put("pull_problem", &types.AttributeValueMemberNULL{Value: true})
	}

	if b.Relink != nil && last {
		put("relink", &types.AttributeValueMemberM{Value: mustEncode(b.Relink)})
	}

	if !b.Relinked.IsZero() && last {
		put("relinked_at", number(b.Relinked.UnixMilli()))
		put("full_epoch", number(0))
	}

	if b.Target != nil && last {
		put("place", &types.AttributeValueMemberM{Value: mustEncode(*b.Target)})
	}

	return u
}
