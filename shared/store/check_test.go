package store

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

var messageLimits = TestMessageLimits{Check: 10 * time.Second, Gap: time.Minute, Day: 20}

// testMessage starts one and fails the test unless the next may start after wait.
func testMessage(t *testing.T, s *Store, at time.Time, wait time.Duration) {
	t.Helper()
	next, err := s.StartTestMessage(t.Context(), pair.ID, fmt.Sprint("test message at ", at.UnixMilli()), at, messageLimits)
	if err != nil {
		t.Fatal(err)
	}

	if wait == 0 && !next.IsZero() || wait > 0 && next.Sub(at) != wait {
		t.Fatalf("at %s: the next one is at %s, want it after %s", at, next, wait)
	}
}

// C14: a test message counts once, although the answer to the write is lost and
// the SDK writes again.
func TestStartTestMessageRecognisesItself(t *testing.T) {
	s, w := open(t)
	w.lose["UpdateItem"] = 1
	testMessage(t, s, now, 0)
	if w.calls["UpdateItem"] != 2 {
		t.Fatalf("%d writes", w.calls["UpdateItem"])
	}

	var c lastCheck
	r, err := tableOf(s).get(t.Context(), checkKey(pair.ID))
	must(t, err)
	must(t, decode(r, &c))
	if len(c.TestMessages) != 1 || r["expires_at"] == nil {
		t.Errorf("%+v, %v", c, r)
	}

	w.lose["UpdateItem"] = 1
	testMessage(t, s, now.Add(time.Minute), 0)
	w.lose["UpdateItem"] = 1
	testMessage(t, s, now.Add(time.Minute+time.Second), 59*time.Second)
}

// C14: one test message a minute, and 20 within any 24 hours.
func TestTestMessagesAreLimited(t *testing.T) {
	s, _ := open(t)
	at := now
	testMessage(t, s, at, 0)
	testMessage(t, s, at.Add(time.Minute-time.Millisecond), time.Millisecond)
	for range 19 {
		at = at.Add(time.Minute)
		testMessage(t, s, at, 0)
	}

	testMessage(t, s, at.Add(time.Minute), 24*time.Hour-20*time.Minute)
	testMessage(t, s, now.Add(24*time.Hour-time.Millisecond), time.Millisecond)
	testMessage(t, s, now.Add(24*time.Hour), 0)
	testMessage(t, s, now.Add(24*time.Hour+30*time.Second), 30*time.Second)
	testMessage(t, s, now.Add(24*time.Hour+time.Minute), 0) // the second of the day before does not count any more
	testMessage(t, s, now.Add(72*time.Hour), 0)

	var c lastCheck
	r, err := tableOf(s).get(t.Context(), checkKey(pair.ID))
	must(t, err)
	must(t, decode(r, &c))
	if want := []int64{now.Add(72 * time.Hour).UnixMilli()}; !slices.Equal(c.TestMessages, want) {
		t.Errorf("kept %v, want %v", c.TestMessages, want)
	}
}

// C14: a test message is a check too: there is one in ten seconds of both kinds,
// and a check does not forget the messages.
func TestTestMessagesAndChecksLimitEachOther(t *testing.T) {
	s, _ := open(t)
	check := func(at time.Time, wait time.Duration) {
		t.Helper()
		next, err := s.StartCheck(t.Context(), pair.ID, fmt.Sprint("check at ", at.UnixMilli()), at, messageLimits.Check)
		if err != nil || wait == 0 && !next.IsZero() || wait > 0 && next.Sub(at) != wait {
			t.Fatalf("at %s: %s, %v", at, next, err)
		}
	}

	check(now, 0)
	testMessage(t, s, now.Add(4*time.Second), 6*time.Second)
	testMessage(t, s, now.Add(10*time.Second), 0)
	check(now.Add(11*time.Second), 9*time.Second)
	check(now.Add(20*time.Second), 0)
	testMessage(t, s, now.Add(40*time.Second), 30*time.Second)
}

// C14: of test messages that are asked for at the same moment, one is sent.
func TestTestMessagesAtTheSameMoment(t *testing.T) {
	s, _ := open(t)
	testMessage(t, s, now.Add(-time.Hour), 0)

	const callers = 8
	started := make(chan bool, callers)
	for i := range callers {
		go func() {
			next, err := s.StartTestMessage(t.Context(), pair.ID, fmt.Sprint("caller ", i), now, messageLimits)
			if err != nil {
				t.Error(err)
			}
			started <- err == nil && next.IsZero()
		}()
	}

	n := 0
	for range callers {
		if <-started {
			n++
		}
	}

	if n != 1 {
		t.Errorf("%d of %d may send", n, callers)
	}
}
