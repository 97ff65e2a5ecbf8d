package store

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/domain"
)

// TestMessageLimits bound how often an integration sends a test message.
type TestMessageLimits struct {
	Check time.Duration // the least time between two checks, with or without a message
	Gap   time.Duration // the least time between two test messages
	Day   int           // the most test messages in 24 hours
}

// testMessageWindow is the time in which TestMessageLimits.Day counts.
const testMessageWindow = 24 * time.Hour

// lastCheck is the record of the checks of an integration.
type lastCheck struct {
	At int64  `json:"checked_at"` // Unix milliseconds
	ID string `json:"check_id"`
	// TestMessages are the times of the test messages of the last 24 hours, in Unix
	// milliseconds.
	TestMessages []int64 `json:"test_messages"`
}

// recent are the test messages that still count.
func (c lastCheck) recent(now time.Time) []int64 {
	oldest := now.Add(-testMessageWindow).UnixMilli()
	kept := slices.DeleteFunc(slices.Clone(c.TestMessages), func(at int64) bool { return at <= oldest })
	slices.Sort(kept)

	return kept
}

// next is the earliest time of the next test message, zero if that is now.
func (c lastCheck) next(now time.Time, limits TestMessageLimits) time.Time {
	earliest := time.UnixMilli(c.At).Add(limits.Check)

	recent := c.recent(now)
	if n := len(recent); n > 0 {
		earliest = later(earliest, time.UnixMilli(recent[n-1]).Add(limits.Gap))
	}

	if n := len(recent); n >= limits.Day {
		earliest = later(earliest, time.UnixMilli(recent[n-limits.Day]).Add(testMessageWindow))
	}

	if !earliest.After(now) {
		return time.Time{}
	}

	return earliest
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}

	return b
}

// testMessageTries is how often StartTestMessage writes when other checks begin
// at the same moment. One that was met means that the next one has to wait.
const testMessageTries = 3

// StartTestMessage counts a check that sends a test message. It is called before
// the message is sent, and what it has counted stays counted. When the limits do
// not allow the message, next is when they do, and nothing is written. check is
// the id of this call: a repetition of the write by the SDK finds it in the
// record and counts once.
func (s *Store) StartTestMessage(ctx context.Context, id domain.Snowflake, check string, now time.Time, limits TestMessageLimits) (next time.Time, err error) {
	const operation = "start test message of integration"

	found, err := s.get(ctx, checkKey(id))
	if err != nil {
		return time.Time{}, wrap(err, operation, id)
	}

	for range testMessageTries {
		var read lastCheck
		if err := decode(found, &read); err != nil {
			return time.Time{}, wrap(err, operation, id)
		}

		if next := read.next(now, limits); !next.IsZero() {
			return next, nil
		}

		_, err = s.update(ctx, checkKey(id), countTestMessage(read, check, now))
		old, failed := conditionFailed(err)
		if !failed {
			return time.Time{}, wrap(err, operation, id)
		}
		if textOf(old, "check_id") == check { // the SDK's retry of our own success
			return time.Time{}, nil
		}

		found = old // another check began in between
	}

	return now.Add(limits.Check), nil
}

// countTestMessage is the update that counts a test message onto what was read.
func countTestMessage(read lastCheck, check string, now time.Time) update {
	sent := &types.AttributeValueMemberL{}
	for _, at := range append(read.recent(now), now.UnixMilli()) {
		sent.Value = append(sent.Value, number(at))
	}

	u := update{
		expression: "SET #at = :now, #check = :check, #messages = :messages, #expires = :expires",
		condition:  "attribute_not_exists(#check)",
		names:      map[string]string{"#at": "checked_at", "#check": "check_id", "#messages": "test_messages", "#expires": "expires_at"},
		values: record{
			":now": number(now.UnixMilli()), ":check": text(check), ":messages": sent,
			":expires": number(now.Add(checkKept).Unix()),
		},
	}
	if read.ID != "" {
		u.condition = "#check = :read"
		u.values[":read"] = text(read.ID)
	}

	return u
}
