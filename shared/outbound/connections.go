package outbound

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// connections are the open connections.
type connections struct {
	now func() time.Time

	mu   sync.Mutex
	open map[*conn]struct{}
}

// A conn records whether a request was written on it and when it was last used.
type conn struct {
	net.Conn
	all   *connections
	wrote atomic.Bool
	used  atomic.Int64 // by the system clock, in nanoseconds
}

// keep adds a connection, until it is closed.
func (a *connections) keep(c net.Conn) *conn {
	kept := &conn{Conn: c, all: a}
	kept.touch()

	a.mu.Lock()
	defer a.mu.Unlock()
	a.open[kept] = struct{}{}

	return kept
}

func (c *conn) touch() { c.used.Store(c.all.now().UnixNano()) }

func (c *conn) Write(b []byte) (int, error) {
	c.wrote.Store(true)
	defer c.touch()
	return c.Conn.Write(b)
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.touch()
	}
	return n, err
}

func (c *conn) Close() error {
	c.all.mu.Lock()
	delete(c.all.open, c)
	c.all.mu.Unlock()
	return c.Conn.Close()
}

// stale reports whether one of the connections was not used for too long.
func (a *connections) stale() bool {
	oldest := a.now().Add(-maxIdle).UnixNano()

	a.mu.Lock()
	defer a.mu.Unlock()

	for c := range a.open {
		if c.used.Load() < oldest {
			return true
		}
	}

	return false
}
