package worker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

// A crowd is integrations with one credential, each at a place of its own.
type crowd struct {
	*world
	pairs     []store.IntegrationRef
	providers map[domain.Snowflake]*provider
	version   int64
	dry       bool // the next runs only plan
	// before is called with each call to a provider.
	before func() error
}

func newCrowd(t *testing.T, integrations, organisations domain.Snowflake) *crowd {
	t.Helper()
	c := &crowd{world: newWorld(t), providers: map[domain.Snowflake]*provider{}}

	for n := range integrations {
		org := 100 + n%organisations
		p := store.IntegrationRef{ID: 1000 + n, OrganisationID: org, ItemType: "document"}
		c.pairs = append(c.pairs, p)
		c.must(c.sure.PutOrganisation(c.ctx, domain.Organisation{ID: org, OwnerID: 1, Version: 1}))
		c.must(c.sure.CreateIntegration(c.ctx, store.Integration{TargetHash: p.ID.String(), Integration: domain.Integration{
			ID: p.ID, OrganisationID: org, ItemType: p.ItemType, Provider: domain.GitHub, Enabled: true, Configuration: `{}`}}, nil))

		c.providers[p.ID] = &provider{clock: c.clock, place: connector.Place{Instance: "fake.example", ID: p.ID.String()}}
		c.providers[p.ID].before = func(string, domain.Snowflake) error {
			if c.before == nil {
				return nil
			}
			return c.before()
		}
	}

	c.worker.Settings.Slots = len(c.pairs)
	c.worker.Open = func(_ context.Context, v store.View) (Opened, error) {
		return Opened{Connector: c.providers[v.Integration.ID], Credential: c.credential, Limits: c.limits}, nil
	}

	return c
}

// change changes the item of each organisation and has each integration send it,
// all at the same moment.
func (c *crowd) change(trigger domain.Trigger) {
	c.t.Helper()
	c.mark(c.pairs...)
	c.request(trigger, c.pairs)
}

// request asks for a sync of each, all at the same moment.
func (c *crowd) request(trigger domain.Trigger, pairs []store.IntegrationRef) {
	c.t.Helper()
	c.clock.now = c.clock.now.Add(5 * time.Second)

	for n, p := range pairs {
		id := domain.NewSnowflake(c.clock.now.Add(time.Duration(n) * time.Millisecond))
		run := store.ActiveRun{Run: domain.Run{ID: id, IntegrationID: p.ID, OrganisationID: p.OrganisationID, DryRun: c.dry,
			Mode: domain.Incremental, Trigger: trigger, RequestedAt: c.clock.now, Status: domain.Queued}}
		active, _, err := c.sure.RequestRun(c.ctx, p, run, 0, c.clock.now.Add(time.Minute))
		c.must(err)
		c.must(c.Send(c.ctx, p.OrganisationID, p.ID, active.Run.ID))
	}
}

// deliver has a worker for every message, while there are any.
func (c *crowd) deliver() {
	c.t.Helper()
	for len(c.queue) > 0 {
		c.must(c.slice())
	}
}

// minutes has workers and dispatch go on for some time.
func (c *crowd) minutes(n int) {
	c.t.Helper()
	for range n {
		c.deliver()
		c.clock.now = c.clock.now.Add(time.Minute)
		c.must(c.tick())
	}

	c.deliver()
}

// active says how many runs have not ended.
func (c *crowd) active() int {
	c.t.Helper()
	n := 0
	for _, p := range c.pairs {
		st, err := c.sure.State(c.ctx, p.ID)
		c.must(err)
		if st.Run != nil {
			n++
		}
	}

	return n
}

// sent says how many places hold the item as it is now.
func (c *crowd) sent() int {
	n := 0
	for _, p := range c.providers {
		for _, o := range p.objects {
			if o.content.Title == fmt.Sprint("version ", c.version) {
				n++
			}
		}
	}

	return n
}

// most counts how many of the times are within five minutes.
func most(times []time.Time) int {
	all := 0
	for n, from := range times {
		within := 0
		for _, at := range times[n:] {
			if at.Sub(from) < 5*time.Minute {
				within++
			}
		}

		all = max(all, within)
	}

	return all
}

