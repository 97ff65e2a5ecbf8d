package worker

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/store"
)

// refusals are the ways in which something refuses one item.
var refusals = map[string]*failure.Error{
	"firewall, 403":   {Class: failure.Final, Scope: failure.ItemScope, Code: "rejected", Status: 403, Detail: `403 text/html "Attention Required!"`},
	"firewall, 406":   {Class: failure.Final, Scope: failure.ItemScope, Code: "rejected", Status: 406, Detail: `406 text/html "Not Acceptable"`},
	"object, 403":     {Class: failure.Final, Scope: failure.ItemScope, Code: "forbidden", Status: 403, Detail: "Not allowed to update note 4"},
	"without a body":  {Class: failure.Final, Scope: failure.ItemScope, Code: "rejected", Status: 422, Detail: "422 Unprocessable Entity"},
	"a string, 400":   {Class: failure.Final, Scope: failure.ItemScope, Code: "rejected", Status: 400, Detail: "title is too long"},
	"another, status": {Class: failure.Final, Scope: failure.ItemScope, Code: "rejected", Status: 409, Detail: "a conflict"},
}

// six has six new items, of which some are refused.
func six(t *testing.T, kind string, refuse func(domain.Snowflake) *failure.Error) *world {
	t.Helper()
	w := newWorld(t)
	for id := domain.Snowflake(1); id <= 6; id++ {
		w.item(id, 1, nil)
	}

	if kind == "update" {
		w.start(domain.Full)
		w.settle()
	}

	for id := domain.Snowflake(1); id <= 6; id++ {
		w.marked(id, 2)
	}

	w.provider.before = func(write string, id domain.Snowflake) error {
		if e := refuse(id); e != nil && write == kind {
			copied := *e
			return &copied
		}
		return nil
	}

	return w
}

// B1, B2, B3: an item that is refused is its own fault. The others arrive in the
// same run, the integration stays healthy, and each row says why.
func TestARefusedItemIsItsOwnFault(t *testing.T) {
	for _, kind := range []string{"create", "update"} {
		for name, e := range refusals {
			t.Run(kind+", "+name, func(t *testing.T) {
				w := six(t, kind, func(id domain.Snowflake) *failure.Error {
					if id <= 2 {
						return e
					}
					return nil
				})

				id := w.start(domain.Incremental)
				w.must(w.slice())
				run := w.run(id)
				mustBe(t, "status", run.Status, domain.Partial)
				mustBe(t, "failed", run.Counts.Failed, 2)
				mustBe(t, "arrived", run.Counts.Created+run.Counts.Updated, 4)
				mustBe(t, "health", w.state().Condition.State, domain.Healthy)
				for item := domain.Snowflake(1); item <= 2; item++ {
					row := w.row(item)
					if row.Reason == nil || !strings.Contains(*row.Reason, fmt.Sprint(e.Status)) || !strings.Contains(*row.Reason, e.Detail) {
						t.Errorf("item %d: %+v", item, row.Reason)
					}
				}
			})
		}
	}
}

// Items that the provider never accepts are tried again one after the other,
// with nothing accepted between. They are still at fault themselves: they are
// given up, and the integration stays healthy.
func TestRefusedItemsAreTriedAgain(t *testing.T) {
	for _, kind := range []string{"create", "update"} {
		tried := map[domain.Snowflake]int{}
		w := six(t, kind, func(id domain.Snowflake) *failure.Error {
			tried[id]++
			if id%2 == 1 {
				return refusals["firewall, 403"]
			}
			return nil
		})

		w.start(domain.Incremental)
		w.pass(4 * time.Hour)

		mustBe(t, kind+": health", w.state().Condition.State, domain.Healthy)
		mustBe(t, kind+": changes of health", len(w.bus.of(outgoing.TypeHealthChanged)), 0)
		marks, givenUp, err := w.sure.Backlog(w.ctx, 77, placed)
		w.must(err)
		mustBe(t, kind+": marks", marks, 0)
		mustBe(t, kind+": given up", givenUp, 3)
		mustBe(t, kind+": tries", fmt.Sprint(tried), fmt.Sprint(map[domain.Snowflake]int{1: 5, 2: 1, 3: 5, 4: 1, 5: 5, 6: 1}))
	}
}

