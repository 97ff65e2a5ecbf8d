package github

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/markdown"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// A writer creates, changes and reads single issues.
type writer struct {
	client *client
	labels bool // whether the items' labels are kept on the issues
}

// create makes the issue, open.
func (w *writer) create(ctx context.Context, content connector.Content, m connector.Marker) (connector.Written, error) {
	d := draft{Title: content.Title, Body: markdown.WithMarker(content.Body, m)}
	if w.labels && len(content.Labels) > 0 {
		d.Labels = &content.Labels
	}

	answer, err := w.client.write(ctx, http.MethodPost, w.client.place.address()+"/issues", d)
	if err != nil {
		return connector.Written{}, err
	}
	if !answer.Success() {
		return connector.Written{}, w.client.refused(http.MethodPost, answer)
	}

	return w.created(answer, m)
}

// update makes the issue what the content says. One PATCH does it all; labels
// that people added are looked up before, if ours changed.
func (w *writer) update(ctx context.Context, sent connector.Sent, content connector.Content, m connector.Marker) (connector.Written, error) {
	number, err := strconv.Atoi(sent.Remote.Key)
	if err != nil || number <= 0 {
		return connector.Written{}, w.client.unnumbered()
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

	if w.labels && !sameLabels(sent.Labels, content.Labels) {
		current, err := w.read(ctx, sent.Remote)
		if err != nil {
			return connector.Written{}, err
		}

		labels := merge(current.Labels, sent.Labels, content.Labels)
		d.Labels = &labels
	}

	answer, err := w.client.write(ctx, http.MethodPatch, w.client.place.issueAt(sent.Remote), d)
	if err != nil {
		return connector.Written{}, err
	}
	if !answer.Success() {
		return connector.Written{}, w.client.issueRefused(ctx, http.MethodPatch, answer)
	}

	i, err := w.updated(ctx, sent.Remote, d, answer)
	if err != nil {
		return connector.Written{}, err
	}

	written := i.written()
	if d.State == "" {
		// We did not send a state: a change of it meanwhile is a person's.
		written.Seen.State = cmp.Or(sent.Seen.State, sent.State)
	}

	return written, nil
}

// read gets the linked issue. GitHub answers with a redirect where an issue was
// transferred, and the address it leads to is that of another issue
// (https://docs.github.com/en/rest/issues/issues#get-an-issue).
func (w *writer) read(ctx context.Context, linked domain.Remote) (issue, error) {
	answer, err := w.client.get(ctx, w.client.place.issueAt(linked), 0)
	if err != nil {
		return issue{}, err
	}
	if !answer.Success() {
		return issue{}, w.client.issueUnread(ctx, answer)
	}

	var i issue
	if err := json.Unmarshal(answer.Body, &i); err != nil || !readProof.Holds(answer) {
		return issue{}, w.client.foreign(http.MethodGet, answer)
	}

	if !i.is(linked) {
		return issue{}, w.client.moved(answer)
	}

	return i, nil
}

// object reads one issue. An issue that was transferred to another repository is
// remote_moved.
func (w *writer) object(ctx context.Context, remote domain.Remote) (connector.Object, error) {
	number, err := strconv.Atoi(remote.Key)
	if err != nil || number <= 0 {
		return connector.Object{}, w.client.unnumbered()
	}

	i, err := w.read(ctx, remote)
	if err != nil {
		return connector.Object{}, err
	}

	return i.object(), nil
}

// created reads the issue that a create was answered with. An answer that is
// not the documented one counts if the issue in it has the marker that was sent.
func (w *writer) created(answer outbound.Response, m connector.Marker) (connector.Written, error) {
	var i issue
	if err := json.Unmarshal(answer.Body, &i); err != nil || !createProof.Holds(answer) {
		return connector.Written{}, w.client.foreign(http.MethodPost, answer)
	}

	if !createProof.Proven(answer) {
		found, ok := markdown.ParseMarker(i.Body)
		if !ok || found != m {
			return connector.Written{}, w.client.foreign(http.MethodPost, answer)
		}
	}

	return i.written(), nil
}

// updated is the linked issue as an update left it. Where the answer proves nothing,
// the issue is read once.
func (w *writer) updated(ctx context.Context, linked domain.Remote, d draft, answer outbound.Response) (issue, error) {
	edit := answers.Edit[issue]{
		Update: updateProof, Read: readProof,
		Linked: func(i issue) bool { return i.is(linked) },
		Shows:  func(i issue) bool { return i.shows(d) },
	}
	i, proven := edit.Proven(answer, func() (outbound.Response, error) {
		return w.client.get(ctx, w.client.place.issueAt(linked), 0)
	})
	if !proven {
		return issue{}, w.client.foreign(http.MethodPatch, answer)
	}

	return i, nil
}
