package github

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/markdown"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// What proves that GitHub did what was asked.
var (
	createProof = answers.ProofOf(domain.GitHub, "", answers.OpCreate)
	updateProof = answers.ProofOf(domain.GitHub, "", answers.OpUpdate)
	readProof   = answers.ProofOf(domain.GitHub, "", answers.OpRead)
	listProof   = answers.ProofOf(domain.GitHub, "", answers.OpList)
	tokenProof  = answers.ProofOf(domain.GitHub, "", answers.OpToken)
)

// foreign is the error for an answer of success without proof.
func (c *Connector) foreign(method string, answer outbound.Response) *failure.Error {
	e := answers.WithoutProof(method, answer, c.client.Clean)
	e.RequestID = c.client.Clean(answer.Header.Get("X-Github-Request-Id"))

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
		found, ok := markdown.ParseMarker(i.Body)
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
		return issue{}, c.foreign(http.MethodPatch, answer)
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

// shows reports whether an issue is what a draft asks for.
func (i issue) shows(d draft) bool {
	switch {
	case !markdown.SameText(i.Title, d.Title), !markdown.SameText(i.Body, d.Body):
		return false
	case d.State != "" && i.State != d.State:
		return false
	case d.Labels == nil:
		return true
	}

	return slices.Equal(labelNames(i.Labels), sortedLower(*d.Labels))
}

func labelNames(labels []label) []string {
	var names []string
	for _, l := range labels {
		names = append(names, l.Name)
	}

	return sortedLower(names)
}

// sortedLower is a set of labels. GitHub does not tell upper from lower case in
// their names.
func sortedLower(names []string) []string {
	lower := make([]string, 0, len(names))
	for _, name := range names {
		lower = append(lower, strings.ToLower(name))
	}

	slices.Sort(lower)

	return slices.Compact(lower)
}
