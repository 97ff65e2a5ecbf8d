package mantisbt

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"strings"
)

const (
	submitted = 10 // the status and the resolution of a new issue
	resolved  = 80 // from this status on an issue is done, and read-only to most
	closed    = 90
)

// issues are the resources of single issues.
type issues struct {
	*state

	rights rights
	views  views
	spam   *spam
}

func (s *issues) create(made *call) (*answer, *issue) {
	asked, refused := s.parse(made)
	if refused != nil {
		return refused, nil
	}

	found, refused := s.projectOf(asked)
	if refused != nil {
		return refused, nil
	}
	if !s.rights.mayReport(found, made.user) {
		return noAccess("User does not have access right to report issues"), nil
	}

	blank := &issue{ID: s.next(), Project: found.ID, Status: submitted, Resolution: submitted, Reporter: made.user, CreatedAt: s.now()}
	created, refused := s.apply(blank, asked, found, made.user)
	if refused == nil {
		refused = s.rights.missing(found, asked, made.user)
	}

	if refused == nil {
		refused = s.spam.check(made.user, s.rights.role(made.user))
	}

	if refused != nil {
		return refused, nil
	}

	s.spam.count(made.user)

	return &answer{status: http.StatusCreated, value: map[string]any{"issue": s.views.view(created, made.user)}}, created
}

// projectOf is the project that a body names, whether the user sees it or not. A
// name that there is not is as good as none (recorded:
// create-project-unknown-name).
func (s *issues) projectOf(asked *asked) (*Project, *answer) {
	if asked.project == nil {
		return nil, emptyField("project", "Project not specified")
	}

	found := s.project(asked.project.ID, asked.project.Name)
	switch {
	case found == nil && asked.project.ID != 0:
		return nil, noProject(asked.project.ID)
	case found == nil:
		return nil, emptyField("project", "Project not specified")
	}

	return found, nil
}

func (s *issues) read(made *call) (*answer, *issue) {
	found, refused := s.rights.existing(made)
	if refused != nil {
		return refused, nil
	}
	return s.views.one(made, found, made.URL.Query().Get("select")), nil
}

// tag names the form of an issue as a user sees it. MantisBT writes it without
// quotes and compares it as it stands.
func tag(user string, value any) string {
	sum := sha256.Sum256(append([]byte("v1_"+user+"_"), encode(value)...))
	return hex.EncodeToString(sum[:])
}

func (s *issues) update(made *call) (*answer, *issue) {
	found, refused := s.rights.existing(made)
	if refused != nil {
		return refused, nil
	}

	if asked := made.Header.Get("If-Match"); asked != "" && asked != s.views.one(made, found, "").header.Get("Etag") {
		return &answer{status: http.StatusPreconditionFailed, header: s.views.one(made, found, "").header}, nil
	}

	asked, refused := s.parse(made)
	if refused != nil {
		return refused, nil
	}

	project := s.project(found.Project, "")
	if refused := s.rights.mayChange(project, found, asked, made.user); refused != nil {
		return refused, nil
	}

	if asked.status != nil && statuses.number(*asked.status) >= resolved && s.rights.openChild(found) {
		return refuse(http.StatusBadRequest, "Unresolved child issues."), nil
	}

	if asked.project != nil {
		if project, refused = s.projectOf(asked); refused != nil {
			return refused, nil
		}
	}

	updated, refused := s.apply(found, asked, project, made.user)
	if refused != nil {
		return refused, nil
	}

	return s.views.one(made, updated, ""), updated
}

func (s *issues) remove(made *call) (*answer, *issue) {
	found, refused := s.rights.existing(made)
	switch {
	case refused != nil:
		return refused, nil
	case !s.rights.may(s.project(found.Project, ""), made.user, "delete_bug_threshold"):
		return noAccess(fmt.Sprintf("Access denied to delete issue %d", found.ID)), nil
	}

	gone := *found
	gone.Deleted = true

	return &answer{status: http.StatusNoContent, header: http.Header{"Etag": {tag(made.user, nil)}}}, &gone
}

