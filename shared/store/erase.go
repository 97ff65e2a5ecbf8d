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

// A OrganisationState is how an organisation stands after an event of it.
type OrganisationState struct {
	// Current is false for an event that is older than what is stored: nothing is
	// to follow from it.
	Current bool
	Deleted bool
	// DeletedAt is when it was deleted, in Unix milliseconds.
	DeletedAt int64
	// Suspended says that the organisation was deleted, and that what was
	// scheduled has not been made due again since.
	Suspended bool
}

// TakeOrganisation stores what an event says of an organisation, unless a newer
// version of it is stored. An event of a deletion may say no more than the id
// and the version: name, owner and roles stay then. An equal version is current,
// so that every step after this one is repeated when an event comes again.
func (s *Store) TakeOrganisation(ctx context.Context, o domain.Organisation, now time.Time) (OrganisationState, error) {
	u := organisationUpdate(o)
	u.names["#deletedAt"] = "deleted_at"
	u.names["#suspended"] = "suspended"
	if o.Deleted {
		u.expression += ", #deletedAt = if_not_exists(#deletedAt, :now), #suspended = :true"
		u.values[":now"], u.values[":true"] = number(now.UnixMilli()), truth(true)
	} else {
		delete(u.names, "#suspended")
		u.expression += " REMOVE #deletedAt"
	}

	after, err := s.update(ctx, organisationKey(o.ID), u)
	if _, failed := conditionFailed(err); failed {
		return OrganisationState{}, nil
	}

	var st struct {
		Deleted   bool  `json:"is_deleted"`
		DeletedAt int64 `json:"deleted_at"`
		Suspended bool  `json:"suspended"`
	}
	if err == nil {
		err = decode(after, &st)
	}

	return OrganisationState{Current: err == nil, Deleted: st.Deleted, DeletedAt: st.DeletedAt, Suspended: st.Suspended}, wrap(err, "take organisation", o.ID)
}

// The phases of an erasure.
const (
	// Scheduled: the time has not come; nothing is erased.
	Scheduled = "scheduled"
	// Sweeping: all is erased. Once more, much later, what late events have
	// brought is erased too.
	Sweeping = "sweeping"
)

// An Erasure is the schedule by which everything of a deleted organisation is
// erased. It stands in the organisation's partition, and in the index of what is
// due.
type Erasure struct {
	OrganisationID domain.Snowflake `json:"organisation_id"`
	// DeletedAt names the deletion, in Unix milliseconds: an organisation may be
	// deleted, come back, and be deleted again.
	DeletedAt int64 `json:"deleted_at"`
	// At is when erasing begins, in Unix milliseconds.
	At int64 `json:"at"`
	// Event is the notice that announces it.
	Event domain.Snowflake `json:"event"`
	Phase string           `json:"phase"`
	// Integrations are those whose purges were begun.
	Integrations []domain.Snowflake `json:"integrations"`
	DueAt        int64              `json:"due_at"` // Unix milliseconds
	DueCount     int64              `json:"due_count"`
	// Returned says that the organisation is not deleted any more, or was deleted
	// again since. It is not stored.
	Returned bool `json:"-"`
}

func erasureKey(org domain.Snowflake) key { return key{organisationPartition(org), erasureName} }

// ScheduleErasure notes that everything of a deleted organisation is to be erased
// at a time, in one transaction with the notice that says so. Where that is
// scheduled already, the time can only become earlier, and no second notice goes
// out. deletedAt is Standing.DeletedAt.
func (s *Store) ScheduleErasure(ctx context.Context, org domain.Snowflake, deletedAt int64, at, now time.Time) error {
	n := outgoing.OrganisationPurging(domain.NewSnowflake(now), org, at)
	schedule := update{
		expression: "SET #org = :org, #deletedAt = :deletedAt, #at = :at, #event = :event, #phase = :phase, #due = :at, #count = :zero, #shard = :shard",
		condition:  "attribute_not_exists(pk) OR #deletedAt <> :deletedAt",
		names: map[string]string{"#org": "organisation_id", "#deletedAt": "deleted_at", "#at": "at", "#event": "event", "#phase": "phase",
			"#due": "due_at", "#count": "due_count", "#shard": "due_shard"},
		values: record{":org": number(int64(org)), ":deletedAt": number(deletedAt), ":at": number(at.UnixMilli()), ":event": number(int64(n.ID)),
			":phase": text(Scheduled), ":zero": number(0), ":shard": text(dueShard(org))},
	}

	err := s.transact(ctx, []types.TransactWriteItem{s.updateAction(erasureKey(org), schedule), s.outboxAction(n, now)})
	if _, at := refused(err); at != 0 {
		return wrap(err, "schedule erasure of organisation", org)
	}

	_, err = s.update(ctx, erasureKey(org), update{
		expression: "SET #at = :at, #due = :at, #count = :zero",
		condition:  "#deletedAt = :deletedAt AND #phase = :phase AND #at > :at",
		names:      map[string]string{"#deletedAt": "deleted_at", "#at": "at", "#phase": "phase", "#due": "due_at", "#count": "due_count"},
		values:     record{":deletedAt": number(deletedAt), ":at": number(at.UnixMilli()), ":phase": text(Scheduled), ":zero": number(0)},
	})
	if _, failed := conditionFailed(err); failed {
		err = nil // it is not later than that already
	}

	return wrap(err, "schedule erasure of organisation", org)
}

