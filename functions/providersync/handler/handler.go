// Package handler takes messages from the sync queue and has the worker work
// on the invocations they ask for.
package handler

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/integrations/shared/awsclient"
	"example.com/integrations/shared/syncqueue"
)

// A Worker works on one invocation of a run.
type Worker interface {
	Run(ctx context.Context, m syncqueue.Message, deadline time.Time) error
}

// A Handler takes batches of messages.
type Handler struct {
	Worker Worker
	Log    *slog.Logger
}

// noDeadline is the deadline where the invocation has none, as in a test.
const noDeadline = time.Minute

// Handle takes a batch. A message that could not be worked on is reported by
// its message id and comes again; the others are done.
func (h *Handler) Handle(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(noDeadline)
	}

	ctx, cancel := awsclient.Within(ctx) // the lease outlives the invocation
	defer cancel()
	var failed events.SQSEventResponse
	for _, record := range batch.Records {
		m, err := syncqueue.Parse(record.Body)
		if err == nil {
			err = h.Worker.Run(ctx, m, deadline)
		}

		if err != nil {
			h.Log.ErrorContext(ctx, "invocation failed", "message_id", record.MessageId, "error", err.Error())
			failed.BatchItemFailures = append(failed.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: record.MessageId})
		}
	}

	return failed, nil
}
