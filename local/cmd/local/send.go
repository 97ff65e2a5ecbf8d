package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"example.com/integrations/shared/clock"
)

const (
	attempts   = 8
	firstPause = 100 * time.Millisecond
)

// Putter is the bus.
type Putter interface {
	PutEvents(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
}

// final are the codes of entries that will be refused however often they come
// (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html).
var final = []string{
	"MalformedDetail", "InvalidArgument", "NotAuthorizedForSourceException", "NotAuthorizedForDetailTypeException",
	"ResourceNotFoundException", "AccessDeniedException", "InvalidAccountIdException",
}

// One sends one event.
func (l Loader) One(ctx context.Context, detailType string, detail json.RawMessage) error {
	return l.send(ctx, []entry{{types.PutEventsRequestEntry{
		EventBusName: &l.Bus, Source: &l.Source, DetailType: &detailType, Detail: aws.String(string(detail)),
	}, 1}})
}

// send repeats the entries that the bus did not take, and only those. A call
// that fails as a whole has been repeated by the client.
func (l Loader) send(ctx context.Context, entries []entry) error {
	var last error
	for attempt, pause := 0, firstPause; len(entries) > 0; attempt, pause = attempt+1, 2*pause {
		if attempt == attempts {
			return last
		}

		if attempt > 0 {
			if err := sleep(ctx, pause); err != nil {
				return err
			}
		}

		in := &eventbridge.PutEventsInput{}
		for _, e := range entries {
			in.Entries = append(in.Entries, e.PutEventsRequestEntry)
		}

		out, err := l.Client.PutEvents(ctx, in)
		if err != nil {
			return fmt.Errorf("lines %d to %d: %w", entries[0].line, entries[len(entries)-1].line, err)
		}

		var hopeless bool
		if entries, hopeless, last = refused(entries, out); hopeless {
			return last
		}
	}

	return nil
}

// refused gives the entries that were not taken and why one was not: one that
// never will be, if there is such a one. An entry without an answer counts as
// not taken.
func refused(entries []entry, out *eventbridge.PutEventsOutput) (again []entry, hopeless bool, why error) {
	for i, e := range entries {
		code := "no answer"
		message := ""
		if i < len(out.Entries) {
			if out.Entries[i].ErrorCode == nil {
				continue
			}
			code = aws.ToString(out.Entries[i].ErrorCode)
			message = aws.ToString(out.Entries[i].ErrorMessage)
		}

		never := slices.Contains(final, code)
		if why == nil || never && !hopeless {
			why = fmt.Errorf("line %d: %s: %s", e.line, code, message)
		}

		hopeless = hopeless || never
		again = append(again, e)
	}

	return again, hopeless, why
}

// sleep waits, but no longer than ctx.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}

	return clock.Clock{}.Sleep(ctx, d)
}
