package mantisbt

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"example.com/integrations/local/providers/tracker"
)

// MantisBT's limit for users whose role is that of new accounts.
const (
	spamEvents = 10
	spamWindow = time.Hour
)

// spam counts what reporters make and, if it is on, refuses what is too much.
type spam struct {
	on  bool
	now func() time.Time

	lock   sync.Mutex
	events map[string][]time.Time // of the last hour
}

func newSpam(on bool, now func() time.Time) *spam {
	return &spam{on: on, now: now, events: map[string][]time.Time{}}
}

// allowed is how many events the server says it takes; 0 is any number.
func (s *spam) allowed() int {
	if !s.on {
		return 0
	}

	return spamEvents
}

// check refuses a user's new issue that is one too many. It does not say for
// how long.
func (s *spam) check(user string, role Role) *answer {
	if !s.on || role > Reporter {
		return nil
	}

	s.lock.Lock()
	defer s.lock.Unlock()
	kept := tracker.Within(s.events[user], s.now(), spamWindow)
	s.events[user] = kept
	if len(kept) >= spamEvents {
		return tooMany()
	}

	return nil
}

// tooMany is the refusal of what is too much.
func tooMany() *answer {
	localized := fmt.Sprintf("You have reached the allowed activity limit of %d events within the last %d seconds", spamEvents, int(spamWindow.Seconds()))

	return refuseAs(http.StatusTooManyRequests, codeSpam, "Hit rate limit threshold", localized)
}

// count notes a new issue.
func (s *spam) count(user string) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.events[user] = append(s.events[user], s.now())
}
