package jira

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/jsonstream"
)

// A pages reads lists of issues page by page. A page that Jira fails to answer
// with is asked for again with fewer issues.
type pages struct {
	client  *client
	answers *answers
	sizes   *paging.Size
}

const (
	// pageBody bounds a single issue with all its fields.
	pageBody = 32 << 20
	// maxPages bounds a walk whose end never comes: a million issues.
	maxPages = 10_000
	// emptyPages is how many pages in a row may have no issue though others
	// follow.
	emptyPages = 10
)

// search hands each issue of a page of results over, one at a time, and gives
// the cursor of the next page, "" behind the last.
func (pg *pages) page(ctx context.Context, jql, cursor string, each func(issue)) (string, error) {
	next, _, err := pg.counted(ctx, jql, cursor, each)
	return next, err
}

// counted is search, and says how many issues the page had. A page that failed
// and was asked for again with fewer issues has handed over some of them before.
// A cursor is a place in the results, whatever the size of the pages.
func (pg *pages) counted(ctx context.Context, jql, cursor string, each func(issue)) (next string, count int, err error) {
	err = pg.sizes.Read(func(size int) error {
		next, count, err = pg.searchPage(ctx, jql, cursor, size, each)
		return err
	})
	return next, count, err
}

func (pg *pages) searchPage(ctx context.Context, jql, cursor string, size int, each func(issue)) (next string, count int, err error) {
	query := pg.client.flavor.wanted(url.Values{
		"jql": {jql}, "maxResults": {strconv.Itoa(size)}, "fields": {readFields},
	})
	whole := true
	var p page
	answer, err := pg.client.stream(ctx, pg.client.api(pg.client.flavor.search(query, cursor)), func(body io.Reader) (err error) {
		p, err = eachIssue(body, func(i issue) {
			whole = whole && i.whole()
			if whole {
				each(i)
			}
		})
		return err
	})
	if err != nil {
		return "", 0, err
	}

	switch {
	case answer.Status == http.StatusBadRequest && !foreign(answer, pg.answers.said(answer)): // the one thing of the query that may be wrong
		return "", 0, pg.answers.fail(failure.Final, failure.IntegrationScope, "target_not_found",
			pg.answers.said(answer).Reason("the project does not exist, or the token may not see it"), answer)
	case answer.Status != http.StatusOK:
		return "", 0, pg.answers.refused(http.MethodGet, answer)
	}

	next, told := pg.client.flavor.next(p, cursor)
	if answer.StreamError != nil || !whole || !told {
		return "", 0, pg.answers.noList(answer)
	}

	return next, p.count, nil
}

// walk searches page by page, to the end.
func (pg *pages) walk(ctx context.Context, jql string, each func(issue)) error {
	cursor := ""
	for range maxPages {
		next, err := pg.page(ctx, jql, cursor, each)
		if err != nil || next == "" {
			return err
		}
		cursor = next
	}

	return pg.answers.endless()
}

var errNoList = errors.New("no list of issues")

// eachIssue reads a page one issue at a time. It holds what is read of one
// issue, and nothing of the fields that are not read.
func eachIssue(body io.Reader, each func(issue)) (page, error) {
	r := jsonstream.NewReader(body)
	var p page
	listed := false
	err := r.Object(func(name string) error {
		switch name {
		case "issues":
			if listed {
				return errNoList
			}

			listed = true

			return jsonstream.Elements(r, func(i issue) {
				p.count++
				each(i)
			})

		case "isLast":
			return r.Decode(&p.IsLast)
		case "nextPageToken":
			return r.Decode(&p.Token)
		case "total":
			return r.Decode(&p.Total)
		}

		return nil
	})
	if err != nil {
		return p, err
	}
	if !listed {
		return p, errNoList
	}

	return p, r.End()
}

// A page is a page of search results, without the issues.
type page struct {
	count  int
	IsLast *bool   `json:"isLast"`
	Token  *string `json:"nextPageToken"`
	Total  *int    `json:"total"`
}
