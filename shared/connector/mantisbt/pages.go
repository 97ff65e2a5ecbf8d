package mantisbt

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/jsonstream"
	"example.com/integrations/shared/outbound"
)

const (
	// maxPages bounds a list that does not end: half a million issues.
	maxPages = 10_000
	// whole are the members that an object needs, brief those that its position
	// needs.
	whole = "id,summary,description,additional_information,project,status,sticky,created_at,updated_at"
	brief = "id,sticky,updated_at"
)

// A pages reads the list of issues page by page: first the sticky issues, then
// those changed last. Issues of projects below the project are in the list too.
type pages struct {
	client     *client
	classifier *classifier
}

// rows are the issues of one page with some of their members.
func (pg *pages) rows(ctx context.Context, p projectRef, size, page int, members string) ([]issue, error) {
	rows := []issue{}
	valid := true
	request := pg.request(p, size, page, members)
	request.Stream = func(body io.Reader) error {
		return eachIssue(body, func(i issue) {
			valid = valid && i.ID > 0 && !i.UpdatedAt.IsZero()
			rows = append(rows, i)
		})
	}

	answer, err := pg.client.stream(ctx, request)
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return nil, pg.classifier.refused(http.MethodGet, answer)
	}
	if answer.StreamError != nil || !valid || len(rows) > size {
		return nil, pg.classifier.noList(answer)
	}

	return rows, nil
}

// changedSince reports whether the list has an issue at a position that was
// changed at or after a time.
func (pg *pages) changedSince(ctx context.Context, p projectRef, position int, since time.Time) (bool, error) {
	rows, err := pg.rows(ctx, p, 1, position+1, brief)
	if err != nil || len(rows) == 0 {
		return false, err
	}

	return !rows[0].UpdatedAt.Before(since), nil
}

// one is the answer to a request for the id of one issue.
func (pg *pages) one(ctx context.Context, p projectRef) (outbound.Response, error) {
	request := pg.request(p, 1, 1, "id")

	return pg.client.get(ctx, request.URL, request.MaxBody)
}

func (pg *pages) request(p projectRef, size, page int, members string) outbound.Request {
	query := url.Values{
		"project_id": {strconv.FormatInt(p.id, 10)},
		"page_size":  {strconv.Itoa(size)},
		"page":       {strconv.Itoa(page)},
		"select":     {members},
	}

	return outbound.Request{
		Method: http.MethodGet, URL: p.root + "/issues?" + query.Encode(), Header: pg.client.header(), MaxBody: paging.MaxBody,
	}
}

// smallestPage gives the size and the number of the smallest page that holds the
// positions from lo to hi.
func smallestPage(lo, hi int) (size, page int) {
	size = hi - lo + 1
	for lo/size != hi/size {
		size++
	}

	return size, lo/size + 1
}

var errNoIssue = errors.New("no issue")

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

	// PHP's notices behind an answer do no harm. Any other text may be an error.
	if string(withoutNotices(append([]byte("}"), rest...))) != "}" {
		return errNoIssue
	}

	return nil
}
