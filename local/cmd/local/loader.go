package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

const (
	// batchEntries and batchBytes bound one call of PutEvents.
	batchEntries = 10
	batchBytes   = 240 << 10
	maxLine      = 1 << 20
)

// A Loader sends lines of JSON as events. A line is an item's detail, or an
// object with detail_type and detail.
type Loader struct {
	Client      Putter
	Bus, Source string
	// DetailType is that of lines which do not name their own; without it all
	// have to.
	DetailType string
	// Organisation, when set, takes the place of the events' own. The ids of
	// items are shifted then, as an id belongs to one organisation.
	Organisation string
	// Rate is how many events go a second, 0 for as many as can.
	Rate float64
	// Order, when set, sends the events in another order than the file's.
	Order *Order
	// Check, when set, refuses an event before it is sent.
	Check func(detailType string, detail json.RawMessage) error
	// Skip is how many events at the beginning were sent before.
	Skip int
	// Sent is called after each call with the number of events sent so far,
	// skipped ones included. Its error ends the load.
	Sent func(total int) error
}

// An entry is an event on its way, and the line it is from.
type entry struct {
	types.PutEventsRequestEntry
	line int
}

// Load sends every event and returns how many were sent, skipped ones included. It
// stops at the first that the bus refuses for good.
func (l Loader) Load(ctx context.Context, lines io.Reader) (sent int, err error) {
	began := time.Now()
	n := 0
	var b batch
	flush := func() error {
		if err := l.pace(ctx, began, sent-l.Skip); err != nil {
			return err
		}

		if err := l.send(ctx, b.entries); err != nil {
			return err
		}

		sent += len(b.entries)
		b = batch{}
		if l.Sent == nil {
			return nil
		}

		return l.Sent(sent)
	}
	for e, err := range l.Order.apply(l.entries(lines)) {
		if err != nil {
			return sent, err
		}

		if n++; n <= l.Skip {
			sent++
			continue
		}

		if b.full(e, l.batchSize()) {
			if err := flush(); err != nil {
				return sent, err
			}
		}

		b.entries, b.size = append(b.entries, e), b.size+len(*e.Detail)
	}

	if len(b.entries) == 0 {
		return sent, nil
	}

	return sent, flush()
}

// Count reads and checks every event, and sends none. It names every line that
// is wrong, up to ten.
func (l Loader) Count(lines io.Reader) (n int, bad []error) {
	for _, err := range l.entries(lines) {
		if n++; err != nil {
			bad = append(bad, err)
		}

		if len(bad) == 10 {
			break
		}
	}

	return n, bad
}

// A batch is what goes in one call.
type batch struct {
	entries []entry
	size    int
}

func (b *batch) full(next entry, most int) bool {
	return len(b.entries) == most || len(b.entries) > 0 && b.size+len(*next.Detail) > batchBytes
}

// batchSize keeps batches small where the rate is low, so that events go one
// by one and not in bursts.
func (l Loader) batchSize() int {
	if l.Rate <= 0 {
		return batchEntries
	}
	return max(1, min(int(l.Rate/10), batchEntries))
}

// pace waits until it is the turn of the event after n.
func (l Loader) pace(ctx context.Context, began time.Time, n int) error {
	if l.Rate <= 0 {
		return ctx.Err()
	}
	return sleep(ctx, time.Until(began.Add(time.Duration(float64(n)/l.Rate*float64(time.Second)))))
}

// entries reads the events of a file. A line that is none gives an error, and
// the next lines follow.
func (l Loader) entries(lines io.Reader) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		scanner := bufio.NewScanner(lines)
		scanner.Buffer(nil, maxLine)
		number := 0
		for scanner.Scan() {
			if number++; len(bytes.TrimSpace(scanner.Bytes())) == 0 {
				continue
			}

			e, err := l.entry(scanner.Bytes(), number)
			if err != nil {
				err = fmt.Errorf("line %d: %w", number, err)
			}

			if !yield(e, err) {
				return
			}
		}

		if err := scanner.Err(); err != nil {
			yield(entry{}, fmt.Errorf("line %d: %w", number+1, err))
		}
	}
}

func (l Loader) entry(line []byte, number int) (entry, error) {
	var wrapped struct {
		DetailType string          `json:"detail_type"`
		Detail     json.RawMessage `json:"detail"`
	}
	if err := json.Unmarshal(line, &wrapped); err != nil {
		return entry{}, err
	}

	if wrapped.Detail == nil && l.DetailType != "" {
		wrapped.DetailType = l.DetailType
		wrapped.Detail = line
	}

	if wrapped.Detail == nil || wrapped.DetailType == "" {
		return entry{}, fmt.Errorf("wants the members detail_type and detail")
	}

	detail, err := l.moved(wrapped.DetailType, wrapped.Detail)
	if err == nil && l.Check != nil {
		err = l.Check(wrapped.DetailType, detail)
	}

	return entry{types.PutEventsRequestEntry{
		EventBusName: &l.Bus, Source: &l.Source, DetailType: &wrapped.DetailType, Detail: aws.String(string(detail)),
	}, number}, err
}
