package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
)

// An erasureRepository deletes all records of a deleted organisation by its
// schedule, and those of a deleted integration (see Purge).
type erasureRepository struct {
	table        *table
	integrations integrationRepository
}

// The phases of an erasure.
const (
	// Scheduled: the time has not come, or the records are being erased.
	Scheduled = "scheduled"
	// Sweeping: all records are erased. Much later, the records that late events
	// have created are erased too.
	Sweeping = "sweeping"
)

// An Erasure is the schedule by which all records of a deleted organisation are
// erased. It is in the organisation's partition and in the index "due".
type Erasure struct {
	OrganisationID domain.Snowflake `json:"organisation_id"`
	// DeletedAt identifies the deletion, in Unix milliseconds: an organisation may be
	// deleted, restored, and deleted again.
	DeletedAt int64 `json:"deleted_at"`
	// At is when the erasure begins, in Unix milliseconds.
	At int64 `json:"at"`
	// Event is the event that announces it.
	Event domain.Snowflake `json:"event"`
	Phase string           `json:"phase"`
	// Integrations are the integrations whose purges were started.
	Integrations []domain.Snowflake `json:"integrations"`
	DueAt        int64              `json:"due_at"` // Unix milliseconds
	DueCount     int64              `json:"due_count"`
	// Returned says that the organisation was restored, and perhaps deleted again,
	// since. It is not stored.
	Returned bool `json:"-"`
}

// ScheduleErasure schedules the erasure of a deleted organisation, in one
// transaction with the event that announces it. If it is scheduled already, the
// time can only become earlier, and no second event is sent. deletedAt is
// OrganisationState.DeletedAt.
func (r erasureRepository) ScheduleErasure(ctx context.Context, org domain.Snowflake, deletedAt int64, at, now time.Time) error {
	event := outgoing.OrganisationPurging(domain.NewSnowflake(now), org, at)
	schedule := newUpdate().
		set("organisation_id", idOf(org)).
		set("deleted_at", number(deletedAt)).
		set("at", millis(at)).
		set("event", idOf(event.ID)).
		set("phase", text(Scheduled)).
		set("due_at", millis(at)).
		set("due_count", number(0)).
		set("due_shard", text(dueShard(org))).
		when(either(absent(partitionKey), differs("deleted_at", number(deletedAt))))

	err := r.table.transact(ctx, []action{change(erasureKey(org), schedule), putEvent(event, now)})
	if _, at := refused(err); at != 0 {
		return wrap(err, "schedule erasure of organisation", org)
	}

	earlier := newUpdate().
		set("at", millis(at)).
		set("due_at", millis(at)).
		set("due_count", number(0)).
		when(equal("deleted_at", number(deletedAt)), equal("phase", text(Scheduled)), more("at", millis(at)))

	return wrap(r.table.updateOr(ctx, erasureKey(org), earlier, nil), "schedule erasure of organisation", org)
}

// Revive makes due again what was scheduled before an organisation was deleted.
// Each of its enabled integrations that has run before gets a run, which pulls and
// tries again what failed. The erasure is cancelled. Revive does nothing for an
// organisation that is deleted, and may be repeated.
func (r erasureRepository) Revive(ctx context.Context, org domain.Snowflake, now time.Time) error {
	listeners, err := r.integrations.enabled(ctx, org, integrationPrefix)
	if err != nil {
		return err
	}

	for _, i := range listeners {
		u := newUpdate().
			set("retry_at", millis(now)).
			set("due_at", millis(now)).
			set("due_count", number(0)).
			set("due_shard", text(dueShard(i.ID))).
			when(exists(partitionKey), absent("run"))

		err := r.table.updateOr(ctx, stateKey(i.ID), u, nil) // refused: it has never run, or runs now
		if err != nil {
			return wrap(err, "revive integration", i.ID)
		}
	}

	alive := newUpdate().remove("suspended").when(equal("is_deleted", truth(false)))
	err = r.table.transact(ctx, []action{change(organisationKey(org), alive), erase(erasureKey(org))})
	if _, at := refused(err); at == 0 {
		err = nil // it was deleted again meanwhile
	}

	return wrap(err, "revive organisation", org)
}

