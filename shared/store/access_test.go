package store

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"example.com/integrations/shared/domain"
)

const org = domain.Snowflake(1001)

func organisationNow(t *testing.T, s *Store) *domain.Organisation {
	t.Helper()
	v, err := s.View(t.Context(), pair, 12)
	must(t, err)
	return v.Organisation
}

// An accessEvent stores what one event says.
type accessEvent func(t *testing.T, s *Store)

func named(name string, version int64, deleted bool) accessEvent {
	return func(t *testing.T, s *Store) {
		must(t, s.PutOrganisation(t.Context(), domain.Organisation{ID: org, Name: name, OwnerID: 11, Deleted: deleted, Version: version}))
	}
}

func gone(version int64) accessEvent {
	return func(t *testing.T, s *Store) {
		_, err := s.TakeOrganisation(t.Context(), domain.Organisation{ID: org, Deleted: true, Version: version}, now)
		must(t, err)
	}
}

func role(g domain.Grant, version int64, deleted bool) accessEvent {
	return func(t *testing.T, s *Store) {
		must(t, s.PutRole(t.Context(), org, 21, domain.RoleGrant{Grant: g, Version: version, Deleted: deleted}))
	}
}

func TestOrganisationVersions(t *testing.T) {
	for name, c := range map[string]struct {
		steps []accessEvent
		want  string // name version deleted
	}{
		"in order":                  {[]accessEvent{named("a", 1, false), named("b", 2, false)}, "b 2 false"},
		"older is ignored":          {[]accessEvent{named("b", 2, false), named("a", 1, false)}, "b 2 false"},
		"twice":                     {[]accessEvent{named("a", 1, false), named("a", 1, false)}, "a 1 false"},
		"deletion":                  {[]accessEvent{named("a", 1, false), gone(2)}, "a 2 true"},
		"older deletion":            {[]accessEvent{named("a", 2, false), gone(1)}, "a 2 false"},
		"deletion of the version":   {[]accessEvent{named("a", 2, false), gone(2)}, "a 2 true"},
		"as old as the deletion":    {[]accessEvent{named("a", 1, false), gone(2), named("b", 2, false)}, "a 2 true"},
		"deletion first":            {[]accessEvent{gone(2), named("a", 1, false)}, " 2 true"},
		"put as deleted":            {[]accessEvent{named("a", 1, false), named("b", 2, true)}, "b 2 true"},
		"deleted, then not, as old": {[]accessEvent{named("b", 2, true), named("a", 2, false)}, "b 2 true"},
		"revived":                   {[]accessEvent{named("a", 1, false), gone(2), named("c", 3, false)}, "c 3 false"},
		"revived late":              {[]accessEvent{named("c", 3, false), gone(2), named("a", 1, false)}, "c 3 false"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := open(t)
			for _, step := range append([]accessEvent{role(domain.Allow, 1, false)}, c.steps...) {
				step(t, s)
			}

			o := organisationNow(t, s)
			if got := fmt.Sprint(o.Name, " ", o.Version, " ", o.Deleted); got != c.want || o.ID != org {
				t.Errorf("%s (%+v), want %s", got, o, c.want)
			}

			if want := map[string]domain.RoleGrant{"21": {Grant: domain.Allow, Version: 1}}; !reflect.DeepEqual(o.Roles, want) {
				t.Errorf("the roles became %v", o.Roles)
			}
		})
	}
}

