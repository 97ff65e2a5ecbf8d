package tracker

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
)

// An Issue is a stored issue. It is never changed: a write puts a new one in its
// place.
type Issue interface {
	// Gone reports whether the issue is deleted or was moved away.
	Gone() bool
}

// Issues are issues by their key, in the order of their creation, with their past:
// lists can lag behind.
type Issues[K comparable, I Issue] struct {
	lock  sync.RWMutex
	byKey map[K]*providers.Versions[I]
	order []*providers.Versions[I]
}

// Put stores what an issue is from a time on.
func (s *Issues[K, I]) Put(key K, at time.Time, one I) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.byKey == nil {
		s.byKey = map[K]*providers.Versions[I]{}
	}

	known := s.byKey[key]
	if known == nil {
		known = &providers.Versions[I]{}
		s.byKey[key] = known
		s.order = append(s.order, known)
	}

	known.Add(at, one)
}

// Stored returns an issue, also one that is gone, or nil.
func (s *Issues[K, I]) Stored(key K) (one I) {
	s.lock.RLock()
	defer s.lock.RUnlock()
	if known := s.byKey[key]; known != nil {
		one = known.Latest()
	}

	return one
}

// Get returns an issue that is there, or nil.
func (s *Issues[K, I]) Get(key K) (none I) {
	s.lock.RLock()
	defer s.lock.RUnlock()
	if known := s.byKey[key]; known != nil && !known.Latest().Gone() {
		return known.Latest()
	}

	return none
}

// All lists the issues that are there, oldest first.
func (s *Issues[K, I]) All() []I {
	s.lock.RLock()
	defer s.lock.RUnlock()
	all := make([]I, 0, len(s.order))
	for _, known := range s.order {
		if one := known.Latest(); !one.Gone() {
			all = append(all, one)
		}
	}

	return all
}

// At lists the issues that were there at a time, oldest first.
func (s *Issues[K, I]) At(at time.Time) []I {
	s.lock.RLock()
	defer s.lock.RUnlock()
	all := make([]I, 0, len(s.order))
	for _, known := range s.order {
		if one, there := known.SeenAt(at); there && !one.Gone() {
			all = append(all, one)
		}
	}

	return all
}

// Listed lists the issues for a request: as they are, or as they were if a fault
// lets the list lag behind.
func (s *Issues[K, I]) Listed(ctx context.Context, now time.Time) []I {
	if lag := faults.Lag(ctx); lag > 0 {
		return s.At(now.Add(-lag))
	}

	return s.All()
}

// Forget removes the issues that match, with their past.
func (s *Issues[K, I]) Forget(matches func(I) bool) {
	s.lock.Lock()
	defer s.lock.Unlock()
	for key, known := range s.byKey {
		if matches(known.Latest()) {
			delete(s.byKey, key)
		}
	}

	s.order = slices.DeleteFunc(s.order, func(known *providers.Versions[I]) bool { return matches(known.Latest()) })
}

// Newest returns the last n issues, for a fault that gives them one time. The error
// is faults.ErrNothing where there are fewer than two.
func Newest[I any](all []I, n int) ([]I, error) {
	if len(all) < 2 {
		return nil, faults.ErrNothing
	}

	return all[max(0, len(all)-n):], nil
}

// Retitled is a title after somebody edited it: it gets a mark, or loses it.
func Retitled(title string, limit int) string {
	const mark = " (edited)"
	if before, marked := strings.CutSuffix(title, mark); marked {
		return before
	}

	letters := []rune(title)

	return string(letters[:min(len(letters), limit-len(mark))]) + mark
}

// A Position is where an issue stands in a sorted list.
type Position struct {
	At     int64 // the time that the list is sorted by, 0 for none
	Number int64
}

// Compare sorts by time, then by number.
func (p Position) Compare(other Position) int {
	return cmp.Or(cmp.Compare(p.At, other.At), cmp.Compare(p.Number, other.Number))
}
