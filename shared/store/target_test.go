package store

import (
	"errors"
	"testing"
	"time"

	"example.com/integrations/shared/domain"
)

// integrationOf is an integration of the test's organisation and item type.
func integrationOf(id domain.Snowflake, spelling string) Integration {
	return Integration{TargetHash: spelling, Integration: domain.Integration{
		ID: id, OrganisationID: pair.OrganisationID, ItemType: pair.ItemType, Provider: domain.GitHub, Enabled: true, Configuration: "{}",
	}}
}

// holder checks that an error says which integration has a place.
func holder(t *testing.T, err error, want domain.Snowflake) {
	t.Helper()

	var taken *TargetInUseError
	if !errors.As(err, &taken) || taken.Holder != want || !errors.Is(err, ErrTargetInUse) {
		t.Errorf("%v, want the place of integration %s", err, want)
	}
}

// A5: one spelling takes one integration of an organisation and item type. What
// is deleted or spelled otherwise gives it up.
func TestASpellingIsClaimed(t *testing.T) {
	s, _ := open(t)
	there(t, s)
	holder(t, s.CreateIntegration(t.Context(), integrationOf(502, "there"), nil), pair.ID)

	other := integrationOf(502, "elsewhere")
	must(t, s.CreateIntegration(t.Context(), other, nil))
	second := IntegrationRef{ID: 502, OrganisationID: pair.OrganisationID, ItemType: pair.ItemType}
	v, err := s.View(t.Context(), second, 0)
	must(t, err)
	_, err = s.UpdateIntegration(t.Context(), v, Change{Enabled: true, Configuration: "{}", TargetHash: "there", ConfigurationChanged: true}, now)
	holder(t, err, pair.ID)

	another := integrationOf(503, "there")
	another.ItemType = "document"
	must(t, s.CreateIntegration(t.Context(), another, nil))
	foreign := integrationOf(504, "there")
	foreign.OrganisationID = 1002
	must(t, s.CreateIntegration(t.Context(), foreign, nil))

	_, err = s.UpdateIntegration(t.Context(), viewed(t, s), Change{Enabled: true, Configuration: "{}", TargetHash: "third", ConfigurationChanged: true}, now)
	must(t, err)
	_, err = s.UpdateIntegration(t.Context(), v, Change{Enabled: true, Configuration: "{}", TargetHash: "there", ConfigurationChanged: true}, now)
	must(t, err)

	v, err = s.View(t.Context(), second, 0)
	must(t, err)
	_, err = s.DeleteIntegration(t.Context(), v, 4711, now)
	must(t, err)
	must(t, s.CreateIntegration(t.Context(), integrationOf(505, "there"), nil))
}

// Two creates, and two changes, that come to one spelling at once: one has it.
func TestTwoClaimOneSpelling(t *testing.T) {
	s, _ := open(t)
	errs := make(chan error, 2)
	for id := domain.Snowflake(601); id <= 602; id++ {
		go func() { errs <- s.CreateIntegration(t.Context(), integrationOf(id, "there"), nil) }()
	}

	one := <-errs
	two := <-errs
	if (one == nil) == (two == nil) || !errors.Is(errors.Join(one, two), ErrTargetInUse) {
		t.Errorf("creates: %v, %v", one, two)
	}

	var views []View
	for id := domain.Snowflake(603); id <= 604; id++ {
		must(t, s.CreateIntegration(t.Context(), integrationOf(id, id.String()), nil))
		v, err := s.View(t.Context(), IntegrationRef{ID: id, OrganisationID: pair.OrganisationID, ItemType: pair.ItemType}, 0)
		must(t, err)
		views = append(views, v)
	}

	for _, v := range views {
		go func() {
			_, err := s.UpdateIntegration(t.Context(), v, Change{Enabled: true, Configuration: "{}", TargetHash: "elsewhere", ConfigurationChanged: true}, now)
			errs <- err
		}()
	}

	one = <-errs
	two = <-errs
	if (one == nil) == (two == nil) || !errors.Is(errors.Join(one, two), ErrTargetInUse) {
		t.Errorf("changes: %v, %v", one, two)
	}
}

