package gitlab

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/markdown"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// What proves that GitLab did what was asked.
var (
	createProof = answers.ProofOf(domain.GitLab, "", answers.OpCreate)
	updateProof = answers.ProofOf(domain.GitLab, "", answers.OpUpdate)
	readProof   = answers.ProofOf(domain.GitLab, "", answers.OpRead)
	listProof   = answers.ProofOf(domain.GitLab, "", answers.OpList)
)

// foreign is the error for an answer of success without proof.
func (c *Connector) foreign(method string, answer outbound.Response) *failure.Error {
	e := answers.WithoutProof(method, answer, c.client.Clean)
	e.RequestID = c.client.Clean(cmp.Or(answer.Header.Get("X-Request-Id"), answer.Header.Get("Cf-Ray")))

	return e
}

// created reads the issue that a create was answered with. An answer that is
// not the documented one counts if the issue in it has the marker that was sent.
func (c *Connector) created(answer outbound.Response, m connector.Marker) (connector.Written, error) {
	var i issue
	if err := json.Unmarshal(answer.Body, &i); err != nil || !createProof.Holds(answer) {
		return connector.Written{}, c.foreign(http.MethodPost, answer)
	}

	if !createProof.Proven(answer) {
		found, ok := markdown.ParseMarker(i.Description)
		if !ok || found != m {
			return connector.Written{}, c.foreign(http.MethodPost, answer)
		}
	}

	return i.written(), nil
}

// updated is the linked issue as an update left it. An answer with another issue
// in it proves nothing. An answer that is not the documented one counts if the
// issue in it shows what was sent. Else the issue is read once: if it shows what
// was sent, that is the proof.
func (c *Connector) updated(ctx context.Context, linked domain.Remote, d draft, answer outbound.Response) (issue, error) {
	var i issue
	err := json.Unmarshal(answer.Body, &i)
	if err == nil && i.is(linked) && updateProof.Holds(answer) && (updateProof.Proven(answer) || i.shows(d)) {
		return i, nil
	}

	back, ok := c.readBack(ctx, linked)
	if !ok || !back.shows(d) {
		return issue{}, c.foreign(http.MethodPut, answer)
	}

	return back, nil
}

// readBack reads the linked issue. Where that fails, or another issue is
// answered, nothing is known.
func (c *Connector) readBack(ctx context.Context, linked domain.Remote) (issue, bool) {
	answer, err := c.get(ctx, c.issueAt(linked), 0)
	if err != nil || !readProof.Proven(answer) {
		return issue{}, false
	}

	var i issue
	err = json.Unmarshal(answer.Body, &i)

	return i, err == nil && i.is(linked)
}

// is reports whether an issue is the linked one. Its number in the project must
// be the link's, and its id too, where the link has one.
func (i issue) is(linked domain.Remote) bool {
	sameID := linked.ID == "" || linked.ID == strconv.FormatInt(i.ID, 10)

	return sameID && linked.Key == strconv.Itoa(i.IID)
}

// issueAt is the address of the linked issue. The link holds a number.
func (c *Connector) issueAt(linked domain.Remote) string {
	return c.project() + "/issues/" + url.PathEscape(linked.Key)
}

// moved is for a link that leads to another issue now.
func (c *Connector) moved(answer outbound.Response) *failure.Error {
	return c.fail(failure.Final, failure.ItemScope, "remote_moved", "the issue was moved to another project", answer)
}

// shows reports whether an issue is what a draft asks for. An issue that was
// moved away is not: what is left of it keeps its text.
func (i issue) shows(d draft) bool {
	state := map[string]string{"close": "closed", "reopen": "opened"}[d.StateEvent]
	switch {
	case i.MovedTo != nil, !markdown.SameText(i.Title, d.Title), !markdown.SameText(i.Description, d.Description):
		return false
	case state != "" && i.State != state:
		return false
	}

	for _, name := range listed(d.AddLabels) {
		if !slices.Contains(i.Labels, any(name)) {
			return false
		}
	}

	for _, name := range listed(d.RemoveLabels) {
		if slices.Contains(i.Labels, any(name)) {
			return false
		}
	}

	return true
}

// listed are the names in a list with commas between them.
func listed(list string) []string {
	if list == "" {
		return nil
	}

	return strings.Split(list, ",")
}
