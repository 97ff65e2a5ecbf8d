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

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"example.com/integrations/local/environment"

	"example.com/integrations/local/environment/sample"
	fake "example.com/integrations/local/providers/github"
	"example.com/integrations/shared/connector/github"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/incoming"
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

// withRepositories adds repositories to what an environment starts with.
func withRepositories(names ...string) func(*environment.Options) {
	return func(o *environment.Options) {
		all := []fake.Repository{repository(sample.RepoWork), repository(sample.RepoDocs), repository(sample.RepoSpare)}
		for _, name := range names {
			all = append(all, repository(name))
		}
		o.Sample.Providers = providerServers(all...)
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

// An object is an issue at the fake server.
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
		if len(parts) != 4 {
			t.Fatalf("an issue without a signed marker: %+v", o)
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

		item, err := incoming.ParseItem(l.DetailType, l.Detail)
		if err != nil {
			t.Fatal(err)
		}

		if item.OrganisationID != org {
			item.OrganisationID, item.ID = org, Shifted(org, item.ID)
		}

		if item.Version >= last[item.ID.String()].Version {
			last[item.ID.String()] = item
		}
	}

	return last
}

// play sends lines of changes through the bus.
func play(t *testing.T, e *target, lines []byte, org domain.Snowflake, order *Order) int {
	t.Helper()
	l := Loader{Client: e.Control.EventsClient(), Bus: e.Control.Bus, Source: "platform", Order: order}
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
	lines, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "data", "changes.jsonl"))
	if err != nil {
		t.Skip("the public changes are not beside the project: ", err)
	}

	e := started(t, withRepositories("in-order", "in-disorder"))
	for _, c := range []struct {
		repository       string
		org, integration domain.Snowflake
		order            *Order
		events           int
	}{
		{"in-order", 1180000000000000011, 1200000000000000811, nil, 2032},
		{"in-disorder", 1180000000000000012, 1200000000000000812, &Order{Seed: 4, Double: true}, 4064},
	} {
		founded(t, e, c.org, map[domain.Snowflake]string{c.integration: c.repository})
		last := lastVersions(t, lines, c.org)
		calls := e.github().Calls()
		began := time.Now()
		if n := play(t, e, lines, c.org, c.order); n != c.events || len(last) != 656 {
			t.Fatalf("%d events of %d items", n, len(last))
		}

		done := func() bool { return waiting(t, e, ingestQueue) == 0 }
		quiet(t, e, c.integration, done)
		took := time.Since(began)
		_, _, creates, updates := look(t, e).count(c.repository)
		t.Logf("%s: %d events, %.1f s, %d runs, %d provider calls (%d creates, %d updates)", c.repository, c.events, took.Seconds(), runsOf(t, e, c.integration), e.github().Calls()-calls, creates, updates)
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
		calls = e.github().Calls()
		play(t, e, lines, c.org, nil)
		quiet(t, e, c.integration, done)
		if after := len(look(t, e).Writes); after != before {
			t.Errorf("%s: once more made %d provider writes", c.repository, after-before)
		}

		t.Logf("%s, once more: %d runs in all, %d provider calls, 0 writes", c.repository, runsOf(t, e, c.integration), e.github().Calls()-calls)
	}

	if n := waiting(t, e, deadQueue); n != 0 {
		t.Errorf("%d dead letters", n)
	}

	if v := e.github().Violations(); len(v) > 0 {
		t.Errorf("the contract was broken: %v", v)
	}
}
