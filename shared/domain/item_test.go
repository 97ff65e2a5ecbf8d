package domain

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// A due date is the day that the event names, whatever that day is in UTC.
func TestDueDate(t *testing.T) {
	for text, want := range map[string]string{
		"2026-12-01T00:00:00Z":             "2026-12-01",
		"2026-12-01T00:00:00+02:00":        "2026-12-01",
		"2026-12-01T23:59:59.999999-11:00": "2026-12-01",
		"0999-01-02T03:04:05Z":             "0999-01-02",
		"0001-01-01T00:00:00Z":             "",
	} {
		due, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}

		if got := (Item{DueAt: due}).DueDate(); got != want {
			t.Errorf("%s is the day %q, want %q", text, got, want)
		}
	}

	if got := (Item{}).DueDate(); got != "" {
		t.Errorf("an item without a due date has %q", got)
	}
}

// An item without people and fields has no such members in JSON.
func TestAnItemWithoutPeople(t *testing.T) {
	text, err := json.Marshal(Item{})
	if err != nil {
		t.Fatal(err)
	}

	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}

	for _, name := range []string{"type", "project", "milestone", "owner", "updated_by", "due_at"} {
		if value, there := members[name]; there {
			t.Errorf("%s is %v", name, value)
		}
	}

	want := Item{ID: 1, OrganisationID: 2, Owner: &Named{ID: 1<<63 - 1, Name: "Ada L."}, DueAt: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
	if text, err = json.Marshal(want); err != nil {
		t.Fatal(err)
	}

	var got Item
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s gives %+v, %v", text, got, err)
	}
}
