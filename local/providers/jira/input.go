package jira

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf16"

	"example.com/integrations/local/providers/tracker"
)

// The lengths Jira allows, as programs in Java count.
const (
	maxSummary     = 255
	maxDescription = 32_767
	maxLabel       = 255
	maxProperty    = 32_768
)

func length(text string) int { return len(utf16.Encode([]rune(text))) }

// A body of a create, an edit or a transition.
type body struct {
	Fields     map[string]json.RawMessage `json:"fields"`
	Update     map[string][]operation     `json:"update"`
	Properties []struct {
		Key   string          `json:"key"`
		Value json.RawMessage `json:"value"`
	} `json:"properties"`
	Transition *struct {
		ID string `json:"id"`
	} `json:"transition"`
}

type operation struct {
	Add    *string   `json:"add"`
	Remove *string   `json:"remove"`
	Set    *[]string `json:"set"`
}

// parseBody reads a body strictly.
func parseBody(raw []byte) (*body, *answer) {
	var read body
	if err := tracker.Decode(raw, &read, true); err != nil {
		return nil, refuse(http.StatusBadRequest, "Invalid request payload. Refer to the REST API documentation and try again.")
	}

	for name := range read.Fields {
		if _, both := read.Update[name]; both {
			return nil, badField(name, "Field '"+name+"' cannot appear in both 'fields' and 'update'")
		}
	}

	return &read, nil
}

// projectOf is the id or key of the project a create is for.
func projectOf(raw []byte) string {
	var read struct {
		Fields struct {
			Project named `json:"project"`
		} `json:"fields"`
	}

	_ = json.Unmarshal(raw, &read)

	return cmp.Or(read.Fields.Project.ID, read.Fields.Project.Key)
}

// apply puts what was asked for on an issue.
func (s *issues) apply(to *issue, p *project, asked *body, screen []string) *answer {
	errors := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(asked.Fields)) {
		value := asked.Fields[name]
		switch {
		case name == "project" || name == "issuetype":
		case slices.Contains(screen, name):
			errors[name] = offScreen(name)
		case name == "summary":
			put(errors, name, setSummary(to, value))
		case name == "description":
			if refused := s.setDescription(to, value); refused != nil {
				return refused
			}
		case name == "labels" && !p.NoLabels:
			var labels []string
			if json.Unmarshal(value, &labels) != nil {
				errors[name] = "data was not an array"
			}

			to.Labels = nil
			for _, l := range labels {
				put(errors, name, addLabel(to, l))
			}

		case p.Required[name] != "":
		default:
			errors[name] = offScreen(name)
		}
	}

	for name, operations := range asked.Update {
		if name != "labels" || p.NoLabels || slices.Contains(screen, name) {
			errors[name] = offScreen(name)
			continue
		}
		put(errors, name, editLabels(to, operations))
	}

	if len(errors) > 0 {
		return invalid(errors)
	}

	return setProperties(to, asked)
}

// offScreen is what Jira says of a field that is not on a screen.
func offScreen(name string) string {
	return "Field '" + name + "' cannot be set. It is not on the appropriate screen, or unknown."
}

func put(errors map[string]string, name, message string) {
	if message != "" {
		errors[name] = message
	}
}

func setSummary(to *issue, value json.RawMessage) string {
	var summary *string
	switch {
	case json.Unmarshal(value, &summary) != nil || summary == nil:
		return "Operation value must be a string"
	case strings.TrimSpace(*summary) == "":
		return "You must specify a summary of the issue."
	case strings.ContainsAny(*summary, "\r\n"):
		return "The summary is invalid because it contains newline characters."
	case length(*summary) > maxSummary:
		return "Summary can't exceed 255 characters."
	}

	to.Summary = strings.TrimSpace(*summary)

	return ""
}

// setDescription takes a document or a string, by flavor.
func (s *issues) setDescription(to *issue, value json.RawMessage) *answer {
	if string(value) == "null" {
		to.Description = nil
		return nil
	}

	if !s.cloud() {
		var text string
		if json.Unmarshal(value, &text) != nil {
			return badField("description", "Operation value must be a string")
		}
		if length(text) > maxDescription {
			return badField("description", "The entered text is too long. It exceeds the allowed limit of 32,767 characters.")
		}

		to.Description = tracker.Encode(strings.NewReplacer("\r\n", "\r\n", "\n", "\r\n").Replace(text))

		return nil
	}

	document, text, err := readDocument(value)
	if err != nil {
		s.Violation("description: %v", err)
		return badField("description", "Operation value must be an Atlassian Document (see the Atlassian Document Format): "+err.Error())
	}

	if length(text) > maxDescription {
		return refuse(http.StatusBadRequest, "CONTENT_LIMIT_EXCEEDED")
	}

	to.Description = document

	return nil
}

func addLabel(to *issue, l string) string {
	switch {
	case l == "":
		return "The label is empty."
	case strings.ContainsAny(l, " \t\r\n"):
		return "The label '" + l + "' contains spaces which is invalid."
	case length(l) > maxLabel:
		return "The label is too long (255 characters)."
	case !slices.Contains(to.Labels, l):
		to.Labels = append(slices.Clone(to.Labels), l)
	}

	return ""
}

func editLabels(to *issue, operations []operation) string {
	for _, o := range operations {
		switch {
		case o.Add != nil:
			if message := addLabel(to, *o.Add); message != "" {
				return message
			}
		case o.Remove != nil:
			to.Labels = slices.DeleteFunc(slices.Clone(to.Labels), func(l string) bool { return l == *o.Remove })
		case o.Set != nil:
			to.Labels = nil
			for _, l := range *o.Set {
				if message := addLabel(to, l); message != "" {
					return message
				}
			}

		default:
			return "Unknown operation"
		}
	}

	return ""
}

func setProperties(to *issue, asked *body) *answer {
	if len(asked.Properties) == 0 {
		return nil
	}

	to.Properties = maps.Clone(to.Properties)
	if to.Properties == nil {
		to.Properties = map[string]json.RawMessage{}
	}

	for _, p := range asked.Properties {
		if p.Key == "" || length(p.Key) > 255 || len(p.Value) == 0 || len(p.Value) > maxProperty {
			return refuse(http.StatusBadRequest, "The property is invalid.")
		}
		to.Properties[p.Key] = p.Value
	}

	return nil
}
