package live

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

// objects are those that a trial has made at the provider.
type objects struct {
	connector   connector.Connector
	clock       Clock
	integration domain.Snowflake
	began       time.Time
	all         []*object
}

func newObjects(c connector.Connector, clock Clock) *objects {
	now := clock.Now()
	return &objects{connector: c, clock: clock, integration: domain.NewSnowflake(now), began: now}
}

// chat reports whether the connector is that of a chat.
func (m *objects) chat() bool {
	_, chat := m.connector.(connector.Chat)
	return chat
}

// An object is one that the trial has made.
type object struct {
	item   domain.Item
	marker connector.Marker
	sent   connector.Sent
	// lost: its create was not answered, and it was not found.
	lost bool
	// began is when its create began.
	began time.Time
}

// item is a new item of the trial.
func (m *objects) item(title string) domain.Item {
	now := m.clock.Now().UTC()
	id := domain.NewSnowflake(now)

	return domain.Item{
		ID: id, FormattedNumber: fmt.Sprintf("LIVE-%d", len(m.all)+1), Version: 1, State: domain.Open,
		Title:       "Live check: " + title,
		Description: "Made by a live check of Integrations. It may be **deleted**.\n\n- `one`\n- two",
	}
}

// signed is the marker of a new object. Only this trial looks for it, so it
// needs no secret signature, only one of the right form.
func (m *objects) signed(item domain.Snowflake) connector.Marker {
	marker := connector.Marker{Integration: m.integration, Item: item, Attempt: 1}
	marker.Tag = connector.NewTag(m.began.Add(-time.Hour), []byte(fmt.Sprintf("%010d", item%1e10)))

	return marker
}

// make creates an object. What is made is closed at the end, also where the
// answer was lost.
func (m *objects) make(ctx context.Context, item domain.Item) (*object, connector.Written, error) {
	most := MostObjects
	if m.chat() {
		most = MostMessages
	}

	if len(m.all) >= most {
		return nil, connector.Written{}, notTried("the trial makes at most %d objects", most)
	}

	if err := m.clock.Sleep(ctx, pause); err != nil {
		return nil, connector.Written{}, err
	}

	content := m.content(item)
	o := &object{item: item, marker: m.signed(item.ID), began: m.clock.Now()}
	m.all = append(m.all, o)

	w, err := m.connector.Create(ctx, content, o.marker)
	var e *failure.Error
	switch {
	case err == nil:
		o.keep(w, content)
	case errors.As(err, &e) && e.Class != failure.Ambiguous: // nothing was made
		m.all = m.all[:len(m.all)-1]
	default:
		o.lost = true
	}

	return o, w, err
}

// content is what is sent of an item first: a tracker's object is open.
func (m *objects) content(item domain.Item) connector.Content {
	c := m.connector.Render(item)
	if !m.chat() {
		c.State = domain.Open
	}

	return c
}

// keep notes what the provider has taken.
func (o *object) keep(w connector.Written, c connector.Content) {
	o.lost = false
	o.sent = connector.Sent{Remote: w.Remote, Labels: c.Labels, State: c.State, Seen: w.Seen}
}

// change updates an object and says what it looks like after that.
func (m *objects) change(ctx context.Context, o *object, change func(*domain.Item)) (connector.Written, error) {
	if err := m.clock.Sleep(ctx, pause); err != nil {
		return connector.Written{}, err
	}

	before := o.item
	change(&o.item)
	o.item.Version++
	c := changed(m.connector, before, o.item)

	w, err := m.connector.Update(ctx, o.sent, c, o.marker)
	if err == nil {
		o.keep(w, c)
	}

	return w, err
}

// changed is the content of a changed item, with what was sent of it before.
func changed(c connector.Connector, before, after domain.Item) connector.Content {
	was := c.Render(before)
	content := c.Render(after)
	content.Previous = was.AsPrevious()

	return content
}

// closeAll closes each tracker's object that is open. A message has no state.
func (m *objects) closeAll(ctx context.Context) error {
	if m.chat() {
		return notTried("a message cannot be closed")
	}

	var failed []error
	for _, o := range m.all {
		switch {
		case o.lost:
			failed = append(failed, fmt.Errorf("the object %q was not found", o.item.Title))
		case o.item.State != domain.Closed:
			if _, err := m.change(ctx, o, func(i *domain.Item) { i.State = domain.Closed }); err != nil {
				failed = append(failed, fmt.Errorf("close %s: %w", o.sent.Remote.URL, err))
			}
		}
	}

	return errors.Join(failed...)
}

// first is the object that updates are tried at.
func (m *objects) first() (*object, error) {
	if len(m.all) == 0 || m.all[0].lost {
		return nil, notTried("there is no object")
	}

	return m.all[0], nil
}

// find looks for an object whose create was not answered, for a while.
func (m *objects) find(ctx context.Context, finder connector.Finder, o *object, long time.Duration) error {
	began := m.clock.Now()
	_, behind := finder.ClockLag()
	since := o.began.Add(-5*time.Minute - max(behind, 0))
	for {
		found, err := finder.Find(ctx, since, []connector.Marker{o.marker})
		if err != nil && !passing(err) {
			return err
		}

		if w, ok := found[o.item.ID]; ok {
			o.keep(w, m.content(o.item))
			return nil
		}

		if m.clock.Now().Sub(began) > long {
			return fmt.Errorf("not found within %s", long)
		}

		if err := m.clock.Sleep(ctx, look); err != nil {
			return err
		}
	}
}

// findLost looks for what was made and not answered, such as at Ctrl-C, so that it
// can be closed and deleted. What is not found the rows after it say.
func (m *objects) findLost(ctx context.Context) {
	finder, can := m.connector.(connector.Finder)
	for _, o := range m.all {
		if o.lost && can {
			_ = m.find(ctx, finder, o, shortPatience) // it stays lost
		}
	}
}
