package store

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
)

// A Change is what a manager's PATCH writes. All other members stay.
type Change struct {
	Enabled       bool
	Configuration string
	TargetHash    string
	WebhookHash   string
	Fingerprint   string
	SecretOrigins map[string]string // all secrets the integration has afterwards
	NewSecrets    map[string][]byte // sealed; the other secrets are not written
	NeedsFull     bool
	// ConfigurationChanged says that the configuration or a secret has changed.
	ConfigurationChanged bool
	// ConnectionChanged says that a secret, the target or the identity has changed:
	// the recorded health of the provider does not apply any more.
	ConnectionChanged bool
}

// onto is the record after the change.
func (c Change) onto(read Integration) Integration {
	next := read
	next.Enabled = c.Enabled
	next.Configuration = c.Configuration
	next.WebhookHash = c.WebhookHash
	next.TargetHash = c.TargetHash
	next.Fingerprint = c.Fingerprint
	next.SecretOrigins = c.SecretOrigins
	next.Version = read.Version + 1
	next.WriteID = rand.Text()
	if c.NeedsFull {
		next.FullEpoch++
	}

	if c.ConfigurationChanged {
		next.ConfigurationVersion++
	}

	if c.ConnectionChanged || c.TargetHash != read.TargetHash {
		next.ConnectionVersion++
	}

	return next
}

// UpdateIntegration applies a change to the integration that was read, in one
// write, and returns the new record. When the change stops the active run, or the
// run waits, the run ends or resumes in the same write. ErrConflict if another
// write came first, ErrNotFound if the integration was deleted, a
// *TargetInUseError if another one is configured with the same target hash. When
// the SDK repeats a write that had succeeded, the write id shows it, and the
// repetition succeeds too.
func (r integrationRepository) UpdateIntegration(ctx context.Context, v View, c Change, now time.Time) (Integration, error) {
	read := *v.Integration
	next := c.onto(read)
	u := changeUpdate(read, next, c.NewSecrets)
	beside := besideChange(v.State, read, next, now)

	var err error
	switch {
	case next.TargetHash != read.TargetHash:
		err = r.respell(ctx, read, next, append([]action{change(metaKey(read.ref()), u)}, beside...))
	case len(beside) == 0:
		err = r.changeAlone(ctx, next, u)
	default:
		err = r.table.transact(ctx, append([]action{change(metaKey(read.ref()), u)}, beside...))
		err = changeRefused(err, next.WriteID)
	}

	return next, wrap(err, "update integration", read.ID)
}

// changeAlone writes a change that needs no other record.
func (r integrationRepository) changeAlone(ctx context.Context, next Integration, u *update) error {
	_, err := r.table.update(ctx, metaKey(next.ref()), u)
	if old, failed := conditionFailed(err); failed {
		return ownWrite(old, next.WriteID)
	}

	return err
}

// changeRefused is the error of a transaction whose first action is the change of
// the integration.
func changeRefused(err error, writeID string) error {
	switch old, at := refused(err); {
	case at == 0:
		return ownWrite(old, writeID)
	case at > 0:
		return ErrConflict // the run has changed since it was read
	}

	return err
}

// respell writes a change of the configured target. The claim of an integration
// that does not exist any more is given up.
func (r integrationRepository) respell(ctx context.Context, read, next Integration, actions []action) error {
	err := r.claimSpelling(ctx, read, next, actions)

	var taken *TargetInUseError
	if !errors.As(err, &taken) {
		return err
	}

	ref := next.ref()
	freed, ferr := r.targets.freeOrphan(ctx, ref, spellingKey(ref, next.TargetHash), taken.Holder)
	if freed {
		return r.claimSpelling(ctx, read, next, actions)
	}

	return errors.Join(err, ferr)
}

// claimSpelling claims the new target hash and gives up the old one. The old claim
// may be missing, or another integration may hold it by now: then it stays as it
// is.
func (r integrationRepository) claimSpelling(ctx context.Context, read, next Integration, actions []action) error {
	ref := next.ref()
	claimed := len(actions)
	actions = append(actions[:claimed:claimed],
		claimFor(spellingKey(ref, next.TargetHash), ref.ID), giveUp(spellingKey(ref, read.TargetHash), ref.ID))

	err := r.table.transact(ctx, actions)
	if _, at := refused(err); at == claimed+1 {
		err = r.table.transact(ctx, actions[:claimed+1])
	}

	if old, at := refused(err); at == claimed {
		return &TargetInUseError{Holder: holderOf(old)}
	}

	return changeRefused(err, next.WriteID)
}

// ownWrite is the error of a refused write of an integration: nil when the record
// has the write's own id, so that the write had succeeded before.
func ownWrite(old record, writeID string) error {
	switch {
	case old == nil:
		return ErrNotFound
	case textOf(old, "write_id") == writeID:
		return nil
	}

	return ErrConflict
}

