package jira

import (
	"slices"
	"strings"

	"example.com/integrations/shared/connector"
)

// A draft is the body of a request that creates or edits an issue.
type draft struct {
	Fields     fields     `json:"fields"`
	Update     *update    `json:"update,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type fields struct {
	Project     *named   `json:"project,omitempty"`
	IssueType   *named   `json:"issuetype,omitempty"`
	Summary     string   `json:"summary"`
	Description any      `json:"description"`
	Labels      []string `json:"labels,omitempty"`
}

// A named thing is a project, a type of issue or a transition.
type named struct {
	Key  string `json:"key,omitempty"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// An update changes labels one by one, so that those of people stay.
type update struct {
	Labels []operation `json:"labels"`
}

func (u *update) add(labels ...string) {
	for _, l := range labels {
		u.Labels = append(u.Labels, operation{Add: l})
	}
}

func (u *update) remove(labels ...string) {
	for _, l := range labels {
		u.Labels = append(u.Labels, operation{Remove: l})
	}
}

type operation struct {
	Add    string `json:"add,omitempty"`
	Remove string `json:"remove,omitempty"`
}

type property struct {
	Key   string `json:"key"`
	Value trace  `json:"value"`
}

// issueType is a type of issue by its id, which is all digits, or by its name.
func issueType(name string) *named {
	if name != "" && strings.Trim(name, "0123456789") == "" {
		return &named{ID: name}
	}

	return &named{Name: name}
}

// newIssue is the draft of a create.
func (w *writer) newIssue(content connector.Content, m connector.Marker) draft {
	labels := []string{label(m)}
	if w.labels.kept {
		labels = append(labels, content.Labels...)
	}

	return draft{
		Fields: fields{
			Project:     w.place.project().ref(),
			IssueType:   issueType(w.client.cfg.IssueType),
			Summary:     content.Title,
			Description: w.client.flavor.description(content.Body),
			Labels:      labels,
		},
		Properties: w.client.flavor.properties(m),
	}
}

// changedIssue is the draft of an edit. The marker's label is added each time,
// in case a person removed it.
func (w *writer) changedIssue(sent connector.Sent, content connector.Content, m connector.Marker) draft {
	u := &update{}
	if w.labels.kept && !sameLabels(sent.Labels, content.Labels) {
		gone := slices.DeleteFunc(slices.Clone(sent.Labels), func(l string) bool { return slices.Contains(content.Labels, l) })
		u.remove(gone...)
		u.add(content.Labels...)
	}

	u.remove(w.labels.beside(sent.Remote.ID, m)...)
	u.add(label(m))

	return draft{
		Fields: fields{Summary: content.Title, Description: w.client.flavor.description(content.Body)},
		Update: u,
	}
}
