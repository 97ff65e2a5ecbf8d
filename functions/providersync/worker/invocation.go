package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// An invocation is the work of one Lambda invocation on one run. Its parts have
// their own state, and call only parts that stand before them in newInvocation.
type invocation struct {
	*session
	worker *Worker

	site     *site
	gate     *gate
	health   *health
	ledger   *ledger
	targets  *targets
	relinker *relinker
	puller   *puller
	tasks    taskParts
	ender    *ender
	purger   *purger
}

// taskParts are the parts that handle items.
type taskParts struct {
	signals   *signals
	planner   *planner
	dryRunner *dryRunner
	pusher    *pusher
}

// maxIdle is how many invocations in a row may make no progress.
const maxIdle = 20

// work does what fits into the invocation, and ends it.
func (i *invocation) work(ctx context.Context) error {
	i.start()

	stop, err := asStop(i.sync(ctx))
	if stop != nil {
		stop, err = asStop(i.targets.recheckTarget(ctx, stop))
	}

	if stop != nil {
		return i.ender.endWith(ctx, stop)
	}

	return err
}

// sync is what a run does, in order: load, pull, plan, push, and finish. It returns
// nil when the run is finished, and a Stop when it goes on later.
func (i *invocation) sync(ctx context.Context) error {
	if i.run.Mode == domain.Purge {
		return i.purger.purge(ctx)
	}

	if i.run.Idle > maxIdle {
		return stopFailed("no_progress", fmt.Sprintf("%d invocations in a row made no progress; the log says why.", maxIdle))
	}

	if err := i.load(ctx); err != nil {
		return err
	}

	if i.dry() {
		return i.plan(ctx)
	}

	if err := i.relinker.relink(ctx); err != nil {
		return err
	}

	// What people changed is read before it is overwritten.
	if err := i.puller.pullFirst(ctx); err != nil {
		return err
	}

	for {
		handled := i.ledger.handled
		if err := i.planAndPush(ctx); err != nil {
			return err
		}

		i.puller.pulled = i.puller.pulled && i.ledger.handled == handled
		if err := i.puller.pull(ctx); err != nil {
			return err
		}

		err := i.ender.finish(ctx, &Stop{status: i.finalStatus()})
		if !errors.Is(err, store.ErrSignaled) {
			return err
		}

		i.run.PendingCursor = "" // a change has arrived: read the pending changes again
	}
}

// plan is all that a dry run does.
func (i *invocation) plan(ctx context.Context) error {
	if err := i.tasks.dryRunner.dryRun(ctx); err != nil {
		return err
	}

	return i.ender.finish(ctx, &Stop{status: i.finalStatus()})
}

// planAndPush plans, if the run is full, and pushes until there is nothing to do now.
func (i *invocation) planAndPush(ctx context.Context) error {
	if i.run.PendingCursor == "" {
		if err := i.tasks.signals.acknowledgeSignal(ctx); err != nil {
			return err
		}
	}

	if i.run.Mode == domain.Full && i.run.PlanDone && i.meta.FullEpoch > i.run.FullEpoch {
		i.tasks.planner.replan()
	}

	if i.run.Mode == domain.Full && !i.run.PlanDone {
		if err := i.tasks.planner.plan(ctx); err != nil {
			return err
		}
	}

	if err := i.tasks.pusher.push(ctx); err != nil {
		return err
	}

	if i.run.SettleAt != 0 {
		return stopWaiting(time.UnixMilli(i.run.SettleAt), "reconciling")
	}

	return nil
}

// load reads what is configured now and opens the connector for it.
func (i *invocation) load(ctx context.Context) error {
	view, err := i.worker.Store.View(ctx, i.lease.Pair, 0)
	if err != nil {
		return err
	}

	i.checkedAt = i.clock.Now()
	if i.run.CancelRequestedAt != nil {
		return stopCancelled(nil)
	}

	if why := store.Stops(view.Integration); why != nil {
		return stopCancelled(why)
	}

	if view.Organisation == nil || view.Organisation.Deleted {
		return stopCancelled(&organisationDeleted)
	}

	i.meta = *view.Integration
	i.targets.view = view
	i.site.configuration = readConfigured(i.meta.Configuration)

	if err := i.loadMarkerKey(ctx); err != nil {
		return err
	}

	opened, err := i.worker.Open(ctx, view)
	var no *failure.Error
	if errors.As(err, &no) {
		return stopRefused(no)
	}

	i.site.conn = opened.Connector
	_, i.site.finder = opened.Connector.(connector.Finder)
	i.site.chat = chatOf(opened.Connector)
	i.gate.known = credentialUsage{credential: opened.Credential, limits: opened.Limits}
	if err != nil {
		return err
	}

	err = i.enterTarget(ctx)
	if i.dry() {
		i.site.conn = renderer{i.site.conn}
		i.site.chat.conn = nil
		i.site.chat.replier = nil
	}

	return err
}