// A credential is revoked while every worker there is wants to use it: all
// messages are delivered while the first call is under way, and again while the
// next one is. At most two calls are refused in any five minutes, by event or by sync,
// and once it works again everything arrives.
func TestManyWorkersShareARevokedToken(t *testing.T) {
	for _, tt := range []struct {
		integrations, organisations domain.Snowflake
		trigger                     domain.Trigger
	}{
		{50, 1, domain.ByRequest},
		{12, 6, domain.ByEvent},
	} {
		trigger := tt.trigger
		t.Run(fmt.Sprint(tt.integrations, " integrations of ", tt.organisations, ", ", trigger), func(t *testing.T) {
			c := newCrowd(t, tt.integrations, tt.organisations)
			c.change(trigger)
			c.minutes(2)
			mustBe(t, "sent at first", c.sent(), len(c.pairs))

			var refusedAt []time.Time
			c.before = func() error {
				refusedAt = append(refusedAt, c.clock.now)
				c.deliver()
				return rejected()
			}
			for range 5 {
				c.change(trigger)
				c.deliver()
				mustBe(t, "left waiting", c.active(), 0)
				c.minutes(3)
			}

			if n := most(refusedAt); n > 2 {
				t.Errorf("%d calls are refused in five minutes: %v", n, refusedAt)
			}

			if len(refusedAt) < 3 {
				t.Errorf("it is not tried again: %v", refusedAt)
			}

			c.before = nil
			c.minutes(25)
			mustBe(t, "sent in the end", c.sent(), len(c.pairs))
		})
	}
}

// The calls of two workers are under way at most, also while the second and the
// third integration use the credential for the first time. A run that waits for
// its turn says so, and is sent for when a turn comes free.
func TestTwoWorkersUseACredential(t *testing.T) {
	c := newCrowd(t, 8, 4)
	calling := 0
	together := 0
	waiting := ""
	favoured := false
	c.before = func() error {
		calling++
		together = max(together, calling)
		c.deliver()
		calling--

		st, err := c.sure.State(c.ctx, c.pairs[2].ID)
		c.must(err)
		if st.Run != nil && st.Run.WaitingReason != nil {
			waiting = *st.Run.WaitingReason
			of, err := c.sure.Slots(c.ctx, st.OrganisationID)
			c.must(err)
			_, favoured = of.Favoured[st.Run.ID.String()]
		}

		return nil
	}

	for range 2 {
		c.change(domain.ByEvent)
		c.deliver()
		mustBe(t, "sent by messages alone", c.sent(), len(c.pairs))
	}

	mustBe(t, "calls at once", together, 2)
	mustBe(t, "why the third waits", waiting, credentialInUse)
	mustBe(t, "it comes first in its organisation", favoured, true)
}

// An integration that is the only one to use its credential takes no turns:
// what is known of the credential is written once.
func TestOneIntegrationTakesNoTurns(t *testing.T) {
	w := newWorld(t)
	for version := int64(1); version <= 3; version++ {
		w.marked(1, version)
		w.start(domain.Incremental)
		w.settle()
	}

	u, err := w.sure.Usage(w.ctx, w.credential)
	w.must(err)
	mustBe(t, "writes", u.Version, 1)
	mustBe(t, "first user", u.FirstUser, 77)
}

// A worker is killed in its turn: the turn ends with its invocation, and the
// others go on.
func TestATurnOfAKilledWorkerEnds(t *testing.T) {
	c := newCrowd(t, 8, 4)
	c.change(domain.ByEvent)
	c.deliver()

	killed := 0
	c.before = func() error {
		if killed < 2 {
			killed++
			c.wire.reset(1, false)
		}
		return nil
	}

	c.change(domain.ByEvent)
	for len(c.queue) > 0 {
		_ = c.slice() // those that are killed fail
		c.wire.reset(0, false)
	}

	mustBe(t, "killed", killed, 2)

	c.minutes(6)
	mustBe(t, "sent", c.sent(), len(c.pairs))
}

