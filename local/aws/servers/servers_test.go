package servers_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"example.com/integrations/local/aws/servers"
	"example.com/integrations/local/aws/template"
	"example.com/integrations/local/testkit"
)

func table() template.Table {
	return template.Table{
		Name: "integrations-local", Hash: "pk", Sort: "sk", TimeToLive: "expires_at",
		Attributes: map[string]string{"pk": "S", "sk": "S", "due_shard": "S", "due_at": "N"},
		Indexes:    []template.Index{{Name: "due", Hash: "due_shard", Sort: "due_at", Projection: "INCLUDE", NonKey: []string{"organisation_id"}}},
	}
}

func TestATableIsCreatedOnce(t *testing.T) {
	client := testkit.DynamoDBClient(testkit.DynamoDB(t))
	for range 2 {
		if err := servers.CreateTable(t.Context(), client, table()); err != nil {
			t.Fatal(err)
		}
	}

	name := table().Name
	got, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		t.Fatal(err)
	}

	index := got.Table.GlobalSecondaryIndexes[0]
	if *index.IndexName != "due" || index.Projection.ProjectionType != "INCLUDE" || index.Projection.NonKeyAttributes[0] != "organisation_id" {
		t.Errorf("index %+v", index)
	}

	ttl, err := client.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	if err != nil || aws.ToString(ttl.TimeToLiveDescription.AttributeName) != "expires_at" {
		t.Errorf("time to live %+v, %v", ttl, err)
	}

	other := table()
	other.Attributes["outcome_pk"] = "S"
	other.Indexes = append(other.Indexes, template.Index{Name: "outcome", Hash: "outcome_pk", Sort: "sk", Projection: "ALL"})
	if err := servers.CreateTable(t.Context(), client, other); err == nil || !strings.Contains(err.Error(), "fresh state folder") {
		t.Errorf("a table without an index of the template: %v", err)
	}
}

func queue(name, dead string) template.Queue {
	q := template.Queue{LogicalID: name, Name: name, ARN: "arn:template:" + name, Attributes: map[string]string{"VisibilityTimeout": "120"}}
	if dead != "" {
		q.DeadLetterARN = "arn:template:" + dead
		q.MaxReceives = 5
	}
	return q
}

func TestQueuesAndTheirDeadLetters(t *testing.T) {
	endpoint := testkit.SQS(t)
	client := sqs.New(sqs.Options{
		Region: "eu-central-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	queues := []template.Queue{queue("work", "dead"), queue("dead", "")}
	var got map[string]servers.CreatedQueue
	var err error
	for range 2 {
		if got, err = servers.CreateQueues(t.Context(), client, queues); err != nil {
			t.Fatal(err)
		}
		queues[0].Attributes["VisibilityTimeout"] = "60" // as after an edit of the stack
	}

	url := got["work"].URL
	out, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{"All"}})
	if err != nil {
		t.Fatal(err)
	}

	if out.Attributes["VisibilityTimeout"] != "60" || !strings.Contains(out.Attributes["RedrivePolicy"], got["dead"].ARN) {
		t.Errorf("attributes %v", out.Attributes)
	}

	if _, err := servers.CreateQueues(t.Context(), client, []template.Queue{queue("lost", "nowhere")}); err == nil || !strings.Contains(err.Error(), "arn:template:nowhere") {
		t.Errorf("a dead-letter queue that is not there: %v", err)
	}
}

func TestABusyPortIsNamed(t *testing.T) {
	root, err := testkit.Root()
	if err != nil {
		t.Fatal(err)
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	defer func() { _ = listener.Close() }()
	go func() { // something that answers HTTP is not the server that was asked for
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}

			_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
			_ = conn.Close()
		}
	}()

	port := listener.Addr().(*net.TCPAddr).Port
	for name, start := range map[string]func(context.Context, servers.Options) (*servers.Server, error){
		"dynoxide": servers.StartDynamoDB, "node": servers.StartSQS,
	} {
		server, err := start(t.Context(), servers.Options{Root: root, Port: port})
		if err == nil {
			server.Stop()
			t.Errorf("%s on a busy port started", name)
		} else if !strings.Contains(err.Error(), fmt.Sprint(name, " on port ", port)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsNotInstalledIsSaid(t *testing.T) {
	for _, start := range []func(context.Context, servers.Options) (*servers.Server, error){servers.StartDynamoDB, servers.StartSQS} {
		if _, err := start(t.Context(), servers.Options{Root: t.TempDir()}); !errors.Is(err, servers.ErrNotInstalled) {
			t.Errorf("%v", err)
		}
	}
}

func TestTheServersListenOnLoopbackAlone(t *testing.T) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}

	for _, endpoint := range []string{testkit.DynamoDB(t), testkit.SQS(t)} {
		port := endpoint[strings.LastIndex(endpoint, ":"):]
		for _, address := range addresses {
			network, ok := address.(*net.IPNet)
			if !ok || network.IP.IsLoopback() || network.IP.To4() == nil {
				continue
			}

			if conn, err := net.Dial("tcp", network.IP.String()+port); err == nil {
				_ = conn.Close()
				t.Errorf("%s answers on %s", endpoint, network.IP)
			}
		}
	}
}

func TestTheDatabaseIsAFile(t *testing.T) {
	dir := t.TempDir()
	_, stop, err := testkit.StartDynamoDB(dir)
	if err != nil {
		t.Fatal(err)
	}

	stop()
	if _, err := os.Stat(filepath.Join(dir, "dynamodb.sqlite")); err != nil {
		t.Error(err)
	}
}
