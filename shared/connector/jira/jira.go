// Package jira is the connector to Jira Cloud and Jira Data Center: items are
// issues of one project.
package jira

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// Config says which project, and how items are shown there.
type Config struct {
	Flavor  string // form.Cloud or form.Datacenter
	BaseURL string // the site, the gateway with its cloud id, or the server with its context path
	Email   string // whose the API token is (Cloud)
	Token   string // an API token (Cloud) or a personal access token (Data Center)
	// ProjectKey and IssueType are where new issues go. A type is named by its
	// name or, where that is all digits, its id.
	ProjectKey, IssueType string
	Labels                bool // whether the items' labels are kept on the issues
	// Templates replace the usual title and body; "" leaves the usual one.
	TitleTemplate, BodyTemplate string
}

// A Connector works in one project with one token. It is safe for use by
// several goroutines.
type Connector struct {
	client  *client
	answers *answers
	place   *place
	account *account
	screens *screens
	probe   *probe
	labels  *labels
	issues  *issues
	pages   *pages
	changes *changes
	finder  *finder

	mu sync.Mutex
	// loud says that the token may not keep Jira from telling the watchers.
	loud bool
}

// New makes a connector that asks through http, which must be pinned to the
// API's host. A nil clock is the system's.
func New(cfg Config, http *outbound.Client, now func() time.Time) *Connector {
	cfg.BaseURL = strings.TrimSuffix(cfg.BaseURL, "/")
	if now == nil {
		now = time.Now
	}

	how := flavorOf(cfg.Flavor)
	a := &answers{clean: http.Clean, now: now, hint: how.hint(cfg), issueType: cfg.IssueType}

	api := &client{cfg: cfg, flavor: how, http: http, now: now, answers: a}
	project := &place{client: api, answers: a}

	meta := &screens{client: api, answers: a, place: project, sizes: paging.New(metaPage, 50, 10)}
	second := &probe{client: api, answers: a, place: project, screens: meta}
	tags := &labels{kept: cfg.Labels, spare: spareLabels{}}
	user := &account{client: api}
	single := &issues{client: api, answers: a, place: project, labels: tags, probe: second}
	list := &pages{client: api, answers: a, sizes: paging.Usual()}

	return &Connector{
		client:  api,
		answers: a,
		place:   project,
		account: user,
		screens: meta,
		probe:   second,
		labels:  tags,
		issues:  single,
		pages:   list,
		changes: &changes{answers: a, place: project, account: user, issues: single, pages: list},
		finder:  &finder{client: api, answers: a, place: project, account: user, labels: tags, issues: single, pages: list},
	}
}

// Changes lists issues by their last change, the oldest first.
func (c *Connector) Changes(ctx context.Context, since time.Time, offset int) ([]connector.Object, bool, error) {
	return c.changes.list(ctx, since, offset)
}

// Find looks for the issues of markers.
func (c *Connector) Find(ctx context.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	return c.finder.find(ctx, since, want)
}

// Resolve reads which project the configured key leads to.
func (c *Connector) Resolve(ctx context.Context) (connector.Place, error) {
	return c.place.resolve(ctx)
}

// Use makes later calls go to a project that was resolved before.
func (c *Connector) Use(p connector.Place) { c.place.use(p) }

// A draft is what we write of an issue.
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