// A run that was to try the provider, after the pause or since a manager wants
// it, and that has nothing to ask, does not hold up one that has.
func TestATryThatAsksNothingIsLeftToAnother(t *testing.T) {
	for trigger, after := range map[domain.Trigger]time.Duration{domain.ByEvent: 5 * time.Minute, domain.ByRequest: time.Minute} {
		c := newCrowd(t, 8, 1)
		c.change(domain.ByEvent)
		c.minutes(2)

		busy := c.pairs[0]
		asked := 0
		c.before = func() error {
			asked++
			return rejected()
		}
		c.must(c.sure.PutPendingChange(c.ctx, busy.ID, store.PendingChange{ItemID: 5100, Version: 1}))
		c.version++
		_, err := c.sure.PutItem(c.ctx, domain.Item{ID: 5100, OrganisationID: busy.OrganisationID, ItemType: busy.ItemType, Version: c.version, State: domain.Open})
		c.must(err)
		c.request(domain.ByEvent, c.pairs[:1])
		c.deliver()
		mustBe(t, "asked", asked, 1)

		c.clock.now = c.clock.now.Add(after)
		c.request(trigger, c.pairs[1:])
		c.deliver()
		mustBe(t, "asked by those that have nothing to send", asked, 1)

		c.request(trigger, c.pairs[:1])
		c.deliver()
		mustBe(t, fmt.Sprint(trigger, ": asked by one that has"), asked, 2)
	}
}

// A dry run of an integration whose place is not known yet asks the provider for
// it. Dry runs keep to what is known of the credential too.
func TestDryRunsShareARevokedToken(t *testing.T) {
	c := newCrowd(t, 8, 4)
	c.dry = true
	refused := 0
	for _, p := range c.providers {
		p.unresolved = rejected()
		p.refusing = func() { refused++ }
	}

	c.change(domain.ByEvent)
	c.deliver()
	mustBe(t, "refused calls", refused, 1)
}

// Two workers use a credential that was refused. After the pause a third one
// waits and tries nothing; during the pause a manager's sync ends at once.
func TestNobodyTriesBesideTwoOthers(t *testing.T) {
	for pause, want := range map[time.Duration]domain.Status{0: domain.Waiting, time.Hour: domain.Failed} {
		w := newWorld(t)
		w.marked(1, 1)
		u, err := w.sure.Usage(w.ctx, w.credential)
		w.must(err)
		u.FirstUser = 1
		u.Shared = true
		u.Refusal = &store.Refusal{Reason: domain.RunError{Code: "credentials_rejected"}, Until: w.clock.now.Add(pause).UnixMilli(), Count: 1}
		for run := domain.Snowflake(1); run <= 2; run++ {
			u.Turns, _ = u.Turns.Take(limits.Waiter{RunID: run}, "another", credentialSlots, w.clock.now, w.clock.now.Add(time.Hour))
		}

		_, err = w.sure.PutUsage(w.ctx, w.credential, u, w.clock.now)
		w.must(err)

		run := w.start(domain.Incremental)
		w.must(w.slice())
		mustBe(t, fmt.Sprint("pause of ", pause, ": status"), w.run(run).Status, want)
		mustBe(t, "calls", w.provider.calls(), 0)

		w.pass(2 * time.Hour)
		mustBe(t, "objects in the end", len(w.provider.objects), 1)
	}
}

// mark has integrations send another version of their item.
func (c *crowd) mark(pairs ...store.IntegrationRef) {
	c.t.Helper()
	c.version++

	for _, p := range pairs {
		id := 5000 + p.OrganisationID
		_, err := c.sure.PutItem(c.ctx, domain.Item{ID: id, OrganisationID: p.OrganisationID, ItemType: p.ItemType, Version: c.version,
			Title: fmt.Sprint("version ", c.version), State: domain.Open, UpdatedAt: c.clock.now})
		c.must(err)
		c.must(c.sure.PutPendingChange(c.ctx, p.ID, store.PendingChange{ItemID: id, Version: c.version}))
	}
}

// requestDryRuns asks for a dry run of each.
func (c *crowd) requestDryRuns(pairs ...store.IntegrationRef) {
	c.t.Helper()
	c.dry = true
	c.request(domain.ByRequest, pairs)
	c.dry = false
}

