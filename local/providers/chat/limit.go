package chat

import (
	"strconv"
	"sync"
	"time"
)

// A Limiter counts requests and says when there are too many. A nil one has no limit.
type Limiter struct {
	now  func() time.Time
	lock sync.Mutex
	at   map[string][]time.Time // of the requests within the window, by key
}

// NewLimiter returns a limiter, nil if it is off. A nil clock is the system's.
func NewLimiter(on bool, now func() time.Time) *Limiter {
	if !on {
		return nil
	}

	if now == nil {
		now = time.Now
	}

	return &Limiter{now: now, at: map[string][]time.Time{}}
}

// Take counts a request of a key, of which n are allowed in each window. It returns
// how many are left and when the window of the first one ends. A request above the
// limit is not counted and has to wait.
func (l *Limiter) Take(key string, n int, window time.Duration) (left int, reset, wait time.Duration) {
	if l == nil {
		return n, 0, 0
	}

	l.lock.Lock()
	defer l.lock.Unlock()
	now := l.now()
	kept := l.at[key][:0]
	for _, at := range l.at[key] {
		if now.Sub(at) < window {
			kept = append(kept, at)
		}
	}

	if len(kept) < n {
		kept = append(kept, now)
	} else {
		wait = window - now.Sub(kept[0])
	}

	l.at[key] = kept

	return n - len(kept), window - now.Sub(kept[0]), wait
}

// Seconds is a wait as Retry-After has it, in whole seconds.
func Seconds(wait time.Duration) string {
	return strconv.Itoa(int((wait + time.Second - 1) / time.Second))
}
