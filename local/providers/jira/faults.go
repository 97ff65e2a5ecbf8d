package jira

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
	"example.com/integrations/local/providers/tracker"
)

// elsewhere is a project that no account here sees.
const elsewhere = "ELSEWHERE"

// disturber makes the fake server fail on purpose.
type disturber struct{ *api }

// profile has the refusals of Jira and of the servers in front of it.
func (s *disturber) profile() faults.Profile {
	say := func(make func(faults.Asked) *answer, kinds ...faults.Kind) faults.Refusal {
		return faults.Refusal{Kinds: kinds, Answer: func(a faults.Asked) faults.Answer {
			out := make(a)
			said := faults.Answer{Status: out.status, Header: http.Header{}, Body: tracker.Encode(out.value)}
			maps.Copy(said.Header, out.header)
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
			faults.RefusedWords: say(func(a faults.Asked) *answer { return refusedWords(a.Form) }),
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
	if !s.cloud() {
		p.Provider = "Jira Data Center"
		delete(p.Refusals, faults.SecondaryLimit)
		p.Cannot[faults.SecondaryLimit] = "a Jira of one's own has one limit only"
		p.Cannot[faults.Anonymous] = "a Data Center refuses a dead token with 401"
	}

	return p
}

// refusedWords is a refusal of the content. Its words are in a list, under the name of
// a field, or in one text.
func refusedWords(form string) *answer {
	switch form {
	case faults.Nested:
		return badField("summary", faults.NotTaken)
	case faults.String: // the form of the framework below Jira's resources
		return &answer{status: http.StatusBadRequest, value: map[string]any{"message": faults.NotTaken, "status-code": http.StatusBadRequest}}
	}

	return refuse(http.StatusBadRequest, faults.NotTaken)
}

// front is the server in front of Jira.
func (s *disturber) front() string {
	if s.cloud() {
		return "AtlassianEdge"
	}
	return "nginx"
}

// overRate is a refusal for too many calls.
func (s *disturber) overRate(a faults.Asked, told bool) *answer {
	out := s.limiter.limited("jira-burst-based", writesPerSecond, max(a.Wait, time.Second))
	if !s.cloud() {
		out.header = s.limiter.standing(0)
	}

	if out.header.Del("Retry-After"); told {
		out.header.Set("Retry-After", a.Seconds())
	}

	return out
}

func (s *disturber) hooks() faults.Hooks {
	return faults.Hooks{
		Now: s.config.Now, Lags: true, Call: s.callOf, Check: s.check, SameTime: s.sameTime,
		Log:    func(_ *http.Request, w providers.Write) { s.Note(w) },
		Delete: func(r *http.Request) error { return s.disturb(r, func(one *issue) { one.Deleted = true }) },
		Move:   func(r *http.Request) error { return s.disturb(r, s.carryOff) },
		Edit: func(r *http.Request) error {
			return s.disturb(r, func(one *issue) {
				one.Updated = s.now()
				one.Summary = tracker.Retitled(one.Summary, maxSummary)
			})
		},
		Rename: s.rekey,
		Guests: true,
	}
}

// check holds a refusal against the description.
func (s *disturber) check(r *http.Request, a faults.Answer) {
	made := s.resolved(r)
	if made.route.handle != nil && !undescribed(made) {
		s.CheckAnswer(s.contract, described(made), a)
	}
}

// callOf describes a request: its kind, its account and its issue.
func (s *disturber) callOf(r *http.Request) faults.Call {
	made := s.resolved(r)
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
func (s *disturber) sameTime(_ *http.Request, n int) error {
	return s.Alone(func() error {
		newest, err := tracker.Newest(s.snapshot(s.config.Now()), n)
		at := s.now()
		for _, one := range newest {
			changed := *one
			changed.Updated = at
			if err := s.Commit(change{Issue: &changed}); err != nil {
				return err
			}
		}

		return err
	})
}

// disturb changes the issue that a request is about.
func (s *disturber) disturb(r *http.Request, how func(*issue)) error {
	made := s.resolved(r)

	return s.Alone(func() error {
		found := s.get(made.route.issue)
		if found == nil || s.find(found.Project) == nil {
			return faults.ErrNothing
		}

		changed := *found
		how(&changed)

		return s.Commit(change{Issue: &changed})
	})
}

// rekey gives another key to the project of the issue that a request is about,
// or that a create names.
func (s *disturber) rekey(r *http.Request) error {
	made := s.resolved(r)
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
func (s *disturber) carryOff(one *issue) {
	all := s.projects.All()
	at := slices.IndexFunc(all, func(p *project) bool { return p.Key != one.Project })
	one.Updated = s.now()
	if at < 0 {
		one.Project = elsewhere
		return
	}

	one.Project = all[at].Key
	_, one.Number = s.next(all[at])
}