// named has all places go by name, which each invocation resolves, and each resolution
// call something.
func (c *crowd) named(call func() error) {
	for _, p := range c.providers {
		p.place.ByName = true
		p.beforePlace = func(string, domain.Snowflake) error { return call() }
	}
}

// A dry run that resolves its place is a worker beside the one of its
// integration, also while nobody else uses the credential yet.
func TestADryRunTakesATurn(t *testing.T) {
	for _, used := range []bool{false, true} {
		c := newCrowd(t, 3, 3)
		calling := 0
		together := 0
		c.named(func() error {
			calling++
			together = max(together, calling)
			c.deliver()
			calling--
			return nil
		})
		if used {
			c.mark(c.pairs[0])
			c.request(domain.ByEvent, c.pairs[:1])
			c.deliver()
		}

		c.mark(c.pairs...)
		c.request(domain.ByEvent, c.pairs[:1])
		c.requestDryRuns(c.pairs[0])
		c.request(domain.ByEvent, c.pairs[1:])
		c.deliver()
		mustBe(t, "calls at once", together, 2)

		c.minutes(4)
		mustBe(t, "sent", c.sent(), 3)
	}
}

// The turn that the second integration keeps for the first one is for its worker
// that may be at work without one: a dry run does not take it.
func TestADryRunLeavesTheTurnOfItsIntegration(t *testing.T) {
	c := newCrowd(t, 2, 2)
	calls := 0
	calling := 0
	together := 0
	c.named(func() error {
		calls++
		calling++
		together = max(together, calling)
		switch calls {
		case 1: // the first one's
			c.request(domain.ByEvent, c.pairs[1:])
		case 2: // the second one's
			c.requestDryRuns(c.pairs[0])
		}

		c.deliver()
		calling--

		return nil
	})

	c.mark(c.pairs...)
	c.request(domain.ByEvent, c.pairs[:1])
	c.deliver()
	mustBe(t, "calls at once", together, 2)
}

// The first user comes back while others wait: the turn that was kept for it goes
// to the one that has waited longest, by a message.
func TestATurnKeptForTheFirstUserIsPassedOn(t *testing.T) {
	c := newCrowd(t, 3, 3)
	c.mark(c.pairs[0])
	c.request(domain.ByEvent, c.pairs[:1])
	c.deliver()

	calling := 0
	together := 0
	c.before = func() error {
		calling++
		together = max(together, calling)
		if calling == 1 {
			c.request(domain.ByEvent, c.pairs[2:])
			c.deliver()
			c.request(domain.ByEvent, c.pairs[:1])
			c.deliver()
			mustBe(t, "at work beside the second user", together, 2)
		}

		calling--

		return nil
	}

	c.mark(c.pairs...)
	c.request(domain.ByEvent, c.pairs[1:2])
	c.deliver()
	mustBe(t, "sent by messages alone", c.sent(), 3)
}

// A manager's sync was let through, and its call leaves 40 seconds later, as it
// has planned first. The five minutes to the next one count from the refusal.
func TestATryThatIsLateKeepsItsDistance(t *testing.T) {
	c := newCrowd(t, 4, 4)
	c.change(domain.ByEvent)
	c.minutes(2)

	var refusedAt []time.Time
	c.before = func() error {
		refusedAt = append(refusedAt, c.clock.now)
		return rejected()
	}
	took := time.Duration(0)
	c.worker.Open = func(_ context.Context, v store.View) (Opened, error) {
		p := slow{c.providers[v.Integration.ID], func() { c.clock.now = c.clock.now.Add(took) }}
		return Opened{Connector: p, Credential: c.credential}, nil
	}
	began := c.clock.now
	sync := func(after time.Duration, trigger domain.Trigger, n int) {
		c.clock.now = began.Add(after)
		c.mark(c.pairs[n])
		c.request(trigger, c.pairs[n:n+1])
		c.deliver()
	}

	sync(0, domain.ByEvent, 0)
	took = 40 * time.Second
	sync(4*time.Minute, domain.ByRequest, 1)
	took = 0
	sync(5*time.Minute+10*time.Second, domain.ByEvent, 2)
	sync(9*time.Minute+5*time.Second, domain.ByRequest, 3)
	if n := most(refusedAt); n > 2 {
		t.Errorf("%d calls are refused in five minutes: %v", n, refusedAt)
	}

	sync(10*time.Minute, domain.ByRequest, 3)
	mustBe(t, "refused in the end", len(refusedAt), 4)
}

