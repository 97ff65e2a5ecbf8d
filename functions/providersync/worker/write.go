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
func (s *invocation) create(ctx context.Context, t *task) error {
	if err := s.await(ctx, limits.Create); err != nil {
		return err
	}

	if !s.finder || t.link.Intent == nil {
		if err := s.storeIntent(ctx, t); err != nil {
			return err
		}
	}

	began := s.Clock.Now()
	c := s.sends(t)
	c.Previous = t.previousMessage()
	var w connector.Written
	made := false
	err := s.write(ctx, t, false, func() (err error) {
		w, err = s.conn.Create(ctx, c, s.marker(t))
		made = err == nil
		return err
	})
	if err != nil || !made {
		return err
	}

	t.recordSent(w, c)
	t.link.Verbatim = s.verbatim(t, w, c)
	t.link.Previous = s.chat.previousMessage(c)
	t.link.Channel = s.chat.channelOf(t, w)
	s.record(t, created(w), w.Note)
	s.countCall(limits.Create)
	more := t.link.SentHash != t.content.Hash()
	if more {
		s.markInDoubt(t)
	} else {
		s.remove(t)
	}

	if err := s.commit(ctx, store.Batch{Pulled: []store.Pulled{s.newObject(t)}}); err != nil {
		return err
	}

	t.linkChanged = false
	s.recordLatency(began)
	if more {
		return s.update(ctx, t)
	}

	t.finished = true
	s.handled++

	return nil
}

// created is the outcome of a create.
func created(w connector.Written) domain.Outcome {
	if w.Unproven {
		return domain.Accepted
	}
	return domain.Created
}

// storeIntent stores that a create is about to leave, and that it fulfils a manager's
// wish to have it tried: a worker that finds it so must not try again.
func (s *invocation) storeIntent(ctx context.Context, t *task) error {
	s.intend(t)
	s.claim(t)
	b := store.Batch{}
	if t.retry() {
		t.link.Attempts = 0
		t.link.GivenUp = false
		b.RetriedPending = t.pending
	}

	b.Links = []store.Link{t.link}

	return s.commit(ctx, b)
}

// newObject is the link of a new object, and the record of whose the object is. Other
// objects with the marker of its create are copies that people made.
func (s *invocation) newObject(t *task) store.Pulled {
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
func (s *invocation) publishCopy(p *store.Pulled, c store.Candidate) {
	o := connector.Object{Title: c.Title, UpdatedAt: c.UpdatedAt}
	o.Remote = c.Remote
	s.run.Counts.Pulled++

	p.Objects = append(p.Objects, store.Object{Target: s.target.Key, RemoteID: c.Remote.ID, SeenText: c.SeenText, SeenState: c.SeenState})
	p.Events = append(p.Events, s.remoteChanges(nil, []string{outgoing.ChangeCreated}, o)...)
}

// update makes the object what the item is. It may be repeated: it says the
// whole of it.
func (s *invocation) update(ctx context.Context, t *task) error {
	if seen, err := s.readBeforeUpdate(ctx, t); !seen {
		return err
	}

	if err := s.await(ctx, limits.Update); err != nil {
		return err
	}

	began := s.Clock.Now()
	sent := t.sentBefore()
	c := t.content
	c.Previous = t.previousMessage()
	if s.chat.replies() && t.link.Thread == nil && c.Previous != nil { // the message as it is now says this
		t.setThread(store.Thread{Said: domain.ProgressOf(c.Previous.State, c.Previous.Facts, c.Previous.Deleted)})
	}

	t.updateSent = true
	var w connector.Written
	made := false
	gone := false
	err := s.write(ctx, t, true, func() (err error) {
		w, err = s.conn.Update(ctx, sent, c, s.marker(t))
		if made = err == nil; made {
			return nil
		}

		if gone = s.chat.refusesEdit(err); gone {
			return nil
		}

		sent = t.recordPartial(sent, w, err)

		return err
	})
	if gone && err == nil {
		s.replaceMessage(t)
		return nil
	}

	if err != nil || !made {
		return err
	}

	t.recordSent(w, c)
	t.link.Verbatim = s.verbatim(t, w, c)
	t.link.FoundAt = 0
	t.link.FoundEarly = false // it is known to be ours
	t.link.Previous = s.chat.previousMessage(c)
	t.link.Channel = s.chat.channelOf(t, w)
	s.record(t, domain.Updated, w.Note)
	s.countCall(limits.Update)
	s.recordLatency(began)
	t.finished = true
	s.handled++

	return nil
}
