package chat

import (
	"slices"
)

// A Thread is one that a message opened. Where the message is the first in it, the
// thread is the message's channel; where the thread is below a message of a channel,
// it has the message's id.
type Thread struct {
	Name   string `json:"name"`
	Parent string `json:"parent"` // the channel that it was opened in
}

// opened is a thread that was opened, under its id.
type opened struct {
	Thread
	id string
}

// Opened is a thread that a message opened, or nil.
func (c *Chat) Opened(id string) *Thread {
	c.lock.RLock()
	defer c.lock.RUnlock()
	i := slices.IndexFunc(c.threads, func(o opened) bool { return o.id == id })
	if i < 0 {
		return nil
	}

	found := c.threads[i].Thread

	return &found
}

// NextThread names the next thread of a channel. The caller decides alone.
func (c *Chat) NextThread(parent string) string {
	c.lock.RLock()
	last := ""
	for _, o := range c.threads {
		if o.Parent == parent {
			last = o.id
		}
	}

	c.lock.RUnlock()

	return c.dialect.NextID(c.Now(), last)
}

// open remembers the thread of a message. The caller holds the lock.
func (c *Chat) open(m *Message) {
	if m.Opens == nil {
		return
	}

	id := m.Channel
	if m.Opens.Parent == m.Channel {
		id = m.ID
	}

	known := func(o opened) bool { return o.id == id }
	if !slices.ContainsFunc(c.threads, known) {
		c.threads = append(c.threads, opened{*m.Opens, id})
	}
}

// Places are the ids of the channels, and of the threads that messages opened.
func (c *Chat) Places() []string {
	var ids []string
	for _, place := range c.places() {
		ids = append(ids, place.ID)
	}

	return ids
}

// places are the channels, and the threads that messages opened.
func (c *Chat) places() []Place {
	c.lock.RLock()
	defer c.lock.RUnlock()
	all := slices.Clone(c.dialect.Channels)
	for _, o := range c.threads {
		all = append(all, Place{ID: o.id, Name: o.Name})
	}

	return all
}
