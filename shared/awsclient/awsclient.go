// Package awsclient builds the AWS clients a function uses, once per cold
// start and without the SDK's config package: in Lambda everything they need
// is in the environment, and loading shared files costs a cold start dearly.
package awsclient

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// An Environment gives the settings of the process.
type Environment interface {
	// Text is a setting that must be there. It is "" where it is not, and the
	// environment reports that.
	Text(name string) string
	// TextOr is a setting with a default.
	TextOr(name, fallback string) string
}

// Clients makes clients that share credentials, region and connections.
// Subpackages make those of the services that not every function links.
type Clients struct {
	// Config is what every client is made from.
	Config aws.Config
	env    Environment
}

const (
	// attemptTimeout is how long one attempt of a call may take, from dialling to
	// the last byte of the answer. The longest calls take about 0.5 seconds: a
	// transaction of 100 actions, a query of one megabyte.
	attemptTimeout = 2 * time.Second
	// attempts is how often a call is made. With the pauses between them all
	// attempts take at most 4 * 2 + 3 * 0.5 = 9.5 seconds; the function's own
	// time (Within) ends them earlier where it is shorter.
	attempts     = 4
	longestPause = 500 * time.Millisecond
)

// retryer repeats what may be repeated, a bounded number of times.
func retryer(attempts int) aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.MaxBackoff = longestPause
	})
}

// FewAttempts is the retryer for calls that are repaired by other means: a
// message that is not sent now, dispatch sends a minute later.
func FewAttempts() aws.Retryer { return retryer(2) }

// New reads the environment Lambda gives a function, and the endpoint
// overrides AWS_ENDPOINT_URL_<SERVICE>, which the SDK reads only through its
// config package
// (https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html).
func New(env Environment) *Clients {
	c := &Clients{env: env}
	c.Config = aws.Config{
		Region: env.Text("AWS_REGION"),
		Credentials: credentials.NewStaticCredentialsProvider(
			env.Text("AWS_ACCESS_KEY_ID"), env.Text("AWS_SECRET_ACCESS_KEY"), env.TextOr("AWS_SESSION_TOKEN", "")),
		HTTPClient: &http.Client{
			Timeout: attemptTimeout,
			Transport: FreshConnections(&http.Transport{
				MaxIdleConnsPerHost: 16,
				IdleConnTimeout:     90 * time.Second,
				TLSHandshakeTimeout: attemptTimeout,
				ForceAttemptHTTP2:   false,
			}),
		},
		Retryer: func() aws.Retryer { return retryer(attempts) },
	}

	return c
}

// Endpoint is the endpoint override of a service, nil without one.
func (c *Clients) Endpoint(service string) *string {
	if url := c.env.TextOr("AWS_ENDPOINT_URL_"+service, ""); url != "" {
		return &url
	}
	return nil
}

// DynamoDB returns the table's client. It repeats a write that met a
// transaction on the same record: nothing was written. The SDK repeats only
// transactions by itself.
func (c *Clients) DynamoDB() *dynamodb.Client {
	return dynamodb.NewFromConfig(c.Config, func(o *dynamodb.Options) {
		o.BaseEndpoint = c.Endpoint("DYNAMODB")
		o.Retryer = retry.AddWithErrorCodes(o.Retryer, "TransactionConflictException")
	})
}

// Warm opens the connection to the table while the function initialises: INIT
// runs at full CPU, the first request does not. A failure is left for the
// first request to meet.
func Warm(db *dynamodb.Client, table string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_, _ = db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "WARM"}, "sk": &types.AttributeValueMemberS{Value: "WARM"},
	}})
}

// maxIdle is how long, by the system clock, pooled connections may lie idle.
const maxIdle = 20 * time.Second

// FreshConnections closes a transport's pooled connections before use when
// they may have died: a frozen Lambda instance stops its monotonic clock, so
// the transport's own idle timer does not see the time that passed.
func FreshConnections(t *http.Transport) http.RoundTripper { return &fresh{t: t} }

type fresh struct {
	t    *http.Transport
	last atomic.Int64 // Unix milliseconds by the system clock
}

func (f *fresh) RoundTrip(r *http.Request) (*http.Response, error) {
	now := time.Now().UnixMilli()
	if last := f.last.Swap(now); last != 0 && now-last > maxIdle.Milliseconds() {
		f.t.CloseIdleConnections()
	}
	return f.t.RoundTrip(r)
}