type named struct {
	Key  string `json:"key,omitempty"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// An update changes labels one by one, so that those of people stay.
type update struct {
	Labels []operation `json:"labels"`
}

type operation struct {
	Add    string `json:"add,omitempty"`
	Remove string `json:"remove,omitempty"`
}

type property struct {
	Key   string `json:"key"`
	Value trace  `json:"value"`
}

// Create makes the issue, open. Jira answers with no more than its name, so it
// is read once; where that fails, the issue is there all the same.
func (c *Connector) Create(ctx context.Context, content connector.Content, m connector.Marker) (connector.Written, error) {
	answer, note, err := c.postIssue(ctx, c.draft(content, m), content)
	if err != nil {
		return connector.Written{}, err
	}

	made, proven := provenCreate(answer, m)
	if !proven {
		return connector.Written{}, c.probe.createRefused(ctx, answer)
	}

	written := connector.Written{Remote: c.issues.remote(ctx, made), Seen: connector.Seen{State: domain.Open}, Note: note}
	written.Remote.State = domain.Open
	if i, err := c.issues.read(ctx, made.ID); err == nil {
		// Whoever has closed it meanwhile did that, not we.
		written.Seen.Text = i.text()
		written.CreatedAt = i.Fields.Created.Time
		written.UpdatedAt = i.Fields.Updated.Time
	}

	return written, nil
}

func (c *Connector) draft(content connector.Content, m connector.Marker) draft {
	d := draft{Fields: fields{
		Project: c.place.project().ref(), IssueType: issueType(c.client.cfg.IssueType),
		Summary: content.Title, Description: c.client.flavor.description(content.Body), Labels: []string{label(m)},
	}}
	if c.client.cfg.Labels {
		d.Fields.Labels = append(d.Fields.Labels, content.Labels...)
	}

	d.Properties = c.client.flavor.properties(m)

	return d
}

// issueType is a type by its id, which is all digits, or its name.
func issueType(name string) *named {
	if name != "" && strings.Trim(name, "0123456789") == "" {
		return &named{ID: name}
	}
	return &named{Name: name}
}

// Update makes the issue what the content says. An issue is opened before it is
// edited and closed afterwards, since many workflows let nobody edit a closed
// one.
func (c *Connector) Update(ctx context.Context, sent connector.Sent, content connector.Content, m connector.Marker) (connector.Written, error) {
	id := sent.Remote.ID
	if !digits(id) {
		return connector.Written{}, c.answers.unnumbered()
	}

	moves := content.State != sent.State
	seen := cmp.Or(sent.Seen.State, sent.State)
	if sent.State == "" { // what stands there may be ours
		seen = content.State
	}

	var done connector.Written
	if moves && content.State != domain.Closed {
		moved, err := c.reopen(ctx, id)
		if err != nil {
			return connector.Written{}, err
		}

		if moved {
			seen = domain.Open
			done = reopened(sent)
		}
	}

	d := c.editDraft(sent, content, m)
	answer, note, err := c.editIssue(ctx, id, &d, content.Labels, sent.Labels)
	if err != nil {
		return done, err
	}

	i, proven, err := c.issues.confirm(ctx, id, d, answer)
	if !proven {
		return done, err
	}

	if err != nil { // it was taken, but how it looks now is not known
		if !moves {
			err = nil
		}
		return unread(sent, done, note), err
	}

	c.labels.see(i)
	written := c.issues.written(ctx, i)
	written.Note = note
	if moves && content.State == domain.Closed && i.state() != domain.Closed {
		if written, err = c.closeEdited(ctx, sent, written); err != nil {
			return written, err
		}
		seen = domain.Closed
	}

	// Whoever closed or reopened it meanwhile did that, not we.
	written.Seen.State = seen
	if moves {
		written.Remote.State = content.State
	}

	return written, nil
}

// reopened is what a reopening alone leaves: the text stays as it was.
func reopened(sent connector.Sent) connector.Written {
	done := connector.Written{Remote: sent.Remote, Seen: connector.Seen{Text: sent.Seen.Text, State: domain.Open}}
	done.Remote.State = domain.Open

	return done
}

// unread is what an edit leaves that was taken and could not be read: the text
// is not known, and the state is the one before the edit.
func unread(sent connector.Sent, before connector.Written, note string) connector.Written {
	state := cmp.Or(before.Seen.State, sent.Seen.State, sent.State)

	return connector.Written{Remote: sent.Remote, Seen: connector.Seen{State: state}, Note: note}
}

// closeEdited closes an issue after its edit. Beside an error, it returns what
// the edit left.
func (c *Connector) closeEdited(ctx context.Context, sent connector.Sent, written connector.Written) (connector.Written, error) {
	if err := c.move(ctx, sent.Remote.ID, domain.Closed); err != nil {
		written.Seen.State = cmp.Or(sent.Seen.State, sent.State, written.Seen.State)
		return written, err
	}

	// A list that shows the issue as it was edited shows it as of an earlier time.
	written.UpdatedAt = written.UpdatedAt.Add(time.Millisecond)

	return written, nil
}

// editDraft is the draft of an edit. The marker is put back in case somebody took
// it away.
func (c *Connector) editDraft(sent connector.Sent, content connector.Content, m connector.Marker) draft {
	d := draft{Fields: fields{Summary: content.Title, Description: c.client.flavor.description(content.Body)}, Update: &update{}}
	if c.client.cfg.Labels && !sameLabels(sent.Labels, content.Labels) {
		for _, l := range sent.Labels {
			if !contains(content.Labels, l) {
				d.Update.Labels = append(d.Update.Labels, operation{Remove: l})
			}
		}

		for _, l := range content.Labels {
			d.Update.Labels = append(d.Update.Labels, operation{Add: l})
		}
	}

	for _, l := range c.labels.beside(sent.Remote.ID, m) {
		d.Update.Labels = append(d.Update.Labels, operation{Remove: l})
	}

	d.Update.Labels = append(d.Update.Labels, operation{Add: label(m)})

	return d
}

// edit changes fields without mail to the watchers. A Data Center refuses that
// to who does not administer the project: only then the edit is sent without,
// which is no repetition, since the first one was refused.
func (c *Connector) edit(ctx context.Context, id string, d draft) (outbound.Response, error) {
	c.mu.Lock()
	quiet := !c.loud
	c.mu.Unlock()
	where := c.client.issueAt(id) + c.client.flavor.editQuery(quiet)
	answer, err := c.client.send(ctx, http.MethodPut, where, d)
	if err != nil {
		return answer, err
	}

	if quiet && c.client.flavor.refusesQuiet(answer) && !c.answers.said(answer).Markup {
		c.mu.Lock()
		c.loud = true
		c.mu.Unlock()
		if answer, err = c.client.send(ctx, http.MethodPut, c.client.issueAt(id)+c.client.flavor.editQuery(false), d); err != nil {
			return answer, err
		}
	}

	if answer.Status >= 300 {
		return answer, c.probe.editRefused(ctx, id, answer)
	}

	return answer, nil
}

func digits(text string) bool {
	return text != "" && len(text) <= 19 && strings.Trim(text, "0123456789") == "" && text[0] != '0'
}
