package store

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/domain"
)

// MaxRoles is how many roles of one organisation are kept, deleted ones
// included. An entry takes at most 60 bytes, and an item of the table 400 KB
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html).
const MaxRoles = 5000

// ErrTooManyRoles reports a role that the organisation's record has no room
// for.
var ErrTooManyRoles = errors.New("the organisation has as many roles as are kept")

// versioned lets an update of the record, or of a map in it, through that is
// not older than what is there; of two events of one version, the one that
// deletes stands. deleted is the attribute that says so.
func versioned(u update, path string, version int64, deleted string, gone bool) update {
	u.names["#version"] = "version"
	u.values[":v"] = number(version)
	at := path + "#version"
	newer := at + " <= :v"
	if !gone {
		u.names["#gone"], u.values[":false"] = deleted, truth(false)
		newer = at + " < :v OR (" + at + " = :v AND " + path + "#gone = :false)"
	}

	if u.condition == "" {
		u.condition = "attribute_not_exists(" + at + ")"
	}

	u.condition += " OR " + newer

	return u
}

// PutOrganisation stores an organisation, unless a newer version of it is
// there. Its roles are written by PutRole; those given here are what a seed
// starts with, and are left aside when there are any.
func (s *Store) PutOrganisation(ctx context.Context, o domain.Organisation) error {
	return s.unlessOlder(ctx, "put organisation", o.ID, organisationKey(o.ID), organisationUpdate(o))
}

// organisationUpdate writes an organisation. One that is deleted and has no owner
// is of an event that says no more than that: name, owner and roles stay.
func organisationUpdate(o domain.Organisation) update {
	if o.Deleted && o.OwnerID == 0 {
		return versioned(update{
			expression: "SET #id = :id, #deleted = :gone, #version = :v, #roles = if_not_exists(#roles, :roles)",
			names:      map[string]string{"#id": "id", "#deleted": "is_deleted", "#roles": "roles"},
			values:     record{":id": number(int64(o.ID)), ":gone": truth(true), ":roles": &types.AttributeValueMemberM{Value: record{}}},
		}, "", o.Version, "is_deleted", true)
	}

	roles := o.Roles
	if roles == nil {
		roles = map[string]domain.RoleGrant{}
	}

	encoded := mustEncode(struct {
		Roles map[string]domain.RoleGrant `json:"roles"`
	}{roles})

	return versioned(update{
		expression: "SET #id = :id, #name = :name, #owner = :owner, #deleted = :deleted, #version = :v, #roles = if_not_exists(#roles, :roles)",
		names:      map[string]string{"#id": "id", "#name": "name", "#owner": "owner_id", "#deleted": "is_deleted", "#roles": "roles"},
		values: record{
			":id": number(int64(o.ID)), ":name": text(o.Name), ":owner": number(int64(o.OwnerID)), ":deleted": truth(o.Deleted), ":roles": encoded["roles"],
		},
	}, "", o.Version, "is_deleted", o.Deleted)
}

// unlessOlder writes what is versioned; what is older changes nothing,
// and so does an SDK retry that meets its own success.
func (s *Store) unlessOlder(ctx context.Context, operation string, subject domain.Snowflake, k key, u update) error {
	_, err := s.update(ctx, k, u)
	if _, failed := conditionFailed(err); failed {
		return nil
	}
	return wrap(err, operation, subject)
}

// PutRole stores what a role of an organisation grants, unless a newer version
// of the role is there. A role may be told of before its organisation: then a
// record without a version holds it, which nobody takes for an organisation.
// ErrTooManyRoles when there is no room for one more.
func (s *Store) PutRole(ctx context.Context, org, role domain.Snowflake, g domain.RoleGrant) error {
	entry := &types.AttributeValueMemberM{Value: mustEncode(g)}
	var err error
	for range 3 { // the record may come into being in between, once
		_, err = s.update(ctx, organisationKey(org), roleUpdate(role, g, entry))
		old, failed := conditionFailed(err)
		if !failed {
			return wrap(err, "put role", role)
		}

		if roles, ok := old["roles"].(*types.AttributeValueMemberM); ok {
			if roles.Value[role.String()] == nil {
				err = ErrTooManyRoles
			} else {
				err = nil // a newer version is there
			}
			return wrap(err, "put role", role)
		}

		if err = s.firstRole(ctx, org, role, entry); !errors.Is(err, ErrConflict) {
			return wrap(err, "put role", role)
		}
	}

	return wrap(err, "put role", role)
}

// roleUpdate writes one entry of the map of roles.
func roleUpdate(role domain.Snowflake, g domain.RoleGrant, entry types.AttributeValue) update {
	u := versioned(update{
		expression: "SET #roles.#role = :entry",
		condition:  "attribute_not_exists(#roles.#role) AND size(#roles) < :max",
		names:      map[string]string{"#roles": "roles", "#role": role.String()},
		values:     record{":entry": entry, ":map": text("M"), ":max": number(MaxRoles)},
	}, "#roles.#role.", g.Version, "deleted", g.Deleted)

	u.condition = "attribute_type(#roles, :map) AND (" + u.condition + ")"

	return u
}

// firstRole begins an organisation's map of roles. ErrConflict when it has one.
func (s *Store) firstRole(ctx context.Context, org, role domain.Snowflake, entry types.AttributeValue) error {
	_, err := s.update(ctx, organisationKey(org), update{
		expression: "SET #roles = :roles, #id = :id", condition: "NOT attribute_type(#roles, :map)",
		names: map[string]string{"#roles": "roles", "#id": "id"},
		values: record{
			":roles": &types.AttributeValueMemberM{Value: record{role.String(): entry}}, ":id": number(int64(org)), ":map": text("M"),
		},
	})
	if _, failed := conditionFailed(err); failed {
		err = ErrConflict
	}

	return err
}

// PutMember stores a membership, unless a newer version of it is there. One
// that is removed stays as a tombstone.
func (s *Store) PutMember(ctx context.Context, m domain.Member) error {
	u := versioned(update{names: map[string]string{}, values: record{}}, "", m.Version, "removed", m.Removed)
	_, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.table, Item: keyed(memberKey(m.OrganisationID, m.UserID), mustEncode(m)), ConditionExpression: &u.condition,
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
	})
	if _, failed := conditionFailed(err); failed {
		return nil
	}

	return wrap(err, "put member", m.UserID)
}

// organisation decodes an organisation's record; nil when there is none, and
// when only roles of it have been told of yet.
func organisation(r record) (*domain.Organisation, error) {
	var o *domain.Organisation
	if err := into(r, &o); err != nil || o == nil || o.Version == 0 {
		return nil, err
	}
	return o, nil
}