// A place is claimed with the target, under the lease. It is free again when the
// integration is led elsewhere or deleted, and when the one that has it is gone.
func TestAPlaceIsClaimed(t *testing.T) {
	s, w := open(t)
	request(t, s, 1, domain.Incremental)
	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	home := Target{Key: "home", ID: "1"}
	away := Target{Key: "away", ID: "2"}
	must(t, s.ResolveTarget(t.Context(), lease, Resolution{Target: home, RunTarget: "home", Full: true}))

	st := state(t, s)
	if st.Target == nil || *st.Target != home || st.Run.Target != "home" || st.Run.Mode != domain.Full || st.TargetKey() != "home" {
		t.Errorf("%+v, %+v", st.Target, st.Run)
	}

	if found, err := s.TargetHolder(t.Context(), pair, "home"); found != pair.ID || err != nil {
		t.Errorf("%v, %v", found, err)
	}

	w.lose["TransactWriteItems"] = 1 // the SDK meets its own success
	must(t, s.ResolveTarget(t.Context(), lease, Resolution{Target: home, Was: &home}))

	second := IntegrationRef{ID: 502, OrganisationID: pair.OrganisationID, ItemType: pair.ItemType}
	must(t, s.CreateIntegration(t.Context(), integrationOf(502, "another"), nil))
	run := newRunOf(2, domain.Full)
	run.IntegrationID = 502
	_, _, err := s.RequestRun(t.Context(), second, run, 0, now)
	must(t, err)
	held, err := s.Acquire(t.Context(), second, LeaseRequest{RunID: 2, ID: "b", Now: now, Until: now.Add(time.Minute)})
	if err != nil || held == nil {
		t.Fatal(held, err)
	}

	theirs := held.Lease

	holder(t, s.ResolveTarget(t.Context(), theirs, Resolution{Target: home}), pair.ID)
	if st, err := s.State(t.Context(), 502); err != nil || st.Target != nil {
		t.Errorf("%+v, %v", st, err)
	}

	must(t, s.ResolveTarget(t.Context(), lease, Resolution{Target: away, Was: &home}))
	if st := state(t, s); st.FullEpoch != 0 || st.Target.Key != "away" {
		t.Errorf("%+v", st)
	}

	must(t, s.ResolveTarget(t.Context(), theirs, Resolution{Target: home}))
	holder(t, s.ResolveTarget(t.Context(), theirs, Resolution{Target: away, Was: &home}), pair.ID)

	_, err = s.DeleteIntegration(t.Context(), viewed(t, s), 4711, now)
	must(t, err)
	must(t, s.ResolveTarget(t.Context(), theirs, Resolution{Target: away, Was: &home}))
	is(t, s.ResolveTarget(t.Context(), lease, Resolution{Target: home, Was: &away}), ErrChanged)

	stale := theirs
	stale.Fence--
	is(t, s.ResolveTarget(t.Context(), stale, Resolution{Target: home}), ErrFenced)
}

// A claim that a deleted integration has made too late blocks no other one.
func TestAClaimOfADeletedIntegration(t *testing.T) {
	s, _ := open(t)
	there(t, s)
	for _, k := range []key{targetKey(pair, "home"), spellingKey(pair, "spelled")} {
		must(t, tableOf(s).transact(t.Context(), []action{claimFor(k, 999)}))
	}

	must(t, s.CreateIntegration(t.Context(), integrationOf(502, "spelled"), nil))

	request(t, s, 1, domain.Incremental)
	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	must(t, s.ResolveTarget(t.Context(), lease, Resolution{Target: Target{Key: "home"}}))
	must(t, s.FreeTarget(t.Context(), IntegrationRef{ID: 502, OrganisationID: pair.OrganisationID, ItemType: pair.ItemType}, "home"))
	if found, err := s.TargetHolder(t.Context(), pair, "home"); found != pair.ID || err != nil {
		t.Errorf("%v, %v", found, err)
	}

	must(t, s.FreeTarget(t.Context(), pair, "home"))
	if found, err := s.TargetHolder(t.Context(), pair, "home"); found != 0 || err != nil {
		t.Errorf("%v, %v", found, err)
	}
}

