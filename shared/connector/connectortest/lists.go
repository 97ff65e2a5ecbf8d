package connectortest

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
)

// The list that every tracker's connector is held against: so many objects, of
// which a block in the middle was changed at one time.
const (
	Listed     = 350
	blockFirst = 61
	blockLast  = 290
)

// ChangedAt is when the n-th object of the list was changed, from 1 on.
func ChangedAt(n int) time.Time {
	began := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	if n > blockFirst && n <= blockLast {
		n = blockFirst
	}
	return began.Add(time.Duration(n) * time.Minute)
}

// A Weakening server answers lists, but at each of some requests it begins to
// fail on pages over a smaller size.
type Weakening struct {
	// Parameter is the name of the page size in a query.
	Parameter string
	// At are the numbers of the requests at which the largest size becomes 50, 25
	// and 10.
	At [3]int
	// Fail answers a page that is too large; nil: 504.
	Fail http.HandlerFunc
	Next http.Handler

	asked  int
	Failed int
}

// ServeHTTP is http.Handler's.
func (s *Weakening) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	size, err := strconv.Atoi(r.URL.Query().Get(s.Parameter))
	if err != nil {
		s.Next.ServeHTTP(w, r)
		return
	}

	most := 100
	for i, at := range s.At {
		if s.asked >= at {
			most = []int{50, 25, 10}[i]
		}
	}

	s.asked++
	if size <= most {
		s.Next.ServeHTTP(w, r)
		return
	}

	s.Failed++
	if s.Fail != nil {
		s.Fail(w, r)
		return
	}

	w.WriteHeader(http.StatusGatewayTimeout)
}

// weakenings are all ways in which sizes go from 100 over 50 and 25 to 10 within
// so many requests.
func weakenings(requests int) (all [][3]int) {
	for a := range requests {
		for b := a; b < requests; b++ {
			for c := b; c < requests; c++ {
				all = append(all, [3]int{a, b, c})
			}
		}
	}

	return all
}

// A Tracker is a connector that lists and finds.
type Tracker interface {
	connector.Puller
	connector.Finder
}

// ListWhileItWeakens walks over the list in every way in which the page size can
// shrink in the middle. Each object is handed over exactly once and in order,
// by offset and as the engine goes on, by one connector and by a new one for
// each call.
func ListWhileItWeakens(t *testing.T, requests int, open func(at [3]int) (Tracker, func() Tracker)) {
	t.Helper()
	for i, at := range weakenings(requests) {
		one, _ := open(at)
		byOffset(t, fmt.Sprint("by offset ", at), func() connector.Puller { return one })
		one, _ = open(at)
		byTime(t, fmt.Sprint("by time ", at), func() connector.Puller { return one })
		if t.Failed() {
			return
		}
		if i%5 != 0 { // it takes many requests
			continue
		}

		_, again := open(at)
		byOffset(t, fmt.Sprint("a new connector each time ", at), func() connector.Puller { return again() })
	}
}

// byOffset walks with one time and a growing offset.
func byOffset(t *testing.T, name string, open func() connector.Puller) {
	t.Helper()
	met := 0
	for more := true; more; {
		objects, following, err := open().Changes(t.Context(), time.Time{}, met)
		if err != nil {
			t.Fatalf("%s: after %d: %v", name, met, err)
		}

		for _, o := range objects {
			met++
			if want := ChangedAt(met); !o.UpdatedAt.Equal(want) || o.Remote.Key != strconv.Itoa(met) && o.Remote.Key != "WORK-"+strconv.Itoa(met) {
				t.Fatalf("%s: %s of %v is handed over in place of %d of %v", name, o.Remote.Key, o.UpdatedAt, met, want)
			}
		}

		more = following
	}

	if met != Listed {
		t.Fatalf("%s: %d of %d objects", name, met, Listed)
	}
}

// byTime walks as the engine does: on from the newest time, by offset only
// within a block of one.
func byTime(t *testing.T, name string, open func() connector.Puller) {
	t.Helper()
	since := time.Time{}
	offset := 0
	met := 0
	for calls := 0; ; calls++ {
		objects, more, err := open().Changes(t.Context(), since, offset)
		if err != nil || calls > 3*Listed {
			t.Fatalf("%s: call %d after %d: %v", name, calls, met, err)
		}

		last := since
		for _, o := range objects {
			number := 0
			if _, err := fmt.Sscanf(o.Remote.Key, "WORK-%d", &number); err != nil {
				number, _ = strconv.Atoi(o.Remote.Key)
			}

			if number > met+1 {
				t.Fatalf("%s: %d follows on %d", name, number, met)
			}

			met = max(met, number)
			last = o.UpdatedAt
		}

		switch {
		case !more && met == Listed:
			return
		case !more:
			t.Fatalf("%s: %d of %d objects", name, met, Listed)
		case last.After(since):
			since = last
			offset = 0
		default:
			offset += len(objects)
		}
	}
}

// FindWhileItWeakens finds the object of an item wherever it stands, in every way
// in which the page size can shrink.
func FindWhileItWeakens(t *testing.T, requests int, want connector.Marker, open func(at [3]int) (tracker connector.Finder, key string)) {
	t.Helper()
	for _, at := range weakenings(requests) {
		finder, key := open(at)
		found, err := finder.Find(t.Context(), ChangedAt(0), []connector.Marker{want})
		if err != nil || len(found) != 1 || found[want.Item].Remote.Key != key {
			t.Fatalf("%v: %v instead of %s, %v", at, found, key, err)
		}
	}
}
