package engine

import (
	"context"
	"time"

	"integrations/shared/connector"
	"integrations/shared/domain"
	"integrations/shared/store"
)

// pushPage is how many marks a page takes: their links, their marks and the
// checkpoint fit one transaction.
const pushPage = (store.MaxActions - 1) / 2

// push brings the marked items to the provider, page by page, until no mark is
// left to look at in this pass.
func (s *slice) push(ctx context.Context) (*verdict, error) {
	if s.run.MarkCursor == "" {
		if err := s.beginPass(ctx); err != nil {
			return nil, err
		}
	}
	for {
		if !s.room() {
			return goOn, nil
		}
		marks, next, err := s.Store.Marks(ctx, s.lease.Pair.ID, s.run.MarkCursor, pushPage)
		if err != nil || len(marks) == 0 {
			return nil, err
		}
		v, err := s.page(ctx, marks, next)
		if v != nil || err != nil {
			return v, err
		}
		if next == "" {
			return nil, nil
		}
		if v, err := s.changed(ctx); v != nil || err != nil {
			return v, err
		}
	}
}

// beginPass promises to look at every mark from here on.
func (s *slice) beginPass(ctx context.Context) error {
	if err := s.Store.ClearWake(ctx, s.lease); err != nil {
		return err
	}
	n, err := s.Store.CountMarks(ctx, s.lease.Pair.ID)
	s.run.Remaining, s.run.RetryAt, s.run.SettleAt = &n, 0, 0
	return err
}

// changed looks between pages whether the run may go on as it began.
func (s *slice) changed(ctx context.Context) (*verdict, error) {
	view, v, err := s.look(ctx)
	if v != nil || err != nil {
		return v, err
	}
	if view.Integration.Version != s.meta.Version {
		return goOn, nil // the next slice opens what is configured now
	}
	return nil, nil
}

// page handles one page of marks.
func (s *slice) page(ctx context.Context, marks []store.Mark, next string) (*verdict, error) {
	tasks, err := s.read(ctx, marks)
	if err != nil {
		return nil, err
	}
	v, err := s.resolveAll(ctx, tasks)
	if v == nil && err == nil {
		err = s.stageCreates(ctx, tasks)
	}
	if v == nil && err == nil {
		for _, t := range tasks {
			if !s.room() && (t.step == create || t.step == update) {
				v = goOn
				break
			}
			if v, err = s.do(ctx, t); v != nil || err != nil {
				break
			}
		}
	}
	if err != nil {
		return nil, err
	}
	return v, s.checkpoint(ctx, tasks, next, v == nil)
}

// read gathers items and links and decides about each.
func (s *slice) read(ctx context.Context, marks []store.Mark) ([]*task, error) {
	var ids []domain.Snowflake
	byID := map[domain.Snowflake]*task{}
	var tasks []*task
	for _, m := range marks {
		t := byID[m.ItemID]
		if t == nil {
			t = &task{id: m.ItemID}
			byID[m.ItemID] = t
			tasks, ids = append(tasks, t), append(ids, m.ItemID)
		}
		t.marks = append(t.marks, m)
	}
	items, links, err := s.Store.ItemsAndLinks(ctx, s.lease.Pair, s.meta.TargetHash, ids, true)
	if err != nil {
		return nil, err
	}
	for _, t := range tasks {
		item, known := items[t.id]
		t.item, t.link = item, links[t.id]
		t.link.ItemID, t.link.Target = t.id, s.meta.TargetHash
		s.decide(t, known)
	}
	return tasks, nil
}

// stageCreates stores the intent of every create of the page before the first
// one leaves.
func (s *slice) stageCreates(ctx context.Context, tasks []*task) error {
	var links []store.Link
	for _, t := range tasks {
		if t.step != create {
			continue
		}
		t.link.Attempt++
		c := opened(t.content)
		t.link.Intent = &store.Intent{Attempt: t.link.Attempt, At: s.Clock.Now().UTC(), Hash: c.Hash(), Labels: c.Labels, State: c.State}
		links = append(links, t.link)
	}
	if len(links) == 0 {
		return nil
	}
	return s.Store.Commit(ctx, s.lease, store.Batch{Run: s.run, Links: links})
}