func TestRoleVersions(t *testing.T) {
	allow := domain.Allow
	deny := domain.Deny
	none := domain.Inherit
	for name, c := range map[string]struct {
		steps []accessEvent
		want  domain.RoleGrant
	}{
		"in order":               {[]accessEvent{role(allow, 1, false), role(deny, 2, false)}, domain.RoleGrant{Grant: deny, Version: 2}},
		"older is ignored":       {[]accessEvent{role(deny, 2, false), role(allow, 1, false)}, domain.RoleGrant{Grant: deny, Version: 2}},
		"twice":                  {[]accessEvent{role(allow, 1, false), role(allow, 1, false)}, domain.RoleGrant{Grant: allow, Version: 1}},
		"an old allow stays old": {[]accessEvent{role(none, 2, false), role(allow, 1, false)}, domain.RoleGrant{Version: 2}},
		"deleted":                {[]accessEvent{role(allow, 1, false), role(none, 2, true)}, domain.RoleGrant{Version: 2, Deleted: true}},
		"deleted first":          {[]accessEvent{role(none, 2, true), role(allow, 1, false)}, domain.RoleGrant{Version: 2, Deleted: true}},
		"as old as the deletion": {[]accessEvent{role(none, 2, true), role(allow, 2, false)}, domain.RoleGrant{Version: 2, Deleted: true}},
		"deletion of a version":  {[]accessEvent{role(allow, 2, false), role(none, 2, true)}, domain.RoleGrant{Version: 2, Deleted: true}},
		"created again":          {[]accessEvent{role(none, 2, true), role(allow, 3, false)}, domain.RoleGrant{Grant: allow, Version: 3}},
	} {
		for _, before := range []bool{false, true} { // the role before its organisation
			t.Run(fmt.Sprint(name, before), func(t *testing.T) {
				s, _ := open(t)
				if !before {
					named("a", 5, false)(t, s)
				}

				for _, step := range c.steps {
					step(t, s)
				}

				if before {
					if o := organisationNow(t, s); o != nil {
						t.Errorf("a role alone makes an organisation: %+v", o)
					}
					named("a", 5, false)(t, s)
				}

				o := organisationNow(t, s)
				if !reflect.DeepEqual(o.Roles, map[string]domain.RoleGrant{"21": c.want}) || o.Name != "a" || o.Version != 5 || o.OwnerID != 11 {
					t.Errorf("%+v, want %+v", o, c.want)
				}
			})
		}
	}
}

// A record with roles only is not read as an organisation.
func TestRolesAloneAreNoOrganisation(t *testing.T) {
	s, _ := open(t)
	request(t, s, 1, domain.Full)
	_, lease := acquire(t, s, 1, "a", now, now.Add(1))
	role(domain.Allow, 1, false)(t, s)
	if look, err := s.ReadControl(t.Context(), lease); err != nil || look.Organisation {
		t.Errorf("the worker sees an organisation: %+v, %v", look, err)
	}

	named("a", 1, false)(t, s)
	if look, err := s.ReadControl(t.Context(), lease); err != nil || !look.Organisation {
		t.Errorf("the worker sees none: %+v, %v", look, err)
	}
}

// Many roles at once of an organisation whose event arrives in between: none is
// lost.
func TestRolesAtOnce(t *testing.T) {
	s, _ := open(t)
	const n = 12
	var all sync.WaitGroup
	for i := range domain.Snowflake(n) {
		all.Go(func() {
			if err := s.PutRole(t.Context(), org, i+1, domain.RoleGrant{Grant: domain.Allow, Version: 1}); err != nil {
				t.Error(err)
			}
		})
		if i == n/2 {
			all.Go(func() {
				if err := s.PutOrganisation(t.Context(), domain.Organisation{ID: org, Name: "a", Version: 1}); err != nil {
					t.Error(err)
				}
			})
		}
	}

	all.Wait()
	if o := organisationNow(t, s); len(o.Roles) != n || o.Name != "a" {
		t.Errorf("%d roles of %d, %+v", len(o.Roles), n, o)
	}
}

// The largest organisation there may be still fits an item of the table, and a
// role more is refused without touching it.
func TestRolesHaveAnEnd(t *testing.T) {
	s, _ := open(t)
	const first = domain.Snowflake(9000000000000000001)
	full := domain.Organisation{ID: org, Name: strings.Repeat("ü", 1000), OwnerID: 11, Version: 1, Roles: map[string]domain.RoleGrant{}}
	for i := range domain.Snowflake(MaxRoles) {
		full.Roles[(first + i).String()] = domain.RoleGrant{Grant: domain.Deny, Version: 1<<63 - 2}
	}

	must(t, s.PutOrganisation(t.Context(), full))
	err := s.PutRole(t.Context(), org, first-1, domain.RoleGrant{Grant: domain.Allow, Version: 1})
	is(t, err, ErrTooManyRoles)
	must(t, s.PutRole(t.Context(), org, first, domain.RoleGrant{Version: 1<<63 - 1, Deleted: true}))
	must(t, s.PutRole(t.Context(), org, first, domain.RoleGrant{Version: 1}))
	full.Name = "b"
	full.Version = 2
	full.Roles = nil
	must(t, s.PutOrganisation(t.Context(), full))
	o := organisationNow(t, s)
	if len(o.Roles) != MaxRoles || !o.Roles[first.String()].Deleted || o.Name != "b" {
		t.Errorf("%d roles, %+v, %s", len(o.Roles), o.Roles[first.String()], o.Name)
	}
}

