package store

import (
	"context"
	"errors"
	"fmt"

	"example.com/integrations/shared/domain"
)

// A targetRepository has the claims of integrations to targets, by which at most one
// integration of an organisation and item type syncs with a target. A claim is
// made for the configured target (the spelling) and for the resolved one.
type targetRepository struct{ table *table }

// A Target is the repository, project, board or channel that an integration syncs
// with, as the provider identifies it. The worker writes it under its lease.
type Target struct {
	// Key identifies the target. It is part of the keys of links and objects.
	Key string `json:"key"`
	// Instance, ID, Created, Name, URL and ByName are those of connector.Place.
	Instance string `json:"instance"`
	ID       string `json:"id"`
	Created  string `json:"created"`
	Name     string `json:"name"`
	URL      string `json:"url"`
	ByName   bool   `json:"by_name"`
	// Spelling is Integration.TargetHash of the configuration that resolved to it.
	Spelling string `json:"spelling"`
	// ConfigurationVersion is Integration.ConfigurationVersion when the target was
	// resolved. A newer configuration may have another target.
	ConfigurationVersion int64 `json:"configuration_version"`
	// ClockLag is how far the provider's clock was behind ours when the target was
	// resolved, in milliseconds, negative if it was ahead, 0 if no answer had a time.
	ClockLag int64 `json:"clock_lag,omitempty"`
	// Relinked says that the target was searched for objects of this integration
	// since it was resolved. No object is created before that.
	Relinked bool `json:"relinked"`
	// Previous is the key of the links that were stored before, "" for none. The
	// search uses them.
	Previous string `json:"previous"`
	// Carries says which of those links the search may copy to Key.
	Carries Carries `json:"carries"`
}

// Carries says which links of the previous key may be copied to a new key by the id
// of their object.
type Carries string

// The links that are copied depend on how certain it is that both keys are of the
// same target.
const (
	// CarriesNone: the previous key is of another target, where other objects may
	// have the same ids.
	CarriesNone Carries = ""
	// CarriesByID: the target has the same id and the same creation time. Only the
	// name of the server differs.
	CarriesByID Carries = "id"
	// CarriesByText: the target has the same id, and the provider does not report
	// its creation time. Targets of two servers may have the same id, so the object
	// must have the text that was last seen, or a valid marker.
	CarriesByText Carries = "text"
	// CarriesBySpelling: the previous key is a target hash, in a table of a version
	// without ids of targets. The object must have the text that was last seen, or
	// a marker, which may have no signature.
	CarriesBySpelling Carries = "spelling"
)

// After is the target as it is first stored: with the key of the previous links,
// and which of them may be copied. known is the previous target, nil for none.
// linked is the key of existing links, "" if there are none; without a known
// target it is a target hash.
func (t Target) After(known *Target, linked string) Target {
	t.Relinked = linked == ""
	t.Previous = linked
	t.Carries = CarriesNone
	if linked == "" {
		return t
	}

	t.Carries = t.carriesFrom(known, linked)
	if known == nil {
		return t
	}

	t.Previous = known.Key
	if t.Carries != CarriesNone && !known.Relinked && known.Carries != CarriesNone {
		// The name of the server changed again before the search was complete. All
		// links still exist under the first key.
		t.Previous = known.Previous
		t.Carries = known.Carries
	}

	return t
}

// carriesFrom says which links may be copied from the previous target, or from a
// target hash where there is none.
func (t Target) carriesFrom(known *Target, linked string) Carries {
	switch {
	case known == nil && linked == t.Spelling:
		return CarriesBySpelling
	case known == nil || known.ID != t.ID || known.Created != t.Created:
		return CarriesNone
	case t.Created == "":
		return CarriesByText
	}

	return CarriesByID
}

// TargetMoved is the code of an integration whose unchanged configuration resolves
// to another target than before.
const TargetMoved = "target_moved"

// Replaced reports whether the configuration that resolved to a target resolves to
// another one now: it was deleted and created again, or its name was given to
// another one. A new name of the server alone does not replace a target.
func (t Target) Replaced(spelling, id, created string) bool {
	return t.Spelling == spelling && (t.ID != id || t.Created != created)
}

// KnownTarget is the target that was resolved last, nil before the first one.
func (s *State) KnownTarget() *Target {
	if s == nil {
		return nil
	}

	return s.Target
}

// TargetKey is the key of the resolved target, "" before the first one.
func (s *State) TargetKey() string {
	if t := s.KnownTarget(); t != nil {
		return t.Key
	}

	return ""
}

// ErrTargetInUse reports that another integration of the organisation and item type
// syncs with the same target.
var ErrTargetInUse = errors.New("another integration of the organisation syncs with this target")

// A TargetInUseError is ErrTargetInUse with the integration that holds the claim.
type TargetInUseError struct {
	Holder domain.Snowflake
}

// Error names the integration that holds the claim.
func (e *TargetInUseError) Error() string {
	return fmt.Sprintf("%v: integration %s", ErrTargetInUse, e.Holder)
}

// Unwrap makes the error an ErrTargetInUse.
func (e *TargetInUseError) Unwrap() error { return ErrTargetInUse }

// A claim is the record of an integration that holds a target or a spelling.
type claim struct {
	IntegrationID domain.Snowflake `json:"integration_id"`
}