// slow is a provider whose connector takes its time before a call.
type slow struct {
	*provider
	render func()
}

func (s slow) Render(i domain.Item) connector.Content {
	s.render()
	return s.provider.Render(i)
}

// The try after a pause is answered, and at the same moment another worker writes
// down what it does with the credential. The others need not wait for another try.
func TestASuccessIsKnownThoughOthersWrite(t *testing.T) {
	c := newCrowd(t, 4, 4)
	c.change(domain.ByEvent)
	c.minutes(2)

	c.before = rejected
	c.mark(c.pairs[0])
	c.request(domain.ByEvent, c.pairs[:1])
	c.deliver()

	c.clock.now = c.clock.now.Add(5 * time.Minute)
	c.mark(c.pairs[:2]...)
	c.before = func() error {
		c.before = nil
		c.request(domain.ByRequest, c.pairs[3:]) // it has nothing to send
		c.deliver()
		return nil
	}

	c.request(domain.ByEvent, c.pairs[:1])
	c.deliver()
	c.request(domain.ByEvent, c.pairs[1:2])
	c.deliver()
	mustBe(t, "sent", c.sent(), 2)
}

// An integration that is alone with its credential was to try it, and had nothing
// to ask: a person had taken the change back. Its next run tries it.
func TestATryOfOneIntegrationThatAsksNothing(t *testing.T) {
	for trigger, after := range map[domain.Trigger]time.Duration{domain.ByEvent: 5 * time.Minute, domain.ByRequest: time.Minute} {
		c := newCrowd(t, 1, 1)
		c.change(domain.ByEvent)
		c.minutes(2)

		c.before = rejected
		c.change(domain.ByEvent)
		c.deliver()
		c.before = nil

		c.clock.now = c.clock.now.Add(after)
		c.version++
		_, err := c.sure.PutItem(c.ctx, domain.Item{ID: 5100, OrganisationID: 100, ItemType: "document", Version: c.version,
			Title: "version 1", State: domain.Open, UpdatedAt: c.clock.now})
		c.must(err)
		c.must(c.sure.PutPendingChange(c.ctx, c.pairs[0].ID, store.PendingChange{ItemID: 5100, Version: c.version}))
		c.request(trigger, c.pairs)
		c.deliver()

		c.change(trigger)
		c.deliver()
		mustBe(t, fmt.Sprint(trigger, ": sent"), c.sent(), 1)
	}
}

// A dry run that waits for its turn between two invocations goes on where it was, and
// counts each item once.
func TestADryRunThatWaitsCountsOnce(t *testing.T) {
	w := newWorld(t)
	w.provider.place = there
	w.provider.place.ByName = true
	const items = 3 * pushPageSize
	for id := domain.Snowflake(1); id <= items; id++ {
		w.marked(id, 1)
	}

	w.worker.Open = func(context.Context, store.View) (Opened, error) {
		return Opened{Connector: slow{w.provider, func() { w.clock.now = w.clock.now.Add(time.Second) }}, Credential: w.credential}, nil
	}
	run := store.ActiveRun{Run: domain.Run{ID: domain.NewSnowflake(w.clock.now), IntegrationID: 77, OrganisationID: 5, DryRun: true,
		Mode: domain.Incremental, Trigger: domain.ByRequest, RequestedAt: w.clock.now, Status: domain.Queued}}
	_, _, err := w.sure.RequestRun(w.ctx, w.pair, run, 0, w.clock.now.Add(time.Minute))
	w.must(err)
	w.must(w.Send(w.ctx, 5, 77, run.ID))
	w.must(w.slice())

	u, err := w.sure.Usage(w.ctx, w.credential)
	w.must(err)
	u.FirstUser = 1
	u.Shared = true
	for other := domain.Snowflake(1); other <= 2; other++ {
		u.Turns, _ = u.Turns.Take(limits.Waiter{RunID: other}, "another", credentialSlots, w.clock.now, w.clock.now.Add(90*time.Second))
	}

	_, err = w.sure.PutUsage(w.ctx, w.credential, u, w.clock.now)
	w.must(err)
	w.must(w.slice())
	st, err := w.sure.StateIn(w.ctx, 77, store.DryRun)
	w.must(err)
	if st.Run == nil || st.Run.WaitingReason == nil || *st.Run.WaitingReason != credentialInUse {
		t.Errorf("it does not wait: %+v", st.Run)
	}

	for range 6 {
		w.clock.now = w.clock.now.Add(time.Minute)
		w.must(w.tick())
		for len(w.queue) > 0 {
			w.must(w.slice())
		}
	}

	mustBe(t, "status", w.run(run.ID).Status, domain.Succeeded)
	mustBe(t, "counts", w.run(run.ID).Counts, domain.Counts{Created: items})
}

