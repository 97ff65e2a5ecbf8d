//go:build e2e

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
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

	"integrations/local/environment"
	"integrations/local/loader"
	"integrations/local/sample"
	"integrations/local/servers/serverstest"
	standin "integrations/local/standin/github"
	"integrations/shared/connector/github"
	"integrations/shared/domain"
	"integrations/shared/event"
)

const ingestQueue, deadQueue = "integrations-local-ingest", "integrations-local-ingest-dead"

// waiting is how many messages a queue has, those under way included.
func waiting(t *testing.T, e *target, queue string) (n int) {
	t.Helper()
	url := e.Control.Queues[queue]
	names := []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible}
	out, err := e.here.SQS().GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: names})
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range out.Attributes {
		var part int
		if _, err := fmt.Sscan(value, &part); err != nil {
			t.Fatal(err)
		}
		n += part
	}
	return n
}

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
	pages := dynamodb.NewScanPaginator(serverstest.Client(e.Endpoints.DynamoDB), &dynamodb.ScanInput{TableName: &e.Control.Table})
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
	item := func(change func(map[string]any)) string {
		var d map[string]any
		if err := json.Unmarshal(own(1)[0], &d); err != nil {
			t.Fatal(err)
		}
		change(d)
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	set := func(member string, value any) string {
		return item(func(d map[string]any) { d["version"] = 2; d[member] = value })
	}
	publish(t, e, "item.created", own(1))
	quiet(t, e, sample.GitHub, func() bool {
		n, _, _, _ := look(t, e).count(sample.RepoWork)
		return n == 1 && waiting(t, e, ingestQueue) == 0
	})
	bad := map[string]string{ // the body, and what its reason must name
		"not JSON": "is not JSON", `"a text"`: "is not a JSON object", envelope("item.moved", item(func(map[string]any) {})): "detail-type",
		own1(): "detail-type is missing", `{"detail-type":"item.created"}`: "detail is missing",
		envelope("item.created", item(func(d map[string]any) { delete(d, "title") })): "title is missing",
		envelope("item.updated", set("labels", "a")):                                  "labels must",
		envelope("item.updated", set("description", strings.Repeat("x", 70<<10))):     "description has 71680 bytes",
		envelope("item.updated", set("item_type", "ticket")):                          `item_type "ticket"`,
		envelope("item.updated", set("version", 0)):                                   "version must",
		envelope("item.updated", set("id", "-7")):                                     "id must",
		envelope("item.updated", set("id", "07")):                                     "id must",
		envelope("item.updated", set("organisation_id", sample.Deleted.String())):     "organisation_id is another",
		envelope("item.updated", set("item_type", "document")):                        "item_type is another",
		envelope("member.updated", `{"organisation_id":"1","user_id":"2","pending":false,"role_ids":[],"permissions":{"MANAGE_ORGANISATION":5},"version":1}`): "permissions must",
		envelope("role.updated", `{"organisation_id":"1","id":"2","order":1,"version":1}`):                                                                    "permissions is missing",
		envelope("organisation.updated", `{"id":"1","name":"a","owner_id":2,"is_deleted":false,"version":1}`):                                                 "owner_id must",
	}
	before := table(t, e)
	url, client := e.Control.Queues[ingestQueue], e.here.SQS()
	for body := range bad {
		if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body}); err != nil {
			t.Fatal(err)
		}
	}
	for detail, wanted := range map[string]bool{"not JSON": false, "[]": false, `{"id":"1"}`: true} {
		err := loader.One(t.Context(), e.Control.EventsClient(), e.Control.Bus, "platform", "item.created", json.RawMessage(detail))
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

func own1() string { return string(own(1)[0]) }

// poison sends ten messages as one batch, one of them bad.
func poison(t *testing.T, e *target) {
	t.Helper()
	url, client := e.Control.Queues[ingestQueue], e.here.SQS()
	in := &sqs.SendMessageBatchInput{QueueUrl: &url}
	for n, detail := range own(10) {
		id, body := fmt.Sprint(n), envelope("item.created", string(detail))
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

// with adds repositories to what an environment starts with.
func withRepositories(names ...string) func(*environment.Options) {
	return func(o *environment.Options) {
		for _, name := range names {
			o.Sample.GitHubRepositories = append(o.Sample.GitHubRepositories, standin.Repository{Owner: sample.RepoOwner, Name: name, Push: []string{sample.Login}})
		}
	}
}

// founded makes an organisation by its event and connects it with repositories,
// each of which gets all of its work items.
func founded(t *testing.T, e *target, org domain.Snowflake, integrations map[domain.Snowflake]string) {
	t.Helper()
	publish(t, e, "organisation.updated", [][]byte{fmt.Appendf(nil, `{"id":"%s","name":"Organisation %s","owner_id":"1","is_deleted":false,"version":1}`, org, org)})
	for id, repository := range integrations {
		i := domain.Integration{ID: id, OrganisationID: org, ItemType: "work_item", Provider: domain.GitHub, Enabled: true, Configuration: sample.At(repository, "")}
		if created, err := sample.Create(t.Context(), e.store(), sealer(e.here), i); err != nil || !created {
			t.Fatal(created, err)
		}
	}
}

// An object is an issue at the stand-in.
type object struct {
	Repo, Title, Body, State string
	Labels                   []string
}

// at gives the issues of each repository by the item they are of.
func at(t *testing.T, e *target) map[string]map[string]object {
	t.Helper()
	resp, err := http.Get(e.Endpoints.Providers["github"] + "/_/received")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var r struct{ Objects []object }
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]object{}
	for _, o := range r.Objects {
		body, marker, _ := strings.Cut(o.Body, "\n\n<!-- integrations:")
		parts := strings.Split(marker, "/")
		if len(parts) != 3 {
			t.Fatalf("an issue without a marker: %+v", o)
		}
		o.Body = body
		slices.Sort(o.Labels)
		if all[o.Repo] == nil {
			all[o.Repo] = map[string]object{}
		}
		if _, twice := all[o.Repo][parts[1]]; twice {
			t.Errorf("item %s is twice in %s", parts[1], o.Repo)
		}
		all[o.Repo][parts[1]] = o
	}
	return all
}

// rendered is how an item must look in a repository.
func rendered(item domain.Item, repository string) object {
	c := github.New(github.Config{Owner: sample.RepoOwner, Repo: repository, Labels: true}, nil, nil).Render(item)
	labels := append([]string{}, c.Labels...)
	slices.Sort(labels)
	return object{Repo: repository, Title: c.Title, Body: c.Body, State: string(c.State), Labels: labels}
}

// lastVersions gives the last version of each item of a file of changes, as it
// is in an organisation.
func lastVersions(t *testing.T, lines []byte, org domain.Snowflake) map[string]domain.Item {
	t.Helper()
	last := map[string]domain.Item{}
	for line := range bytes.Lines(lines) {
		var l struct {
			DetailType string `json:"detail_type"`
			Detail     json.RawMessage
		}
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		item, err := event.ParseItem(l.DetailType, l.Detail)
		if err != nil {
			t.Fatal(err)
		}
		if item.OrganisationID != org {
			item.OrganisationID, item.ID = org, loader.Shifted(org, item.ID)
		}
		if item.Version >= last[item.ID.String()].Version {
			last[item.ID.String()] = item
		}
	}
	return last
}

// play sends lines of changes through the bus.
func play(t *testing.T, e *target, lines []byte, org domain.Snowflake, order *loader.Order) int {
	t.Helper()
	l := loader.Loader{Client: e.Control.EventsClient(), Bus: e.Control.Bus, Source: "platform", Order: order}
	if org != 0 {
		l.Organisation = org.String()
	}
	sent, err := l.Load(t.Context(), bytes.NewReader(lines))
	if err != nil {
		t.Fatal(err)
	}
	return sent
}

// runsOf counts the runs that an integration has had.
func runsOf(t *testing.T, e *target, id domain.Snowflake) (n int) {
	t.Helper()
	st := e.store()
	for after := ""; ; {
		runs, next, err := st.Runs(context.WithoutCancel(t.Context()), id, after, 100, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if n += len(runs); next == "" {
			return n
		}
		after = next
	}
}

// All real changes in order into one empty organisation, and in random order,
// each twice, into another: both come out alike, and a third time changes
// nothing.
func TestRealChangesReplayed(t *testing.T) {
	lines, err := os.ReadFile(filepath.Join("..", "..", "shared", "data", "changes.jsonl"))
	if err != nil {
		t.Skip("the public changes are not beside the project: ", err)
	}
	e := started(t, withRepositories("in-order", "in-disorder"))
	for _, c := range []struct {
		repository       string
		org, integration domain.Snowflake
		order            *loader.Order
		events           int
	}{
		{"in-order", 1180000000000000011, 1200000000000000011, nil, 2032},
		{"in-disorder", 1180000000000000012, 1200000000000000012, &loader.Order{Seed: 4, Double: true}, 4064},
	} {
		founded(t, e, c.org, map[domain.Snowflake]string{c.integration: c.repository})
		last := lastVersions(t, lines, c.org)
		calls, began := e.here.GitHub.Calls(), time.Now()
		if n := play(t, e, lines, c.org, c.order); n != c.events || len(last) != 656 {
			t.Fatalf("%d events of %d items", n, len(last))
		}
		done := func() bool { return waiting(t, e, ingestQueue) == 0 }
		quiet(t, e, c.integration, done)
		took := time.Since(began)
		_, _, creates, updates := look(t, e).count(c.repository)
		t.Logf("%s: %d events, %.1f s, %d runs, %d provider calls (%d creates, %d updates)", c.repository, c.events, took.Seconds(), runsOf(t, e, c.integration), e.here.GitHub.Calls()-calls, creates, updates)
		got := at(t, e)[c.repository]
		if len(got) != len(last) || creates != len(last) {
			t.Errorf("%s: %d issues by %d creates, want %d", c.repository, len(got), creates, len(last))
		}
		for id, item := range last {
			if want := rendered(item, c.repository); !reflect.DeepEqual(got[id], want) {
				t.Errorf("%s, item %s version %d:\n%+v\nwant\n%+v", c.repository, id, item.Version, got[id], want)
			}
		}
		// The third time: in order again, wherever it went.
		before := len(look(t, e).Writes)
		calls = e.here.GitHub.Calls()
		play(t, e, lines, c.org, nil)
		quiet(t, e, c.integration, done)
		if after := len(look(t, e).Writes); after != before {
			t.Errorf("%s: once more made %d provider writes", c.repository, after-before)
		}
		t.Logf("%s, once more: %d runs in all, %d provider calls, 0 writes", c.repository, runsOf(t, e, c.integration), e.here.GitHub.Calls()-calls)
	}
	if n := waiting(t, e, deadQueue); n != 0 {
		t.Errorf("%d dead letters", n)
	}
	if v := e.here.GitHub.Violations(); len(v) > 0 {
		t.Errorf("the contract was broken: %v", v)
	}
}
