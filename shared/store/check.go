package store

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/domain"
)

// checkKept is how long the time of an integration's last check is kept.
const checkKept = 24 * time.Hour

// StartCheck records that a check of the connection begins. When the last check
// began less than gap ago, next is when the next one may begin, and nothing is
// written. id is the integration; check identifies this call. The record expires,
// in case a purge misses it.
func (r integrationRepository) StartCheck(ctx context.Context, id domain.Snowflake, check string, now time.Time, gap time.Duration) (next time.Time, err error) {
	u := checkUpdate(check, now).when(either(absent("checked_at"), atMost("checked_at", millis(now.Add(-gap)))))
	_, err = r.table.update(ctx, checkKey(id), u)
	old, failed := conditionFailed(err)
	if !failed {
		return time.Time{}, wrap(err, "check integration", id)
	}
	if textOf(old, "check_id") == check { // the SDK repeated a write that had succeeded
		return time.Time{}, nil
	}

	var last lastCheck
	err = decode(old, &last)

	return time.UnixMilli(last.At).Add(gap), wrap(err, "check integration", id)
}

// checkUpdate records that a check begins.
func checkUpdate(check string, now time.Time) *update {
	return newUpdate().
		set("checked_at", millis(now)).
		set("check_id", text(check)).
		set("expires_at", number(now.Add(checkKept).Unix()))
}

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

// recent are the test messages of the last 24 hours.
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

// testMessageTries is how often StartTestMessage writes when other checks begin at
// the same moment.
const testMessageTries = 3

// StartTestMessage counts a check that sends a test message. The caller calls it
// before it sends the message; the count is never taken back. When the limits do
// not allow the message, next is when they do, and nothing is written. check
// identifies this call: when the SDK repeats the write, it is counted once.
func (r integrationRepository) StartTestMessage(ctx context.Context, id domain.Snowflake, check string, now time.Time, limits TestMessageLimits) (next time.Time, err error) {
	const operation = "start test message of integration"

	found, err := r.table.get(ctx, checkKey(id))
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

		_, err = r.table.update(ctx, checkKey(id), countTestMessage(read, check, now))
		old, failed := conditionFailed(err)
		if !failed {
			return time.Time{}, wrap(err, operation, id)
		}
		if textOf(old, "check_id") == check { // the SDK repeated a write that had succeeded
			return time.Time{}, nil
		}

		found = old // another check began in between
	}

	return now.Add(limits.Check), nil
}

// countTestMessage is the update that adds a test message to the ones that were
// read.
func countTestMessage(read lastCheck, check string, now time.Time) *update {
	sent := &types.AttributeValueMemberL{}
	for _, at := range append(read.recent(now), now.UnixMilli()) {
		sent.Value = append(sent.Value, number(at))
	}

	unchanged := absent("check_id")
	if read.ID != "" {
		unchanged = equal("check_id", text(read.ID))
	}

	return checkUpdate(check, now).set("test_messages", sent).when(unchanged)
}
