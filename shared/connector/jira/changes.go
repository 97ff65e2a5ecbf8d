package jira

import (
	"context"
	"sync"
	"time"

	"example.com/integrations/shared/connector"
)

// A changes walks through the issues of the project by their last change.
type changes struct {
	classifier *classifier
	place      *place
	account    *account
	issues     *issues
	pages      *pages

	mu    sync.Mutex
	trail trail // the pages that were read last
}

// list lists issues by their last change, the oldest first. A search knows
// minutes only, so a page may begin with issues that were changed before since.
// They are left out and do not count. A page that is known to have nothing at the
// offset is not asked for again.
func (ch *changes) list(ctx context.Context, since time.Time, offset int) ([]connector.Object, bool, error) {
	jql, err := ch.query(ctx, since)
	if err != nil {
		return nil, false, err
	}

	steps := ch.path(jql)
	at, left := skip(steps, since, offset)

	var objects []connector.Object
	empty := 0
	for range maxPages {
		read, next, err := ch.step(ctx, jql, steps[at].cursor)
		if err != nil {
			return nil, false, err
		}

		steps = append(steps[:at:at], read.step)
		if next != "" {
			steps = append(steps, step{cursor: next})
		}

		ch.follow(trail{jql, steps})

		wanted := read.since(since)
		skipped := min(left, len(wanted))
		left -= skipped
		objects = append(objects, wanted[skipped:]...)
		if next == "" || len(objects) > 0 && ch.pages.sizes.Enough(len(objects)) {
			return objects, next != "", nil
		}

		empty++
		if len(read.objects) > 0 {
			empty = 0
		}

		if empty == emptyPages {
			break
		}

		at++
	}

	return nil, false, ch.classifier.endless()
}

// query is the search for what changed since a time, the oldest change first.
func (ch *changes) query(ctx context.Context, since time.Time) (string, error) {
	jql := ch.place.jql()
	if !since.IsZero() {
		zone, err := ch.account.timeZone(ctx)
		if err != nil {
			return "", err
		}

		jql += " AND updated >= " + minute(since, zone)
	}

	return jql + " ORDER BY updated ASC, id ASC", nil
}

// A readStep is a page with its issues.
type readStep struct {
	step
	objects []connector.Object
}

// since are the issues that were changed at or after a time.
func (s readStep) since(at time.Time) []connector.Object {
	var wanted []connector.Object
	for _, o := range s.objects {
		if !o.UpdatedAt.Before(at) {
			wanted = append(wanted, o)
		}
	}

	return wanted
}

// step reads the page at a cursor, and returns the cursor of the next one.
func (ch *changes) step(ctx context.Context, jql, cursor string) (readStep, string, error) {
	var objects []connector.Object
	next, count, err := ch.pages.page(ctx, jql, cursor, func(i issue) { objects = append(objects, ch.issues.object(ctx, i)) })
	if err != nil {
		return readStep{}, "", err
	}

	// A page that failed half-way and was asked for again has handed over some
	// issues before these.
	read := readStep{step{cursor: cursor, read: true}, objects[len(objects)-count:]}
	for _, o := range read.objects {
		read.times = append(read.times, o.UpdatedAt)
	}

	return read, next, nil
}

// A trail holds the pages of a query that have been read. Jira gives the cursor
// of a page only with the page before it.
type trail struct {
	jql   string
	pages []step // from the first on; the last may not have been read
}

// A step is a page's cursor and, once it was read, when its issues were changed.
type step struct {
	cursor string
	read   bool
	times  []time.Time
}

// since is how many of the page's issues were changed at or after a time.
func (s step) since(at time.Time) int {
	n := 0
	for _, t := range s.times {
		if !t.Before(at) {
			n++
		}
	}

	return n
}

// skip finds the page with an offset among known pages, and how much of the
// offset is left in it.
func skip(steps []step, since time.Time, offset int) (at, left int) {
	left = offset
	for at < len(steps)-1 && steps[at].since(since) <= left {
		left -= steps[at].since(since)
		at++
	}

	return at, left
}

// path are the known pages of a query, always with the first one.
func (ch *changes) path(jql string) []step {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.trail.jql != jql {
		return []step{{}}
	}

	return ch.trail.pages
}

func (ch *changes) follow(t trail) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.trail = t
}
