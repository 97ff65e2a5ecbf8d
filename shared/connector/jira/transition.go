package jira

import (
	"context"
	"io"
	"net/http"
	"slices"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/jsonstream"
)

// The keys of the three categories every status is in.
const (
	categoryNew  = "new"
	categoryOpen = "indeterminate"
	categoryDone = "done"
)

// A transition is a way from where an issue stands.
type transition struct {
	ID          string `json:"id"`
	IsAvailable *bool  `json:"isAvailable"`
	To          struct {
		ID       string `json:"id"`
		Category struct {
			Key string `json:"key"`
		} `json:"statusCategory"`
	} `json:"to"`
	Fields map[string]struct {
		Name       string `json:"name"`
		Required   bool   `json:"required"`
		HasDefault bool   `json:"hasDefaultValue"`
	} `json:"fields"`
}

// asks are the names of the fields that must be filled in on the way.
func (t transition) asks() []string {
	var names []string
	for id, f := range t.Fields {
		if f.Required && !f.HasDefault {
			if f.Name == "" {
				f.Name = id
			}
			names = append(names, f.Name)
		}
	}

	slices.Sort(names)

	return names
}

// choose picks a way to a state: by the category it leads to, never by name.
// Where there is none that can be gone, asked names what those there are ask
// for.
func choose(list []transition, want domain.ItemState) (id string, asked []string) {
	categories := []string{categoryNew, categoryOpen}
	if want == domain.Closed {
		categories = []string{categoryDone}
	}

	for _, category := range categories {
		for _, t := range list {
			if t.ID == "" || t.To.Category.Key != category || t.IsAvailable != nil && !*t.IsAvailable {
				continue
			}

			if asks := t.asks(); len(asks) > 0 {
				asked = append(asked, asks...)
				continue
			}

			return t.ID, nil
		}
	}

	slices.Sort(asked)

	return "", slices.Compact(asked)
}

// reopen opens an issue that is closed, and tells whether it was.
func (c *Connector) reopen(ctx context.Context, id string) (moved bool, err error) {
	i, err := c.issues.read(ctx, id)
	if err != nil || i.state() == domain.Open {
		return false, err
	}

	err = c.move(ctx, id, domain.Open)
	return err == nil, err
}

// move takes an issue to a state along one transition. Where none leads there
// the item fails, and is not tried along a way round.
func (c *Connector) move(ctx context.Context, id string, want domain.ItemState) error {
	where := c.client.issueAt(id) + "/transitions"
	// A field of a transition comes with all its options, which may be tens of
	// thousands. They are skipped.
	var ways struct {
		Transitions []transition `json:"transitions"`
	}
	answer, err := c.client.stream(ctx, where+"?expand=transitions.fields", func(body io.Reader) error { return jsonstream.Decode(body, &ways) })
	if err != nil {
		return err
	}
	if answer.Status != http.StatusOK {
		return c.probe.issueRefused(ctx, http.MethodGet, answer)
	}
	if answer.StreamError != nil {
		return c.answers.noIssue(answer)
	}

	way, asked := choose(ways.Transitions, want)
	if way == "" {
		return c.answers.noWay(want, asked)
	}

	body := map[string]any{"transition": named{ID: way}}
	if answer, err = c.client.send(ctx, http.MethodPost, where, body); err != nil {
		return err
	}

	said := c.answers.said(answer)
	switch {
	case moveProof.Proven(answer):
		return nil
	case answer.Status < 300:
		return c.issues.moved(ctx, id, want, answer)
	case answer.Status == http.StatusBadRequest && !said.Markup:
		return c.answers.fail(failure.Final, failure.ItemScope, cannot(want), said.Reason("the workflow refused"), answer)
	}

	return c.probe.issueRefused(ctx, http.MethodPost, answer)
}

// cannot is the code of a state that cannot be reached.
func cannot(want domain.ItemState) string {
	if want == domain.Closed {
		return "cannot_close"
	}
	return "cannot_reopen"
}
