package github

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/integrations/local/providers/tracker"
)

// The lengths GitHub allows, in characters.
const (
	maxTitle  = 256
	maxBody   = 65536
	maxLabel  = 50
	maxLabels = 100
)

// members of a body, as they came.
type members map[string]json.RawMessage

var (
	createMembers = []string{"title", "body", "assignee", "milestone", "labels", "assignees", "issue_field_values", "type"}
	updateMembers = append([]string{"state", "state_reason", "duplicate_issue_id"}, createMembers...)
)

// asked is what a body asks for. What is nil is not to change.
type asked struct {
	title       *string
	body        **string
	state       *string
	stateReason *string
	labels      *[]string
	assignees   *[]string
}

// parse reads a body strictly: an object with known members of the right
// types, no longer than they may be.
func (s *issues) parse(body []byte, known []string) (*asked, *answer) {
	given, refused := parseObject(body, known)
	if refused != nil {
		return nil, refused
	}

	a := &asked{}
	for _, read := range []func(members) *answer{a.readTitle, a.readBody, a.readState, a.readLabels, s.readMilestone} {
		if refused := read(given); refused != nil {
			return nil, refused
		}
	}

	return a, a.readAssignees(given, s.knows)
}

func parseObject(body []byte, known []string) (members, *answer) {
	given, err := tracker.Members(body)
	switch {
	case errors.Is(err, tracker.ErrSyntax):
		return nil, refuse(http.StatusBadRequest, "Problems parsing JSON")
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "Body should be a JSON object")
	}

	for name := range given {
		if !slices.Contains(known, name) {
			return nil, invalid(fmt.Sprintf("%q is not a permitted key.", name))
		}
	}

	return given, nil
}

func wrong(name string, value json.RawMessage, what string) *answer {
	return invalid(fmt.Sprintf("For 'properties/%s', %s is not %s.", name, excerpt(value), what))
}

func excerpt(value json.RawMessage) string {
	if text := string(value); len(text) <= 80 {
		return text
	}
	return "the value"
}

func custom(field, message string) *answer {
	return unprocessable(fault{Resource: "Issue", Code: "custom", Field: field, Message: message})
}

func isNull(value json.RawMessage) bool { return string(bytes.TrimSpace(value)) == "null" }

func text(value json.RawMessage) (string, bool) {
	var read *string
	if json.Unmarshal(value, &read) != nil || read == nil {
		return "", false
	}
	return *read, true
}

func (c *asked) readTitle(given members) *answer {
	value, ok := given["title"]
	if !ok {
		return nil
	}

	title, isText := text(value)
	var number *int64
	switch {
	case isText:
	case json.Unmarshal(value, &number) == nil && number != nil:
		title = fmt.Sprint(*number)
	default:
		return wrong("title", value, "a string")
	}

	switch {
	case strings.TrimSpace(title) == "":
		return unprocessable(fault{Resource: "Issue", Code: "missing_field", Field: "title"})
	case utf8.RuneCountInString(title) > maxTitle:
		return custom("title", fmt.Sprintf("title is too long (maximum is %d characters)", maxTitle))
	case strings.ContainsAny(title, "\r\n"):
		return custom("title", "title can't contain line breaks")
	}

	c.title = &title

	return nil
}

func (c *asked) readBody(given members) *answer {
	value, ok := given["body"]
	if !ok {
		return nil
	}

	var body *string
	if json.Unmarshal(value, &body) != nil {
		return wrong("body", value, "a string")
	}
	if body != nil && utf8.RuneCountInString(*body) > maxBody {
		return custom("body", fmt.Sprintf("body is too long (maximum is %d characters)", maxBody))
	}

	c.body = &body

	return nil
}

func (c *asked) readState(given members) *answer {
	if value, ok := given["state"]; ok {
		state, isText := text(value)
		if !isText || state != "open" && state != "closed" {
			return wrong("state", value, "a possible value. Must be one of the following: open, closed")
		}
		c.state = &state
	}

	value, ok := given["state_reason"]
	if !ok || isNull(value) {
		return nil
	}

	reason, _ := text(value)
	if !slices.Contains([]string{"completed", "not_planned", "duplicate", "reopened"}, reason) {
		return wrong("state_reason", value, "a possible value. Must be one of the following: completed, not_planned, duplicate, reopened")
	}

	c.stateReason = &reason

	return nil
}

func (c *asked) readLabels(given members) *answer {
	value, ok := given["labels"]
	if !ok {
		return nil
	}

	var all []json.RawMessage
	if json.Unmarshal(value, &all) != nil || isNull(value) {
		return wrong("labels", value, "an array")
	}

	labels := []string{}
	for _, one := range all {
		name, refused := labelName(one)
		if refused != nil {
			return refused
		}

		if !slices.ContainsFunc(labels, func(other string) bool { return strings.EqualFold(name, other) }) {
			labels = append(labels, name)
		}
	}

	if len(labels) > maxLabels {
		return custom("labels", fmt.Sprintf("cannot have more than %d labels", maxLabels))
	}

	c.labels = &labels

	return nil
}

// labelName takes a label as a name or as an object with one.
func labelName(value json.RawMessage) (string, *answer) {
	name, isText := text(value)
	if !isText {
		var object struct {
			Name *string `json:"name"`
		}
		if json.Unmarshal(value, &object) != nil || object.Name == nil {
			return "", wrong("labels/items", value, "a string")
		}

		name = *object.Name
	}

	switch {
	case strings.TrimSpace(name) == "":
		return "", unprocessable(fault{Resource: "Label", Code: "missing_field", Field: "name"})
	case utf8.RuneCountInString(name) > maxLabel:
		return "", unprocessable(fault{
			Resource: "Label", Code: "custom", Field: "name", Message: fmt.Sprintf("name is too long (maximum is %d characters)", maxLabel),
		})
	}

	return name, nil
}

// readMilestone refuses every milestone but none: there is none here.
func (s *issues) readMilestone(given members) *answer {
	if value, ok := given["milestone"]; ok && !isNull(value) {
		return unprocessable(fault{Resource: "Issue", Code: "invalid", Field: "milestone", Value: excerpt(value)})
	}
	return nil
}

func (s *issues) knows(login string) bool {
	for _, one := range s.config.Tokens {
		if strings.EqualFold(one, login) {
			return true
		}
	}
	return false
}

func (c *asked) readAssignees(given members, known func(login string) bool) *answer {
	var logins []string
	if value, ok := given["assignee"]; ok && !isNull(value) {
		login, isText := text(value)
		if !isText {
			return wrong("assignee", value, "a string")
		}

		logins = append(logins, login)
		c.assignees = &logins
	}

	if value, ok := given["assignees"]; ok {
		if json.Unmarshal(value, &logins) != nil || isNull(value) {
			return wrong("assignees", value, "an array of strings")
		}
		c.assignees = &logins
	}

	for _, login := range logins {
		if !known(login) {
			return unprocessable(fault{Resource: "Issue", Code: "invalid", Field: "assignees", Value: login})
		}
	}

	return nil
}
