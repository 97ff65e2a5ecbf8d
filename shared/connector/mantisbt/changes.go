package mantisbt

import (
	"context"
	"sync"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/paging"
)

const (
	// changesPage is how many issues one call hands over at most.
	changesPage = 50
	// looks bounds how often a position is looked for in a list that moves.
	looks = 6
)

// A changes walks through the issues of the project by their last change.
//
// MantisBT lists issues from the last change to the first, sticky ones before all
// others, by page only. The contract asks for the first change first. So the
// position of the oldest wanted issue is looked for in the list, and the issues
// are handed over from there towards the front. Sticky issues are put between
// them by their times. Each position is checked by times: an issue that changes
// moves to the front, and shifts all issues before it by one. No more than a page
// of issues is held, however long the list is.
type changes struct {
	classifier *classifier
	states     *states
	issues     *issues
	pages      *pages
	sizes      *paging.Size

	mu    sync.Mutex
	trail trail
}

// list lists issues by their last change, the oldest first. MantisBT's times are
// whole seconds. A page that MantisBT fails to answer with, or that is too large
// to be read, is asked for again with fewer issues.
func (ch *changes) list(ctx context.Context, since time.Time, offset int) ([]connector.Object, bool, error) {
	b, err := ch.batch(ctx, since.Truncate(time.Second), offset)
	if err != nil {
		return nil, false, err
	}

	objects := make([]connector.Object, len(b.objects))
	for i, o := range b.objects {
		objects[i] = o.Object
	}

	return objects, b.more, nil
}

// A numbered object has its issue's number as one.
type numbered struct {
	connector.Object
	number int64
}

// A batch is what one call hands over.
type batch struct {
	objects []numbered
	more    bool
}

// next is where the next batch begins: at the newest change of this one, or,
// within a block of equal times, further on by the number of its objects.
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

// batch reads the changes at an offset.
func (ch *changes) batch(ctx context.Context, since time.Time, offset int) (b batch, err error) {
	p, flow, err := ch.states.prepare(ctx)
	if err != nil {
		return batch{}, err
	}

	err = ch.sizes.Read(func(size int) error {
		b, err = ch.batchOf(ctx, reading{ch.pages, p, size}, flow, span{since, offset})
		return err
	})

	return b, err
}

// A span begins behind the first changes at or after a time.
type span struct {
	since  time.Time
	offset int // how many changes are left out
}

func (ch *changes) batchOf(ctx context.Context, r reading, flow workflow, wanted span) (batch, error) {
	cut, err := ch.piece(ctx, r, wanted)
	if err != nil {
		return batch{}, err
	}

	merged, more := cut.merge()
	if len(merged) > 0 {
		ch.remember(cut, merged)
	}

	if err := r.fillSticky(ctx, cut.front, merged); err != nil {
		return batch{}, err
	}

	b := batch{more: more}
	for _, i := range merged {
		if i.missing { // it has changed since, and comes later
			continue
		}

		o := ch.issues.object(i.issue, flow)
		if len(o.Markers) == 0 && int64(i.Project.ID) != r.p.id { // of a project below it
			o.Object = connector.Object{UpdatedAt: i.UpdatedAt, Ignored: true}
		}

		b.objects = append(b.objects, o)
	}

	if len(b.objects) == 0 && b.more {
		return batch{}, ch.classifier.moves()
	}

	return b, nil
}

// A trail leads from one batch of changes to the next.
type trail struct {
	since time.Time // the newest change that was handed over
	at    int       // the position of the last ordinary issue that was handed over
	front front
	// from and oldest are the time and the result of the last search for a position.
	from   time.Time
	oldest int
}

func (ch *changes) followed() trail {
	ch.mu.Lock()
	defer ch.mu.Unlock()

	return ch.trail
}

func (ch *changes) follow(change func(*trail)) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	change(&ch.trail)
}

// forget drops the walk through the list of another project.
func (ch *changes) forget() { ch.follow(func(t *trail) { *t = trail{} }) }