// holderOf is the integration of a claim, 0 for none.
func holderOf(r record) domain.Snowflake {
	var c claim
	if err := decode(r, &c); err != nil {
		return 0
	}

	return c.IntegrationID
}

// ownClaim holds when no other integration holds a claim.
func ownClaim(id domain.Snowflake) condition {
	return either(absent(partitionKey), equal("integration_id", idOf(id)))
}

// claimFor claims a key for an integration. It is refused when another integration
// holds the claim.
func claimFor(k key, id domain.Snowflake) action {
	return put(k, mustEncode(claim{id}), ownClaim(id)).returningOld()
}

// giveUp gives up a claim. It is refused when another integration holds it.
func giveUp(k key, id domain.Snowflake) action { return erase(k, ownClaim(id)) }

// A Resolution is what the worker stores when it has resolved the target.
type Resolution struct {
	Target Target
	// Was is the previous target, nil for none. Its claim is given up if the key has
	// changed.
	Was *Target
	// Pull replaces the pull cursor, nil keeps it.
	Pull *Pull
	// RunTarget is the key of the run's target from now on, "" keeps it.
	RunTarget string
	// Full makes the run look at every item.
	Full bool
}

// moved reports whether the target is another one than before.
func (r Resolution) moved() bool { return r.Was != nil && r.Was.Key != r.Target.Key }

// ResolveTarget stores the target that an integration syncs with, and claims it, in
// one transaction under the lease. A target with another key makes the next sync
// full. ErrFenced when the lease is lost, ErrChanged when the integration was
// deleted, a *TargetInUseError when another integration holds the claim.
func (r targetRepository) ResolveTarget(ctx context.Context, l Lease, resolved Resolution) error {
	for range maxTries {
		err := r.resolveTarget(ctx, l, resolved)

		var taken *TargetInUseError
		if !errors.As(err, &taken) {
			return wrap(err, "resolve target of integration", l.Pair.ID)
		}

		freed, ferr := r.freeOrphan(ctx, l.Pair, targetKey(l.Pair, resolved.Target.Key), taken.Holder)
		if ferr != nil {
			return wrap(ferr, "resolve target of integration", l.Pair.ID)
		}
		if !freed {
			return wrap(err, "resolve target of integration", l.Pair.ID)
		}
	}

	return wrap(ErrConflict, "resolve target of integration", l.Pair.ID)
}

// The positions of the actions that store a resolved target.
const (
	resolveState = iota
	resolveMeta
	resolveClaim
	resolveGiveUp
)

func (r targetRepository) resolveTarget(ctx context.Context, l Lease, resolved Resolution) error {
	actions := []action{
		resolveState: change(l.key(), resolved.update(l)),
		resolveMeta:  anyMeta(l.Pair),
		resolveClaim: claimFor(targetKey(l.Pair, resolved.Target.Key), l.Pair.ID),
	}
	if resolved.moved() {
		actions = append(actions, giveUp(targetKey(l.Pair, resolved.Was.Key), l.Pair.ID))
	}

	err := r.table.transact(ctx, actions)

	old, at := refused(err)
	switch at {
	case resolveState:
		return ErrFenced
	case resolveMeta:
		return ErrChanged
	case resolveClaim:
		return &TargetInUseError{Holder: holderOf(old)}
	case resolveGiveUp:
		return ErrConflict
	}

	return err
}

// update is what a resolution changes in the state.
func (r Resolution) update(l Lease) *update {
	u := newUpdate().set("place", fields(r.Target)).when(l.held()...)
	if r.moved() {
		u.set("full_epoch", number(0))
	}

	if r.Pull != nil {
		u.set("pull", fields(*r.Pull))
	}

	if r.RunTarget != "" {
		u.set("run.target", text(r.RunTarget))
	}

	if r.Full {
		u.set("run.mode", text(string(domain.Full)))
	}

	return u
}

// freeOrphan gives up the claim of an integration that does not exist any more. It
// reports whether the claim is free.
func (r targetRepository) freeOrphan(ctx context.Context, ref IntegrationRef, k key, holder domain.Snowflake) (bool, error) {
	if holder == 0 {
		return false, nil
	}

	meta, err := r.table.get(ctx, metaKey(IntegrationRef{ID: holder, OrganisationID: ref.OrganisationID, ItemType: ref.ItemType}))
	if err != nil || meta != nil {
		return false, err
	}

	err = r.table.transact(ctx, []action{giveUp(k, holder)})
	if _, at := refused(err); at == 0 {
		err = nil // another integration has claimed it by now
	}

	return err == nil, err
}

// FreeTarget gives up the target of an integration that is purged: a worker may have
// claimed it while the integration was deleted. A claim of another integration
// stays.
func (r targetRepository) FreeTarget(ctx context.Context, ref IntegrationRef, target string) error {
	if target == "" {
		return nil
	}

	err := r.table.transact(ctx, []action{giveUp(targetKey(ref, target), ref.ID)})
	if _, at := refused(err); at == 0 {
		err = nil
	}

	return wrap(err, "free target of integration", ref.ID)
}

// TargetHolder reads which integration has claimed a target, 0 for none.
func (r targetRepository) TargetHolder(ctx context.Context, ref IntegrationRef, target string) (domain.Snowflake, error) {
	found, err := r.table.get(ctx, targetKey(ref, target))

	return holderOf(found), wrap(err, "read claim of the target of integration", ref.ID)
}
