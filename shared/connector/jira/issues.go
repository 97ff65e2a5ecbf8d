package jira

import (
	"context"
	"encoding/json"
	"net/http"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/document"
	"example.com/integrations/shared/outbound"
)

// An issues reads single issues, and shows them in the form of the contract.
type issues struct {
	client     *client
	classifier *classifier
	place      *place
	labels     *labels
	probe      *probe
}

// read gets one issue by its id. A moved issue keeps its id, so an answer with
// another id is another issue.
func (is *issues) read(ctx context.Context, id string) (issue, error) {
	answer, err := is.client.get(ctx, is.client.issueAt(id)+"?"+is.client.wanted().Encode(), pageBody)
	if err != nil {
		return issue{}, err
	}

	i, err := is.asIssue(ctx, answer)
	if err == nil && i.ID != id {
		return issue{}, is.classifier.fail(failure.Final, failure.ItemScope, "remote_moved", "Jira answers with another issue", answer)
	}

	return i, err
}

// asIssue reads an answer that has to be one issue.
func (is *issues) asIssue(ctx context.Context, answer outbound.Response) (issue, error) {
	if answer.Status != http.StatusOK {
		return issue{}, is.probe.issueRefused(ctx, http.MethodGet, answer)
	}

	var i issue
	err := json.Unmarshal(answer.Body, &i)
	if err != nil || !i.whole() {
		return issue{}, is.classifier.noIssue(answer)
	}

	return i, nil
}

// confirm returns the issue as an edit left it. After an answer of success that
// is not a documented one the issue is read once: it proves the edit if it shows
// what was sent.
func (is *issues) confirm(ctx context.Context, id string, d draft, answer outbound.Response) (edited, error) {
	row, documented := editProof.Match(answer)
	var inBody issue
	err := json.Unmarshal(answer.Body, &inBody)
	if err == nil && inBody.whole() && inBody.ID == id && (documented || inBody.shows(d)) {
		return edited{issue: inBody}, nil
	}

	i, err := is.read(ctx, id)
	switch {
	case documented && row.Body == answers.EmptyBody:
		return edited{issue: i, unread: err}, nil
	case err == nil && i.shows(d):
		return edited{issue: i}, nil
	}

	return edited{}, is.classifier.unproven(answer, is.classifier.said(answer))
}

// object is an issue as a list of changes shows it.
func (is *issues) object(ctx context.Context, i issue) connector.Object {
	is.labels.see(i)
	found := i.markers()

	return connector.Object{
		Written:   is.written(ctx, i),
		Marker:    connector.FirstMarker(found),
		Markers:   found,
		Title:     document.CutText(i.Fields.Summary, maxSummary, ""),
		UpdatedAt: i.Fields.Updated.Time,
	}
}

// written is an issue as a write left it.
func (is *issues) written(ctx context.Context, i issue) connector.Written {
	remote := is.remote(ctx, i)

	return connector.Written{
		Remote:    remote,
		Seen:      connector.Seen{Text: i.text(), State: remote.State},
		CreatedAt: i.Fields.Created.Time,
		UpdatedAt: i.Fields.Updated.Time,
	}
}

// remote names an issue by its id, which stays when the issue is moved to
// another project. Its key does not.
func (is *issues) remote(ctx context.Context, i issue) domain.Remote {
	r := domain.Remote{ID: i.ID, Key: i.Key, State: i.state()}
	if home := is.place.home(ctx); home != "" {
		r.URL, _ = markup.WebURL(home + "/browse/" + i.Key)
	}

	return r
}
