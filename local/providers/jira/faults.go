package jira

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
)

// elsewhere is a project that nobody here sees.
const elsewhere = "ELSEWHERE"

// profile is how Jira words its refusals, and the servers before it.
func (s *Server) profile() faults.Profile {
	say := func(make func(faults.Asked) *answer, kinds ...faults.Kind) faults.Refusal {
		return faults.Refusal{Kinds: kinds, Answer: func(a faults.Asked) faults.Answer {
			out := make(a)
			said := faults.Answer{Status: out.status, Header: http.Header{}, Body: encode(out.value)}
			for name, values := range out.header {
				said.Header[name] = values
			}

			s.sign(said.Header)
			return said
		}}
	}

	p := faults.Profile{
		Provider: "Jira Cloud",
		Refusals: map[string]faults.Refusal{
			faults.RateLimited:     say(func(a faults.Asked) *answer { return s.overRate(a, true) }),
			faults.RateLimitedBare: say(func(a faults.Asked) *answer { return s.overRate(a, false) }),
			faults.SecondaryLimit: say(func(a faults.Asked) *answer {
				return s.limiter.limited("jira-per-issue-on-write", perIssueShort, max(a.Wait, shortWindow))
			}, faults.Update),
			faults.ErrorBefore: {Answer: func(a faults.Asked) faults.Answer {
				if a.Status == http.StatusInternalServerError {
					return say(func(faults.Asked) *answer { return refuse(a.Status, "Internal server error") }).Answer(a)
				}
				return faults.Page(a.Status, s.front())
			}},
			faults.RevokedToken: say(func(faults.Asked) *answer { return unauthenticated() }),
			faults.ETagConflict: say(func(faults.Asked) *answer {
				return refuse(http.StatusConflict, "The issue was changed by somebody else in the meantime.")
			}),
			faults.RefusedWords: say(func(a faults.Asked) *answer {
				switch a.Form {
				case faults.Nested:
					return badField("summary", faults.NotTaken)
				case faults.String: // the form of the framework below Jira's resources
					return &answer{status: http.StatusBadRequest, value: map[string]any{"message": faults.NotTaken, "status-code": http.StatusBadRequest}}
				}

				return refuse(http.StatusBadRequest, faults.NotTaken)
			}),
			faults.ForbiddenItem: say(func(faults.Asked) *answer {
				return refuse(http.StatusForbidden, "You do not have the permission to see the specified issue.")
			}),
			faults.Captcha:    say(func(faults.Asked) *answer { return s.wantsCaptcha() }),
			faults.AddressBan: {Answer: func(faults.Asked) faults.Answer { return faults.Page(http.StatusForbidden, s.front()) }},
		},
		Cannot: map[string]string{
			faults.ForeignLink: "Jira names the next page by a token or an offset, without a link",
		},
		Forms: map[string][]string{faults.RefusedWords: {faults.Array, faults.Nested, faults.String}},
		Page:  50,
	}
	if s.config.Flavor != Cloud {
		p.Provider = "Jira Data Center"
		delete(p.Refusals, faults.SecondaryLimit)
		p.Cannot[faults.SecondaryLimit] = "a Jira of one's own has one limit only"
		p.Cannot[faults.Anonymous] = "a Data Center refuses a dead token with 401"
	}

	return p
}

// front is what answers in the place of a Jira that does not.
func (s *Server) front() string {
	if s.config.Flavor == Cloud {
		return "AtlassianEdge"
	}
	return "nginx"
}

// overRate is a refusal for too many calls.
func (s *Server) overRate(a faults.Asked, told bool) *answer {
	out := s.limiter.limited("jira-burst-based", writesPerSecond, max(a.Wait, time.Second))
	if s.config.Flavor != Cloud {
		out.header = s.limiter.standing(0)
	}

	if out.header.Del("Retry-After"); told {
		out.header.Set("Retry-After", a.Seconds())
	}

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
			if made.route.handle == nil || undescribed(made) {
				return
			}

			if err := s.contract.CheckResponse(described(made), a.Status, a.Header, a.Body); err != nil {
				s.Violation("answer %d to %s %s: %v", a.Status, r.Method, r.URL.Path, err)
			}
		},
		SameTime: s.sameTime,
		Delete:   func(r *http.Request) error { return s.disturb(r, func(one *issue) { one.Deleted = true }) },
		Move:     func(r *http.Request) error { return s.disturb(r, s.carryOff) },
		Edit:     func(r *http.Request) error { return s.disturb(r, s.retitle) },
		Rename:   s.rekey,
		Guests:   true,
	}
}

