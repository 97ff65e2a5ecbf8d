package jira

import (
	"context"
	"encoding/json"
	"net/http"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/proof"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/document"
	"example.com/integrations/shared/outbound"
)

// An issues reads single issues.
type issues struct {
	client  *client
	answers *answers
	place   *place
	labels  *labels
	probe   *probe
}

// moved reads an issue once whose transition was answered with a success of
// another form: its state decides.
func (is *issues) moved(ctx context.Context, id string, want domain.ItemState, answer outbound.Response) error {
	if i, err := is.read(ctx, id); err == nil && i.state() == want {
		return nil
	}

	return is.answers.unproven(answer, is.answers.said(answer))
}

// edited is the issue as the edit left it. After a success that is not a
// documented one the issue is read once: if it shows what was sent, that is the
// proof. An error beside a proof says that the issue could not be read.
func (is *issues) confirm(ctx context.Context, id string, d draft, answer outbound.Response) (i issue, proven bool, err error) {
	row, documented := editProof.Match(answer)
	inBody := json.Unmarshal(answer.Body, &i) == nil && i.whole() && i.ID == id
	if inBody && (documented || i.shows(d)) {
		return i, true, nil
	}

	i, err = is.read(ctx, id)
	switch {
	case documented && row.Body == proof.Empty:
		return i, true, err
	case err == nil && i.shows(d):
		return i, true, nil
	}

	return issue{}, false, is.answers.unproven(answer, is.answers.said(answer))
}

// read gets one issue by its id. A moved issue keeps its id, so an answer with
// another one is of another issue.
func (is *issues) read(ctx context.Context, id string) (issue, error) {
	answer, err := is.client.get(ctx, is.client.issueAt(id)+"?"+is.client.wanted().Encode(), pageBody)
	if err != nil {
		return issue{}, err
	}

	i, err := is.asIssue(ctx, answer)
	if err == nil && i.ID != id {
		return issue{}, is.answers.fail(failure.Final, failure.ItemScope, "remote_moved", "Jira answers with another issue", answer)
	}

	return i, err
}

// asIssue reads an answer that is to be one issue.
func (is *issues) asIssue(ctx context.Context, answer outbound.Response) (issue, error) {
	if answer.Status != http.StatusOK {
		return issue{}, is.probe.issueRefused(ctx, http.MethodGet, answer)
	}

	var i issue
	if err := json.Unmarshal(answer.Body, &i); err != nil || !i.whole() {
		return issue{}, is.answers.noIssue(answer)
	}

	return i, nil
}

// readFields are those we read of an issue.
const readFields = "summary,description,status,labels,created,updated"

func (is *issues) written(ctx context.Context, i issue) connector.Written {
	remote := is.remote(ctx, i)
	return connector.Written{Remote: remote, Seen: connector.Seen{Text: i.text(), State: remote.State}, CreatedAt: i.Fields.Created.Time, UpdatedAt: i.Fields.Updated.Time}
}

// remote names an issue by its id, which stays when it is moved to another
// project. Its key does not.
func (is *issues) remote(ctx context.Context, i issue) domain.Remote {
	r := domain.Remote{ID: i.ID, Key: i.Key, State: i.state()}
	if home := is.place.home(ctx); home != "" {
		r.URL, _ = markup.WebURL(home + "/browse/" + i.Key)
	}
	return r
}

func (is *issues) object(ctx context.Context, i issue) connector.Object {
	is.labels.see(i)
	found := i.markers()
	return connector.Object{
		Written: is.written(ctx, i), Marker: connector.FirstMarker(found), Markers: found, Title: document.CutText(i.Fields.Summary, maxSummary, ""),
		UpdatedAt: i.Fields.Updated.Time,
	}
}
