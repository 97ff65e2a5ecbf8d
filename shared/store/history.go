package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"example.com/integrations/shared/domain"
)

// runsKept is how long an ended run can be read.
const runsKept = 90 * 24 * time.Hour

// A foundRun is a run, with its state and its kind if it is active.
type foundRun struct {
	run   domain.Run
	state *State
	kind  RunKind
}

// endedRun is a run in the history.
type endedRun struct {
	domain.Run
	ExpiresAt int64 `json:"expires_at"`
}

// findRun looks for a run among the active and the ended ones. ErrNotFound if there
// is none.
func (r runRepository) findRun(ctx context.Context, integration, id domain.Snowflake, now time.Time) (foundRun, error) {
	keys := []key{runKey(integration, id)}
	for _, kind := range runKinds {
		keys = append(keys, kindKey(integration, kind))
	}

	found, err := r.table.batchGet(ctx, keys)
	if err != nil {
		return foundRun{}, err
	}

	if ended, err := inHistory(found[keys[0]], now); !errors.Is(err, ErrNotFound) {
		return ended, err
	}

	for i, kind := range runKinds {
		var st *State
		if err := into(found[keys[i+1]], &st); err != nil {
			return foundRun{}, err
		}

		if st != nil && st.Run != nil && st.Run.ID == id && st.Run.Mode != domain.Purge {
			return foundRun{run: st.Run.Run, state: st, kind: kind}, nil
		}
	}

	// The records are not read at the same moment. A run that has ended in between
	// was not in the history yet, and is not active any more.
	record, err := r.table.get(ctx, keys[0])
	if err != nil {
		return foundRun{}, err
	}

	return inHistory(record, now)
}

// inHistory is an ended run, by its record. ErrNotFound if there is none, or it has
// expired.
func inHistory(r record, now time.Time) (foundRun, error) {
	var ended *endedRun
	if err := into(r, &ended); err != nil {
		return foundRun{}, err
	}

	if ended == nil || ended.ExpiresAt <= now.Unix() {
		return foundRun{}, ErrNotFound
	}

	return foundRun{run: ended.Run}, nil
}

// Run reads one run of an integration, active or ended. ErrNotFound if it has none
// with this id, or it ended over 90 days ago. DynamoDB deletes expired records
// late, so the expiry is checked here.
func (r runRepository) Run(ctx context.Context, integration, id domain.Snowflake, now time.Time) (domain.Run, error) {
	found, err := r.findRun(ctx, integration, id, now)
	return found.run, wrap(err, "read run", id)
}

// Runs lists a page of an integration's runs, newest first. Pages begin after the
// sortable id of a run. The active runs are among them. next is "" when there are
// no more; a page may be short.
func (r runRepository) Runs(ctx context.Context, integration domain.Snowflake, page domain.Page, now time.Time) ([]domain.Run, string, error) {
	// The active ones first: one that ends in between is in the history then.
	found, err := r.table.batchGet(ctx, []key{kindKey(integration, LiveRun), kindKey(integration, DryRun)})
	if err != nil {
		return nil, "", wrap(err, "list runs of integration", integration)
	}

	runs, next, err := r.history(ctx, integration, page, now)
	if err != nil {
		return nil, "", wrap(err, "list runs of integration", integration)
	}

	for _, record := range found {
		var st *State
		err = errors.Join(err, into(record, &st))
		if st == nil || st.Run == nil || st.Run.Mode == domain.Purge {
			continue
		}

		id := st.Run.ID.Sortable()
		known := slices.ContainsFunc(runs, func(r domain.Run) bool { return r.ID == st.Run.ID }) // it ended in between
		if !known && (page.After == "" || id < page.After) && (next == "" || id > next) {
			runs = append(runs, st.Run.Run)
		}
	}

	slices.SortFunc(runs, func(a, b domain.Run) int { return cmp.Compare(b.ID, a.ID) })
	if len(runs) > page.Limit {
		runs = runs[:page.Limit]
		next = runs[page.Limit-1].ID.Sortable()
	}

	return runs, next, wrap(err, "list runs of integration", integration)
}

// history lists ended runs, newest first.
func (r runRepository) history(ctx context.Context, integration domain.Snowflake, page domain.Page, now time.Time) (runs []domain.Run, next string, err error) {
	from := ""
	if page.After != "" {
		from = runPrefix + page.After
	}

	records, last, err := r.table.query(ctx, pageOf{pk: integrationPartition(integration), prefix: runPrefix, after: from, limit: page.Limit, newest: true})
	for _, record := range records {
		var ended endedRun
		err = errors.Join(err, decode(record, &ended))
		if ended.ExpiresAt > now.Unix() {
			runs = append(runs, ended.Run)
		}
	}

	return runs, strings.TrimPrefix(last, runPrefix), err
}

// plansKept is how long the plan of a dry run can be read.
const plansKept = 7 * 24 * time.Hour

// A planRecord is a plan row as it is stored.
type planRecord struct {
	domain.PlanRow
	ExpiresAt int64 `json:"expires_at"`
}

// DropPlan deletes the rows that a dry run has planned.
func (r runRepository) DropPlan(ctx context.Context, integration, run domain.Snowflake) error {
	for {
		keys, err := r.table.keys(ctx, pageOf{pk: integrationPartition(integration), prefix: plansPrefix(run), limit: 100})
		if err != nil || len(keys) == 0 {
			return wrap(err, "drop plan of run", run)
		}

		if err := r.table.deleteAll(ctx, keys); err != nil {
			return wrap(err, "drop plan of run", run)
		}
	}
}

// PlanRows lists a page of a dry run's plan in the order of items. Pages begin after
// the sortable id of an item. next is "" when there are no more.
func (r runRepository) PlanRows(ctx context.Context, integration, run domain.Snowflake, page domain.Page, now time.Time) (rows []domain.PlanRow, next string, err error) {
	from := ""
	if page.After != "" {
		from = plansPrefix(run) + page.After
	}

	records, last, err := r.table.query(ctx, pageOf{pk: integrationPartition(integration), prefix: plansPrefix(run), after: from, limit: page.Limit})
	for _, record := range records {
		var row planRecord
		err = errors.Join(err, decode(record, &row))
		if row.ExpiresAt > now.Unix() {
			rows = append(rows, row.PlanRow)
		}
	}

	return rows, strings.TrimPrefix(last, plansPrefix(run)), wrap(err, "list plan of run", run)
}