// callOf says what a request is about and who makes it.
func (s *Server) callOf(r *http.Request) faults.Call {
	made := &call{Request: r}
	s.resolve(made)
	account, known := s.login(made)
	c := faults.Call{Kind: faults.Other, Person: known && account == s.config.Accounts[s.config.PersonToken]}
	if known {
		c.User = account.Name
	}

	switch {
	case made.route.creates:
		c.Kind = faults.Create
	case made.route.issue != "" && r.Method == http.MethodGet:
		c.Kind = faults.Read
	case made.route.issue != "":
		c.Kind = faults.Update
	case made.route.name == "search":
		c.Kind = faults.List
	}

	if found := s.get(made.route.issue); found != nil {
		c.Object = found.ID
	}

	return c
}

// sameTime gives the newest issues one time of their last change.
func (s *Server) sameTime(_ *http.Request, n int) error {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	all := s.snapshot(s.config.Now())
	at := s.now()
	if len(all) < 2 {
		return faults.ErrNothing
	}

	for _, one := range all[max(0, len(all)-n):] {
		changed := *one
		changed.Updated = at
		if err := s.commit(entry{Issue: &changed}); err != nil {
			return err
		}
	}

	return nil
}

// disturb changes the issue that a request is about.
func (s *Server) disturb(r *http.Request, change func(*issue)) error {
	made := &call{Request: r}
	s.resolve(made)
	s.deciding.Lock()
	defer s.deciding.Unlock()
	found := s.get(made.route.issue)
	if found == nil || s.find(found.Project) == nil {
		return faults.ErrNothing
	}

	changed := *found
	change(&changed)

	return s.commit(entry{Issue: &changed})
}

// guest is the answer to a call whose token is dead, at a site that serves
// anyone. A search finds what anyone may see, which is nothing here. A header
// says that the login failed (MrRefactoring/jira.js#418).
func (s *Server) guest(made *call) *answer {
	out := unauthenticated()
	switch {
	case made.route.name == "search":
		out.status = http.StatusOK
		out.value = map[string]any{"issues": []any{}, "isLast": true}
	case made.route.issue != "" && made.Method == http.MethodGet:
		out.status = http.StatusNotFound
		out.value = notFound().value
	}

	out.header.Del("Www-Authenticate")

	return out
}

// rekey gives another key to the project of the issue that a request is about,
// or that a create names.
func (s *Server) rekey(r *http.Request) error {
	made := &call{Request: r}
	s.resolve(made)
	name := ""
	switch found := s.get(made.route.issue); {
	case made.route.creates:
		name = projectOf(faults.Body(r))
	case found != nil:
		name = found.Project
	}

	in := s.find(name)
	if in == nil {
		return faults.ErrNothing
	}

	const suffix = "NEW"
	before, renamed := strings.CutSuffix(in.Key, suffix)
	if renamed {
		return s.Rename(in.Key, before)
	}

	return s.Rename(in.Key, in.Key+suffix)
}

// carryOff moves an issue to the next project there is, or to one that nobody
// here sees. It keeps its id, and its old key leads to it.
func (s *Server) carryOff(one *issue) {
	all := s.all()
	at := slices.IndexFunc(all, func(p *project) bool { return p.Key != one.Project })
	one.Updated = s.now()
	if at < 0 {
		one.Project = elsewhere
		return
	}

	one.Project = all[at].Key
	_, one.Number = s.next(all[at])
}

// retitle is what somebody does to an issue in between.
func (s *Server) retitle(one *issue) {
	const mark = " (edited)"
	one.Updated = s.now()
	if was, marked := strings.CutSuffix(one.Summary, mark); marked {
		one.Summary = was
		return
	}

	one.Summary = string([]rune(one.Summary)[:min(len([]rune(one.Summary)), 255-len(mark))]) + mark
}
