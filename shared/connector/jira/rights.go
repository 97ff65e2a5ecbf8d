package jira

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"integrations/shared/connector"
	"integrations/shared/connector/paging"
	"integrations/shared/domain"
	"integrations/shared/markup"
	"integrations/shared/outbound"
)

// Where Atlassian documents what a call needs.
const (
	cloudAPI = "https://developer.atlassian.com/cloud/jira/platform/rest/v3/"
	issueAPI = cloudAPI + "api-group-issues/"
)

// Needs is what Jira asks for before it does each of our calls: a permission in
// the project, and for a token with scopes a scope.
var Needs = []connector.Need{
	{Call: "GET /myself", When: "find out whose token it is", Right: "any account; `read:jira-user`", Source: cloudAPI + "api-group-myself/"},
	{Call: "GET /_edge/tenant_info", When: "Cloud: find out which site it is", Right: "none", Source: "https://support.atlassian.com/jira/kb/retrieve-my-atlassian-sites-cloud-id"},
	{Call: "GET /serverInfo", When: "find out which server it is, and at which address issues are looked at", Right: "any account", Source: cloudAPI + "api-group-server-info/"},
	{Call: "GET /project/{project}", When: "find out which project it is", Right: "*Browse Projects*; `read:jira-work`", Source: cloudAPI + "api-group-projects/"},
	{Call: "GET /mypermissions", When: "read one's own permissions", Right: "any account; `read:jira-work`", Source: cloudAPI + "api-group-permissions/"},
	{Check: connector.CheckList, Call: "GET /search/jql", When: "Cloud: pull, and look for an issue whose create was not answered", Right: "*Browse Projects*; `read:jira-work`", Source: cloudAPI + "api-group-issue-search/"},
	{Check: connector.CheckList, Call: "GET /search", When: "Data Center: the same", Right: "*Browse Projects*", Source: "https://docs.atlassian.com/software/jira/docs/api/REST/"},
	{Check: connector.CheckList, Call: "GET /issue/{id}", When: "read an issue", Right: "*Browse Projects*; `read:jira-work`", Source: issueAPI},
	{Check: connector.CheckCreate, Call: "POST /issue", When: "create", Right: "*Create Issues*; `write:jira-work`", Source: issueAPI + "#api-rest-api-3-issue-post"},
	{Check: connector.CheckRequiredFields, Call: "GET /issue/createmeta/{project}/issuetypes", When: "find the issue type", Right: "*Create Issues*; `read:jira-work`", Source: issueAPI},
	{Check: connector.CheckRequiredFields, Call: "GET /issue/createmeta/{project}/issuetypes/{type}", When: "find out which fields a new issue needs and may have", Right: "*Create Issues*; `read:jira-work`", Source: issueAPI},
	{Check: connector.CheckUpdate, Call: "PUT /issue/{id}", When: "change summary and description", Right: "*Edit Issues*, both fields on the edit screen; `write:jira-work`", Source: issueAPI + "#api-rest-api-3-issue-issueidorkey-put"},
	{Check: connector.CheckLabels, Call: "PUT /issue/{id}", When: "put labels on and take them off", Right: "*Edit Issues*, *Labels* on the create and the edit screen; `write:jira-work`", Source: issueAPI + "#api-rest-api-3-issue-issueidorkey-put, ankitpokhrel/jira-cli#992"},
	{Check: connector.CheckUpdate, Call: "GET /issue/{id}/editmeta", When: "the check: find out which fields may be changed", Right: "*Edit Issues*; `read:jira-work`", Source: issueAPI},
	{Check: connector.CheckClose, Call: "GET /issue/{id}/transitions", When: "find the way to another status", Right: "*Transition Issues*; `read:jira-work`", Source: issueAPI},
	{Check: connector.CheckClose, Call: "POST /issue/{id}/transitions", When: "close, with an edit of the text", Right: "*Transition Issues*, *Edit Issues*, a transition to a status of the category *Done* that asks for nothing; `write:jira-work`", Source: issueAPI},
	{Check: connector.CheckReopen, Call: "POST /issue/{id}/transitions", When: "reopen, with an edit of the text", Right: "*Transition Issues*, *Edit Issues*, a transition back that asks for nothing; `write:jira-work`", Source: issueAPI},
}

