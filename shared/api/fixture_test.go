package api_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	cancel "example.com/integrations/functions/cancel/handler"
	check "example.com/integrations/functions/check/handler"
	create "example.com/integrations/functions/create/handler"
	remove "example.com/integrations/functions/delete/handler"
	get "example.com/integrations/functions/get/handler"
	items "example.com/integrations/functions/items/handler"
	list "example.com/integrations/functions/list/handler"
	patch "example.com/integrations/functions/patch/handler"
	retry "example.com/integrations/functions/retry/handler"
	status "example.com/integrations/functions/status/handler"
	start "example.com/integrations/functions/sync/handler"
	syncs "example.com/integrations/functions/syncs/handler"
	localkms "example.com/integrations/local/aws/secrets"
	"example.com/integrations/local/testkit"
	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/configuration"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/runs"
	"example.com/integrations/shared/sealing"
	"example.com/integrations/shared/store"
	"example.com/integrations/shared/syncqueue"
)

// keyDir keeps the issuers' keys for all tests: making one takes long.
var dynamoURL, sqsURL, keyDir string

func TestMain(m *testing.M) { os.Exit(withServers(m)) }

func withServers(m *testing.M) int {
	db, stopDB, err := testkit.StartDynamoDB("")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}

	defer stopDB()
	queues, stopQueues, err := testkit.StartSQS()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}

	defer stopQueues()
	if keyDir, err = os.MkdirTemp("", "keys"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}

	defer os.RemoveAll(keyDir)
	dynamoURL = db
	sqsURL = queues

	return covered(m.Run())
}

// The people and organisations every test finds.
const (
	org, deletedOrg, missingOrg = domain.Snowflake(1001), domain.Snowflake(1002), domain.Snowflake(1003)

	owner, manager, plain, pending = "11", "12", "13", "14"
	stranger, denied, removed      = "15", "16", "17"

	github, disabled, orphan, homeless = domain.Snowflake(501), domain.Snowflake(502), domain.Snowflake(503), domain.Snowflake(504)

	keyARN = "arn:aws:kms:eu-central-1:000000000000:key/11111111-2222-3333-4444-555555555555"
)

// token is put together here, so that no scanner takes it for a real one.
var token = "gh" + "p_" + strings.Repeat("x", 36)

// credential names whose limits checks share.
const credential = "the-credential"

// A wire counts and watches what the AWS clients send.
type wire struct {
	mu    sync.Mutex
	calls []call
	fail  map[string]bool // by operation: the call does not arrive
	// denies says that AWS refuses such a call instead.
	denies bool
	// before, if it is set, runs once, before the first write leaves.
	before func()
	// beforePut, if it is set, runs once, before the first PutItem leaves.
	beforePut func()
}

type call struct{ operation, body, answer string }

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}

	r.Body = io.NopCloser(bytes.NewReader(body))
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	w.mu.Lock()
	fail := w.fail[operation]
	before := w.before
	writes := operation == "UpdateItem" || operation == "TransactWriteItems"
	if writes {
		w.before = nil
	}

	var beforePut func()
	if operation == "PutItem" {
		beforePut = w.beforePut
		w.beforePut = nil
	}

	w.mu.Unlock()
	if writes && before != nil {
		before()
	}

	if beforePut != nil {
		beforePut()
	}

	c := call{operation: operation, body: string(body)}
	// A repetition by the SDK, as after a connection that it has closed itself,
	// is no call of ours (https://github.com/aws/aws-sdk-go-v2/issues/2737).
	attempt := r.Header.Get("Amz-Sdk-Request")
	again := attempt != "" && !strings.HasPrefix(attempt, "attempt=1;")
	defer func() {
		if again && !fail {
			return
		}

		w.mu.Lock()
		defer w.mu.Unlock()
		w.calls = append(w.calls, c)
	}()
	if fail && w.denies {
		body := `{"__type":"AccessDeniedException","message":"the role may not do this"}`
		return &http.Response{StatusCode: 400, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}

	if fail {
		return nil, errors.New("the network is down")
	}

	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}

	answer, err := io.ReadAll(resp.Body)
	c.answer = string(answer)
	resp.Body = io.NopCloser(bytes.NewReader(answer))

	return resp, err
}

// take gives the operations sent since the last take.
func (w *wire) take() []call {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := w.calls
	w.calls = nil
	return calls
}

