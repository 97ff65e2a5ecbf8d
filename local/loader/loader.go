// Package loader publishes a file of items on the event bus, as the platform
// does with its changes.
package loader

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

const (
	// batchEntries and batchBytes bound one call of PutEvents.
	batchEntries = 10
	batchBytes   = 240 << 10
	maxLine      = 1 << 20
	attempts     = 5
	firstPause   = 100 * time.Millisecond
)

// Putter is the bus.
type Putter interface {
	PutEvents(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
}

// A Loader sends lines of JSON as events. A line is an item's detail, or an
// object with detail_type and detail.
type Loader struct {
	Client      Putter
	Bus, Source string
	DetailType  string
	// Organisation, when set, takes the place of the items' own.
	Organisation string
	Progress     func(sent int)
}

// Load sends every line and tells how many went. It stops at the first that
// the bus refuses for good.
func (l Loader) Load(ctx context.Context, lines io.Reader) (sent int, err error) {
	scanner := bufio.NewScanner(lines)
	scanner.Buffer(nil, maxLine)
	b := batch{}
	flush := func() error {
		if err := l.send(ctx, b.entries); err != nil {
			return fmt.Errorf("lines %d to %d: %w", b.first, b.last, err)
		}
		sent += len(b.entries)
		b = batch{}
		if l.Progress != nil {
			l.Progress(sent)
		}
		return nil
	}
	for number := 1; scanner.Scan(); number++ {
		if len(bytes.TrimSpace(scanner.Bytes())) == 0 {
			continue
		}
		entry, err := l.entry(scanner.Bytes())
		if err != nil {
			return sent, fmt.Errorf("line %d: %w", number, err)
		}
		if b.full(entry) {
			if err := flush(); err != nil {
				return sent, err
			}
		}
		b.add(entry, number)
	}
	if err := scanner.Err(); err != nil {
		return sent, err
	}
	return sent, flush()
}

// A batch is what goes in one call.
type batch struct {
	entries     []types.PutEventsRequestEntry
	size        int
	first, last int
}

func (b *batch) full(next types.PutEventsRequestEntry) bool {
	return len(b.entries) == batchEntries || len(b.entries) > 0 && b.size+len(*next.Detail) > batchBytes
}

func (b *batch) add(entry types.PutEventsRequestEntry, line int) {
	if len(b.entries) == 0 {
		b.first = line
	}
	b.entries, b.size, b.last = append(b.entries, entry), b.size+len(*entry.Detail), line
}

func (l Loader) entry(line []byte) (types.PutEventsRequestEntry, error) {
	var wrapped struct {
		DetailType string          `json:"detail_type"`
		Detail     json.RawMessage `json:"detail"`
	}
	if err := json.Unmarshal(line, &wrapped); err != nil {
		return types.PutEventsRequestEntry{}, err
	}
	if wrapped.Detail == nil {
		wrapped.DetailType, wrapped.Detail = l.DetailType, line
	}
	detail, err := l.moved(wrapped.Detail)
	return types.PutEventsRequestEntry{
		EventBusName: &l.Bus, Source: &l.Source, DetailType: &wrapped.DetailType, Detail: aws.String(string(detail)),
	}, err
}

// moved puts an item into the organisation asked for.
func (l Loader) moved(detail []byte) ([]byte, error) {
	if l.Organisation == "" {
		return detail, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(detail, &members); err != nil {
		return nil, err
	}
	id, err := json.Marshal(l.Organisation)
	if err != nil {
		return nil, err
	}
	members["organisation_id"] = id
	return json.Marshal(members)
}

// send repeats the entries that the bus did not take.
func (l Loader) send(ctx context.Context, entries []types.PutEventsRequestEntry) error {
	var last error
	for attempt, pause := 0, firstPause; len(entries) > 0; attempt, pause = attempt+1, 2*pause {
		if attempt == attempts {
			return last
		}
		if attempt > 0 && !sleep(ctx, pause) {
			return ctx.Err()
		}
		out, err := l.Client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: entries})
		if err != nil {
			return err
		}
		entries, last = refused(entries, out)
	}
	return nil
}

// refused gives the entries that were not taken and why the first was not.
func refused(entries []types.PutEventsRequestEntry, out *eventbridge.PutEventsOutput) ([]types.PutEventsRequestEntry, error) {
	var again []types.PutEventsRequestEntry
	var why error
	for i, result := range out.Entries {
		if result.ErrorCode == nil {
			continue
		}
		if why == nil {
			why = errors.New(aws.ToString(result.ErrorCode) + ": " + aws.ToString(result.ErrorMessage))
		}
		again = append(again, entries[i])
	}
	return again, why
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
