package lambda

import (
	"context"
	"sync"
	"time"
)

// pool holds the instances of one function.
type pool struct {
	function Function
	config   Config
	log      *log

	mu     sync.Mutex
	all    map[*instance]bool
	idle   []*instance // the last to have worked comes last and goes first
	closed bool
}

// outcome is how an invocation ended.
type outcome struct {
	answer []byte
	err    error
}

// acquire takes an idle instance or makes room for a new one, which run is to
// start.
func (p *pool) acquire() (*instance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrStopped
	}

	for len(p.idle) > 0 {
		last := len(p.idle) - 1
		i := p.idle[last]
		p.idle = p.idle[:last]
		if i.reaper.Stop() && i.alive() {
			return i, nil
		}
	}

	if len(p.all) >= p.function.Instances {
		return nil, ErrThrottled
	}

	i := newInstance(p)
	p.all[i] = true

	return i, nil
}

// release gives an instance back after its work: for reuse when it asked for
// the next event, else to its end.
func (p *pool) release(i *instance, reusable bool) {
	p.mu.Lock()
	if reusable && !p.closed && i.alive() {
		i.reaper = time.AfterFunc(p.config.Idle, func() { p.reap(i) })
		p.idle = append(p.idle, i)
		p.mu.Unlock()
		return
	}

	p.mu.Unlock()
	p.discard(i)
}

// reap ends an instance that had no work for a while.
func (p *pool) reap(i *instance) {
	p.mu.Lock()
	for n, one := range p.idle {
		if one == i {
			p.idle = append(p.idle[:n], p.idle[n+1:]...)
			break
		}
	}

	p.mu.Unlock()
	p.discard(i)
}

func (p *pool) discard(i *instance) {
	i.end()
	p.mu.Lock()
	delete(p.all, i)
	p.mu.Unlock()
}

func (p *pool) pids() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	pids := []int{}
	for i := range p.all {
		if pid := i.pid(); pid != 0 && i.alive() {
			pids = append(pids, pid)
		}
	}

	return pids
}

// close ends all instances and lets none start.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	instances := make([]*instance, 0, len(p.all))
	for i := range p.all {
		instances = append(instances, i)
	}

	p.mu.Unlock()
	var ending sync.WaitGroup
	for _, i := range instances {
		ending.Go(func() { p.discard(i) })
	}

	ending.Wait()
}

// run has an instance handle one event, starting it when it is new.
func (p *pool) run(ctx context.Context, i *instance, payload []byte) outcome {
	inv := newInvocation(payload)
	var initTook time.Duration
	if !i.started() {
		began := time.Now()
		if err := i.start(ctx, inv.id); err != nil {
			p.log.start(inv.id)
			p.log.end(inv, p.function, report{took: time.Since(began), failed: err})
			p.release(i, false)
			return outcome{err: err}
		}

		initTook = time.Since(began)
	}

	p.log.start(inv.id)
	began := time.Now()
	out, reusable := i.handle(ctx, inv)
	p.log.end(inv, p.function, report{time.Since(began), initTook, i.peakMemoryMB(), out.err})
	p.release(i, reusable)

	return out
}
