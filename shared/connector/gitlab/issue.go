package gitlab

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/markdown"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
)

// An issue is what we read of GitLab's.
type issue struct {
	ID          int64     `json:"id"`
	IID         int       `json:"iid"`
	State       string    `json:"state"` // opened or closed
	WebURL      string    `json:"web_url"`
	Title       string    `json:"title"`
	Description string    `json:"description"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	Labels      []any     `json:"labels"` // names
	// MovedTo is there if the issue is only what was left behind by a move to
	// another project.
	MovedTo any `json:"moved_to_id"`
}

// remote is the issue as a link holds it.
func (i issue) remote() domain.Remote {
	state := domain.Open
	if i.State == string(domain.Closed) {
		state = domain.Closed
	}

	page, _ := markup.WebURL(i.WebURL)
	return domain.Remote{ID: strconv.FormatInt(i.ID, 10), Key: strconv.Itoa(i.IID), URL: page, State: state}
}

// written is an issue with what shows later whether it was changed.
func (i issue) written() connector.Written {
	remote := i.remote()
	return connector.Written{Remote: remote, Seen: connector.Seen{Text: markdown.TextHash(i.Title, i.Description), State: remote.State}, CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt}
}

// A draft is what we write of an issue. What is left out stays as it is; lists
// of labels have commas between them.
type draft struct {
	Title        string `json:"title"`
	Description  string `json:"description"`
	Labels       string `json:"labels,omitempty"`
	AddLabels    string `json:"add_labels,omitempty"`
	RemoveLabels string `json:"remove_labels,omitempty"`
	StateEvent   string `json:"state_event,omitempty"`
}

// is reports whether an issue is the linked one. Its number in the project must
// be the link's, and its id too, where the link has one.
func (i issue) is(linked domain.Remote) bool {
	sameID := linked.ID == "" || linked.ID == strconv.FormatInt(i.ID, 10)

	return sameID && linked.Key == strconv.Itoa(i.IID)
}

// object is an issue as a list of changes has it.
func (i issue) object() connector.Object {
	found := markdown.Markers(i.Description)
	return connector.Object{
		Written: i.written(), Marker: connector.FirstMarker(found), Markers: found, Title: markup.Cut(i.Title, maxTitle, ""), UpdatedAt: i.UpdatedAt,
	}
}

// shows reports whether an issue is what a draft asks for. An issue that was
// moved away is not: what is left of it keeps its text.
func (i issue) shows(d draft) bool {
	state := map[string]string{"close": "closed", "reopen": "opened"}[d.StateEvent]
	switch {
	case i.MovedTo != nil, !markdown.SameText(i.Title, d.Title), !markdown.SameText(i.Description, d.Description):
		return false
	case state != "" && i.State != state:
		return false
	}

	for _, name := range listed(d.AddLabels) {
		if !slices.Contains(i.Labels, any(name)) {
			return false
		}
	}

	for _, name := range listed(d.RemoveLabels) {
		if slices.Contains(i.Labels, any(name)) {
			return false
		}
	}

	return true
}

// listed are the names in a list with commas between them.
func listed(list string) []string {
	if list == "" {
		return nil
	}

	return strings.Split(list, ",")
}
