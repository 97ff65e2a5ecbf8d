// Package gitlab is the connector to GitLab.com and self-managed GitLab: items
// are issues of one project.
package gitlab

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/markdown"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/raw"
	"example.com/integrations/shared/outbound"
)

// DefaultBaseURL is the API of GitLab.com.
const DefaultBaseURL = "https://gitlab.com/api/v4"

// Config says which project, and how items are shown there.
type Config struct {
	Project string // its full path or its number
	Token   string
	BaseURL string // of the API, without a trailing slash; "" is DefaultBaseURL
	Labels  bool   // whether the items' labels are kept on the issues
	// Templates replace the usual title and body; "" leaves the usual one.
	TitleTemplate, BodyTemplate string
}

// A Connector works in one project with one token. It is safe for use by
// several goroutines.
type Connector struct {
	cfg      Config
	client   *outbound.Client
	now      func() time.Time
	markdown markdown.Renderer
	pages    *paging.Size                    // of lists of issues
	pageBody int64                           // the most bytes of a page
	place    atomic.Pointer[connector.Place] // that calls go to, nil before Use

	mu    sync.Mutex
	trail trail // to the page of changes behind the last one read
}

// New makes a connector that asks through client, which must be pinned to the
// API's host. A nil clock is the system's.
func New(cfg Config, client *outbound.Client, now func() time.Time) *Connector {
	cfg.BaseURL = strings.TrimSuffix(cmp.Or(cfg.BaseURL, DefaultBaseURL), "/")
	if now == nil {
		now = time.Now
	}

	host, _, _ := strings.Cut(strings.TrimPrefix(strings.ToLower(cfg.BaseURL), "https://"), "/")

	return &Connector{cfg: cfg, client: client, now: now, pages: paging.Usual(), pageBody: paging.MaxBody, markdown: markdown.Renderer{
		Dialect: markup.NewGitLab(host), TitleTemplate: cfg.TitleTemplate, BodyTemplate: cfg.BodyTemplate,
		MaxTitle: maxTitle, MaxBody: maxBody, Links: raw.ImagesLinked,
	}}
}

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

func (i issue) remote() domain.Remote {
	state := domain.Open
	if i.State == string(domain.Closed) {
		state = domain.Closed
	}

	page, _ := markup.WebURL(i.WebURL)
	return domain.Remote{ID: strconv.FormatInt(i.ID, 10), Key: strconv.Itoa(i.IID), URL: page, State: state}
}

// written is an issue with what tells later whether somebody has changed it.
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

// Create makes the issue, open.
func (c *Connector) Create(ctx context.Context, content connector.Content, m connector.Marker) (connector.Written, error) {
	d := draft{Title: content.Title, Description: markdown.WithMarker(content.Body, m)}
	if c.cfg.Labels {
		d.Labels = strings.Join(content.Labels, ",")
	}

	answer, err := c.write(ctx, http.MethodPost, c.project()+"/issues", d)
	if err != nil {
		return connector.Written{}, err
	}
	if !answer.Success() {
		return connector.Written{}, c.writeRefused(ctx, http.MethodPost, answer)
	}

	return c.created(answer, m)
}

// Update makes the issue what the content says. One PUT does it all: labels
// are named that come and go, so those that people added stay.
func (c *Connector) Update(ctx context.Context, sent connector.Sent, content connector.Content, m connector.Marker) (connector.Written, error) {
	iid, err := strconv.Atoi(sent.Remote.Key)
	if err != nil || iid <= 0 {
		return connector.Written{}, c.unnumbered()
	}

	d := draft{Title: content.Title, Description: markdown.WithMarker(content.Body, m)}
	if content.State != sent.State {
		d.StateEvent = "reopen"
		if content.State == domain.Closed {
			d.StateEvent = "close"
		}
	}

	if c.cfg.Labels {
		d.AddLabels, d.RemoveLabels = labelChanges(sent.Labels, content.Labels)
	}

	answer, err := c.write(ctx, http.MethodPut, c.issueAt(sent.Remote), d)
	if err != nil {
		return connector.Written{}, err
	}
	if !answer.Success() {
		return connector.Written{}, c.issueRefused(ctx, answer)
	}

	i, err := c.updated(ctx, sent.Remote, d, answer)
	switch {
	case err != nil:
		return connector.Written{}, err
	case i.MovedTo != nil:
		return connector.Written{}, c.moved(answer)
	}

	written := i.written()
	if d.StateEvent == "" {
		// Whoever closed or reopened it meanwhile did that, not we.
		written.Seen.State = cmp.Or(sent.Seen.State, sent.State)
	}

	return written, nil
}

// project is the address that calls go to: the number of the place in use, else
// what the configuration spells.
func (c *Connector) project() string {
	if place := c.place.Load(); place != nil {
		return c.address(place.ID)
	}

	return c.address(c.cfg.Project)
}

func (c *Connector) write(ctx context.Context, method, where string, d draft) (outbound.Response, error) {
	body, err := json.Marshal(d)
	if err != nil {
		panic(err) // strings always marshal
	}

	header := c.header()
	header.Set("Content-Type", "application/json")
	return c.client.Do(ctx, outbound.Request{Method: method, URL: where, Header: header, Body: body})
}

// get reads, and follows one redirect at the same host: a project that was
// renamed is still to be found by its old path.
func (c *Connector) get(ctx context.Context, where string, maxBody int64) (outbound.Response, error) {
	return c.client.Read(ctx, outbound.Request{URL: where, Header: c.header(), MaxBody: maxBody}, c.cfg.BaseURL)
}

func (c *Connector) header() http.Header {
	return http.Header{"Private-Token": {c.cfg.Token}, "Accept": {"application/json"}}
}

// unnumbered is for a link without the number of an issue: nothing is sent.
func (c *Connector) unnumbered() *failure.Error {
	return c.fail(failure.Final, failure.ItemScope, "remote_unknown", "the link does not hold the number of an issue", outbound.Response{})
}
