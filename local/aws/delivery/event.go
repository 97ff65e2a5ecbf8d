package delivery

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// event wraps messages in what Lambda gives a function of them.
func (m *poller) event(batch []types.Message) ([]byte, error) {
	event := events.SQSEvent{Records: make([]events.SQSMessage, len(batch))}
	for i, message := range batch {
		event.Records[i] = events.SQSMessage{
			MessageId: *message.MessageId, ReceiptHandle: *message.ReceiptHandle, Body: *message.Body,
			Md5OfBody: aws.ToString(message.MD5OfBody), Md5OfMessageAttributes: aws.ToString(message.MD5OfMessageAttributes),
			Attributes: message.Attributes, MessageAttributes: attributes(message.MessageAttributes),
			EventSource: "aws:sqs", EventSourceARN: m.QueueARN, AWSRegion: m.Region,
		}
	}

	return json.Marshal(event)
}

func attributes(in map[string]types.MessageAttributeValue) map[string]events.SQSMessageAttribute {
	out := make(map[string]events.SQSMessageAttribute, len(in))
	for name, value := range in {
		out[name] = events.SQSMessageAttribute{
			StringValue: value.StringValue, BinaryValue: value.BinaryValue, DataType: aws.ToString(value.DataType),
			StringListValues: []string{}, BinaryListValues: [][]byte{},
		}
	}

	return out
}

// failures reads which messages a function gave back. As on AWS, an answer
// that cannot be followed fails the whole batch
// (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
func failures(answer []byte, batch []types.Message) (map[string]bool, error) {
	if answer = bytes.TrimSpace(answer); len(answer) == 0 || string(answer) == `""` {
		return nil, nil
	}

	var response struct {
		BatchItemFailures []map[string]any `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(answer, &response); err != nil {
		return nil, fmt.Errorf("the function's answer is no batch response: %w", err)
	}

	known := make(map[string]bool, len(batch))
	for _, message := range batch {
		known[*message.MessageId] = true
	}

	failed := map[string]bool{}
	for _, item := range response.BatchItemFailures {
		id, _ := item["itemIdentifier"].(string)
		if !known[id] {
			return nil, fmt.Errorf("the function's answer names %q, which is not in the batch", id)
		}
		failed[id] = true
	}

	return failed, nil
}
