package worker

import (
	"errors"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/store"
)

// A chat is what the worker needs of a chat, zero for a tracker.
type chat struct {
	is   bool
	mode connector.DeliveryMode
	conn connector.Chat // nil in a dry run
	// replier is nil in a dry run, and for a chat that does not reply.
	replier connector.Replier
}

func chatOf(c connector.Connector) chat {
	one, is := c.(connector.Chat)
	if !is {
		return chat{}
	}

	known := chat{is: true, mode: one.DeliveryMode(), conn: one}
	known.replier, _ = c.(connector.Replier)

	return known
}

// posts reports whether each change is a message of its own.
func (c chat) posts() bool { return c.is && !c.mode.Edits }

// previousMessage is what a link remembers of a message.
func (c chat) previousMessage(content connector.Content) *store.PreviousMessage {
	if !c.is {
		return nil
	}
	return &store.PreviousMessage{Title: content.Title, Text: connector.TextHash(content.Body), Deleted: content.Deleted, Facts: content.Facts}
}

// channelOf is the channel that an item's messages are in after a write. Where
// the provider names none, it is the one that was known before.
func (c chat) channelOf(t *task, w connector.Written) string {
	if c.is && w.Remote.Key != "" {
		return w.Remote.Key
	}

	return t.link.Channel
}

// refusesEdit reports whether a message cannot be edited any more.
func (c chat) refusesEdit(err error) bool {
	var e *failure.Error
	return c.is && errors.As(err, &e) && e.Code == connector.NotEditable
}

// unannounced reports whether an item is not news to a chat: no event has named it,
// only a plan pass has found it, and no request has asked for it.
func (si *site) unannounced(t *task) bool { return si.policy().Quiet(t.pending) }

// editRefused is for a message that cannot be edited any more. What to do about its
// item is decided again: a new message, if there is one at all.
func (wr *writer) editRefused(t *task) {
	if t.before.maybeSent { // an edit before may have been made, and what it said is not known
		t.link.SentHash = ""
	}

	t.replaceMessage()
	wr.decider.decideAgain(t)
}

// replaceMessage is for an item whose next message stands in place of the one it
// has, which cannot be edited or is gone. The old one does not count as the new one
// if a list shows it.
func (t *task) replaceMessage() {
	t.link.NotEditable = t.link.Remote.ID
	t.link.Remote = nil
	t.link.Thread = nil
	t.before = inDoubt{}
	t.updateSent = false
	t.before.note(&t.link)
	t.linkChanged = true
}

// forgetMessage is for a reopened item whose message a person deleted. From here on
// it is an item without a message: it stays due until it is posted, whatever its
// text is.
func (t *task) forgetMessage() {
	t.replaceMessage()
	t.link.SentHash = ""
}

// messageGone reports whether a person deleted the item's message, as a write has
// shown. A chat that posts each change does not need it.
func (si *site) messageGone(t *task) bool { return si.policy().MessageGone(t.subject()) }

// recordSkipped stores the state of an item whose message a person deleted. A later
// change to open is then seen as a reopening.
func (si *site) recordSkipped(t *task) {
	if si.chat.is && t.reason == item.RemoteDeleted && !si.unannounced(t) {
		t.link.SentState = t.content.State
	}
}
