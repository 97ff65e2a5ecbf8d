package github

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
	"example.com/integrations/local/providers/tracker"
)

// disturber makes the fake server fail on purpose.
type disturber struct{ *api }

// profile has GitHub's refusals.
func (s *disturber) profile() faults.Profile {
	say := func(make func(faults.Asked) *answer) faults.Refusal {
		return faults.Refusal{Answer: func(a faults.Asked) faults.Answer {
			out := make(a)
			said := faults.Answer{Status: out.status, Header: http.Header{}, Body: tracker.Encode(out.value)}
			maps.Copy(said.Header, out.header)
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

// exceeded is the refusal of a login without calls left in its hour. The hour ends
// when the fault says.
func (s *disturber) exceeded(a faults.Asked) *answer {
	out := refuse(http.StatusTooManyRequests, "API rate limit exceeded for user ID "+strconv.FormatInt(identify(s.callOf(a.Request).User), 10)+".")
	reset := a.Now.Add(a.Wait + time.Second - 1).Truncate(time.Second)
	out.header = (&usage{used: perHour, reset: reset}).header()
	return out
}

func (s *disturber) hooks() faults.Hooks {
	return faults.Hooks{
		Now: s.config.Now, Lags: true, Call: s.callOf, Check: s.check, SameTime: s.sameTime,
		Log: func(_ *http.Request, w providers.Write) { s.Note(w) },
		Delete: func(r *http.Request) error {
			return s.disturb(r, func(_ *repository, one *issue) { one.Deleted = true })
		},
		Move: func(r *http.Request) error { return s.disturb(r, s.transfer) },
		Rename: func(r *http.Request) error {
			in := s.resolved(r).route.repository
			if in == nil {
				return faults.ErrNothing
			}

			return s.Rename(in.Owner, in.Name, in.Owner, faults.Renamed(in.Name))
		},
	}
}

// check holds a refusal against the description.
func (s *disturber) check(r *http.Request, a faults.Answer) {
	made := s.resolved(r)
	if made.route.handle != nil && made.route.installation == "" {
		s.CheckAnswer(s.contract, s.described(made), a)
	}
}

// callOf describes a request: its kind, its account and its issue.
func (s *disturber) callOf(r *http.Request) faults.Call {
	made := s.resolved(r)
	token := given(made)
	c := faults.Call{Kind: cmp.Or(made.route.kind, faults.Other), Person: token != "" && token == s.config.PersonToken}
	c.User, _ = s.apps.whose(made, token)
	in := made.route.repository
	if in == nil && c.Kind == faults.List {
		c.Kind = faults.Other
	}

	if in != nil && made.route.number > 0 {
		c.Object = strconv.FormatInt(in.id, 10) + " " + strconv.Itoa(made.route.number)
	}

	return c
}

// sameTime gives a repository's newest issues one time of their last change.
func (s *disturber) sameTime(r *http.Request, n int) error {
	in := s.resolved(r).route.repository
	if in == nil {
		return faults.ErrNothing
	}

	return s.Alone(func() error {
		newest, err := tracker.Newest(s.realIssues(in), n)
		if err != nil {
			return err
		}

		return s.touch(in, newest, s.now())
	})
}

// disturb changes the issue that a request is about.
func (s *disturber) disturb(r *http.Request, how func(*repository, *issue)) error {
	made := s.resolved(r)

	return s.Alone(func() error {
		in := made.route.repository
		if in == nil || s.get(in, made.route.number) == nil {
			return faults.ErrNothing
		}

		changed := *s.get(in, made.route.number)
		how(in, &changed)

		return s.Commit(change{Repository: in.FullName(), Issue: &changed})
	})
}

// transfer moves an issue to the next repository there is, or to one that no
// account here sees.
func (s *disturber) transfer(from *repository, one *issue) {
	all := s.repositories.All()
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
	if s.Commit(change{Repository: to.FullName(), Issue: &copied}) != nil {
		one.MovedTo = ""
	}
}

func movedTo(repository int64, number int) string {
	return fmt.Sprintf("%s/repositories/%d/issues/%d", apiBase, repository, number)
}