// rightsOf are the permissions that each call needs. With a move to another
// status goes an edit of the text.
var rightsOf = []struct {
	check       string
	permissions []string
}{
	{connector.CheckList, []string{browse}}, {connector.CheckCreate, []string{create}}, {connector.CheckUpdate, []string{edit}},
	{connector.CheckClose, []string{edit, transit}}, {connector.CheckReopen, []string{edit, transit}},
}

// A survey is what the check has found out so far.
type survey struct {
	checks []connector.Check
	errs   []error // for the log
}

func (s *survey) add(c connector.Check) { s.checks = append(s.checks, c) }

// at is the check of a name, nil where there is none yet.
func (s *survey) at(name string) *connector.Check {
	i := slices.IndexFunc(s.checks, func(c connector.Check) bool { return c.Name == name })
	if i < 0 {
		return nil
	}

	return &s.checks[i]
}

// holds reports whether a check has passed so far.
func (s *survey) holds(name string) bool {
	c := s.at(name)

	return c != nil && c.Holds()
}

// blame puts a verdict in the place of one that was no refusal so far.
func (s *survey) blame(c connector.Check, err error) {
	if err != nil {
		s.errs = append(s.errs, err)
	}
	if found := s.at(c.Name); found != nil {
		if found.OK == nil || *found.OK {
			*found = c
		}
		return
	}
	s.add(c)
}

// permitted compares the permissions of the token's account with each call.
func (c *Connector) permitted(ctx context.Context, s *survey) {
	may, answer, err := c.permissions(ctx)
	if err == nil && answer.Status != http.StatusOK {
		err = c.refused(http.MethodGet, answer)
	}
	if err != nil {
		s.errs = append(s.errs, err)
	}

	for _, need := range rightsOf {
		var lacking []string
		for _, name := range need.permissions {
			if !may[name] {
				lacking = append(lacking, rights[name])
			}
		}
		switch {
		case err != nil:
			s.add(open(need.check, err).With("Jira does not say which permissions the account has in the project."))
		case len(lacking) > 0:
			err := c.amiss("forbidden", "The token's account lacks "+strings.Join(lacking, " and ")+" in the project.")
			s.blame(detailed(connector.Refused(need.check, connector.RoleTooLow), err), err)
		default:
			s.add(connector.Passed(need.check))
		}
	}
}

// open is the check of something that could not be asked for. A refusal says no
// more than that Jira does not tell: what was asked for before has worked.
func open(name string, err error) connector.Check {
	if v := verdict(name, err); v.OK == nil {
		return v
	}

	return connector.Undecided(name, connector.NotTold)
}

// screens reports whether the type of issue is there, and whether a new issue can
// have what items say and needs nothing else. Where Jira keeps that to itself,
// which some administrators want, nothing is known (ankitpokhrel/jira-cli#743).
func (c *Connector) screens(ctx context.Context, s *survey) {
	kind, err := c.lookForType(ctx)
	if err != nil && closedOff(err) {
		s.blame(open(checkType, err).With("Jira does not say which types of issue the project has."), err)
		s.blame(open(checkFields, err).With("Jira does not say which fields a new issue needs."), nil)
		if c.cfg.Labels {
			s.add(connector.Undecided(connector.CheckLabels, connector.NotTold).With("Jira does not say whether labels are on the create screen."))
		}
		return
	}
	if err != nil {
		s.blame(verdict(checkType, err), err)
		return
	}
	s.add(connector.Passed(checkType))

	screen, err := c.lookAtFields(ctx, kind)
	switch {
	case err == nil:
		s.add(connector.Passed(checkFields))
	case closedOff(err):
		s.blame(open(checkFields, err).With("Jira does not say which fields a new issue needs."), err)
	default:
		s.blame(detailed(verdict(checkFields, err), err), err)
	}

	switch {
	case !c.cfg.Labels:
	case screen.labels:
		s.add(connector.Passed(connector.CheckLabels))
	case screen.whole:
		s.add(c.noLabels("create"))
	default:
		s.add(connector.Undecided(connector.CheckLabels, connector.NotTold).With("Jira does not say whether labels are on the create screen."))
	}
}

// closedOff reports whether Jira refused to say what a new issue needs. That is
// no verdict on the token or the project: both were asked for before.
func closedOff(err error) bool {
	e, ok := err.(*connector.Error)

	return ok && e.Class == connector.Final && e.Status >= 400
}

