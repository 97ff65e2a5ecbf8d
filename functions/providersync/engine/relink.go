package engine

import (
	"context"
	"time"

	"integrations/shared/connector"
	"integrations/shared/domain"
	"integrations/shared/store"
)

// relink looks, once after the table was restored, through all objects at the
// target for those that carry our marker and whose link is not there: it was
// written after the moment the table was restored to. Without this their items
// would be created twice. Afterwards the next sync is full.
func (s *slice) relink(ctx context.Context) (*verdict, error) {
	_, can := s.conn.(connector.Puller)
	if !can || !s.Settings.RelinkBefore.After(time.UnixMilli(s.state.RelinkedAt)) {
		return nil, nil
	}
	p := store.Pull{Target: s.meta.TargetHash, Page: 1, Began: s.Clock.Now().UnixMilli()}
	if r := s.state.Relink; r != nil && r.Target == p.Target && r.Began >= s.Settings.RelinkBefore.UnixMilli() {
		p = *r
	}
	v, err := s.walk(ctx, &p, func(objects []connector.Object) (store.Batch, error) {
		links, err := s.lostLinks(ctx, objects)
		return store.Batch{Pulled: links, Relink: &p}, err
	})
	if v != nil || err != nil {
		return v, err
	}
	s.state.RelinkedAt = s.Clock.Now().UnixMilli()
	return nil, s.commit(ctx, store.Batch{Relinked: s.Clock.Now()})
}

// lostLinks makes links for the objects that are ours and have none. What was
// last sent is not known any more, so that each is updated once.
func (s *slice) lostLinks(ctx context.Context, objects []connector.Object) ([]store.Pulled, error) {
	var items []domain.Snowflake
	for _, o := range objects {
		if o.Marker.Integration == s.lease.Pair.ID {
			items = append(items, o.Marker.Item)
		}
	}
	links, err := s.Store.Links(ctx, s.lease.Pair.ID, s.meta.TargetHash, unique(items))
	if err != nil {
		return nil, err
	}
	var made []store.Pulled
	for _, o := range objects {
		link := links[o.Marker.Item]
		if o.Marker.Integration != s.lease.Pair.ID || link.Remote != nil {
			continue
		}
		t := s.newTask(o.Marker.Item, domain.Item{ID: o.Marker.Item}, link, true)
		t.link.Remote, t.link.Intent, t.link.Attempt = &o.Remote, nil, max(link.Attempt, o.Marker.Attempt)
		t.link.SentState, t.link.SeenText, t.link.SeenState, t.link.SeenAt = o.Seen.State, o.Seen.Text, o.Seen.State, seenAt(o.UpdatedAt)
		t.link.Outcome, t.link.Reason, t.link.LastRunID = domain.Created, "relinked", s.run.ID
		t.link.UpdatedAt = s.Clock.Now().UTC()
		links[o.Marker.Item] = t.link
		made = append(made, s.made(t))
	}
	return made, nil
}
