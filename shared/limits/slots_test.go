package limits

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"example.com/integrations/shared/domain"
)

var slotsStart = time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)

const slotLease = 2 * time.Minute

func slotWaiter(n int) Waiter {
	return Waiter{IntegrationID: domain.Snowflake(1000 + n), RunID: domain.Snowflake(n)}
}

// A scene is an organisation whose runs ask for room.
type scene struct {
	t   *testing.T
	now time.Time
	Slots
	room int
}

func (s *scene) take(n int) (granted bool) {
	s.t.Helper()
	before := dump(s.t, s.Slots)
	next, granted := s.Take(slotWaiter(n), fmt.Sprint("lease ", n), s.room, s.now, s.now.Add(slotLease))
	if after := dump(s.t, s.Slots); after != before {
		s.t.Fatalf("taking changed what was read: %s, before %s", after, before)
	}

	s.Slots = next

	return granted
}

func (s *scene) release(n int) (called int) {
	s.t.Helper()
	before := dump(s.t, s.Slots)
	next, w := s.Release(slotWaiter(n).RunID, fmt.Sprint("lease ", n), s.room, s.now)
	if after := dump(s.t, s.Slots); after != before {
		s.t.Fatalf("releasing changed what was read: %s, before %s", after, before)
	}

	s.Slots = next
	if w == nil {
		return 0
	}

	if w.IntegrationID != slotWaiter(int(w.RunID)).IntegrationID {
		s.t.Fatalf("called %+v", w)
	}

	return int(w.RunID)
}

func dump(t *testing.T, turns Slots) string {
	t.Helper()
	b, err := json.Marshal(turns)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (s *scene) want(what string, got, want any) {
	s.t.Helper()
	if got != want {
		s.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestTurnsInOrder(t *testing.T) {
	s := &scene{t: t, now: slotsStart, room: 2}
	for n, granted := range map[int]bool{1: true} {
		s.want("first", s.take(n), granted)
	}

	s.want("second", s.take(2), true)
	for n := 3; n <= 6; n++ {
		s.want("there is no room", s.take(n), false)
	}

	s.want("asking again keeps the place", s.take(3), false)
	s.want("called", s.release(1), 3)
	s.want("its room is kept for it", s.take(6), false)
	s.want("and not given twice", s.release(9), 0)
	s.want("who is called", s.take(3), true)
	s.want("the one before goes to the end", s.take(1), false)
	var order []int
	for holder := 2; len(order) < 4; {
		next := s.release(holder)
		s.want("comes", s.take(next), true)
		order = append(order, next)
		holder = next
		if next == 1 {
			break
		}
	}

	s.want("order", fmt.Sprint(order), "[4 5 6 1]")
}

// A run that is worked on is not worked on twice, and another's lease does not
// give its room back. A worker that asks again, as it does not know that its
// write took effect, has its room.
func TestOneHoldARun(t *testing.T) {
	s := &scene{t: t, now: slotsStart, room: 2}
	s.want("first", s.take(1), true)
	s.want("the same worker again", s.take(1), true)
	_, doubled := s.Take(slotWaiter(1), "another lease", s.room, s.now, s.now.Add(slotLease))
	s.want("a doubled message", doubled, false)
	s.want("waiting, while it is worked on", len(s.Waiting), 0)
	if next, _ := s.Release(1, "another lease", 2, s.now); len(next.Held) != 1 {
		t.Error("another lease gives the room back")
	}
}

// Who crashes loses its room when its lease ends; who is called and does not
// come loses its turn, and may come later all the same.
func TestThoseWhoDoNotCome(t *testing.T) {
	s := &scene{t: t, now: slotsStart, room: 1}
	s.want("first", s.take(1), true)
	s.want("second", s.take(2), false)
	s.want("third", s.take(3), false)
	s.now = slotsStart.Add(slotLease)
	s.want("the lease's last moment", s.take(2), false)
	s.now = slotsStart.Add(slotLease + time.Millisecond)
	s.want("after it", s.take(2), true)
	s.want("called", s.release(2), 3)
	s.now = s.now.Add(answer - time.Millisecond)
	s.want("kept for the third", s.take(4), false)
	s.now = s.now.Add(time.Millisecond)
	s.want("not for longer", s.take(4), true)
	s.want("the third comes late", s.take(3), false)
	s.want("called again", s.release(4), 3)
	s.want("comes", s.take(3), true)
}

func TestTheListIsBounded(t *testing.T) {
	s := &scene{t: t, now: slotsStart, room: 1}
	s.take(1)
	for n := 2; n < 500; n++ {
		s.take(n)
	}

	s.want("waiting", len(s.Waiting), longest)
	s.want("called", s.release(1), 2)
}

// Whatever happens: no more than there is room for are worked on at once, and
// everybody who goes on asking gets his turn.
func TestTurnsAtRandom(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 3))
		s := &scene{t: t, now: slotsStart, room: 1 + rng.IntN(4)}
		working := map[int]time.Time{} // until when
		turn := map[int]int{}
		runs := 1 + rng.IntN(12)
		for range 600 {
			s.now = s.now.Add(time.Duration(rng.IntN(20)) * time.Second)
			for n, until := range working {
				if until.Before(s.now) {
					delete(working, n)
				}
			}

			n := 1 + rng.IntN(runs)
			if _, busy := working[n]; busy {
				if rng.IntN(10) > 0 { // else it crashes and releases nothing
					delete(working, n)
					if next := s.release(n); next != 0 && rng.IntN(5) > 0 && s.take(next) {
						working[next] = s.now.Add(slotLease)
						turn[next]++
					}
				}
			} else if s.take(n) {
				working[n] = s.now.Add(slotLease)
				turn[n]++
			}

			if len(working) > s.room {
				t.Fatalf("seed %d: %d are worked on, there is room for %d", seed, len(working), s.room)
			}
		}

		for n := 1; n <= runs; n++ {
			if turn[n] < 2 { // by chance alone it is many more
				t.Errorf("seed %d: of %d turns the %dth of %d runs had %d", seed, 600, n, runs, turn[n])
			}
		}
	}
}

// A run that does not want its turn any more leaves the list, and the next one
// is sent for.
func TestLeavingTheList(t *testing.T) {
	s := &scene{t: t, now: slotsStart, room: 1}
	s.take(1)
	s.take(2)
	s.take(3)
	if called := s.release(1); called != 2 {
		t.Fatalf("called %d", called)
	}

	if !s.Waits(2) || !s.Waits(3) || s.Waits(1) {
		t.Errorf("waiting: %+v", s.Waiting)
	}

	if called := s.release(2); called != 3 {
		t.Errorf("called %d after the second one left", called)
	}

	if s.Waits(2) {
		t.Error("the second one still waits")
	}
}

// A run is told about other runs that are worked on, not about its own or one
// that is over.
func TestOthers(t *testing.T) {
	s := &scene{t: t, now: slotsStart, room: 2}
	s.take(1)
	if s.Others(1, s.now) || !s.Others(2, s.now) {
		t.Errorf("%+v", s.Held)
	}

	if s.Others(2, s.now.Add(slotLease+time.Second)) {
		t.Error("a turn that is over counts")
	}
}
