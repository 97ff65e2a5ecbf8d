package store

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/domain"
)

// An accessRepository has the records that decide who may manage integrations:
// organisations with their roles, and members. Ingest writes them from events.
type accessRepository struct{ table *table }

// MaxRoles is how many roles of one organisation are kept, deleted ones
// included. An entry takes at most 60 bytes, and an item of the table 400 KB
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html).
const MaxRoles = 5000

// ErrTooManyRoles reports that an organisation already has MaxRoles roles.
var ErrTooManyRoles = errors.New("the organisation has as many roles as are kept")

// newest holds when a version is not older than the stored one. Of two events
// with the same version, a deletion wins. at is the path of the versioned map with
// a dot at its end, "" for the record itself; deleted is the attribute that marks a
// deletion.
func newest(at string, version int64, deleted string, gone bool) condition {
	v := number(version)
	if gone {
		return atMost(at+"version", v)
	}

	return either(less(at+"version", v), all(equal(at+"version", v), equal(at+deleted, truth(false))))
}

// notOlder is newest for a record that may not exist.
func notOlder(version int64, deleted string, gone bool) condition {
	return either(absent("version"), newest("", version, deleted, gone))
}

// PutOrganisation stores an organisation, unless a newer version is stored. Roles
// are written by PutRole. The roles in o are only the initial ones: they are
// ignored when the record has roles.
func (r accessRepository) PutOrganisation(ctx context.Context, o domain.Organisation) error {
	err := r.table.updateOr(ctx, organisationKey(o.ID), organisationUpdate(o), nil)
	return wrap(err, "put organisation", o.ID)
}

// organisationUpdate writes an organisation. A deleted one without an owner comes
// from an event with nothing but id and version: name, owner and roles stay.
func organisationUpdate(o domain.Organisation) *update {
	roles := o.Roles
	deletionOnly := o.Deleted && o.OwnerID == 0
	if roles == nil || deletionOnly {
		roles = map[string]domain.RoleGrant{}
	}

	encoded := mustEncode(struct {
		Roles map[string]domain.RoleGrant `json:"roles"`
	}{roles})

	u := newUpdate().
		set("id", idOf(o.ID)).
		set("is_deleted", truth(o.Deleted)).
		set("version", number(o.Version)).
		setDefault("roles", encoded["roles"]).
		when(notOlder(o.Version, "is_deleted", o.Deleted))
	if !deletionOnly {
		u.set("name", text(o.Name)).set("owner_id", idOf(o.OwnerID))
	}

	return u
}

// An OrganisationState is the state of an organisation after an event was stored.
type OrganisationState struct {
	// Current is false when the event is older than the stored version. The caller
	// must then ignore the event.
	Current bool
	Deleted bool
	// DeletedAt is when it was deleted, in Unix milliseconds.
	DeletedAt int64
	// Suspended says that the organisation was deleted, and that its scheduled work
	// has not been made due again since.
	Suspended bool
}

// TakeOrganisation stores an organisation from an event, unless a newer version is
// stored. A deletion may contain only id and version: name, owner and roles stay
// then. An equal version is current, so that all later steps are repeated when an
// event arrives again.
func (r accessRepository) TakeOrganisation(ctx context.Context, o domain.Organisation, now time.Time) (OrganisationState, error) {
	u := organisationUpdate(o)
	if o.Deleted {
		u.setDefault("deleted_at", millis(now)).set("suspended", truth(true))
	} else {
		u.remove("deleted_at")
	}

	after, err := r.table.update(ctx, organisationKey(o.ID), u)
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

// PutRole stores what a role of an organisation grants, unless a newer version of
// the role is stored. A role may arrive before its organisation: the record then
// has no version and is not read as an organisation. ErrTooManyRoles when the
// organisation already has MaxRoles other roles.
func (r accessRepository) PutRole(ctx context.Context, org, role domain.Snowflake, g domain.RoleGrant) error {
	entry := fields(g)
	var err error
	for range 3 { // another event may create the record in between, once
		_, err = r.table.update(ctx, organisationKey(org), roleUpdate(role, g, entry))
		old, failed := conditionFailed(err)
		if !failed {
			return wrap(err, "put role", role)
		}

		if roles, ok := old["roles"].(*types.AttributeValueMemberM); ok {
			if roles.Value[role.String()] == nil {
				return wrap(ErrTooManyRoles, "put role", role)
			}
			return nil // a newer version is stored
		}

		if err = r.firstRole(ctx, org, role, entry); !errors.Is(err, ErrConflict) {
			return wrap(err, "put role", role)
		}
	}

	return wrap(err, "put role", role)
}

// roleUpdate writes one entry of the map of roles.
func roleUpdate(role domain.Snowflake, g domain.RoleGrant, entry types.AttributeValue) *update {
	at := "roles." + role.String()
	room := all(absent(at), fewer("roles", MaxRoles))

	return newUpdate().
		set(at, entry).
		when(hasType("roles", "M"), either(room, newest(at+".", g.Version, "deleted", g.Deleted)))
}

// firstRole creates an organisation's map of roles. ErrConflict when it has one.
func (r accessRepository) firstRole(ctx context.Context, org, role domain.Snowflake, entry types.AttributeValue) error {
	roles := &types.AttributeValueMemberM{Value: record{role.String(): entry}}
	u := newUpdate().set("roles", roles).set("id", idOf(org)).when(not(hasType("roles", "M")))

	return r.table.updateOr(ctx, organisationKey(org), u, ErrConflict)
}

// PutMember stores a membership, unless a newer version is stored. A removed one
// stays as a tombstone.
func (r accessRepository) PutMember(ctx context.Context, m domain.Member) error {
	err := r.table.put(ctx, put(memberKey(m.OrganisationID, m.UserID), mustEncode(m), notOlder(m.Version, "removed", m.Removed)))
	if _, failed := conditionFailed(err); failed {
		return nil
	}

	return wrap(err, "put member", m.UserID)
}

// A Membership decides what a user may do in an organisation. What does not exist
// is nil.
type Membership struct {
	Organisation *domain.Organisation
	Member       *domain.Member
}

// Membership reads an organisation and, where user is not 0, that user's
// membership, in one BatchGetItem.
func (r accessRepository) Membership(ctx context.Context, org, user domain.Snowflake) (m Membership, err error) {
	keys := []key{organisationKey(org)}
	if user != 0 {
		keys = append(keys, memberKey(org, user))
	}

	found, err := r.table.batchGet(ctx, keys)
	if err == nil {
		m.Organisation, err = organisation(found[organisationKey(org)])
	}

	if err == nil && user != 0 {
		err = into(found[memberKey(org, user)], &m.Member)
	}

	return m, wrap(err, "read organisation", org)
}

// organisation decodes an organisation's record; nil when there is none, and when
// only its roles have arrived.
func organisation(r record) (*domain.Organisation, error) {
	var o *domain.Organisation
	if err := into(r, &o); err != nil || o == nil || o.Version == 0 {
		return nil, err
	}
	return o, nil
}