// Revive makes due again what was scheduled before an organisation was deleted:
// each of its enabled integrations that has run before gets a run, which pulls
// and tries again what failed. Nothing is erased any more. It does nothing for an
// organisation that is deleted, and may be repeated.
func (s *Store) Revive(ctx context.Context, org domain.Snowflake, now time.Time) error {
	listeners, err := s.enabled(ctx, org, integrations)
	if err != nil {
		return err
	}

	for _, i := range listeners {
		_, err := s.update(ctx, stateKey(i.ID), update{
			expression: "SET #retry = :now, #due = :now, #count = :zero, #shard = :shard",
			condition:  "attribute_exists(pk) AND attribute_not_exists(#run)",
			names:      map[string]string{"#retry": "retry_at", "#due": "due_at", "#count": "due_count", "#shard": "due_shard", "#run": "run"},
			values:     record{":now": number(now.UnixMilli()), ":zero": number(0), ":shard": text(dueShard(i.ID))},
		})
		if _, failed := conditionFailed(err); failed {
			err = nil // it has never run, or runs now
		}

		if err != nil {
			return wrap(err, "revive integration", i.ID)
		}
	}

	alive := update{expression: "REMOVE #suspended", condition: "#deleted = :false",
		names: map[string]string{"#suspended": "suspended", "#deleted": "is_deleted"}, values: record{":false": truth(false)}}
	err = s.transact(ctx, []types.TransactWriteItem{s.updateAction(organisationKey(org), alive), s.deleteAction(erasureKey(org))})
	if _, at := refused(err); at == 0 {
		err = nil // it was deleted again meanwhile
	}

	return wrap(err, "revive organisation", org)
}

// Erasure reads the schedule of an organisation, nil when there is none.
func (s *Store) Erasure(ctx context.Context, org domain.Snowflake) (*Erasure, error) {
	found, err := s.batchGet(ctx, []key{erasureKey(org), organisationKey(org)})
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

// MoveErasure moves the time at which dispatch looks at an erasure again.
// ErrConflict when another dispatch did.
func (s *Store) MoveErasure(ctx context.Context, e Erasure, next time.Time) error {
	return wrap(s.moveDue(ctx, erasureKey(e.OrganisationID), e.DueAt, e.DueCount+1, next), "move erasure of organisation", e.OrganisationID)
}

// stillDeleted makes a transaction conditional on the deletion for which
// everything is erased: nothing of an organisation that has returned goes.
func (s *Store) stillDeleted(e Erasure) types.TransactWriteItem {
	u := e.deleted(update{})
	return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName: &s.table, Key: organisationKey(e.OrganisationID).attributes(), ConditionExpression: &u.condition,
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
	}}
}

func (e Erasure) deleted(u update) update {
	if u.names == nil {
		u.names = map[string]string{}
		u.values = record{}
	}

	u.condition = "#deleted = :true AND #deletedAt = :deletedAt"
	u.names["#deleted"] = "is_deleted"
	u.names["#deletedAt"] = "deleted_at"
	u.values[":true"], u.values[":deletedAt"] = truth(true), number(e.DeletedAt)

	return u
}

// EraseNext lists the integrations that an organisation still has, enabled or
// not, and notes them in the erasure: they are known then although their own
// records are gone.
func (s *Store) EraseNext(ctx context.Context, e *Erasure) ([]IntegrationRef, error) {
	records, _, err := s.query(ctx, pageOf{pk: organisationPartition(e.OrganisationID), prefix: integrations, limit: MaxIntegrations,
		only: []string{"id", "organisation_id", "item_type"}})
	if err != nil || len(records) == 0 {
		return nil, wrap(err, "list integrations of organisation", e.OrganisationID)
	}

	known := map[domain.Snowflake]bool{}
	for _, id := range e.Integrations {
		known[id] = true
	}

	var pairs []IntegrationRef
	for _, r := range records {
		var p IntegrationRef
		if err := decode(r, &p); err != nil {
			return nil, wrap(err, "list integrations of organisation", e.OrganisationID)
		}

		pairs = append(pairs, p)
		if !known[p.ID] {
			e.Integrations = append(e.Integrations, p.ID)
		}
	}

	noted := mustEncode(*e)["integrations"]
	_, err = s.update(ctx, erasureKey(e.OrganisationID), update{
		expression: "SET #integrations = :integrations", condition: "#deletedAt = :deletedAt",
		names:  map[string]string{"#integrations": "integrations", "#deletedAt": "deleted_at"},
		values: record{":integrations": noted, ":deletedAt": number(e.DeletedAt)},
	})
	if _, failed := conditionFailed(err); failed {
		err = ErrConflict
	}

	return pairs, wrap(err, "note integrations of organisation", e.OrganisationID)
}

