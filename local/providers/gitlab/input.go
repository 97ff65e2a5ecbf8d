package gitlab

import (
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/integrations/local/providers/tracker"
)

// The lengths GitLab allows, in characters.
const (
	maxTitle       = 255
	maxDescription = 1_048_576
	maxLabel       = 255
)

// What GitLab documents (https://docs.gitlab.com/api/issues/), of what the
// fake server does.
var (
	createMembers = []string{"title", "description", "labels", "confidential", "iid", "issue_type"}
	updateMembers = []string{"title", "description", "labels", "add_labels", "remove_labels", "confidential", "state_event", "issue_type"}
	moveMembers   = []string{"to_project_id"}
)

// members of a body, as they came.
type members map[string]json.RawMessage

// asked is what a body asks for. What is nil is not to change.
type asked struct {
	title, description, event *string
	labels, add, remove       *[]string
	confidential              *bool
	iid                       int
	toProject                 int64
}

// parse reads a body strictly: an object with documented members of the right
// types, within their limits. GitLab itself drops unknown members.
func (s *issues) parse(body []byte, known []string) (*asked, *answer) {
	given, refused := parseObject(body)
	if refused != nil {
		return nil, refused
	}

	for name := range given {
		if !slices.Contains(known, name) {
			s.Violation("member %q is not documented", name)
			return nil, mistaken(http.StatusBadRequest, name+" is not documented")
		}
	}

	a := &asked{}
	for name, into := range map[string]any{
		"title": &a.title, "description": &a.description, "state_event": &a.event, "confidential": &a.confidential, "iid": &a.iid, "to_project_id": &a.toProject,
	} {
		if value, ok := given[name]; ok && json.Unmarshal(value, into) != nil {
			return nil, mistaken(http.StatusBadRequest, name+" is invalid")
		}
	}

	for name, into := range map[string]**[]string{"labels": &a.labels, "add_labels": &a.add, "remove_labels": &a.remove} {
		if value, ok := given[name]; ok {
			list, refused := labelList(name, value)
			if refused != nil {
				return nil, refused
			}
			*into = &list
		}
	}

	return a, a.check(given)
}

func parseObject(body []byte) (members, *answer) {
	switch given, err := tracker.Members(body); {
	case errors.Is(err, tracker.ErrSyntax):
		return nil, mistaken(http.StatusBadRequest, "There was a problem in the JSON you submitted")
	case err != nil:
		return nil, mistaken(http.StatusBadRequest, "The JSON you submitted is not an object")
	default:
		return given, nil
	}
}

// tag is what GitLab strips from names of labels.
var tag = regexp.MustCompile(`<[a-zA-Z/!?][^>]*>?`)

// sanitized is a label's name as GitLab stores it: without tags, entities
// replaced once (sanitize_value in app/models/label.rb).
func sanitized(name string) string {
	return strings.TrimSpace(html.UnescapeString(tag.ReplaceAllString(name, "")))
}

// labelList takes labels as one text with commas, or as a list of texts.
func labelList(name string, value json.RawMessage) ([]string, *answer) {
	var one string
	var all []string
	if json.Unmarshal(value, &one) == nil {
		all = strings.Split(one, ",")
	} else if json.Unmarshal(value, &all) != nil {
		return nil, mistaken(http.StatusBadRequest, name+" is invalid")
	}

	list := []string{}
	for _, label := range all {
		label = sanitized(label)
		switch {
		case utf8.RuneCountInString(label) > maxLabel:
			return nil, invalid("labels", "title is too long (maximum is 255 characters)")
		case strings.Contains(label, ","):
			return nil, invalid("labels", "title is invalid")
		case label != "" && !slices.Contains(list, label):
			list = append(list, label)
		}
	}

	return list, nil
}

func (a *asked) check(given members) *answer {
	if a.title != nil {
		*a.title = strings.TrimSpace(*a.title)
	}

	_, titled := given["title"]
	switch {
	case titled && (a.title == nil || *a.title == ""):
		return invalid("title", "can't be blank")
	case a.title != nil && utf8.RuneCountInString(*a.title) > maxTitle:
		return invalid("title", "is too long (maximum is 255 characters)")
	case a.description != nil && utf8.RuneCountInString(*a.description) > maxDescription:
		return invalid("description", "is too long (maximum is 1048576 characters)")
	case a.event != nil && *a.event != "close" && *a.event != "reopen":
		return mistaken(http.StatusBadRequest, "state_event does not have a valid value")
	case a.iid < 0:
		return mistaken(http.StatusBadRequest, "iid is invalid")
	}

	return nil
}
