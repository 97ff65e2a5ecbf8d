package domain

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

func TestParseSnowflake(t *testing.T) {
	for s, want := range map[string]Snowflake{"1": 1, "9": 9, "10": 10, "1234567890123456789": 1234567890123456789, "9223372036854775807": 1<<63 - 1} {
		if got, err := ParseSnowflake(s); err != nil || got != want || got.String() != s {
			t.Errorf("%s: %d, %v", s, got, err)
		}
	}

	for _, s := range []string{"", "0", "00", "01", "-1", "+1", " 1", "1 ", "1\n", "1.0", "1e3", "0x1", "1_000", "٣", "９", "x",
		"9223372036854775808", "9999999999999999999", "18446744073709551615", "10000000000000000000"} {
		if got, err := ParseSnowflake(s); err != ErrNotSnowflake || got != 0 {
			t.Errorf("%q: %d, %v", s, got, err)
		}
	}
}

func FuzzParseSnowflake(f *testing.F) {
	for _, seed := range []string{"", "0", "1", "01", "-1", "9223372036854775807", "9223372036854775808", "１"} {
		f.Add(seed)
	}

	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseSnowflake(s)
		if err != nil {
			return
		}

		if n == 0 || n > 1<<63-1 || n.String() != s {
			t.Errorf("%q reads as %d", s, n)
		}

		padded := n.Sortable()
		if len(padded) != 19 || padded != fmt.Sprintf("%019d", uint64(n)) {
			t.Errorf("%q is padded to %q", s, padded)
		}

		b, err := json.Marshal(n)
		if err != nil || string(b) != `"`+s+`"` {
			t.Errorf("%q as JSON is %s, %v", s, b, err)
		}

		var again Snowflake
		if err := json.Unmarshal(b, &again); err != nil || again != n {
			t.Errorf("%s reads as %d, %v", b, again, err)
		}
	})
}

func TestSnowflakeJSON(t *testing.T) {
	for _, text := range []string{`1`, `null`, `""`, `"0"`, `"01"`, `true`, `{}`, `["1"]`, `" 1"`} {
		var n Snowflake
		if err := json.Unmarshal([]byte(text), &n); err == nil {
			t.Errorf("%s reads as %d", text, n)
		}
	}
}

func TestNewSnowflake(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	seen := map[Snowflake]bool{}
	for range 100 {
		n := NewSnowflake(at)
		if got, err := ParseSnowflake(n.String()); err != nil || got != n {
			t.Fatalf("%d, %v", got, err)
		}

		if later := NewSnowflake(at.Add(time.Millisecond)); later <= n || later.Sortable() <= n.Sortable() {
			t.Errorf("%d, a millisecond later %d", n, later)
		}

		seen[n] = true
	}

	if len(seen) < 95 { // 22 random bits: 2 alike of 100 are rare
		t.Errorf("%d different ids of 100 in one millisecond", len(seen))
	}

	if last := NewSnowflake(time.Date(2084, 1, 1, 0, 0, 0, 0, time.UTC)); last > 1<<63-1 || last < NewSnowflake(at) {
		t.Errorf("in 2084: %d", last)
	}
}

func TestItemTypes(t *testing.T) {
	seen := map[ItemType]bool{}
	for _, typ := range ItemTypes {
		if !typ.Valid() || seen[typ] {
			t.Errorf("%s", typ)
		}
		seen[typ] = true
	}

	if len(seen) != 34 {
		t.Errorf("%d types", len(seen))
	}

	for _, typ := range []ItemType{"", "ticket", "Work_item", "work_item "} {
		if typ.Valid() {
			t.Errorf("%q is valid", typ)
		}
	}
}

func TestStatusActive(t *testing.T) {
	for status, active := range map[Status]bool{Queued: true, Running: true, Waiting: true, Succeeded: false, Partial: false, Failed: false, Cancelled: false, "": false} {
		if status.Active() != active {
			t.Errorf("%q", status)
		}
	}
}
