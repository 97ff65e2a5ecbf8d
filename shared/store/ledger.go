package store

import (
	"context"
	"errors"
	"strings"

	"example.com/integrations/shared/domain"
)

// filteredPage is how many rows one request reads of which a filter keeps some.
const filteredPage = 500

// Ledger lists a page of an integration's ledger at a target in the order of items.
// Pages begin after the sortable id of an item. With an outcome it lists only its
// rows. Some outcomes are in an index, which lags by a moment; the others are
// filtered, so a page may be short and still have a next page. next is "" when
// there are no more.
func (r linkRepository) Ledger(ctx context.Context, integration domain.Snowflake, target string, out domain.Outcome, page domain.Page) (rows []domain.LedgerRow, next string, err error) {
	q := pageOf{pk: integrationPartition(integration), prefix: linksPrefix(target), limit: page.Limit}
	switch {
	case indexed[out]:
		q.outcome = outcomePartition(integration, out)
	case out != "":
		q.filter = equal("outcome", text(string(out)))
		q.limit = filteredPage
	}

	if page.After != "" {
		q.after = linksPrefix(target) + page.After
	}

	records, last, err := r.table.query(ctx, q)
	if err != nil {
		return nil, "", wrap(err, "list ledger of integration", integration)
	}

	next = strings.TrimPrefix(last, linksPrefix(target))
	for n, record := range records {
		var l Link
		err = errors.Join(err, decode(record, &l))
		if l.hasRow() {
			rows = append(rows, l.row())
		}

		if len(rows) == page.Limit {
			if n < len(records)-1 { // the page has more rows than asked for
				next = l.ItemID.Sortable()
			}
			break
		}
	}

	return rows, next, wrap(err, "list ledger of integration", integration)
}

// hasRow reports whether an item has a result to show. An item that was never tried
// has none.
func (l Link) hasRow() bool { return l.Outcome != "" || l.Intent != nil }

// inProgress is the reason of an unknown outcome while a create is being sent, or
// when the worker died while it was sent.
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

// Backlog counts the pending changes and the items that are given up at a target.
func (r linkRepository) Backlog(ctx context.Context, integration domain.Snowflake, target string) (pending, givenUp int, err error) {
	pending, err = r.pending.CountPendingChanges(ctx, integration)
	if err != nil {
		return 0, 0, err
	}

	givenUp, err = r.table.count(ctx, pageOf{
		prefix: linksPrefix(target), outcome: outcomePartition(integration, domain.FailedOut), filter: equal("given_up", truth(true)),
	})

	return pending, givenUp, wrap(err, "count given-up items of integration", integration)
}

// Retriable lists a page of the items with an outcome that a manager may ask to try
// again, as pending changes, in the order of items. Pages begin after the sortable
// id of an item.
func (r linkRepository) Retriable(ctx context.Context, integration domain.Snowflake, target string, out domain.Outcome, page domain.Page) (changes []PendingChange, next string, err error) {
	q := pageOf{pk: integrationPartition(integration), prefix: linksPrefix(target), limit: page.Limit, outcome: outcomePartition(integration, out)}
	if page.After != "" {
		q.after = linksPrefix(target) + page.After
	}

	records, last, err := r.table.query(ctx, q)
	for _, record := range records {
		var l Link
		err = errors.Join(err, decode(record, &l))
		changes = append(changes, l.retry())
	}

	return changes, strings.TrimPrefix(last, linksPrefix(target)), wrap(err, "list items to try again of integration", integration)
}
