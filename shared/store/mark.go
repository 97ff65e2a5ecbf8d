package store

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/domain"
)

// A PendingChange says that a version of an item has yet to reach the provider. It is
// deleted by its exact key, so that a newer one survives.
type PendingChange struct {
	ItemID  domain.Snowflake
	Version int64
	Deleted bool // it is of the item's deletion
	// Retry: a manager wants the item tried again, given up or not.
	Retry bool
	// Planned is the plan pass that put the mark (ActiveRun.PlanID); such an
	// item was not counted then.
	Planned domain.Snowflake
	// Announced: an event told of this version. What only a plan pass has marked is
	// no news.
	Announced bool
}

// markUpdate keeps what a mark says already: it is written by ingest, by plan
// passes and for retries, in any order.
func markUpdate(m PendingChange) update {
	if m.Planned == 0 && !m.Retry {
		return update{expression: "SET #planned = if_not_exists(#planned, :zero), #announced = :true",
			names: map[string]string{"#planned": "planned", "#announced": "announced"}, values: record{":zero": number(0), ":true": truth(true)}}
	}

	u := update{names: map[string]string{}, values: record{}}
	var set []string
	if m.Retry {
		u.names["#retry"], u.values[":true"] = "retry", truth(true)
		set = append(set, "#retry = :true")
	}

	if m.Planned != 0 {
		u.names["#planned"], u.values[":planned"] = "planned", number(int64(m.Planned))
		set = append(set, "#planned = :planned")
	}

	u.expression = "SET " + strings.Join(set, ", ")

	return u
}

// PutPendingChange stores a mark, as an event tells of a version. Storing it again
// changes nothing.
func (s *Store) PutPendingChange(ctx context.Context, integration domain.Snowflake, m PendingChange) error {
	_, err := s.update(ctx, markKey(integration, m), markUpdate(m))
	return wrap(err, "mark item", m.ItemID)
}

// retryMark marks a link's item for another try, as it is then. It is a mark of
// its own, of no version: a worker that is at the item meanwhile deletes those
// it has read, and must not take the wish with them.
func (l Link) retryMark() PendingChange { return PendingChange{ItemID: l.ItemID, Retry: true} }

// RetryItems marks items for another try: at most 100, whose links were read.
func (s *Store) RetryItems(ctx context.Context, integration domain.Snowflake, links []Link) error {
	var actions []types.TransactWriteItem
	for _, l := range links {
		m := l.retryMark()
		actions = append(actions, s.updateAction(markKey(integration, m), markUpdate(m)))
	}

	if len(actions) == 0 {
		return nil
	}

	return wrap(s.transact(ctx, actions), "retry items of integration", integration)
}

// ItemOfPendingChange is whose mark a cursor is, 0 for the beginning.
func ItemOfPendingChange(cursor string) domain.Snowflake {
	m, err := parseMark(cursor)
	if err != nil {
		return 0
	}
	return m.ItemID
}

// PendingChanges reads up to limit marks after a cursor (a sort key, "" for the first),
// strongly consistent. Next is the cursor of the last one, "" when there are
// no more.
func (s *Store) PendingChanges(ctx context.Context, integration domain.Snowflake, after string, limit int) (marks []PendingChange, next string, err error) {
	records, more, err := s.query(ctx, pageOf{pk: integrationPartition(integration), prefix: markPrefix, after: after, limit: limit})
	for _, r := range records {
		m, perr := parseMark(textOf(r, sortKey))
		var flags struct {
			Retry   bool   `json:"retry"`
			Planned uint64 `json:"planned"`
			Told    bool   `json:"announced"`
		}

		err = errors.Join(err, perr, decode(r, &flags))
		m.Retry, m.Planned, m.Announced = flags.Retry, domain.Snowflake(flags.Planned), flags.Told
		marks = append(marks, m)
		next = textOf(r, sortKey)
	}

	if !more {
		next = ""
	}

	return marks, next, wrap(err, "read marks of integration", integration)
}

// CountPendingChanges counts what waits to be pushed.
func (s *Store) CountPendingChanges(ctx context.Context, integration domain.Snowflake) (int, error) {
	n, err := s.count(ctx, pageOf{pk: integrationPartition(integration), prefix: markPrefix})
	return n, wrap(err, "count marks of integration", integration)
}

// Cursor is the place of a mark among the others: Marks goes on after it.
func (m PendingChange) Cursor() string { return markKey(0, m).sk }

// PendingCursor is the cursor before the first mark of an item.
func PendingCursor(item domain.Snowflake) string { return markPrefix + item.Sortable() + "#" }
