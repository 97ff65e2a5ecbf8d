package store

import (
	"context"
	"errors"

	"example.com/integrations/shared/domain"
)

// looked is how many rows a filtered page of the ledger looks at.
const looked = 500

// Ledger lists up to limit rows of an integration's ledger at a target in the
// order of items, after the item whose sortable id is after; with an outcome,
// only its rows. Those that matter stand in an index, which lags by a moment;
// the others are filtered, so a page may be short and have a next all the
// same. Next is "" when there are no more.
func (s *Store) Ledger(ctx context.Context, integration domain.Snowflake, target string, out domain.Outcome, after string, limit int) (rows []domain.LedgerRow, next string, err error) {
	q := pageOf{pk: integrationPartition(integration), prefix: linksPrefix(target), limit: limit}
	switch {
	case noteworthy[out]:
		q.index, q.indexKey = indexOutcome, outcomePartition(integration, out)
	case out != "":
		q.filter, q.values, q.limit = "outcome = :outcome", record{":outcome": text(string(out))}, looked
	}

	if after != "" {
		q.after = linksPrefix(target) + after
	}

	page, err := s.db.Query(ctx, s.queryInput(q))
	if err != nil {
		return nil, "", wrap(err, "list ledger of integration", integration)
	}

	more := false // beyond the last row taken, on this page
	for n, r := range page.Items {
		var l Link
		err = errors.Join(err, decode(r, &l))
		next = l.ItemID.Sortable()
		if l.told() {
			rows = append(rows, l.row())
		}

		if more = n < len(page.Items)-1; len(rows) == limit {
			break
		}
	}

	switch last := textOf(page.LastEvaluatedKey, sortKey); {
	case more:
	case last != "":
		next = last[len(linksPrefix(target)):]
	default:
		next = ""
	}

	return rows, next, wrap(err, "list ledger of integration", integration)
}

// told reports whether there is anything to tell of an item: of one whose turn
// has yet to come there is not.
func (l Link) told() bool { return l.Outcome != "" || l.Intent != nil }

// inProgress is the reason why the outcome of a create is not known that is
// under way, or was when its worker died.
const inProgress = "in_progress"

func (l Link) row() domain.LedgerRow {
	if l.Outcome == "" {
		l.Outcome = domain.Unknown
		l.Reason = inProgress
		l.UpdatedAt = l.Intent.At
	}

	row := domain.LedgerRow{ItemID: l.ItemID, FormattedNumber: l.FormattedNumber, Outcome: l.Outcome, Attempts: l.Attempts, UpdatedAt: l.UpdatedAt, Remote: l.Remote}
	if l.Reason != "" {
		row.Reason = &l.Reason
	}

	if l.LastRunID != 0 {
		row.LastRunID = &l.LastRunID
	}

	return row
}

// Backlog counts what waits to be pushed and which items are given up at a target.
func (s *Store) Backlog(ctx context.Context, integration domain.Snowflake, target string) (pending, givenUp int, err error) {
	pending, err = s.CountPendingChanges(ctx, integration)
	if err != nil {
		return 0, 0, err
	}

	givenUp, err = s.count(ctx, pageOf{
		prefix: linksPrefix(target), index: indexOutcome, indexKey: outcomePartition(integration, domain.FailedOut),
		filter: "given_up = :true", values: record{":true": truth(true)},
	})

	return pending, givenUp, wrap(err, "count given-up items of integration", integration)
}

// Retriable lists up to limit links with an outcome that a manager may have
// tried again, in the order of items after a sortable id.
func (s *Store) Retriable(ctx context.Context, integration domain.Snowflake, target string, out domain.Outcome, after string, limit int) (marks []PendingChange, next string, err error) {
	q := pageOf{pk: integrationPartition(integration), prefix: linksPrefix(target), limit: limit, index: indexOutcome, indexKey: outcomePartition(integration, out)}
	if after != "" {
		q.after = linksPrefix(target) + after
	}

	records, more, err := s.query(ctx, q)
	for _, r := range records {
		var l Link
		err = errors.Join(err, decode(r, &l))
		marks = append(marks, l.retryMark())
		next = l.ItemID.Sortable()
	}

	if !more {
		next = ""
	}

	return marks, next, wrap(err, "list items to be tried again of integration", integration)
}
