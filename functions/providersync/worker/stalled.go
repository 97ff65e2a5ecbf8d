package worker

import (
	"context"
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

// longestRest is the longest pause between two reads of a list that a provider may
// ask for.
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

// pullPaused reports whether the provider has asked for a pause of its lists.
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
	t.before.note(&seen) // this update was not sent yet
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
