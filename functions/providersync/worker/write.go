package worker

import (
	"context"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

// create makes the object and records it before anything else happens; a
// closed item's is closed afterwards.
func (s *slice) create(ctx context.Context, t *task) (*verdict, error) {
	if v, err := s.await(ctx, limits.Create); v != nil || err != nil {
		return v, err
	}

	if !s.finder || t.link.Intent == nil {
		if err := s.leave(ctx, t); err != nil {
			return nil, err
		}
	}

	began := s.Clock.Now()
	c := s.sends(t)
	c.Previous = t.last()
	var w connector.Written
	made := false
	v, err := s.call(ctx, t, false, func() (err error) {
		w, err = s.conn.Create(ctx, c, s.marker(t))
		made = err == nil
		return err
	})
	if v != nil || err != nil || !made {
		return v, err
	}

	t.sent(w, c)
	t.link.Verbatim = s.verbatim(t, w, c)
	t.link.Previous = s.chat.told(c)
	t.link.Channel = s.chat.channelOf(t, w)
	s.record(t, created(w), w.Note)
	s.did(limits.Create)
	more := t.link.SentHash != t.content.Hash()
	if more {
		s.doubted(t)
	} else {
		s.remove(t)
	}

	if err := s.commit(ctx, store.Batch{Pulled: []store.Pulled{s.made(t)}}); err != nil {
		return nil, err
	}

	t.dirty = false
	s.took(began)
	if more {
		return s.update(ctx, t)
	}

	t.done = true
	s.handled++

	return nil, nil
}

// created is the outcome of a create.
func created(w connector.Written) domain.Outcome {
	if w.Unproven {
		return domain.Accepted
	}
	return domain.Created
}

// leave stores that a create is about to leave, and that it fulfils a manager's
// wish to have it tried: a worker that finds it so must not try again.
func (s *slice) leave(ctx context.Context, t *task) error {
	s.intend(t)
	s.claim(t)
	b := store.Batch{}
	if t.retry() {
		t.link.Attempts = 0
		t.link.GivenUp = false
		b.RetriedPending = t.marks
	}

	b.Links = []store.Link{t.link}

	return s.commit(ctx, b)
}

// made is the link of a new object, and the record of whose the object is. Other
// objects with the marker of its create are copies that people made.
func (s *slice) made(t *task) store.Pulled {
	candidates := t.link.Candidates
	t.link.Candidates = nil

	link := t.link
	p := store.Pulled{Link: &link}
	if link.Remote == nil {
		return p
	}

	p.Objects = []store.Object{{Target: link.Target, RemoteID: link.Remote.ID, ItemID: t.id}}
	for _, c := range candidates {
		if c.Remote.ID != link.Remote.ID {
			s.publishCopy(&p, c)
		}
	}

	return p
}

// publishCopy reports a copy of our object as created by a person.
func (s *slice) publishCopy(p *store.Pulled, c store.Candidate) {
	o := connector.Object{Title: c.Title, UpdatedAt: c.UpdatedAt}
	o.Remote = c.Remote
	s.run.Counts.Pulled++

	p.Objects = append(p.Objects, store.Object{Target: s.target.Key, RemoteID: c.Remote.ID, SeenText: c.SeenText, SeenState: c.SeenState})
	p.Events = append(p.Events, s.tell(nil, []string{outgoing.ChangeCreated}, o)...)
}

// update makes the object what the item is. It may be repeated: it says the
// whole of it.
func (s *slice) update(ctx context.Context, t *task) (*verdict, error) {
	if seen, v, err := s.seeFirst(ctx, t); !seen {
		return v, err
	}

	if v, err := s.await(ctx, limits.Update); v != nil || err != nil {
		return v, err
	}

	began := s.Clock.Now()
	sent := t.before()
	c := t.content
	c.Previous = t.last()
	if s.chat.replies() && t.link.Thread == nil && c.Previous != nil { // the message as it is now says this
		t.setThread(store.Thread{Said: domain.ProgressOf(c.Previous.State, c.Previous.Facts, c.Previous.Deleted)})
	}

	t.left = true
	var w connector.Written
	made := false
	gone := false
	v, err := s.call(ctx, t, true, func() (err error) {
		w, err = s.conn.Update(ctx, sent, c, s.marker(t))
		if made = err == nil; made {
			return nil
		}

		if gone = s.chat.refusesEdit(err); gone {
			return nil
		}

		sent = t.failed(sent, w, err)

		return err
	})
	if gone && v == nil && err == nil {
		return s.instead(ctx, t)
	}

	if v != nil || err != nil || !made {
		return v, err
	}

	t.sent(w, c)
	t.link.Verbatim = s.verbatim(t, w, c)
	t.link.FoundAt = 0
	t.link.FoundEarly = false // it is known to be ours
	t.link.Previous = s.chat.told(c)
	t.link.Channel = s.chat.channelOf(t, w)
	s.record(t, domain.Updated, w.Note)
	s.did(limits.Update)
	s.took(began)
	t.done = true
	s.handled++

	return nil, nil
}
