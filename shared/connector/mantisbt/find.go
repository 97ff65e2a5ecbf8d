package mantisbt

import (
	"context"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

// A finder looks for issues by the markers in them.
type finder struct {
	classifier *classifier
	changes    *changes
}

// find walks through the issues changed since a time, which include those created
// since. MantisBT lists them from its database, so the list is up to date. The
// walk goes from the oldest change to the newest: an issue that changes meanwhile
// moves to a part of the list that is still to be read.
func (f *finder) find(ctx context.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	found := map[domain.Snowflake]connector.Written{}
	if len(want) == 0 {
		return found, nil
	}

	originals := connector.NewOriginals(want)
	since = since.Truncate(time.Second)
	at := since
	offset := 0
	for range maxPages {
		b, err := f.changes.batch(ctx, at, offset)
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

	return nil, f.classifier.endless("the list of issues does not end")
}
