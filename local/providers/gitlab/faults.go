package gitlab

import (
	"cmp"
	"maps"
	"net/http"
	"strconv"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
	"example.com/integrations/local/providers/tracker"
)

// disturber makes the fake server fail on purpose.
type disturber struct{ *api }

// profile has the refusals of GitLab and of the servers in front of it.
func (s *disturber) profile() faults.Profile {
	return faults.Profile{
		Provider: "GitLab",
		Refusals: map[string]faults.Refusal{
			faults.RateLimited: say(func(a faults.Asked) *answer {
				return s.limiter.throttled(&count{used: userCalls, began: a.Now.Add(a.Wait - time.Minute)}, userCalls, "throttle_authenticated_api")
			}),
			faults.RateLimitedBare: say(func(faults.Asked) *answer {
				return &answer{status: http.StatusTooManyRequests, value: text("Retry later\n")}
			}),
			faults.SecondaryLimit: say(func(faults.Asked) *answer { return tooMany() }, faults.Create),
			faults.ErrorBefore: {Answer: func(a faults.Asked) faults.Answer {
				if a.Status == http.StatusInternalServerError {
					return faults.JSON(a.Status, `{"message":"500 Internal Server Error"}`)
				}
				return faults.Page(a.Status, "nginx")
			}},
			faults.RevokedToken:  say(func(faults.Asked) *answer { return revoked() }),
			faults.Captcha:       say(func(faults.Asked) *answer { return captcha() }, faults.Create, faults.Update),
			faults.RefusedWords:  say(func(a faults.Asked) *answer { return refusedWords(a.Form) }),
			faults.ForbiddenItem: say(func(faults.Asked) *answer { return refuse(http.StatusForbidden, "403 Forbidden") }),
			faults.ForeignLink:   {Kinds: []faults.Kind{faults.List}},
			faults.AddressBan: say(func(faults.Asked) *answer {
				return &answer{status: http.StatusForbidden, value: text("Forbidden\n")}
			}),
		},
		Cannot: map[string]string{
			faults.ETagConflict: "GitLab takes no ETag on a write: the last writer wins",
			faults.Anonymous:    "GitLab refuses a dead token, at public projects too",
		},
		Forms: map[string][]string{faults.RefusedWords: {faults.Nested, faults.Array, faults.String}},
		Page:  20,
	}
}

// say is the refusal that an answer of the API makes.
func say(make func(faults.Asked) *answer, kinds ...faults.Kind) faults.Refusal {
	return faults.Refusal{Kinds: kinds, Answer: func(a faults.Asked) faults.Answer {
		out := make(a)
		said := faults.JSON(out.status, "")
		if plain, ok := out.value.(text); ok {
			said = faults.Text(out.status, string(plain))
		} else {
			said.Body = encode(out.value)
		}

		maps.Copy(said.Header, out.header)

		return said
	}}
}

// refusedWords is a refusal of the content. Its words are in an object, a list or a
// text.
func refusedWords(form string) *answer {
	var words any = map[string][]string{"base": {faults.NotTaken}}
	switch form {
	case faults.Array:
		words = []string{faults.NotTaken}
	case faults.String:
		words = faults.NotTaken
	}

	return &answer{status: http.StatusBadRequest, value: map[string]any{"message": words}}
}

func (s *disturber) hooks() faults.Hooks {
	return faults.Hooks{
		Now: s.config.Now, Lags: true, Call: s.callOf,
		Log: func(r *http.Request, w providers.Write) {
			w.Path = r.URL.EscapedPath()
			s.Note(w)
		},
		SameTime: s.sameTime,
		Delete: func(r *http.Request) error {
			return s.disturb(r, func(_ *project, one *issue) change {
				one.Deleted = true
				return change{Issue: one}
			})
		},
		Move: func(r *http.Request) error { return s.disturb(r, s.carryOff) },
		Rename: func(r *http.Request) error {
			in := s.resolved(r).route.project
			if in == nil {
				return faults.ErrNothing
			}

			return s.Rename(in.Path, faults.Renamed(in.Path))
		},
	}
}

// callOf describes a request: its kind, its account and its issue.
func (s *disturber) callOf(r *http.Request) faults.Call {
	made := s.resolved(r)
	token := made.token()
	c := faults.Call{Kind: cmp.Or(made.route.kind, faults.Other), User: s.config.Tokens[token], Person: token != "" && token == s.config.PersonToken}
	if in := made.route.project; in != nil && (c.Kind == faults.Read || c.Kind == faults.Update) {
		c.Object = strconv.FormatInt(in.id, 10) + " " + strconv.Itoa(made.route.iid)
	}

	return c
}

// sameTime gives a project's newest issues one time of their last change.
func (s *disturber) sameTime(r *http.Request, n int) error {
	in := s.resolved(r).route.project
	if in == nil {
		return faults.ErrNothing
	}

	return s.Alone(func() error {
		newest, err := tracker.Newest(s.snapshot(in), n)
		if err != nil {
			return err
		}

		return s.touch(in, newest, s.now())
	})
}

// disturb changes the issue that a request is about.
func (s *disturber) disturb(r *http.Request, how func(*project, *issue) change) error {
	made := s.resolved(r)

	return s.Alone(func() error {
		in := made.route.project
		if in == nil || s.get(in, made.route.iid) == nil {
			return faults.ErrNothing
		}

		changed := *s.get(in, made.route.iid)
		done := how(in, &changed)
		done.Project = in.Path

		return s.Commit(done)
	})
}

// carryOff moves an issue to the next project there is, or to one that no account
// here sees. What is left is closed, as GitLab leaves it.
func (s *disturber) carryOff(from *project, one *issue) change {
	const somebody = "somebody"
	if to := s.movesTo(from); to != nil {
		return s.issues.carry(one, to, somebody)
	}

	left := *one
	hidden := int64(firstID - 1)
	now := s.now()
	left.State = "closed"
	left.ClosedBy = somebody
	left.ClosedAt = &now
	left.MovedTo = &hidden
	left.UpdatedAt = now

	return change{Issue: &left}
}