// Where a provider answers a call as if the place were not there, the worker asks
// for the place. If the credential is refused then, the others need not find out.
func TestARefusalToLookForThePlaceIsShared(t *testing.T) {
	c := newCrowd(t, 8, 4)
	c.change(domain.ByEvent)
	c.minutes(2)

	refused := 0
	for _, p := range c.providers {
		p.unresolved = rejected()
		p.refusing = func() { refused++ }
	}

	c.before = func() error {
		return &failure.Error{Class: failure.Final, Scope: failure.IntegrationScope, Code: targetNotFound, Status: 404}
	}
	c.change(domain.ByEvent)
	c.deliver()
	mustBe(t, "refused calls", refused, 1)
}

// Whatever a worker was about when the token was revoked, it makes one refused
// call: here it sends updates that are not answered, and looks what became of
// them.
func TestAWorkerIsRefusedOnce(t *testing.T) {
	for revoked := 1; revoked <= 16; revoked++ {
		w := newWorld(t)
		w.pulling("all")
		for id := domain.Snowflake(1); id <= 3; id++ {
			w.marked(id, 1)
		}

		w.start(domain.Incremental)
		w.settle()

		calls := 0
		refused := 0
		w.provider.before = func(string, domain.Snowflake) error {
			if calls++; calls < revoked {
				return nil
			}
			refused++
			return rejected()
		}

		w.provider.after = func(string, domain.Snowflake) error { return ambiguous() }
		for id := domain.Snowflake(1); id <= 3; id++ {
			w.marked(id, 2)
		}

		w.start(domain.Incremental)
		w.must(w.slice())
		if refused > 1 {
			t.Errorf("revoked at call %d: %d are refused", revoked, refused)
		}
	}
}

// An integration whose companions are gone, or have not come for a day, takes no
// turns any more. When another one comes, they share again.
func TestAnIntegrationThatIsAloneAgainTakesNoTurns(t *testing.T) {
	c := newCrowd(t, 3, 3)
	c.change(domain.ByEvent)
	c.deliver()

	last := c.pairs[2:]
	version := func() int64 {
		u, err := c.sure.Usage(c.ctx, c.credential)
		c.must(err)
		return u.Version
	}

	sync := func() int64 {
		before := version()
		c.mark(last...)
		c.request(domain.ByEvent, last)
		c.deliver()
		mustBe(t, "sent", c.sent(), 1)
		return version() - before
	}

	mustBe(t, "writes of one that was not alone lately", sync(), 2)
	c.clock.now = c.clock.now.Add(aloneAfter + time.Minute)
	sync()
	mustBe(t, "writes of one that is alone", sync(), 0)

	calling := 0
	together := 0
	c.before = func() error {
		calling++
		together = max(together, calling)
		c.deliver()
		calling--
		return nil
	}

	c.change(domain.ByEvent)
	c.deliver()
	mustBe(t, "calls at once", together, 2)
	mustBe(t, "sent by all", c.sent(), 3)
}
