package store

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"example.com/integrations/shared/domain"
)

func item(id domain.Snowflake, version int64) domain.Item {
	return domain.Item{
		ID: id, OrganisationID: pair.OrganisationID, ItemType: pair.ItemType, PrefixID: "77", FormattedNumber: "KEP-1", Version: version,
		Title: fmt.Sprint("title ", version), Description: "ünïcode 👩‍👩‍👧", URL: "https://example.com/1", State: domain.Open,
		Status: "new", Labels: []string{"a", "b"}, UpdatedAt: now,
	}
}

// read gives an item as it is stored, nil if it is not.
func read(t *testing.T, s *Store, id domain.Snowflake) *domain.Item {
	t.Helper()
	items, _, err := s.ItemsAndLinks(t.Context(), pair, "there", []domain.Snowflake{id}, true)
	must(t, err)
	if got, ok := items[id]; ok {
		return &got
	}

	return nil
}

// A step is an event: a put of a version, or with del a deletion of it.
type step struct {
	version int64
	del     bool
	current bool // what is expected of it
}

func TestHighestVersionWins(t *testing.T) {
	put := func(v int64, current bool) step { return step{v, false, current} }
	del := func(v int64, current bool) step { return step{v, true, current} }
	for name, c := range map[string]struct {
		steps   []step
		version int64 // stored in the end, 0 for nothing
		deleted bool
	}{
		"in order":                           {[]step{put(1, true), put(2, true)}, 2, false},
		"older is ignored":                   {[]step{put(2, true), put(1, false)}, 2, false},
		"equal continues":                    {[]step{put(2, true), put(2, true)}, 2, false},
		"deletion":                           {[]step{put(1, true), del(2, true)}, 2, true},
		"deletion twice":                     {[]step{put(1, true), del(2, true), del(2, true)}, 2, true},
		"deletion of the equal version":      {[]step{put(2, true), del(2, true)}, 2, true},
		"older deletion":                     {[]step{put(2, true), del(1, false)}, 2, false},
		"change as old as the deletion":      {[]step{put(1, true), del(2, true), put(2, false)}, 2, true},
		"change after the deletion":          {[]step{put(1, true), del(2, true), put(3, true)}, 3, false},
		"deletion before creation":           {[]step{del(2, false), put(1, false)}, 0, false},
		"deletion before its own version":    {[]step{del(2, false), put(2, false)}, 0, false},
		"deletion before a later creation":   {[]step{del(2, false), put(3, true)}, 3, false},
		"deletions before creation":          {[]step{del(4, false), del(2, false), put(3, false), put(5, true)}, 5, false},
		"deletion, creation, later deletion": {[]step{del(1, false), put(2, true), del(3, true)}, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := open(t)
			for n, st := range c.steps {
				var current bool
				var err error
				if st.del {
					_, current, err = s.DeleteItem(t.Context(), pair.OrganisationID, 7, st.version)
				} else {
					current, err = s.PutItem(t.Context(), item(7, st.version))
				}

				if err != nil || current != st.current {
					t.Errorf("step %d: current %v, %v", n, current, err)
				}
			}

			got := read(t, s, 7)
			if (got == nil) != (c.version == 0) || got != nil && (got.Version != c.version || got.Deleted != c.deleted) {
				t.Errorf("stored %+v", got)
			}
		})
	}
}

func TestItemComesBackWhole(t *testing.T) {
	s, _ := open(t)
	want := item(7, 3)
	if _, err := s.PutItem(t.Context(), want); err != nil {
		t.Fatal(err)
	}

	if got := read(t, s, 7); !reflect.DeepEqual(*got, want) {
		t.Errorf("%+v\nwant %+v", *got, want)
	}

	typ, current, err := s.DeleteItem(t.Context(), pair.OrganisationID, 7, 4)
	want.Version = 4
	want.Deleted = true
	if got := read(t, s, 7); err != nil || !current || typ != pair.ItemType || !reflect.DeepEqual(*got, want) {
		t.Errorf("%s %v %v %+v", typ, current, err, *got)
	}
}

