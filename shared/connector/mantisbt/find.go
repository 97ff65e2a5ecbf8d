package mantisbt

import (
	"context"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// maxPages bounds a walk whose end never comes: half a million issues.
const maxPages = 10_000

// ClockLag is how far MantisBT's clock is behind ours.
func (c *Connector) ClockLag() (last, most time.Duration) { return c.client.http.ClockLag() }

// Find walks through the issues changed since, which those created since are
// among, in the live database. It goes from the oldest change to the newest:
// an issue that changes meanwhile moves to where the walk still comes by.
func (c *Connector) Find(ctx context.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	found := map[domain.Snowflake]connector.Written{}
	if len(want) == 0 {
		return found, nil
	}

	originals := connector.NewOriginals(want)
	since = since.Truncate(time.Second)
	for at, offset, n := since, 0, 0; n < maxPages; n++ {
		b, err := c.batch(ctx, at, offset)
		if err != nil {
			return nil, err
		}

		for _, o := range b.objects {
			if o.CreatedAt.Before(since) {
				continue
			}

			for _, item := range originals.See(o.Markers, o.CreatedAt, o.number) {
				found[item] = o.Written
			}
		}

		if !b.more {
			return found, nil
		}

		at, offset = b.next(at, offset)
	}

	return nil, c.answers.fail(failure.Final, failure.IntegrationScope, "list_endless", "the list of issues does not end", outbound.Response{})
}
