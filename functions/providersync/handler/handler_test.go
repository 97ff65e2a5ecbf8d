package handler

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/integrations/shared/awsclient"
	"example.com/integrations/shared/syncqueue"
)

// A hanging worker waits for an answer of AWS that does not come.
type hanging struct{ deadline time.Time }

func (h *hanging) Run(ctx context.Context, _ syncqueue.Message, deadline time.Time) error {
	h.deadline = deadline
	<-ctx.Done()
	return ctx.Err()
}

// D6: a call to AWS that hangs ends before its invocation does, and so before
// the lease, which is counted from the invocation's end. The message is reported
// and comes again.
func TestACallThatHangsEndsBeforeTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = 120 * time.Second
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		defer cancel()
		worker := &hanging{}
		h := &Handler{Worker: worker, Log: slog.New(slog.DiscardHandler)}

		out, err := h.Handle(ctx, events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m",
			Body: `{"v":1,"organisation_id":"5","integration_id":"77","run_id":"4711"}`}}})
		if err != nil || len(out.BatchItemFailures) != 1 || out.BatchItemFailures[0].ItemIdentifier != "m" {
			t.Errorf("%+v, %v", out, err)
		}

		if took := time.Since(began); took != timeout-awsclient.Reserve {
			t.Errorf("it took %s of %s", took, timeout)
		}

		if !worker.deadline.Equal(began.Add(timeout)) {
			t.Errorf("the lease is counted from %s after the beginning, want %s", worker.deadline.Sub(began), timeout)
		}
	})
}
