package gitlab

import (
	"net/http"
	"slices"
	"strings"
)

// issues are the resources of single issues.
type issues struct {
	*state

	views views
}

func (s *issues) create(made *call) (*answer, change) {
	p := made.route.project
	a, refused := s.parse(made.body, createMembers)
	switch {
	case refused != nil:
		return refused, change{}
	case a.title == nil:
		return mistaken(http.StatusBadRequest, "title is missing"), change{}
	case !mayWrite(p, made.user):
		return forbidden(), change{}
	case s.suspects(a):
		return captcha(), change{}
	}

	iid, id := s.next(p)
	if a.iid > 0 && p.role(made.user) >= Owner {
		if s.get(p, a.iid) != nil {
			return refuse(http.StatusConflict, "Duplicated issue"), change{}
		}
		iid = a.iid
	}

	at := s.now()
	created := s.apply(p, &issue{ID: id, IID: iid, State: "opened", Author: made.user, CreatedAt: at, UpdatedAt: at}, a, made.user)
	created.UpdatedAt = at

	return &answer{status: http.StatusCreated, value: s.views.issue(p, created)}, change{Issue: created}
}

// suspects reports whether an issue looks like spam.
func (s *issues) suspects(a *asked) bool {
	text := ""
	for _, part := range []*string{a.title, a.description} {
		if part != nil {
			text += *part
		}
	}

	return s.config.Spam != "" && strings.Contains(text, s.config.Spam)
}

func captcha() *answer {
	return &answer{status: http.StatusConflict, value: map[string]any{
		"needs_captcha_response": true, "spam_log_id": 42, "captcha_site_key": "6LeIxAcTAAAAAJcZVRqyHh71UMIEGNQ",
		"message": map[string]string{"error": "Your issue has been recognized as spam. Please, change the content or solve the reCAPTCHA to proceed."},
	}}
}

func (s *issues) read(made *call) (*answer, change) {
	found := s.get(made.route.project, made.route.iid)
	switch {
	case made.route.project.NoIssues:
		return forbidden(), change{}
	case found == nil || !visible(made.route.project, found, made.user):
		return notFound(""), change{}
	}

	return &answer{status: http.StatusOK, value: s.views.issue(made.route.project, found)}, change{}
}

// existing is the issue that a write is about.
func (s *issues) existing(made *call, least int) (*issue, *answer) {
	p := made.route.project
	found := s.get(p, made.route.iid)
	switch {
	case p.NoIssues || p.Archived:
		return nil, forbidden()
	case found == nil || !visible(p, found, made.user):
		return nil, notFound("")
	case p.rank(made.user) < least && found.Author != made.user:
		return nil, forbidden()
	}

	return found, nil
}

func (s *issues) update(made *call) (*answer, change) {
	p := made.route.project
	found, refused := s.existing(made, Planner)
	if refused != nil {
		return refused, change{}
	}

	a, refused := s.parse(made.body, updateMembers)
	switch {
	case refused != nil:
		return refused, change{}
	case *a == asked{}:
		return mistaken(http.StatusBadRequest, strings.Join(updateMembers, ", ")+" are missing, at least one parameter must be provided"), change{}
	case s.suspects(a):
		return captcha(), change{}
	}

	updated := s.apply(p, found, a, made.user)

	return &answer{status: http.StatusOK, value: s.views.issue(p, updated)}, change{Issue: updated}
}

// remove deletes an issue. GitLab finds it first, for every account, and then looks for
// the right (lib/api/issues.rb, https://docs.gitlab.com/api/issues/#delete-an-issue).
func (s *issues) remove(made *call) (*answer, change) {
	p := made.route.project
	found := s.get(p, made.route.iid)
	switch {
	case found == nil:
		return notFound("Issue "), change{}
	case p.NoIssues || p.Archived || !p.mayDelete(made.user):
		return forbidden(), change{}
	}

	gone := *found
	gone.Deleted = true

	return &answer{status: http.StatusNoContent}, change{Issue: &gone}
}

// move makes an issue in another project and closes the one that is left.
func (s *issues) move(made *call) (*answer, change) {
	found, refused := s.existing(made, Planner)
	if refused != nil {
		return refused, change{}
	}

	a, refused := s.parse(made.body, moveMembers)
	if refused != nil {
		return refused, change{}
	}

	to := s.projects.Numbered(a.toProject)
	if to == nil || to == made.route.project {
		return refuse(http.StatusBadRequest, "Cannot move issue to project it originates from!"), change{}
	}

	moved := s.carry(found, to, made.user)

	return &answer{status: http.StatusCreated, value: s.views.issue(to, moved.Copied.Issue)}, moved
}

// carry is what is left of an issue that goes to another project.
func (s *issues) carry(found *issue, to *project, user string) change {
	at := s.now()
	copied := *found
	left := *found
	copied.IID, copied.ID = s.next(to)
	copied.CreatedAt = found.CreatedAt
	copied.UpdatedAt = at
	left.State = "closed"
	left.ClosedBy = user
	left.ClosedAt = &at
	left.MovedTo = &copied.ID
	left.UpdatedAt = at

	return change{Issue: &left, Copied: &placed{to.Path, &copied}}
}

// apply returns the issue with what was asked for. A change that changes
// nothing leaves the time of the last one; labels of someone who may not set
// them are dropped without a word, as at GitLab.
func (s *issues) apply(p *project, before *issue, a *asked, user string) *issue {
	after := *before
	changed := false
	after.Labels = slices.Clone(before.Labels)
	if a.title != nil && after.Title != *a.title {
		after.Title = *a.title
		changed = true
	}

	if a.description != nil {
		description, commands := extract(*a.description)
		if after.Description == nil || *after.Description != description {
			after.Description = &description
			changed = true
		}

		s.carryOut(&after, commands, a)
	}

	if p.mayLabel(user) {
		labels := relabel(after.Labels, a)
		changed = changed || !slices.Equal(labels, after.Labels)
		after.Labels = labels
	}

	if a.confidential != nil && *a.confidential != after.Confidential {
		after.Confidential = *a.confidential
		changed = true
	}

	if a.event != nil {
		changed = s.transition(&after, *a.event, user) || changed
	}

	if changed {
		after.UpdatedAt = s.now()
	}

	return &after
}

// transition opens or closes an issue, if it is not so already.
func (s *issues) transition(moved *issue, event, user string) bool {
	state := map[string]string{"close": "closed", "reopen": "opened"}[event]
	if state == moved.State {
		return false
	}

	at := s.now()
	moved.State = state
	moved.ClosedBy = ""
	moved.ClosedAt = nil
	if state == "closed" {
		moved.ClosedBy = user
		moved.ClosedAt = &at
	}

	return true
}

// relabel puts labels on and takes them off. Of labels with one scope, as
// scope::a and scope::b, the last one put on drives the others off.
func relabel(before []string, a *asked) []string {
	labels := slices.Clone(before)
	var put []string
	if a.labels != nil {
		labels = nil
		put = *a.labels
	}

	if a.add != nil {
		put = append(slices.Clone(put), *a.add...)
	}

	for _, label := range put {
		if scope := strings.LastIndex(label, "::"); scope >= 0 {
			labels = slices.DeleteFunc(labels, func(other string) bool {
				return strings.LastIndex(other, "::") == scope && strings.HasPrefix(other, label[:scope+2])
			})
		}

		if !slices.Contains(labels, label) {
			labels = append(labels, label)
		}
	}

	if a.remove != nil {
		labels = slices.DeleteFunc(labels, func(label string) bool { return slices.Contains(*a.remove, label) })
	}

	slices.Sort(labels)

	return labels
}