// The people and fields of an item come back as they were stored, and an item
// without them has no attributes for them.
func TestItemKeepsItsPeople(t *testing.T) {
	berlin := time.FixedZone("", 3600)
	named := func(id domain.Snowflake, name string) *domain.Named { return &domain.Named{ID: id, Name: name} }
	for name, change := range map[string]func(*domain.Item){
		"none":                  func(*domain.Item) {},
		"type":                  func(i *domain.Item) { i.Type = named(31, "Bug") },
		"project":               func(i *domain.Item) { i.Project = named(32, "Apollo") },
		"milestone":             func(i *domain.Item) { i.Milestone = named(33, "1.4") },
		"owner":                 func(i *domain.Item) { i.Owner = named(34, "Ada L.") },
		"updated by":            func(i *domain.Item) { i.UpdatedBy = named(35, "Bob") },
		"the longest id":        func(i *domain.Item) { i.Owner = named(1<<63-1, "Ünïcode 👩‍👩‍👧") },
		"a name without text":   func(i *domain.Item) { i.Owner = named(36, "") },
		"due":                   func(i *domain.Item) { i.DueAt = now },
		"due in another zone":   func(i *domain.Item) { i.DueAt = time.Date(2026, 12, 1, 0, 0, 0, 0, berlin) },
		"due at a part of a ms": func(i *domain.Item) { i.DueAt = time.Date(2026, 12, 1, 0, 0, 0, 1, time.UTC) },
		"all": func(i *domain.Item) {
			i.Type, i.Project, i.Milestone = named(31, "Bug"), named(32, "Apollo"), named(33, "1.4")
			i.Owner, i.UpdatedBy, i.DueAt = named(34, "Ada L."), named(35, "Bob"), now
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := open(t)
			want := item(7, 3)
			change(&want)
			if _, err := s.PutItem(t.Context(), want); err != nil {
				t.Fatal(err)
			}

			_, _, err := s.DeleteItem(t.Context(), pair.OrganisationID, 7, 4)
			must(t, err)
			want.Version = 4
			want.Deleted = true

			got := read(t, s, 7)
			if got.DueDate() != want.DueDate() || !got.DueAt.Equal(want.DueAt) {
				t.Errorf("due %v, want %v", got.DueAt, want.DueAt)
			}

			got.DueAt = want.DueAt // the same time may have another *time.Location
			if !reflect.DeepEqual(*got, want) {
				t.Errorf("%+v\nwant %+v", *got, want)
			}

			stored, err := tableOf(s).get(t.Context(), itemKey(pair.OrganisationID, pair.ItemType, 7))
			must(t, err)
			for attribute, wanted := range map[string]bool{
				"type": want.Type != nil, "project": want.Project != nil, "milestone": want.Milestone != nil,
				"owner": want.Owner != nil, "updated_by": want.UpdatedBy != nil, "item_due_at": !want.DueAt.IsZero(), "due_at": false,
			} {
				if (stored[attribute] != nil) != wanted {
					t.Errorf("attribute %s is %v", attribute, stored[attribute])
				}
			}
		})
	}
}

func TestItemTypeNeverChanges(t *testing.T) {
	s, _ := open(t)
	for _, deletedFirst := range []bool{false, true} {
		if deletedFirst {
			_, _, err := s.DeleteItem(t.Context(), pair.OrganisationID, 7, 1)
			must(t, err)
		}

		if _, err := s.PutItem(t.Context(), item(7, 2)); err != nil {
			t.Fatal(err)
		}

		other := item(7, 3)
		other.ItemType = "document"
		_, err := s.PutItem(t.Context(), other)
		is(t, err, ErrTypeChanged)
	}

	if got := read(t, s, 7); got.Version != 2 {
		t.Errorf("%+v", got)
	}
}

// An item's id belongs to the organisation that had it first.
func TestItemOrganisationNeverChanges(t *testing.T) {
	s, _ := open(t)
	_, err := s.PutItem(t.Context(), item(7, 2))
	must(t, err)
	for _, version := range []int64{1, 2, 9} {
		foreign := item(7, version)
		foreign.OrganisationID = 2002
		_, err := s.PutItem(t.Context(), foreign)
		is(t, err, ErrOrganisationChanged)
		foreign.ItemType = "document"
		_, err = s.PutItem(t.Context(), foreign)
		is(t, err, ErrOrganisationChanged)
		_, _, err = s.DeleteItem(t.Context(), 2002, 7, version)
		is(t, err, ErrOrganisationChanged)
	}

	if got := read(t, s, 7); got.Version != 2 || got.Deleted {
		t.Errorf("%+v", got)
	}

	if n := len(everything(t, s)); n != 2 {
		t.Errorf("%d records, want the item and its claim", n)
	}
}

