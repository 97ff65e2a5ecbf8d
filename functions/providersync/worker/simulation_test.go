package worker

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/store"
)

var (
	seeds = flag.Int("seeds", 24, "how many histories the simulation plays")
	seed  = flag.Uint64("seed", 0, "play only this history")
)

// TestSimulation plays seeded histories: items change while the worker
// crashes, its answers are lost, the provider refuses, lags and fails,
// messages are doubled and lost, and a manager cancels, disables, retries and
// asks for dry runs. When the faults end, everything must come to rest with each item
// at the provider once, in its last form, and every run accounted for.
func TestSimulation(t *testing.T) {
	if *seed != 0 {
		simulate(t, *seed)
		return
	}

	for n := range *seeds {
		t.Run(fmt.Sprint("seed ", n+1), func(t *testing.T) { simulate(t, uint64(n+1)) })
	}
}

type history struct {
	*world
	rng           *rand.Rand
	items         map[domain.Snowflake]domain.Item
	configuration string
	disabled      bool
	kinds         int // how many items there may be
}

func simulate(t *testing.T, seed uint64) {
	h := &history{world: newWorld(t), rng: rand.New(rand.NewPCG(seed, 1)), items: map[domain.Snowflake]domain.Item{}, configuration: `{}`, kinds: 20}
	if seed%4 == 0 {
		h.kinds = 3 * pushPageSize / 2 // more than one page, and items with marks on two
	}

	if h.rng.IntN(2) == 0 {
		h.configuration = `{"pull":"linked"}`
		h.able(true)
	}

	h.provider.lag = time.Duration(h.rng.IntN(90)) * time.Second
	h.provider.before = h.before
	h.provider.after = h.after
	for range 12 + h.rng.IntN(24) {
		h.act()
	}

	h.provider.before = nil
	h.provider.after = nil
	h.able(true)
	h.clock.now = h.clock.now.Add(2 * time.Hour) // leases end, retries are due
	h.must(h.tick())
	h.settle()
	h.start(domain.Full)
	h.settle()
	h.exact(h.all()...)
	h.predicted()
	h.told()
	if t.Failed() {
		t.Logf("play it again with -run TestSimulation -seed %d", seed)
	}
}

func (h *history) all() (all []domain.Item) {
	for _, i := range h.items {
		all = append(all, i)
	}
	return all
}

// predicted has a dry run say what a real one then does to changes of which
// nobody has sent word, and checks that the counts add up.
func (h *history) predicted() {
	for range h.rng.IntN(8) {
		h.write()
	}

	predicted, rows := h.dryRun(domain.Full)
	steps := h.scribe()
	id := h.start(domain.Full)
	h.settle()
	h.exact(h.all()...)
	sameSteps(h.t.(*testing.T), rows, steps)
	counts := h.run(id).Counts
	mustBe(h.t, "counts", counts, predicted.Counts)
	mustBe(h.t, "items counted", counts.Created+counts.Updated+counts.Unchanged+counts.Skipped+counts.Failed, len(h.items))
}

// told checks that every run has ended, each end was told, and nothing was
// published of the objects: no person has touched them.
func (h *history) told() {
	h.clock.now = h.clock.now.Add(time.Hour)
	for range 5 {
		h.must(h.tick())
		h.settle()
	}

	mustBe(h.t, "changes published that no person made", fmt.Sprint(h.changes()), "[]")
	ended := map[domain.Snowflake]bool{}
	for _, n := range h.bus.of(outgoing.TypeSyncFinished) {
		ended[n.ID] = true
	}

	runs, _, err := h.sure.Runs(h.ctx, 77, domain.Page{Limit: 1000}, h.clock.now)
	h.must(err)
	for _, r := range runs {
		h.counted(r.ID)
		if r.Status.Active() || r.DryRun == ended[r.ID] {
			h.t.Errorf("announced its end: %v, %+v", ended[r.ID], r)
		}
	}
}

// act is one thing that happens.
func (h *history) act() {
	switch h.rng.IntN(13) {
	case 0, 1, 2:
		h.change()
	case 3, 4, 5:
		h.deliver()
	case 6, 7:
		h.clock.now = h.clock.now.Add(time.Duration(h.rng.IntN(300)) * time.Second)
		h.must(h.tick())
	case 8:
		if len(h.queue) > 0 && h.rng.IntN(2) == 0 {
			h.queue = append(h.queue, h.queue[0]) // a message comes twice
		} else if len(h.queue) > 0 {
			h.queue = h.queue[1:] // or never
		}

	case 9:
		h.request()
	case 10:
		h.steer()
	case 11:
		h.requestDryRun()
	case 12:
		h.able(h.disabled)
	}
}

// able enables the integration, or disables it.
func (h *history) able(enabled bool) {
	h.disabled = !enabled
	h.reconfigure(store.Change{Enabled: enabled, Configuration: h.configuration, TargetHash: "there"})
}

// steer cancels the active run, or has it try again what failed.
func (h *history) steer() {
	state, err := h.sure.State(h.ctx, 77)
	h.must(err)
	if state == nil || state.Run == nil {
		return
	}

	if h.rng.IntN(2) == 0 {
		h.must(h.sure.RetryAll(h.ctx, 77, state.Run.ID))
		return
	}

	_, err = h.sure.CancelRun(h.ctx, h.pair, state.Run.ID, h.clock.now)
	h.must(err)
}

