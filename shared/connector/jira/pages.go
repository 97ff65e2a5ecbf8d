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
	"example.com/integrations/shared/outbound"
)

const (
	// maxPages bounds a list that does not end: a million issues.
	maxPages = 10_000
	// emptyPages is how many pages in a row may be empty though others follow.
	emptyPages = 10
)

// A pages reads lists of issues page by page. A page that Jira fails to answer
// with, or that is too large to be read, is asked for again with fewer issues.
type pages struct {
	client     *client
	classifier *classifier
	sizes      *paging.Size
}

// walk reads all pages of a query.
func (pg *pages) walk(ctx context.Context, jql string, each func(issue)) error {
	cursor := ""
	for range maxPages {
		next, _, err := pg.page(ctx, jql, cursor, each)
		if err != nil || next == "" {
			return err
		}

		cursor = next
	}

	return pg.classifier.endless()
}

// page hands over each issue of one page, and returns the cursor of the next
// page, "" behind the last one, and the number of issues of the page. A page that
// failed and was asked for again has handed over some issues before. A cursor is
// a position in the results, whatever the size of the pages.
func (pg *pages) page(ctx context.Context, jql, cursor string, each func(issue)) (next string, count int, err error) {
	err = pg.sizes.Read(func(size int) error {
		query := url.Values{"jql": {jql}, "maxResults": {strconv.Itoa(size)}, "fields": {readFields}}
		next, count, err = pg.read(ctx, query, cursor, each)

		return err
	})

	return next, count, err
}

// read asks for one page of a query.
func (pg *pages) read(ctx context.Context, query url.Values, cursor string, each func(issue)) (next string, count int, err error) {
	flavor := pg.client.flavor
	whole := true
	var p page
	answer, err := pg.client.stream(ctx, pg.client.api(flavor.search(flavor.wanted(query), cursor)), func(body io.Reader) (err error) {
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

	if answer.Status != http.StatusOK {
		return "", 0, pg.refused(answer)
	}

	next, known := flavor.next(p, cursor)
	if answer.StreamError != nil || !whole || !known {
		return "", 0, pg.classifier.noList(answer)
	}

	return next, p.count, nil
}

// refused is the error for a refused search. The project is the only part of a
// query that may be wrong.
func (pg *pages) refused(answer outbound.Response) *failure.Error {
	if answer.Status == http.StatusBadRequest {
		said := pg.classifier.said(answer)
		if !foreign(answer, said) {
			return pg.classifier.fail(failure.Final, failure.IntegrationScope, "target_not_found", said.Reason(noProject), answer)
		}
	}

	return pg.classifier.refused(http.MethodGet, answer)
}

// A page is a page of search results, without the issues.
type page struct {
	count  int
	IsLast *bool   `json:"isLast"`
	Token  *string `json:"nextPageToken"`
	Total  *int    `json:"total"`
}

var errNoList = errors.New("no list of issues")

// eachIssue reads a page one issue at a time. It holds one issue, and nothing of
// the fields that are not read.
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