// enterTarget makes sure that the provider may be asked, and at which place.
func (i *invocation) enterTarget(ctx context.Context) error {
	if !i.dry() || !i.targets.located() {
		if err := i.gate.admit(ctx); err != nil {
			return err
		}
	}

	if err := i.targets.locate(ctx); err != nil {
		return err
	}

	if i.dry() {
		return nil
	}

	i.health.skipsRefused = i.health.writesPaused()
	if i.gate.probes {
		return nil
	}

	return i.gate.admit(ctx) // what is known of this place
}

// loadMarkerKey gets the key for this invocation. A dry run writes and reads no
// markers, so it needs no key. An error fails the invocation: without the key no
// object could be recognised as ours.
func (i *invocation) loadMarkerKey(ctx context.Context) error {
	if i.dry() {
		return nil
	}

	key, err := i.worker.Markers.MarkerKey(ctx)
	i.site.keyOfMarkers = key

	return err
}

// newInvocation makes the parts of an invocation, from those that need nothing else
// to those that need most.
func newInvocation(w *Worker, s *session) *invocation {
	at := &site{session: s}
	health := &health{session: s}
	ledger := &ledger{session: s, site: at}
	gate := &gate{session: s, site: at, store: w.Store, queue: w.Queue}
	pacer := &pacer{session: s, site: at, gate: gate}
	calls := &caller{session: s, site: at, gate: gate, pacer: pacer, health: health}
	targets := &targets{session: s, site: at, pacer: pacer, calls: calls, store: w.Store}

	decider := &decider{session: s, site: at, health: health}
	records := &digestRecords{session: s, store: w.Store, digests: map[domain.Snowflake]*store.Digest{}}
	reader := &reader{session: s, site: at, health: health, decider: decider, records: records, store: w.Store, pending: w.Store}
	puller := &puller{session: s, site: at, pacer: pacer, calls: calls, store: w.Store}
	relinker := &relinker{session: s, site: at, ledger: ledger, decider: decider, puller: puller, store: w.Store}
	planner := &planner{session: s, ledger: ledger, reader: reader, pacer: pacer}
	signals := &signals{session: s, planner: planner, store: w.Store, retries: w.Store}

	failures := &itemFailures{session: s, site: at, pacer: pacer, calls: calls, health: health, ledger: ledger, decider: decider}
	resolver := &resolver{session: s, site: at, pacer: pacer, calls: calls, ledger: ledger, decider: decider, failures: failures}
	digester := &digester{
		session: s, site: at, gate: gate, pacer: pacer, calls: calls, health: health, ledger: ledger,
		reader: reader, records: records, failures: failures,
	}
	writer := &writer{
		session: s, site: at, pacer: pacer, calls: calls, ledger: ledger,
		decider: decider, puller: puller, failures: failures,
	}
	threads := &threads{session: s, site: at, pacer: pacer, calls: calls, ledger: ledger, failures: failures}
	items := &itemPusher{session: s, site: at, ledger: ledger, writer: writer, threads: threads, digester: digester, failures: failures}
	pusher := &pusher{
		session: s, pacer: pacer, gate: gate, calls: calls, health: health, ledger: ledger,
		reader: reader, resolver: resolver, digester: digester, items: items, store: w.Store,
	}
	dryRunner := &dryRunner{session: s, site: at, reader: reader, digester: digester, store: w.Store}

	ender := &ender{
		session: s, site: at, gate: gate, pacer: pacer, health: health, ledger: ledger,
		signals: signals, store: w.Store, outbox: w.Store, publisher: w.Events,
	}
	purger := &purger{session: s, ender: ender, store: w.Store, outbox: w.Store, signals: w.Store}

	return &invocation{
		session: s, worker: w, site: at, gate: gate, health: health, ledger: ledger, targets: targets,
		relinker: relinker, puller: puller, ender: ender, purger: purger,
		tasks: taskParts{signals: signals, planner: planner, dryRunner: dryRunner, pusher: pusher},
	}
}
