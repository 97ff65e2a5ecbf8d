package publisher

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
)

// putter answers as EventBridge does: each entry by itself.
type putter struct {
	calls  []int
	last   types.PutEventsRequestEntry
	refuse string // details that contain it are refused
	fail   int    // the call that fails as a whole, from 1
}

func (p *putter) PutEvents(_ context.Context, in *eventbridge.PutEventsInput, _ ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error) {
	p.calls = append(p.calls, len(in.Entries))
	if len(p.calls) == p.fail {
		return nil, errors.New("unreachable")
	}

	out := &eventbridge.PutEventsOutput{}
	for _, e := range in.Entries {
		p.last = e
		if p.refuse != "" && strings.Contains(*e.Detail, p.refuse) {
			out.FailedEntryCount++
			out.Entries = append(out.Entries, types.PutEventsResultEntry{ErrorCode: aws.String("ThrottlingException")})
			continue
		}

		out.Entries = append(out.Entries, types.PutEventsResultEntry{EventId: aws.String("e")})
	}

	return out, nil
}

func notices(n int) []outgoing.Event {
	var all []outgoing.Event
	for i := range n {
		all = append(all, outgoing.Event{ID: domain.Snowflake(i + 1), DetailType: "integration.sync.finished", Detail: fmt.Sprintf(`{"n":"<%d>"}`, i+1)})
	}
	return all
}

func TestPublish(t *testing.T) {
	for name, c := range map[string]struct {
		putter putter
		taken  int
		fails  bool
		calls  string
	}{
		"tens":                              {putter{}, 23, false, "[10 10 3]"},
		"one is refused":                    {putter{refuse: "<12>"}, 22, true, "[10 10 3]"},
		"a call fails":                      {putter{fail: 2}, 13, true, "[10 10 3]"},
		"all are refused":                   {putter{refuse: "<"}, 0, true, "[10 10 3]"},
		"one of the first, one of the last": {putter{refuse: "3>"}, 20, true, "[10 10 3]"},
	} {
		taken, err := New(&c.putter, "the-bus").Publish(t.Context(), notices(23))
		if len(taken) != c.taken || (err != nil) != c.fails || fmt.Sprint(c.putter.calls) != c.calls {
			t.Errorf("%s: %d taken, %v, calls of %v", name, len(taken), err, c.putter.calls)
		}

		for _, n := range taken {
			if c.putter.refuse != "" && strings.Contains(n.Detail, c.putter.refuse) {
				t.Errorf("%s: %s was refused and counts as taken", name, n.Detail)
			}
		}

		e := c.putter.last
		if aws.ToString(e.EventBusName) != "the-bus" || aws.ToString(e.Source) != "integrations" || aws.ToString(e.DetailType) != "integration.sync.finished" || *e.Detail != `{"n":"<23>"}` {
			t.Errorf("%s: %v", name, e)
		}
	}
}
