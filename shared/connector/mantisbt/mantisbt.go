// Package mantisbt is the connector to MantisBT: items are issues of one
// project of a server of the organisation's own.
package mantisbt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/outbound"
)

// Config says which project, and how items are shown there.
type Config struct {
	BaseURL  string // of the REST API, ending in /api/rest
	Token    string
	Project  string // its number or its name
	Category string // what new issues get
	// Templates replace the usual title and body; "" leaves the usual one.
	TitleTemplate, BodyTemplate string
}

// A Connector works in one project with one token. It is safe for use by
// several goroutines.
type Connector struct {
	client  *client
	answers *answers
	place   *place
	pages   *pages
	states  *states
	probe   *probe
	issues  *issues
	sizes   *paging.Size // of pages of lists

	mu    sync.Mutex
	trail trail // to where the last page of changes ended
	// narrow are the items whose text the server failed on though nothing but
	// its width was unusual.
	narrow map[domain.Snowflake]bool
	// dead says that a write was done as the anonymous account: no other is sent.
	dead bool
}

// New makes a connector that asks through http, which must be pinned to the
// server's host. A nil clock is the system's.
func New(cfg Config, http *outbound.Client, now func() time.Time) *Connector {
	cfg.BaseURL = strings.TrimSuffix(cfg.BaseURL, "/")
	if now == nil {
		now = time.Now
	}

	answers := &answers{clean: http.Clean, now: now}
	client := &client{cfg: cfg, http: http, now: now, answers: answers}

	place := &place{client: client, answers: answers}
	pages := &pages{client: client, answers: answers}
	probe := &probe{client: client, answers: answers, place: place, pages: pages}

	return &Connector{
		client:  client,
		answers: answers,
		place:   place,
		pages:   pages,
		probe:   probe,
		issues:  &issues{client: client, answers: answers, probe: probe},
		states:  &states{client: client, answers: answers, place: place},
		sizes:   paging.Usual(), narrow: map[domain.Snowflake]bool{},
	}
}

// Resolve finds the project by its number or its name.
func (c *Connector) Resolve(ctx context.Context) (connector.Place, error) {
	found, other, err := c.place.resolve(ctx)
	if other {
		c.forget()
	}

	return found, err
}

// Use makes later calls go to a project that was resolved before.
func (c *Connector) Use(p connector.Place) {
	if c.place.use(p) {
		c.forget()
	}
}

// forget drops what was read of another project: its statuses, and the walk
// through its list.
func (c *Connector) forget() {
	c.states.forget()

	c.mu.Lock()
	defer c.mu.Unlock()
	c.trail = trail{}
}

// A number is an id. Some versions write ids as text.
type number int64

func (n *number) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	if text == "null" {
		return nil
	}

	read, err := strconv.ParseInt(text, 10, 64)
	*n = number(read)
	return err
}

// A named thing is a project, a status or a resolution.
type named struct {
	ID   number `json:"id"`
	Name string `json:"name"`
}

