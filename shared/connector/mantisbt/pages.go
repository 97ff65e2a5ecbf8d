package mantisbt

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/outbound"
)

// A pages reads the list of issues page by page.
type pages struct {
	client  *client
	answers *answers
}

// wanted reports whether there is an issue at a place that was changed at or
// after since.
func (pg *pages) changedSince(ctx context.Context, p projectRef, place int, since time.Time) (bool, error) {
	rows, err := pg.rows(ctx, p, 1, place+1, brief)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	return !rows[0].UpdatedAt.Before(since), nil
}

// list asks for one page of the project's issues: the sticky ones first, then
// those changed last. Projects below it are part of it.
func (pg *pages) list(ctx context.Context, p projectRef, size, page int, members string) (outbound.Response, error) {
	request := pg.listing(p, size, page, members)
	return pg.client.get(ctx, request.URL, request.MaxBody)
}

// listing is the request for a page.
func (pg *pages) listing(p projectRef, size, page int, members string) outbound.Request {
	query := url.Values{
		"project_id": {strconv.FormatInt(p.project, 10)}, "page_size": {strconv.Itoa(size)}, "page": {strconv.Itoa(page)}, "select": {members},
	}
	return outbound.Request{Method: http.MethodGet, URL: p.root + "/issues?" + query.Encode(), Header: pg.client.header(), MaxBody: paging.MaxBody}
}

// rows gives a page's issues.
func (pg *pages) rows(ctx context.Context, p projectRef, size, page int, members string) ([]issue, error) {
	rows := []issue{}
	sound := true
	request := pg.listing(p, size, page, members)
	request.Stream = func(body io.Reader) error {
		return eachIssue(body, func(i issue) {
			sound = sound && i.ID > 0 && !i.UpdatedAt.IsZero()
			rows = append(rows, i)
		})
	}

	answer, err := pg.client.stream(ctx, request)
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return nil, pg.answers.refused(http.MethodGet, answer)
	}
	if answer.StreamError != nil || !sound || len(rows) > size {
		return nil, pg.answers.noList(answer)
	}

	return rows, nil
}
