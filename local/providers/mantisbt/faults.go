package mantisbt

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
	"example.com/integrations/local/providers/tracker"
)

// disturber makes the fake server fail on purpose.
type disturber struct{ *api }

// profile has the refusals of MantisBT and of the web server in front of it. Its only
// own limit is one against spam.
func (s *disturber) profile() faults.Profile {
	const server = "nginx"
	say := func(make func(faults.Asked) *answer, kinds ...faults.Kind) faults.Refusal {
		return faults.Refusal{Kinds: kinds, Answer: func(a faults.Asked) faults.Answer {
			out := make(a)
			said := faults.JSON(out.status, string(encode(out.value)))
			said.Header.Set("Content-Type", "application/json")
			if out.value == nil {
				said.Header.Set("Content-Type", "text/html; charset=UTF-8")
			}

			if !out.thrown {
				said.Header.Set("X-Mantis-Version", version)
			}

			return said
		}}
	}

	return faults.Profile{
		Provider: "MantisBT",
		Refusals: map[string]faults.Refusal{
			faults.RateLimited: {Answer: func(a faults.Asked) faults.Answer {
				return faults.Page(http.StatusTooManyRequests, server, "Retry-After", a.Seconds())
			}},
			faults.RateLimitedBare: {Answer: func(faults.Asked) faults.Answer { return faults.Page(http.StatusTooManyRequests, server) }},
			faults.SecondaryLimit:  say(func(faults.Asked) *answer { return tooMany() }, faults.Create),
			faults.ErrorBefore: {Answer: func(a faults.Asked) faults.Answer {
				if a.Status == http.StatusInternalServerError {
					return say(func(faults.Asked) *answer { return crashed() }).Answer(a)
				}
				return faults.Page(a.Status, server)
			}},
			faults.RevokedToken: say(func(faults.Asked) *answer { return bare(http.StatusUnauthorized, tokenRequired) }),
			faults.RefusedWords: {Answer: func(a faults.Asked) faults.Answer {
				if a.Form == faults.String {
					return say(func(faults.Asked) *answer {
						return refuseAs(http.StatusBadRequest, codeTooLong, faults.NotTaken, faults.NotTaken)
					}).Answer(a)
				}
				return faults.Answer{Status: http.StatusBadRequest, Reason: faults.NotTaken, Header: http.Header{"X-Mantis-Version": {version}}}
			}},
			faults.ForbiddenItem: say(func(a faults.Asked) *answer {
				return denied("Access denied for user " + s.config.Tokens[a.Header.Get("Authorization")] + ".") // recorded: get-private-issue
			}),
			faults.AddressBan: {Answer: func(faults.Asked) faults.Answer { return faults.Page(http.StatusForbidden, server) }},
		},
		Cannot: map[string]string{
			faults.Captcha:     "MantisBT asks for captchas at its sign-up page only",
			faults.ForeignLink: "MantisBT names the next page by its number, without a link",
		},
		// With its words on the status line a refusal has no body (recorded:
		// create-invalid-json).
		Forms: map[string][]string{faults.RefusedWords: {faults.Reason, faults.String}},
		Page:  defaultPage,
	}
}

func (s *disturber) hooks() faults.Hooks {
	return faults.Hooks{
		Now: s.config.Now, Lags: true, Call: s.callOf, SameTime: s.sameTime,
		Log: func(_ *http.Request, w providers.Write) { s.Note(w) },
		Check: func(r *http.Request, a faults.Answer) {
			s.check(s.resolved(r), &answer{status: a.Status}, a.Header, a.Body)
		},
		Delete: func(r *http.Request) error { return s.disturb(r, func(one *issue) { one.Deleted = true }) },
		Move:   func(r *http.Request) error { return s.disturb(r, s.carryOff) },
		Edit: func(r *http.Request) error {
			return s.disturb(r, func(one *issue) {
				one.UpdatedAt = s.now()
				one.Summary = tracker.Retitled(one.Summary, maxSummary)
			})
		},
		Rename: s.renamePlace,
		Guests: true,
	}
}

// callOf describes a request: its kind, its account and its issue.
func (s *disturber) callOf(r *http.Request) faults.Call {
	made := s.resolved(r)
	token := r.Header.Get("Authorization")
	c := faults.Call{Kind: faults.Other, User: s.config.Tokens[token], Person: token != "" && token == s.config.PersonToken}
	switch route := made.route; {
	case route.creates:
		c.Kind = faults.Create
	case route.issues && route.id > 0 && r.Method == http.MethodGet:
		c.Kind = faults.Read
	case route.issues && route.id > 0, r.Method == http.MethodDelete:
		c.Kind = faults.Update
	case route.issues:
		c.Kind = faults.List
	}

	if c.Kind == faults.Read || c.Kind == faults.Update {
		c.Object = strconv.Itoa(made.route.id)
	}

	return c
}

// sameTime gives the newest issues one time of their last change.
func (s *disturber) sameTime(_ *http.Request, n int) error {
	newest, err := tracker.Newest(s.snapshot(), n)
	at := s.now()
	for _, one := range newest {
		if err := s.SetUpdated(one.ID, one.ID, at); err != nil {
			return err
		}
	}

	return err
}

// disturb changes the issue that a request is about.
func (s *disturber) disturb(r *http.Request, change func(*issue)) error {
	made := s.resolved(r)
	if s.get(made.route.id) == nil {
		return faults.ErrNothing
	}
	return s.each(made.route.id, made.route.id, change)
}

// renamePlace gives another name to the project that a request names, or whose
// issue it is about.
func (s *disturber) renamePlace(r *http.Request) error {
	made := s.resolved(r)
	id, err := strconv.Atoi(r.URL.Query().Get("project_id"))
	if err != nil {
		id = 0
	}

	if found := s.get(made.route.id); found != nil && made.route.issues {
		id = found.Project
	}

	if made.route.creates {
		var body struct {
			Project struct {
				ID int `json:"id"`
			} `json:"project"`
		}
		if json.Unmarshal(faults.Body(r), &body) == nil {
			id = body.Project.ID
		}
	}

	in := s.project(id, "")
	if in == nil {
		return faults.ErrNothing
	}

	return s.Rename(in.ID, faults.Renamed(in.Name))
}

// carryOff moves an issue to the next project there is, or to one that no
// account here sees.
func (s *disturber) carryOff(one *issue) {
	const elsewhere = 9999
	from := one.Project
	one.Project, one.UpdatedAt = elsewhere, s.now()
	all := s.all()
	at := slices.IndexFunc(all, func(p Project) bool { return p.ID != from })
	if at >= 0 {
		one.Project = all[at].ID
	}
}