// What the connector has found to be about one object pauses nothing, however
// many objects there are.
func TestObjectsThatAreGoneInARow(t *testing.T) {
	for _, code := range []string{item.RemoteDeleted, "remote_moved", "remote_forbidden", "conflict"} {
		w := six(t, "update", func(id domain.Snowflake) *failure.Error {
			if id <= 4 {
				return &failure.Error{Class: failure.Final, Scope: failure.ItemScope, Code: code, Status: 404}
			}
			return nil
		})

		id := w.start(domain.Incremental)
		w.must(w.slice())
		mustBe(t, code+": updated", w.run(id).Counts.Updated, 2)
		mustBe(t, code+": health", w.state().Condition.State, domain.Healthy)
	}
}

// All are refused: the third one pauses the integration, and nothing is given up.
// After the pause one write tries it, of an item that was not refused yet; when
// all were, one of those. Once one is accepted, the others follow.
func TestWritesThatAreRefusedInARow(t *testing.T) {
	for _, kind := range []string{"create", "update"} {
		t.Run(kind, func(t *testing.T) {
			blocked := true
			var tried []domain.Snowflake
			w := six(t, kind, func(id domain.Snowflake) *failure.Error {
				if !blocked {
					return nil
				}
				tried = append(tried, id)
				return refusals["firewall, 403"]
			})

			id := w.start(domain.Incremental)
			w.must(w.slice())
			run := w.run(id)
			mustBe(t, "status", run.Status, domain.Failed)
			mustBe(t, "code", run.Error.Code, writesRefused)
			if run.Error.Detail == "" || !strings.Contains(run.Error.ProviderMessage, "403") {
				t.Errorf("%+v", run.Error)
			}

			mustBe(t, "tried", fmt.Sprint(tried), "[1 2 3]")
			mustBe(t, "health", w.state().Condition.State, domain.Unhealthy)

			for range 12 { // the pauses double up to a day
				before := len(tried)
				w.pass(time.UnixMilli(w.state().Condition.PausedUntil).Sub(w.clock.now) + 2*time.Minute)
				if n := len(tried) - before; n > 1 {
					t.Fatalf("a pause is followed by %d writes", n)
				}
			}

			mustBe(t, "tried first after each pause", fmt.Sprint(tried[:6]), "[1 2 3 4 5 6]")
			if len(tried) < 8 {
				t.Errorf("those that were refused are not tried again: %v", tried)
			}

			_, givenUp, err := w.sure.Backlog(w.ctx, 77, placed)
			w.must(err)
			mustBe(t, "given_up", givenUp, 0)

			blocked = false
			w.pass(26 * time.Hour)
			w.settle()
			mustBe(t, "health", w.state().Condition.State, domain.Healthy)
			mustBe(t, "objects", len(w.provider.objects), 6)
			marks, err := w.sure.CountPendingChanges(w.ctx, 77)
			w.must(err)
			mustBe(t, "pending", marks, 0)
		})
	}
}

// Refusals count in a row over several runs, and an accepted write between them
// starts the count anew.
func TestRefusalsInARowOverRuns(t *testing.T) {
	w := newWorld(t)
	bad := map[domain.Snowflake]bool{1: true, 2: true, 4: true, 5: true, 6: true}
	w.provider.before = func(write string, id domain.Snowflake) error {
		if write == "create" && bad[id] {
			return refusals["firewall, 403"]
		}
		return nil
	}
	for id := domain.Snowflake(1); id <= 6; id++ {
		w.item(id, 1, nil)
		w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: id, Version: 1}))
		run := w.start(domain.Incremental)
		w.must(w.slice())
		code := ""
		if e := w.run(run).Error; e != nil {
			code = e.Code
		}

		want := ""
		if id == 6 {
			want = writesRefused
		}

		mustBe(t, fmt.Sprint("after item ", id), code, want)
	}
}

