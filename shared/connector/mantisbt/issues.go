package mantisbt

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/outbound"
)

// An issues reads single issues, and shows them in the form of the contract.
type issues struct {
	client     *client
	classifier *classifier
	probe      *probe
}

// A current issue is an issue with what a change of it needs.
type current struct {
	issue
	tag     string // of the form that was read
	version string // of the server
}

// read gets one issue by its number. An answer with another issue is an error.
func (is *issues) read(ctx context.Context, p projectRef, id int64) (current, error) {
	answer, i, err := is.get(ctx, p.issue(id))
	if err != nil {
		return current{}, err
	}

	if int64(i.ID) != id {
		return current{}, is.classifier.fail(failure.Final, failure.ItemScope, "remote_moved", "MantisBT answers with another issue", answer)
	}

	return current{i, answer.Header.Get("ETag"), answer.Header.Get(versionHeader)}, nil
}

// get reads the issue at an address.
func (is *issues) get(ctx context.Context, where string) (outbound.Response, issue, error) {
	answer, err := is.client.get(ctx, where, pageBody)
	if err != nil {
		return answer, issue{}, err
	}

	i, err := is.asIssue(ctx, answer)

	return answer, i, err
}

// asIssue reads an answer that has to be one issue.
func (is *issues) asIssue(ctx context.Context, answer outbound.Response) (issue, error) {
	if answer.Status != http.StatusOK {
		return issue{}, is.probe.issueRefused(ctx, http.MethodGet, answer)
	}

	i, err := only(answer.Body)
	if err == nil {
		return i, nil
	}

	if refusal, ok := faultIn(answer); ok {
		return issue{}, is.probe.issueRefused(ctx, http.MethodGet, refusal)
	}

	return issue{}, is.classifier.unreadable("MantisBT's answer is not an issue", answer)
}

// confirm returns the issue as a change left it. After an answer of success that
// is not the documented one the issue is read once: it proves the change if it
// shows what was sent.
func (is *issues) confirm(ctx context.Context, p projectRef, id number, d draft, answer outbound.Response) (issue, error) {
	i, err := only(objectIn(answer.Body))
	if err == nil && i.ID == id && (updateProof.Proven(answer) || i.shows(d)) {
		return i, nil
	}

	_, i, err = is.get(ctx, p.issue(int64(id)))
	if err == nil && i.ID == id && i.shows(d) {
		return i, nil
	}

	return issue{}, is.classifier.unproven(answer, is.classifier.said(answer))
}

// object is an issue as a list of changes shows it.
func (is *issues) object(i issue, flow workflow) numbered {
	found := markers(i.Additional)
	object := connector.Object{
		Written:   is.written(i, flow.state(i)),
		Marker:    connector.FirstMarker(found),
		Markers:   found,
		Title:     strings.Clone(markup.Cut(i.Summary, maxSummary, "")),
		UpdatedAt: i.UpdatedAt,
	}

	return numbered{object, int64(i.ID)}
}

// written is an issue as a write left it.
func (is *issues) written(i issue, state domain.ItemState) connector.Written {
	id := strconv.FormatInt(int64(i.ID), 10)
	page, _ := markup.WebURL(is.client.home() + "/view.php?id=" + id)

	return connector.Written{
		Remote:    domain.Remote{ID: id, Key: id, URL: page, State: state},
		Seen:      connector.Seen{Text: textHash(i.Summary, i.Description), State: state},
		CreatedAt: i.CreatedAt,
		UpdatedAt: i.UpdatedAt,
	}
}
