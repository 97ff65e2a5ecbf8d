package github

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// issues are the resources of issues, of the repository and of the account.
type issues struct{ *state }

func (s *issues) user(made *call) (*answer, *issue) {
	return &answer{status: http.StatusOK, value: renderSelf(made.login, s.now())}, nil
}

func (s *issues) repository(made *call) (*answer, *issue) {
	found := made.route.repository
	open := 0
	for _, one := range s.snapshot(found, "") {
		if one.State == "open" {
			open++
		}
	}

	return &answer{status: http.StatusOK, value: renderRepository(found, open, made.login, s.now())}, nil
}

// missing is the answer about an issue that is not there, or no longer.
func missing(r *repository, number int) *answer {
	one := r.issues.Stored(number)
	switch {
	case one == nil:
		return notFound()
	case one.Deleted:
		return refuse(http.StatusGone, "This issue was deleted")
	}

	return &answer{status: http.StatusMovedPermanently, header: http.Header{"Location": {one.MovedTo}}, value: map[string]string{
		"message": "Moved Permanently", "url": one.MovedTo, "documentation_url": documentation,
	}}
}

func issuesDisabled() *answer {
	return refuse(http.StatusGone, "Issues has been disabled in this repository.")
}

func (s *issues) create(made *call) (*answer, *issue) {
	found := made.route.repository
	if found.NoIssues {
		return issuesDisabled(), nil
	}

	asked, refused := s.parse(made.body, createMembers)
	if refused != nil {
		return refused, nil
	}
	if asked.title == nil {
		return invalid(`"title" wasn't supplied.`), nil
	}
	if asked.body != nil && *asked.body == nil {
		return invalid("For 'properties/body', nil is not a string."), nil
	}

	number, id := s.next(found)
	at := s.now()
	blank := &issue{ID: id, Number: number, State: "open", Creator: made.login, CreatedAt: at}
	created := s.apply(blank, asked, made.login, found.mayPush(made.login))
	created.UpdatedAt = at
	header := http.Header{"Location": {apiURL(found) + "/issues/" + strconv.Itoa(number)}}

	return &answer{status: http.StatusCreated, header: header, value: renderIssue(found, created)}, created
}

func (s *issues) read(made *call) (*answer, *issue) {
	found, refused := s.existing(made)
	if refused != nil {
		return refused, nil
	}
	return &answer{status: http.StatusOK, value: renderIssue(made.route.repository, found)}, nil
}

func (s *issues) existing(made *call) (*issue, *answer) {
	if made.route.repository.NoIssues {
		return nil, issuesDisabled()
	}

	found := s.get(made.route.repository, made.route.number)
	if found == nil {
		return nil, missing(made.route.repository, made.route.number)
	}

	return found, nil
}

func (s *issues) update(made *call) (*answer, *issue) {
	found, refused := s.existing(made)
	if refused != nil {
		return refused, nil
	}

	repository := made.route.repository
	mayPush := repository.mayPush(made.login)
	if !mayPush && !strings.EqualFold(found.Creator, made.login) {
		return refuse(http.StatusForbidden, "Must have admin rights to Repository."), nil
	}

	body := made.body
	if len(body) == 0 {
		body = []byte("{}")
	}

	asked, refused := s.parse(body, updateMembers)
	if refused != nil {
		return refused, nil
	}
	if asked.state != nil && *asked.state == "open" && found.State != "open" && !repository.mayReopen(found, made.login) {
		return refuse(http.StatusForbidden, "You cannot reopen this issue."), nil
	}

	updated := s.apply(found, asked, made.login, mayPush)

	return &answer{status: http.StatusOK, value: renderIssue(repository, updated)}, updated
}

// apply returns the issue with what was asked for. A change that changes
// nothing leaves the time of the last one; labels and assignees of someone
// without push access are dropped without a word, as on GitHub.
func (s *issues) apply(before *issue, asked *asked, login string, mayPush bool) *issue {
	after := *before
	changed := false
	set(&after.Title, asked.title, &changed)
	if asked.body != nil && !same(after.Body, *asked.body) {
		after.Body = *asked.body
		changed = true
	}

	if mayPush && asked.labels != nil && !slices.Equal(after.Labels, *asked.labels) {
		after.Labels = *asked.labels
		changed = true
	}

	if mayPush && asked.assignees != nil && !slices.Equal(after.Assignees, *asked.assignees) {
		after.Assignees = *asked.assignees
		changed = true
	}

	if asked.state != nil && *asked.state != after.State {
		s.move(&after, *asked.state, asked.stateReason, login)
		changed = true
	}

	if changed {
		after.UpdatedAt = s.now()
	}

	return &after
}

// move opens or closes an issue. The reason counts only then.
func (s *issues) move(moved *issue, state string, reason *string, login string) {
	moved.State = state
	if state == "open" {
		moved.StateReason = "reopened"
		moved.ClosedBy = ""
		moved.ClosedAt = nil
		return
	}

	at := s.now()
	moved.StateReason = "completed"
	moved.ClosedBy = login
	moved.ClosedAt = &at
	if reason != nil && *reason != "reopened" {
		moved.StateReason = *reason
	}
}

func set(current, asked *string, changed *bool) {
	if asked != nil && *current != *asked {
		*current = *asked
		*changed = true
	}
}

func same(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
