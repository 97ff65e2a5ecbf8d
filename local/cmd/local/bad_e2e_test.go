//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"example.com/integrations/local/environment"

	"example.com/integrations/local/environment/sample"
	"example.com/integrations/local/testkit"
	"example.com/integrations/shared/domain"
)

// dead takes the dead letters of ingest.
func dead(t *testing.T, e *target, want int) (letters []types.Message) {
	t.Helper()
	url := e.Control.Queues[deadQueue]
	client := e.here.SQS()
	eventually(t, fmt.Sprintf("%d dead letters", want), func() bool {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10, VisibilityTimeout: 600})
		if err != nil {
			t.Fatal(err)
		}

		letters = append(letters, out.Messages...)
		return len(letters) >= want
	})

	return letters
}

// table is all that the table holds.
func table(t *testing.T, e *target) (all []map[string]dynamodbtypes.AttributeValue) {
	t.Helper()
	pages := dynamodb.NewScanPaginator(testkit.DynamoDBClient(e.Endpoints.DynamoDB), &dynamodb.ScanInput{TableName: &e.Control.Table})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Items...)
	}

	return all
}

func envelope(detailType, detail string) string {
	return `{"version":"0","id":"e","detail-type":"` + detailType + `","source":"platform","detail":` + detail + `}`
}

// Bad events on the real queue: each is a dead letter with a reason in the
// log, and the table is as it was; a poison among ten keeps none of the nine.
func TestBadEventsBecomeDeadLetters(t *testing.T) {
	e := started(t, func(o *environment.Options) { o.Minute = time.Hour })
	publish(t, e, "item.created", own(1))
	quiet(t, e, sample.GitHub, func() bool {
		n, _, _, _ := look(t, e).count(sample.RepoWork)
		return n == 1 && waiting(t, e, ingestQueue) == 0
	})
	for name, tr := range trackers {
		quiet(t, e, tr.id, func() bool { return len(ours(t, e, name)) > 0 })
	}

	for _, name := range chats {
		quiet(t, e, chatID(t, name), func() bool { return true })
	}

	bad := badBodies()
	before := table(t, e)
	url := e.Control.Queues[ingestQueue]
	client := e.here.SQS()
	for body := range bad {
		if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body}); err != nil {
			t.Fatal(err)
		}
	}

	for detail, wanted := range map[string]bool{"not JSON": false, "[]": false, `{"id":"1"}`: true} {
		err := Loader{Client: e.Control.EventsClient(), Bus: e.Control.Bus, Source: "platform"}.One(t.Context(), "item.created", json.RawMessage(detail))
		if (err == nil) != wanted {
			t.Errorf("the bus, of %s: %v", detail, err)
		}
	}

	letters := dead(t, e, len(bad)+1)
	if len(letters) != len(bad)+1 {
		t.Errorf("%d dead letters of %d", len(letters), len(bad)+1)
	}

	reasons := reasonsOf(t, e)
	for _, letter := range letters {
		want, known := bad[*letter.Body]
		if !known {
			want = "organisation_id is missing" // what came through the bus
		}

		if got := reasons[*letter.MessageId]; !strings.Contains(got, want) {
			t.Errorf("%.80s: the reason is %q, want %q", *letter.Body, got, want)
		}
	}

	if after := table(t, e); !reflect.DeepEqual(after, before) {
		t.Errorf("%d records became %d others", len(before), len(after))
	}

	poison(t, e)
}

// chatID is the sample's integration with a chat.
func chatID(t *testing.T, name string) domain.Snowflake {
	t.Helper()
	id, err := domain.ParseSnowflake(sample.Integrations[name])
	if err != nil {
		t.Fatal(name, err)
	}
	return id
}

