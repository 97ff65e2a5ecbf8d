package jira

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"integrations/shared/connector"
	"integrations/shared/outbound"
)

const (
	// pageSize is how many issues a page has: as many as Jira gives with all
	// their fields.
	pageSize = 100
	// pageBody bounds a page: a hundred issues with the longest descriptions.
	pageBody = 32 << 20
	// maxPages bounds a walk whose end never comes: a million issues.
	maxPages = 10_000
)

// search hands each issue of a page of results over, one at a time, and gives
// the cursor of the next page, "" behind the last.
func (c *Connector) search(ctx context.Context, jql, cursor string, each func(issue)) (string, error) {
	query := c.flavor.wanted(url.Values{
		"jql": {jql}, "maxResults": {strconv.Itoa(pageSize)}, "fields": {readFields},
	})
	answer, err := c.get(ctx, c.api(c.flavor.search(query, cursor)), pageBody)
	if err != nil {
		return "", err
	}
	switch {
	case answer.Status == http.StatusBadRequest && !c.said(answer).Markup: // the one thing of the query that may be wrong
		return "", c.fail(connector.Final, connector.IntegrationScope, "target_not_found",
			c.said(answer).Reason("the project does not exist, or the token may not see it"), answer)
	case answer.Status != http.StatusOK:
		return "", c.refused(http.MethodGet, answer)
	}
	whole := true
	p, err := eachIssue(answer.Body, func(i issue) {
		whole = whole && i.whole()
		if whole {
			each(i)
		}
	})
	next, told := c.flavor.next(p, cursor)
	if err != nil || !whole || !told {
		return "", c.noList(answer)
	}
	return next, nil
}

// noList is for half a list, which must not pass for a whole one: an issue not
// found is made again.
func (c *Connector) noList(answer outbound.Response) *connector.Error {
	return c.unreadable("Jira's answer is not a list of issues", answer)
}

// walk searches page by page, to the end.
func (c *Connector) walk(ctx context.Context, jql string, each func(issue)) error {
	cursor := ""
	for range maxPages {
		next, err := c.search(ctx, jql, cursor, each)
		if err != nil || next == "" {
			return err
		}
		cursor = next
	}
	return c.fail(connector.Final, connector.IntegrationScope, "list_endless", "the list of issues does not end", outbound.Response{})
}

var errNoList = errors.New("no list of issues")

// eachIssue reads a page one issue at a time: it may be large.
func eachIssue(body []byte, each func(issue)) (page, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	rest, listed := map[string]json.RawMessage{}, false
	var p page
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return p, errNoList
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return p, err
		}
		if name == "issues" && !listed {
			listed = true
			if p.count, err = decodeIssues(d, each); err != nil {
				return p, err
			}
			continue
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return p, err
		}
		switch name {
		case "isLast", "nextPageToken", "total":
			rest[name.(string)] = value
		case "issues":
			return p, errNoList
		}
	}
	if _, err := d.Token(); err != nil {
		return p, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) || !listed {
		return p, errNoList
	}
	return p, p.tail(rest)
}

// tail reads what a page says of itself.
func (p *page) tail(members map[string]json.RawMessage) error {
	for name, into := range map[string]any{"isLast": &p.IsLast, "nextPageToken": &p.Token, "total": &p.Total} {
		if value, ok := members[name]; ok {
			if err := json.Unmarshal(value, into); err != nil {
				return err
			}
		}
	}
	return nil
}

func decodeIssues(d *json.Decoder, each func(issue)) (count int, err error) {
	if start, err := d.Token(); err != nil || start != json.Delim('[') {
		return 0, errNoList
	}
	for d.More() {
		var i issue
		if err := d.Decode(&i); err != nil {
			return count, err
		}
		count++
		each(i)
	}
	_, err = d.Token()
	return count, err
}
