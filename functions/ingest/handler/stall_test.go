package handler_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/integrations/functions/ingest/handler"
	"example.com/integrations/shared/domain"
)

// A stalling store never answers for some items, until the call is given up.
type stalling struct {
	handler.Items
	stalls func(domain.Snowflake) bool
	mu     sync.Mutex
	kept   []domain.Snowflake
}

func (s *stalling) PutItem(ctx context.Context, item domain.Item) (bool, error) {
	if s.stalls(item.ID) {
		<-ctx.Done()
		return false, ctx.Err()
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, item.ID)

	return false, nil // nothing follows
}

// D2: where a table call hangs, its event alone is reported, within the
// invocation's time; all others are handled, however many hang and whichever
// comes first.
func TestAStalledEventFailsAlone(t *testing.T) {
	for name, stalled := range map[string][]domain.Snowflake{
		"first": {1}, "last": {10}, "as many as are handled at once": {1, 2, 3, 4, 5}, "all but one": {1, 2, 3, 4, 5, 6, 7, 8, 9},
	} {
		for _, timeout := range []time.Duration{5 * time.Second, 30 * time.Second} {
			t.Run(fmt.Sprint(name, ", ", timeout), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					began := time.Now()
					ctx, cancel := context.WithTimeout(t.Context(), timeout)
					defer cancel()
					log := &bytes.Buffer{}
					items := &stalling{stalls: func(id domain.Snowflake) bool { return slices.Contains(stalled, id) }}
					h := &handler.Handler{Items: items, Log: slog.New(slog.NewJSONHandler(log, nil)), Now: time.Now}

					var batch events.SQSEvent
					var want []string
					for n := 1; n <= 10; n++ {
						body := message("item.created", change(map[string]any{"id": fmt.Sprint(n)}))
						batch.Records = append(batch.Records, events.SQSMessage{MessageId: fmt.Sprint(n), Body: body})
						if slices.Contains(stalled, domain.Snowflake(n)) {
							want = append(want, fmt.Sprint(n))
						}
					}

					out, err := h.Handle(ctx, batch)
					must(t, err)

					var failed []string
					for _, f := range out.BatchItemFailures {
						failed = append(failed, f.ItemIdentifier)
					}

					if !slices.Equal(failed, want) || len(items.kept) != 10-len(want) {
						t.Errorf("failed %v, want %v; kept %v\n%s", failed, want, items.kept, log)
					}

					if took := time.Since(began); took >= timeout {
						t.Errorf("it took %s of the invocation's %s", took, timeout)
					}
				})
			})
		}
	}
}
