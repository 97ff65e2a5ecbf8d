package chat

import (
	"encoding/json"
	"slices"
	"time"

	"example.com/integrations/local/providers"
)

// A Message as stored. It is never changed: a write puts a new one in its place.
type Message struct {
	Channel string `json:"channel"`
	ID      string `json:"id"` // within the channel
	// Author is what people see, Owner whose it is: the same may be called
	// differently.
	Author string `json:"author"`
	Owner  string `json:"owner"`
	// Wire is its content in the chat's own form.
	Wire json.RawMessage `json:"wire"`
	// Key is the sender's name for it, by which the chat knows a repeat.
	Key    string `json:"key,omitempty"`
	Thread string `json:"thread,omitempty"` // what it replies to
	// Opens is the thread that the message opened, nil for none.
	Opens     *Thread   `json:"opens,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	EditedAt  time.Time `json:"edited_at,omitzero"`
	EditedBy  string    `json:"edited_by,omitempty"`
	Deleted   bool      `json:"deleted,omitempty"`
	// Failed says why the chat took it and does not show it.
	Failed string `json:"failed,omitempty"`
}

// An entry of the journal: a write, applied (then with the message as it is
// since) or refused.
type entry struct {
	Number  int64            `json:"n,omitempty"`
	Write   *providers.Write `json:"write,omitempty"`
	Message *Message         `json:"message,omitempty"`

	at time.Time // since when it is so, zero for what a journal tells
}

// A channel holds its messages, oldest first, each in all its forms.
type channel struct {
	messages []*forms
	byID     map[string]*forms
	past     providers.Past[string, *Message]
}

type forms struct{ all []*Message }

func (f *forms) last() *Message { return f.all[len(f.all)-1] }

func (c *Chat) replay(line []byte) error {
	var read entry
	if err := json.Unmarshal(line, &read); err != nil {
		return err
	}

	c.remember(read)
	return nil
}

// commit stores an entry for good, then makes it visible.
func (c *Chat) commit(made entry) error {
	if err := c.journal.Append(made); err != nil {
		return err
	}

	made.at = c.Now()
	c.remember(made)
	return nil
}

func (c *Chat) remember(made entry) {
	if made.Write != nil {
		c.writes.Add(made.Number, made)
	}

	m := made.Message
	if m == nil {
		return
	}

	c.lock.Lock()
	defer c.lock.Unlock()
	c.open(m)
	in := c.channels[m.Channel]
	if in == nil {
		in = &channel{byID: map[string]*forms{}}
		c.channels[m.Channel] = in
	}

	known := in.byID[m.ID]
	if known == nil {
		known = &forms{}
		in.byID[m.ID] = known
		in.messages = append(in.messages, known)
	}

	known.all = append(known.all, m)
	in.past.Put(m.ID, made.at, m)
}

// Put stores a message that nobody asked for by a request, such as an old one.
func (c *Chat) Put(m Message) error {
	c.deciding.Lock()
	defer c.deciding.Unlock()
	return c.commit(entry{Message: &m})
}

// Get returns a message that is there, or nil.
func (c *Chat) Get(channel, id string) *Message {
	if all := c.Forms(channel, id); len(all) > 0 && !all[len(all)-1].Deleted {
		return all[len(all)-1]
	}
	return nil
}

// Forms lists all forms that a message has had, the last one at the end.
func (c *Chat) Forms(channel, id string) []*Message {
	c.lock.RLock()
	defer c.lock.RUnlock()
	in := c.channels[channel]
	if in == nil || in.byID[id] == nil {
		return nil
	}

	return slices.Clone(in.byID[id].all)
}

// Messages lists those that are there, oldest first.
func (c *Chat) Messages(channel string) []*Message {
	c.lock.RLock()
	defer c.lock.RUnlock()
	in := c.channels[channel]
	if in == nil {
		return nil
	}

	var all []*Message
	for _, f := range in.messages {
		if m := f.last(); !m.Deleted {
			all = append(all, m)
		}
	}

	return all
}

// Last names a channel's newest message, which may be deleted, "" if there was
// none.
func (c *Chat) Last(channel string) string {
	c.lock.RLock()
	defer c.lock.RUnlock()
	in := c.channels[channel]
	if in == nil {
		return ""
	}

	return in.messages[len(in.messages)-1].last().ID
}

// Next names a channel's next message. The caller decides alone.
func (c *Chat) Next(channel string) string {
	return c.dialect.NextID(c.Now(), c.Last(channel))
}

// Writes lists the writes that arrived, whoever they came from and whatever
// became of them, in the order in which they arrived.
func (c *Chat) Writes() []providers.Write {
	writes := []providers.Write{}
	for _, one := range c.writes.All() {
		writes = append(writes, *one.Write)
	}
	return writes
}
