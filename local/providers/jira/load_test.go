package jira

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

// Real items: each is taken as it is rendered, closed where it is, and found to
// be what was sent.
func TestRealItems(t *testing.T) {
	path := sharedFile("data/items.jsonl")
	if path == "" {
		t.Skip("../shared/data/items.jsonl is absent")
	}

	each(t, func(t *testing.T, flavor string) {
		d := start(t, flavor, nil)
		c := d.connect("WORK", nil)
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}

		defer file.Close()
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 1<<20)
		made := 0
		closed := 0
		for n := 0; lines.Scan(); n++ {
			if n%10 != 0 && raceDetector {
				continue
			}

			var raw struct {
				domain.Item
				PrefixID *domain.Snowflake `json:"prefix_id"`
			}
			if err := json.Unmarshal(lines.Bytes(), &raw); err != nil {
				t.Fatal(err)
			}

			content := c.Render(raw.Item)
			m := connector.Marker{Integration: 11, Item: raw.ID, Attempt: 1}
			w, err := c.Create(t.Context(), content, m)
			if err != nil {
				t.Fatalf("%s: %v", raw.FormattedNumber, err)
			}

			made++
			if raw.State == domain.Closed {
				sent := connector.Sent{Remote: w.Remote, Labels: content.Labels, State: domain.Open, Seen: w.Seen}
				if _, err := c.Update(t.Context(), sent, content, m); err != nil {
					t.Fatalf("%s: %v", raw.FormattedNumber, err)
				}
				closed++
			}
		}

		d.noViolations()
		t.Logf("%d items made, %d closed, writes %v", made, closed, d.counts())
	})
}

// A caller that cancels has the call back at once, and no new request leaves.
func TestCancellation(t *testing.T) {
	d := start(t, Cloud, nil)
	c := d.connect("WORK", nil)
	arrived := make(chan struct{}, 10)
	asked := atomic.Int64{}
	d.between = func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			asked.Add(1)
			arrived <- struct{}{}
			<-r.Context().Done()
		})
	}
	for name, call := range map[string]func(context.Context) error{
		"create": func(ctx context.Context) error {
			_, err := c.Create(ctx, connector.Content{Title: "T"}, marker)
			return err
		},
		"update": func(ctx context.Context) error {
			_, err := c.Update(ctx, connector.Sent{Remote: domain.Remote{ID: "10001"}}, connector.Content{State: domain.Open}, marker)
			return err
		},
		"find": func(ctx context.Context) error {
			_, err := c.Find(ctx, time.Now(), []connector.Marker{marker})
			return err
		},
		"changes": func(ctx context.Context) error { _, _, err := c.Changes(ctx, time.Time{}, 0); return err },
	} {
		t.Run(name, func(t *testing.T) {
			before := asked.Load()
			_, err := connectortest.GiveUp(t, arrived, call)
			failed(t, err)
			if n := asked.Load() - before; n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// TestRateLimits: the whole integration waits, or the one issue that a limit is
// about.
func TestRateLimits(t *testing.T) {
	clock := newClock()
	d := start(t, Cloud, func(c *Config) {
		c.Now = clock.now
		c.Limits = true
	})
	c := d.connect("WORK", nil)
	content := c.Render(domain.Item{ID: 22, Title: "T", State: domain.Open})
	w, err := c.Create(t.Context(), content, marker)
	if err != nil {
		t.Fatal(err)
	}

	for n := 0; ; n++ {
		content.Title = fmt.Sprint(n)
		if _, err = c.Update(t.Context(), connector.Sent{Remote: w.Remote, State: domain.Open}, content, marker); err != nil {
			break
		}
	}

	if e := failed(t, err); e.Class != failure.Retryable || e.Scope != failure.ItemScope || e.Code != "issue_rate_limited" || e.Wait != 2*time.Second || e.NoRetryAfter {
		t.Errorf("%v %v %v", e.Scope, e.Wait, e)
	}

	for err = nil; err == nil; {
		_, err = c.Create(t.Context(), content, marker)
	}

	if e := failed(t, err); e.Class != failure.Retryable || e.Scope != failure.IntegrationScope || e.Code != "rate_limited" || e.Wait != time.Second || !strings.Contains(e.Detail, "jira-burst-based") {
		t.Errorf("%v", e)
	}

	clock.pass(time.Second)
	if _, err = c.Create(t.Context(), content, marker); err != nil {
		t.Error(err)
	}

	d = start(t, Datacenter, func(c *Config) {
		c.Now = clock.now
		c.Limits = true
	})
	for c, err = d.connect("WORK", nil), error(nil); err == nil; {
		_, _, err = c.Changes(t.Context(), time.Time{}, 0)
	}

	if e := failed(t, err); e.Code != "rate_limited" || e.Wait != time.Second || e.NoRetryAfter {
		t.Errorf("%v", e)
	}
}
