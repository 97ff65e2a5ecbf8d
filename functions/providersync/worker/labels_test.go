package worker

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// The table is restored, and the item changes later: its issue in Jira has one
// label of ours.
func TestOneLabelAfterARelinkAtJira(t *testing.T) {
	for _, pull := range []string{"off", "all"} {
		t.Run(pull, func(t *testing.T) {
			w := newWorld(t)
			tr := trackers(t, w.clock.Now)["jira"]()
			client := connectortest.ServeAt(t, []string{connectortest.Host}, tr.handler, trackerToken)
			w.engine.Open = func(ctx, store.View) (Opened, error) {
				return Opened{Connector: tr.open(client, base, tr.spellings[0], w.clock.Now), Credential: w.credential, Limits: w.limits}, nil
			}
			w.pulling(pull)
			w.item(1, 1, nil)
			w.full()
			w.pass(time.Hour)
			w.loseLinks(w.state().TargetKey())
			w.full()
			w.pass(time.Hour)
			for version := int64(2); version < 5; version++ {
				w.item(1, version, nil)
				w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: 1, Version: version}))
				w.start(domain.Incremental)
				w.pass(time.Hour)
			}

			r := httptest.NewRequest(http.MethodGet, base+"/jira/rest/api/2/issue/WORK-1", nil)
			r.Header.Set("Accept", "application/json")
			r.Header.Set("User-Agent", "a person")
			r.Header.Set("Authorization", "Bearer "+trackerToken)
			answer := httptest.NewRecorder()
			tr.handler.ServeHTTP(answer, r)
			var issue struct {
				Fields struct {
					Labels []string `json:"labels"`
				} `json:"fields"`
			}

			w.must(json.Unmarshal(answer.Body.Bytes(), &issue))
			ours := 0
			for _, l := range issue.Fields.Labels {
				if strings.HasPrefix(l, "sync-") {
					ours++
				}
			}

			mustBe(t, "labels of ours", ours, 1)
		})
	}
}
