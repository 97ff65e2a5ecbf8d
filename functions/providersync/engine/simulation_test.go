package engine

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"integrations/shared/connector"
	"integrations/shared/domain"
	"integrations/shared/store"
)

var (
	seeds = flag.Int("seeds", 24, "how many histories the simulation plays")
	seed  = flag.Uint64("seed", 0, "play only this history")
)

// TestSimulation plays seeded histories: items change while the worker
// crashes, its answers are lost, the provider refuses, lags and fails, and
// messages are doubled and lost. When the faults end, everything must come to
// rest with each item at the provider once, in its last form.
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
	rng   *rand.Rand
	items map[domain.Snowflake]domain.Item
}

func simulate(t *testing.T, seed uint64) {
	h := &history{world: newWorld(t), rng: rand.New(rand.NewPCG(seed, 1)), items: map[domain.Snowflake]domain.Item{}}
	h.provider.lag = time.Duration(h.rng.IntN(90)) * time.Second
	h.provider.before, h.provider.after = h.before, h.after
	for range 12 + h.rng.IntN(20) {
		h.act()
	}
	h.provider.before, h.provider.after = nil, nil
	h.wire.reset(0, false)
	h.clock.now = h.clock.now.Add(2 * time.Hour) // leases end, retries are due
	h.must(h.dispatch.Handle(h.ctx))
	h.settle()
	h.start(domain.Full)
	h.settle()
	var all []domain.Item
	for _, i := range h.items {
		all = append(all, i)
	}
	h.exact(all...)
	if t.Failed() {
		t.Logf("play it again with -run TestSimulation -seed %d", seed)
	}
}

// act is one thing that happens.
func (h *history) act() {
	switch h.rng.IntN(7) {
	case 0, 1:
		h.change()
	case 2, 3:
		h.deliver()
	case 4:
		h.clock.now = h.clock.now.Add(time.Duration(h.rng.IntN(300)) * time.Second)
		h.must(h.dispatch.Handle(h.ctx))
	case 5:
		if len(h.queue) > 0 && h.rng.IntN(2) == 0 {
			h.queue = append(h.queue, h.queue[0]) // a message comes twice
		} else if len(h.queue) > 0 {
			h.queue = h.queue[1:] // or never
		}
	case 6:
		h.request()
	}
}

// change creates or changes a few items, as ingest does it.
func (h *history) change() {
	for range 1 + h.rng.IntN(8) {
		id := domain.Snowflake(1 + h.rng.IntN(20))
		version := h.items[id].Version + 1
		closed := h.rng.IntN(3) == 0
		h.items[id] = h.item(id, version, func(i *domain.Item) {
			if closed {
				i.State = domain.Closed
			}
		})
		h.must(h.sure.PutMark(h.ctx, 77, store.Mark{ItemID: id, Version: version}))
		h.wakeUp()
	}
}

func (h *history) wakeUp() {
	state, err := h.sure.State(h.ctx, 77)
	h.must(err)
	if state != nil && state.Run != nil {
		if !state.Wake {
			h.must(h.sure.Wake(h.ctx, 77))
		}
		return
	}
	run := store.ActiveRun{Run: domain.Run{ID: domain.NewSnowflake(h.clock.now), IntegrationID: 77, OrganisationID: 5,
		Mode: domain.Incremental, Trigger: domain.ByEvent, RequestedAt: h.clock.now, Status: domain.Queued}}
	_, err = h.sure.WakeWithRun(h.ctx, h.pair, run, h.clock.now.Add(time.Minute))
	h.must(err)
	h.must(h.Send(h.ctx, 5, 77, run.ID))
}

// request asks for a full run, or makes the active one full.
func (h *history) request() {
	state, err := h.sure.State(h.ctx, 77)
	h.must(err)
	if state == nil || state.Run == nil {
		h.start(domain.Full)
		return
	}
	h.must(h.sure.MakeFull(h.ctx, 77, state.Run.ID))
}

// deliver gives the worker a message; often it crashes on the way.
func (h *history) deliver() {
	if len(h.queue) == 0 {
		return
	}
	if h.rng.IntN(2) == 0 {
		h.wire.reset(1+h.rng.IntN(25), h.rng.IntN(2) == 0)
	}
	_ = h.slice() // a crash is what is played
	h.wire.reset(0, false)
}

func (h *history) before(write string, _ domain.Snowflake) error {
	switch h.rng.IntN(40) {
	case 0:
		return &connector.Error{Class: connector.Retryable, Scope: connector.IntegrationScope, Code: "rate_limited", Wait: time.Duration(h.rng.IntN(60)) * time.Second}
	case 1:
		return &connector.Error{Class: connector.NotSent, Scope: connector.IntegrationScope, Code: "unreachable"}
	case 2:
		return ambiguous()
	case 3:
		return &connector.Error{Class: connector.Final, Scope: connector.ItemScope, Code: "rejected"}
	case 4:
		if h.rng.IntN(10) == 0 {
			return &connector.Error{Class: connector.Final, Scope: connector.IntegrationScope, Code: "credentials_rejected"}
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