func TestMemberVersions(t *testing.T) {
	put := func(version int64, g domain.Grant, removed bool) domain.Member {
		return domain.Member{OrganisationID: org, UserID: 12, Version: version, Grant: g, Removed: removed, RoleIDs: []domain.Snowflake{21}}
	}
	for name, c := range map[string]struct {
		steps []domain.Member
		want  domain.Member
	}{
		"in order":               {[]domain.Member{put(1, 0, false), put(2, 1, false)}, put(2, 1, false)},
		"older is ignored":       {[]domain.Member{put(2, -1, false), put(1, 1, false)}, put(2, -1, false)},
		"twice":                  {[]domain.Member{put(1, 1, false), put(1, 1, false)}, put(1, 1, false)},
		"removed":                {[]domain.Member{put(1, 1, false), put(2, 0, true)}, put(2, 0, true)},
		"removed first":          {[]domain.Member{put(2, 0, true), put(1, 1, false)}, put(2, 0, true)},
		"as old as the removal":  {[]domain.Member{put(2, 0, true), put(2, 1, false)}, put(2, 0, true)},
		"removal of its version": {[]domain.Member{put(2, 1, false), put(2, 0, true)}, put(2, 0, true)},
		"back again":             {[]domain.Member{put(2, 0, true), put(3, 1, false)}, put(3, 1, false)},
	} {
		s, _ := open(t)
		for _, m := range c.steps {
			must(t, s.PutMember(t.Context(), m))
		}

		v, err := s.View(t.Context(), pair, 12)
		if err != nil || !reflect.DeepEqual(*v.Member, c.want) {
			t.Errorf("%s: %+v, %v, want %+v", name, v.Member, err, c.want)
		}
	}
}

// Each access event is one write, but for the role of an organisation that has
// no roles yet.
func TestAccessEventsCostOneWrite(t *testing.T) {
	s, w := open(t)
	for n, c := range []struct {
		event accessEvent
		want  map[string]int
	}{
		{named("a", 1, false), map[string]int{"UpdateItem": 1}},
		{named("a", 1, false), map[string]int{"UpdateItem": 1}},
		{role(domain.Allow, 1, false), map[string]int{"UpdateItem": 1}},
		{role(domain.Allow, 1, false), map[string]int{"UpdateItem": 1}},
		{role(domain.Inherit, 2, true), map[string]int{"UpdateItem": 1}},
		{func(t *testing.T, s *Store) {
			must(t, s.PutMember(t.Context(), domain.Member{OrganisationID: org, UserID: 12, Version: 1}))
		}, map[string]int{"PutItem": 1}},
		{gone(3), map[string]int{"UpdateItem": 1}},
		{func(t *testing.T, s *Store) {
			must(t, s.PutRole(t.Context(), 3003, 21, domain.RoleGrant{Version: 1}))
		}, map[string]int{"UpdateItem": 2}},
	} {
		clear(w.calls)
		c.event(t, s)
		if !reflect.DeepEqual(w.calls, c.want) {
			t.Errorf("event %d: %v, want %v", n, w.calls, c.want)
		}
	}
}

func TestAccessWritesSurviveLostAnswers(t *testing.T) {
	s, w := open(t)
	for _, event := range []accessEvent{role(domain.Allow, 1, false), role(domain.Deny, 2, false), named("a", 1, false), gone(2), named("b", 3, false)} {
		w.lose["UpdateItem"] = 1
		event(t, s)
	}

	w.lose["PutItem"] = 1
	must(t, s.PutMember(t.Context(), domain.Member{OrganisationID: org, UserID: 12, Version: 1}))
	o := organisationNow(t, s)
	if o.Name != "b" || o.Deleted || o.Roles["21"].Grant != domain.Deny {
		t.Errorf("%+v", o)
	}
}
