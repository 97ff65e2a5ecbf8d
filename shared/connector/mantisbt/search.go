package mantisbt

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// A front is what a list begins with.
type front struct {
	size int     // how many sticky issues come first
	rows []issue // the first issues, in brief
	end  bool    // these are all there are
}

// stickyMost bounds the sticky issues, which are held in brief and read anew for
// each piece.
const stickyMost = 2_000

// wanted are the sticky issues changed at or after a time, the oldest change
// first, in brief.
func (f front) wanted(since time.Time) []issue {
	var some []issue
	for _, i := range f.rows[:f.size] {
		if !i.UpdatedAt.Before(since) {
			some = append(some, i)
		}
	}

	slices.SortFunc(some, func(a, b issue) int {
		return cmp.Or(a.UpdatedAt.Compare(b.UpdatedAt), cmp.Compare(a.ID, b.ID))
	})

	return some
}

// front reads how a list begins, up to the first ordinary issue.
func (c *Connector) front(ctx context.Context, r reading) (front, error) {
	var f front
	size := min(changesPage, r.size)
	for page := 1; page <= stickyMost/size; page++ {
		rows, err := c.pages.rows(ctx, r.projectRef, size, page, brief)
		if err != nil {
			return front{}, err
		}

		for _, i := range rows { // a server may tell more than it was asked for
			f.rows = append(f.rows, issue{ID: i.ID, Sticky: i.Sticky, UpdatedAt: i.UpdatedAt})
		}

		f.end = len(rows) < size
		for f.size < len(f.rows) && f.rows[f.size].Sticky {
			f.size++
		}

		if f.end || f.size < len(f.rows) {
			return f, nil
		}
	}

	return front{}, c.answers.endless("the sticky issues do not end")
}

// fillSticky reads the texts of the sticky issues that are to be handed over. One
// that has changed meanwhile is missing: its place is behind all others now.
func (c *Connector) fillSticky(ctx context.Context, r reading, f front, all []listed) error {
	open := map[number]*listed{}
	for i := range all {
		if all[i].sticky {
			all[i].missing = true
			open[all[i].ID] = &all[i]
		}
	}

	size := min(changesPage, r.size)
	for page := 1; len(open) > 0 && (page-1)*size < f.size; page++ {
		rows, err := c.pages.rows(ctx, r.projectRef, size, page, whole)
		if err != nil {
			return err
		}

		for _, i := range rows {
			wanted := open[i.ID]
			if wanted == nil || !i.Sticky || !i.UpdatedAt.Equal(wanted.UpdatedAt) {
				continue
			}

			*wanted = listed{issue: i, sticky: true}
			delete(open, i.ID)
		}
	}

	return nil
}

// A position is an offset among all changes, ordinary and sticky ones, and the
// place of the oldest wanted ordinary issue.
type position struct{ oldest, offset int }

// stickyBefore is how many of the sticky issues are before a position. One is if
// enough ordinary issues are as new as it, or newer.
func (c *Connector) stickyBefore(ctx context.Context, p projectRef, f front, sticky []issue, at position) (int, error) {
	from := 0
	to := len(sticky)
	if at.offset == 0 {
		return 0, nil
	}

	for from < to {
		middle := (from + to) / 2
		before, err := c.before(ctx, p, f, sticky[middle].UpdatedAt, position{at.oldest, at.offset - middle - 1})
		if err != nil {
			return 0, err
		}

		if before {
			from = middle + 1
		} else {
			to = middle
		}
	}

	return from, nil
}

// before reports whether at most so many ordinary issues as the offset says were
// changed before a time.
func (c *Connector) before(ctx context.Context, p projectRef, f front, changed time.Time, at position) (bool, error) {
	place := at.oldest - at.offset
	switch {
	case at.offset < 0:
		return false, nil
	case place < f.size:
		return true, nil
	case place < len(f.rows):
		return !f.rows[place].UpdatedAt.Before(changed), nil
	}

	return c.pages.changedSince(ctx, p, place, changed)
}

// oldest is the place of the last ordinary issue changed at or after since, or
// the one before the first if there is none.
func (c *Connector) oldest(ctx context.Context, p projectRef, f front, since time.Time) (int, error) {
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
		wanted, err := c.pages.changedSince(ctx, p, middle, since)
		if err != nil {
			return 0, err
		}

		if wanted {
			in = middle
		} else {
			out = middle
		}
	}

	c.follow(func(t *trail) {
		t.from = since
		t.oldest = in
	})

	return in, nil
}

// around finds a wanted place and one behind it that is not, beginning where
// the last search ended and going on in ever longer steps.
func (c *Connector) around(ctx context.Context, p projectRef, in int, since time.Time) (int, int, error) {
	step := changesPage
	if t := c.followed(); t.from.Equal(since) && t.oldest > in {
		wanted, err := c.pages.changedSince(ctx, p, t.oldest, since)
		if err != nil {
			return 0, 0, err
		}
		if !wanted {
			return in, t.oldest, nil
		}

		in = t.oldest
		step = 1
	}

	for out := in + step; out < maxPages*changesPage; out = in + step {
		wanted, err := c.pages.changedSince(ctx, p, out, since)
		if err != nil || !wanted {
			return in, out, err
		}

		in = out
		step = 2 * step
	}

	return in, maxPages * changesPage, nil
}

// smallestPage gives the smallest page that holds the places from lo to hi, and its
// number.
func smallestPage(lo, hi int) (size, page int) {
	for size = hi - lo + 1; lo/size != hi/size; size++ {
	}
	return size, lo/size + 1
}