// A lockedLog is read while functions write to it.
type lockedLog struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A world is a seeded table and the three functions on it, wired like their
// mains.
type world struct {
	db               *dynamodb.Client
	sqs              *sqs.Client
	kms              *kms.Client
	store            *store.Store
	wire             *wire
	table, queue     string
	now              time.Time
	log              *lockedLog
	get, patch, sync api.Handler
	// The others.
	status, syncs, cancel, items, retry api.Handler
	list, make, remove, check           api.Handler
	// slept is how long checks have waited.
	slept []time.Duration
	// provider is what a check asks.
	provider func(context.Context, store.View) (connector.Connector, error)
	// limits are those of the credential that checks use, and within is how long
	// the provider may take, a second unless given.
	limits limits.Limits
	within time.Duration
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{table: rand.Text(), wire: &wire{}, log: &lockedLog{}, now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	if err := testkit.CreateTable(t.Context(), dynamoURL, w.table); err != nil {
		t.Fatal(err)
	}

	who := credentials.NewStaticCredentialsProvider("local", "local", "")
	over := &http.Client{Transport: w.wire}
	w.db = dynamodb.New(dynamodb.Options{Region: "eu-central-1", BaseEndpoint: &dynamoURL, Credentials: who, HTTPClient: over, RetryMaxAttempts: 1})
	w.sqs = sqs.New(sqs.Options{Region: "eu-central-1", BaseEndpoint: &sqsURL, Credentials: who, HTTPClient: over, RetryMaxAttempts: 1})
	keys, err := localkms.OpenKMS(t.TempDir(), localkms.Symmetric(keyARN))
	if err != nil {
		t.Fatal(err)
	}

	server := httptest.NewServer(keys)
	t.Cleanup(server.Close)
	w.kms = kms.New(kms.Options{Region: "eu-central-1", BaseEndpoint: aws.String(server.URL), Credentials: who})
	w.store = store.New(w.db, w.table)
	name := rand.Text()
	out, err := w.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
	if err != nil {
		t.Fatal(err)
	}

	w.queue = *out.QueueUrl
	w.restart()
	w.seed(t)
	w.wire.take()

	return w
}

// restart makes the functions cold.
func (w *world) restart() {
	log := slog.New(slog.NewJSONHandler(w.log, nil))
	change := &patch.Handler{Gate: access.New(w.store), Writer: w.store, Sealer: w.sealer(), Now: func() time.Time { return w.now }}
	sync := &start.Handler{
		Gate: access.New(w.store), Runs: w.runs(log),
	}
	w.get = checked("getIntegration", api.Serve(log, "sub", get.New(access.New(w.store))))
	w.patch = checked("updateIntegration", api.Serve(log, "sub", change.Route))
	w.sync = checked("startSync", api.Serve(log, "sub", sync.Route))
	again := &retry.Handler{
		Gate: access.New(w.store), Links: w.store, Runs: w.runs(log),
	}
	shown := &syncs.Handler{Gate: access.New(w.store), Runs: w.store, Now: func() time.Time { return w.now }}
	w.status = checked("getStatus", api.Serve(log, "sub", status.New(access.New(w.store), w.store)))
	w.syncs = checked("listSyncs", api.Serve(log, "sub", shown.Route))
	w.cancel = checked("cancelSync", api.Serve(log, "sub", cancel.New(access.New(w.store), w.store, func() time.Time { return w.now })))
	w.items = checked("listItems", api.Serve(log, "sub", items.New(access.New(w.store), w.store)))
	w.retry = checked("retryItems", api.Serve(log, "sub", again.Route))
	w.serveOthers(log)
}

// runs starts and steers runs in the world's table.
func (w *world) runs(log *slog.Logger) *runs.Runs {
	return &runs.Runs{
		Table: w.store, Queue: syncqueue.New(w.sqs, w.queue),
		Log: log, Now: func() time.Time { return w.now }, LostAfter: time.Minute,
	}
}

func (w *world) serveOthers(log *slog.Logger) {
	now := func() time.Time { return w.now }
	made := &create.Handler{Members: w.store, Creator: w.store, Sealer: w.sealer(), Now: now}
	gone := &remove.Handler{Gate: access.New(w.store), Deleter: w.store, Queue: syncqueue.New(w.sqs, w.queue), Log: log, Now: now}
	asked := &check.Handler{
		Gate: access.New(w.store), Limiter: w.store, Places: w.store, Usages: w.store, Log: log, Now: now,
		Within: cmp.Or(w.within, time.Second), Silence: 3 * time.Second,
		Sleep: func(_ context.Context, d time.Duration) error { w.slept = append(w.slept, d); return nil },
		Open: func(ctx context.Context, v store.View) (check.Opened, error) {
			c, err := w.provider(ctx, v)
			return check.Opened{Connector: c, Credential: credential, Limits: w.limits}, err
		},
	}

	w.list = checked("listIntegrations", api.Serve(log, "sub", list.New(w.store)))
	w.make = checked("createIntegration", api.Serve(log, "sub", made.Route))
	w.remove = checked("deleteIntegration", api.Serve(log, "sub", gone.Route))
	w.check = checked("checkIntegration", api.Serve(log, "sub", asked.Route))
}

func (w *world) sealer() sealing.Sealer { return sealing.Sealer{Keys: w.kms, KeyID: keyARN} }

func (w *world) seed(t *testing.T) {
	t.Helper()
	roles := map[string]domain.RoleGrant{"21": {Grant: domain.Allow, Version: 1}, "22": {Grant: domain.Deny, Version: 1}}
	for id, gone := range map[domain.Snowflake]bool{org: false, deletedOrg: true} {
		must(t, w.store.PutOrganisation(t.Context(), domain.Organisation{ID: id, Name: "Acme", OwnerID: 11, Deleted: gone, Version: 1, Roles: roles}))
	}

	for _, m := range []domain.Member{
		{UserID: 12, RoleIDs: []domain.Snowflake{21}},
		{UserID: 13},
		{UserID: 14, Pending: true, Grant: domain.Allow},
		{UserID: 16, RoleIDs: []domain.Snowflake{21, 22}},
		{UserID: 17, Removed: true, Grant: domain.Allow},
	} {
		m.OrganisationID = org
		m.Version = 1
		must(t, w.store.PutMember(t.Context(), m))
	}

	text := `{"owner":"octo","repo":"hello","token":"` + token + `"}`
	w.create(t, github, org, domain.GitHub, true, text)
	w.create(t, disabled, org, domain.GitHub, false, strings.Replace(text, "hello", "another", 1))
	w.create(t, orphan, deletedOrg, domain.GitHub, true, text)
	w.create(t, homeless, missingOrg, domain.GitHub, true, text)
}

// create stores an integration as a manager's request would.
func (w *world) create(t *testing.T, id, in domain.Snowflake, p domain.Provider, enabled bool, text string) {
	t.Helper()
	a, err := configuration.Accept(p, text, nil)
	must(t, err)
	i := store.Integration{
		Integration: domain.Integration{ID: id, OrganisationID: in, ItemType: "work_item", Provider: p, Enabled: enabled, Configuration: a.Public},
		TargetHash:  a.Destination.Hash(), WebhookHash: a.Destination.WebhookHash, Fingerprint: a.ContentFingerprint, SecretOrigins: map[string]string{},
	}
	for member := range a.NewSecrets {
		i.SecretOrigins[member] = a.Destination.Origin
	}

	sealed, err := w.sealer().SealAll(t.Context(), i.Integration, a.Destination.Origin, a.NewSecrets)
	must(t, err)
	must(t, w.store.CreateIntegration(t.Context(), i, sealed))
}

// resolved stores the place that an integration syncs with, as a worker does,
// and returns the key of its links.
func (w *world) resolved(t *testing.T, lease store.Lease) string {
	t.Helper()
	place := store.Target{Key: "the-place", ID: "1296269", Name: "octo/hello", URL: "https://github.com/octo/hello"}
	must(t, w.store.ResolveTarget(t.Context(), lease, store.Resolution{Target: place}))
	return place.Key
}

func (w *world) view(t *testing.T, id domain.Snowflake) store.View {
	t.Helper()
	v, err := w.store.View(t.Context(), store.IntegrationRef{ID: id, OrganisationID: org, ItemType: "work_item"}, 0)
	must(t, err)
	return v
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A request is a caller's, with the defaults of one that succeeds.
type request struct {
	id     string // the github integration unless given
	org    string // the organisation's path, org unless given
	caller string // the manager unless given; "-" for a token without the claim
	body   string
	binary bool // as the gateway sends what is not text
	header map[string]string
	sync   string // the path's sync id
	query  map[string]string
	route  string // the route key, "TEST" unless given
}

func (q request) event() events.APIGatewayV2HTTPRequest {
	e := events.APIGatewayV2HTTPRequest{Version: "2.0", RouteKey: cmp.Or(q.route, "TEST"), Headers: map[string]string{}, Body: q.body, QueryStringParameters: q.query}
	e.RequestContext.RequestID = "request-1"
	e.PathParameters = map[string]string{api.IntegrationID: cmp.Or(q.id, github.String()), api.OrganisationID: cmp.Or(q.org, org.String())}
	if q.sync != "" {
		e.PathParameters[api.SyncID] = q.sync
	}

	claims := map[string]string{"iss": "https://issuer", "sub": cmp.Or(q.caller, manager)}
	if q.caller == "-" {
		delete(claims, "sub")
	}

	e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
		JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: claims},
	}
	if q.body != "" {
		e.Headers["content-type"] = "application/json"
	}

	for name, value := range q.header {
		e.Headers[name] = value
	}

	if q.binary {
		e.Body = base64.StdEncoding.EncodeToString([]byte(q.body))
		e.IsBase64Encoded = true
	}

	return e
}

func send(t *testing.T, h api.Handler, q request) events.APIGatewayV2HTTPResponse {
	t.Helper()
	resp, err := h(t.Context(), q.event())
	must(t, err)
	return resp
}
