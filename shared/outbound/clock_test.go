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
		if got := c.Behind(); got != tt.want {
			t.Errorf("%q: %v, want %v", tt.date, got, tt.want)
		}
	}
	if other := c.For(nil, true, nil); other.Behind() != 0 {
		t.Errorf("another host's clock is %v behind", other.Behind())
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
		if got := c.Behind().Round(time.Minute); got != time.Duration(status)*time.Minute {
			t.Errorf("%d: %v", status, got)
		}
	}
}
