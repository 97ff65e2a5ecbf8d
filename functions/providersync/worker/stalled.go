package worker

import (
	"context"
	"errors"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

// A pull that cannot go on holds pushes back for one invocation. From then on pushes
// go first, as long as the provider answers a read of the place; each update reads
// its object before it, so that no person's edit is overwritten unseen; and the
// list is tried again at the end of each invocation, where it may take its time.

// longestRest is the longest that a list is left alone because the provider says
// so.
const longestRest = time.Hour

// pullFirst reads what people changed before it is overwritten. While the pull
// cannot go on it asks instead whether the provider is up.
func (pu *puller) pullFirst(ctx context.Context) error {
	if !pu.site.pulls() || pu.pullProblem() == nil {
		return pu.pull(ctx)
	}

	pu.stalled = true

	return pu.calls.probeRead(ctx)
}

// pullPaused reports whether the provider wants to be left alone with lists.
func (pu *puller) pullPaused() bool {
	known := pu.pullProblem()

	return known != nil && pu.clock.Now().UnixMilli() < known.Until
}

// pullFailed notes that the pull could not go on. The invocation ends for it only where
// this is new.
func (pu *puller) pullFailed(ctx context.Context, stop *Stop) error {
	pu.listFailed = true
	now := pu.clock.Now()
	trouble := &store.Problem{ConnectionVersion: pu.meta.ConnectionVersion, Reason: *outageError(stop.outage), Since: now.UnixMilli()}
	if stop.outage.Wait > 0 {
		trouble.Until = now.Add(min(stop.outage.Wait, longestRest)).UnixMilli()
	}

	known := pu.pullProblem()
	if known != nil {
		trouble.Since = known.Since
	}

	if err := pu.storePullProblem(ctx, trouble); err != nil {
		return err
	}

	if known == nil {
		return stopWaiting(earlier(stop.until, now.Add(longestOutage)), stop.reason)
	}

	pu.run.Outages = 0 // the place was read in this invocation
	pu.log.WarnContext(ctx, "the list of changes cannot be had; items are still written", "code", trouble.Reason.Code, "since", time.UnixMilli(trouble.Since).UTC())

	return nil
}

// pullWorks notes that the pull works again, or is not wanted any more.
func (pu *puller) pullWorks(ctx context.Context) error {
	pu.stalled = false

	return pu.storePullProblem(ctx, nil)
}

// storePullProblem records why the pull cannot go on, nil for that it can, if that is
// new.
func (pu *puller) storePullProblem(ctx context.Context, trouble *store.Problem) error {
	known := pu.state.StoredPullProblem
	if trouble == nil && known == nil || trouble != nil && known != nil && *trouble == *known {
		return nil
	}

	pu.state.StoredPullProblem = trouble

	return pu.commit(ctx, store.Batch{PullTried: true, PullProblem: trouble})
}

// readPlace reads the place the run works at. It is the read that tells whether
// the provider is up while its lists cannot be had. Where the name leads to
// another place now, or to none, calls still go to the one of the run; one that
// can only be named cannot be reached, and the next invocation says so.
func (c *caller) readPlace(ctx context.Context) error {
	place, err := c.site.conn.Resolve(ctx)
	var e *failure.Error
	nowhere := errors.As(err, &e) && e.Class == failure.Final && e.Code == targetNotFound
	if err != nil && !nowhere {
		return err
	}
	if err == nil && place.Key(c.meta.Provider) == c.site.target.Key {
		return nil
	}

	c.site.conn.Use(placeOf(c.site.target))
	if !c.site.target.ByName {
		return nil
	}
	if nowhere {
		return err
	}

	return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: targetMoved,
		Detail: "the name of the place leads to another one now"}
}

// readBeforeUpdate reads an object that is about to be updated, while the pull cannot go
// on, and records what people changed. One that was made in this invocation has been
// seen. It says whether the update may leave: an
// object that could not be seen is not overwritten. A stop ends the page.
func (wr *writer) readBeforeUpdate(ctx context.Context, t *task) (bool, error) {
	puller, can := wr.site.conn.(connector.Puller)
	if !can || !wr.puller.stalled || t.link.Remote == nil || t.intentStored {
		return true, nil
	}

	if err := wr.pacer.await(ctx, limits.Read); err != nil {
		return false, err
	}

	var o connector.Object
	err := wr.calls.guarded(t.name(), func() (err error) {
		o, err = puller.Read(ctx, *t.link.Remote)
		return err
	})

	if err == nil && o.Remote.ID != t.link.Remote.ID {
		err = &failure.Error{Class: failure.Final, Scope: failure.ItemScope, Code: remoteMoved, Detail: "the provider answers with another object"}
	}

	if err != nil {
		return false, wr.failures.readFailed(ctx, t, err)
	}

	seen := t.link
	t.before.note(&seen) // this update has not left yet
	p, changed := wr.puller.linkedChange(seen, o)
	if !changed {
		return true, nil
	}

	t.link.Remote = p.Link.Remote
	t.link.SeenText = p.Link.SeenText
	t.link.SeenState = p.Link.SeenState
	t.link.SeenAt = p.Link.SeenAt
	link := t.link
	p.Link = &link

	err = wr.commit(ctx, store.Batch{Pulled: []store.Pulled{p}})

	return err == nil, err
}

// readFailed is for an object that could not be read before its update. The update
// does not leave, and no write was refused. Since the place was read in this
// invocation, a failure that may pass is first taken to be about the object.
func (f *itemFailures) readFailed(ctx context.Context, t *task, err error) error {
	var e *failure.Error
	if !errors.As(err, &e) {
		return err
	}

	f.log.WarnContext(ctx, "an object cannot be read before its update", "item_id", t.name(), "class", e.Class.String(), "code", e.Code, "status", e.Status, "error", e.Error())
	switch {
	case e.Class == failure.Final && unreadableAnswers[e.Code], e.Class == failure.Retryable && e.Code != rateLimited:
		f.run.Outages++
		if f.run.Outages >= outagesInARow {
			if err := f.calls.probeRead(ctx); err != nil {
				f.deferItem(t, e)
				return err
			}
		}

		f.failAlone(t, e)

		return nil

	case e.Class == failure.Final && e.Scope == failure.ItemScope:
		f.refuseItem(t, e)
		return nil
	}

	return f.handleFailure(ctx, t, e)
}
