package worker

import (
	"context"
	"testing"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A hasty queue delivers a message while it is still being sent.
type hasty struct{ *world }

func (h hasty) Send(ctx context.Context, org, integration, run domain.Snowflake) error {
	h.must(h.world.Send(ctx, org, integration, run))
	return h.slice()
}

// The next slice's message is taken up the moment it is sent: nothing of the
// last slice is in its way, and no dispatch is needed.
func TestSlicesFollowEachOther(t *testing.T) {
	w := newWorld(t)
	w.engine.Queue = hasty{w}
	w.engine.Settings.Slice = time.Second
	w.provider.before = func(string, domain.Snowflake) error {
		w.clock.now = w.clock.now.Add(300 * time.Millisecond)
		return nil
	}
	var items []domain.Item
	for id := domain.Snowflake(1); id <= 20; id++ {
		items = append(items, w.marked(id, 1))
	}

	run := w.start(domain.Incremental)
	w.must(w.slice())
	mustBe(t, "status", w.run(run).Status, domain.Succeeded)
	w.exact(items...)

	w.marked(1, 2)
	run = w.start(domain.Incremental)
	w.provider.before = func(string, domain.Snowflake) error {
		if run != 0 {
			v, err := w.sure.View(w.ctx, w.pair, 0)
			w.must(err)
			_, err = w.sure.DeleteIntegration(w.ctx, v, 4711, w.clock.now)
			w.must(err)
			run = 0
		}

		w.clock.now = w.clock.now.Add(2 * time.Second)

		return nil
	}

	w.must(w.slice())
	if left := w.raw("INT#" + w.pair.ID.Sortable()); len(left) != 0 {
		t.Errorf("the purge waits for something: %v", left)
	}
}

// Of many runs of one organisation only so many are worked on; the others get
// their turn one after the other, by messages alone.
func TestRunsTakeTurns(t *testing.T) {
	w := newWorld(t)
	w.engine.Settings.Room = 1
	w.engine.Settings.Slice = time.Second
	w.marked(1, 1)
	run := w.start(domain.Incremental)
	other := store.IntegrationRef{ID: 78, OrganisationID: 5, ItemType: "document"}
	w.must(w.sure.CreateIntegration(w.ctx, store.Integration{TargetHash: "of 78", Integration: domain.Integration{
		ID: 78, OrganisationID: 5, ItemType: "document", Provider: domain.GitHub, Enabled: true, Configuration: `{}`}}, nil))
	second := store.ActiveRun{Run: domain.Run{ID: 4712, IntegrationID: 78, OrganisationID: 5, Mode: domain.Incremental, Trigger: domain.ByRequest, RequestedAt: w.clock.now, Status: domain.Queued}}
	_, _, err := w.sure.RequestRun(w.ctx, other, second, 0, w.clock.now.Add(time.Minute))
	w.must(err)
	met := false
	w.provider.before = func(string, domain.Snowflake) error {
		if met {
			return nil
		}

		met = true
		w.must(w.Send(w.ctx, 5, 78, 4712)) // its message comes while the first is worked on
		w.must(w.slice())
		st, err := w.sure.State(w.ctx, 78)
		w.must(err)
		mustBe(t, "the second run meanwhile", st.Run.Status, domain.Queued)

		return nil
	}

	w.must(w.slice())
	mustBe(t, "the first run", w.run(run).Status, domain.Succeeded)
	mustBe(t, "messages for the second", len(w.queue), 1)
	w.must(w.slice())
	ended, err := w.sure.Run(w.ctx, 78, 4712, w.clock.now)
	w.must(err)
	mustBe(t, "the second run", ended.Status, domain.Succeeded)
}
