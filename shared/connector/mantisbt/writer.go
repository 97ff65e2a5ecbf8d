package mantisbt

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/outbound"
)

// A writer creates and changes issues.
type writer struct {
	client     *client
	classifier *classifier
	place      *place
	issues     *issues
	probe      *probe

	mu sync.Mutex
	// narrow are the items whose text the server failed to store, though only its
	// characters of four bytes were unusual.
	narrow map[domain.Snowflake]bool
	// dead: a write was done as the anonymous account. No other write is sent.
	dead bool
}

// create makes an issue. Nothing is read before: the address of the API and the
// number of the project are read only if MantisBT does not know those of the
// configuration.
func (w *writer) create(ctx context.Context, content connector.Content, m connector.Marker) (issue, error) {
	p := w.place.guess()
	request := outbound.Request{Method: http.MethodPost, URL: p.root + "/issues", Header: w.client.header()}
	answer, err := w.send(ctx, request, w.newIssue(p, content, m), m)
	if err != nil {
		return issue{}, err
	}
	if answer.Status == http.StatusNotFound {
		return issue{}, w.probe.notFound(ctx, p, answer)
	}

	made, proven := provenCreate(answer, m)
	if !proven {
		return issue{}, w.probe.createRefused(ctx, answer)
	}

	return made, nil
}

// An edited issue is the result of an accepted change.
type edited struct {
	issue  issue
	answer outbound.Response // to the change
}

// edit changes an issue, if it is still as it was read. MantisBT compares the tag
// as it is, without quotes around it.
func (w *writer) edit(ctx context.Context, p projectRef, before current, d draft, m connector.Marker) (edited, error) {
	request := outbound.Request{
		Method: http.MethodPatch, URL: p.issue(int64(before.ID)), Header: w.client.header(),
		MaxBody: pageBody, // an old issue comes with all its notes
	}
	if before.tag != "" {
		request.Header.Set("If-Match", before.tag)
	}

	answer, err := w.send(ctx, request, d, m)
	if err != nil {
		return edited{}, err
	}

	if answer.Status >= 300 {
		e := w.probe.issueRefused(ctx, http.MethodPatch, answer)
		if e.Code == "forbidden" && int64(before.Project.ID) != p.id {
			e.Scope = failure.ItemScope // a right in another project
		}

		return edited{}, e
	}

	i, err := w.issues.confirm(ctx, p, before.ID, d, answer)

	return edited{i, answer}, err
}

// statusStored is an error if MantisBT did not store the status of a draft: it
// stores an unknown status as none.
func (w *writer) statusStored(d draft, e edited) error {
	stored := int64(e.issue.Status.ID)
	if d.Status == nil || stored == d.Status.ID {
		return nil
	}

	detail := "MantisBT was given the status " + strconv.FormatInt(d.Status.ID, 10) +
		" and stored " + strconv.FormatInt(stored, 10) + " " + e.issue.Status.Name

	return w.classifier.fail(failure.Final, failure.ItemScope, "status_not_taken", detail, e.answer)
}

// send sends a draft. A create that is tried again has no characters of four
// bytes: the first try may have failed because of them.
func (w *writer) send(ctx context.Context, r outbound.Request, d draft, m connector.Marker) (outbound.Response, error) {
	if w.isDead() {
		return outbound.Response{}, w.classifier.rejected(outbound.Response{})
	}

	d.Summary = markup.Cut(d.Summary, maxSummary, "…")
	if w.isNarrow(m.Item) || r.Method == http.MethodPost && m.Attempt > 1 {
		d.Summary = narrowed(d.Summary)
		d.Description = narrowed(d.Description)
	}

	body, err := json.Marshal(d)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}

	r.Body = body
	r.Header.Set("Content-Type", "application/json")
	answer, err := w.client.http.Do(ctx, r)
	if err != nil {
		return answer, err
	}

	if answer.Status == http.StatusInternalServerError && wide(d.Summary+d.Description) {
		w.markNarrow(m.Item)
	}

	if answer.Status < 300 && anonymous(answer.Header) {
		w.markDead()
	}

	return answer, nil
}

func (w *writer) isDead() bool {
	w.mu.Lock()
	defer w.mu.Unlock()

	return w.dead
}

func (w *writer) markDead() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = true
}

func (w *writer) isNarrow(item domain.Snowflake) bool {
	w.mu.Lock()
	defer w.mu.Unlock()

	return w.narrow[item]
}

func (w *writer) markNarrow(item domain.Snowflake) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.narrow[item] = true
}
