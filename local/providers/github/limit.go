package github

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"example.com/integrations/local/providers/tracker"
)

// The published limits of a user token.
const (
	perHour         = 5000
	createsPerMin   = 80
	createsPerHour  = 500
	pointsPerMin    = 900
	writePoints     = 5
	secondaryWait   = 60 * time.Second
	secondaryNotice = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)

// A limiter counts requests and, if it is on, refuses those over the limits.
type limiter struct {
	on  bool
	now func() time.Time

	lock  sync.Mutex
	users map[string]*usage
}

// usage is what one token has used.
type usage struct {
	used     int
	reset    time.Time
	creates  []time.Time // of the last hour
	points   []spent     // of the last minute
	refusals int
}

type spent struct {
	at     time.Time
	points int
}

func newLimiter(on bool, now func() time.Time) *limiter {
	return &limiter{on: on, now: now, users: map[string]*usage{}}
}

// take counts a request of login. It returns the headers its answer carries,
// or the refusal.
func (l *limiter) take(login, method string, creates bool) (http.Header, *answer) {
	l.lock.Lock()
	defer l.lock.Unlock()
	user := l.user(login)
	now := l.now()
	if l.on && user.used >= perHour {
		refused := refuse(http.StatusForbidden, "API rate limit exceeded for user ID "+strconv.FormatInt(identify(login), 10)+".")
		refused.header = user.header()
		return nil, refused
	}

	if l.on && user.exhausted(now, method, creates) {
		return nil, user.secondary()
	}

	if !l.on {
		user.used = 1
		return user.header(), nil
	}

	user.used++
	if creates {
		user.creates = append(user.creates, now)
	}

	user.points = append(user.points, spent{now, cost(method)})

	return user.header(), nil
}

// back gives a request back: one answered 304 is free.
func (l *limiter) back(login string) http.Header {
	l.lock.Lock()
	defer l.lock.Unlock()
	user := l.user(login)
	user.used = max(0, user.used-1)
	return user.header()
}

func (l *limiter) user(login string) *usage {
	now := l.now()
	user := l.users[login]
	if user == nil {
		user = &usage{}
		l.users[login] = user
	}

	if !now.Before(user.reset) {
		user.used, user.reset = 0, now.Add(time.Hour).Truncate(time.Second)
	}

	user.creates = tracker.Within(user.creates, now, time.Hour)
	for len(user.points) > 0 && now.Sub(user.points[0].at) >= time.Minute {
		user.points = user.points[1:]
	}

	return user
}

func cost(method string) int {
	if method == http.MethodGet {
		return 1
	}
	return writePoints
}

// exhausted reports whether a request would break a secondary limit.
func (u *usage) exhausted(now time.Time, method string, creates bool) bool {
	points := cost(method)
	for _, one := range u.points {
		points += one.points
	}

	if points > pointsPerMin {
		return true
	}

	lately := len(tracker.Within(u.creates, now, time.Minute))

	return creates && (lately >= createsPerMin || len(u.creates) >= createsPerHour)
}

// secondary refuses, in turn with Retry-After and without any header about the limit.
// GitHub does both. Without the header only the text has the cause.
func (u *usage) secondary() *answer {
	u.refusals++
	refused := refuse(http.StatusForbidden, secondaryNotice)
	if u.refusals%2 == 1 {
		refused.header = u.header()
		refused.header.Set("Retry-After", strconv.Itoa(int(secondaryWait/time.Second)))
	}

	return refused
}

func (u *usage) header() http.Header {
	header := http.Header{}
	header.Set("X-Ratelimit-Limit", strconv.Itoa(perHour))
	header.Set("X-Ratelimit-Remaining", strconv.Itoa(perHour-u.used))
	header.Set("X-Ratelimit-Used", strconv.Itoa(u.used))
	header.Set("X-Ratelimit-Reset", strconv.FormatInt(u.reset.Unix(), 10))
	header.Set("X-Ratelimit-Resource", "core")
	return header
}
