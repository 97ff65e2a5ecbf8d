package gitlab

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

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
	d := draft{Title: content.Title, Description: markdown.WithMarker(content.Body, m)}
	if w.labels {
		d.Labels = strings.Join(content.Labels, ",")
	}

	answer, err := w.client.write(ctx, http.MethodPost, w.client.place.address()+"/issues", d)
	if err != nil {
		return connector.Written{}, err
	}
	if !answer.Success() {
		return connector.Written{}, w.client.writeRefused(ctx, http.MethodPost, answer)
	}

	return w.created(answer, m)
}

// created reads the issue that a create was answered with. An answer that is
// not the documented one counts if the issue in it has the marker that was sent.
func (w *writer) created(answer outbound.Response, m connector.Marker) (connector.Written, error) {
	var i issue
	if err := json.Unmarshal(answer.Body, &i); err != nil || !createProof.Holds(answer) {
		return connector.Written{}, w.client.foreign(http.MethodPost, answer)
	}

	if !createProof.Proven(answer) {
		found, ok := markdown.ParseMarker(i.Description)
		if !ok || found != m {
			return connector.Written{}, w.client.foreign(http.MethodPost, answer)
		}
	}

	return i.written(), nil
}

// update makes the issue what the content says. One PUT does it all: labels
// are named that come and go, so those that people added stay.
func (w *writer) update(ctx context.Context, sent connector.Sent, content connector.Content, m connector.Marker) (connector.Written, error) {
	iid, err := strconv.Atoi(sent.Remote.Key)
	if err != nil || iid <= 0 {
		return connector.Written{}, w.client.unnumbered()
	}

	d := draft{Title: content.Title, Description: markdown.WithMarker(content.Body, m)}
	if content.State != sent.State {
		d.StateEvent = "reopen"
		if content.State == domain.Closed {
			d.StateEvent = "close"
		}
	}

	if w.labels {
		d.AddLabels, d.RemoveLabels = labelChanges(sent.Labels, content.Labels)
	}

	answer, err := w.client.write(ctx, http.MethodPut, w.client.place.issueAt(sent.Remote), d)
	if err != nil {
		return connector.Written{}, err
	}
	if !answer.Success() {
		return connector.Written{}, w.client.issueRefused(ctx, answer)
	}

	i, err := w.updated(ctx, sent.Remote, d, answer)
	switch {
	case err != nil:
		return connector.Written{}, err
	case i.MovedTo != nil:
		return connector.Written{}, w.client.moved(answer)
	}

	written := i.written()
	if d.StateEvent == "" {
		// We did not send a state: a change of it meanwhile is a person's.
		written.Seen.State = cmp.Or(sent.Seen.State, sent.State)
	}

	return written, nil
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
		return issue{}, w.client.foreign(http.MethodPut, answer)
	}

	return i, nil
}

// object reads one issue. An answer with another issue is remote_moved.
func (w *writer) object(ctx context.Context, remote domain.Remote) (connector.Object, error) {
	iid, err := strconv.Atoi(remote.Key)
	if err != nil || iid <= 0 {
		return connector.Object{}, w.client.unnumbered()
	}

	answer, err := w.client.get(ctx, w.client.place.issueAt(remote), 0)
	if err != nil {
		return connector.Object{}, err
	}
	if !answer.Success() {
		return connector.Object{}, w.client.issueUnread(ctx, answer)
	}

	var i issue
	err = json.Unmarshal(answer.Body, &i)
	if err != nil || !readProof.Proven(answer) {
		return connector.Object{}, w.client.foreign(http.MethodGet, answer)
	}
	if !i.is(remote) {
		return connector.Object{}, w.client.moved(answer)
	}

	return i.object(), nil
}
