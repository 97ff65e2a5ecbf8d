package chat

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"example.com/integrations/local/providers"
)

// A Message as stored. It is never changed: a write puts a new one in its place.
type Message struct {
	Channel string `json:"channel"`
	ID      string `json:"id"` // within the channel
	// Author is the name that people see. Owner is the id of the account.
	Author string `json:"author"`
	Owner  string `json:"owner"`
	// Wire is its content in the form of the chat.
	Wire json.RawMessage `json:"wire"`
	// Key is the sender's name for it. The chat recognises a repeat by it.
	Key    string `json:"key,omitempty"`
	Thread string `json:"thread,omitempty"` // what it replies to
	// Opens is the thread that the message opened, nil for none.
	Opens     *Thread   `json:"opens,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	EditedAt  time.Time `json:"edited_at,omitzero"`
	EditedBy  string    `json:"edited_by,omitempty"`
	Deleted   bool      `json:"deleted,omitempty"`
	// Failed says why the chat accepted it and does not show it.
	Failed string `json:"failed,omitempty"`
}

// Gone is the message once it is deleted.
func (m *Message) Gone() *Message {
	gone := *m
	gone.Deleted = true

	return &gone
}

// Edited is the message with another content, given by an account.
func (m *Message) Edited(wire json.RawMessage, at time.Time, by string) *Message {
	after := *m
	after.Wire = wire
	after.EditedAt = at
	after.EditedBy = by

	return &after
}

// A Thread is one that a message opened. If the message is the first one in it, the
// thread is the message's channel. If the thread is below a message of a channel, it
// has the message's id.
type Thread struct {
	Name   string `json:"name"`
	Parent string `json:"parent"` // the channel that it was opened in
}

// opened is a thread that was opened, under its id.
type opened struct {
	Thread
	id string
}

// A channel holds its messages, oldest first, each in all its forms.
type channel struct {
	messages []*forms
	byID     map[string]*forms
	past     providers.Past[string, *Message]
}

type forms struct{ all []*Message }

func (f *forms) last() *Message { return f.all[len(f.all)-1] }

// history holds the messages of all channels and the threads that they opened.
type history struct {
	fixed []Place // the channels that are there from the start

	lock     sync.RWMutex
	channels map[string]*channel
	threads  []opened // in the order in which they were opened
}

// put adds a message, or another form of one, as it is from a time on. The zero time
// means always.
func (h *history) put(m *Message, at time.Time) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.open(m)
	in := h.channels[m.Channel]
	if in == nil {
		in = &channel{byID: map[string]*forms{}}
		h.channels[m.Channel] = in
	}

	known := in.byID[m.ID]
	if known == nil {
		known = &forms{}
		in.byID[m.ID] = known
		in.messages = append(in.messages, known)
	}

	known.all = append(known.all, m)
	in.past.Put(m.ID, at, m)
}

// open adds the thread of a message. The caller holds the lock.
func (h *history) open(m *Message) {
	if m.Opens == nil {
		return
	}

	id := m.Channel
	if m.Opens.Parent == m.Channel {
		id = m.ID
	}

	known := func(o opened) bool { return o.id == id }
	if !slices.ContainsFunc(h.threads, known) {
		h.threads = append(h.threads, opened{*m.Opens, id})
	}
}

// in is a channel, an empty one if it has no messages. The caller holds the lock.
func (h *history) in(id string) *channel {
	if found := h.channels[id]; found != nil {
		return found
	}

	return &channel{}
}

// Get returns a message that is there, or nil.
func (h *history) Get(channel, id string) *Message {
	if all := h.Forms(channel, id); len(all) > 0 && !all[len(all)-1].Deleted {
		return all[len(all)-1]
	}

	return nil
}

// Forms lists all forms that a message has had, the last one at the end.
func (h *history) Forms(channel, id string) []*Message {
	h.lock.RLock()
	defer h.lock.RUnlock()
	found := h.in(channel).byID[id]
	if found == nil {
		return nil
	}

	return slices.Clone(found.all)
}

// Messages lists those that are there, oldest first.
func (h *history) Messages(channel string) []*Message {
	h.lock.RLock()
	defer h.lock.RUnlock()
	var all []*Message
	for _, f := range h.in(channel).messages {
		if m := f.last(); !m.Deleted {
			all = append(all, m)
		}
	}

	return all
}

// at lists the messages that were there at a time, oldest first.
func (h *history) at(channel string, at time.Time) []*Message {
	h.lock.RLock()
	defer h.lock.RUnlock()

	return slices.DeleteFunc(h.in(channel).past.At(at), func(m *Message) bool { return m.Deleted })
}

// Last is the id of a channel's newest message, which may be deleted, "" if there was
// none.
func (h *history) Last(channel string) string {
	h.lock.RLock()
	defer h.lock.RUnlock()
	all := h.in(channel).messages
	if len(all) == 0 {
		return ""
	}

	return all[len(all)-1].last().ID
}

// Opened is a thread that a message opened, or nil.
func (h *history) Opened(id string) *Thread {
	h.lock.RLock()
	defer h.lock.RUnlock()
	i := slices.IndexFunc(h.threads, func(o opened) bool { return o.id == id })
	if i < 0 {
		return nil
	}

	found := h.threads[i].Thread

	return &found
}

// lastThread is the id of the newest thread of a channel, "" for none.
func (h *history) lastThread(parent string) string {
	h.lock.RLock()
	defer h.lock.RUnlock()
	last := ""
	for _, o := range h.threads {
		if o.Parent == parent {
			last = o.id
		}
	}

	return last
}

// Places are the ids of the channels, and of the threads that messages opened.
func (h *history) Places() []string {
	var ids []string
	for _, place := range h.places() {
		ids = append(ids, place.ID)
	}

	return ids
}

// places are the channels, and the threads that messages opened.
func (h *history) places() []Place {
	h.lock.RLock()
	defer h.lock.RUnlock()
	all := slices.Clone(h.fixed)
	for _, o := range h.threads {
		all = append(all, Place{ID: o.id, Name: o.Name})
	}

	return all
}

// place is a channel or thread, nil if there is none with the id.
func (h *history) place(id string) *Place {
	all := h.places()
	i := slices.IndexFunc(all, func(p Place) bool { return p.ID == id })
	if i < 0 {
		return nil
	}

	return &all[i]
}
