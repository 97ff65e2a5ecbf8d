package worker

import (
	"context"
	"errors"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/outbound"
	"example.com/integrations/shared/store"
)

// The settings of pull.
const (
	pullLinked = "linked"
	pullAll    = "all"
)

var errMisjudged = errors.New("the estimated clock skew was wrong")

// An objectStore knows which objects at the provider are ours, and how they looked.
type objectStore interface {
	Objects(ctx context.Context, integration domain.Snowflake, target string, remoteIDs []string) (map[string]store.Object, error)
	Owned(ctx context.Context, target string, objects []store.Claimed) (map[string]bool, error)
	Links(ctx context.Context, integration domain.Snowflake, target string, items []domain.Snowflake) (map[domain.Snowflake]store.Link, error)
}

// A puller reads what people changed at the provider.
type puller struct {
	*session
	site       *site
	pacer      *pacer
	calls      *caller
	store      objectStore
	pulled     bool // all there was has been pulled since the last write
	stalled    bool // the pull cannot go on: updates read their objects first
	listFailed bool // the list of changes could not be had in this invocation
}

// pull reads what changed at the target since the cursor, if anything may have
// since the last time. What we wrote ourselves is known by how it looked then;
// the rest becomes the link's remote state and goes out as events.
func (pu *puller) pull(ctx context.Context) error {
	if !pu.site.pulls() {
		return pu.pullWorks(ctx)
	}
	if pu.pulled || pu.listFailed || pu.pullPaused() {
		return nil
	}

	for n := 1; ; n++ {
		p := pu.cursor()
		first := true
		believed, _ := pu.site.clockLags()
		stop, err := asStop(pu.walk(ctx, &p, func(objects []connector.Object) (store.Batch, error) {
			if first && n < maxRepeats && pu.misjudged(believed) {
				return store.Batch{}, errMisjudged
			}

			first = false
			pulled, err := pu.compareRemote(ctx, p, objects)
			return store.Batch{Pulled: pulled, Pull: &p}, err
		}))
		if errors.Is(err, errMisjudged) {
			continue // from where the clock that is known now says
		}

		pu.pulled = stop == nil && err == nil
		switch {
		case pu.pulled:
			return pu.pullWorks(ctx)
		case err != nil:
			return err
		case stop.outage != nil:
			return pu.pullFailed(ctx, stop)
		}

		return stop
	}
}

// misjudged reports whether a walk has begun with another clock skew than its first
// answer shows, by enough to matter. The first walk is stricter, since it sets from
// when on changes count.
func (pu *puller) misjudged(believed time.Duration) bool {
	last, _ := pu.site.clockLags()
	off := (last - believed).Abs()
	return off >= clockSkew || pu.state.Pull == nil && off >= clockDrift
}

// cursor is where to go on: in the middle of a walk that an invocation did not
// finish, or at the beginning of a new one, some way back for the provider's clock,
// by which all its times are. The first begins with the run that first works at the
// target.
func (pu *puller) cursor() store.Pull {
	last, _ := pu.site.clockLags()
	p := store.Pull{Target: pu.site.target.Key, Since: pu.run.RequestedAt.Add(-last).UnixMilli()}
	if pu.state.Pull != nil && pu.state.Pull.Target == pu.site.target.Key {
		p = *pu.state.Pull
	} else {
		p.Activated = p.Since
	}

	if p.Began == 0 {
		if pu.site.future(p.Since) { // the clock was set back, and what has changed since is dated before
			p.Since = pu.site.providerNow().Add(-outbound.MaxClockSkew).UnixMilli()
		}

		p.At = p.Since
		if !p.Settled {
			p.At -= clockSkew.Milliseconds()
		}

		p.Offset = 0
		p.Newest = p.Since
		p.Block = 0
		p.Began = pu.site.providerNow().UnixMilli()
	}

	return p
}

// walk goes through what changed from a cursor on, oldest first. Each page is
// recorded with the cursor behind it. The next page begins at the newest change
// of the last, since objects that change meanwhile move to the end and shift the
// others; only within a block of equal times it goes on by an offset.
func (pu *puller) walk(ctx context.Context, p *store.Pull, handle func([]connector.Object) (store.Batch, error)) error {
	for {
		if err := pu.pacer.await(ctx, limits.Read); err != nil {
			return err
		}

		var objects []connector.Object
		var more bool
		err := pu.calls.read(ctx, "", true, func() (err error) {
			since := time.Time{}
			if p.At > 0 {
				since = time.UnixMilli(p.At).UTC()
			}

			objects, more, err = pu.site.conn.(connector.Puller).Changes(ctx, since, p.Offset)
			if err == nil && more && len(objects) == 0 {
				err = errStuck()
			}

			return err
		})
		if err != nil {
			return err
		}

		batch, err := handle(relevant(objects))
		if err != nil {
			return err
		}

		advance(p, objects, more, pu.site.providerNow())
		if more || len(batch.Pulled) > 0 { // to find nothing new is not to bring forward
			pu.madeProgress()
		}

		if err := pu.commit(ctx, batch); err != nil {
			return err
		}

		if !more {
			return nil
		}
	}
}

// errStuck is for a list that says that more follows and hands over nothing: an
// offset cannot move on in it.
func errStuck() error {
	return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "list_stuck",
		Detail: "the provider's list says that more follows, and gives nothing"}
}

// relevant drops what is not an item's object, for example a pull request.
func relevant(objects []connector.Object) []connector.Object {
	var some []connector.Object
	for _, o := range objects {
		if !o.Ignored {
			some = append(some, o)
		}
	}

	return some
}

// advance moves a cursor behind a page. An object dated in the future does not
// take it there, where it would pass by all that changes until then.
func advance(p *store.Pull, objects []connector.Object, more bool, theirs time.Time) {
	last := p.At
	for _, o := range objects {
		last = max(last, o.UpdatedAt.UnixMilli())
	}

	p.Newest = max(p.Newest, min(last, theirs.UnixMilli()))
	switch {
	case more && last > p.At:
		p.At = last
		p.Offset = 0
	case more:
		p.Offset += len(objects)
		if p.Block == 0 {
			p.Block = max(p.At, 1)
		}

	default:
		if p.Block == 0 || p.Newest < p.Began-clockSkew.Milliseconds() {
			p.Since = p.Newest
		} else { // something changed meanwhile, so the pages of the block may have shifted
			p.Since = max(p.Since, min(p.Block, p.Newest))
		}

		p.Settled = p.Began-p.Newest > 2*clockSkew.Milliseconds()
		p.Began = 0
	}
}
