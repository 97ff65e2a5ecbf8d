package item

import (
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// An Object is what the provider has of an item.
type Object string

// The values of Object.
const (
	Absent   Object = "absent"   // nothing is known to be there
	Present  Object = "present"  // an object or a message
	Accepted Object = "accepted" // a message that the provider did not name, or a line of a digest
	Gone     Object = "gone"     // a person deleted it
)

// A Doubt is what may have been sent and has no recorded answer.
type Doubt string

// The values of Doubt.
const (
	Certain       Doubt = "none"
	CreateInDoubt Doubt = "create"
	UpdateInDoubt Doubt = "update"
)

// An Attempt is how the last attempt to bring the item to the provider ended.
type Attempt string

// The values of Attempt.
const (
	NotTried    Attempt = "not tried"
	Done        Attempt = "done"
	Skipped     Attempt = "skipped"
	Deferred    Attempt = "deferred"   // the provider could not be asked, or a digest will say it
	Unanswered  Attempt = "unanswered" // a create was sent and not answered
	Failed      Attempt = "failed"     // it is tried again by itself
	AttemptOver Attempt = "given up"   // it is tried again when the item changes, or on request
)

// A Digest says whether a digest says the item.
type Digest string

// The values of Digest.
const (
	NoDigest Digest = "no"
	InDigest Digest = "yes"
)

// A State is what the flags of a link mean, one value for each axis.
type State struct {
	Object  Object
	Doubt   Doubt
	Attempt Attempt
	Digest  Digest
}

// StateOf reads the state from the flags of a link.
func StateOf(l store.Link) State {
	return State{Object: objectOf(l), Doubt: doubtOf(l), Attempt: attemptOf(l), Digest: digestOf(l)}
}

func objectOf(l store.Link) Object {
	switch {
	case l.Remote != nil && l.Reason == RemoteDeleted:
		return Gone
	case l.Remote != nil:
		return Present
	case l.SentHash != "":
		return Accepted
	}

	return Absent
}

func doubtOf(l store.Link) Doubt {
	switch {
	case l.Intent != nil:
		return CreateInDoubt
	case l.InDoubt:
		return UpdateInDoubt
	}

	return Certain
}

func attemptOf(l store.Link) Attempt {
	if l.GivenUp {
		return AttemptOver
	}

	switch l.Outcome {
	case domain.FailedOut:
		return Failed
	case domain.Unknown:
		return Unanswered
	case domain.Deferred:
		return Deferred
	case domain.Skipped:
		return Skipped
	case "":
		return NotTried
	}

	return Done
}

func digestOf(l store.Link) Digest {
	if l.InDigest != nil {
		return InDigest
	}

	return NoDigest
}