// Erasure reads the schedule of an organisation, nil when there is none.
func (r erasureRepository) Erasure(ctx context.Context, org domain.Snowflake) (*Erasure, error) {
	found, err := r.table.batchGet(ctx, []key{erasureKey(org), organisationKey(org)})
	if err != nil {
		return nil, wrap(err, "read erasure of organisation", org)
	}

	var e *Erasure
	var o *struct {
		Deleted   bool  `json:"is_deleted"`
		DeletedAt int64 `json:"deleted_at"`
	}
	err = errors.Join(into(found[erasureKey(org)], &e), into(found[organisationKey(org)], &o))
	if e != nil {
		e.Returned = o == nil || !o.Deleted || o.DeletedAt != e.DeletedAt
	}

	return e, wrap(err, "read erasure of organisation", org)
}

// MoveErasure moves the time at which dispatch acts on an erasure again.
// ErrConflict when another dispatch did.
func (r erasureRepository) MoveErasure(ctx context.Context, e Erasure, next time.Time) error {
	err := r.table.updateOr(ctx, erasureKey(e.OrganisationID), movedDue(e.DueAt, e.DueCount+1, next), ErrConflict)
	return wrap(err, "move erasure of organisation", e.OrganisationID)
}

// stillDeleted are the conditions on the organisation's record that its deletion is
// the one of the erasure. An organisation that was restored is not erased.
func (e Erasure) stillDeleted() []condition {
	return []condition{equal("is_deleted", truth(true)), equal("deleted_at", number(e.DeletedAt))}
}

// sameDeletion is the condition on the schedule that it is of the same deletion.
func (e Erasure) sameDeletion() condition { return equal("deleted_at", number(e.DeletedAt)) }

func (e Erasure) checkDeleted() action {
	return check(organisationKey(e.OrganisationID), e.stillDeleted()...)
}

// EraseNext lists the remaining integrations of an organisation, enabled or not,
// and adds them to the erasure, which is then the only record with their ids.
func (r erasureRepository) EraseNext(ctx context.Context, e *Erasure) ([]IntegrationRef, error) {
	records, _, err := r.table.query(ctx, pageOf{pk: organisationPartition(e.OrganisationID), prefix: integrationPrefix, limit: MaxIntegrations,
		only: []string{"id", "organisation_id", "item_type"}})
	if err != nil || len(records) == 0 {
		return nil, wrap(err, "list integrations of organisation", e.OrganisationID)
	}

	known := map[domain.Snowflake]bool{}
	for _, id := range e.Integrations {
		known[id] = true
	}

	var refs []IntegrationRef
	for _, record := range records {
		var ref IntegrationRef
		if err := decode(record, &ref); err != nil {
			return nil, wrap(err, "list integrations of organisation", e.OrganisationID)
		}

		refs = append(refs, ref)
		if !known[ref.ID] {
			e.Integrations = append(e.Integrations, ref.ID)
		}
	}

	u := newUpdate().set("integrations", mustEncode(*e)["integrations"]).when(e.sameDeletion())
	err = r.table.updateOr(ctx, erasureKey(e.OrganisationID), u, ErrConflict)

	return refs, wrap(err, "record integrations of organisation", e.OrganisationID)
}

// EraseIntegration is DeleteIntegration for an organisation that is erased. The
// secrets are deleted with the record, in this write. ErrConflict also when the
// organisation was restored.
func (r erasureRepository) EraseIntegration(ctx context.Context, e Erasure, v View, purge domain.Snowflake, now time.Time) (queued bool, err error) {
	return r.integrations.deleteIntegration(ctx, v, purge, now, e.checkDeleted())
}

