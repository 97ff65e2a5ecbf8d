package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"example.com/integrations/shared/domain"
)

// A foundRun is a run, and where it is active the state it is in.
type foundRun struct {
	run   domain.Run
	state *State
	lane  RunKind
}

// endedRun is a run in the history.
type endedRun struct {
	domain.Run
	ExpiresAt int64 `json:"expires_at"`
}

// findRun looks for a run where it is active and in the history.
func (s *Store) findRun(ctx context.Context, integration, id domain.Snowflake, now time.Time) (foundRun, error) {
	keys := []key{runKey(integration, id)}
	for _, lane := range lanes {
		keys = append(keys, laneKey(integration, lane))
	}

	found, err := s.batchGet(ctx, keys)
	if err != nil {
		return foundRun{}, err
	}

	if ended, err := inHistory(found[keys[0]], now); !errors.Is(err, ErrNotFound) {
		return ended, err
	}

	for i, lane := range lanes {
		var st *State
		if err := into(found[keys[i+1]], &st); err != nil {
			return foundRun{}, err
		}

		if st != nil && st.Run != nil && st.Run.ID == id && st.Run.Mode != domain.Purge {
			return foundRun{run: st.Run.Run, state: st, lane: lane}, nil
		}
	}

	// The places are not read at one moment: a run that has ended in between was
	// not in the history yet, and is not active any more.
	r, err := s.get(ctx, keys[0])
	if err != nil {
		return foundRun{}, err
	}

	return inHistory(r, now)
}

// inHistory is an ended run, by its record. ErrNotFound if there is none, or its
// time is over.
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

// Run reads one run of an integration, active or ended. ErrNotFound if it has
// none of that id, or it ended over 90 days ago: DynamoDB deletes late, so
// that is decided here.
func (s *Store) Run(ctx context.Context, integration, id domain.Snowflake, now time.Time) (domain.Run, error) {
	found, err := s.findRun(ctx, integration, id, now)
	return found.run, wrap(err, "read run", id)
}

// Runs lists up to limit runs of an integration older than the run whose
// sortable id is after ("" for the newest), newest first. The active ones
// stand among them. Next is "" when there are no more; a page may be short.
func (s *Store) Runs(ctx context.Context, integration domain.Snowflake, after string, limit int, now time.Time) ([]domain.Run, string, error) {
	// The active ones first: one that ends in between is in the history then.
	found, err := s.batchGet(ctx, []key{laneKey(integration, LiveRun), laneKey(integration, DryRun)})
	if err != nil {
		return nil, "", wrap(err, "list runs of integration", integration)
	}

	runs, next, err := s.history(ctx, integration, after, limit, now)
	if err != nil {
		return nil, "", wrap(err, "list runs of integration", integration)
	}

	for _, r := range found {
		var st *State
		err = errors.Join(err, into(r, &st))
		if st == nil || st.Run == nil || st.Run.Mode == domain.Purge {
			continue
		}

		id := st.Run.ID.Sortable()
		known := slices.ContainsFunc(runs, func(r domain.Run) bool { return r.ID == st.Run.ID }) // it ended in between
		if !known && (after == "" || id < after) && (next == "" || id > next) {
			runs = append(runs, st.Run.Run)
		}
	}

	slices.SortFunc(runs, func(a, b domain.Run) int { return -compare(a.ID, b.ID) })
	if len(runs) > limit {
		runs = runs[:limit]
		next = runs[limit-1].ID.Sortable()
	}

	return runs, next, wrap(err, "list runs of integration", integration)
}

func compare(a, b domain.Snowflake) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}

	return 0
}

func (s *Store) history(ctx context.Context, integration domain.Snowflake, after string, limit int, now time.Time) (runs []domain.Run, next string, err error) {
	from := ""
	if after != "" {
		from = runPrefix + after
	}

	records, more, err := s.query(ctx, pageOf{pk: integrationPartition(integration), prefix: runPrefix, after: from, limit: limit, newest: true})
	for _, r := range records {
		var ended endedRun
		err = errors.Join(err, decode(r, &ended))
		next = ended.ID.Sortable()
		if ended.ExpiresAt > now.Unix() {
			runs = append(runs, ended.Run)
		}
	}

	if !more {
		next = ""
	}

	return runs, next, err
}

// plansKept is how long the plan of a dry run can be read.
const plansKept = 7 * 24 * time.Hour

// A planRecord is a plan row as it is kept.
type planRecord struct {
	domain.PlanRow
	ExpiresAt int64 `json:"expires_at"`
}

// DropPlan removes what a dry run has planned so far.
func (s *Store) DropPlan(ctx context.Context, integration, run domain.Snowflake) error {
	for {
		records, _, err := s.query(ctx, pageOf{pk: integrationPartition(integration), prefix: plansPrefix(run), limit: 100, only: []string{partitionKey, sortKey}})
		if err != nil || len(records) == 0 {
			return wrap(err, "drop plan of run", run)
		}

		keys := make([]key, len(records))
		for i, r := range records {
			keys[i] = key{textOf(r, partitionKey), textOf(r, sortKey)}
		}

		if err := s.deleteAll(ctx, keys); err != nil {
			return wrap(err, "drop plan of run", run)
		}
	}
}

// PlanRows lists up to limit rows of a dry run's plan in the order of items,
// after the item whose sortable id is after. Next is "" when there are no more.
func (s *Store) PlanRows(ctx context.Context, integration, run domain.Snowflake, after string, limit int, now time.Time) (rows []domain.PlanRow, next string, err error) {
	from := ""
	if after != "" {
		from = plansPrefix(run) + after
	}

	records, more, err := s.query(ctx, pageOf{pk: integrationPartition(integration), prefix: plansPrefix(run), after: from, limit: limit})
	for _, r := range records {
		var row planRecord
		err = errors.Join(err, decode(r, &row))
		next = row.ItemID.Sortable()
		if row.ExpiresAt > now.Unix() {
			rows = append(rows, row.PlanRow)
		}
	}

	if !more {
		next = ""
	}

	return rows, next, wrap(err, "list plan of run", run)
}
