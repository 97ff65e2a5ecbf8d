// Package testkit gives tests what they run against: DynamoDB- and SQS-compatible servers
// over the real wire protocol, a headless browser that shows pages, and the API's contract,
// which compares requests and answers with the OpenAPI document.
package testkit

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"example.com/integrations/local/aws/servers"
	"example.com/integrations/local/aws/template"
)

// DynamoDB starts an empty in-memory server that stops with the test.
func DynamoDB(tb testing.TB) (endpoint string) {
	tb.Helper()
	return started(tb, servers.StartDynamoDB)
}

// SQS starts an empty server that stops with the test.
func SQS(tb testing.TB) (endpoint string) {
	tb.Helper()
	return started(tb, servers.StartSQS)
}

// StartDynamoDB starts a server for a whole test package, from TestMain. With
// a dir its tables live in a file there and outlast it; with "" in memory.
func StartDynamoDB(dir string) (endpoint string, stop func(), err error) {
	root, err := Root()
	if err != nil {
		return "", nil, err
	}

	o := servers.Options{Root: root}
	if dir != "" {
		o.Database = filepath.Join(dir, "dynamodb.sqlite")
	}

	return handOver(servers.StartDynamoDB(context.Background(), o))
}

// Main runs a package's tests with a DynamoDB of their own, whose address it
// puts where they look for it. It gives what TestMain is to exit with.
func Main(m *testing.M, endpoint *string) int {
	url, stop, err := StartDynamoDB("")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}

	defer stop()
	*endpoint = url

	return m.Run()
}

// StartSQS starts a server for a whole test package, from TestMain.
func StartSQS() (endpoint string, stop func(), err error) {
	root, err := Root()
	if err != nil {
		return "", nil, err
	}
	return handOver(servers.StartSQS(context.Background(), servers.Options{Root: root}))
}

// CreateTable creates the service's one table under the given name: the keys
// and indexes that infra declares.
func CreateTable(ctx context.Context, endpoint, name string) error {
	return servers.CreateTable(ctx, DynamoDBClient(endpoint), template.Table{
		Name: name, Hash: "pk", Sort: "sk",
		Attributes: map[string]string{"pk": "S", "sk": "S", "due_shard": "S", "due_at": "N", "outcome_pk": "S"},
		Indexes: []template.Index{
			{Name: "due", Hash: "due_shard", Sort: "due_at", Projection: "ALL"},
			{Name: "outcome", Hash: "outcome_pk", Sort: "sk", Projection: "ALL"},
		},
	})
}

// clients holds the client of each endpoint, a *dynamodb.Client.
var clients sync.Map

// DynamoDBClient is a plain DynamoDB client for an endpoint. All callers share one, so
// that a test reuses the connections of the tests before it.
func DynamoDBClient(endpoint string) *dynamodb.Client {
	if known, ok := clients.Load(endpoint); ok {
		return known.(*dynamodb.Client)
	}

	client := dynamodb.New(dynamodb.Options{
		Region:       "eu-central-1",
		BaseEndpoint: &endpoint,
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
	})

	known, _ := clients.LoadOrStore(endpoint, client)

	return known.(*dynamodb.Client)
}

// Root is the project's folder: the nearest one above with a go.mod.
func Root() (string, error) { return servers.Root() }

type starter func(context.Context, servers.Options) (*servers.Server, error)

func started(tb testing.TB, start starter) string {
	tb.Helper()
	root, err := Root()
	if err != nil {
		tb.Fatal(err)
	}

	endpoint, stop, err := handOver(start(tb.Context(), servers.Options{Root: root}))
	if err != nil {
		tb.Fatal(err)
	}

	tb.Cleanup(stop)

	return endpoint
}

func handOver(server *servers.Server, err error) (string, func(), error) {
	if err != nil {
		return "", nil, err
	}
	return server.Endpoint, server.Stop, nil
}