// apply returns the issue with what was asked for. Its time is that of the
// write, even of one that changes nothing.
func (s *issues) apply(before *issue, asked *asked, project *Project, user string) (*issue, *answer) {
	after := *before
	after.Project, after.UpdatedAt = project.ID, s.now()
	for _, member := range []struct{ into, asked *string }{
		{&after.Summary, asked.summary}, {&after.Description, asked.description}, {&after.Steps, asked.steps}, {&after.Additional, asked.additional},
	} {
		if member.asked != nil {
			*member.into = *member.asked
		}
	}

	if refused := s.categorize(&after, before, asked, project); refused != nil {
		return nil, refused
	}

	if len(asked.fields) > 0 {
		after.Fields = maps.Clone(before.Fields)
		if after.Fields == nil {
			after.Fields = map[string]string{}
		}
		maps.Copy(after.Fields, asked.fields)
	}

	if asked.status != nil {
		after.Status = statuses.number(*asked.status)
	}

	if asked.resolution != nil {
		after.Resolution = resolutions.number(*asked.resolution)
	}

	if asked.sticky != nil && s.rights.role(user) >= Manager {
		after.Sticky = *asked.sticky
	}

	if asked.private != nil {
		after.Private = *asked.private
	}

	s.fit(&after)

	return &after, s.judge(&after)
}

// categorize gives an issue the category that was asked for, or leaves it the one
// that it has. A project that it is moved to must have that one (recorded:
// patch-move-category-missing-there).
func (s *issues) categorize(after, before *issue, asked *asked, project *Project) *answer {
	if asked.category != nil {
		name, ok := s.views.categories.category(project, *asked.category)
		if !ok {
			return refuseAs(http.StatusNotFound, codeCategory, fmt.Sprintf("Category '%s' not found.", asked.category), "Category not found.")
		}
		after.Category = name
	}

	optional, _ := s.rights.setting(project, "allow_no_category")
	if after.Category == "" && optional != 1 {
		return emptyField("category", "Category field must be supplied.")
	}
	if after.Category == "" || project.ID == before.Project {
		return nil
	}

	if _, ok := s.views.categories.category(project, reference{Name: after.Category}); !ok {
		number := s.views.categories.categoryNumber(before)
		message := fmt.Sprintf("Category '%d' not available in project '%d'.", number, project.ID)
		return refuseAs(http.StatusBadRequest, codeCategoryNotThere, message, fmt.Sprintf("Category \"%d\" not found for project \"%d\".", number, project.ID))
	}

	return nil
}

// fit changes texts as the database does without an error.
func (s *issues) fit(i *issue) {
	if length := len([]rune(i.Summary)); length > maxSummary {
		s.Violation("issue %d: the summary has %d characters, more than %d", i.ID, length, maxSummary)
		if s.config.Lenient {
			i.Summary = string([]rune(i.Summary)[:maxSummary])
		}
	}

	if !s.config.Replacing {
		return
	}

	for _, text := range []*string{&i.Summary, &i.Description, &i.Steps, &i.Additional} {
		*text = strings.Map(func(r rune) rune {
			if r > 0xffff {
				return '\ufffd'
			}

			return r
		}, *text)
	}
}

// judge says what the database or MantisBT has against an issue.
func (s *issues) judge(i *issue) *answer {
	all := i.Summary + i.Description + i.Steps + i.Additional
	switch {
	case strings.TrimSpace(i.Summary) == "":
		return emptyField("summary", "Summary not specified")
	case strings.TrimSpace(i.Description) == "":
		return emptyField("description", "Description not specified")
	case len([]rune(i.Summary)) > maxSummary:
		return crashed()
	case s.config.Narrow && strings.ContainsFunc(all, func(r rune) bool { return r > 0xffff }):
		return crashed()
	}

	for _, field := range []struct{ name, label, text string }{
		{"description", "Description", i.Description},
		{"steps_to_reproduce", "Steps To Reproduce", i.Steps},
		{"additional_information", "Additional Information", i.Additional},
	} {
		if len([]rune(field.text)) > maxText {
			message := fmt.Sprintf("Long text field \"%s\" must be shorter than %d characters.", field.name, maxText)
			return refuseAs(http.StatusBadRequest, codeTooLong, message, fmt.Sprintf("Maximum length for Field \"%s\" is %d characters.", field.label, maxText))
		}
	}

	return nil
}