// Links are found at whatever place they are kept.
func TestLinkedTarget(t *testing.T) {
	s, _ := open(t)
	run := request(t, s, 1, domain.Incremental)
	if target, err := s.LinkedTarget(t.Context(), pair.ID); target != "" || err != nil {
		t.Errorf("%q, %v", target, err)
	}

	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	must(t, s.Commit(t.Context(), lease, Batch{Run: run, Links: []Link{{ItemID: 7, Target: "there"}}}))
	if target, err := s.LinkedTarget(t.Context(), pair.ID); target != "there" || err != nil {
		t.Errorf("%q, %v", target, err)
	}
}

// Whose an object is, the records of the integration that its marker names say.
func TestOwned(t *testing.T) {
	s, _ := open(t)
	run := request(t, s, 1, domain.Incremental)
	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	must(t, s.Commit(t.Context(), lease, Batch{Run: run, Pulled: []Pulled{
		{Link: &Link{ItemID: 7, Target: "home"}, Objects: []Object{{Target: "home", RemoteID: "17", ItemID: 7}, {Target: "home", RemoteID: "19"}}},
		{Link: &Link{ItemID: 8, Target: "home", Intent: &Intent{Attempt: 2}}},
	}}))
	owned, err := s.Owned(t.Context(), "home", []Claimed{
		{pair.ID, 7, 1, "17"}, {pair.ID, 7, 1, "18"}, {pair.ID, 7, 1, "19"}, {pair.ID, 8, 2, "20"}, {pair.ID, 8, 3, "21"}, {502, 7, 1, "22"},
	})
	must(t, err)
	if len(owned) != 6 || !owned["17"] || owned["18"] || owned["19"] || !owned["20"] || owned["21"] || owned["22"] {
		t.Errorf("%v", owned)
	}

	elsewhere, err := s.Owned(t.Context(), "elsewhere", []Claimed{{pair.ID, 7, 1, "17"}})
	must(t, err)
	if elsewhere["17"] {
		t.Error("an object of another place")
	}
}

// What a new target may carry over depends on how certain it is that the links
// are of the same place.
func TestWhatATargetCarriesOver(t *testing.T) {
	const made, later = "2020-01-02T03:04:05Z", "2021-01-02T03:04:05Z"
	target := func(key, id, created string) Target {
		return Target{Key: key, ID: id, Created: created, Spelling: "spelled", Relinked: true}
	}
	known := func(key, id, created string) *Target {
		was := target(key, id, created)
		return &was
	}
	searching := func(was *Target, previous string, carries Carries) *Target {
		was.Relinked = false
		was.Previous = previous
		was.Carries = carries
		return was
	}

	for name, tt := range map[string]struct {
		known    *Target
		linked   string
		next     Target
		previous string
		carries  Carries
	}{
		"no links":                    {known("a", "1", made), "", target("b", "1", made), "", CarriesNone},
		"the first target":            {nil, "", target("b", "1", made), "", CarriesNone},
		"another server name":         {known("a", "1", made), "a", target("b", "1", made), "a", CarriesByID},
		"without a time":              {known("a", "1", ""), "a", target("b", "1", ""), "a", CarriesByText},
		"another id":                  {known("a", "1", made), "a", target("b", "2", made), "a", CarriesNone},
		"another time":                {known("a", "1", made), "a", target("b", "1", later), "a", CarriesNone},
		"a time is new":               {known("a", "1", ""), "a", target("b", "1", made), "a", CarriesNone},
		"the spelling that led here":  {nil, "spelled", target("b", "1", made), "spelled", CarriesBySpelling},
		"another spelling":            {nil, "other", target("b", "1", made), "other", CarriesNone},
		"one more name":               {searching(known("b", "1", made), "a", CarriesByID), "a", target("c", "1", made), "a", CarriesByID},
		"one more name, no time":      {searching(known("b", "1", ""), "a", CarriesByText), "a", target("c", "1", ""), "a", CarriesByText},
		"a name after a spelling":     {searching(known("b", "1", made), "spelled", CarriesBySpelling), "spelled", target("c", "1", made), "spelled", CarriesBySpelling},
		"a name after another place":  {searching(known("b", "1", made), "a", CarriesNone), "a", target("c", "1", made), "b", CarriesByID},
		"another place while it does": {searching(known("b", "1", made), "a", CarriesByID), "a", target("c", "2", made), "b", CarriesNone},
	} {
		got := tt.next.After(tt.known, tt.linked)
		if got.Previous != tt.previous || got.Carries != tt.carries || got.Relinked != (tt.linked == "") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
