package limits

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
	over       int // how many of the buckets are over
	sum        int // of the others
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

// earliest is when an operation may be started, at or after a time. Nothing is
// forgotten by asking: the time may be far off, and what was spent counts until
// then.
func (c *count) earliest(at int64, op Op) int64 {
	at = max(at, c.from.Blocked)
	if cost(op, Writes) > 0 {
		at = max(at, c.free)
	}

	for _, w := range c.windows {
		sum := w.sum
		need := cost(op, w.Of)
		for _, b := range w.buckets[w.over:] {
			if need == 0 || w.end(b) > at && sum+need <= w.Count {
				break
			}
			at = max(at, w.end(b))
			sum -= b.N
		}
	}

	return at
}

// end is when a bucket counts no more: when a call that was late for its last
// moment is a whole window ago.
func (w *window) end(b Bucket) int64 { return b.At + w.width + w.per + Late.Milliseconds() }

func (w *window) expire(at int64) {
	for w.over < len(w.buckets) && w.end(w.buckets[w.over]) <= at {
		w.sum -= w.buckets[w.over].N
		w.over++
	}
}

// spend notes that an operation is started at a time. Operations are spent in
// order.
func (c *count) spend(at int64, op Op) {
	if cost(op, Writes) > 0 {
		c.free = at + c.limits.Gap.Milliseconds()
	}

	for i := range c.windows {
		w := &c.windows[i]
		w.expire(at)
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

// usage is what is spent as of now. It keeps what is over by the time of an
// operation to come, as it is not over for others, who may call before.
func (c *count) usage(now int64) Usage {
	u := c.from
	u.Free = c.free
	u.Spent = map[string][]Bucket{}
	for _, w := range c.windows {
		buckets := w.buckets
		for len(buckets) > 0 && w.end(buckets[0]) <= now {
			buckets = buckets[1:]
		}
		u.Spent[w.name()] = append([]Bucket(nil), buckets...)
	}

	return u
}
