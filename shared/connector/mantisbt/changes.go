package mantisbt

import (
	"context"
	"slices"
	"strings"
	"time"

	"integrations/shared/connector"
	"integrations/shared/markup"
	"integrations/shared/outbound"
)

const (
	// changesPage is how many issues a page of changes has.
	changesPage = 50
	// looks bounds how often a page is looked for in a list that moves.
	looks = 6
)

// MantisBT lists issues from the last change to the first, sticky ones before
// all others, by page only. The contract wants the first change first. So the
// place of the oldest wanted issue is looked for in the list, and the issues
// before it are handed out from there towards the front. A place is never
// trusted but checked by times: an issue that changes moves to the front and
// shifts all it jumps over. No more than a page of issues is held, however many
// there are.

// Changes lists issues by their last change, the oldest first. MantisBT counts
// time in seconds.
func (c *Connector) Changes(ctx context.Context, since time.Time, page int) ([]connector.Object, bool, error) {
	b, err := c.batch(ctx, since.Truncate(time.Second), page)
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

// A batch is a page of changes.
type batch struct {
	objects []numbered
	more    bool
	newest  time.Time // of the ordinary issues handed out
}

// next is where the page behind a batch begins: at the newest change seen, or,
// within a block of one time, a page further.
func (b batch) next(at time.Time, page int) (time.Time, int) {
	if b.newest.After(at) {
		return b.newest, 1
	}
	return at, page + 1
}

// A trail leads from one page of changes to the next.
type trail struct {
	since time.Time // the newest change handed out
	at    int       // where that issue was
	front front
	// from and oldest are where the last search for a time ended.
	from   time.Time
	oldest int
}

// batch reads one page of changes.
func (c *Connector) batch(ctx context.Context, since time.Time, page int) (batch, error) {
	p, flow, err := c.prepare(ctx)
	if err != nil {
		return batch{}, err
	}
	piece, f, err := c.piece(ctx, p, since, page)
	if err != nil {
		return batch{}, err
	}
	b := batch{more: piece.more, newest: piece.upto}
	take := func(i issue) { // no texts are held
		o := c.object(i, flow)
		if len(o.Markers) == 0 && int64(i.Project.ID) != p.project { // of a project below it
			o.Object = connector.Object{UpdatedAt: i.UpdatedAt, Other: true}
		}
		b.objects = append(b.objects, o)
	}
	for _, i := range piece.rows {
		take(i)
	}
	if err := c.sticky(ctx, p, f, piece, take); err != nil {
		return batch{}, err
	}
	slices.SortStableFunc(b.objects, func(a, b numbered) int { return a.UpdatedAt.Compare(b.UpdatedAt) })
	return b, nil
}

func (c *Connector) object(i issue, flow workflow) numbered {
	found := markers(i.Additional)
	return numbered{connector.Object{
		Written: c.written(i, flow.state(i)), Marker: connector.FirstMarker(found), Markers: found, Title: strings.Clone(markup.Cut(i.Summary, maxSummary, "")), CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt,
	}, int64(i.ID)}
}

// A piece is a stretch of the ordinary issues, the oldest change first.
type piece struct {
	rows        []issue
	after, upto time.Time // sticky issues changed from after to upto belong to it
	more        bool      // newer ordinary issues follow
}

// piece cuts the wanted stretch out of the list.
func (c *Connector) piece(ctx context.Context, p place, since time.Time, page int) (piece, front, error) {
	if t := c.followed(); page == 1 && t.since.Equal(since) && t.at > t.front.size+changesPage {
		cut, ok, err := c.cut(ctx, p, t.front, since, t.at, page, 1)
		if ok || err != nil {
			return cut, t.front, err
		}
	}
	// The more the list moves, the further behind the place is looked.
	for behind := 1; behind < 1<<looks; behind *= 2 {
		f, err := c.front(ctx, p)
		if err != nil {
			return piece{}, front{}, err
		}
		oldest, err := c.oldest(ctx, p, f, since)
		if err != nil {
			return piece{}, front{}, err
		}
		hi := oldest - (page-1)*changesPage
		if hi < f.size {
			return piece{after: since}, f, nil
		}
		cut, ok, err := c.cut(ctx, p, f, since, hi, page, behind)
		if ok || err != nil {
			return cut, f, err
		}
	}
	return piece{}, front{}, c.fail(connector.Retryable, connector.IntegrationScope, "list_moves", "the list of issues changes faster than it can be read", outbound.Response{})
}

// cut reads the issues up to the place hi, and some behind it, in one request,
// and takes a page of them.
func (c *Connector) cut(ctx context.Context, p place, f front, since time.Time, hi, page, behind int) (piece, bool, error) {
	size, number := window(max(f.size, hi-changesPage+1), hi+behind)
	rows, err := c.rows(ctx, p, size, number, whole)
	if err != nil {
		return piece{}, false, err
	}
	read := stretch{rows: rows, start: (number - 1) * size, last: len(rows) < size}
	taken := piece{after: since}
	if page == 1 {
		var sure bool
		if hi, sure = read.oldest(since); !sure {
			return piece{}, false, nil
		}
	} else if hi+1 < read.end() {
		taken.after = read.at(hi + 1).UpdatedAt.Add(time.Second) // that one's are on the page before
	}
	hi = min(hi, read.end()-1)
	lo := max(f.size, read.start, hi-changesPage+1)
	if hi < lo {
		return piece{}, false, nil
	}
	for place := hi; place >= lo; place-- {
		taken.rows = append(taken.rows, read.at(place))
	}
	taken.upto, taken.more = read.at(lo).UpdatedAt, lo > f.size
	c.follow(func(t *trail) { t.since, t.at, t.front = taken.upto, lo, f })
	return taken, true, nil
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
