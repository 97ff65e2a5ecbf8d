package github

import (
	"slices"
	"strconv"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/markdown"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
)

// An issue is what we read of GitHub's.
type issue struct {
	ID        int64     `json:"id"`
	Number    int       `json:"number"`
	State     string    `json:"state"`
	HTMLURL   string    `json:"html_url"`
	Title     string    `json:"title"`
	Body      string    `json:"body"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Labels    []label   `json:"labels"`
	// PullRequest is there if the "issue" is a pull request.
	PullRequest *struct{} `json:"pull_request"`
}

// remote is the issue as a link holds it.
func (i issue) remote() domain.Remote {
	state := domain.Open
	if i.State == string(domain.Closed) {
		state = domain.Closed
	}

	page, _ := markup.WebURL(i.HTMLURL)
	return domain.Remote{ID: strconv.FormatInt(i.ID, 10), Key: strconv.Itoa(i.Number), URL: page, State: state}
}

// written is an issue with what shows later whether it was changed.
func (i issue) written() connector.Written {
	remote := i.remote()
	return connector.Written{Remote: remote, Seen: connector.Seen{Text: markdown.TextHash(i.Title, i.Body), State: remote.State}, CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt}
}

// A draft is what we write of an issue. What is left out stays as it is.
type draft struct {
	Title       string    `json:"title"`
	Body        string    `json:"body"`
	Labels      *[]string `json:"labels,omitempty"`
	State       string    `json:"state,omitempty"`
	StateReason string    `json:"state_reason,omitempty"`
}

// is reports whether an issue is the linked one. Its number must be the link's,
// and its id too, where the link has one.
func (i issue) is(linked domain.Remote) bool {
	sameID := linked.ID == "" || linked.ID == strconv.FormatInt(i.ID, 10)

	return sameID && linked.Key == strconv.Itoa(i.Number)
}

// object is an issue as a list of changes has it.
func (i issue) object() connector.Object {
	found := markdown.Markers(i.Body)
	return connector.Object{
		Written: i.written(), Marker: connector.FirstMarker(found), Markers: found, Title: markup.Cut(i.Title, maxTitle, ""), UpdatedAt: i.UpdatedAt,
	}
}

// shows reports whether an issue is what a draft asks for.
func (i issue) shows(d draft) bool {
	switch {
	case !markdown.SameText(i.Title, d.Title), !markdown.SameText(i.Body, d.Body):
		return false
	case d.State != "" && i.State != d.State:
		return false
	case d.Labels == nil:
		return true
	}

	return slices.Equal(labelNames(i.Labels), sortedLower(*d.Labels))
}
