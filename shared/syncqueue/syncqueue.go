// Package syncqueue holds the message that asks the provider-sync worker for
// one invocation for a run. A message carries identity, never data: the run itself
// lives in the table.
package syncqueue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"example.com/integrations/shared/domain"
)

// A Message names the run to work on.
type Message struct {
	Version        int              `json:"v"`
	OrganisationID domain.Snowflake `json:"organisation_id"`
	IntegrationID  domain.Snowflake `json:"integration_id"`
	RunID          domain.Snowflake `json:"run_id"`
}

// current is the version of the message's form.
const current = 1

// ErrMalformed reports a body that is no message of this form.
var ErrMalformed = errors.New("malformed sync message")

// Parse reads a message body.
func Parse(body string) (Message, error) {
	var m Message
	dec := json.NewDecoder(bytes.NewReader([]byte(body)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return Message{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}

	if _, err := dec.Token(); err != io.EOF {
		return Message{}, fmt.Errorf("%w: data after the object", ErrMalformed)
	}

	if m.Version != current {
		return Message{}, fmt.Errorf("%w: version %d", ErrMalformed, m.Version)
	}
	if m.OrganisationID == 0 || m.IntegrationID == 0 || m.RunID == 0 {
		return Message{}, fmt.Errorf("%w: an id is missing", ErrMalformed)
	}

	return m, nil
}

// A Sender is the SQS call that a Queue needs.
type Sender interface {
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// A Queue sends messages to the worker.
type Queue struct {
	sender Sender
	url    string
}

// New returns a Queue at a URL.
func New(sender Sender, url string) *Queue { return &Queue{sender: sender, url: url} }

// Send asks for one invocation of the worker. The message group is the organisation, so
// that a busy one does not hold up the others (SQS fair queues).
func (q *Queue) Send(ctx context.Context, organisation, integration, run domain.Snowflake) error {
	body, err := json.Marshal(Message{Version: current, OrganisationID: organisation, IntegrationID: integration, RunID: run})
	if err != nil {
		return fmt.Errorf("send sync message of run %s: %w", run, err)
	}

	text := string(body)
	group := organisation.String()
	_, err = q.sender.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &text, MessageGroupId: &group})
	if err != nil {
		return fmt.Errorf("send sync message of run %s: %w", run, err)
	}

	return nil
}
