package providers

import (
	"slices"
	"testing"
	"time"
)

// A list that lags behind shows what was there then: not what came since, as it
// was before the last change, and what is gone by now.
func TestPast(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 11, 23, 10, minute, 0, 0, time.UTC) }
	var p Past[int, string]
	p.Put(1, time.Time{}, "old")
	p.Put(1, time.Time{}, "from the journal")
	p.Put(2, at(1), "first")
	p.Put(1, at(2), "changed")
	p.Put(3, at(3), "third")
	p.Put(2, at(4), "gone")
	for _, tt := range []struct {
		at   time.Time
		want []string
	}{
		{at(0), []string{"from the journal"}}, {at(1), []string{"from the journal", "first"}}, {at(2), []string{"changed", "first"}},
		{at(3), []string{"changed", "first", "third"}}, {at(9), []string{"changed", "gone", "third"}},
	} {
		if got := p.At(tt.at); !slices.Equal(got, tt.want) {
			t.Errorf("at %s: %q, want %q", tt.at.Format("15:04"), got, tt.want)
		}
	}
}

// Who changes all the time does not fill the memory, and an hour is known.
func TestVersionsForget(t *testing.T) {
	var v Versions[int]
	from := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for minute := range 600 {
		v.Add(from.Add(time.Duration(minute)*time.Minute), minute)
	}

	if len(v.all) != 61 || v.Latest() != 599 {
		t.Errorf("%d versions, the last %d", len(v.all), v.Latest())
	}

	if got, there := v.SeenAt(from.Add(599*time.Minute - Remembered)); got != 539 || !there {
		t.Errorf("an hour ago: %d, %t", got, there)
	}
}
