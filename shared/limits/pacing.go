// Package limits says how fast a credential may call its provider, and how many
// runs work at once.
//
// It counts what was spent and gives out times for calls, so that published limits
// are kept. Slots divide an organisation's or a credential's places among the runs
// that wait for them. The package is pure: others store what it returns.
package limits

import (
	"strconv"
	"time"
)

// An Op is a kind of call that is made for an item.
type Op int

// The operations. An update may read the object before it writes.
const (
	Create Op = iota
	Update
	Read
)

// A Kind is what a limit counts.
type Kind int

// The kinds of count.
const (
	Creates Kind = iota
	Writes
	Calls
)

// cost is what an operation counts for.
func cost(op Op, k Kind) int {
	switch {
	case op == Create && k == Creates, op != Read && k == Writes:
		return 1
	case k == Calls && op == Update:
		return 2
	case k == Calls:
		return 1
	}

	return 0
}

// A Window allows a count within any time of a length.
type Window struct {
	Of    Kind
	Count int
	Per   time.Duration
}

// Limits are how fast a credential may call. The zero value sets none.
type Limits struct {
	Gap     time.Duration // between two writes
	Windows []Window
}

// Unlimited reports whether there is nothing to keep count of.
func (l Limits) Unlimited() bool { return l.Gap == 0 && len(l.Windows) == 0 }

// A Usage is what a credential has spent. Times are Unix milliseconds.
type Usage struct {
	Free    int64 `json:"free"`    // when the next write may be made
	Blocked int64 `json:"blocked"` // until when the provider wants to be left alone
	Strikes int   `json:"strikes"` // refusals in a row for which it gave no time
	// Spent counts by window, in buckets of a sixtieth of its length.
	Spent map[string][]Bucket `json:"spent"`
}

// A Bucket is what was spent from a time on.
type Bucket struct {
	At int64 `json:"at"`
	N  int   `json:"n"`
}

// name is where a window's buckets are kept: another limit starts anew.
func (w Window) name() string {
	return strconv.Itoa(int(w.Of)) + "/" + strconv.FormatInt(w.Per.Milliseconds(), 10)
}

// width is how long a bucket is, in milliseconds.
func (w Window) width() int64 {
	const second = 1000
	return max((w.Per.Milliseconds()/60+second-1)/second*second, second)
}

// Next is the earliest time at which an operation may be started.
func (l Limits) Next(u Usage, now time.Time, op Op) time.Time {
	if at := l.begin(u).earliest(ceil(now), op); at > ceil(now) {
		return time.UnixMilli(at)
	}
	return now
}

// Late is how long after its time a call may leave: what was spent counts for
// that much longer. A caller that comes later asks for another time.
const Late = 2 * time.Second

// Take gives out times for operations, in order, as many as can be started
// before until, and returns what is spent then. Each is expected to take
// callTime, one after the other. u is not changed.
func (l Limits) Take(u Usage, now, until time.Time, ops []Op, callTime time.Duration) (Usage, []time.Time) {
	c := l.begin(u)
	var times []time.Time
	at := ceil(now)
	for _, op := range ops {
		at = c.earliest(at, op)
		if at >= until.UnixMilli() {
			break
		}

		c.spend(at, op)
		times = append(times, time.UnixMilli(at))
		at += callTime.Milliseconds()
	}

	return c.usage(ceil(now)), times
}

// longestBlock is how long a provider is left alone at most that does not say
// how long it wants to be.
const longestBlock = time.Hour

// Refused notes that the provider has refused a call for being one too many
// and wants to be left alone for a time. Untold says that the time is a guess,
// which doubles with each such refusal in a row.
func (l Limits) Refused(u Usage, now time.Time, wait time.Duration, untold bool) (Usage, time.Time) {
	if untold {
		wait = min(wait<<max(min(u.Strikes, 10), 0), longestBlock)
		u.Strikes++
	}

	u.Blocked = max(u.Blocked, ceil(now.Add(wait)))
	return u, time.UnixMilli(u.Blocked)
}

// Succeeded forgets refusals. A call that was answered during a block shows that
// the provider does not want to be left alone any more.
func Succeeded(u Usage) Usage {
	u.Strikes = 0
	u.Blocked = 0
	return u
}

// Finish is when creates and updates would be done, each taking callTime, one
// after the other, if no other caller spends meanwhile.
func (l Limits) Finish(u Usage, now time.Time, creates, updates int, callTime time.Duration) time.Time {
	c := l.begin(u)
	at := ceil(now)
	took := callTime.Milliseconds()
	if l.Unlimited() && creates+updates > 0 {
		return time.UnixMilli(max(at, u.Blocked)).Add(time.Duration(creates+updates) * callTime)
	}

	for creates+updates > 0 {
		op := Update
		if creates*(updates+1) >= updates*(creates+1) && creates > 0 || updates == 0 {
			op = Create
			creates--
		} else {
			updates--
		}

		at = c.earliest(at, op)
		c.spend(at, op)
		at += took
	}

	return time.UnixMilli(at)
}

func ceil(t time.Time) int64 { return t.Add(time.Millisecond - 1).UnixMilli() }
