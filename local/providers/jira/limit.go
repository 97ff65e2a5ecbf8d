package jira

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"example.com/integrations/local/providers/tracker"
)

// The published limits of Jira Cloud that hold for API tokens: so many requests
// a second to a resource by a method, and so many writes to one issue. Quotas
// do not. https://developer.atlassian.com/cloud/jira/platform/rate-limiting/
const (
	readsPerSecond  = 100
	writesPerSecond = 50
	perIssueShort   = 20 // in 2 seconds
	perIssueLong    = 100
	shortWindow     = 2 * time.Second
	longWindow      = 30 * time.Second
	// A Data Center's are what its administrator says: tokens filled in at every
	// interval.
	bucket   = 60
	fillRate = 10
	interval = time.Second
)

// A limiter counts requests and, if it is on, refuses those over the limits.
type limiter struct {
	flavor string
	on     bool
	now    func() time.Time

	lock    sync.Mutex
	bursts  map[string][]time.Time
	issues  map[string][]time.Time
	buckets map[string]*tokens
}

type tokens struct {
	left int
	at   time.Time
}

func newLimiter(flavor string, on bool, now func() time.Time) *limiter {
	return &limiter{flavor: flavor, on: on, now: now, bursts: map[string][]time.Time{}, issues: map[string][]time.Time{}, buckets: map[string]*tokens{}}
}

// take counts a request. It returns the headers its answer carries, or the
// refusal.
func (l *limiter) take(made *call) (http.Header, *answer) {
	l.lock.Lock()
	defer l.lock.Unlock()
	if l.flavor != Cloud {
		return l.fromBucket(made.account.Name)
	}
	if !l.on {
		return nil, nil
	}

	if refused := l.burst(made); refused != nil {
		return nil, refused
	}

	if made.Method == http.MethodGet || made.route.issue == "" {
		return nil, nil
	}

	return nil, l.perIssue(made.route.issue)
}

func (l *limiter) burst(made *call) *answer {
	most := writesPerSecond
	if made.Method == http.MethodGet {
		most = readsPerSecond
	}

	name := made.Method + " " + made.route.name
	now := l.now()
	l.bursts[name] = tracker.Within(l.bursts[name], now, time.Second)
	if len(l.bursts[name]) >= most {
		return l.limited("jira-burst-based", most, time.Second)
	}

	l.bursts[name] = append(l.bursts[name], now)

	return nil
}

func (l *limiter) perIssue(name string) *answer {
	now := l.now()
	all := tracker.Within(l.issues[name], now, longWindow)
	l.issues[name] = all
	if len(all) >= perIssueLong {
		return l.limited("jira-per-issue-on-write", perIssueLong, longWindow)
	}
	if len(tracker.Within(all, now, shortWindow)) >= perIssueShort {
		return l.limited("jira-per-issue-on-write", perIssueShort, shortWindow)
	}

	l.issues[name] = append(all, now)

	return nil
}

func (l *limiter) limited(reason string, limit int, wait time.Duration) *answer {
	refused := refuse(http.StatusTooManyRequests, "Rate limit exceeded.")
	refused.header = http.Header{
		"Retry-After": {strconv.Itoa(int(wait / time.Second))}, "Ratelimit-Reason": {reason},
		"X-Ratelimit-Limit": {strconv.Itoa(limit)}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {l.now().Add(wait).UTC().Format("2006-01-02T15:04Z")},
	}
	return refused
}

// fromBucket is Data Center's limit: every answer has its state in headers.
func (l *limiter) fromBucket(name string) (http.Header, *answer) {
	now := l.now()
	b := l.buckets[name]
	if b == nil {
		b = &tokens{left: bucket, at: now}
		l.buckets[name] = b
	}

	if filled := int(now.Sub(b.at) / interval); filled > 0 {
		b.left, b.at = min(bucket, b.left+filled*fillRate), b.at.Add(time.Duration(filled)*interval)
	}

	if l.on && b.left == 0 {
		refused := refuse(http.StatusTooManyRequests, "Rate limit exceeded.")
		refused.header = l.standing(0)
		refused.header.Set("Retry-After", "1")
		return nil, refused
	}

	if l.on {
		b.left--
	}

	return l.standing(b.left), nil
}

// standing has the headers for the state of a Data Center's bucket.
func (l *limiter) standing(left int) http.Header {
	return http.Header{
		"X-Ratelimit-Limit": {strconv.Itoa(bucket)}, "X-Ratelimit-Fillrate": {strconv.Itoa(fillRate)},
		"X-Ratelimit-Interval-Seconds": {strconv.Itoa(int(interval / time.Second))}, "X-Ratelimit-Remaining": {strconv.Itoa(left)},
	}
}