// besideChange are the writes to the state that go with a change: they stop the
// active run, end its wait, or check that it is as it was read.
func besideChange(st *State, read, next Integration, now time.Time) []action {
	reconfigured := next.ConfigurationVersion != read.ConfigurationVersion
	if st == nil || st.Run == nil {
		return endPause(st, next.Enabled && reconfigured, now)
	}

	reason := Stops(&next)
	switch {
	case reason == nil && !reconfigured:
		return nil
	case st.leased(now):
		return []action{unmoved(*st)}
	case reason != nil:
		return endNow(LiveRun, *st, now, reason, !next.Enabled)
	case st.Run.Status == domain.Waiting:
		return []action{change(stateKey(st.ID), resumed(now).when(st.asRead()...))}
	}

	return []action{unmoved(*st)}
}

// endPause makes work due at once that waits for the end of a pause: a change of
// the configuration may fix what the provider refused.
func endPause(st *State, reconfigured bool, now time.Time) []action {
	if st == nil || !reconfigured || st.RetryAt == 0 || st.Condition == nil || st.Condition.State != domain.Unhealthy {
		return nil
	}

	u := newUpdate().
		set("due_at", millis(now)).
		set("retry_at", millis(now)).
		set("due_shard", text(dueShard(st.ID))).
		when(absent("run"))

	return []action{change(stateKey(st.ID), u)}
}

// unmoved checks that the lease was neither taken nor released since the run was
// read. A worker that holds it reads the control records again before it lets the
// run wait.
func unmoved(st State) action { return check(stateKey(st.ID), st.asRead()...) }

// changeUpdate writes the new record over the version that was read.
func changeUpdate(read, next Integration, secrets map[string][]byte) *update {
	u := newUpdate().when(equal("version", number(read.Version)))
	for name, value := range mustEncode(next) {
		if name == "id" || name == "organisation_id" || name == "item_type" || name == "provider" {
			continue // these never change
		}

		u.set(name, value)
	}

	for member, sealed := range secrets {
		u.set(secretPrefix+member, blob(sealed))
	}

	for member := range read.SecretOrigins {
		if _, kept := next.SecretOrigins[member]; !kept {
			u.remove(secretPrefix + member)
		}
	}

	return u
}

// DeleteIntegration deletes the manager's record with its secrets, so that the
// integration does not exist for any caller. A purge deletes the other records
// later; the worker does that. A run without a live lease ends at once. purge is
// the id of the purge's run. queued says that the purge is the active run now;
// else the worker that holds the lease starts it. ErrConflict when the integration
// or its run has changed since it was read.
func (r integrationRepository) DeleteIntegration(ctx context.Context, v View, purge domain.Snowflake, now time.Time) (queued bool, err error) {
	return r.deleteIntegration(ctx, v, purge, now)
}

// deleteIntegration is DeleteIntegration in one transaction with more actions.
func (r integrationRepository) deleteIntegration(ctx context.Context, v View, purge domain.Snowflake, now time.Time, also ...action) (queued bool, err error) {
	i := *v.Integration
	ref := i.ref()
	actions := []action{erase(metaKey(ref), equal("version", number(i.Version))), uncountOne(ref.OrganisationID)}
	run := PurgeRun(ref, purge, now)
	queued = true
	st := v.State
	switch {
	case st == nil || st.Run == nil:
		actions = append(actions, change(stateKey(ref.ID), activate(ref, run, now).when(absent("run"))))
	case st.leased(now):
		queued = false
		actions = append(actions, unmoved(*st))
	default:
		finished := outgoing.SyncFinished(stopped(st.Run.Run, now, &errDeleted))
		actions = append(actions, change(stateKey(ref.ID), activate(ref, run, now).when(st.asRead()...)), putEvent(finished, now))
	}

	actions = append(actions, also...)
	err = r.table.transact(ctx, append(actions[:len(actions):len(actions)], freeClaims(i, v.State)...))
	if _, at := refused(err); at >= len(actions) { // another integration holds the claim
		err = r.table.transact(ctx, actions)
	}

	if _, at := refused(err); at >= 0 {
		err = ErrConflict
	}

	return queued && err == nil, wrap(err, "delete integration", ref.ID)
}

// freeClaims give up the claims of an integration.
func freeClaims(i Integration, st *State) []action {
	ref := i.ref()
	actions := []action{giveUp(spellingKey(ref, i.TargetHash), ref.ID)}
	if target := st.TargetKey(); target != "" {
		actions = append(actions, giveUp(targetKey(ref, target), ref.ID))
	}

	return actions
}
