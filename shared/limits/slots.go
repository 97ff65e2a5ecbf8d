package limits

import (
	"slices"
	"time"

	"example.com/integrations/shared/domain"
)

// A Waiter is a run that waits for a slot.
type Waiter struct {
	OrganisationID domain.Snowflake `json:"organisation_id"`
	IntegrationID  domain.Snowflake `json:"integration_id"`
	RunID          domain.Snowflake `json:"run_id"`
	// Called is when it was sent for, 0 if it was not; Unix milliseconds.
	Called int64 `json:"called"`
}

// A Hold is a run that is worked on.
type Hold struct {
	Lease string `json:"lease"`
	Until int64  `json:"until"` // Unix milliseconds
}

// Slots is who works, by run, and who waits, the longest first.
type Slots struct {
	Held    map[string]Hold `json:"held"`
	Waiting []Waiter        `json:"waiting"`
	// Favoured are runs that come first when they ask again, each until a time in
	// Unix milliseconds.
	Favoured map[string]int64 `json:"favoured,omitempty"`
	// Keep is how long room is kept for a run that was sent for, in milliseconds;
	// 0 is half a minute.
	Keep int64 `json:"keep,omitempty"`
}

const (
	// answer is how long a run that was sent for may take to come before its
	// room goes to the next.
	answer = 30 * time.Second
	// longest bounds the list: twice what an organisation can have.
	longest = 100
	// favoured is how long a run is favoured that does not come.
	favoured = 10 * time.Minute
)

// Take asks for room for a run. Of those that wait, as many come first as there
// is room for.
func (t Slots) Take(w Waiter, lease string, room int, now, until time.Time) (Slots, bool) {
	t = t.live(now)
	key := w.RunID.String()
	if h, held := t.Held[key]; held {
		return t, h.Lease == lease
	}

	ahead := 0
	for _, other := range t.Waiting {
		if other.RunID == w.RunID {
			break
		}

		if other.Called > 0 {
			ahead++ // its room is kept for it
		}
	}

	if len(t.Held)+ahead >= room {
		return t.wait(w), false
	}

	t = t.without(w.RunID)
	delete(t.Favoured, key)
	t.Held[key] = Hold{Lease: lease, Until: until.UnixMilli()}

	return t, true
}

// Release gives a run's room back, or its place on the list, and names who is to
// be sent for, nil for none.
func (t Slots) Release(run domain.Snowflake, lease string, room int, now time.Time) (Slots, *Waiter) {
	t = t.live(now).without(run)
	if t.Held[run.String()].Lease == lease {
		delete(t.Held, run.String())
	}

	called := 0
	for _, w := range t.Waiting {
		if w.Called > 0 {
			called++
		}
	}

	if len(t.Held)+called >= room {
		return t, nil
	}

	for i, w := range t.Waiting {
		if w.Called == 0 {
			t.Waiting[i].Called = now.UnixMilli()
			w = t.Waiting[i]
			return t, &w
		}
	}

	return t, nil
}

// Favour has a run come before all others that were not sent for yet. It waits for
// another turn too: without this it would meet a full list here whenever that one
// comes, and never have both.
func (t Slots) Favour(run domain.Snowflake, now time.Time) Slots {
	t = t.live(now)
	if t.Favoured == nil {
		t.Favoured = map[string]int64{}
	}

	t.Favoured[run.String()] = now.Add(favoured).UnixMilli()

	return t
}

// Idle reports whether no run works or waits.
func (t Slots) Idle(now time.Time) bool {
	t = t.live(now)
	return len(t.Held) == 0 && len(t.Waiting) == 0
}

// Others reports whether another run than this one is worked on.
func (t Slots) Others(run domain.Snowflake, now time.Time) bool {
	for key := range t.live(now).Held {
		if key != run.String() {
			return true
		}
	}

	return false
}

// Waits reports whether a run stands on the list.
func (t Slots) Waits(run domain.Snowflake) bool {
	return slices.ContainsFunc(t.Waiting, func(w Waiter) bool { return w.RunID == run })
}

// live is a copy without what is over: holds that have expired, and waiters
// that were sent for and did not come.
func (t Slots) live(now time.Time) Slots {
	next := Slots{Held: map[string]Hold{}, Keep: t.Keep}
	kept := answer
	if t.Keep > 0 {
		kept = time.Duration(t.Keep) * time.Millisecond
	}

	for key, h := range t.Held {
		if h.Until >= now.UnixMilli() {
			next.Held[key] = h
		}
	}

	for _, w := range t.Waiting {
		if w.Called == 0 || now.Sub(time.UnixMilli(w.Called)) < kept {
			next.Waiting = append(next.Waiting, w)
		}
	}

	for key, until := range t.Favoured {
		if until < now.UnixMilli() {
			continue
		}

		if next.Favoured == nil {
			next.Favoured = map[string]int64{}
		}

		next.Favoured[key] = until
	}

	return next
}

// wait puts a run on the list: at its end, or behind those that were sent for.
func (t Slots) wait(w Waiter) Slots {
	if _, first := t.Favoured[w.RunID.String()]; first {
		t = t.without(w.RunID)
		behind := 0
		for i, other := range t.Waiting {
			if other.Called > 0 {
				behind = i + 1
			}
		}

		w.Called = 0
		t.Waiting = slices.Insert(t.Waiting, behind, w)

		return t
	}

	for i, other := range t.Waiting {
		if other.IntegrationID == w.IntegrationID && other.RunID == w.RunID {
			t.Waiting[i].Called = 0
			return t
		}
	}

	if len(t.Waiting) < longest {
		w.Called = 0
		t.Waiting = append(t.Waiting, w)
	}

	return t
}

func (t Slots) without(run domain.Snowflake) Slots {
	var left []Waiter
	for _, w := range t.Waiting {
		if w.RunID != run {
			left = append(left, w)
		}
	}

	t.Waiting = left

	return t
}