// EraseIntegration is DeleteIntegration for an organisation that is erased. The
// secrets go with the record, in this write. ErrConflict also when the
// organisation has returned.
func (s *Store) EraseIntegration(ctx context.Context, e Erasure, v View, purge domain.Snowflake, now time.Time) (queued bool, err error) {
	return s.deleteIntegration(ctx, v, purge, now, s.stillDeleted(e))
}

// Unpurged counts the noted integrations whose purge has not come to its end.
func (s *Store) Unpurged(ctx context.Context, e Erasure) (int, error) {
	left := 0
	for ids := e.Integrations; len(ids) > 0; {
		n := min(len(ids), 100)
		var keys []key
		for _, id := range ids[:n] {
			keys = append(keys, ownerKey(id))
		}

		found, err := s.batchGet(ctx, keys)
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
// of the records in its partition. It reports how many; 0 means that only the
// organisation's own record, this schedule, and the notices that have yet to be
// published are left. ErrConflict when the organisation has returned.
func (s *Store) EraseSome(ctx context.Context, e Erasure) (int, error) {
	for _, t := range domain.ItemTypes {
		keys, err := s.keysIn(ctx, itemsPartition(e.OrganisationID, t), erasePage)
		if err != nil {
			return 0, wrap(err, "list items of organisation", e.OrganisationID)
		}
		if len(keys) == 0 {
			continue
		}

		actions := []types.TransactWriteItem{s.stillDeleted(e)}
		for _, k := range keys {
			actions = append(actions, s.deleteAction(k), s.deleteAction(key{"ITEM#" + k.sk, "CLAIM"}))
		}

		return len(keys), s.erase(ctx, e, actions)
	}

	keys, err := s.keysIn(ctx, organisationPartition(e.OrganisationID), MaxActions)
	if err != nil {
		return 0, wrap(err, "list records of organisation", e.OrganisationID)
	}

	actions := []types.TransactWriteItem{s.stillDeleted(e)}
	for _, k := range keys {
		if !e.keeps(k) && len(actions) < MaxActions {
			actions = append(actions, s.deleteAction(k))
		}
	}

	if len(actions) == 1 {
		return 0, nil
	}

	return len(actions) - 1, s.erase(ctx, e, actions)
}

// keeps reports whether a record of the organisation's partition is erased by
// other means, or stays until the end.
func (e Erasure) keeps(k key) bool {
	switch {
	case k == organisationKey(e.OrganisationID), k == erasureKey(e.OrganisationID):
		return true
	case strings.HasPrefix(k.sk, outboxPrefix):
		return e.Phase != Sweeping
	}

	return strings.HasPrefix(k.sk, integrations)
}

func (s *Store) keysIn(ctx context.Context, partition string, limit int) ([]key, error) {
	records, _, err := s.query(ctx, pageOf{pk: partition, limit: limit, only: []string{partitionKey, sortKey}})
	var keys []key
	for _, r := range records {
		keys = append(keys, key{textOf(r, partitionKey), textOf(r, sortKey)})
	}
	return keys, err
}

func (s *Store) erase(ctx context.Context, e Erasure, actions []types.TransactWriteItem) error {
	err := s.transact(ctx, actions)
	if _, at := refused(err); at == 0 {
		err = ErrConflict
	}
	return wrap(err, "erase organisation", e.OrganisationID)
}

// Erased ends the first round of an erasure: of the organisation's record only
// the id, the version and the deletion are left, so that no older event brings it
// back. The second round is at sweep. ErrConflict when the organisation has
// returned.
func (s *Store) Erased(ctx context.Context, e Erasure, sweep time.Time) error {
	bare := e.deleted(update{expression: "REMOVE #name, #owner, #roles", names: map[string]string{"#name": "name", "#owner": "owner_id", "#roles": "roles"}, values: record{}})
	next := update{
		expression: "SET #phase = :phase, #due = :due, #count = :zero REMOVE #integrations", condition: "#deletedAt = :deletedAt",
		names:  map[string]string{"#phase": "phase", "#due": "due_at", "#count": "due_count", "#integrations": "integrations", "#deletedAt": "deleted_at"},
		values: record{":phase": text(Sweeping), ":due": number(sweep.UnixMilli()), ":zero": number(0), ":deletedAt": number(e.DeletedAt)},
	}
	return s.erase(ctx, e, []types.TransactWriteItem{s.updateAction(organisationKey(e.OrganisationID), bare), s.updateAction(erasureKey(e.OrganisationID), next)})
}

// Swept ends an erasure: the organisation's record and the schedule go.
// ErrConflict when the organisation has returned.
func (s *Store) Swept(ctx context.Context, e Erasure) error {
	u := e.deleted(update{})
	last := types.TransactWriteItem{Delete: &types.Delete{
		TableName: &s.table, Key: organisationKey(e.OrganisationID).attributes(), ConditionExpression: &u.condition,
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
	}}
	return s.erase(ctx, e, []types.TransactWriteItem{last, s.deleteAction(erasureKey(e.OrganisationID))})
}
