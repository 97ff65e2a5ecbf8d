package pacing

// A count is a usage at work.
type count struct {
	limits  Limits
	from    Usage
	free    int64
	windows []window
}

// A window is a Window with what was spent in it.
type window struct {
	Window
	width, per int64
	buckets    []Bucket
	sum        int
}

func (l Limits) begin(u Usage) *count {
	c := &count{limits: l, from: u, free: u.Free}
	for _, w := range l.Windows {
		one := window{Window: w, width: w.width(), per: w.Per.Milliseconds()}
		one.buckets = append(one.buckets, u.Spent[w.name()]...)
		for _, b := range one.buckets {
			one.sum += b.N
		}
		c.windows = append(c.windows, one)
	}
	return c
}

// earliest is when an operation may be started, at or after a time. What is
// over by then is forgotten.
func (c *count) earliest(at int64, op Op) int64 {
	at = max(at, c.from.Blocked)
	if cost(op, Writes) > 0 {
		at = max(at, c.free)
	}
	for i := range c.windows {
		w := &c.windows[i]
		w.expire(at)
		need := cost(op, w.Of)
		for need > 0 && w.sum+need > w.Count && len(w.buckets) > 0 {
			at = max(at, w.over(w.buckets[0]))
			w.expire(at)
		}
	}
	return at
}

// over is when a bucket counts no more: when its last moment is a whole window
// ago.
func (w *window) over(b Bucket) int64 { return b.At + w.width + w.per }

func (w *window) expire(at int64) {
	for len(w.buckets) > 0 && w.over(w.buckets[0]) <= at {
		w.sum -= w.buckets[0].N
		w.buckets = w.buckets[1:]
	}
}

// spend notes that an operation is started at a time.
func (c *count) spend(at int64, op Op) {
	if cost(op, Writes) > 0 {
		c.free = at + c.limits.Gap.Milliseconds()
	}
	for i := range c.windows {
		w := &c.windows[i]
		need := cost(op, w.Of)
		if need == 0 {
			continue
		}
		w.sum += need
		start := at - at%w.width
		if n := len(w.buckets); n > 0 && w.buckets[n-1].At >= start {
			w.buckets[n-1].N += need
		} else {
			w.buckets = append(w.buckets, Bucket{start, need})
		}
	}
}

func (c *count) usage() Usage {
	u := c.from
	u.Free, u.Spent = c.free, map[string][]Bucket{}
	for _, w := range c.windows {
		u.Spent[w.name()] = append([]Bucket(nil), w.buckets...)
	}
	return u
}
