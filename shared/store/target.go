package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/domain"
)

// A Target is the place that an integration syncs with, as the provider
// identifies it. The worker writes it, under its fence.
type Target struct {
	// Key identifies the place. It is part of the keys of links and objects.
	Key string `json:"key"`
	// Instance, ID, Created, Name, URL and ByName are those of connector.Place.
	Instance string `json:"instance"`
	ID       string `json:"id"`
	Created  string `json:"created"`
	Name     string `json:"name"`
	URL      string `json:"url"`
	ByName   bool   `json:"by_name"`
	// Spelling is Integration.TargetHash of the configuration that led here.
	Spelling string `json:"spelling"`
	// ConfigurationVersion is Integration.ConfigurationVersion when the place
	// was resolved. A newer configuration may lead elsewhere.
	ConfigurationVersion int64 `json:"configuration_version"`
	// ClockLag is how far the provider's clock was behind ours when the place was
	// resolved, in milliseconds, negative where it was ahead, 0 where no answer
	// said so.
	ClockLag int64 `json:"clock_lag,omitempty"`
	// Relinked says that the place was searched for objects of ours since it
	// became the target. No object is created before that.
	Relinked bool `json:"relinked"`
	// Previous is the key under which links were kept before, "" for none. The
	// search uses them.
	Previous string `json:"previous"`
	// Carries says which of those links the search may carry over to Key.
	Carries Carries `json:"carries"`
}

// Carries says which links under the key before may be carried over to a new
// key by the id of their object.
type Carries string

// What is carried over depends on how certain it is that both keys are of the
// same place.
const (
	// CarriesNone: the key before is of another place, where other objects may
	// have the same ids.
	CarriesNone Carries = ""
	// CarriesByID: the place has the same id and was made at the same time. Only
	// the server has another name.
	CarriesByID Carries = "id"
	// CarriesByText: the place has the same id, and the provider does not say
	// when it was made. Places of two servers may have the same id, so the object
	// must have the text that was last seen, or a valid marker.
	CarriesByText Carries = "text"
	// CarriesBySpelling: the key before is the spelling that led here, in a table
	// of a version without ids of places. The object must have the text that was
	// last seen, or a marker, which may have no signature.
	CarriesBySpelling Carries = "spelling"
)

// After is the target as it is first stored: with the links it may search for,
// and what of them it may carry over. known is the target before, nil for none.
// linked is the key of links that there are, "" if there are none; without a
// known target it is a spelling.
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
		// The server got one more name before the search was over: the links are
		// still complete under the key before.
		t.Previous = known.Previous
		t.Carries = known.Carries
	}

	return t
}

// carriesFrom says what may be carried over from the target before, or from a
// spelling where there is none.
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

// TargetMoved is the code of an integration whose configuration leads to another
// place than before, though it is spelled the same.
const TargetMoved = "target_moved"

// Replaced reports whether the spelling that led to a target leads to another
// place now: it was deleted and made again, or its name was given to another
// one. A server that only has another name for itself is no other place.
func (t Target) Replaced(spelling, id, created string) bool {
	return t.Spelling == spelling && (t.ID != id || t.Created != created)
}

// KnownTarget is the target that was last resolved, nil before the first one.
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

// ErrTargetInUse says that another integration of the organisation and item
// type syncs with the same place.
var ErrTargetInUse = errors.New("another integration of the organisation syncs with this place")

// A TargetInUseError is ErrTargetInUse with the integration that has the place.
type TargetInUseError struct {
	Holder domain.Snowflake
}

// Error names the integration that has the place.
func (e *TargetInUseError) Error() string {
	return fmt.Sprintf("%v: integration %s", ErrTargetInUse, e.Holder)
}

// Unwrap makes the error an ErrTargetInUse.
func (e *TargetInUseError) Unwrap() error { return ErrTargetInUse }

