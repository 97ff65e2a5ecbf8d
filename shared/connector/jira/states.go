package jira

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"slices"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/jsonstream"
	"example.com/integrations/shared/outbound"
)

// A states opens and closes issues along the transitions of their workflow.
type states struct {
	client     *client
	classifier *classifier
	issues     *issues
	probe      *probe
}

// reopen opens an issue that is closed, and reports whether it was.
func (st *states) reopen(ctx context.Context, id string) (moved bool, err error) {
	i, err := st.issues.read(ctx, id)
	if err != nil || i.state() == domain.Open {
		return false, err
	}

	err = st.move(ctx, id, domain.Open)

	return err == nil, err
}

// close closes an issue after its edit. Beside an error, it returns what the
// edit left.
func (st *states) close(ctx context.Context, sent connector.Sent, written connector.Written) (connector.Written, error) {
	err := st.move(ctx, sent.Remote.ID, domain.Closed)
	if err != nil {
		written.Seen.State = cmp.Or(sent.Seen.State, sent.State, written.Seen.State)
		return written, err
	}

	// The close is later than the edit. A list with the time of the edit shows the
	// issue before the close.
	written.UpdatedAt = written.UpdatedAt.Add(time.Millisecond)

	return written, nil
}

// move takes an issue to a state along one transition. Where none leads there
// the item fails: no other status is tried as a step between.
func (st *states) move(ctx context.Context, id string, want domain.ItemState) error {
	list, err := st.transitions(ctx, id)
	if err != nil {
		return err
	}

	way, asked := choose(list, want)
	if way == "" {
		return st.classifier.noTransition(want, asked)
	}

	body := map[string]any{"transition": named{ID: way}}
	answer, err := st.client.send(ctx, http.MethodPost, st.client.issueAt(id)+"/transitions", body)
	if err != nil {
		return err
	}

	said := st.classifier.said(answer)
	switch {
	case moveProof.Proven(answer):
		return nil
	case answer.Status < 300:
		return st.confirm(ctx, id, want, answer)
	case answer.Status == http.StatusBadRequest && !said.Markup:
		return st.classifier.fail(failure.Final, failure.ItemScope, cannot(want), said.Reason("the workflow refused"), answer)
	}

	return st.probe.issueRefused(ctx, http.MethodPost, answer)
}

// transitions are those that an issue can go along now. Fields of a transition
// may have tens of thousands of options, which are skipped while the answer is
// read.
func (st *states) transitions(ctx context.Context, id string) ([]transition, error) {
	var list transitionList
	where := st.client.issueAt(id) + transitionsPath
	answer, err := st.client.stream(ctx, where, func(body io.Reader) error { return jsonstream.Decode(body, &list) })
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return nil, st.probe.issueRefused(ctx, http.MethodGet, answer)
	}
	if answer.StreamError != nil {
		return nil, st.classifier.noIssue(answer)
	}

	return list.Transitions, nil
}

// confirm reads an issue once, after a transition whose answer of success is not
// a documented one. The state of the issue decides.
func (st *states) confirm(ctx context.Context, id string, want domain.ItemState, answer outbound.Response) error {
	i, err := st.issues.read(ctx, id)
	if err == nil && i.state() == want {
		return nil
	}

	return st.classifier.unproven(answer, st.classifier.said(answer))
}

// The keys of the three categories. Each status is in one of them.
const (
	categoryNew  = "new"
	categoryOpen = "indeterminate"
	categoryDone = "done"
)

// transitionsPath lists the transitions of an issue with their fields.
const transitionsPath = "/transitions?expand=transitions.fields"

type transitionList struct {
	Transitions []transition `json:"transitions"`
}

// A transition leads from the status of an issue to another one.
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

// asks are the names of the fields that must be filled in for the transition.
func (t transition) asks() []string {
	var names []string
	for id, f := range t.Fields {
		if f.Required && !f.HasDefault {
			names = append(names, cmp.Or(f.Name, id))
		}
	}

	slices.Sort(names)

	return names
}

// leadsTo reports whether the transition is available and ends in a category.
func (t transition) leadsTo(category string) bool {
	unavailable := t.IsAvailable != nil && !*t.IsAvailable

	return t.ID != "" && t.To.Category.Key == category && !unavailable
}

// choose picks a transition to a state by the category that it leads to, never
// by name. Where every such transition has required fields, asked are the names
// of those fields.
func choose(list []transition, want domain.ItemState) (id string, asked []string) {
	categories := []string{categoryNew, categoryOpen}
	if want == domain.Closed {
		categories = []string{categoryDone}
	}

	for _, category := range categories {
		for _, t := range list {
			if !t.leadsTo(category) {
				continue
			}

			asks := t.asks()
			if len(asks) == 0 {
				return t.ID, nil
			}

			asked = append(asked, asks...)
		}
	}

	slices.Sort(asked)

	return "", slices.Compact(asked)
}

// cannot is the code of a state that cannot be reached.
func cannot(want domain.ItemState) string {
	if want == domain.Closed {
		return "cannot_close"
	}

	return "cannot_reopen"
}
