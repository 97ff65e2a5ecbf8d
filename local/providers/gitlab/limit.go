package gitlab

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"example.com/integrations/local/providers/faults"
)

// The published limits of GitLab.com, each in a minute
// (https://docs.gitlab.com/user/gitlab_com/#rate-limits-on-gitlabcom).
const (
	userCalls    = 2000
	projectCalls = 400
	issueCreates = 200
)

// A limiter counts requests and, if it is on, refuses those over the limits.
type limiter struct {
	on  bool
	now func() time.Time

	lock   sync.Mutex
	counts map[string]*count
}

// count is what was used since a minute began.
type count struct {
	used  int
	began time.Time
}

func newLimiter(on bool, now func() time.Time) *limiter {
	return &limiter{on: on, now: now, counts: map[string]*count{}}
}

// take counts a request. It returns the headers its answer carries, or the
// refusal: in front of the application with all that tells how long to wait,
// within it without a word.
func (l *limiter) take(made *call) (http.Header, *answer) {
	if !l.on {
		return nil, nil
	}

	l.lock.Lock()
	defer l.lock.Unlock()
	all := l.count("user " + made.user)
	kept := []*count{all}
	if all.used >= userCalls {
		return nil, l.throttled(all, userCalls, "throttle_authenticated_api")
	}

	if p := made.route.project; p != nil {
		one := l.count("project " + made.user + " " + p.Path)
		if one.used >= projectCalls {
			return nil, l.throttled(one, projectCalls, "throttle_authenticated_projects_api")
		}
		kept = append(kept, one)
	}

	if made.route.kind == faults.Create {
		creates := l.count("creates " + made.user)
		if creates.used >= issueCreates {
			return nil, tooMany()
		}
		kept = append(kept, creates)
	}

	for _, one := range kept {
		one.used++
	}

	return l.header(all, userCalls, "throttle_authenticated_api"), nil
}

// tooMany is a refusal by the application, which does not say for how long.
func tooMany() *answer {
	return &answer{status: http.StatusTooManyRequests, value: map[string]any{
		"message": map[string]string{"error": "This endpoint has been requested too many times. Try again later."},
	}}
}

func (l *limiter) count(name string) *count {
	now := l.now()
	found := l.counts[name]
	if found == nil || now.Sub(found.began) >= time.Minute {
		found = &count{began: now}
		l.counts[name] = found
	}

	return found
}

func (l *limiter) throttled(c *count, limit int, name string) *answer {
	header := l.header(c, limit, name)
	wait := c.began.Add(time.Minute).Sub(l.now())
	header.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	return &answer{status: http.StatusTooManyRequests, header: header, value: text("Retry later\n")}
}

func (l *limiter) header(c *count, limit int, name string) http.Header {
	header := http.Header{}
	for suffix, value := range map[string]string{
		"Limit": strconv.Itoa(limit), "Observed": strconv.Itoa(c.used), "Remaining": strconv.Itoa(max(0, limit-c.used)),
		"Reset": strconv.FormatInt(c.began.Add(time.Minute).Unix(), 10), "Name": name,
	} {
		header.Set("RateLimit-"+suffix, value)
	}

	return header
}
