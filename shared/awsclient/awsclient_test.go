package awsclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// A plain write that meets a transaction on the same record is tried again, a
// bounded number of times.
func TestAWriteGivesWayToATransaction(t *testing.T) {
	for name, c := range map[string]struct {
		conflicts, calls int
		fails            bool
	}{"once": {1, 2, false}, "for ever": {1000, 4, true}, "never": {0, 1, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/x-amz-json-1.0")
				if calls++; calls <= c.conflicts {
					w.WriteHeader(http.StatusBadRequest)
					_, _ = w.Write([]byte(`{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"Transaction is ongoing for the item"}`))
					return
				}

				_, _ = w.Write([]byte("{}"))
			}))

			defer server.Close()
			env := map[string]string{
				"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_ENDPOINT_URL_DYNAMODB": server.URL,
			}
			clients := New(environment(env))
			table := "t"
			_, err := clients.DynamoDB().UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &table, Key: map[string]types.AttributeValue{}})
			if (err != nil) != c.fails || calls != c.calls {
				t.Errorf("%d calls, want %d: %v", calls, c.calls, err)
			}
		})
	}
}

// D6: an attempt that hangs is given up, and the next one may succeed; a bounded
// number of them hang.
func TestAnAttemptThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if calls++; calls == 1 {
			<-r.Context().Done()
			return
		}

		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = w.Write([]byte("{}"))
	}))

	defer server.Close()
	table := "t"
	_, err := clientsOf(map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": server.URL}).DynamoDB().
		GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &table, Key: map[string]types.AttributeValue{}})
	if err != nil || calls != 2 {
		t.Errorf("%d calls, want 2: %v", calls, err)
	}
}

// D6: Unavailable separates what may succeed later from what never will.
func TestUnavailable(t *testing.T) {
	cancelled := func(codes ...string) error {
		e := &types.TransactionCanceledException{}
		for _, code := range codes {
			e.CancellationReasons = append(e.CancellationReasons, types.CancellationReason{Code: &code})
		}
		return e
	}
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"deadline":             {context.DeadlineExceeded, true},
		"refused":              {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		"throttled":            {&smithy.GenericAPIError{Code: "ThrottlingException"}, true},
		"throughput":           {&types.ProvisionedThroughputExceededException{}, true},
		"limit":                {&types.RequestLimitExceeded{}, true},
		"fault":                {&types.InternalServerError{}, true},
		"conflict":             {&types.TransactionConflictException{}, true},
		"cancelled: conflict":  {cancelled("None", "TransactionConflict"), true},
		"cancelled: throttled": {cancelled("ThrottlingError", "ProvisionedThroughputExceeded"), true},
		"cancelled: condition": {cancelled("TransactionConflict", "ConditionalCheckFailed"), false},
		"cancelled: mistake":   {cancelled("ValidationError"), false},
		"condition":            {&types.ConditionalCheckFailedException{}, false},
		"no table":             {&types.ResourceNotFoundException{}, false},
		"denied":               {&smithy.GenericAPIError{Code: "AccessDeniedException"}, false},
		"our own":              {errors.New("a mistake"), false},
		"nothing":              {nil, false},
	} {
		if got := Unavailable(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}

		if wrapped := fmt.Errorf("read it: %w", c.err); c.err != nil && Unavailable(wrapped) != c.want {
			t.Errorf("%s, wrapped: want %v", name, c.want)
		}
	}
}

// clientsOf are the clients of a function with an environment.
func clientsOf(more map[string]string) *Clients {
	env := map[string]string{"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
	maps.Copy(env, more)
	return New(environment(env))
}

// An environment has the settings of a test.
type environment map[string]string

func (e environment) Text(name string) string { return e[name] }

func (e environment) TextOr(name, fallback string) string {
	if value := e[name]; value != "" {
		return value
	}

	return fallback
}
