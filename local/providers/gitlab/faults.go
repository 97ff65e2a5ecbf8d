package gitlab

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
)

// profile is how GitLab words its refusals, and the servers before it.
func (s *Server) profile() faults.Profile {
	say := func(make func(faults.Asked) *answer, kinds ...faults.Kind) faults.Refusal {
		return faults.Refusal{Kinds: kinds, Answer: func(a faults.Asked) faults.Answer {
			out := make(a)
			said := faults.JSON(out.status, "")
			if plain, ok := out.value.(text); ok {
				said = faults.Text(out.status, string(plain))
			} else {
				said.Body = encode(out.value)
			}

			for name, values := range out.header {
				said.Header[name] = values
			}

			return said
		}}
	}
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
			faults.RevokedToken: say(func(faults.Asked) *answer { return revoked() }),
			faults.Captcha:      say(func(faults.Asked) *answer { return captcha() }, faults.Create, faults.Update),
			faults.RefusedWords: say(func(a faults.Asked) *answer {
				var words any = map[string][]string{"base": {faults.NotTaken}}
				switch a.Form {
				case faults.Array:
					words = []string{faults.NotTaken}
				case faults.String:
					words = faults.NotTaken
				}

				return &answer{status: http.StatusBadRequest, value: map[string]any{"message": words}}
			}),
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

func (s *Server) hooks() faults.Hooks {
	return faults.Hooks{
		Now: s.config.Now, Lags: true, Call: s.callOf,
		Log: func(r *http.Request, w providers.Write) {
			w.Path = r.URL.EscapedPath()
			_ = s.commit(entry{Number: s.writes.Arrive(), Write: &w})
		},
		SameTime: s.sameTime,
		Delete: func(r *http.Request) error {
			return s.disturb(r, func(_ *project, one *issue) change {
				one.Deleted = true
				return change{issue: one}
			})
		},
		Move: func(r *http.Request) error { return s.disturb(r, s.carryOff) },
		Rename: func(r *http.Request) error {
			made := &call{Request: r}
			s.resolve(made)
			in := made.route.project
			if in == nil {
				return faults.ErrNothing
			}

			return s.Rename(in.Path, faults.Renamed(in.Path))
		},
	}
}

// callOf says what a request is about and who makes it.
func (s *Server) callOf(r *http.Request) faults.Call {
	made := &call{Request: r}
	s.resolve(made)
	token := made.token()
	c := faults.Call{Kind: faults.Other, User: s.config.Tokens[token], Person: token != "" && token == s.config.PersonToken}
	switch {
	case made.route.creates:
		c.Kind = faults.Create
	case made.route.iid > 0 && r.Method == http.MethodGet:
		c.Kind = faults.Read
	case made.route.iid > 0:
		c.Kind = faults.Update
	case made.route.handle != nil && strings.HasSuffix(r.URL.EscapedPath(), "/issues"):
		c.Kind = faults.List
	}

	if in := made.route.project; in != nil && (c.Kind == faults.Read || c.Kind == faults.Update) {
		c.Object = strconv.FormatInt(in.id, 10) + " " + strconv.Itoa(made.route.iid)
	}

	return c
}

// sameTime gives a project's newest issues one time of their last change.
func (s *Server) sameTime(r *http.Request, n int) error {
	made := &call{Request: r}
	s.resolve(made)
	if made.route.project == nil {
		return faults.ErrNothing
	}

	s.deciding.Lock()
	defer s.deciding.Unlock()
	all := s.snapshot(made.route.project)
	at := s.now()
	if len(all) < 2 {
		return faults.ErrNothing
	}

	for _, one := range all[max(0, len(all)-n):] {
		changed := *one
		changed.UpdatedAt = at
		if err := s.commit(entry{Project: made.route.project.Path, Issue: &changed}); err != nil {
			return err
		}
	}

	return nil
}

// disturb changes the issue that a request is about.
func (s *Server) disturb(r *http.Request, how func(*project, *issue) change) error {
	made := &call{Request: r}
	s.resolve(made)
	s.deciding.Lock()
	defer s.deciding.Unlock()
	in := made.route.project
	if in == nil || s.get(in, made.route.iid) == nil {
		return faults.ErrNothing
	}

	changed := *s.get(in, made.route.iid)
	done := how(in, &changed)

	return s.commit(entry{Project: in.Path, Issue: done.issue, Copied: done.copied})
}

// carryOff moves an issue to the next project there is, or to one that nobody
// here sees. What is left is closed, as GitLab leaves it.
func (s *Server) carryOff(from *project, one *issue) change {
	const somebody = "somebody"
	all := s.all()
	at := slices.IndexFunc(all, func(p *project) bool { return p != from && !p.NoIssues && !p.Archived })
	if at >= 0 {
		return s.carry(one, all[at], somebody)
	}

	left := *one
	hidden := int64(firstID - 1)
	now := s.now()
	left.State = "closed"
	left.ClosedBy = somebody
	left.ClosedAt = &now
	left.MovedTo = &hidden
	left.UpdatedAt = now

	return change{issue: &left}
}

// listed are the issues that a list is made of.
func (s *Server) listed(ctx context.Context, p *project) []*issue {
	lag := faults.Lag(ctx)
	if lag == 0 {
		return s.snapshot(p)
	}

	s.lock.RLock()
	defer s.lock.RUnlock()
	return slices.DeleteFunc(p.past.At(s.config.Now().Add(-lag)), func(one *issue) bool { return one.Deleted })
}
