package github

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
)

// profile is how GitHub words its refusals.
func (s *Server) profile() faults.Profile {
	say := func(make func(faults.Asked) *answer) faults.Refusal {
		return faults.Refusal{Answer: func(a faults.Asked) faults.Answer {
			out := make(a)
			said := faults.Answer{Status: out.status, Header: http.Header{}, Body: encode(out.value)}
			for name, values := range out.header {
				said.Header[name] = values
			}

			sign(said.Header)
			return said
		}}
	}

	secondary := say(func(a faults.Asked) *answer {
		out := refuse(http.StatusForbidden, secondaryNotice)
		if a.Told {
			out.header = http.Header{"Retry-After": {a.Seconds()}}
		}
		return out
	})

	secondary.Kinds = []faults.Kind{faults.Create, faults.Update}

	return faults.Profile{
		Provider: "GitHub",
		Refusals: map[string]faults.Refusal{
			faults.RateLimited: say(func(a faults.Asked) *answer {
				out := s.exceeded(a)
				out.header.Set("Retry-After", a.Seconds())
				return out
			}),
			faults.RateLimitedBare: say(s.exceeded),
			faults.SecondaryLimit:  secondary,
			faults.ErrorBefore: say(func(a faults.Asked) *answer {
				return refuse(a.Status, map[int]string{
					http.StatusServiceUnavailable: "Service unavailable",
					http.StatusGatewayTimeout:     "We couldn't respond to your request in time. Sorry about that. Please try resubmitting your request and contact us if the problem persists.",
				}[a.Status]+map[bool]string{true: "Server Error"}[a.Status < http.StatusServiceUnavailable])
			}),
			faults.RevokedToken: say(func(faults.Asked) *answer { return refuse(http.StatusUnauthorized, "Bad credentials") }),
			faults.RefusedWords: say(func(a faults.Asked) *answer { return refusedWords(a.Form) }),
			faults.ForbiddenItem: say(func(faults.Asked) *answer {
				return refuse(http.StatusForbidden, "Must have admin rights to Repository.")
			}),
			faults.ForeignLink: {Kinds: []faults.Kind{faults.Create, faults.List}},
			faults.AddressBan: say(func(faults.Asked) *answer {
				return refuse(http.StatusForbidden, "Although you appear to have the correct authorization credentials, the organization has an IP allow list enabled, and your IP address is not permitted to access this resource.")
			}),
		},
		Cannot: map[string]string{
			faults.ETagConflict: "GitHub takes no ETag on a write: the last writer wins",
			faults.Captcha:      "GitHub's API asks nobody for a captcha",
			faults.Anonymous:    "GitHub refuses a dead token, at public repositories too",
		},
		Forms: map[string][]string{faults.RefusedWords: {faults.Nested, faults.Array, faults.String}},
		Page:  defaultPage,
	}
}

// refusedWords is GitHub's refusal of what cannot be processed. Its errors are
// objects, texts, or one text.
func refusedWords(form string) *answer {
	var errors any = []map[string]string{{"resource": "Issue", "field": "body", "code": "custom", "message": faults.NotTaken}}
	switch form {
	case faults.Array:
		errors = []string{faults.NotTaken}
	case faults.String:
		errors = faults.NotTaken
	}

	return &answer{status: http.StatusUnprocessableEntity, value: map[string]any{
		"message": "Validation Failed", "errors": errors, "documentation_url": documentation, "status": "422",
	}}
}

// exceeded is the refusal of who has used up his hour, which ends as soon as
// the fault says.
func (s *Server) exceeded(a faults.Asked) *answer {
	out := refuse(http.StatusTooManyRequests, "API rate limit exceeded for user ID "+strconv.FormatInt(identify(s.callOf(a.Request).User), 10)+".")
	reset := a.Now.Add(a.Wait + time.Second - 1).Truncate(time.Second)
	out.header = (&usage{used: perHour, reset: reset}).header()
	return out
}

func (s *Server) hooks() faults.Hooks {
	return faults.Hooks{
		Now: s.config.Now, Lags: true, Call: s.callOf,
		Log: func(_ *http.Request, w providers.Write) {
			_ = s.commit(entry{Number: s.writes.Arrive(), Write: &w})
		},
		Check: func(r *http.Request, a faults.Answer) {
			made := &call{Request: r}
			s.resolve(made)
			if made.route.handle == nil {
				return
			}

			if err := s.contract.CheckResponse(s.described(made), a.Status, a.Header, a.Body); err != nil && made.route.installation == "" {
				s.Violation("answer %d to %s %s: %v", a.Status, r.Method, r.URL.Path, err)
			}
		},
		SameTime: s.sameTime,
		Delete: func(r *http.Request) error {
			return s.disturb(r, func(_ *repository, one *issue) { one.Deleted = true })
		},
		Move: func(r *http.Request) error { return s.disturb(r, s.transfer) },
		Rename: func(r *http.Request) error {
			made := &call{Request: r}
			s.resolve(made)
			in := made.route.repository
			if in == nil {
				return faults.ErrNothing
			}

			return s.Rename(in.Owner, in.Name, in.Owner, faults.Renamed(in.Name))
		},
	}
}

