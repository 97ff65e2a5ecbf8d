package mantisbt

import (
	"context"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/domain"
)

const (
	// changesPage is how many issues one call hands over at most.
	changesPage = 50
	// looks bounds how often a page is looked for in a list that moves.
	looks = 6
)

// MantisBT lists issues from the last change to the first, sticky ones before
// all others, by page only. The contract wants the first change first. So the
// place of the oldest wanted issue is looked for in the list, and the issues
// before it are handed out from there towards the front; sticky issues are put
// in between by their times. A place is never trusted but checked by times: an
// issue that changes moves to the front and shifts all it jumps over. No more
// than a page of issues is held, however many there are.

// Changes lists issues by their last change, the oldest first. MantisBT counts
// time in seconds. A page that MantisBT cannot answer with, or that is too large
// to be read, is asked for again with fewer issues.
func (c *Connector) Changes(ctx context.Context, since time.Time, offset int) ([]connector.Object, bool, error) {
	b, err := c.batch(ctx, since.Truncate(time.Second), offset)
	if err != nil {
		return nil, false, err
	}

	objects := make([]connector.Object, len(b.objects))
	for i, o := range b.objects {
		objects[i] = o.Object
	}

	return objects, b.more, nil
}

// A numbered object has its number as one.
type numbered struct {
	connector.Object
	number int64
}

// A batch is what one call hands over.
type batch struct {
	objects []numbered
	more    bool
}

// next is where the batch behind this one begins: at the newest change seen, or,
// within a block of one time, further on by as many objects.
func (b batch) next(at time.Time, offset int) (time.Time, int) {
	newest := at
	for _, o := range b.objects {
		if o.UpdatedAt.After(newest) {
			newest = o.UpdatedAt
		}
	}

	if newest.After(at) {
		return newest, 0
	}

	return at, offset + len(b.objects)
}

// A trail leads from one batch of changes to the next.
type trail struct {
	since time.Time // the newest change handed out
	at    int       // where the last ordinary issue handed out was
	front front
	// from and oldest are where the last search for a time ended.
	from   time.Time
	oldest int
}

// batch reads the changes at an offset.
func (c *Connector) batch(ctx context.Context, since time.Time, offset int) (b batch, err error) {
	p, flow, err := c.states.prepare(ctx)
	if err != nil {
		return batch{}, err
	}

	err = c.sizes.Read(func(size int) error {
		b, err = c.batchOf(ctx, reading{p, flow, size}, since, offset)
		return err
	})

	return b, err
}

// A reading is what is read, and in pages of which size at most.
type reading struct {
	projectRef
	flow workflow
	size int
}

func (c *Connector) batchOf(ctx context.Context, r reading, since time.Time, offset int) (batch, error) {
	cut, err := c.piece(ctx, r, since, offset)
	if err != nil {
		return batch{}, err
	}

	merged, more := cut.merge()
	if len(merged) > 0 {
		c.remember(cut, merged)
	}

	if err := c.fillSticky(ctx, r, cut.front, merged); err != nil {
		return batch{}, err
	}

	b := batch{more: more}
	for _, i := range merged {
		if i.missing { // it has changed since, and comes later
			continue
		}

		o := c.issues.object(i.issue, r.flow)
		if len(o.Markers) == 0 && int64(i.Project.ID) != r.project { // of a project below it
			o.Object = connector.Object{UpdatedAt: i.UpdatedAt, Ignored: true}
		}

		b.objects = append(b.objects, o)
	}

	if len(b.objects) == 0 && b.more {
		return batch{}, c.answers.moves()
	}

	return b, nil
}

// A piece is a stretch of the ordinary issues, and the sticky ones that are to be
// put between them, each from the oldest change on.
type piece struct {
	front  front
	rows   []issue
	hi     int // the place of the first of the rows
	newer  bool
	sticky []issue // in brief
}

// A listed issue is one to be handed over. Sticky ones are known in brief only,
// until they are filled in.
type listed struct {
	issue
	sticky, missing bool
}

