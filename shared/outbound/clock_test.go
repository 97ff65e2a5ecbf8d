package outbound

import (
	"net/http"
	"testing"
	"time"
)

func TestBehind(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	c := New(Config{Now: func() time.Time { return now }})
	for _, tt := range []struct {
		date string
		want time.Duration
	}{
		{"", 0},
		{"Mon, 23 Nov 2026 09:00:00 GMT", time.Hour},
		{"", time.Hour}, {"yesterday", time.Hour}, {"2026-11-23T10:00:00Z", time.Hour},
		{"Sun, 22 Nov 2026 09:59:59 GMT", time.Hour}, // more than a day is not believed
		{"Tue, 24 Nov 2026 10:00:01 GMT", time.Hour},
		{"Mon, 23 Nov 2026 10:30:00 GMT", -30 * time.Minute},
		{"Monday, 23-Nov-26 10:00:00 GMT", 0}, // an obsolete form that must be read too
	} {
		header := http.Header{}
		if tt.date != "" {
			header.Set("Date", tt.date)
		}

		c.compare(header)
		if got, _ := c.ClockLag(); got != tt.want {
			t.Errorf("%q: %v, want %v", tt.date, got, tt.want)
		}
	}

	if _, most := c.ClockLag(); most != time.Hour {
		t.Errorf("at most %v behind", most)
	}

	c.compare(http.Header{"Date": {"Mon, 23 Nov 2026 08:00:00 GMT"}, "Age": {"7200"}})
	if got, _ := c.ClockLag(); got != 0 {
		t.Errorf("an answer out of a cache tells %v", got)
	}

	if other, _ := c.For(nil, true, nil).ClockLag(); other != 0 {
		t.Errorf("another host's clock is %v behind", other)
	}
}

// Each answer tells, refusals too.
func TestAnAnswerTellsTheClock(t *testing.T) {
	status := http.StatusOK
	_, cfg := server(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Duration(status)*time.Minute).UTC().Format(http.TimeFormat))
		w.WriteHeader(status)
	})
	c := newClient(t, cfg)
	for _, status = range []int{200, 403, 503} {
		if _, err := c.Do(t.Context(), Request{Method: http.MethodGet, URL: "https://example.com/"}); err != nil {
			t.Fatal(err)
		}

		got, _ := c.ClockLag()
		if got = got.Round(time.Minute); got != time.Duration(status)*time.Minute {
			t.Errorf("%d: %v", status, got)
		}
	}
}

// A time in an answer is one of its clock, a wait until then the same by any.
func TestWaitsByTheAnswersClock(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for _, behind := range []time.Duration{-3 * time.Hour, 0, 3 * time.Hour} {
		theirs := now.Add(-behind)
		header := http.Header{"Date": {theirs.Format(http.TimeFormat)}, "Retry-After": {theirs.Add(10 * time.Minute).Format(http.TimeFormat)}}
		if wait, ok := RetryAfter(header, now); !ok || wait != 10*time.Minute {
			t.Errorf("%v behind: wait %v", behind, wait)
		}

		if wait := Until(theirs.Add(10*time.Minute), header, now); wait != 10*time.Minute+time.Second {
			t.Errorf("%v behind: until then %v", behind, wait)
		}

		if at := answeredAt(header, now); !at.Equal(theirs) {
			t.Errorf("%v behind: answered at %v", behind, at)
		}
	}

	if at := answeredAt(http.Header{"Date": {"Mon, 23 Nov 2020 10:00:00 GMT"}}, now); !at.Equal(now) {
		t.Errorf("years ago: %v", at)
	}
}
