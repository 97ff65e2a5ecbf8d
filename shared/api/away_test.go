package api_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/integrations/shared/api"
	"example.com/integrations/shared/awsclient"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/factory"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/lambdaapp"
	"example.com/integrations/shared/outbound"
	"example.com/integrations/shared/sealing"
	"example.com/integrations/shared/store"
	"example.com/integrations/shared/syncqueue"
)

// An outage is how a service of AWS fails.
type outage func(w http.ResponseWriter, r *http.Request)

// saying answers as AWS does.
func saying(status int, kind, more string) outage {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"said in a test"%s}`, kind, more)
	}
}

// hangs does not answer before its caller gives up, which a server sees once it
// has read the request.
func hangs(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// hangsUp closes the connection.
func hangsUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func cancelledBecause(code string) outage {
	return saying(400, "TransactionCanceledException", `,"CancellationReasons":[{"Code":"None"},{"Code":"`+code+`","Message":"said in a test"}]`)
}

// outages are the ways in which each service of AWS may be away (D6).
var outages = map[string]outage{
	"hangs":                                  hangs,
	"hangs up":                               hangsUp,
	"ProvisionedThroughputExceededException": saying(400, "ProvisionedThroughputExceededException", ""),
	"ThrottlingException":                    saying(400, "ThrottlingException", ""),
	"RequestLimitExceeded":                   saying(400, "RequestLimitExceeded", ""),
	"InternalServerError":                    saying(500, "InternalServerError", ""),
	"ServiceUnavailable":                     saying(503, "ServiceUnavailable", ""),
	"a page of a proxy": func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "<html>Bad gateway</html>", http.StatusBadGateway)
	},
}

// ownOutages are those that only one operation has.
var ownOutages = map[string]map[string]outage{
	"TransactWriteItems": {
		"throttled":           cancelledBecause("ThrottlingError"),
		"over its throughput": cancelledBecause("ProvisionedThroughputExceeded"),
		"in conflict":         cancelledBecause("TransactionConflict"),
	},
	"UpdateItem": {"in conflict": saying(400, "TransactionConflictException", "")},
	"GenerateDataKey": {
		"hangs":          hangs,
		"throttled":      saying(400, "ThrottlingException", ""),
		"has a fault":    saying(500, "KMSInternalException", ""),
		"has no store":   saying(500, "KeyUnavailableException", ""),
		"waits too long": saying(503, "DependencyTimeoutException", ""),
	},
}

// A switchboard stands before services of AWS, over real HTTP, and lets some of
// their operations fail.
type switchboard struct {
	mu    sync.Mutex
	fails map[string]outage // by operation
	met   map[string]int
}

func (s *switchboard) set(operations map[string]outage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = operations
	s.met = map[string]int{}
}

// calls is how often an operation was called since it fails.
func (s *switchboard) calls(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.met[operation]
}

func (s *switchboard) before(t *testing.T, service string) string {
	t.Helper()
	to, err := url.Parse(service)
	must(t, err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		s.mu.Lock()
		fail := s.fails[operation]
		if fail != nil {
			s.met[operation]++
		}

		s.mu.Unlock()
		if fail != nil {
			fail(w, r)
			return
		}

		proxy.ServeHTTP(w, r)
	}))

	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})

	return server.URL
}

// throughClients gives the world's functions the clients of real functions,
// which meet a switchboard.
func throughClients(t *testing.T, w *world) *switchboard { return through(t, w, false) }

// through is throughClients, perhaps with fewer attempts than there are.
func through(t *testing.T, w *world, impatient bool) *switchboard {
	t.Helper()
	s := &switchboard{}
	clients := clientsAt(t, map[string]string{
		"DYNAMODB": s.before(t, dynamoURL), "SQS": s.before(t, sqsURL), "KMS": s.before(t, *w.kms.Options().BaseEndpoint),
	})
	if impatient {
		clients.Config.Retryer = awsclient.FewAttempts
	}

	w.store = store.New(clients.DynamoDB(), w.table)
	w.sqs = syncqueue.NewClient(clients)
	w.kms = sealing.NewClient(clients)
	w.provider = func(ctx context.Context, v store.View) (connector.Connector, error) {
		opened, err := factory.Open(ctx, w.kms, outbound.New(outbound.Config{Timeout: time.Second}), v)
		return opened.Connector, err
	}
	w.restart()

	return s
}

func clientsAt(t *testing.T, endpoints map[string]string) *awsclient.Clients {
	t.Helper()
	env := map[string]string{"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
	for service, address := range endpoints {
		env["AWS_ENDPOINT_URL_"+service] = address
	}
	return awsclient.New(lambdaapp.NewSettings(func(name string) (string, bool) { v, ok := env[name]; return v, ok }))
}

// unavailable sends a request to a function with a few seconds to live, and
// checks that its own answer is the problem document, in time.
func unavailable(t *testing.T, h api.Handler, q request) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	resp, err := h(ctx, q.event())
	must(t, err)
	refused(t, resp, refusal{503, "unavailable", nil})
	if after, err := strconv.Atoi(resp.Headers["retry-after"]); err != nil || after < 1 {
		t.Errorf("Retry-After is %q", resp.Headers["retry-after"])
	}

	if resp.Headers["content-type"] != "application/problem+json" {
		t.Errorf("the content type is %q", resp.Headers["content-type"])
	}

	if strings.Contains(resp.Body, "said in a test") {
		t.Errorf("the answer shows what AWS said: %s", resp.Body)
	}
}

// D6: each kind of failure, met by a read, a write, a transaction and a call to
// the key.
func TestEachKindOfOutage(t *testing.T) {
	fresh := `{"configuration":` + strconv.Quote(`{"owner":"octo","repo":"hello","token":"`+token+`2"}`) + `}`
	for operation, c := range map[string]struct {
		handler func(*world) api.Handler
		request request
	}{
		"BatchGetItem":       {func(w *world) api.Handler { return w.get }, request{}},
		"UpdateItem":         {func(w *world) api.Handler { return w.patch }, request{body: `{"enabled":false}`}},
		"TransactWriteItems": {func(w *world) api.Handler { return w.make }, request{body: wanted("1")}},
		"GenerateDataKey":    {func(w *world) api.Handler { return w.patch }, request{body: fresh}},
	} {
		kinds := maps.Clone(ownOutages[operation])
		if operation == "BatchGetItem" {
			kinds = outages
		}

		for name, fails := range kinds {
			t.Run(name+" "+operation, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				s := throughClients(t, w)
				s.set(map[string]outage{operation: fails})
				unavailable(t, c.handler(w), c.request)
				if s.calls(operation) == 0 {
					t.Errorf("%s was not called", operation)
				}
			})
		}
	}
}

// D6: every route, and every operation it needs.
func TestAnOutageAtEachRoute(t *testing.T) {
	one := map[string]string{"limit": "1"}
	for name, c := range map[string]struct {
		handler    func(*world) api.Handler
		request    request
		operations []string
	}{
		"get":    {func(w *world) api.Handler { return w.get }, request{}, []string{"GetItem", "BatchGetItem"}},
		"patch":  {func(w *world) api.Handler { return w.patch }, request{body: `{"enabled":false}`}, []string{"GetItem", "BatchGetItem", "UpdateItem"}},
		"sync":   {func(w *world) api.Handler { return w.sync }, request{}, []string{"GetItem", "BatchGetItem", "UpdateItem"}},
		"status": {func(w *world) api.Handler { return w.status }, request{}, []string{"GetItem", "BatchGetItem", "Query"}},
		"syncs":  {func(w *world) api.Handler { return w.syncs }, request{query: one, route: "GET /integrations/{integration.id}/syncs"}, []string{"GetItem", "BatchGetItem", "Query"}},
		"cancel": {func(w *world) api.Handler { return w.cancel }, request{sync: "7"}, []string{"GetItem", "BatchGetItem"}},
		"items":  {func(w *world) api.Handler { return w.items }, request{query: one}, []string{"GetItem", "BatchGetItem", "Query"}},
		"retry":  {func(w *world) api.Handler { return w.retry }, request{body: `{}`}, []string{"GetItem", "BatchGetItem", "UpdateItem"}},
		"list":   {func(w *world) api.Handler { return w.list }, request{}, []string{"BatchGetItem", "Query"}},
		"create": {func(w *world) api.Handler { return w.make }, request{body: wanted("1"), header: key("k")}, []string{"BatchGetItem", "GetItem", "TransactWriteItems", "GenerateDataKey"}},
		"delete": {func(w *world) api.Handler { return w.remove }, request{}, []string{"GetItem", "BatchGetItem", "TransactWriteItems"}},
		"check":  {func(w *world) api.Handler { return w.check }, request{}, []string{"GetItem", "BatchGetItem", "UpdateItem", "Decrypt"}},
	} {
		for _, operation := range c.operations {
			t.Run(name+" "+operation, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				s := through(t, w, true)
				s.set(map[string]outage{operation: saying(400, "ThrottlingException", "")})
				unavailable(t, c.handler(w), c.request)
				if s.calls(operation) == 0 {
					t.Errorf("%s was not called", operation)
				}
			})
		}
	}
}

// D6: nothing listens at the address of the table.
func TestTheTableRefusesConnections(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := "http://" + listener.Addr().String()
	must(t, listener.Close())

	w := newWorld(t)
	w.store = store.New(clientsAt(t, map[string]string{"DYNAMODB": address}).DynamoDB(), w.table)
	w.restart()
	unavailable(t, w.get, request{})
}

// D6: one failure does not fail the request: the SDK calls again, within the
// function's time.
func TestAShortOutageIsNotSeen(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]outage{"throttled": saying(400, "ThrottlingException", ""), "hangs up": hangsUp} {
		w := newWorld(t)
		s := throughClients(t, w)
		var once sync.Once
		s.set(map[string]outage{"UpdateItem": func(rw http.ResponseWriter, r *http.Request) {
			once.Do(func() { s.mu.Lock(); delete(s.fails, "UpdateItem"); s.mu.Unlock() })
			fails(rw, r)
		}})
		if resp := send(t, w.patch, request{body: `{"enabled":false}`}); resp.StatusCode != 200 {
			t.Errorf("%s: %d %s", name, resp.StatusCode, resp.Body)
		}
	}
}

// D6: a message that cannot be sent after the write does not fail the request:
// dispatch sends it. The queue may hang.
func TestAMessageThatCannotBeSent(t *testing.T) {
	for name, fails := range map[string]outage{"hangs": hangs, "throttled": saying(400, "ThrottlingException", ""), "away": saying(500, "InternalFailure", "")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := throughClients(t, w)
			s.set(map[string]outage{"SendMessage": fails})
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			resp, err := w.sync(ctx, request{}.event())
			must(t, err)
			if resp.StatusCode != 202 {
				t.Errorf("%d %s", resp.StatusCode, resp.Body)
			}

			if v := w.view(t, github); v.State == nil || v.State.Run == nil || v.State.DueAt == 0 {
				t.Errorf("dispatch has nothing to send: %+v", v.State)
			}
		})
	}
}

// D6: a route that hangs is answered before its function ends.
func TestARouteThatHangsIsAnsweredInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = 10 * time.Second
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		defer cancel()
		h := api.Serve(slog.New(slog.DiscardHandler), "sub", func(ctx context.Context, _ api.Request) (api.Answer, error) {
			<-ctx.Done()
			return api.Answer{}, fmt.Errorf("read it: %w", ctx.Err())
		})
		resp, err := h(ctx, request{}.event())
		must(t, err)
		refused(t, resp, refusal{503, "unavailable", nil})
		if took := time.Since(began); took != timeout-awsclient.Reserve {
			t.Errorf("it took %s of %s", took, timeout)
		}
	})
}

// A refusal of AWS that no repetition mends is a fault of ours, and stays one.
func TestRefusalsOfAWSAreFaults(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"AccessDeniedException", "ResourceNotFoundException", "ValidationException"} {
		w := newWorld(t)
		s := throughClients(t, w)
		s.set(map[string]outage{"BatchGetItem": saying(400, kind, "")})
		refused(t, send(t, w.get, request{}), refusal{500, "internal_error", nil})
	}

	w := newWorld(t)
	s := throughClients(t, w)
	s.set(map[string]outage{"TransactWriteItems": cancelledBecause("ValidationError")})
	refused(t, send(t, w.make, request{body: wanted("1")}), refusal{500, "internal_error", nil})
}

// D9: the text says whether the claim is missing or is not a snowflake, and
// names it and the setting. The claim's value is not shown.
func TestATokenThatNamesNoUser(t *testing.T) {
	uuid := "0b8f2c9e-" + "7a51-4d0e-9a3c-2f1de5b8c7a4"
	for _, claim := range []string{"sub", "https://example.com/user_id"} {
		for name, c := range map[string]struct {
			value string
			says  string
		}{
			"a UUID":       {uuid, "is there, but is not a snowflake"},
			"an e-mail":    {"alice@example.com", "is there, but is not a snowflake"},
			"not there":    {"", "has no claim"},
			"out of range": {"9223372036854775808", "is there, but is not a snowflake"},
		} {
			h := api.Serve(slog.New(slog.DiscardHandler), claim, func(_ context.Context, r api.Request) (api.Answer, error) {
				return api.Answer{}, &domain.Error{Code: domain.CodeCallerUnknown, Detail: "The token does not say which user is calling."}
			})
			event := request{}.event()
			delete(event.RequestContext.Authorizer.JWT.Claims, "sub")
			if c.value != "" {
				event.RequestContext.Authorizer.JWT.Claims[claim] = c.value
			}

			resp, err := h(t.Context(), event)
			must(t, err)
			refused(t, resp, refusal{403, "caller_unknown", nil})
			for _, want := range []string{c.says, strconv.Quote(strconv.Quote(claim))[1:], "userClaim"} {
				if !strings.Contains(resp.Body, strings.TrimSuffix(want, `"`)) {
					t.Errorf("%s: %q does not say %q", name, resp.Body, want)
				}
			}

			if c.value != "" && strings.Contains(resp.Body, c.value) {
				t.Errorf("%s: %q shows the claim's value", name, resp.Body)
			}
		}
	}

	w := newWorld(t)
	if resp := send(t, w.get, request{caller: uuid}); resp.StatusCode != 403 || !strings.Contains(resp.Body, "is there, but is not a snowflake") {
		t.Errorf("%d %s", resp.StatusCode, resp.Body)
	}

	if resp := send(t, w.list, request{caller: uuid}); resp.StatusCode != 403 || !strings.Contains(resp.Body, "is there, but is not a snowflake") {
		t.Errorf("%d %s", resp.StatusCode, resp.Body)
	}
}
