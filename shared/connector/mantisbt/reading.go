package mantisbt

import (
	"cmp"
	"context"
	"slices"
	"time"

	"example.com/integrations/shared/connector/paging"
)

// A reading reads parts of the project's list, in pages of at most a size.
// Positions in the list count from 0.
type reading struct {
	pages *pages
	p     projectRef
	size  int
}

func (r reading) rows(ctx context.Context, size, page int, members string) ([]issue, error) {
	return r.pages.rows(ctx, r.p, size, page, members)
}

// at reads the issue at a position. The list is empty if there is none.
func (r reading) at(ctx context.Context, position int, members string) ([]issue, error) {
	return r.rows(ctx, 1, position+1, members)
}

// A front is what a list begins with.
type front struct {
	size int     // how many sticky issues come first
	rows []issue // the first issues, in brief
	end  bool    // the list has no others
}

// stickyMost bounds the sticky issues, which are held in brief and read again for
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

// front reads the beginning of the list, up to the first ordinary issue. It is
// not ok if there are more sticky issues than are read.
func (r reading) front(ctx context.Context) (f front, ok bool, err error) {
	size := min(changesPage, r.size)
	for page := 1; page <= stickyMost/size; page++ {
		rows, err := r.rows(ctx, size, page, brief)
		if err != nil {
			return front{}, false, err
		}

		for _, i := range rows { // a server may send more members than it was asked for
			f.rows = append(f.rows, issue{ID: i.ID, Sticky: i.Sticky, UpdatedAt: i.UpdatedAt})
		}

		f.end = len(rows) < size
		for f.size < len(f.rows) && f.rows[f.size].Sticky {
			f.size++
		}

		if f.end || f.size < len(f.rows) {
			return f, true, nil
		}
	}

	return front{}, false, nil
}