// detailed is a check with the sentence of an error.
func detailed(check connector.Check, err error) connector.Check {
	if e, ok := err.(*connector.Error); ok {
		return check.With(e.Detail)
	}

	return check
}

func (c *Connector) noLabels(screen string) connector.Check {
	return connector.Refused(connector.CheckLabels, connector.NoteLabelsNotSettable).
		With("The field Labels is not on the " + screen + " screen of " + c.cfg.IssueType + " in the project: issues arrive without their labels.")
}

// A newIssueScreen is what Jira says about the create screen.
type newIssueScreen struct {
	asked                        naming
	summary, description, labels bool
	whole                        bool // the list was read to its end
}

// newIssueScreen reads the create screen of a type. What was read before an
// error is given beside it.
func (c *Connector) newIssueScreen(ctx context.Context, kind string) (newIssueScreen, error) {
	var screen newIssueScreen
	err := c.fields(ctx, kind, func(f field) {
		if f.asks() {
			screen.asked.add(f.name())
		}
		screen.summary = screen.summary || f.ID == "summary"
		screen.description = screen.description || f.ID == "description"
		screen.labels = screen.labels || f.ID == "labels"
	})
	screen.whole = err == nil

	return screen, err
}

// lookAtFields reads the create screen of a type. The error says that it asks for
// more than items tell, that it lacks a field that every create fills in, or why
// it could not be read. A Data Center has no other marker than a label.
func (c *Connector) lookAtFields(ctx context.Context, kind string) (newIssueScreen, error) {
	screen, err := c.newIssueScreen(ctx, kind)
	switch {
	case len(screen.asked.told) > 0: // however the list ends
		return screen, c.amiss(connector.FieldRequired, c.cfg.IssueType+" in "+c.project().key+" asks for what items do not tell: "+screen.asked.String())
	case err != nil:
		return screen, err
	case !screen.summary || !screen.description:
		missing := "summary"
		if screen.summary {
			missing = "description"
		}
		return screen, c.amiss(connector.FieldNotSettable, missing+" is not on the create screen of "+c.cfg.IssueType+" in "+c.project().key)
	case !screen.labels && !c.flavor.findsWithoutLabel():
		return screen, c.amiss("labels_not_allowed", "labels are not on the create screen of "+c.cfg.IssueType+" in "+c.project().key)
	}

	return screen, nil
}

// A sample is an issue of the project that the check looks at: Jira says what
// may be done with an issue only of issues that exist.
type sample struct {
	ID     string `json:"id"`
	Fields struct {
		Status struct {
			ID       string `json:"id"`
			Name     string `json:"name"`
			Category struct {
				Key string `json:"key"`
			} `json:"statusCategory"`
		} `json:"status"`
		Type named `json:"issuetype"`
	} `json:"fields"`
}

func (s sample) category() string { return s.Fields.Status.Category.Key }

// sampleSize is how many of the newest issues are looked through.
const sampleSize = 50

// samples are an open and a closed issue of the configured type, the newest
// ones, zero where there is none. One that stands where new issues begin is
// preferred.
func (c *Connector) samples(ctx context.Context) (open, closed sample, err error) {
	var list struct {
		Issues []sample `json:"issues"`
	}
	// A server that is slow with many issues is asked for fewer.
	err = paging.New(sampleSize, 10, 1).Read(func(size int) error {
		query := url.Values{"jql": {c.project().jql() + " ORDER BY created DESC"}, "maxResults": {strconv.Itoa(size)}, "fields": {"status,issuetype"}}
		list.Issues = nil

		return c.getJSON(ctx, c.api(c.flavor.search(query, "")), &list)
	})
	if err != nil {
		return sample{}, sample{}, err
	}

	want := issueType(c.cfg.IssueType)
	for _, one := range list.Issues[:min(len(list.Issues), sampleSize)] {
		ofType := want.ID != "" && one.Fields.Type.ID == want.ID || want.Name != "" && strings.EqualFold(one.Fields.Type.Name, want.Name)
		if !ofType || !digits(one.ID) {
			continue
		}
		switch done := one.category() == categoryDone; {
		case done && closed.ID == "":
			closed = one
		case !done && (open.ID == "" || open.category() != categoryNew && one.category() == categoryNew):
			open = one
		}
	}

	return open, closed, nil
}

