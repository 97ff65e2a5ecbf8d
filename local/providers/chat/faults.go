package chat

import (
	"context"
	"net/http"
	"slices"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
)

// Faults is what makes the chat fail on purpose.
func (c *Chat) Faults() *faults.Kit { return c.dialect.Faults }

// Refused keeps a write that a fault refused.
func (c *Chat) Refused(_ *http.Request, w providers.Write) {
	_ = c.commit(entry{Number: c.writes.Arrive(), Write: &w})
}

// Vanish takes a message away, as a person does who says nothing. The error is
// faults.ErrNothing where it is not there.
func (c *Chat) Vanish(channel, id string) error {
	c.deciding.Lock()
	defer c.deciding.Unlock()
	found := c.Get(channel, id)
	if found == nil {
		return faults.ErrNothing
	}

	gone := *found
	gone.Deleted = true

	return c.commit(entry{Message: &gone})
}

// Listed are the messages that a list is made of, oldest first: those that are
// there, or that were where it lags behind.
func (c *Chat) Listed(ctx context.Context, channel string) []*Message {
	lag := faults.Lag(ctx)
	if lag == 0 {
		return c.Messages(channel)
	}

	c.lock.RLock()
	defer c.lock.RUnlock()
	in := c.channels[channel]
	if in == nil {
		return nil
	}

	return slices.DeleteFunc(in.past.At(c.Now().Add(-lag)), func(m *Message) bool { return m.Deleted })
}
