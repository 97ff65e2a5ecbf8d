package mantisbt

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

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
func (c *Connector) list(ctx context.Context, p projectRef, size, page int, members string) (outbound.Response, error) {
	request := c.listing(p, size, page, members)
	return c.client.get(ctx, request.URL, request.MaxBody)
}

// listing is the request for a page.
func (c *Connector) listing(p projectRef, size, page int, members string) outbound.Request {
	query := url.Values{
		"project_id": {strconv.FormatInt(p.project, 10)}, "page_size": {strconv.Itoa(size)}, "page": {strconv.Itoa(page)}, "select": {members},
	}
	return outbound.Request{Method: http.MethodGet, URL: p.root + "/issues?" + query.Encode(), Header: c.client.header(), MaxBody: paging.MaxBody}
}

// rows gives a page's issues.
func (c *Connector) rows(ctx context.Context, p projectRef, size, page int, members string) ([]issue, error) {
	rows := []issue{}
	sound := true
	request := c.listing(p, size, page, members)
	request.Stream = func(body io.Reader) error {
		return eachIssue(body, func(i issue) {
			sound = sound && i.ID > 0 && !i.UpdatedAt.IsZero()
			rows = append(rows, i)
		})
	}

	answer, err := c.client.stream(ctx, request)
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return nil, c.answers.refused(http.MethodGet, answer)
	}
	if answer.StreamError != nil || !sound || len(rows) > size {
		return nil, c.answers.noList(answer)
	}

	return rows, nil
}

// exhausted reports whether an answer is PHP's error of a page that was too large
// for it, which comes with status 200 where errors are shown
// (https://www.php.net/manual/en/ini.core.php#ini.memory-limit).
func exhausted(body []byte) bool {
	return bytes.Contains(body, []byte("Allowed memory size of")) || bytes.Contains(body, []byte("Maximum execution time of"))
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