// A deletion of what an organisation does not have, sent in error or early,
// keeps the item from that organisation alone.
func TestAnothersDeletionDoesNotTouchAnItem(t *testing.T) {
	s, _ := open(t)
	for _, org := range []domain.Snowflake{2002, 3003} {
		if typ, current, err := s.DeleteItem(t.Context(), org, 7, 9); typ != "" || current || err != nil {
			t.Errorf("%s %v %v", typ, current, err)
		}
	}

	if current, err := s.PutItem(t.Context(), item(7, 1)); !current || err != nil {
		t.Errorf("%v, %v", current, err)
	}

	if current, err := s.PutItem(t.Context(), item(7, 3)); !current || err != nil {
		t.Errorf("%v, %v", current, err)
	}

	late := item(7, 3)
	late.OrganisationID = 2002
	_, err := s.PutItem(t.Context(), late)
	is(t, err, ErrOrganisationChanged)
	if got := read(t, s, 7); got == nil || got.Version != 3 || got.Deleted {
		t.Errorf("%+v", got)
	}
}

func TestItemWritesSurviveLostAnswers(t *testing.T) {
	s, w := open(t)
	for v := range int64(3) {
		w.lose["PutItem"] = 1
		w.lose["TransactWriteItems"] = 1
		if current, err := s.PutItem(t.Context(), item(7, v+1)); !current || err != nil {
			t.Errorf("version %d: %v, %v", v+1, current, err)
		}
	}

	w.lose["UpdateItem"] = 1
	if _, current, err := s.DeleteItem(t.Context(), pair.OrganisationID, 7, 9); !current || err != nil {
		t.Errorf("%v, %v", current, err)
	}

	w.lose["UpdateItem"] = 1
	if _, _, err := s.DeleteItem(t.Context(), pair.OrganisationID, 8, 9); err != nil {
		t.Error(err)
	}
}

// Many versions at once, in any order: the highest is what stays.
func TestVersionsAtOnce(t *testing.T) {
	s, _ := open(t)
	const n = 8
	done := make(chan error)
	for v := range int64(n) {
		go func() {
			_, err := s.PutItem(t.Context(), item(7, v+1))
			done <- err
		}()
	}

	for range n {
		must(t, <-done)
	}

	if got := read(t, s, 7); got.Version != n || got.Title != "title 8" {
		t.Errorf("%+v", got)
	}
}

func TestItemsInPages(t *testing.T) {
	s, _ := open(t)
	for _, id := range []domain.Snowflake{10, 9, 100, 1} { // not in text order
		if _, err := s.PutItem(t.Context(), item(id, 1)); err != nil {
			t.Fatal(err)
		}
	}

	other := item(50, 1)
	other.ItemType = "document"
	if _, err := s.PutItem(t.Context(), other); err != nil {
		t.Fatal(err)
	}

	var ids []domain.Snowflake
	for after, pages := "", 0; ; pages++ {
		items, next, err := s.Items(t.Context(), pair, after, 3)
		must(t, err)
		for _, i := range items {
			ids = append(ids, i.ID)
		}

		if after = next; next == "" || pages > 5 {
			break
		}
	}

	if want := []domain.Snowflake{1, 9, 10, 100}; !reflect.DeepEqual(ids, want) {
		t.Errorf("%v, want %v", ids, want)
	}
}

func TestEnabledOfType(t *testing.T) {
	s, _ := open(t)
	for id, i := range map[domain.Snowflake]domain.Integration{
		1: {ItemType: "document", Enabled: true}, 2: {ItemType: "document"}, 3: {ItemType: "document_link", Enabled: true},
		4: {ItemType: "work_item", Enabled: true}, 5: {ItemType: "document", Enabled: true},
	} {
		i.ID = id
		i.OrganisationID = 1001
		must(t, s.CreateIntegration(t.Context(), Integration{Integration: i, TargetHash: id.String()}, nil))
	}

	foreign := domain.Integration{ID: 6, OrganisationID: 1002, ItemType: "document", Enabled: true}
	must(t, s.CreateIntegration(t.Context(), Integration{Integration: foreign}, nil))
	got, err := s.EnabledOfType(t.Context(), 1001, "document")
	want := []Listener{{IntegrationRef{1, 1001, "document"}, 1}, {IntegrationRef{5, 1001, "document"}, 1}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}
