// Package serverstest gives a test a DynamoDB- or SQS-compatible server of its
// own, over the real wire protocol.
package serverstest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/local/aws/servers"
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
	_, err := Client(endpoint).CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:   &name,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			attribute("pk", types.ScalarAttributeTypeS), attribute("sk", types.ScalarAttributeTypeS),
			attribute("due_shard", types.ScalarAttributeTypeS), attribute("due_at", types.ScalarAttributeTypeN),
			attribute("outcome_pk", types.ScalarAttributeTypeS),
		},
		KeySchema: keys("pk", "sk"),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{
			index("due", "due_shard", "due_at"), index("outcome", "outcome_pk", "sk"),
		},
	})
	if err != nil {
		return fmt.Errorf("create table %s: %w", name, err)
	}

	return nil
}

// clients holds the client of each endpoint, a *dynamodb.Client.
var clients sync.Map

// Client is a plain DynamoDB client for an endpoint. All callers share one, so
// that a test reuses the connections of the tests before it.
func Client(endpoint string) *dynamodb.Client {
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
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}

	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}

		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory")
		}

		dir = parent
	}
}

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

func attribute(name string, kind types.ScalarAttributeType) types.AttributeDefinition {
	return types.AttributeDefinition{AttributeName: &name, AttributeType: kind}
}

func keys(hash, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: &hash, KeyType: types.KeyTypeHash}, {AttributeName: &sort, KeyType: types.KeyTypeRange},
	}
}

func index(name, hash, sort string) types.GlobalSecondaryIndex {
	return types.GlobalSecondaryIndex{
		IndexName: aws.String(name), KeySchema: keys(hash, sort),
		Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
	}
}