// do handles one task. A verdict stops the page.
func (s *slice) do(ctx context.Context, t *task) (*verdict, error) {
	switch t.step {
	case nothing:
		t.done = true
	case unchanged:
		if t.link.LastRunID != s.run.ID {
			s.run.Counts.Unchanged++
		}
		t.done = true
	case skip:
		s.record(t, domain.Skipped, t.reason)
		t.done = true
	case later:
		s.run.RetryAt = sooner(s.run.RetryAt, t.link.RetryAt)
	case create:
		return s.create(ctx, t)
	case update:
		return s.update(ctx, t)
	}
	s.handled++
	return nil, nil
}

// create makes the object and records it before anything else happens; a
// closed item's is closed afterwards.
func (s *slice) create(ctx context.Context, t *task) (*verdict, error) {
	c := opened(t.content)
	var remote domain.Remote
	ok := false
	v, err := s.call(ctx, t, false, func() (err error) {
		remote, err = s.conn.Create(ctx, c, s.marker(t))
		ok = err == nil
		return err
	})
	if v != nil || err != nil || !ok {
		return v, err
	}
	t.sent(remote, c)
	s.record(t, domain.Created, "")
	if err := s.Store.Commit(ctx, s.lease, store.Batch{Run: s.run, Links: []store.Link{t.link}}); err != nil {
		return nil, err
	}
	t.dirty = false
	if t.link.SentHash != t.content.Hash() {
		if !s.room() {
			return goOn, nil
		}
		return s.update(ctx, t)
	}
	t.done = true
	s.handled++
	return nil, nil
}

// update makes the object what the item is. It may be repeated: it says the
// whole of it.
func (s *slice) update(ctx context.Context, t *task) (*verdict, error) {
	sent := connector.Sent{Remote: *t.link.Remote, Labels: t.link.SentLabels, State: t.link.SentState}
	var remote domain.Remote
	ok := false
	v, err := s.call(ctx, t, true, func() (err error) {
		remote, err = s.conn.Update(ctx, sent, t.content, s.marker(t))
		ok = err == nil
		return err
	})
	if v != nil || err != nil || !ok {
		return v, err
	}
	t.sent(remote, t.content)
	s.record(t, domain.Updated, "")
	t.done = true
	s.handled++
	return nil, nil
}

// checkpoint records a page. Intents of creates that never left are taken
// back, so that nobody looks for them.
func (s *slice) checkpoint(ctx context.Context, tasks []*task, next string, complete bool) error {
	b := store.Batch{Cursor: complete}
	for _, t := range tasks {
		if t.step == create && t.link.Intent != nil && !t.lost {
			t.link.Intent, t.dirty = nil, true
		}
		if t.dirty {
			b.Links = append(b.Links, t.link)
		}
		if t.done {
			b.DeleteMarks = append(b.DeleteMarks, t.marks...)
		}
	}
	if complete {
		s.run.MarkCursor = next
	}
	s.estimate(len(b.DeleteMarks))
	b.Run = s.run
	return s.Store.Commit(ctx, s.lease, b)
}

// estimate says how much is left and, from the pace of this slice, until when.
func (s *slice) estimate(done int) {
	if s.run.Remaining == nil {
		return
	}
	left := max(*s.run.Remaining-done, 0)
	s.run.Remaining, s.run.EstimatedFinish = &left, nil
	if s.handled > 0 {
		now := s.Clock.Now()
		at := now.Add(now.Sub(s.began) / time.Duration(s.handled) * time.Duration(left)).UTC()
		s.run.EstimatedFinish = &at
	}
}
