// Package github is the connector to GitHub and GitHub Enterprise: items are
// issues of one repository.
package github

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
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
	"example.com/integrations/shared/outbound"
)

// DefaultBaseURL is the API of github.com.
const DefaultBaseURL = "https://api.github.com"

// apiVersion is the one whose description we test against.
const apiVersion = "2022-11-28"

// Config says which repository, and how items are shown there.
type Config struct {
	Owner, Repo string
	Token       string
	App         *App   // works instead of a token
	BaseURL     string // of the API, without a trailing slash; "" is DefaultBaseURL
	Labels      bool   // whether the items' labels are kept on the issues
	// Templates replace the usual title and body; "" leaves the usual one.
	TitleTemplate, BodyTemplate string
}

// A Connector works in one repository with one token. It is safe for use by
// several goroutines.
type Connector struct {
	cfg      Config
	client   *outbound.Client
	now      func() time.Time
	markdown markdown.Renderer
	place    atomic.Pointer[connector.Place] // that calls go to, nil before Use
	pages    *paging.Size                    // of lists of issues
	pageBody int64                           // the most bytes of a page

	mu    sync.Mutex
	trail trail // to the page of changes behind the last one read
	grant grant // the app's token
}

// New makes a connector that asks through client, which must be pinned to the
// API's host. A nil clock is the system's.
func New(cfg Config, client *outbound.Client, now func() time.Time) *Connector {
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}

	cfg.BaseURL = strings.TrimSuffix(cfg.BaseURL, "/")
	if now == nil {
		now = time.Now
	}

	return &Connector{cfg: cfg, client: client, now: now, pages: paging.New(100, 50, 25, 10), pageBody: paging.MaxBody, markdown: markdown.Renderer{
		Dialect: markup.NewGitHub(pages(cfg.BaseURL)), TitleTemplate: cfg.TitleTemplate, BodyTemplate: cfg.BodyTemplate,
		MaxTitle: maxTitle, MaxBody: maxBody,
	}}
}

// pages is the host where an API's issues are looked at.
func pages(baseURL string) string {
	host := strings.TrimPrefix(strings.ToLower(baseURL), "https://")
	host, _, _ = strings.Cut(host, "/")
	if host == "api.github.com" || strings.HasSuffix(host, ".ghe.com") {
		return strings.TrimPrefix(host, "api.")
	}
	return host
}

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

// A label comes as an object or, from old servers, as its name.
type label struct{ Name string }

func (l *label) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, &l.Name) == nil {
		return nil
	}

	var object struct {
		Name string `json:"name"`
	}
	err := json.Unmarshal(b, &object)
	l.Name = object.Name

	return err
}

func (i issue) remote() domain.Remote {
	state := domain.Open
	if i.State == string(domain.Closed) {
		state = domain.Closed
	}

	page, _ := markup.WebURL(i.HTMLURL)
	return domain.Remote{ID: strconv.FormatInt(i.ID, 10), Key: strconv.Itoa(i.Number), URL: page, State: state}
}

// written is an issue with what tells later whether somebody has changed it.
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

// Create makes the issue, open.
func (c *Connector) Create(ctx context.Context, content connector.Content, m connector.Marker) (connector.Written, error) {
	d := draft{Title: content.Title, Body: markdown.WithMarker(content.Body, m)}
	if c.cfg.Labels && len(content.Labels) > 0 {
		d.Labels = &content.Labels
	}

	answer, err := c.write(ctx, http.MethodPost, c.repository()+"/issues", d)
	if err != nil {
		return connector.Written{}, err
	}
	if !answer.Success() {
		return connector.Written{}, c.refused(http.MethodPost, answer)
	}

	return c.created(answer, m)
}