// looked compares what may be done with existing issues with what we do.
func (c *Connector) looked(ctx context.Context, s *survey) {
	if !s.holds(connector.CheckList) {
		return
	}
	opened, closed, err := c.samples(ctx)
	if err != nil {
		for _, name := range []string{connector.CheckUpdate, connector.CheckLabels, connector.CheckClose, connector.CheckReopen} {
			c.unseenIssue(s, name, open(name, err))
		}
		s.errs = append(s.errs, err)
		return
	}

	c.editScreen(ctx, s, opened)
	closing := c.way(ctx, s, connector.CheckClose, opened, domain.Closed)
	c.way(ctx, s, connector.CheckReopen, closed, domain.Open)
	if again := s.at(connector.CheckReopen); again.OK != nil && !*again.OK && again.Code != nil && *again.Code == "cannot_reopen" && closing != closed.Fields.Status.ID {
		// We close into another status, from which nothing is known.
		*again = connector.Undecided(connector.CheckReopen, "cannot_reopen").With(*again.Detail)
	}
}

// unseenIssue leaves a check open that has passed so far, for want of an issue
// to look at.
func (c *Connector) unseenIssue(s *survey, name string, check connector.Check) {
	if s.holds(name) {
		s.blame(check.With("Jira tells this of existing issues only, and there is none of the type "+c.cfg.IssueType+" to look at."), nil)
	}
}

// editScreen looks for our fields on the edit screen of an issue. An issue that
// may not be edited in its status has no fields, which says nothing of others.
func (c *Connector) editScreen(ctx context.Context, s *survey, one sample) {
	if !s.holds(connector.CheckUpdate) {
		return
	}
	names := []string{connector.CheckUpdate, connector.CheckLabels}
	var meta struct {
		Fields map[string]json.RawMessage `json:"fields"`
	}
	var err error
	if one.ID != "" {
		err = c.getJSON(ctx, c.issueAt(one.ID)+"/editmeta", &meta)
	}
	if one.ID == "" || err != nil || len(meta.Fields) == 0 {
		for _, name := range names {
			check := connector.Undecided(name, connector.NotTold)
			if err != nil {
				check = open(name, err)
			}
			c.unseenIssue(s, name, check)
		}
		if err != nil {
			s.errs = append(s.errs, err)
		}
		return
	}

	for _, name := range []string{"summary", "description"} {
		if meta.Fields[name] == nil {
			err := c.amiss(connector.FieldNotSettable, name+" is not on the edit screen of "+c.cfg.IssueType+" in "+c.project().key)
			for _, check := range []string{connector.CheckUpdate, connector.CheckClose, connector.CheckReopen} {
				s.blame(detailed(connector.Refused(check, connector.FieldNotSettable), err), nil)
			}
			s.errs = append(s.errs, err)
		}
	}
	if c.cfg.Labels && meta.Fields["labels"] == nil {
		s.blame(c.noLabels("edit"), nil)
	}
}

// way looks for a transition of an issue to a state. It gives the status that
// the transition leads to, "" where none does. An issue that stands where new
// issues begin decides, and so does a closed one; of others the check is left
// open.
func (c *Connector) way(ctx context.Context, s *survey, name string, from sample, to domain.ItemState) string {
	if !s.holds(name) {
		return ""
	}
	if from.ID == "" {
		c.unseenIssue(s, name, connector.Undecided(name, connector.NotTold))
		return ""
	}

	var ways struct {
		Transitions []transition `json:"transitions"`
	}
	if err := c.getJSON(ctx, c.issueAt(from.ID)+"/transitions?expand=transitions.fields", &ways); err != nil {
		s.blame(open(name, err), err)
		return ""
	}
	id, asked := choose(ways.Transitions, to)
	if id != "" {
		at := slices.IndexFunc(ways.Transitions, func(t transition) bool { return t.ID == id })
		return ways.Transitions[at].To.ID
	}

	err := c.noWay(to, asked)
	err.Detail = c.client.Clean("From the status " + markup.Cut(markup.OneLine(from.Fields.Status.Name), maxName, "…") + ": " + err.Detail)
	check := connector.Undecided(name, cannot(to))
	if category := from.category(); category == categoryNew || category == categoryDone {
		check = connector.Refused(name, cannot(to))
	}
	s.blame(check.With(err.Detail), err)

	return ""
}

