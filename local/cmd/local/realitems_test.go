package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
)

// trackerNames are the sample's integrations with trackers.
var trackerNames = []string{"github", "gitlab", "jira", "jira_datacenter", "mantisbt"}

// realItems are the items of real life.
func realItems(t *testing.T) (items []domain.Item) {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "..", "shared", "data", "items.jsonl"))
	if os.IsNotExist(err) {
		t.Skip("the real items are not here: ../shared/data/items.jsonl")
	}

	must(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var i struct {
			ID          domain.Snowflake `json:"id"`
			Number      string           `json:"formatted_number"`
			Title       string           `json:"title"`
			Description string           `json:"description"`
			URL         string           `json:"url"`
			State       domain.ItemState `json:"state"`
			Status      string           `json:"status"`
			Labels      []string         `json:"labels"`
		}

		must(t, json.Unmarshal(lines.Bytes(), &i))
		items = append(items, domain.Item{ID: i.ID, FormattedNumber: i.Number, Version: 1, Title: i.Title, Description: i.Description,
			URL: i.URL, State: i.State, Status: i.Status, Labels: i.Labels})
	}

	must(t, lines.Err())

	return items[:min(len(items), share)]
}

// All real items through the engine to each tracker: each is there once, its
// closed ones closed; a second sync writes nothing, one changed field is one
// write, and nothing is published of what we wrote ourselves.
func TestRealItemsThroughTheEngine(t *testing.T) {
	items := realItems(t)
	endpoint := dynamoDB(t)
	for _, name := range trackerNames {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			closed := 0
			s := staged(t, endpoint, name, nil)
			for _, i := range items {
				s.put(i)
				if i.State == domain.Closed {
					closed++
				}
			}

			_, run := s.sync(domain.Full)
			same(t, "first sync", run.Counts, domain.Counts{Created: len(items)})
			all := s.received()
			same(t, "objects", len(all.Objects), len(items))
			shut := 0
			for _, one := range all.Objects {
				var o struct{ State string }
				must(t, json.Unmarshal(one, &o))
				if o.State == "closed" {
					shut++
				}
			}

			same(t, "closed", shut, closed)

			before := len(all.Writes)
			_, run = s.sync(domain.Full)
			same(t, "second sync", run.Counts, domain.Counts{Unchanged: len(items)})
			same(t, "writes of the second sync", len(s.received().Writes)-before, 0)

			one := items[len(items)/2]
			one.Version = 2
			one.Title = one.Title + " (changed)"
			s.put(one)
			_, run = s.sync(domain.Incremental)
			same(t, "third sync", run.Counts, domain.Counts{Updated: 1})
			same(t, "writes of the third sync", len(s.received().Writes)-before, 1)
			s.noViolations()
			for _, n := range s.told {
				if n.DetailType == outgoing.TypeRemoteChanged {
					t.Errorf("published what no person changed: %s", n.Detail)
				}
			}

			t.Logf("%d items, %d closed, %d writes in all, %.1f s", len(items), closed, before+1, time.Since(began).Seconds())
		})
	}
}
