package store

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/domain"
)

// A Change is what a manager's PATCH writes. Everything not named stays.
type Change struct {
	Enabled       bool
	Configuration string
	TargetHash    string
	WebhookHash   string
	Fingerprint   string
	SecretOrigins map[string]string // all secrets the integration has afterwards
	NewSecrets    map[string][]byte // sealed; the kept ones are not touched
	NeedsFull     bool
	// ConfigurationChanged says that the configuration or a secret is another.
	ConfigurationChanged bool
	// ConnectionChanged says that a secret, the place or who calls it is another:
	// what is known of the provider's health says nothing any more.
	ConnectionChanged bool
}

// UpdateIntegration writes a change onto what was read, in one write, and
// returns the new record. Where a run is active that the change stops, or that
// waits, it ends or goes on in the same write. ErrConflict if another write
// came first, ErrNotFound if the integration is gone, a *TargetInUseError if
// another one is configured for the same place in the same words. A retry by
// the SDK of its own success finds its write id and succeeds.
func (s *Store) UpdateIntegration(ctx context.Context, v View, c Change, now time.Time) (Integration, error) {
	read := *v.Integration
	p := IntegrationRef{ID: read.ID, OrganisationID: read.OrganisationID, ItemType: read.ItemType}
	next := read
	next.Enabled = c.Enabled
	next.Configuration = c.Configuration
	next.WebhookHash = c.WebhookHash
	next.TargetHash = c.TargetHash
	next.Fingerprint = c.Fingerprint
	next.SecretOrigins = c.SecretOrigins
	next.Version, next.WriteID = read.Version+1, rand.Text()
	if c.NeedsFull {
		next.FullEpoch++
	}

	if c.ConfigurationChanged {
		next.ConfigurationVersion++
	}

	if c.ConnectionChanged || c.TargetHash != read.TargetHash {
		next.ConnectionVersion++
	}

	u := changeUpdate(read, next, c.NewSecrets)
	beside := s.besideChange(v.State, read, next, now)
	if next.TargetHash != read.TargetHash {
		err := s.respell(ctx, p, read, next, append([]types.TransactWriteItem{s.updateAction(metaKey(p), u)}, beside...))
		return next, wrap(err, "update integration", read.ID)
	}

	if len(beside) == 0 {
		_, err := s.update(ctx, metaKey(p), u)
		old, failed := conditionFailed(err)
		if failed {
			err = whose(old, next.WriteID)
		}
		return next, wrap(err, "update integration", read.ID)
	}

	err := s.transact(ctx, append([]types.TransactWriteItem{s.updateAction(metaKey(p), u)}, beside...))
	switch old, at := refused(err); {
	case at == 0:
		err = whose(old, next.WriteID)
	case at > 0:
		err = ErrConflict // the run has gone on since it was read
	}

	return next, wrap(err, "update integration", read.ID)
}

// respell writes a change that spells the place otherwise. An integration that
// is gone does not keep its spelling.
func (s *Store) respell(ctx context.Context, p IntegrationRef, read, next Integration, actions []types.TransactWriteItem) error {
	err := s.claimSpelling(ctx, p, read, next, actions)

	var taken *TargetInUseError
	if !errors.As(err, &taken) {
		return err
	}

	freed, ferr := s.freeOrphan(ctx, p, spellingKey(p, next.TargetHash), taken.Holder)
	if freed {
		return s.claimSpelling(ctx, p, read, next, actions)
	}

	return errors.Join(err, ferr)
}

// claimSpelling claims the new spelling and gives the old one up. An integration
// may lack the claim to its old spelling, and another one may have it by now:
// then it is left alone.
func (s *Store) claimSpelling(ctx context.Context, p IntegrationRef, read, next Integration, actions []types.TransactWriteItem) error {
	claimed := len(actions)
	actions = append(actions[:claimed:claimed],
		s.placeAction(spellingKey(p, next.TargetHash), p.ID), s.freeAction(spellingKey(p, read.TargetHash), p.ID))

	err := s.transact(ctx, actions)
	if _, at := refused(err); at == claimed+1 {
		err = s.transact(ctx, actions[:claimed+1])
	}

	old, at := refused(err)
	switch {
	case at == 0:
		return whose(old, next.WriteID)
	case at == claimed:
		return &TargetInUseError{Holder: holderOf(old)}
	case at > 0:
		return ErrConflict // the run has gone on since it was read
	}

	return err
}

