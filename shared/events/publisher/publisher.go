// Package publisher publishes the service's events on its event bus.
package publisher

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"example.com/integrations/shared/events/outgoing"
)

// entries is how many events one PutEvents takes
// (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html).
const entries = 10

// A Putter is the EventBridge call that a Bus needs.
type Putter interface {
	PutEvents(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
}

// A Publisher publishes events.
type Publisher struct {
	putter Putter
	name   string
}

// New returns the Bus of a name.
func New(putter Putter, name string) *Publisher { return &Publisher{putter: putter, name: name} }

// Publish puts events on the bus and returns those that it accepted. Each entry
// is judged by itself, so that some may be taken and others not; the error says
// why not, and the rest is to be published again.
func (b *Publisher) Publish(ctx context.Context, notices []outgoing.Event) (taken []outgoing.Event, err error) {
	for len(notices) > 0 {
		n := min(len(notices), entries)
		ok, perr := b.put(ctx, notices[:n])
		taken = append(taken, ok...)
		err = errors.Join(err, perr)
		notices = notices[n:]
	}

	return taken, err
}

func (b *Publisher) put(ctx context.Context, notices []outgoing.Event) (taken []outgoing.Event, err error) {
	in := &eventbridge.PutEventsInput{}
	for _, n := range notices {
		in.Entries = append(in.Entries, types.PutEventsRequestEntry{
			EventBusName: &b.name, Source: aws.String(outgoing.Source), DetailType: &n.DetailType, Detail: &n.Detail,
		})
	}

	out, err := b.putter.PutEvents(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("publish %d events: %w", len(notices), err)
	}

	for i, n := range notices {
		if i >= len(out.Entries) || out.Entries[i].ErrorCode != nil || out.Entries[i].EventId == nil {
			code := "no answer"
			if i < len(out.Entries) {
				code = aws.ToString(out.Entries[i].ErrorCode)
			}

			err = errors.Join(err, fmt.Errorf("publish event %s: %s", n.ID, code))
			continue
		}

		taken = append(taken, n)
	}

	return taken, err
}