// An issue is what we read of MantisBT's.
type issue struct {
	ID          number    `json:"id"`
	Summary     string    `json:"summary"`
	Description string    `json:"description"`
	Additional  string    `json:"additional_information"`
	Project     named     `json:"project"`
	Status      named     `json:"status"`
	Sticky      bool      `json:"sticky"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// textHash names a text as MantisBT stores it. Its line ends are those of
// whoever wrote last, and a form may leave white space at the end.
func textHash(summary, description string) string {
	description = strings.TrimRight(strings.ReplaceAll(description, "\r\n", "\n"), " \t\n")
	sum := sha256.Sum256([]byte(strconv.Quote(summary) + description))
	return hex.EncodeToString(sum[:16])
}

// A ref names a project, a category, a status or a resolution.
type ref struct {
	ID   int64  `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// A draft is what we write of an issue. What is left out stays as it is.
type draft struct {
	Summary     string `json:"summary"`
	Description string `json:"description"`
	Additional  string `json:"additional_information,omitempty"`
	Project     *ref   `json:"project,omitempty"`
	Category    *ref   `json:"category,omitempty"`
	Status      *ref   `json:"status,omitempty"`
	Resolution  *ref   `json:"resolution,omitempty"`
	// Notes is an empty list or nothing: see notes.
	Notes *[]struct{} `json:"notes,omitempty"`
}

// Create makes the issue, open. Nothing is asked before: where the API is and
// which number the project has is only found out if MantisBT does not know
// what it is told.
func (c *Connector) Create(ctx context.Context, content connector.Content, m connector.Marker) (connector.Written, error) {
	p := c.place.guess()
	d := draft{
		Summary: content.Title, Description: content.Body, Additional: markerLine(m),
		Project: &ref{ID: p.project}, Category: &ref{Name: c.client.cfg.Category},
	}
	if p.project == 0 {
		d.Project.Name = c.client.cfg.Project
	}

	answer, err := c.write(ctx, http.MethodPost, p.root+"/issues", "", d, m)
	if err != nil {
		return connector.Written{}, err
	}
	if answer.Status == http.StatusNotFound {
		return connector.Written{}, c.probe.lost(ctx, p, answer)
	}

	made, proven := provenCreate(answer, m)
	if !proven {
		return connector.Written{}, c.probe.createRefused(ctx, answer)
	}

	return c.issues.written(made, domain.Open), nil
}

// Update makes the issue what the content says. The issue is read before, for
// what people put beside our marker and for the state it is in, and changed
// only if it is still as it was read.
func (c *Connector) Update(ctx context.Context, sent connector.Sent, content connector.Content, m connector.Marker) (connector.Written, error) {
	id, err := strconv.ParseInt(sent.Remote.Key, 10, 64)
	if err != nil || id <= 0 {
		return connector.Written{}, c.answers.unnumbered()
	}

	p, flow, err := c.states.prepare(ctx)
	if err != nil {
		return connector.Written{}, err
	}

	where := p.root + "/issues/" + strconv.FormatInt(id, 10)
	current, header, err := c.issues.linked(ctx, p.root, id)
	if err != nil {
		return connector.Written{}, err
	}

	d := draft{Summary: content.Title, Description: content.Body, Additional: keepMarker(current.Additional, m)}
	d.Notes = notes(header.Get(versionHeader))
	if content.State != sent.State && content.State != flow.state(current) {
		if d.Status, d.Resolution, err = c.states.move(flow, content.State); err != nil {
			return connector.Written{}, err
		}
	}

	answer, err := c.write(ctx, http.MethodPatch, where, header.Get("ETag"), d, m)
	if err != nil {
		return connector.Written{}, err
	}

	if answer.Status >= 300 {
		e := c.probe.issueRefused(ctx, http.MethodPatch, answer)
		if e.Code == "forbidden" && int64(current.Project.ID) != p.project { // a right in another project
			e.Scope = failure.ItemScope
		}
		return connector.Written{}, e
	}

	i, err := c.issues.confirm(ctx, where, current.ID, d, answer)
	if err != nil {
		return connector.Written{}, err
	}

	return c.updated(answer, i, d, flow, sent)
}

// updated makes sure that MantisBT took the status: it stores what it does not
// know as none.
func (c *Connector) updated(answer outbound.Response, i issue, d draft, flow workflow, sent connector.Sent) (connector.Written, error) {
	if d.Status != nil && int64(i.Status.ID) != d.Status.ID {
		return c.issues.written(i, flow.state(i)), c.answers.fail(failure.Final, failure.ItemScope, "status_not_taken",
			"MantisBT was given the status "+strconv.FormatInt(d.Status.ID, 10)+" and stored "+strconv.FormatInt(int64(i.Status.ID), 10)+" "+i.Status.Name, answer)
	}

	written := c.issues.written(i, flow.state(i))
	if d.Status == nil && sent.State != "" {
		// Whoever closed or reopened it meanwhile did that, not we.
		if written.Seen.State = sent.Seen.State; written.Seen.State == "" {
			written.Seen.State = sent.State
		}
	}

	return written, nil
}

// write sends a draft. With a tag it is only taken if the issue still has it;
// MantisBT compares it as it stands, without quotes around it.
func (c *Connector) write(ctx context.Context, method, where, tag string, d draft, m connector.Marker) (outbound.Response, error) {
	if c.isDead() {
		return outbound.Response{}, c.answers.rejected(outbound.Response{})
	}

	d.Summary = markup.Cut(d.Summary, maxSummary, "…")
	if c.isNarrow(m) || method == http.MethodPost && m.Attempt > 1 {
		d.Summary, d.Description = narrowed(d.Summary), narrowed(d.Description)
	}

	body, err := json.Marshal(d)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}

	r := outbound.Request{Method: method, URL: where, Header: c.client.header(), Body: body}
	r.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		r.MaxBody = pageBody // an old issue comes with all its notes
	}

	if tag != "" {
		r.Header.Set("If-Match", tag)
	}

	answer, err := c.client.http.Do(ctx, r)
	if err == nil && answer.Status == http.StatusInternalServerError && wide(d.Summary+d.Description) {
		c.markNarrow(m)
	}

	if err == nil && answer.Status < 300 && nobody(answer.Header) {
		c.markDead()
	}

	return answer, err
}

func (c *Connector) isDead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

func (c *Connector) markDead() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = true
}

func (c *Connector) isNarrow(m connector.Marker) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.narrow[m.Item]
}

func (c *Connector) markNarrow(m connector.Marker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.narrow[m.Item] = true
}