// A revoked token is found with one refused call, and all integrations that use
// it together make at most two refused calls in five minutes, a manager's sync
// of each of them included.
func TestManyIntegrationsShareARevokedToken(t *testing.T) {
	w := newWorld(t)
	pairs := []store.IntegrationRef{w.pair} // with the others, as many as an organisation has room for
	for n := range domain.Snowflake(49) {
		id := 100 + n
		w.must(w.sure.CreateIntegration(w.ctx, store.Integration{TargetHash: id.String(), Integration: domain.Integration{
			ID: id, OrganisationID: 5, ItemType: "document", Provider: domain.GitHub, Enabled: true, Configuration: `{}`}}, nil))
		pairs = append(pairs, store.IntegrationRef{ID: id, OrganisationID: 5, ItemType: "document"})
	}

	_, err := w.sure.PutItem(w.ctx, domain.Item{ID: 900, OrganisationID: 5, ItemType: "document", Version: 1, Title: "a", State: domain.Open, UpdatedAt: w.clock.now})
	w.must(err)
	var refusedAt []time.Time
	w.provider.unresolved = &failure.Error{Class: failure.Final, Scope: failure.IntegrationScope, Code: "credentials_rejected", Status: 401, Detail: "Bad credentials"}
	w.provider.refusing = func() { refusedAt = append(refusedAt, w.clock.now) }

	for range 3 { // managers press the button at each of them, again and again
		for _, p := range pairs {
			run := w.syncOf(p)
			mustBe(t, "code", run.Error.Code, "credentials_rejected")
			if run.Error.Detail == "" {
				t.Error("no reason")
			}
		}
	}

	for n := range refusedAt {
		within := 0
		for _, at := range refusedAt[n:] {
			if at.Sub(refusedAt[n]) < 5*time.Minute {
				within++
			}
		}

		if within > 2 {
			t.Fatalf("%d refused calls in five minutes: %v", within, refusedAt)
		}
	}

	if len(refusedAt) < 2 {
		t.Errorf("a manager's sync never tries: %v", refusedAt)
	}

	w.provider.unresolved = nil // the token works again
	for i, p := range pairs {
		w.provider.place = connector.Place{Instance: "fake.example", ID: fmt.Sprint("of ", i)}
		w.clock.now = w.clock.now.Add(5 * time.Minute)
		mustBe(t, "after it works again", w.syncOf(p).Status, domain.Succeeded)
	}
}

// Another organisation with the same credential at the same place waits too, and
// does not see the provider's words, which are about an item.
func TestWordsOfAnotherOrganisationsRefusal(t *testing.T) {
	w := six(t, "create", func(domain.Snowflake) *failure.Error { return refusals["firewall, 403"] })
	w.start(domain.Incremental)
	w.must(w.slice())
	mustBe(t, "own words", w.health().Reason.ProviderMessage != "", true)

	w.must(w.sure.PutOrganisation(w.ctx, domain.Organisation{ID: 6, OwnerID: 1, Version: 1}))
	foreign := store.IntegrationRef{ID: 79, OrganisationID: 6, ItemType: "work_item"}
	w.must(w.sure.CreateIntegration(w.ctx, store.Integration{TargetHash: "there", Integration: domain.Integration{
		ID: 79, OrganisationID: 6, ItemType: "work_item", Provider: domain.GitHub, Enabled: true, Configuration: `{}`}}, nil))
	_, err := w.sure.PutItem(w.ctx, domain.Item{ID: 900, OrganisationID: 6, ItemType: "work_item", Version: 1, Title: "a", State: domain.Open, UpdatedAt: w.clock.now})
	w.must(err)

	mustBe(t, "a manager's sync tries the credential once", w.syncOf(foreign).Status, domain.Partial)
	run := w.syncOf(foreign)
	mustBe(t, "code", run.Error.Code, writesRefused)
	mustBe(t, "words", run.Error.ProviderMessage, "")
}

