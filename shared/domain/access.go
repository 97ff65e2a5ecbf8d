package domain

// ManageOrganisation is the permission every route of the service asks for.
const ManageOrganisation = "MANAGE_ORGANISATION"

// A Grant is an entry of an access control list: it denies, leaves open or
// allows one permission.
type Grant int

// The grants.
const (
	Deny    Grant = -1
	Inherit Grant = 0
	Allow   Grant = 1
)

// A RoleGrant is what a role says of MANAGE_ORGANISATION, as of a version of
// the role. A tombstone stays after the role is deleted, so that a late event
// does not restore it.
type RoleGrant struct {
	Grant   Grant `json:"grant"`
	Version int64 `json:"version"`
	Deleted bool  `json:"deleted"`
}

// An Organisation owns integrations and items.
type Organisation struct {
	ID      Snowflake `json:"id"`
	Name    string    `json:"name"`
	OwnerID Snowflake `json:"owner_id"`
	Deleted bool      `json:"is_deleted"`
	Version int64     `json:"version"`
	// Roles maps a role's id to its grant of MANAGE_ORGANISATION. A role that an
	// event named keeps its entry, with its version, whether it grants
	// something or not: otherwise a late event could restore an old allow.
	Roles map[string]RoleGrant `json:"roles"`
}

// A Member is a user in an organisation.
type Member struct {
	OrganisationID Snowflake   `json:"organisation_id"`
	UserID         Snowflake   `json:"user_id"`
	Pending        bool        `json:"pending"`
	Removed        bool        `json:"removed"`
	RoleIDs        []Snowflake `json:"role_ids"`
	// Grant is the member's own grant of MANAGE_ORGANISATION.
	Grant   Grant `json:"grant"`
	Version int64 `json:"version"`
}

// MayManage reports whether a user holds MANAGE_ORGANISATION: the owner does;
// who is not a member, or a pending one, does not; the member's own grant
// decides if it is not Inherit; else any denying role refuses, else any
// allowing role permits, else it is refused. m is nil for a stranger.
func MayManage(user Snowflake, o Organisation, m *Member) bool {
	if user != 0 && user == o.OwnerID {
		return true
	}
	if m == nil || m.Removed || m.Pending || m.UserID != user || m.OrganisationID != o.ID {
		return false
	}
	if m.Grant != Inherit {
		return m.Grant == Allow
	}

	allowed := false
	for _, role := range m.RoleIDs {
		g := o.Roles[role.String()]
		switch {
		case g.Deleted:
		case g.Grant == Deny:
			return false
		case g.Grant == Allow:
			allowed = true
		}
	}

	return allowed
}