// remember notes where the next batch begins.
func (ch *changes) remember(cut piece, merged []listed) {
	ordinary := 0
	for _, i := range merged {
		if !i.sticky {
			ordinary++
		}
	}

	if ordinary == 0 {
		return
	}

	ch.follow(func(t *trail) {
		t.since = merged[len(merged)-1].UpdatedAt
		t.at = cut.hi - ordinary + 1
		t.front = cut.front
	})
}

// piece cuts the wanted part out of the list: where the last batch ended, or else
// at a position that is searched.
func (ch *changes) piece(ctx context.Context, r reading, wanted span) (piece, error) {
	t := ch.followed()
	if wanted.offset == 0 && t.since.Equal(wanted.since) && t.at > t.front.size+changesPage {
		cut, ok, err := r.cut(ctx, t.front, wanted.since, window{hi: t.at, first: true, behind: 1})
		if ok || err != nil {
			cut.sticky = t.front.wanted(wanted.since)
			return cut, err
		}
	}

	// The more the list moves, the more issues behind the position are read.
	for behind := 1; behind < 1<<looks; behind *= 2 {
		cut, ok, err := ch.search(ctx, r, wanted, behind)
		if ok || err != nil {
			return cut, err
		}
	}

	return piece{}, ch.classifier.moves()
}

// search searches the position of the wanted part and cuts it out. It is not ok
// if the list has moved meanwhile.
func (ch *changes) search(ctx context.Context, r reading, wanted span, behind int) (cut piece, ok bool, err error) {
	f, err := ch.front(ctx, r)
	if err != nil {
		return piece{}, false, err
	}

	oldest, err := ch.oldest(ctx, r, f, wanted.since)
	if err != nil {
		return piece{}, false, err
	}

	sticky := f.wanted(wanted.since)
	before, err := r.stickyBefore(ctx, f, sticky, position{oldest, wanted.offset})
	if err != nil {
		return piece{}, false, err
	}

	hi := oldest - (wanted.offset - before)
	if hi < f.size {
		return piece{front: f, sticky: sticky[before:]}, true, nil
	}

	cut, ok, err = r.cut(ctx, f, wanted.since, window{hi: hi, first: wanted.offset == 0, behind: behind})
	cut.sticky = sticky[before:]

	return cut, ok, err
}

// front reads the beginning of the list, up to the first ordinary issue.
func (ch *changes) front(ctx context.Context, r reading) (front, error) {
	f, ok, err := r.front(ctx)
	if err == nil && !ok {
		err = ch.classifier.endless("the sticky issues do not end")
	}

	return f, err
}

// oldest is the position of the last ordinary issue changed at or after a time,
// or the one before the first if there is none.
func (ch *changes) oldest(ctx context.Context, r reading, f front, since time.Time) (int, error) {
	for position := f.size; position < len(f.rows); position++ {
		if f.rows[position].UpdatedAt.Before(since) {
			return position - 1, nil
		}
	}

	if f.end {
		return len(f.rows) - 1, nil
	}

	in, out, err := ch.around(ctx, r, len(f.rows)-1, since)
	if err != nil {
		return 0, err
	}

	for out-in > 1 {
		middle := in + (out-in)/2
		wanted, err := r.pages.changedSince(ctx, r.p, middle, since)
		if err != nil {
			return 0, err
		}

		if wanted {
			in = middle
		} else {
			out = middle
		}
	}

	ch.follow(func(t *trail) {
		t.from = since
		t.oldest = in
	})

	return in, nil
}

// around finds a position with a wanted issue, and one behind it without. It
// begins where the last search ended, and goes on in ever longer steps.
func (ch *changes) around(ctx context.Context, r reading, in int, since time.Time) (wanted, unwanted int, err error) {
	step := changesPage
	t := ch.followed()
	if t.from.Equal(since) && t.oldest > in {
		found, err := r.pages.changedSince(ctx, r.p, t.oldest, since)
		if err != nil {
			return 0, 0, err
		}
		if !found {
			return in, t.oldest, nil
		}

		in = t.oldest
		step = 1
	}

	for out := in + step; out < maxPages*changesPage; out = in + step {
		found, err := r.pages.changedSince(ctx, r.p, out, since)
		if err != nil || !found {
			return in, out, err
		}

		in = out
		step *= 2
	}

	return in, maxPages * changesPage, nil
}
