package awsclient

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"integrations/shared/settings"
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
			clients := New(settings.New(func(name string) (string, bool) { v, ok := env[name]; return v, ok }))
			table := "t"
			_, err := clients.DynamoDB().UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &table, Key: map[string]types.AttributeValue{}})
			if (err != nil) != c.fails || calls != c.calls {
				t.Errorf("%d calls, want %d: %v", calls, c.calls, err)
			}
		})
	}
}
