package jira

import (
	"context"
	"encoding/json"
	"net/http"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/outbound"
)

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
		if c.client.cfg.Labels && len(labels) > 0 {
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
	if c.client.flavor.findsWithoutLabel() && c.labelling().offCreate {
		d.Fields.Labels = nil
		answer, err := c.client.send(ctx, http.MethodPost, c.client.api("/issue"), d)
		return answer, c.withoutLabels(content.Labels), err
	}

	answer, err := c.client.send(ctx, http.MethodPost, c.client.api("/issue"), d)
	if err != nil || !labelsRefused(answer) || !c.client.flavor.findsWithoutLabel() || !c.offCreateScreen(ctx, answer) {
		return answer, "", err
	}

	d.Fields.Labels = nil
	again, err := c.client.send(ctx, http.MethodPost, c.client.api("/issue"), d)
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
	screen, err := c.screens.createScreen(ctx)
	if err != nil {
		return c.answers.said(answer).Says("cannot be set")
	}

	return !screen["labels"]
}

// offEditScreen is offCreateScreen for the edit screen of an issue.
func (c *Connector) offEditScreen(ctx context.Context, id string, answer outbound.Response) bool {
	var meta struct {
		Fields map[string]json.RawMessage `json:"fields"`
	}
	if err := c.client.getJSON(ctx, c.client.issueAt(id)+"/editmeta", &meta); err != nil {
		return c.answers.said(answer).Says("cannot be set")
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
