package mantisbt

import (
	"context"
	"time"

	"integrations/shared/connector"
	"integrations/shared/domain"
	"integrations/shared/outbound"
)

// maxPages bounds a walk whose end never comes: half a million issues.
const maxPages = 10_000

// Behind is how far MantisBT's clock is behind ours.
func (c *Connector) Behind() (last, most time.Duration) { return c.client.Behind() }

// Find walks through the issues changed since, which those created since are
// among, in the live database. It goes from the oldest change to the newest:
// an issue that changes meanwhile moves to where the walk still comes by. Where
// several carry an item's marker the first made is the item's: people copy
// issues with all there is in them.
func (c *Connector) Find(ctx context.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	found := map[domain.Snowflake]connector.Written{}
	if len(want) == 0 {
		return found, nil
	}
	wanted, first := map[connector.Marker]bool{}, map[domain.Snowflake]int64{}
	for _, m := range want {
		wanted[connector.Marker{Integration: m.Integration, Item: m.Item}] = true
	}
	since = since.Truncate(time.Second)
	for at, page, n := since, 1, 0; n < maxPages; n++ {
		b, err := c.batch(ctx, at, page)
		if err != nil {
			return nil, err
		}
		for _, o := range b.objects {
			m := o.Marker
			m.Attempt = 0
			before := first[m.Item]
			if wanted[m] && !o.CreatedAt.Before(since) && (before == 0 || o.number < before) {
				found[m.Item], first[m.Item] = o.Written, o.number
			}
		}
		if !b.more {
			return found, nil
		}
		at, page = b.next(at, page)
	}
	return nil, c.fail(connector.Final, connector.IntegrationScope, "list_endless", "the list of issues does not end", outbound.Response{})
}
