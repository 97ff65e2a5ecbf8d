package mantisbt

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/jsonstream"
	"example.com/integrations/shared/outbound"
)

const (
	// pageBody bounds an issue with all its notes.
	pageBody = 32 << 20
	// whole is what an object is made of, brief what its place is.
	whole = "id,summary,description,additional_information,project,status,sticky,created_at,updated_at"
	brief = "id,sticky,updated_at"
)

var errNoIssue = errors.New("no issue")

// list asks for one page of the project's issues: the sticky ones first, then
// those changed last. Projects below it are part of it.
func (c *Connector) list(ctx context.Context, p place, size, page int, members string) (outbound.Response, error) {
	request := c.listing(p, size, page, members)
	return c.get(ctx, request.URL, request.MaxBody)
}

// listing is the request for a page.
func (c *Connector) listing(p place, size, page int, members string) outbound.Request {
	query := url.Values{
		"project_id": {strconv.FormatInt(p.project, 10)}, "page_size": {strconv.Itoa(size)}, "page": {strconv.Itoa(page)}, "select": {members},
	}
	return outbound.Request{Method: http.MethodGet, URL: p.root + "/issues?" + query.Encode(), Header: c.header(), MaxBody: paging.MaxBody}
}

// rows gives a page's issues.
func (c *Connector) rows(ctx context.Context, p place, size, page int, members string) ([]issue, error) {
	rows := []issue{}
	sound := true
	request := c.listing(p, size, page, members)
	request.Stream = func(body io.Reader) error {
		return eachIssue(body, func(i issue) {
			sound = sound && i.ID > 0 && !i.UpdatedAt.IsZero()
			rows = append(rows, i)
		})
	}

	answer, err := c.stream(ctx, request)
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return nil, c.refused(http.MethodGet, answer)
	}
	if answer.StreamError != nil || !sound || len(rows) > size {
		return nil, c.noList(answer)
	}

	return rows, nil
}

// stream is get for an answer that is read while it arrives.
func (c *Connector) stream(ctx context.Context, request outbound.Request) (outbound.Response, error) {
	answer, err := c.client.Do(ctx, request)
	if err != nil {
		return answer, unread(err)
	}
	if answer.Status == http.StatusOK && exhausted(answer.Body) {
		return answer, c.fail(failure.Retryable, failure.IntegrationScope, "answer_cut", "PHP ran out of memory or time", answer)
	}

	if err := c.trusted(answer); err != nil {
		return answer, err
	}

	if answer.Status < 300 {
		answer.Body = withoutNotices(answer.Body)
	}

	return answer, nil
}

// exhausted reports whether an answer is PHP's error of a page that was too large
// for it, which comes with status 200 where errors are shown
// (https://www.php.net/manual/en/ini.core.php#ini.memory-limit).
func exhausted(body []byte) bool {
	return bytes.Contains(body, []byte("Allowed memory size of")) || bytes.Contains(body, []byte("Maximum execution time of"))
}

// unread is for a page that is too large to be read. That is no refusal.
func unread(err error) error {
	var e *failure.Error
	if errors.As(err, &e) && e.Code == "answer_too_large" {
		e.Class = failure.Retryable
		e.Scope = failure.IntegrationScope
	}
	return err
}

// noList is for half a list, which must not pass for a whole one: an issue not
// found is made again.
func (c *Connector) noList(answer outbound.Response) *failure.Error {
	if paging.Partial(answer.StreamError) {
		return c.fail(failure.Retryable, failure.IntegrationScope, paging.Code(answer.StreamError), "MantisBT's answer is not a whole list of issues: "+shown(answer, c.said(answer)), answer)
	}

	if refusal, ok := faultIn(answer); ok {
		return c.refused(http.MethodGet, refusal)
	}

	return c.unreadable("MantisBT's answer is not a list of issues", answer)
}

// only reads an answer that holds one issue.
func only(body []byte) (issue, error) {
	var all []issue
	err := eachIssue(bytes.NewReader(body), func(i issue) { all = append(all, i) })
	if err != nil || len(all) != 1 || all[0].ID <= 0 {
		return issue{}, errNoIssue
	}
	return all[0], nil
}

// eachIssue reads {"issues": […]} one issue at a time. It holds nothing of the
// members that are not read.
func eachIssue(body io.Reader, each func(issue)) error {
	r := jsonstream.NewReader(body)
	found := false
	err := r.Object(func(name string) error {
		if name != "issues" {
			return nil
		}
		if found {
			return errNoIssue
		}

		found = true

		return jsonstream.Elements(r, each)
	})
	if err != nil {
		return err
	}
	if !found {
		return errNoIssue
	}

	rest, err := r.Rest(maxNotices)
	if err != nil {
		return err
	}
	// PHP's notices behind an answer do no harm. Other text does.
	if string(withoutNotices(append([]byte("}"), rest...))) != "}" {
		return errNoIssue
	}

	return nil
}