// requestDryRun asks for a dry run.
func (h *history) requestDryRun() {
	if h.disabled {
		return // the API refuses
	}

	run := store.ActiveRun{Run: domain.Run{ID: domain.NewSnowflake(h.clock.now), IntegrationID: 77, OrganisationID: 5,
		Mode: domain.Full, Trigger: domain.ByRequest, RequestedAt: h.clock.now, Status: domain.Queued}}
	_, started, err := h.sure.RequestDryRun(h.ctx, h.pair, run, 0, h.clock.now.Add(time.Minute))
	h.must(err)
	if started {
		h.must(h.Send(h.ctx, 5, 77, run.ID))
	}
}

// change creates or changes a few items, as ingest does it: who is disabled
// gets no word.
func (h *history) change() {
	for range 1 + h.rng.IntN(8*h.kinds/20) {
		i := h.write()
		if h.disabled {
			continue
		}

		h.must(h.sure.PutPendingChange(h.ctx, 77, store.PendingChange{ItemID: i.ID, Version: i.Version}))
		h.wakeUp()
	}
}

// write stores a new or changed item, which may be again what it was before.
func (h *history) write() domain.Item {
	id := domain.Snowflake(1 + h.rng.IntN(h.kinds))
	closed := h.rng.IntN(3) == 0
	text := fmt.Sprint("text ", h.rng.IntN(3))
	h.items[id] = h.item(id, h.items[id].Version+1, func(i *domain.Item) {
		i.Description = text
		if closed {
			i.State = domain.Closed
		}
	})

	return h.items[id]
}

func (h *history) wakeUp() {
	state, err := h.sure.State(h.ctx, 77)
	h.must(err)
	if state != nil && state.Run != nil {
		if !state.Signaled {
			h.must(h.sure.Signal(h.ctx, 77))
		}
		return
	}

	run := store.ActiveRun{Run: domain.Run{ID: domain.NewSnowflake(h.clock.now), IntegrationID: 77, OrganisationID: 5,
		Mode: domain.Incremental, Trigger: domain.ByEvent, RequestedAt: h.clock.now, Status: domain.Queued}}
	_, err = h.sure.SignalWithRun(h.ctx, h.pair, run, h.clock.now.Add(time.Minute))
	h.must(err)
	h.must(h.Send(h.ctx, 5, 77, run.ID))
}

// request asks for a full run, or makes the active one full.
func (h *history) request() {
	if h.disabled {
		return // the API refuses
	}

	state, err := h.sure.State(h.ctx, 77)
	h.must(err)
	if state == nil || state.Run == nil {
		h.start(domain.Full)
		return
	}

	h.must(h.sure.JoinRun(h.ctx, 77, state.Run.ID, store.RunRequest{Full: true}))
}

// deliver gives the worker a message; often it crashes on the way.
func (h *history) deliver() {
	if len(h.queue) == 0 {
		return
	}

	if h.rng.IntN(2) == 0 {
		h.wire.reset(1+h.rng.IntN(25), h.rng.IntN(2) == 0)
	}

	active := h.activeRun()
	_ = h.slice() // a crash is what is played
	h.wire.reset(0, false)
	h.counted(active)
	h.addedUp(active)
}

// activeRun is the active run's id, 0 for none.
func (h *history) activeRun() domain.Snowflake {
	state, err := h.sure.State(h.ctx, 77)
	h.must(err)
	if state == nil || state.Run == nil {
		return 0
	}
	return state.Run.ID
}

// counted checks that no count of a run is negative (D1).
func (h *history) counted(id domain.Snowflake) {
	if id == 0 {
		return
	}

	run := h.run(id)
	for out, n := range outcomesOf(run.Counts) {
		if n < 0 {
			h.t.Errorf("run %s: %s is %d: %+v", id, out, n, run.Counts)
		}
	}
}

// addedUp checks that the counts of a full run that has just come to its end
// add up to all items (D1).
func (h *history) addedUp(id domain.Snowflake) {
	if id == 0 || h.activeRun() == id {
		return
	}

	run := h.run(id)
	atItsEnd := run.Status == domain.Succeeded || run.Status == domain.Partial
	if atItsEnd && run.Mode == domain.Full && !run.DryRun {
		addUp(h.t, run, len(h.items))
	}
}

func (h *history) before(write string, _ domain.Snowflake) error {
	switch h.rng.IntN(40) {
	case 0:
		return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: time.Duration(h.rng.IntN(60)) * time.Second}
	case 1:
		return &failure.Error{Class: failure.NotSent, Scope: failure.IntegrationScope, Code: "unreachable"}
	case 2:
		return ambiguous()
	case 3:
		return &failure.Error{Class: failure.Final, Scope: failure.ItemScope, Code: "rejected"}
	case 4:
		if h.rng.IntN(10) == 0 {
			return &failure.Error{Class: failure.Final, Scope: failure.IntegrationScope, Code: "credentials_rejected"}
		}
	case 5:
		h.clock.now = h.clock.now.Add(20 * time.Second) // a slow answer
	}

	return nil
}

func (h *history) after(string, domain.Snowflake) error {
	if h.rng.IntN(25) == 0 {
		return ambiguous()
	}
	return nil
}