// fillSticky reads the texts of the sticky issues that are to be handed over. One
// that has changed meanwhile is missing: it is now behind all others.
func (r reading) fillSticky(ctx context.Context, f front, all []listed) error {
	open := map[number]*listed{}
	for i := range all {
		if all[i].sticky {
			all[i].missing = true
			open[all[i].ID] = &all[i]
		}
	}

	size := min(changesPage, r.size)
	for page := 1; len(open) > 0 && (page-1)*size < f.size; page++ {
		rows, err := r.rows(ctx, size, page, whole)
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

// A position is an offset among all changes, ordinary and sticky ones, counted
// from the oldest wanted ordinary issue.
type position struct {
	oldest int // the position of that issue in the list
	offset int
}

// stickyBefore is how many of the sticky issues are before a position. One is if
// enough ordinary issues are as new as it, or newer.
func (r reading) stickyBefore(ctx context.Context, f front, sticky []issue, at position) (int, error) {
	if at.offset == 0 {
		return 0, nil
	}

	from := 0
	to := len(sticky)
	for from < to {
		middle := (from + to) / 2
		before, err := r.before(ctx, f, sticky[middle].UpdatedAt, position{at.oldest, at.offset - middle - 1})
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

// before reports whether at most as many ordinary issues as the offset were
// changed before a time.
func (r reading) before(ctx context.Context, f front, changed time.Time, at position) (bool, error) {
	index := at.oldest - at.offset
	switch {
	case at.offset < 0:
		return false, nil
	case index < f.size:
		return true, nil
	case index < len(f.rows):
		return !f.rows[index].UpdatedAt.Before(changed), nil
	}

	return r.pages.changedSince(ctx, r.p, index, changed)
}

// A window is the part of the list that is to be read: up to the position hi,
// and some positions behind it.
type window struct {
	hi     int
	first  bool // hi is the oldest wanted issue, which is checked by its time
	behind int
}

// cut reads the issues up to the position hi, and some behind it, in one request,
// and takes as many as one call hands over. It is not ok if the list has moved.
func (r reading) cut(ctx context.Context, f front, since time.Time, w window) (cut piece, ok bool, err error) {
	n := min(changesPage, r.size)
	if r.size == 1 {
		n = paging.Least
	}

	read, err := r.stretch(ctx, max(0, w.hi-n+1), w)
	if err != nil {
		return piece{}, false, err
	}

	hi := w.hi
	if w.first {
		oldest, sure := read.oldest(since)
		if !sure {
			return piece{}, false, nil
		}

		hi = oldest
	}

	hi = min(hi, read.end()-1)
	lo := max(read.start, hi-n+1)
	for lo <= hi && lo < f.size && read.at(lo).Sticky {
		lo++
	}

	if hi < lo {
		return piece{}, false, nil
	}

	// A sticky issue that was deleted, or is not sticky any more, leaves ordinary
	// ones where the front was.
	taken := piece{front: f, hi: hi, newer: lo > f.size || lo > 0 && lo == read.start && lo < f.size}
	for position := hi; position >= lo; position-- {
		taken.rows = append(taken.rows, read.at(position))
	}

	return taken, true, nil
}

// stretch reads the positions from lo to the end of a window in one request: the
// list may move between two requests. Where no page of the allowed size holds
// them all, it leaves out some at the front.
func (r reading) stretch(ctx context.Context, lo int, w window) (stretch, error) {
	behind := max(1, min(w.behind, r.size/2))
	for ; lo <= w.hi; lo++ {
		size, page := smallestPage(lo, w.hi+behind)
		if size > r.size {
			continue
		}

		rows, err := r.rows(ctx, size, page, whole)

		return stretch{rows: rows, start: (page - 1) * size, last: len(rows) < size}, err
	}

	return r.oneByOne(ctx, max(0, w.hi-paging.Least+1), w.hi)
}

// oneByOne reads the positions from lo to hi, and the one behind them, each in a
// request of its own. The issue at hi is read before and after the others: if
// they differ, the list has moved, and the others are left out.
func (r reading) oneByOne(ctx context.Context, lo, hi int) (stretch, error) {
	first, err := r.at(ctx, hi, whole)
	if err != nil || len(first) == 0 {
		return stretch{start: hi, last: true}, err
	}

	newer := []issue{}
	for position := lo; position < hi; position++ {
		row, err := r.at(ctx, position, whole)
		if err != nil {
			return stretch{}, err
		}

		newer = append(newer, row...)
	}

	again, err := r.at(ctx, hi, brief)
	if err != nil {
		return stretch{}, err
	}

	if len(newer) != hi-lo || len(again) == 0 || again[0].ID != first[0].ID {
		newer = nil
	}

	behind, err := r.at(ctx, hi+1, brief)
	if err != nil {
		return stretch{}, err
	}

	rows := append(append(newer, first...), behind...)

	return stretch{rows: rows, start: hi - len(newer), last: len(behind) == 0}, nil
}

// A stretch is a part of the list, from a position on.
type stretch struct {
	rows  []issue
	start int
	last  bool // the list has no issue behind it
}

func (s stretch) at(position int) issue { return s.rows[position-s.start] }
func (s stretch) end() int              { return s.start + len(s.rows) }

// oldest is the last position whose issue was changed at or after a time. It is
// sure only if an older issue, or the end of the list, shows that no other one is
// behind the stretch: the list may have moved since the position was found.
func (s stretch) oldest(since time.Time) (position int, sure bool) {
	position = s.end() - 1
	for position >= s.start && s.at(position).UpdatedAt.Before(since) {
		position--
	}

	return position, s.last || position < s.end()-1
}

// A piece is a stretch of the ordinary issues, and the sticky ones that are to be
// put between them, each from the oldest change on.
type piece struct {
	front  front
	rows   []issue
	hi     int     // the position of the first of the rows
	newer  bool    // newer ordinary issues follow
	sticky []issue // in brief
}

// A listed issue is one to be handed over. Sticky ones are held in brief until
// their texts are read.
type listed struct {
	issue
	sticky, missing bool
}

// merge puts both kinds in the order of their changes, sticky ones first within a
// second, and reports whether others follow.
func (cut piece) merge() (merged []listed, more bool) {
	rows := cut.rows
	sticky := cut.sticky
	for len(merged) < changesPage {
		stickyNext := len(sticky) > 0 && !cut.newer
		if len(sticky) > 0 && len(rows) > 0 {
			stickyNext = !sticky[0].UpdatedAt.After(rows[0].UpdatedAt)
		}

		switch {
		case stickyNext:
			merged = append(merged, listed{issue: sticky[0], sticky: true})
			sticky = sticky[1:]
		case len(rows) > 0:
			merged = append(merged, listed{issue: rows[0]})
			rows = rows[1:]
		default:
			return merged, cut.newer || len(sticky) > 0
		}
	}

	return merged, len(rows) > 0 || cut.newer || len(sticky) > 0
}
