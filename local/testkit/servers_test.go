package testkit_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"example.com/integrations/local/testkit"
)

func TestDynamoDBHoldsTheTable(t *testing.T) {
	endpoint := testkit.DynamoDB(t)
	if err := testkit.CreateTable(t.Context(), endpoint, "table"); err != nil {
		t.Fatal(err)
	}

	client := testkit.DynamoDBClient(endpoint)
	key := map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "a"}, "sk": &types.AttributeValueMemberS{Value: "b"},
	}
	name := "table"
	if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &name, Item: key}); err != nil {
		t.Fatal(err)
	}

	got, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &name, Key: key})
	if err != nil || len(got.Item) != 2 {
		t.Fatalf("item %v, %v", got, err)
	}
}

func TestDynamoDBOnDiskOutlastsItsServer(t *testing.T) {
	dir := t.TempDir()
	for i := range 2 {
		endpoint, stop, err := testkit.StartDynamoDB(dir)
		if err != nil {
			t.Fatal(err)
		}

		if i == 0 {
			err = testkit.CreateTable(t.Context(), endpoint, "table")
		} else {
			name := "table"
			_, err = testkit.DynamoDBClient(endpoint).DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &name})
		}

		stop()
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestSQSDelivers(t *testing.T) {
	endpoint := testkit.SQS(t)
	client := sqs.New(sqs.Options{
		Region: "eu-central-1", BaseEndpoint: &endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	name := "q"
	body := "hello"
	queue, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
	if err != nil {
		t.Fatal(err)
	}

	if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: &body}); err != nil {
		t.Fatal(err)
	}

	got, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl})
	if err != nil || len(got.Messages) != 1 || *got.Messages[0].Body != body {
		t.Fatalf("%v, %v", got, err)
	}

	t.Log(*queue.QueueUrl)
}
