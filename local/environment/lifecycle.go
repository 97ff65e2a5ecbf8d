package environment

import (
	"context"
	"fmt"
	"sync"

	"example.com/integrations/local/aws/servers"
)

// A lifecycle ends what an environment started, in reverse order.
type lifecycle struct {
	ctx    context.Context // ends when Stop begins
	cancel context.CancelFunc
	failed chan error
	busy   sync.WaitGroup
	mu     sync.Mutex
	stops  []func() // run in reverse
	once   sync.Once
}

func newLifecycle() *lifecycle {
	l := &lifecycle{failed: make(chan error, 1)}
	l.ctx, l.cancel = context.WithCancel(context.Background())

	return l
}

// Failed gives the reason when the environment cannot go on.
func (l *lifecycle) Failed() <-chan error { return l.failed }

func (l *lifecycle) fail(err error) {
	select {
	case l.failed <- err:
	default:
	}
}

func (l *lifecycle) onStop(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stops = append(l.stops, f)
}

// Stop ends everything that Start started, in reverse order.
func (l *lifecycle) Stop() {
	l.once.Do(func() {
		l.cancel()
		for i := len(l.stops) - 1; i >= 0; i-- {
			l.stops[i]()
		}
		l.busy.Wait()
	})
}

// keep stops a server with the environment, and the environment with a server
// that ends by itself.
func (l *lifecycle) keep(name string, server *servers.Server) {
	l.onStop(server.Stop)
	l.busy.Go(func() {
		select {
		case <-l.ctx.Done():
		case <-server.Done():
			l.fail(fmt.Errorf("%s ended by itself", name))
		}
	})
}
