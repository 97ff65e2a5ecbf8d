package jira

import (
	"context"
	"net/http"
	"sync"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/outbound"
)

// A writer creates and edits issues.
type writer struct {
	client     *client
	classifier *classifier
	place      *place
	screens    *screens
	probe      *probe
	labels     *labels
	issues     *issues

	mu sync.Mutex
	// loud: the token may not keep Jira from sending mail to the watchers.
	loud bool
}

// create makes an issue and returns what the answer says of it. The note says
// what was left out.
func (w *writer) create(ctx context.Context, content connector.Content, m connector.Marker) (made issue, note string, err error) {
	answer, note, err := w.post(ctx, w.newIssue(content, m), content.Labels)
	if err != nil {
		return issue{}, "", err
	}

	made, proven := provenCreate(answer, m)
	if !proven {
		return issue{}, "", w.probe.createRefused(ctx, answer)
	}

	return made, note, nil
}

// post sends a create. Where the project refuses labels and the issue can be
// found without one, the create is sent once more without labels. The first
// request was refused, so there is no duplicate.
func (w *writer) post(ctx context.Context, d draft, labels []string) (answer outbound.Response, note string, err error) {
	where := w.client.api("/issue")
	optional := w.client.flavor.findsWithoutLabel()
	if optional && w.labels.refusals().create {
		d.Fields.Labels = nil
		answer, err = w.client.send(ctx, http.MethodPost, where, d)

		return answer, w.labels.omitted(labels), err
	}

	answer, err = w.client.send(ctx, http.MethodPost, where, d)
	if err != nil || !optional || !labelsRefused(answer) || !w.offCreateScreen(ctx, answer) {
		return answer, "", err
	}

	d.Fields.Labels = nil
	answer, err = w.client.send(ctx, http.MethodPost, where, d)
	if err == nil && answer.Status < 300 {
		w.labels.refuse(labelRefusals{create: true})
	}

	return answer, w.labels.omitted(labels), err
}

// An edited issue is the result of an accepted edit.
type edited struct {
	issue  issue
	note   string // what the edit left out, "" for nothing
	unread error  // why the issue could not be read after the edit, nil if it was
}

// edit changes summary, description and labels. An edit that was refused for
// its labels is sent once more without them: the issue keeps the label that it
// was created with.
func (w *writer) edit(ctx context.Context, sent connector.Sent, content connector.Content, m connector.Marker) (edited, error) {
	id := sent.Remote.ID
	d := w.changedIssue(sent, content, m)
	note := ""
	omitted := w.labels.omitted(content.Labels, sent.Labels)
	if w.labels.refusals().edit {
		d.Update = nil
		note = omitted
	}

	answer, err := w.put(ctx, id, d)
	if err != nil && d.Update != nil && labelsRefused(answer) && w.offEditScreen(ctx, id, answer) {
		d.Update = nil
		note = omitted
		answer, err = w.put(ctx, id, d)
		if err == nil {
			w.labels.refuse(labelRefusals{edit: true})
		}
	}

	if err != nil {
		return edited{}, err
	}

	result, err := w.issues.confirm(ctx, id, d, answer)
	result.note = note

	return result, err
}

// put sends an edit without mail to the watchers. A Data Center refuses that
// option to accounts that do not administer the project: then the edit is sent
// again without the option. The first request was refused, so no edit is made
// twice.
func (w *writer) put(ctx context.Context, id string, d draft) (outbound.Response, error) {
	flavor := w.client.flavor
	quiet := w.quiet()
	answer, err := w.client.send(ctx, http.MethodPut, w.client.issueAt(id)+flavor.editQuery(quiet), d)
	if err != nil {
		return answer, err
	}

	if quiet && flavor.refusesQuiet(answer) && !w.classifier.said(answer).Markup {
		w.markLoud()
		answer, err = w.client.send(ctx, http.MethodPut, w.client.issueAt(id)+flavor.editQuery(false), d)
		if err != nil {
			return answer, err
		}
	}

	if answer.Status >= 300 {
		return answer, w.probe.editRefused(ctx, id, answer)
	}

	return answer, nil
}

func (w *writer) quiet() bool {
	w.mu.Lock()
	defer w.mu.Unlock()

	return !w.loud
}

func (w *writer) markLoud() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loud = true
}

// offCreateScreen reports whether labels are missing on the create screen. If
// they are there, Jira refused their values. The words of a refusal are in the
// language of the token's account, so they decide only where the screen cannot
// be read.
func (w *writer) offCreateScreen(ctx context.Context, answer outbound.Response) bool {
	screen, err := w.screens.createScreen(ctx)
	if err != nil {
		return w.classifier.said(answer).Says("cannot be set")
	}

	return !screen["labels"]
}

// offEditScreen is offCreateScreen for the edit screen of an issue.
func (w *writer) offEditScreen(ctx context.Context, id string, answer outbound.Response) bool {
	screen, err := w.screens.editScreen(ctx, id)
	if err != nil {
		return w.classifier.said(answer).Says("cannot be set")
	}

	return !screen["labels"]
}