// merge puts both kinds in the order of their changes, sticky ones first within
// a second, and tells whether others follow.
func (cut piece) merge() (merged []listed, more bool) {
	rows := cut.rows
	sticky := cut.sticky
	for len(merged) < changesPage {
		switch {
		case len(sticky) > 0 && (len(rows) > 0 && !sticky[0].UpdatedAt.After(rows[0].UpdatedAt) || len(rows) == 0 && !cut.newer):
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

// remember notes where the next batch begins.
func (c *Connector) remember(cut piece, merged []listed) {
	ordinary := 0
	for _, i := range merged {
		if !i.sticky {
			ordinary++
		}
	}

	if ordinary == 0 {
		return
	}

	c.follow(func(t *trail) {
		t.since = merged[len(merged)-1].UpdatedAt
		t.at = cut.hi - ordinary + 1
		t.front = cut.front
	})
}

// piece cuts the wanted stretch out of the list.
func (c *Connector) piece(ctx context.Context, r reading, since time.Time, offset int) (piece, error) {
	if t := c.followed(); offset == 0 && t.since.Equal(since) && t.at > t.front.size+changesPage {
		cut, ok, err := c.cut(ctx, r, t.front, since, window{hi: t.at, first: true, behind: 1})
		if ok || err != nil {
			cut.sticky = t.front.wanted(since)
			return cut, err
		}
	}

	// The more the list moves, the further behind the place is looked.
	for behind := 1; behind < 1<<looks; behind *= 2 {
		f, err := c.front(ctx, r)
		if err != nil {
			return piece{}, err
		}

		oldest, err := c.oldest(ctx, r.projectRef, f, since)
		if err != nil {
			return piece{}, err
		}

		sticky := f.wanted(since)
		before, err := c.stickyBefore(ctx, r.projectRef, f, sticky, position{oldest, offset})
		if err != nil {
			return piece{}, err
		}

		hi := oldest - (offset - before)
		if hi < f.size {
			return piece{front: f, sticky: sticky[before:]}, nil
		}

		cut, ok, err := c.cut(ctx, r, f, since, window{hi: hi, first: offset == 0, behind: behind})
		if ok || err != nil {
			cut.sticky = sticky[before:]
			return cut, err
		}
	}

	return piece{}, c.answers.moves()
}

// A window is the part of the list that is to be read: up to the place hi, and
// some places behind it.
type window struct {
	hi     int
	first  bool // hi is the oldest wanted issue, which is checked by its time
	behind int
}

// cut reads the issues up to the place hi, and some behind it, in one request,
// and takes as many as one call hands over.
func (c *Connector) cut(ctx context.Context, r reading, f front, since time.Time, w window) (piece, bool, error) {
	n := min(changesPage, r.size)
	if r.size == 1 {
		n = paging.Least
	}

	read, err := c.stretch(ctx, r, max(0, w.hi-n+1), w)
	if err != nil {
		return piece{}, false, err
	}

	hi := w.hi
	if w.first {
		var sure bool
		if hi, sure = read.oldest(since); !sure {
			return piece{}, false, nil
		}
	}

	hi = min(hi, read.end()-1)
	lo := max(read.start, hi-n+1)
	for lo <= hi && lo < f.size && read.at(lo).Sticky {
		lo++
	}

	if hi < lo {
		return piece{}, false, nil
	}

	// A sticky issue that was deleted or freed since leaves ordinary ones where
	// the front was.
	taken := piece{front: f, hi: hi, newer: lo > f.size || lo > 0 && lo == read.start && lo < f.size}
	for place := hi; place >= lo; place-- {
		taken.rows = append(taken.rows, read.at(place))
	}

	return taken, true, nil
}

// stretch reads the places from lo to the end of a window in one request: what
// comes in two may have moved in between. Where no page of the allowed size holds
// all of them, it leaves out some at the front.
func (c *Connector) stretch(ctx context.Context, r reading, lo int, w window) (stretch, error) {
	behind := max(1, min(w.behind, r.size/2))
	for ; lo <= w.hi; lo++ {
		size, number := smallestPage(lo, w.hi+behind)
		if size > r.size {
			continue
		}

		rows, err := c.pages.rows(ctx, r.projectRef, size, number, whole)
		return stretch{rows: rows, start: (number - 1) * size, last: len(rows) < size}, err
	}

	return c.oneByOne(ctx, r.projectRef, max(0, w.hi-paging.Least+1), w.hi)
}

// oneByOne reads the places from hi towards lo, and the one behind them, each in
// a request of its own. If the first is not where it was afterwards, the list has
// moved, and the others are left out.
func (c *Connector) oneByOne(ctx context.Context, p projectRef, lo, hi int) (stretch, error) {
	first, err := c.pages.rows(ctx, p, 1, hi+1, whole)
	if err != nil || len(first) == 0 {
		return stretch{start: hi, last: true}, err
	}

	newer := []issue{}
	for place := lo; place < hi; place++ {
		row, err := c.pages.rows(ctx, p, 1, place+1, whole)
		if err != nil {
			return stretch{}, err
		}
		newer = append(newer, row...)
	}

	again, err := c.pages.rows(ctx, p, 1, hi+1, brief)
	if err != nil {
		return stretch{}, err
	}

	if len(newer) != hi-lo || len(again) == 0 || again[0].ID != first[0].ID {
		newer = nil
	}

	behind, err := c.pages.rows(ctx, p, 1, hi+2, brief)
	if err != nil {
		return stretch{}, err
	}

	rows := append(append(newer, first...), behind...)

	return stretch{rows: rows, start: hi - len(newer), last: len(behind) == 0}, nil
}

// A stretch is part of the list, from a place on.
type stretch struct {
	rows  []issue
	start int
	last  bool // nothing is behind it
}

func (s stretch) at(place int) issue { return s.rows[place-s.start] }
func (s stretch) end() int           { return s.start + len(s.rows) }

// oldest is the last place whose issue was changed at or after since. It is
// sure only if an older issue or the end of the list shows that no other is
// behind the stretch: the list may have moved since the place was found.
func (s stretch) oldest(since time.Time) (place int, sure bool) {
	for place = s.end() - 1; place >= s.start && s.at(place).UpdatedAt.Before(since); place-- {
	}
	return place, s.last || place < s.end()-1
}

func (c *Connector) followed() trail {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trail
}

func (c *Connector) follow(change func(*trail)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.trail)
}

// Look is how an issue looks that has the content as it is sent. Its marker
// stands beside the text.
func (c *Connector) Look(content connector.Content, _ connector.Marker) string {
	return textHash(content.Title, content.Body)
}

// Read reads one issue. An answer with another issue is remote_moved.
func (c *Connector) Read(ctx context.Context, remote domain.Remote) (connector.Object, error) {
	id := number64(remote.Key)
	if id <= 0 {
		return connector.Object{}, c.answers.unnumbered()
	}

	p, flow, err := c.states.prepare(ctx)
	if err != nil {
		return connector.Object{}, err
	}

	i, _, err := c.issues.linked(ctx, p.root, id)
	if err != nil {
		return connector.Object{}, err
	}

	return c.issues.object(i, flow).Object, nil
}