// A claim says which integration has a place, or a spelling of one.
type claim struct {
	IntegrationID domain.Snowflake `json:"integration_id"`
}

// holderOf reads which integration a claim belongs to, 0 for none.
func holderOf(r record) domain.Snowflake {
	var c claim
	if err := decode(r, &c); err != nil {
		return 0
	}

	return c.IntegrationID
}

// placeAction claims a place for an integration. It is refused where another
// integration has it.
func (s *Store) placeAction(k key, id domain.Snowflake) types.TransactWriteItem {
	free := "attribute_not_exists(pk) OR integration_id = :id"

	return types.TransactWriteItem{Put: &types.Put{
		TableName: &s.table, Item: keyed(k, mustEncode(claim{id})), ConditionExpression: &free,
		ExpressionAttributeValues:           record{":id": number(int64(id))},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}

// freeAction gives a place up. It is refused where another integration has it.
func (s *Store) freeAction(k key, id domain.Snowflake) types.TransactWriteItem {
	own := "attribute_not_exists(pk) OR integration_id = :id"

	return types.TransactWriteItem{Delete: &types.Delete{
		TableName: &s.table, Key: k.attributes(), ConditionExpression: &own,
		ExpressionAttributeValues: record{":id": number(int64(id))},
	}}
}

// A Resolution is what the worker stores when it has resolved the target.
type Resolution struct {
	Target Target
	// Was is the target before, nil for none. Its claim is given up where the
	// place is another.
	Was *Target
	// Pull replaces the pull cursor, nil leaves it.
	Pull *Pull
	// RunTarget is the key that the run serves from now on, "" leaves it.
	RunTarget string
	// Full makes the run look at every item.
	Full bool
}

// moved reports whether the place is another one than before.
func (r Resolution) moved() bool { return r.Was != nil && r.Was.Key != r.Target.Key }

// ResolveTarget stores the place that an integration syncs with, and claims it,
// in one transaction under the lease. A place with another key makes the next
// sync full. ErrFenced when the lease is lost, ErrChanged when the integration
// is gone, a *TargetInUseError when another integration has the place.
func (s *Store) ResolveTarget(ctx context.Context, l Lease, r Resolution) error {
	for range stops {
		err := s.resolveTarget(ctx, l, r)

		var taken *TargetInUseError
		if !errors.As(err, &taken) {
			return wrap(err, "resolve target of integration", l.Pair.ID)
		}

		freed, ferr := s.freeOrphan(ctx, l.Pair, placeKey(l.Pair, r.Target.Key), taken.Holder)
		if ferr != nil {
			return wrap(ferr, "resolve target of integration", l.Pair.ID)
		}
		if !freed {
			return wrap(err, "resolve target of integration", l.Pair.ID)
		}
	}

	return wrap(ErrConflict, "resolve target of integration", l.Pair.ID)
}

func (s *Store) resolveTarget(ctx context.Context, l Lease, r Resolution) error {
	actions := []types.TransactWriteItem{
		s.updateAction(l.key(), r.update(l)),
		s.metaCheck(l.Pair, 0, true),
		s.placeAction(placeKey(l.Pair, r.Target.Key), l.Pair.ID),
	}
	if r.moved() {
		actions = append(actions, s.freeAction(placeKey(l.Pair, r.Was.Key), l.Pair.ID))
	}

	err := s.transact(ctx, actions)

	old, at := refused(err)
	switch at {
	case 0:
		return ErrFenced
	case 1:
		return ErrChanged
	case 2:
		return &TargetInUseError{Holder: holderOf(old)}
	case 3:
		return ErrConflict
	}

	return err
}

// update is what a resolution changes in the state.
func (r Resolution) update(l Lease) update {
	x := edits{u: l.fenced(update{})}
	x.put("#place", "place", &types.AttributeValueMemberM{Value: mustEncode(r.Target)})

	if r.moved() {
		x.put("#epoch", "full_epoch", number(0))
	}

	if r.Pull != nil {
		x.put("#pull", "pull", &types.AttributeValueMemberM{Value: mustEncode(*r.Pull)})
	}

	if r.RunTarget != "" {
		x.u.names["#target"], x.u.values[":run_target"] = "target", text(r.RunTarget)
		x.set = append(x.set, "#run.#target = :run_target")
	}

	if r.Full {
		x.u.names["#mode"], x.u.values[":full"] = "mode", text(string(domain.Full))
		x.set = append(x.set, "#run.#mode = :full")
	}

	return x.update()
}

// freeOrphan gives up the claim of an integration that does not exist any more.
// It reports whether the claim is gone.
func (s *Store) freeOrphan(ctx context.Context, p IntegrationRef, k key, holder domain.Snowflake) (bool, error) {
	if holder == 0 {
		return false, nil
	}

	meta, err := s.get(ctx, metaKey(IntegrationRef{ID: holder, OrganisationID: p.OrganisationID, ItemType: p.ItemType}))
	if err != nil || meta != nil {
		return false, err
	}

	err = s.transact(ctx, []types.TransactWriteItem{s.freeAction(k, holder)})
	if _, at := refused(err); at == 0 {
		err = nil // another one has taken it by now
	}

	return err == nil, err
}

// TargetHolder reads which integration has a place, 0 for none.
func (s *Store) TargetHolder(ctx context.Context, p IntegrationRef, targetKey string) (domain.Snowflake, error) {
	r, err := s.get(ctx, placeKey(p, targetKey))

	return holderOf(r), wrap(err, "read who has the target of integration", p.ID)
}

// LinkedTarget is the key of a place to which an integration has links, "" if it
// has none. Where there are several places it is any of them.
func (s *Store) LinkedTarget(ctx context.Context, integration domain.Snowflake) (string, error) {
	q := pageOf{pk: integrationPartition(integration), prefix: linkPrefix, limit: 1, only: []string{partitionKey, sortKey}}
	records, _, err := s.query(ctx, q)
	if err != nil || len(records) == 0 {
		return "", wrap(err, "look for links of integration", integration)
	}

	target, _, _ := strings.Cut(strings.TrimPrefix(textOf(records[0], sortKey), linkPrefix), "#")

	return target, nil
}

// A Claimed is an object whose marker names an item of another integration.
type Claimed struct {
	Integration domain.Snowflake
	Item        domain.Snowflake
	Attempt     int
	RemoteID    string
}

// Owned reports which objects the records of the integrations that their
// markers name call their own: as the object of an item, or as what an
// unanswered create may have made. At most 50 objects are asked about at once.
func (s *Store) Owned(ctx context.Context, target string, objects []Claimed) (map[string]bool, error) {
	var keys []key
	for _, o := range objects {
		keys = append(keys, remoteKey(o.Integration, target, o.RemoteID), linkKey(o.Integration, target, o.Item))
	}

	found, err := s.batchGet(ctx, unique(keys))
	if err != nil {
		return nil, wrap(err, "read whose objects are at target", target)
	}

	owned := map[string]bool{}
	for _, o := range objects {
		var object *Object
		var link *Link
		err = errors.Join(err,
			into(found[remoteKey(o.Integration, target, o.RemoteID)], &object),
			into(found[linkKey(o.Integration, target, o.Item)], &link))

		recorded := object != nil && object.ItemID != 0
		awaited := link != nil && link.Intent != nil && o.Attempt <= link.Intent.Attempt
		owned[o.RemoteID] = owned[o.RemoteID] || recorded || awaited
	}

	return owned, wrap(err, "read whose objects are at target", target)
}

// unique drops repeated keys, which BatchGetItem refuses.
func unique(keys []key) []key {
	seen := map[key]bool{}
	var once []key
	for _, k := range keys {
		if !seen[k] {
			seen[k] = true
			once = append(once, k)
		}
	}

	return once
}
