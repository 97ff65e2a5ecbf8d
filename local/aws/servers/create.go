package servers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"example.com/integrations/local/aws/template"
)

// CreateTable creates a table as the template has it; one that exists already
// stays as it is.
func CreateTable(ctx context.Context, client *dynamodb.Client, table template.Table) error {
	input := &dynamodb.CreateTableInput{
		TableName: &table.Name, BillingMode: ddbtypes.BillingModePayPerRequest,
		KeySchema: schema(table.Hash, table.Sort),
	}
	for name, kind := range table.Attributes {
		input.AttributeDefinitions = append(input.AttributeDefinitions,
			ddbtypes.AttributeDefinition{AttributeName: &name, AttributeType: ddbtypes.ScalarAttributeType(kind)})
	}

	for _, index := range table.Indexes {
		input.GlobalSecondaryIndexes = append(input.GlobalSecondaryIndexes, ddbtypes.GlobalSecondaryIndex{
			IndexName: &index.Name, KeySchema: schema(index.Hash, index.Sort),
			Projection: &ddbtypes.Projection{ProjectionType: ddbtypes.ProjectionType(index.Projection), NonKeyAttributes: index.NonKey},
		})
	}

	_, err := client.CreateTable(ctx, input)
	var exists *ddbtypes.ResourceInUseException
	if errors.As(err, &exists) {
		return checkTable(ctx, client, table)
	}
	if err != nil {
		return fmt.Errorf("create table %s: %w", table.Name, err)
	}

	return expire(ctx, client, table)
}

func expire(ctx context.Context, client *dynamodb.Client, table template.Table) error {
	if table.TimeToLive == "" {
		return nil
	}

	enabled := true
	_, err := client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName:               &table.Name,
		TimeToLiveSpecification: &ddbtypes.TimeToLiveSpecification{AttributeName: &table.TimeToLive, Enabled: &enabled},
	})
	if err != nil {
		return fmt.Errorf("time to live of table %s: %w", table.Name, err)
	}

	return nil
}

// checkTable refuses a table of an earlier template: it would lack an index or
// have other keys.
func checkTable(ctx context.Context, client *dynamodb.Client, table template.Table) error {
	out, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table.Name})
	if err != nil {
		return fmt.Errorf("table %s: %w", table.Name, err)
	}

	same := sameSchema(out.Table.KeySchema, table.Hash, table.Sort) && len(out.Table.GlobalSecondaryIndexes) == len(table.Indexes)
	for _, index := range table.Indexes {
		found := false
		for _, existing := range out.Table.GlobalSecondaryIndexes {
			found = found || *existing.IndexName == index.Name && sameSchema(existing.KeySchema, index.Hash, index.Sort)
		}
		same = same && found
	}

	if !same {
		return fmt.Errorf("table %s exists with other keys or indexes than the template's: start with a fresh state folder", table.Name)
	}

	return nil
}

func schema(hash, sort string) []ddbtypes.KeySchemaElement {
	keys := []ddbtypes.KeySchemaElement{{AttributeName: &hash, KeyType: ddbtypes.KeyTypeHash}}
	if sort != "" {
		keys = append(keys, ddbtypes.KeySchemaElement{AttributeName: &sort, KeyType: ddbtypes.KeyTypeRange})
	}
	return keys
}

func sameSchema(got []ddbtypes.KeySchemaElement, hash, sort string) bool {
	want := schema(hash, sort)
	if len(got) != len(want) {
		return false
	}

	for i := range want {
		if *got[i].AttributeName != *want[i].AttributeName || got[i].KeyType != want[i].KeyType {
			return false
		}
	}

	return true
}

// A CreatedQueue is where a queue of the template really is.
type CreatedQueue struct{ URL, ARN string }

// CreateQueues creates the template's queues, dead-letter queues first, and
// returns their addresses by logical id.
func CreateQueues(ctx context.Context, client *sqs.Client, queues []template.Queue) (map[string]CreatedQueue, error) {
	created := map[string]CreatedQueue{}
	byARN := map[string]string{} // the template's ARN → the real one
	for _, dead := range []bool{true, false} {
		for _, queue := range queues {
			if (queue.DeadLetterARN == "") != dead {
				continue
			}

			one, err := createQueue(ctx, client, queue, byARN)
			if err != nil {
				return nil, fmt.Errorf("create queue %s: %w", queue.Name, err)
			}

			created[queue.LogicalID] = one
			byARN[queue.ARN] = one.ARN
		}
	}

	return created, nil
}

func createQueue(ctx context.Context, client *sqs.Client, queue template.Queue, byARN map[string]string) (CreatedQueue, error) {
	attributes := maps.Clone(queue.Attributes)
	if queue.DeadLetterARN != "" {
		dead, ok := byARN[queue.DeadLetterARN]
		if !ok {
			return CreatedQueue{}, fmt.Errorf("its dead-letter queue %s is not in the stack or has one itself", queue.DeadLetterARN)
		}

		policy, err := json.Marshal(map[string]string{"deadLetterTargetArn": dead, "maxReceiveCount": strconv.Itoa(queue.MaxReceives)})
		if err != nil {
			return CreatedQueue{}, err
		}

		attributes["RedrivePolicy"] = string(policy)
	}

	url, err := ensureQueue(ctx, client, queue.Name, attributes)
	if err != nil {
		return CreatedQueue{}, err
	}

	out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn},
	})
	if err != nil {
		return CreatedQueue{}, err
	}

	return CreatedQueue{URL: url, ARN: out.Attributes["QueueArn"]}, nil
}

// ensureQueue creates a queue, or gives an existing one the attributes.
func ensureQueue(ctx context.Context, client *sqs.Client, name string, attributes map[string]string) (string, error) {
	out, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err == nil {
		return *out.QueueUrl, nil
	}

	existing, notThere := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if notThere != nil {
		return "", err
	}

	_, err = client.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: existing.QueueUrl, Attributes: attributes})

	return *existing.QueueUrl, err
}
