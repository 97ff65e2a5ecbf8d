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
	client  *client
	answers *answers
	probe   *probe
}

// patched is the issue as the PATCH left it. After a success that is not the
// documented one the issue is read once: if it shows what was sent, that is the
// proof.
func (is *issues) confirm(ctx context.Context, where string, id number, d draft, answer outbound.Response) (issue, error) {
	i, err := only(objectIn(answer.Body))
	if err == nil && i.ID == id && (updateProof.Proven(answer) || i.shows(d)) {
		return i, nil
	}

	i, _, err = is.read(ctx, where)
	if err == nil && i.ID == id && i.shows(d) {
		return i, nil
	}

	return issue{}, is.answers.unproven(answer, is.answers.said(answer))
}

// written is an issue with what tells later whether somebody has changed it.
func (is *issues) written(i issue, state domain.ItemState) connector.Written {
	id := strconv.FormatInt(int64(i.ID), 10)
	page, _ := markup.WebURL(strings.TrimSuffix(is.client.cfg.BaseURL, "/api/rest") + "/view.php?id=" + id)

	return connector.Written{
		Remote:    domain.Remote{ID: id, Key: id, URL: page, State: state},
		CreatedAt: i.CreatedAt,
		Seen:      connector.Seen{Text: textHash(i.Summary, i.Description), State: state},

		UpdatedAt: i.UpdatedAt,
	}
}

// linked reads the issue with a number. An answer with another issue is none of
// ours.
func (is *issues) linked(ctx context.Context, root string, id int64) (issue, http.Header, error) {
	i, header, err := is.read(ctx, root+"/issues/"+strconv.FormatInt(id, 10))
	if err == nil && int64(i.ID) != id {
		return issue{}, nil, is.answers.fail(failure.Final, failure.ItemScope, "remote_moved", "MantisBT answers with another issue",
			outbound.Response{Status: http.StatusOK, Header: header})
	}

	return i, header, err
}

// read gets one issue, and the header of the answer: the tag of the form it is
// in, and the server's version.
func (is *issues) read(ctx context.Context, where string) (issue, http.Header, error) {
	answer, err := is.client.get(ctx, where, pageBody)
	if err != nil {
		return issue{}, nil, err
	}
	if answer.Status != http.StatusOK {
		return issue{}, nil, is.probe.issueRefused(ctx, http.MethodGet, answer)
	}

	i, err := only(answer.Body)
	if err == nil {
		return i, answer.Header, nil
	}

	if refusal, ok := faultIn(answer); ok {
		return issue{}, nil, is.probe.issueRefused(ctx, http.MethodGet, refusal)
	}

	return issue{}, nil, is.answers.unreadable("MantisBT's answer is not an issue", answer)
}

func (is *issues) object(i issue, flow workflow) numbered {
	found := markers(i.Additional)
	return numbered{connector.Object{
		Written: is.written(i, flow.state(i)), Marker: connector.FirstMarker(found), Markers: found, Title: strings.Clone(markup.Cut(i.Summary, maxSummary, "")), UpdatedAt: i.UpdatedAt,
	}, int64(i.ID)}
}
