package worker

import (
	"context"
	"errors"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// The reasons for which a chat is not told of an item.
const (
	// notAnnounced: it is no news. A full run finds out what a chat was not told,
	// but posts nothing about it unless it is to announce.
	notAnnounced = "not_announced"
	// notEditable: the item is deleted, and its message cannot be edited to say
	// so.
	notEditable = "deleted_and_not_editable"
)

// A chat is what the engine knows of a chat, zero for a tracker.
type chat struct {
	is     bool
	manner connector.DeliveryMode
	conn   connector.Chat // nil in a dry run
	// replier is nil in a dry run, and for a chat that does not reply.
	replier connector.Replier
}

func chatOf(c connector.Connector) chat {
	one, is := c.(connector.Chat)
	if !is {
		return chat{}
	}

	known := chat{is: true, manner: one.DeliveryMode(), conn: one}
	known.replier, _ = c.(connector.Replier)

	return known
}

// posts reports whether each change is a message of its own.
func (c chat) posts() bool { return c.is && !c.manner.Edits }

// told is what a link remembers of a message.
func (c chat) told(content connector.Content) *store.PreviousMessage {
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

// last is what the last message told, nil for none.
func (t *task) last() *connector.PreviousMessage {
	told := t.link.Previous
	if told == nil {
		return nil
	}

	return &connector.PreviousMessage{
		Title:   told.Title,
		Text:    told.Text,
		Labels:  t.link.SentLabels,
		State:   t.link.SentState,
		Deleted: told.Deleted,
		Facts:   told.Facts,
		Channel: t.link.Channel,
	}
}

// quiet reports whether an item would be news to a chat that is not to be told
// any: no event has told of it, only a plan pass has found it, and nobody asked
// for it.
func (s *slice) quiet(t *task) bool {
	if !s.chat.is || s.run.Announce {
		return false
	}

	for _, m := range t.marks {
		if m.Announced || m.Retry {
			return false
		}
	}

	return true
}

// instead tells of an item whose message cannot be edited any more: by a new
// one, if it is told of at all.
func (s *slice) instead(ctx context.Context, t *task) (*verdict, error) {
	if t.was.unsure { // an edit before may have been made, and what it told of is not known
		t.link.SentHash = ""
	}

	t.replaceMessage()

	return s.doAgain(ctx, t)
}

// replaceMessage is for an item whose next message stands in place of the one it
// has, which cannot be edited or is gone. The old one does not count as the new one
// if a list shows it.
func (t *task) replaceMessage() {
	t.link.NotEditable = t.link.Remote.ID
	t.link.Remote = nil
	t.link.Thread = nil
	t.was = doubt{}
	t.left = false
	t.was.note(&t.link)
	t.dirty = true
}

// doAgain decides about an item again, and does it.
func (s *slice) doAgain(ctx context.Context, t *task) (*verdict, error) {
	s.decide(t, true)
	s.gathers(t)

	return s.do(ctx, t)
}

// messageGone reports whether a person deleted the item's message, as a write has
// shown. A chat that posts each change does not need it.
func (s *slice) messageGone(t *task) bool {
	return t.link.Reason == remoteDeleted && t.link.Remote != nil && !s.chat.posts()
}

// forgetMessage is for a reopened item whose message a person deleted. From here on
// it is an item without a message: it stays due until it is posted, whatever its
// text is.
func (t *task) forgetMessage() {
	t.replaceMessage()
	t.link.SentHash = ""
}

// isNews reports whether an item is posted anew if a person deleted its message: it
// was closed when it was last looked at, and is open again. Any other change of it
// is not posted.
func (s *slice) isNews(t *task) bool {
	return s.chat.is && t.link.SentState == domain.Closed && t.content.State == domain.Open && !s.quiet(t)
}

// skipped stores the state of an item whose message a person deleted. A later
// change to open is then seen as a reopening.
func (s *slice) skipped(t *task) {
	if s.chat.is && t.reason == remoteDeleted && !s.quiet(t) {
		t.link.SentState = t.content.State
	}
}

// marksOf gives the tasks of a plan pass the marks that wait for their items:
// what an event has told of is news to a chat, even in a quiet run.
func (s *slice) marksOf(ctx context.Context, tasks []*task) error {
	if len(tasks) == 0 {
		return nil
	}

	of := map[domain.Snowflake]*task{}
	for _, t := range tasks {
		of[t.id] = t
	}

	last := tasks[len(tasks)-1].id
	for cursor := store.PendingCursor(tasks[0].id); ; {
		marks, next, err := s.Store.PendingChanges(ctx, s.lease.Pair.ID, cursor, pushPage)
		if err != nil {
			return err
		}

		for _, m := range marks {
			if m.ItemID > last {
				return nil
			}

			if t := of[m.ItemID]; t != nil {
				t.marks = append(t.marks, m)
				s.decide(t, true)
			}
		}

		if next == "" {
			return nil
		}

		cursor = next
	}
}