// whose tells what a refused write met: our own success, nothing, or another's.
func whose(old record, writeID string) error {
	switch {
	case old == nil:
		return ErrNotFound
	case textOf(old, "write_id") == writeID:
		return nil
	}

	return ErrConflict
}

// LedAway is the code with which a run ends when its integration syncs with
// another place.
const LedAway = "configuration_changed"

// Why a run ends that a manager's change stops.
var (
	errDisabled = domain.RunError{Code: "integration_disabled", Detail: "The integration was disabled."}
	errDeleted  = domain.RunError{Code: "integration_deleted", Detail: "The integration was deleted."}
	errLedAway  = domain.RunError{Code: LedAway, Detail: "The target changed during the run; the next sync is full."}
)

// TargetChanged is why a run ends whose integration syncs with another place
// now.
func TargetChanged() *domain.RunError { return &errLedAway }

// Stops says why a run must end after a manager's write, nil if it may go on.
// after is nil when the integration is gone. A configuration that may lead to
// another place stops nothing: the worker resolves the place before its next
// call.
func Stops(after *Integration) *domain.RunError {
	switch {
	case after == nil:
		return &errDeleted
	case !after.Enabled:
		return &errDisabled
	}

	return nil
}

// besideChange are the writes to an active run's state that go with a change:
// they stop it, end its wait, or make sure that it stands as it was read.
func (s *Store) besideChange(st *State, read, next Integration, now time.Time) []types.TransactWriteItem {
	reconfigured := next.ConfigurationVersion != read.ConfigurationVersion
	if st == nil || st.Run == nil {
		return s.nowInsteadOfLater(st, next.Enabled && reconfigured, now)
	}

	why := Stops(&next)
	switch {
	case why == nil && !reconfigured:
		return nil
	case st.leased(now):
		return []types.TransactWriteItem{s.unmoved(*st)}
	case why != nil:
		return s.endNow(LiveRun, *st, now, why, !next.Enabled)
	case st.Run.Status == domain.Waiting:
		return []types.TransactWriteItem{s.updateAction(stateKey(st.ID), st.as(poke(now)))}
	}

	return []types.TransactWriteItem{s.unmoved(*st)}
}

// nowInsteadOfLater has what waits for the end of a pause tried at once,
// after a change of what the provider refused.
func (s *Store) nowInsteadOfLater(st *State, reconfigured bool, now time.Time) []types.TransactWriteItem {
	if st == nil || !reconfigured || st.RetryAt == 0 || st.Condition == nil || st.Condition.State != domain.Unhealthy {
		return nil
	}

	return []types.TransactWriteItem{s.updateAction(stateKey(st.ID), update{
		expression: "SET #due = :now, #retry = :now, #shard = :shard", condition: "attribute_not_exists(#run)",
		names:  map[string]string{"#due": "due_at", "#retry": "retry_at", "#shard": "due_shard", "#run": "run"},
		values: record{":now": number(now.UnixMilli()), ":shard": text(dueShard(st.ID))},
	})}
}

// unmoved checks that no worker has taken a run up or given it back since it
// was read. A worker that is on it looks again before it lets the run wait.
func (s *Store) unmoved(st State) types.TransactWriteItem {
	u := st.as(update{})
	return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName: &s.table, Key: stateKey(st.ID).attributes(), ConditionExpression: &u.condition,
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
	}}
}

func changeUpdate(read, next Integration, secrets map[string][]byte) update {
	u := update{condition: "#version = :read", names: map[string]string{"#version": "version"}, values: record{":read": number(read.Version)}}
	var set, remove []string
	for name, value := range mustEncode(next) {
		if name == "id" || name == "organisation_id" || name == "item_type" || name == "provider" {
			continue // these never change
		}

		u.names["#"+name] = name
		u.values[":"+name] = value
		set = append(set, "#"+name+" = :"+name)
	}

	for member, blob := range secrets {
		name := secretPrefix + member
		u.names["#"+name] = name
		u.values[":"+name] = &types.AttributeValueMemberB{Value: blob}
		set = append(set, "#"+name+" = :"+name)
	}

	for member := range read.SecretOrigins {
		if _, kept := next.SecretOrigins[member]; !kept {
			u.names["#"+secretPrefix+member] = secretPrefix + member
			remove = append(remove, "#"+secretPrefix+member)
		}
	}

	u.expression = "SET " + strings.Join(set, ", ")
	if len(remove) > 0 {
		u.expression += " REMOVE " + strings.Join(remove, ", ")
	}

	return u
}