// Update makes the issue what the content says. One PATCH does it all; labels
// that people added are looked up before, if ours changed.
func (c *Connector) Update(ctx context.Context, sent connector.Sent, content connector.Content, m connector.Marker) (connector.Written, error) {
	number, err := strconv.Atoi(sent.Remote.Key)
	if err != nil || number <= 0 {
		return connector.Written{}, c.unnumbered()
	}

	d := draft{Title: content.Title, Body: markdown.WithMarker(content.Body, m)}
	if content.State != sent.State {
		d.State = string(domain.Open)
		d.StateReason = "reopened"
		if content.State == domain.Closed {
			d.State = string(domain.Closed)
			d.StateReason = "completed"
		}
	}

	if c.cfg.Labels && !sameLabels(sent.Labels, content.Labels) {
		current, err := c.read(ctx, sent.Remote)
		if err != nil {
			return connector.Written{}, err
		}

		labels := merge(current.Labels, sent.Labels, content.Labels)
		d.Labels = &labels
	}

	answer, err := c.write(ctx, http.MethodPatch, c.issueAt(sent.Remote), d)
	if err != nil {
		return connector.Written{}, err
	}
	if !answer.Success() {
		return connector.Written{}, c.issueRefused(ctx, http.MethodPatch, answer)
	}

	i, err := c.updated(ctx, sent.Remote, d, answer)
	if err != nil {
		return connector.Written{}, err
	}

	written := i.written()
	if d.State == "" {
		// Whoever closed or reopened it meanwhile did that, not we.
		written.Seen.State = cmp.Or(sent.Seen.State, sent.State)
	}

	return written, nil
}

// read gets the linked issue. GitHub answers with a redirect where an issue was
// transferred, and the address it leads to is that of another issue
// (https://docs.github.com/en/rest/issues/issues#get-an-issue).
func (c *Connector) read(ctx context.Context, linked domain.Remote) (issue, error) {
	answer, err := c.get(ctx, c.issueAt(linked), 0)
	if err != nil {
		return issue{}, err
	}
	if !answer.Success() {
		return issue{}, c.issueUnread(ctx, answer)
	}

	var i issue
	if err := json.Unmarshal(answer.Body, &i); err != nil || !readProof.Holds(answer) {
		return issue{}, c.foreign(http.MethodGet, answer)
	}

	if !i.is(linked) {
		return issue{}, c.moved(answer)
	}

	return i, nil
}

// is reports whether an issue is the linked one. Its number must be the link's,
// and its id too, where the link has one.
func (i issue) is(linked domain.Remote) bool {
	sameID := linked.ID == "" || linked.ID == strconv.FormatInt(i.ID, 10)

	return sameID && linked.Key == strconv.Itoa(i.Number)
}

// issueAt is the address of the linked issue. The link holds a number.
func (c *Connector) issueAt(linked domain.Remote) string {
	return c.repository() + "/issues/" + url.PathEscape(linked.Key)
}

// moved is for a link that leads to another issue now.
func (c *Connector) moved(answer outbound.Response) *failure.Error {
	return c.fail(failure.Final, failure.ItemScope, "remote_moved", "the issue was moved to another repository", answer)
}

// repository is the address that calls go to: that of the place in use, else the
// one that the configuration spells.
func (c *Connector) repository() string {
	return c.address(c.names())
}

func (c *Connector) write(ctx context.Context, method, where string, d draft) (outbound.Response, error) {
	body, err := json.Marshal(d)
	if err != nil {
		panic(err) // strings always marshal
	}

	header, err := c.header(ctx)
	if err != nil {
		return outbound.Response{}, err
	}

	header.Set("Content-Type", "application/json")

	return c.client.Do(ctx, outbound.Request{Method: method, URL: where, Header: header, Body: body})
}

// get reads, and follows one redirect at the same host: a repository that was
// renamed or an issue that was moved is still to be found by its old address.
func (c *Connector) get(ctx context.Context, where string, maxBody int64) (outbound.Response, error) {
	header, err := c.header(ctx)
	if err != nil {
		return outbound.Response{}, err
	}
	return c.client.Read(ctx, outbound.Request{URL: where, Header: header, MaxBody: maxBody}, c.cfg.BaseURL)
}

// look reads the repository that calls go to, and follows no redirect.
func (c *Connector) look(ctx context.Context) (outbound.Response, error) {
	header, err := c.header(ctx)
	if err != nil {
		return outbound.Response{}, err
	}
	return c.client.Do(ctx, outbound.Request{Method: http.MethodGet, URL: c.repository(), Header: header})
}

func (c *Connector) header(ctx context.Context) (http.Header, error) {
	token, err := c.bearer(ctx)
	return headerFor(token), err
}

func headerFor(token string) http.Header {
	return http.Header{
		"Authorization":        {"Bearer " + token},
		"Accept":               {"application/vnd.github+json"},
		"X-Github-Api-Version": {apiVersion},
	}
}

// unnumbered is for a link without the number of an issue: nothing is sent.
func (c *Connector) unnumbered() *failure.Error {
	return c.fail(failure.Final, failure.ItemScope, "remote_unknown", "the link does not hold the number of an issue", outbound.Response{})
}
