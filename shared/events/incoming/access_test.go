package incoming

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"example.com/integrations/shared/domain"
)

func TestParseAccessEvents(t *testing.T) {
	const (
		organisation = `{"id":"1","name":"Acme","owner_id":"11","is_deleted":true,"version":2,"colour":"red"}`
		member       = `{"organisation_id":"1","user_id":"12","pending":true,"role_ids":["21","22"],"permissions":{"OTHER":1,"MANAGE_ORGANISATION":-1},"version":2}`
		role         = `{"organisation_id":"1","id":"21","order":-3,"permissions":{"MANAGE_ORGANISATION":1},"version":2}`
		key          = `{"id":"1","organisation_id":"1","user_id":"12","version":2}`
	)

	as := func(v any, err error) any {
		if err != nil {
			t.Error(err)
		}
		return v
	}

	parseOrganisation := func(detailType, text string) any {
		o, err := ParseOrganisation(detailType, json.RawMessage(text))
		return as(o, err)
	}
	parseMember := func(detailType, text string) any {
		m, err := ParseMember(detailType, json.RawMessage(text))
		return as(m, err)
	}
	parseRole := func(detailType, text string) any {
		r, err := ParseRole(detailType, json.RawMessage(text))
		return as(r, err)
	}
	for name, c := range map[string]struct{ got, want any }{
		"organisation":         {parseOrganisation(OrganisationUpdated, organisation), domain.Organisation{ID: 1, Name: "Acme", OwnerID: 11, Deleted: true, Version: 2}},
		"organisation deleted": {parseOrganisation(OrganisationDeleted, key), domain.Organisation{ID: 1, Deleted: true, Version: 2}},
		"member": {parseMember(MemberUpdated, member), domain.Member{
			OrganisationID: 1, UserID: 12, Pending: true, RoleIDs: []domain.Snowflake{21, 22}, Grant: domain.Deny, Version: 2}},
		"member removed":     {parseMember(MemberRemoved, key), domain.Member{OrganisationID: 1, UserID: 12, Removed: true, Version: 2}},
		"removal tells more": {parseMember(MemberRemoved, member), domain.Member{OrganisationID: 1, UserID: 12, Removed: true, Version: 2}},
		"role":               {parseRole(RoleUpdated, role), Role{1, 21, domain.RoleGrant{Grant: domain.Allow, Version: 2}}},
		"role deleted":       {parseRole(RoleDeleted, `{"organisation_id":"1","id":"21","version":2,"permissions":{"MANAGE_ORGANISATION":1}}`), Role{1, 21, domain.RoleGrant{Version: 2, Deleted: true}}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, c.got, c.want)
		}
	}
}

// All that is wrong is told at once, each by the name of its member.
func TestProblemsAreNamed(t *testing.T) {
	_, err := ParseMember(MemberUpdated, json.RawMessage(`{"organisation_id":"01","pending":null,"role_ids":["x"],"permissions":{"A":2},"version":"1"}`))
	var m *Malformed
	if !errors.As(err, &m) || !errors.Is(err, ErrMalformed) {
		t.Fatal(err)
	}

	var names []string
	for _, p := range m.Problems {
		names = append(names, p.Member)
	}

	if want := []string{"organisation_id", "user_id", "version", "pending", "role_ids", "permissions"}; !reflect.DeepEqual(names, want) {
		t.Errorf("%v, want %v: %v", names, want, err)
	}
}
