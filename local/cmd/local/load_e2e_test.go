//go:build e2e

package main

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"example.com/integrations/local/environment/sample"
	"example.com/integrations/shared/domain"
)

// The load: every event concerns three integrations.
const (
	loadOrganisations, loadIntegrations = 50, 3
	loadItems, loadVersions             = 40, 5
	loadEvents                          = loadOrganisations * loadItems * loadVersions
	loadPatience                        = 40 * time.Minute
)

// loadLines are the events of all organisations, an item's versions in their
// order: the loader mixes them.
func loadLines(orgs []domain.Snowflake) []byte {
	var lines bytes.Buffer
	for o, org := range orgs {
		for item := range loadItems {
			for version := 1; version <= loadVersions; version++ {
				detailType := "item.updated"
				state := "open"
				if version == 1 {
					detailType = "item.created"
				}

				if version == loadVersions && item%4 == 0 {
					state = "closed"
				}

				fmt.Fprintf(&lines, `{"detail_type":"%s","detail":{"id":"%d","organisation_id":"%s","item_type":"work_item","formatted_number":"L-%d","version":%d,"title":"item %d as of %d",`+
					`"description":"text of version %d","url":"https://items.example/","state":"%s","status":"new","labels":["load"],"updated_at":"2026-01-05T09:00:00Z"}}`+"\n",
					detailType, 1400000000000000000+o*1000+item, org, item, version, item, version, version, state)
			}
		}
	}

	return lines.Bytes()
}

// 10,000 events over 50 organisations with 3 integrations each, as fast as the
// bus takes them and in random order: nothing is lost.
func TestTenThousandEvents(t *testing.T) {
	var orgs []domain.Snowflake
	repositories := map[domain.Snowflake]map[domain.Snowflake]string{}
	var names []string
	for o := range domain.Snowflake(loadOrganisations) {
		org := 1180000000000001000 + o
		orgs = append(orgs, org)
		repositories[org] = map[domain.Snowflake]string{}
		for i := range domain.Snowflake(loadIntegrations) {
			name := fmt.Sprintf("load-%d-%d", o, i)
			names = append(names, name)
			repositories[org][1200000000000001000+o*10+i] = name
		}
	}

	e := started(t, withRepositories(names...))
	for _, org := range orgs {
		founded(t, e, org, repositories[org])
	}

	lines := loadLines(orgs)
	began := time.Now()
	if n := play(t, e, lines, 0, &Order{Seed: 1}); n != loadEvents {
		t.Fatalf("%d events were sent", n)
	}

	put := time.Now()
	for left := waiting(t, e, ingestQueue); left > 0; left = waiting(t, e, ingestQueue) {
		if time.Since(put) > loadPatience {
			t.Fatalf("%d events are still on the queue", left)
		}
		time.Sleep(100 * time.Millisecond)
	}

	ingested := time.Now()
	for _, org := range orgs {
		for id := range repositories[org] {
			quiet(t, e, id, func() bool { return true })
		}
	}

	done := time.Now()
	rate := func(until time.Time) float64 { return loadEvents / until.Sub(began).Seconds() }
	t.Logf("%d events: the bus took %.0f a second, ingest %.0f, the providers had all at %.0f a second", loadEvents, rate(put), rate(ingested), rate(done))
	t.Logf("the last event was %.1f s old when ingest had it, %.1f s when the last provider had all of it", ingested.Sub(put).Seconds(), done.Sub(put).Seconds())
	runs := 0
	received := at(t, e)
	for o, org := range orgs {
		for id, repository := range repositories[org] {
			runs += runsOf(t, e, id)
			for item := range loadItems {
				key := fmt.Sprint(1400000000000000000 + o*1000 + item)
				got := received[repository][key]
				state := "open"
				if item%4 == 0 {
					state = "closed"
				}

				if want := fmt.Sprintf("L-%d item %d as of %d", item, item, loadVersions); got.Title != want || got.State != state {
					t.Errorf("%s in %s is %q, %s; want %q, %s", key, repository, got.Title, got.State, want, state)
				}
			}

			if n := len(received[repository]); n != loadItems {
				t.Errorf("%s has %d issues", repository, n)
			}
		}
	}

	t.Logf("%d runs, %d provider calls, %d writes", runs, e.github().Calls(), len(look(t, e).Writes))
	if n := waiting(t, e, deadQueue); n != 0 {
		t.Errorf("%d dead letters", n)
	}

	if len(received[sample.RepoWork]) != 0 {
		t.Error("another organisation's repository got something")
	}
}