// Unpurged counts the integrations of an erasure whose purge is not complete.
func (r erasureRepository) Unpurged(ctx context.Context, e Erasure) (int, error) {
	left := 0
	for ids := e.Integrations; len(ids) > 0; {
		n := min(len(ids), 100)
		var keys []key
		for _, id := range ids[:n] {
			keys = append(keys, ownerKey(id))
		}

		found, err := r.table.batchGet(ctx, keys)
		if err != nil {
			return 0, wrap(err, "read integrations of organisation", e.OrganisationID)
		}

		left += len(found)
		ids = ids[n:]
	}

	return left, nil
}

// erasePage is how many items are erased in one transaction, each with its
// claim. The items of a transaction may have 4 MB together, and one of the
// largest has about 160 KB
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).
const erasePage = 20

// EraseSome erases one page of an organisation's items or, when there are none,
// of the records in its partition. It returns how many; 0 means that only the
// organisation's own record, this schedule, and the unpublished events are left.
// ErrConflict when the organisation was restored.
func (r erasureRepository) EraseSome(ctx context.Context, e Erasure) (int, error) {
	for _, t := range domain.ItemTypes {
		keys, err := r.table.keys(ctx, pageOf{pk: itemsPartition(e.OrganisationID, t), limit: erasePage})
		if err != nil {
			return 0, wrap(err, "list items of organisation", e.OrganisationID)
		}
		if len(keys) == 0 {
			continue
		}

		actions := []action{e.checkDeleted()}
		for _, k := range keys {
			actions = append(actions, erase(k), erase(claimOf(k)))
		}

		return len(keys), r.erase(ctx, e, actions)
	}

	keys, err := r.table.keys(ctx, pageOf{pk: organisationPartition(e.OrganisationID), limit: MaxActions})
	if err != nil {
		return 0, wrap(err, "list records of organisation", e.OrganisationID)
	}

	actions := []action{e.checkDeleted()}
	for _, k := range keys {
		if !e.keeps(k) && len(actions) < MaxActions {
			actions = append(actions, erase(k))
		}
	}

	if len(actions) == 1 {
		return 0, nil
	}

	return len(actions) - 1, r.erase(ctx, e, actions)
}

// keeps reports whether a record of the organisation's partition is erased by
// another method, or stays until the end.
func (e Erasure) keeps(k key) bool {
	switch {
	case k == organisationKey(e.OrganisationID), k == erasureKey(e.OrganisationID):
		return true
	case strings.HasPrefix(k.sk, outboxPrefix):
		return e.Phase != Sweeping
	}

	return strings.HasPrefix(k.sk, integrationPrefix)
}

// erase sends a transaction whose first action depends on the deletion.
func (r erasureRepository) erase(ctx context.Context, e Erasure, actions []action) error {
	err := r.table.transact(ctx, actions)
	if _, at := refused(err); at == 0 {
		err = ErrConflict
	}
	return wrap(err, "erase organisation", e.OrganisationID)
}

// Erased ends the first round of an erasure. Of the organisation's record, id,
// version and deletion stay, so that no older event restores it. The second round
// is at sweep. ErrConflict when the organisation was restored.
func (r erasureRepository) Erased(ctx context.Context, e Erasure, sweep time.Time) error {
	bare := newUpdate().remove("name", "owner_id", "roles").when(e.stillDeleted()...)
	next := newUpdate().
		set("phase", text(Sweeping)).
		set("due_at", millis(sweep)).
		set("due_count", number(0)).
		remove("integrations").
		when(e.sameDeletion())

	return r.erase(ctx, e, []action{change(organisationKey(e.OrganisationID), bare), change(erasureKey(e.OrganisationID), next)})
}

// Swept ends an erasure: the organisation's record and the schedule are deleted.
// ErrConflict when the organisation was restored.
func (r erasureRepository) Swept(ctx context.Context, e Erasure) error {
	return r.erase(ctx, e, []action{
		erase(organisationKey(e.OrganisationID), e.stillDeleted()...),
		erase(erasureKey(e.OrganisationID)),
	})
}
