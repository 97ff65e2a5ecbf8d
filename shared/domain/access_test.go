package domain

import "testing"

func TestMayManage(t *testing.T) {
	const user, owner = Snowflake(12), Snowflake(11)
	org := Organisation{ID: 1001, OwnerID: owner, Roles: map[string]RoleGrant{
		"1": {Grant: Allow, Version: 1}, "2": {Grant: Deny, Version: 1}, "3": {Grant: Inherit, Version: 1},
		"4": {Grant: Allow, Version: 2, Deleted: true}, "5": {Grant: Deny, Version: 2, Deleted: true},
	}}
	member := func(own Grant, r ...Snowflake) *Member {
		return &Member{OrganisationID: 1001, UserID: user, Grant: own, RoleIDs: r}
	}
	as := func(m *Member, change func(*Member)) *Member {
		change(m)
		return m
	}
	pending := func(m *Member) { m.Pending = true }
	removed := func(m *Member) { m.Removed = true }
	asOwner := func(m *Member) { m.UserID = owner }
	for name, c := range map[string]struct {
		user   Snowflake
		member *Member
		want   bool
	}{
		"owner":                           {owner, nil, true},
		"owner whom his own grant denies": {owner, as(member(Deny, 2), asOwner), true},
		"owner, pending":                  {owner, as(as(member(Deny), asOwner), pending), true},
		"stranger":                        {user, nil, false},
		"pending":                         {user, as(member(Allow, 1), pending), false},
		"removed":                         {user, as(member(Allow, 1), removed), false},
		"own allow":                       {user, member(Allow), true},
		"own allow over a denying role":   {user, member(Allow, 2), true},
		"own deny":                        {user, member(Deny), false},
		"own deny over an allowing role":  {user, member(Deny, 1), false},
		"no grant":                        {user, member(Inherit), false},
		"allowing role":                   {user, member(Inherit, 1), true},
		"denying role":                    {user, member(Inherit, 2), false},
		"allowing, then denying role":     {user, member(Inherit, 1, 2), false},
		"denying, then allowing role":     {user, member(Inherit, 2, 1), false},
		"role that says nothing":          {user, member(Inherit, 3), false},
		"role that says nothing beside an allowing one": {user, member(Inherit, 3, 1), true},
		"unknown role":                                {user, member(Inherit, 9), false},
		"unknown role beside an allowing one":         {user, member(Inherit, 9, 1), true},
		"deleted allowing role":                       {user, member(Inherit, 4), false},
		"deleted denying role beside an allowing one": {user, member(Inherit, 5, 1), true},
		"another's membership":                        {13, member(Allow), false},
		"member of another organisation":              {user, as(member(Allow), func(m *Member) { m.OrganisationID = 1002 }), false},
		"nobody":                                      {0, nil, false},
	} {
		if got := MayManage(c.user, org, c.member); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}

	if MayManage(0, Organisation{ID: 1001}, nil) {
		t.Error("nobody owns an organisation whose owner is not known")
	}

	if MayManage(user, Organisation{ID: 1001, OwnerID: owner}, member(Inherit, 1)) {
		t.Error("a role the organisation does not have permits")
	}
}
