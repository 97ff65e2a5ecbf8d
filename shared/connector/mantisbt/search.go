package mantisbt

import (
	"context"
	"slices"
	"time"

	"integrations/shared/connector"
	"integrations/shared/outbound"
)

// A front is what a list begins with.
type front struct {
	size int     // how many sticky issues come first
	rows []issue // the first issues, in brief
	end  bool    // these are all there are
}

// stickyPages bounds the sticky issues, which are held in brief and read anew
// for each piece: 2,000.
const stickyPages = 40

// front reads how a list begins, up to the first ordinary issue.
func (c *Connector) front(ctx context.Context, p place) (front, error) {
	var f front
	for page := 1; page <= stickyPages; page++ {
		rows, err := c.rows(ctx, p, changesPage, page, brief)
		if err != nil {
			return front{}, err
		}
		for _, i := range rows { // a server may tell more than it was asked for
			f.rows = append(f.rows, issue{ID: i.ID, Sticky: i.Sticky, UpdatedAt: i.UpdatedAt})
		}
		f.end = len(rows) < changesPage
		for f.size < len(f.rows) && f.rows[f.size].Sticky {
			f.size++
		}
		if f.end || f.size < len(f.rows) {
			return f, nil
		}
	}
	return front{}, c.endless("the sticky issues do not end")
}

// endless is for a list longer than any that is walked through.
func (c *Connector) endless(detail string) *connector.Error {
	return c.fail(connector.Final, connector.IntegrationScope, "list_endless", detail, outbound.Response{})
}

// sticky hands out the sticky issues that belong to a piece: those changed
// within its times, or all up to now behind the last one.
func (c *Connector) sticky(ctx context.Context, p place, f front, cut piece, each func(issue)) error {
	belongs := func(i issue) bool {
		return !i.UpdatedAt.Before(cut.after) && (!cut.more || !i.UpdatedAt.After(cut.upto))
	}
	if !slices.ContainsFunc(f.rows[:f.size], belongs) {
		return nil
	}
	for page := 1; (page-1)*changesPage < f.size; page++ {
		rows, err := c.rows(ctx, p, changesPage, page, whole)
		if err != nil {
			return err
		}
		for _, i := range rows {
			if i.Sticky && belongs(i) {
				each(i)
			}
		}
	}
	return nil
}

// oldest is the place of the last ordinary issue changed at or after since, or
// the one before the first if there is none.
func (c *Connector) oldest(ctx context.Context, p place, f front, since time.Time) (int, error) {
	for place := f.size; place < len(f.rows); place++ {
		if f.rows[place].UpdatedAt.Before(since) {
			return place - 1, nil
		}
	}
	if f.end {
		return len(f.rows) - 1, nil
	}
	in, out, err := c.around(ctx, p, len(f.rows)-1, since)
	if err != nil {
		return 0, err
	}
	for out-in > 1 {
		middle := in + (out-in)/2
		wanted, err := c.wanted(ctx, p, middle, since)
		if err != nil {
			return 0, err
		}
		if wanted {
			in = middle
		} else {
			out = middle
		}
	}
	c.follow(func(t *trail) { t.from, t.oldest = since, in })
	return in, nil
}

// around finds a wanted place and one behind it that is not, beginning where
// the last search ended and going on in ever longer steps.
func (c *Connector) around(ctx context.Context, p place, in int, since time.Time) (int, int, error) {
	step := changesPage
	if t := c.followed(); t.from.Equal(since) && t.oldest > in {
		wanted, err := c.wanted(ctx, p, t.oldest, since)
		if err != nil {
			return 0, 0, err
		}
		if !wanted {
			return in, t.oldest, nil
		}
		in, step = t.oldest, 1
	}
	for out := in + step; out < maxPages*changesPage; out = in + step {
		wanted, err := c.wanted(ctx, p, out, since)
		if err != nil || !wanted {
			return in, out, err
		}
		in, step = out, 2*step
	}
	return in, maxPages * changesPage, nil
}

// wanted tells whether there is an issue at a place that was changed at or
// after since.
func (c *Connector) wanted(ctx context.Context, p place, place int, since time.Time) (bool, error) {
	rows, err := c.rows(ctx, p, 1, place+1, brief)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	return !rows[0].UpdatedAt.Before(since), nil
}

// window gives the smallest page that holds the places from lo to hi, and its
// number.
func window(lo, hi int) (size, page int) {
	for size = hi - lo + 1; lo/size != hi/size; size++ {
	}
	return size, lo/size + 1
}
