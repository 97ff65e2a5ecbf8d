package connector

import (
	"context"
	"fmt"
	"time"

	"example.com/integrations/shared/domain"
)

// CheckPost is the check that a test message makes: whether it was posted.
const CheckPost = "post"

// OnlyByPosting is the code of a check that only a message can decide.
const OnlyByPosting = "only_by_posting"

// TestTitle is the first line of a test message.
const TestTitle = "Test message from Integrations"

// A TestMessage tries whether messages reach a chat. It belongs to no item, so it
// has no marker, and no sync finds it or edits it. It mentions no user.
type TestMessage struct {
	Integration domain.Snowflake
	ItemType    domain.ItemType
	AskedBy     domain.Snowflake // the user
	AskedAt     time.Time
	// Place is where the message goes, as Resolve says, zero where that is not
	// known. The link to the message is made from it.
	Place Place
}

// Lines are what the message says below TestTitle. Each is plain text of one line
// that no chat reads as markup, and holds nothing that a person typed.
func (t TestMessage) Lines() []string {
	return []string{
		fmt.Sprintf("This is a test: messages of integration %s (item type: %s) arrive here. You may delete this message.", t.Integration, t.ItemType),
		fmt.Sprintf("User %s asked for it at %s.", t.AskedBy, t.AskedAt.UTC().Format("15:04:05 UTC on 2 January 2006")),
	}
}

// A Tester is a connector that can post a test message. All chats can.
type Tester interface {
	// Test posts the message, in one attempt. Written has the id of the message,
	// and its address where that is known. It is Unproven where the provider gives
	// no proof that the message is there.
	Test(ctx context.Context, t TestMessage) (Written, error)
}
