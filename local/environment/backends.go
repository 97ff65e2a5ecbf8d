package environment

import (
	"context"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"example.com/integrations/local/aws/servers"
)

// backends are the DynamoDB and SQS servers: those of npm, or the caller's own.
type backends struct {
	*site
	dynamodb string // endpoints
	sqs      string
}

func (b *backends) startDynamoDB(ctx context.Context) (err error) {
	b.dynamodb, err = b.start(ctx, backend{"dynamodb", "DynamoDB", b.options.DynamoDB, b.options.Ports.DynamoDB, servers.StartDynamoDB})
	return err
}

func (b *backends) startSQS(ctx context.Context) (err error) {
	b.sqs, err = b.start(ctx, backend{"sqs", "SQS", b.options.SQS, b.options.Ports.SQS, servers.StartSQS})
	return err
}

// A backend is one of the two servers: the name of its port, its name for people, the
// endpoint if the caller has a server, the port that was asked for, and how a server of
// npm's is started.
type backend struct {
	name  string
	label string
	given string
	port  int
	start func(context.Context, servers.Options) (*servers.Server, error)
}

// start gives the endpoint of a server, and hands a port over to one that it starts. If no
// port was asked for, another process may take it meanwhile: then any other will do.
func (b *backends) start(ctx context.Context, one backend) (endpoint string, err error) {
	if one.given != "" {
		return one.given, b.open[one.name].Close()
	}

	o := servers.Options{Root: b.options.Root, Port: b.open.hand(one.name), Database: b.state.path("dynamodb.sqlite")}
	server, err := one.start(ctx, o)
	if err != nil && one.port == 0 && ctx.Err() == nil {
		o.Port = 0
		server, err = one.start(ctx, o)
	}

	if err != nil {
		return "", err
	}

	b.keep("the "+one.label+" server", server)

	return server.Endpoint, nil
}

// DynamoDB is a client of the tables.
func (b *backends) DynamoDB() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{Region: region, BaseEndpoint: &b.dynamodb, Credentials: b.credentials()})
}

// SQS is a client of the queues.
func (b *backends) SQS() *sqs.Client {
	return sqs.New(sqs.Options{Region: region, BaseEndpoint: &b.sqs, Credentials: b.credentials()})
}

// credentialsFromHost passes on the caller's credentials when real servers
// stand behind the endpoints; the local ones take any.
func credentialsFromHost(o Options) map[string]string {
	out := map[string]string{}
	if o.DynamoDB == "" && o.SQS == "" {
		return out
	}

	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		if value, ok := os.LookupEnv(name); ok {
			out[name] = value
		}
	}

	return out
}

// credentials are the caller's, or any for the local servers, which accept all.
func (b *backends) credentials() aws.CredentialsProvider {
	given := credentialsFromHost(b.options)
	value := aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local", SessionToken: "local"}
	if given["AWS_ACCESS_KEY_ID"] != "" {
		value = aws.Credentials{
			AccessKeyID: given["AWS_ACCESS_KEY_ID"], SecretAccessKey: given["AWS_SECRET_ACCESS_KEY"],
			SessionToken: given["AWS_SESSION_TOKEN"],
		}
	}

	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return value, nil })
}
