package jira

import (
	"context"
	"encoding/json"
	"net/http"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/outbound"
)

// postIssue creates an issue. Where the project takes no labels, and the issue is
// found again without one, it is sent once more without: the first request was
// refused, so there is no twin.
func (c *Connector) postIssue(ctx context.Context, d draft, content connector.Content) (outbound.Response, string, error) {
	if c.client.flavor.findsWithoutLabel() && c.labels.refusedAt().offCreate {
		d.Fields.Labels = nil
		answer, err := c.client.send(ctx, http.MethodPost, c.client.api("/issue"), d)
		return answer, c.labels.omitted(content.Labels), err
	}

	answer, err := c.client.send(ctx, http.MethodPost, c.client.api("/issue"), d)
	if err != nil || !labelsRefused(answer) || !c.client.flavor.findsWithoutLabel() || !c.offCreateScreen(ctx, answer) {
		return answer, "", err
	}

	d.Fields.Labels = nil
	again, err := c.client.send(ctx, http.MethodPost, c.client.api("/issue"), d)
	if err == nil && again.Status < 300 {
		c.labels.note(func(l *labelling) { l.offCreate = true })
	}

	return again, c.labels.omitted(content.Labels), err
}

// editIssue edits an issue, and sends an edit that was refused for its labels
// once more without them. The issue keeps the label that it was created with. The
// draft is left as it was sent last; labels are those that the item has and had.
func (c *Connector) editIssue(ctx context.Context, id string, d *draft, labels ...[]string) (outbound.Response, string, error) {
	if c.labels.refusedAt().offEdit {
		d.Update = nil
		answer, err := c.edit(ctx, id, *d)
		return answer, c.labels.omitted(labels...), err
	}

	answer, err := c.edit(ctx, id, *d)
	if err == nil || !labelsRefused(answer) || !c.offEditScreen(ctx, id, answer) {
		return answer, "", err
	}

	d.Update = nil
	again, err := c.edit(ctx, id, *d)
	if err == nil {
		c.labels.note(func(l *labelling) { l.offEdit = true })
	}

	return again, c.labels.omitted(labels...), err
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