// labelsRefused reports whether Jira refused a write because of the labels
// alone: the field is not on the screen (ankitpokhrel/jira-cli#992), or one of
// them has a bad value.
func labelsRefused(answer outbound.Response) bool {
	if answer.Status != http.StatusBadRequest {
		return false
	}
	var said struct {
		Errors map[string]json.RawMessage `json:"errors"`
	}
	if err := json.Unmarshal(answer.Body, &said); err != nil {
		return false
	}

	return len(said.Errors) == 1 && said.Errors["labels"] != nil
}

// withoutLabels is what a write that leaves out the labels of an item says in
// the ledger.
func (c *Connector) withoutLabels(lists ...[]string) string {
	for _, labels := range lists {
		if c.cfg.Labels && len(labels) > 0 {
			return connector.NoteLabelsNotSettable
		}
	}

	return ""
}

// A labelling is which writes the project takes no labels at, as its answers have
// shown. It lasts as long as the connector: a slice of a run.
type labelling struct{ offCreate, offEdit bool }

// postIssue creates an issue. Where the project takes no labels, and the issue is
// found again without one, it is sent once more without: the first request was
// refused, so there is no twin.
func (c *Connector) postIssue(ctx context.Context, d draft, content connector.Content) (outbound.Response, string, error) {
	if c.flavor.findsWithoutLabel() && c.labelling().offCreate {
		d.Fields.Labels = nil
		answer, err := c.write(ctx, http.MethodPost, c.api("/issue"), d)
		return answer, c.withoutLabels(content.Labels), err
	}

	answer, err := c.write(ctx, http.MethodPost, c.api("/issue"), d)
	if err != nil || !labelsRefused(answer) || !c.flavor.findsWithoutLabel() || !c.offCreateScreen(ctx, answer) {
		return answer, "", err
	}
	d.Fields.Labels = nil
	again, err := c.write(ctx, http.MethodPost, c.api("/issue"), d)
	if err == nil && again.Status < 300 {
		c.note(func(l *labelling) { l.offCreate = true })
	}

	return again, c.withoutLabels(content.Labels), err
}

// editIssue edits an issue, and sends an edit that was refused for its labels
// once more without them. The issue keeps the label that it was created with. The
// draft is left as it was sent last; labels are those that the item has and had.
func (c *Connector) editIssue(ctx context.Context, id string, d *draft, labels ...[]string) (outbound.Response, string, error) {
	if c.labelling().offEdit {
		d.Update = nil
		answer, err := c.edit(ctx, id, *d)
		return answer, c.withoutLabels(labels...), err
	}

	answer, err := c.edit(ctx, id, *d)
	if err == nil || !labelsRefused(answer) || !c.offEditScreen(ctx, id, answer) {
		return answer, "", err
	}
	d.Update = nil
	again, err := c.edit(ctx, id, *d)
	if err == nil {
		c.note(func(l *labelling) { l.offEdit = true })
	}

	return again, c.withoutLabels(labels...), err
}

// offCreateScreen reports whether labels are not on the create screen: then they
// were refused for that, and not for their values. A refusal is in the language
// of whose token it is, so its words decide only where the screen cannot be read.
func (c *Connector) offCreateScreen(ctx context.Context, answer outbound.Response) bool {
	screen, err := c.createScreen(ctx)
	if err != nil {
		return c.said(answer).Says("cannot be set")
	}

	return !screen["labels"]
}

// offEditScreen is offCreateScreen for the edit screen of an issue.
func (c *Connector) offEditScreen(ctx context.Context, id string, answer outbound.Response) bool {
	var meta struct {
		Fields map[string]json.RawMessage `json:"fields"`
	}
	if err := c.getJSON(ctx, c.issueAt(id)+"/editmeta", &meta); err != nil {
		return c.said(answer).Says("cannot be set")
	}

	return meta.Fields["labels"] == nil
}

func (c *Connector) labelling() labelling {
	c.mu.Lock()
	defer c.mu.Unlock()

	return c.labelled
}

func (c *Connector) note(change func(*labelling)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.labelled)
}