// badBodies are bodies of messages, and what the reason must name.
func badBodies() map[string]string {
	first := string(own(1)[0])
	with := func(member string, value any) string {
		var d map[string]any
		if err := json.Unmarshal([]byte(first), &d); err != nil {
			panic(err)
		}

		d["version"] = 2
		d[member] = value
		b, err := json.Marshal(d)
		if err != nil {
			panic(err)
		}

		return string(b)
	}

	return map[string]string{
		"not JSON": "is not JSON", `"a text"`: "is not a JSON object", envelope("item.moved", first): "detail-type",
		first: "detail-type is missing", `{"detail-type":"item.created"}`: "detail is missing",
		envelope("item.created", with("title", nil)):                               "title is null",
		envelope("item.updated", with("labels", "a")):                              "labels must",
		envelope("item.updated", with("description", strings.Repeat("x", 70<<10))): "description has 71680 bytes",
		envelope("item.updated", with("item_type", "ticket")):                      `item_type "ticket"`,
		envelope("item.updated", with("version", 0)):                               "version must",
		envelope("item.updated", with("id", "-7")):                                 "id must",
		envelope("item.updated", with("id", "07")):                                 "id must",
		envelope("item.updated", with("organisation_id", sample.Deleted.String())): "organisation_id is another",
		envelope("item.updated", with("item_type", "document")):                    "item_type is another",
		envelope("member.updated", `{"organisation_id":"1","user_id":"2","pending":false,"role_ids":[],"permissions":{"MANAGE_ORGANISATION":5},"version":1}`): "permissions must",
		envelope("role.updated", `{"organisation_id":"1","id":"2","order":1,"version":1}`):                                                                    "permissions is missing",
		envelope("organisation.updated", `{"id":"1","name":"a","owner_id":2,"is_deleted":false,"version":1}`):                                                 "owner_id must",
	}
}

// poison sends ten messages as one batch, one of them bad.
func poison(t *testing.T, e *target) {
	t.Helper()
	url := e.Control.Queues[ingestQueue]
	client := e.here.SQS()
	in := &sqs.SendMessageBatchInput{QueueUrl: &url}
	for n, detail := range own(10) {
		id := fmt.Sprint(n)
		body := envelope("item.created", string(detail))
		if n == 4 {
			body = envelope("item.created", `{"id":"poison"}`)
		}

		in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: &id, MessageBody: &body})
	}

	out, err := client.SendMessageBatch(t.Context(), in)
	if err != nil || len(out.Successful) != 10 {
		t.Fatal(out, err)
	}

	began := time.Now()
	quiet(t, e, sample.GitHub, func() bool { n, _, _, _ := look(t, e).count(sample.RepoWork); return n == 9 })
	t.Logf("nine of ten are at the provider after %.1f s", time.Since(began).Seconds())
	letters := dead(t, e, 1)
	index := slices.IndexFunc(out.Successful, func(r types.SendMessageBatchResultEntry) bool { return *r.Id == "4" })
	if id := *out.Successful[index].MessageId; len(letters) != 1 || *letters[0].MessageId != id || !strings.Contains(reasonsOf(t, e)[id], "id must be") {
		t.Errorf("%d dead letters, want message %s with its reason: %q", len(letters), id, reasonsOf(t, e)[id])
	}

	t.Logf("the tenth is a dead letter after %.0f s: %s", time.Since(began).Seconds(), reasonsOf(t, e)[*letters[0].MessageId])
}

// reasonsOf reads from ingest's log why messages were not handled.
func reasonsOf(t *testing.T, e *target) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(e.dir, "logs", "ingest.log"))
	if err != nil {
		t.Fatal(err)
	}

	all := map[string]string{}
	for line := range strings.Lines(string(text)) {
		var entry struct {
			MessageID string `json:"message_id"`
			Reason    string
		}
		if at := strings.IndexByte(line, '{'); at >= 0 && json.Unmarshal([]byte(line[at:]), &entry) == nil && entry.Reason != "" {
			all[entry.MessageID] = entry.Reason
		}
	}

	return all
}