// B11: one refusal with a reset a day away is tried each hour, and once by a
// manager's sync.
func TestALongRateLimitIsTried(t *testing.T) {
	w := newWorld(t)
	w.item(1, 1, nil)
	w.start(domain.Full)
	w.settle()
	w.marked(1, 2)
	asked := 0
	limited := true
	w.provider.before = func(string, domain.Snowflake) error {
		asked++
		if limited {
			return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: rateLimited, Status: 429, Wait: 23 * time.Hour}
		}
		return nil
	}

	id := w.start(domain.Incremental)
	w.must(w.slice())
	mustBe(t, "asked", asked, 1)
	mustBe(t, "status", w.run(id).Status, domain.Waiting)

	w.pass(5 * time.Hour)
	if asked < 4 || asked > 6 {
		t.Errorf("asked %d times in five hours", asked)
	}

	before := asked
	w.must(w.sure.JoinRun(w.ctx, 77, id, store.RunRequest{ProbeAt: w.clock.now.UnixMilli()}))
	w.must(w.sure.ResumeRun(w.ctx, 77, id, w.clock.now))
	w.must(w.Send(w.ctx, 5, 77, id))
	w.must(w.slice())
	if asked > before+1 {
		t.Errorf("a manager's sync asks %d times", asked-before)
	}

	limited = false
	w.pass(2 * time.Hour)
	mustBe(t, "status", w.run(id).Status, domain.Succeeded)
}

// B6: an answer to a read that cannot be read, or that is not the provider's, is
// an outage and no fault of the configuration.
func TestAnUnreadableAnswerIsAnOutage(t *testing.T) {
	for code := range unreadableAnswers {
		w := newWorld(t)
		w.pulling("all")
		w.marked(1, 1)
		broken := true
		w.provider.before = func(call string, _ domain.Snowflake) error {
			if call == "changes" && broken {
				return &failure.Error{Class: failure.Final, Scope: failure.IntegrationScope, Code: code, Status: 200}
			}
			return nil
		}

		id := w.start(domain.Incremental)
		w.must(w.slice())
		mustBe(t, code+": status", w.run(id).Status, domain.Waiting)
		if c := w.state().Condition; c != nil && c.State == domain.Unhealthy {
			t.Errorf("%s: %+v", code, c)
		}

		broken = false
		w.settle()
		mustBe(t, code+": status", w.run(id).Status, domain.Succeeded)
	}
}

// B13: what a write left out although it was accepted is the reason of its row.
func TestARowSaysWhatAWriteLeftOut(t *testing.T) {
	w := newWorld(t)
	w.provider.leavesOut = "labels_not_settable"
	w.marked(1, 1)
	w.start(domain.Incremental)
	w.settle()
	if row := w.row(1); row.Outcome != domain.Created || row.Reason == nil || *row.Reason != "labels_not_settable" {
		t.Errorf("%+v", row)
	}

	w.marked(1, 2)
	w.start(domain.Incremental)
	w.settle()
	if row := w.row(1); row.Outcome != domain.Updated || row.Reason == nil || *row.Reason != "labels_not_settable" {
		t.Errorf("%+v", row)
	}

	mustBe(t, "labels recorded as sent", len(w.link(1).SentLabels), 0)

	w.provider.leavesOut = ""
	w.item(1, 3, func(i *domain.Item) { i.Labels = []string{"a"} })
	w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: 1, Version: 3}))
	w.start(domain.Incremental)
	w.settle()
	if row := w.row(1); row.Reason != nil {
		t.Errorf("%+v", *row.Reason)
	}

	mustBe(t, "labels recorded as sent", len(w.link(1).SentLabels), 1)
}
