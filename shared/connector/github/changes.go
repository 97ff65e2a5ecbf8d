package github

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"integrations/shared/connector"
	"integrations/shared/markup"
)

// changesPage is how many issues a page of changes has: as many as GitHub
// gives.
const changesPage = "100"

// Changes lists issues by their last change, the oldest first. GitHub counts
// time in seconds. Pull requests, which its list holds too, are left out.
func (c *Connector) Changes(ctx context.Context, since time.Time, page int) ([]connector.Object, bool, error) {
	query := url.Values{"state": {"all"}, "sort": {"updated"}, "direction": {"asc"}, "per_page": {changesPage}, "page": {strconv.Itoa(page)}}
	if !since.IsZero() {
		query.Set("since", since.UTC().Format(time.RFC3339))
	}
	where := c.repository() + "/issues?" + query.Encode()
	var objects []connector.Object
	answer, err := c.page(ctx, where, func(i issue) {
		if i.PullRequest == nil {
			objects = append(objects, i.object())
		}
	})
	if err != nil {
		return nil, false, err
	}
	_, more := c.next(where, answer.Header)
	return objects, more, nil
}

func (i issue) object() connector.Object {
	marker, _ := parseMarker(i.Body)
	title := markup.Cut(strings.ToValidUTF8(i.Title, "\uFFFD"), maxTitle, "")
	return connector.Object{Written: i.written(), Marker: marker, Title: title, CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt}
}