// callOf says what a request is about and who makes it.
func (s *Server) callOf(r *http.Request) faults.Call {
	made := &call{Request: r}
	s.resolve(made)
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	c := faults.Call{Kind: faults.Other, Person: token != "" && token == s.config.PersonToken}
	c.User, _ = s.whose(made, token)
	switch {
	case made.route.creates:
		c.Kind = faults.Create
	case made.route.number > 0 && r.Method == http.MethodGet:
		c.Kind = faults.Read
	case made.route.number > 0:
		c.Kind = faults.Update
	case made.route.repository != nil && made.route.handle != nil && strings.HasSuffix(r.URL.Path, "/issues"):
		c.Kind = faults.List
	}

	if in := made.route.repository; in != nil && made.route.number > 0 {
		c.Object = strconv.FormatInt(in.id, 10) + " " + strconv.Itoa(made.route.number)
	}

	return c
}

// sameTime gives a repository's newest issues one time of their last change.
func (s *Server) sameTime(r *http.Request, n int) error {
	made := &call{Request: r}
	s.resolve(made)
	found := made.route.repository
	if found == nil {
		return faults.ErrNothing
	}

	s.deciding.Lock()
	defer s.deciding.Unlock()
	all := s.issues(found)
	at := s.now()
	if len(all) < 2 {
		return faults.ErrNothing
	}

	for _, one := range all[max(0, len(all)-n):] {
		changed := *one
		changed.UpdatedAt = at
		if err := s.commit(entry{Repository: key(found.Owner, found.Name), Issue: &changed}); err != nil {
			return err
		}
	}

	return nil
}

// disturb changes the issue that a request is about.
func (s *Server) disturb(r *http.Request, change func(*repository, *issue)) error {
	made := &call{Request: r}
	s.resolve(made)
	s.deciding.Lock()
	defer s.deciding.Unlock()
	in := made.route.repository
	if in == nil || s.get(in, made.route.number) == nil {
		return faults.ErrNothing
	}

	changed := *s.get(in, made.route.number)
	change(in, &changed)

	return s.commit(entry{Repository: key(in.Owner, in.Name), Issue: &changed})
}

// transfer moves an issue to the next repository there is, or to one that
// nobody here sees.
func (s *Server) transfer(from *repository, one *issue) {
	all := s.all()
	at := slices.IndexFunc(all, func(r *repository) bool { return r != from && !r.NoIssues })
	if at < 0 {
		one.MovedTo = movedTo(identify("elsewhere"), 1)
		return
	}

	to := all[at]
	copied := *one
	copied.Number, copied.ID = s.next(to)
	copied.UpdatedAt = s.now()
	one.MovedTo = movedTo(to.id, copied.Number)
	if s.commit(entry{Repository: key(to.Owner, to.Name), Issue: &copied}) != nil {
		one.MovedTo = ""
	}
}

func movedTo(repository int64, number int) string {
	return apiBase + "/repositories/" + url.PathEscape(strconv.FormatInt(repository, 10)) + "/issues/" + itoa(number)
}

func (i *issue) gone() bool { return i.Deleted || i.MovedTo != "" }

// there leaves those that are still there.
func there(all []*issue) []*issue { return slices.DeleteFunc(all, (*issue).gone) }

// missing is the answer about an issue that is not there, or no longer.
func (s *Server) missing(r *repository, number int) *answer {
	s.lock.RLock()
	defer s.lock.RUnlock()
	if number < 1 || number > len(r.issues) || !r.issues[number-1].gone() {
		return notFound()
	}

	one := r.issues[number-1]
	if one.Deleted {
		return refuse(http.StatusGone, "This issue was deleted")
	}

	return &answer{status: http.StatusMovedPermanently, header: http.Header{"Location": {one.MovedTo}}, value: map[string]string{
		"message": "Moved Permanently", "url": one.MovedTo, "documentation_url": documentation,
	}}
}

// listed are the issues that a list is made of.
func (s *Server) listed(ctx context.Context, r *repository, creator string) []*issue {
	lag := faults.Lag(ctx)
	if lag == 0 {
		return s.snapshot(r, creator)
	}

	s.lock.RLock()
	defer s.lock.RUnlock()

	return slices.DeleteFunc(there(r.past.At(s.config.Now().Add(-lag))), func(one *issue) bool {
		return creator != "" && !strings.EqualFold(one.Creator, creator)
	})
}
