package chat

import (
	"context"
	"encoding/json"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
)

// An entry of the journal: a write, applied (then with the message as it is
// since) or refused.
type entry struct {
	Number  int64            `json:"n,omitempty"`
	Write   *providers.Write `json:"write,omitempty"`
	Message *Message         `json:"message,omitempty"`
}

func (c *Chat) replay(line []byte) error {
	var read entry
	if err := json.Unmarshal(line, &read); err != nil {
		return err
	}

	c.remember(read, time.Time{}) // the journal has no times for lists that lag

	return nil
}

// commit stores an entry for good, then makes it visible.
func (c *Chat) commit(made entry) error {
	if err := c.journal.Append(made); err != nil {
		return err
	}

	c.remember(made, c.Now())

	return nil
}

func (c *Chat) remember(made entry, at time.Time) {
	if made.Write != nil {
		c.writes.Add(made.Number, made)
	}

	if made.Message != nil {
		c.put(made.Message, at)
	}
}

// Put stores a message without a request, such as an old one.
func (c *Chat) Put(m Message) error {
	c.deciding.Lock()
	defer c.deciding.Unlock()

	return c.commit(entry{Message: &m})
}

// Vanish deletes a message without a request, as a person may do. The error is
// faults.ErrNothing if it is not there.
func (c *Chat) Vanish(channel, id string) error {
	c.deciding.Lock()
	defer c.deciding.Unlock()
	found := c.Get(channel, id)
	if found == nil {
		return faults.ErrNothing
	}

	return c.commit(entry{Message: found.Gone()})
}

// New is the next message of a channel. The caller holds the decision.
func (c *Chat) New(channel, author, owner string, wire json.RawMessage) *Message {
	return &Message{Channel: channel, ID: c.Next(channel), Author: author, Owner: owner, Wire: wire, CreatedAt: c.Now()}
}

// Next is the id of a channel's next message. The caller holds the decision.
func (c *Chat) Next(channel string) string {
	return c.dialect.NextID(c.Now(), c.Last(channel))
}

// NextThread is the id of a channel's next thread. The caller holds the decision.
func (c *Chat) NextThread(parent string) string {
	return c.dialect.NextID(c.Now(), c.lastThread(parent))
}

// Listed are the messages that a list has, oldest first: those that are there, or
// those that were there if lists lag behind.
func (c *Chat) Listed(ctx context.Context, channel string) []*Message {
	lag := faults.Lag(ctx)
	if lag == 0 {
		return c.Messages(channel)
	}

	return c.at(channel, c.Now().Add(-lag))
}

// Writes lists the writes that arrived, applied and refused ones of all callers, in
// the order in which they arrived.
func (c *Chat) Writes() []providers.Write {
	writes := []providers.Write{}
	for _, one := range c.writes.All() {
		writes = append(writes, *one.Write)
	}

	return writes
}

// Picture is a message as people see it.
func (c *Chat) Picture(m *Message) Picture { return c.dialect.Draw(m.Wire) }
