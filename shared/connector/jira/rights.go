package jira

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
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
	may, answer, err := c.place.permissions(ctx)
	if err == nil && answer.Status != http.StatusOK {
		err = c.answers.refused(http.MethodGet, answer)
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
			err := c.answers.amiss("forbidden", "The token's account lacks "+strings.Join(lacking, " and ")+" in the project.")
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
		query := url.Values{"jql": {c.place.project().jql() + " ORDER BY created DESC"}, "maxResults": {strconv.Itoa(size)}, "fields": {"status,issuetype"}}
		list.Issues = nil

		return c.client.getJSON(ctx, c.client.api(c.client.flavor.search(query, "")), &list)
	})
	if err != nil {
		return sample{}, sample{}, err
	}

	want := issueType(c.client.cfg.IssueType)
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

// errSampleGone says that an issue that the list showed is not there any more:
// Jira's index lags behind, so a deleted issue is still found for a while.
var errSampleGone = errors.New("the issue is gone")

// ofSample asks for something of an issue that the list has shown. The project was
// seen before, so a 404 is about the issue alone.
func (c *Connector) ofSample(ctx context.Context, one sample, what string, into any) error {
	err := c.client.getJSON(ctx, c.client.issueAt(one.ID)+what, into)
	var e *failure.Error
	if errors.As(err, &e) && e.Status == http.StatusNotFound && e.Code == "target_not_found" {
		return errSampleGone
	}

	return err
}

// unseenIssue leaves a check open that has passed so far, for want of an issue
// to look at.
func (c *Connector) unseenIssue(s *survey, name string, check connector.Check) {
	if s.holds(name) {
		s.blame(check.With("Jira tells this of existing issues only, and there is none of the type "+c.client.cfg.IssueType+" to look at."), nil)
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
		err = c.ofSample(ctx, one, "/editmeta", &meta)
	}

	if errors.Is(err, errSampleGone) {
		one = sample{}
		err = nil
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
			err := c.answers.amiss(connector.FieldNotSettable, name+" is not on the edit screen of "+c.client.cfg.IssueType+" in "+c.place.project().key)
			for _, check := range []string{connector.CheckUpdate, connector.CheckClose, connector.CheckReopen} {
				s.blame(detailed(connector.Refused(check, connector.FieldNotSettable), err), nil)
			}
			s.errs = append(s.errs, err)
		}
	}

	if c.client.cfg.Labels && meta.Fields["labels"] == nil {
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
	switch err := c.ofSample(ctx, from, "/transitions?expand=transitions.fields", &ways); {
	case errors.Is(err, errSampleGone):
		c.unseenIssue(s, name, connector.Undecided(name, connector.NotTold))
		return ""
	case err != nil:
		s.blame(open(name, err), err)
		return ""
	}

	id, asked := choose(ways.Transitions, to)
	if id != "" {
		at := slices.IndexFunc(ways.Transitions, func(t transition) bool { return t.ID == id })
		return ways.Transitions[at].To.ID
	}

	err := c.answers.noWay(to, asked)
	err.Detail = c.client.http.Clean("From the status " + markup.Cut(markup.OneLine(from.Fields.Status.Name), maxName, "…") + ": " + err.Detail)
	check := connector.Undecided(name, cannot(to))
	if category := from.category(); category == categoryNew || category == categoryDone {
		check = connector.Refused(name, cannot(to))
	}

	s.blame(check.With(err.Detail), err)

	return ""
}
