// Package item decides what has to be done about one item: it compares the item with
// what is known of its object at the provider. It is pure.
package item

import (
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A Step is what has to be done about an item.
type Step int

// The steps.
const (
	Nothing      Step = iota // there is nothing to do or to count
	Unchanged                // the provider has it already
	Skip                     // it is not sent, for a reason
	GivenUp                  // it has failed too often, and is not tried again by itself
	NotDue                   // it failed, and its next attempt is not due
	Broken                   // deciding about it, or handling it, failed within the service
	Resolve                  // a create may have been sent: look for its object first
	Create                   // create its object
	Update                   // update its object
	Unanswerable             // it may have been sent, and the provider cannot be asked
	AddToDigest              // a digest will say it
	SettleDigest             // a digest has said it, or failed to
	Reply                    // its message is up to date, and a reply below it is being posted
)

// The reasons for which an item is skipped.
const (
	// DeletedBeforeFirstSync: the item was deleted before it was ever sent.
	DeletedBeforeFirstSync = "deleted_before_first_sync"
	// DeletedAndLeft: the item was deleted, and the configuration leaves its object.
	DeletedAndLeft = "deleted_and_left"
	// RemoteDeleted: a person deleted the object at the provider.
	RemoteDeleted = "remote_deleted"
	// NotEditable: the item was deleted, and its message cannot be edited to say so.
	NotEditable = "deleted_and_not_editable"
	// NotAnnounced: the change is not news. A full run finds what a chat was not
	// told, and posts it only if it is asked to announce.
	NotAnnounced = "not_announced"
)

// A Subject is an item, with what is known of its object.
type Subject struct {
	Item    domain.Item
	Content connector.Content // what the item is at the provider
	Link    store.Link
	Pending []store.PendingChange
	// InSentDigest says that the link names a digest that was sent.
	InSentDigest bool
}

// Retry reports whether a manager asked for the item to be tried again.
func (s Subject) Retry() bool { return Retry(s.Pending) }

// Retry reports whether one of an item's pending changes is a request to retry it.
func Retry(pending []store.PendingChange) bool {
	for _, change := range pending {
		if change.Retry {
			return true
		}
	}

	return false
}

// sentVersion reports whether this version was handled before, and nothing asks for it
// again.
func (s Subject) sentVersion() bool {
	return s.Link.Version == s.Item.Version && !s.Retry()
}

// sent reports whether the item was ever sent.
func (s Subject) sent() bool { return s.Link.Remote != nil || s.Link.SentHash != "" }

// upToDate reports whether the provider has exactly this content, without doubt.
func (p Policy) upToDate(s Subject) bool {
	link := s.Link
	certain := link.Intent == nil && !link.InDoubt

	return s.sent() && certain && link.SentHash == s.Content.Hash() && (link.Reason != RemoteDeleted || p.PostsEach)
}

// A Policy is how items are brought to one target, at one moment.
type Policy struct {
	Now          time.Time
	CanSearch    bool // the provider can be asked for the object of an unanswered create
	SkipRefused  bool // items that were refused wait for those that were not
	LeaveDeleted bool // the object of a deleted item stays as it is
	Chat         bool // the provider is a chat
	PostsEach    bool // each change is a message of its own
	Announce     bool // the run tells a chat also what no event has told
}

// Quiet reports whether an item is not to be announced by a chat: no event has announced it, only
// a plan pass has found it, and no request has asked for it.
func (p Policy) Quiet(pending []store.PendingChange) bool {
	if !p.Chat || p.Announce {
		return false
	}

	for _, change := range pending {
		if change.Announced || change.Retry {
			return false
		}
	}

	return true
}

// Created is what a create sends. At a tracker new objects are open, and are closed
// by an update once they are recorded.
func (p Policy) Created(c connector.Content) connector.Content {
	if !p.Chat {
		c.State = domain.Open
	}

	return c
}

// MessageGone reports whether a person deleted the item's object or message, as a
// write has shown. A chat that posts each change does not need it.
func (p Policy) MessageGone(s Subject) bool {
	return s.Link.Reason == RemoteDeleted && s.Link.Remote != nil && !p.PostsEach
}

// Reopened reports whether an item is posted anew if a person deleted its message:
// it was closed when it was last looked at, and is open again. Any other change of
// it is not posted.
func (p Policy) Reopened(s Subject) bool {
	return p.Chat && s.Link.SentState == domain.Closed && s.Content.State == domain.Open && !p.Quiet(s.Pending)
}

// notDue reports whether this version failed and is tried again later.
func (p Policy) notDue(s Subject) bool {
	waits := s.Link.RetryAt.After(p.Now) || p.SkipRefused && s.Link.Outcome == domain.FailedOut

	return s.sentVersion() && waits
}

// unanswerable reports whether the same create was sent and not answered. Where the
// provider cannot be asked, only the next change is posted.
func (p Policy) unanswerable(s Subject) bool {
	if s.Link.Intent == nil {
		return false
	}

	return s.sentVersion() || !s.Retry() && s.Link.Intent.Hash == p.Created(s.Content).Hash()
}

// An Action is what has to be done, and why an item is skipped.
type Action struct {
	Step   Step
	Reason string
}

func skip(reason string) Action { return Action{Step: Skip, Reason: reason} }

// Decide says what has to be done about an item. The order of the cases matters: what
// may have been sent before comes first, then what waits, then what changed.
func Decide(s Subject, p Policy) Action {
	switch {
	case s.InSentDigest:
		return Action{Step: SettleDigest}
	case s.sentVersion() && s.Link.GivenUp:
		return Action{Step: GivenUp}
	case s.Link.Intent != nil && p.CanSearch:
		return Action{Step: Resolve}
	case p.unanswerable(s):
		return Action{Step: Unanswerable}
	case p.notDue(s):
		return Action{Step: NotDue}
	case p.upToDate(s):
		return Action{Step: Unchanged}
	case s.Item.Deleted && !s.sent():
		return skip(DeletedBeforeFirstSync)
	case s.Item.Deleted && p.LeaveDeleted:
		return skip(DeletedAndLeft)
	case p.MessageGone(s) && !p.Reopened(s):
		return skip(RemoteDeleted)
	case p.MessageGone(s):
		return Action{Step: Create}
	case s.Link.Remote != nil && !p.PostsEach:
		return Action{Step: Update}
	case s.Item.Deleted:
		return skip(NotEditable)
	case p.Quiet(s.Pending):
		return skip(NotAnnounced)
	}

	return Action{Step: Create}
}
