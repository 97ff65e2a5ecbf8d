package mantisbt

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

const (
	submitted = 10 // the status and the resolution of a new issue
	resolved  = 80 // from this status on an issue is done, and read-only to most
)

func (s *Server) create(made *call) (*answer, *issue) {
	asked, refused := s.parse(made)
	if refused != nil {
		return refused, nil
	}
	found, refused := s.projectOf(asked, made.user)
	if refused != nil {
		return refused, nil
	}
	if found.Disabled || !s.may(found, made.user, "report_bug_threshold") || !s.may(found, made.user, "webservice_readwrite_access_level_threshold") {
		return denied("User does not have access right to report issues"), nil
	}
	if asked.category == nil {
		return emptyField("category"), nil
	}
	blank := &issue{ID: s.next(), Project: found.ID, Status: submitted, Resolution: submitted, Reporter: made.user, CreatedAt: s.now()}
	created, refused := s.apply(blank, asked, found, made.user)
	if refused == nil {
		refused = s.missing(found, asked, made.user)
	}
	if refused == nil {
		refused = s.spam.check(made.user, s.role(made.user))
	}
	if refused != nil {
		return refused, nil
	}
	s.spam.count(made.user)
	return &answer{status: http.StatusCreated, value: map[string]any{"issue": s.view(created)}}, created
}

// projectOf is the project a new issue is for.
func (s *Server) projectOf(asked *change, user string) (*Project, *answer) {
	if asked.project == nil {
		return nil, emptyField("project")
	}
	found := s.project(asked.project.ID, asked.project.Name)
	if !found.visible(user) {
		return nil, noProject(asked.project.String())
	}
	return found, nil
}

func (s *Server) read(made *call) (*answer, *issue) {
	found, refused := s.existing(made)
	if refused != nil {
		return refused, nil
	}
	return s.one(made, found), nil
}

// one is an answer with an issue and its tag.
func (s *Server) one(made *call, found *issue) *answer {
	value := map[string]any{"issues": []map[string]any{s.view(found)}}
	return &answer{status: http.StatusOK, header: http.Header{"Etag": {tag(made.user, value)}}, value: value}
}

// tag names the form of an issue as a user sees it. MantisBT writes it without
// quotes and compares it as it stands.
func tag(user string, value any) string {
	sum := sha256.Sum256(append([]byte("v1_"+user+"_"), encode(value)...))
	return hex.EncodeToString(sum[:])
}

func (s *Server) existing(made *call) (*issue, *answer) {
	found := s.get(made.route.id)
	switch {
	case found == nil:
		return nil, noIssue(made.route.id)
	case !s.sees(made.user, found):
		return nil, denied("Access denied")
	}
	return found, nil
}

// sees reports whether a user may see an issue.
func (s *Server) sees(user string, found *issue) bool {
	return s.project(found.Project, "").visible(user) && (!found.Private || found.Reporter == user || s.roleIn(s.project(found.Project, ""), user) >= Developer)
}

func (s *Server) update(made *call) (*answer, *issue) {
	found, refused := s.existing(made)
	if refused != nil {
		return refused, nil
	}
	if asked := made.Header.Get("If-Match"); asked != "" && asked != s.one(made, found).header.Get("Etag") {
		return &answer{status: http.StatusPreconditionFailed, header: s.one(made, found).header}, nil
	}
	asked, refused := s.parse(made)
	if refused != nil {
		return refused, nil
	}
	project := s.project(found.Project, "")
	if refused := s.mayChange(project, found, asked, made.user); refused != nil {
		return refused, nil
	}
	if asked.project != nil {
		if project, refused = s.projectOf(asked, made.user); refused != nil {
			return refused, nil
		}
	}
	updated, refused := s.apply(found, asked, project, made.user)
	if refused != nil {
		return refused, nil
	}
	return s.one(made, updated), updated
}

func (s *Server) remove(made *call) (*answer, *issue) {
	found, refused := s.existing(made)
	switch {
	case refused != nil:
		return refused, nil
	case s.role(made.user) < Developer:
		return denied("Access denied"), nil
	}
	gone := *found
	gone.Deleted = true
	return &answer{status: http.StatusNoContent}, &gone
}

// apply returns the issue with what was asked for. Its time is that of the
// write, even of one that changes nothing.
func (s *Server) apply(before *issue, asked *change, project *Project, user string) (*issue, *answer) {
	after := *before
	after.Project, after.UpdatedAt = project.ID, s.now()
	for _, member := range []struct{ into, asked *string }{
		{&after.Summary, asked.summary}, {&after.Description, asked.description}, {&after.Steps, asked.steps}, {&after.Additional, asked.additional},
	} {
		if member.asked != nil {
			*member.into = *member.asked
		}
	}
	if asked.category != nil {
		name, ok := category(project, *asked.category)
		if !ok {
			return nil, refuse(http.StatusBadRequest, codeCategory, "Category \"%s\" not found.", asked.category)
		}
		after.Category = name
	}
	if asked.status != nil {
		after.Status = statuses.number(*asked.status)
	}
	if asked.resolution != nil {
		after.Resolution = resolutions.number(*asked.resolution)
	}
	if asked.sticky != nil && s.role(user) >= Manager {
		after.Sticky = *asked.sticky
	}
	if asked.private != nil {
		after.Private = *asked.private
	}
	return &after, s.judge(&after)
}

// judge says what the database or MantisBT has against an issue.
func (s *Server) judge(i *issue) *answer {
	all := i.Summary + i.Description + i.Steps + i.Additional
	switch {
	case strings.TrimSpace(i.Summary) == "":
		return emptyField("summary")
	case strings.TrimSpace(i.Description) == "":
		return emptyField("description")
	case len([]rune(i.Summary)) > maxSummary:
		s.Violation("issue %d: the summary has %d characters, more than %d", i.ID, len([]rune(i.Summary)), maxSummary)
		return crashed()
	case s.config.Narrow && strings.ContainsFunc(all, func(r rune) bool { return r > 0xffff }):
		return crashed()
	}
	for name, text := range map[string]string{"description": i.Description, "steps_to_reproduce": i.Steps, "additional_information": i.Additional} {
		if len([]rune(text)) > maxText {
			return refuse(http.StatusBadRequest, codeTooLong, "Field \"%s\" must be shorter or equal to %d characters long.", name, maxText)
		}
	}
	return nil
}

// category finds a category of a project by number or name.
func category(p *Project, asked reference) (string, bool) {
	for i, name := range p.categories() {
		if asked.ID == i+1 || asked.ID == 0 && name == asked.Name {
			return name, true
		}
	}
	return "", false
}
