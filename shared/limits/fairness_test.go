package limits

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"example.com/integrations/shared/domain"
)

// This is a model of a standard queue with message groups, as AWS describes
// fair queues
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html):
// while others wait, the messages of a group that takes more than a tenth of
// the processing time come after theirs. It assumes that the rule sees the last
// five minutes, and that without groups messages come in the order in which
// they were sent. What AWS does exactly is not published.
type model struct {
	slots  int
	fair   bool
	rng    *rand.Rand
	now    time.Duration
	events slotEvents
	queue  []*message
	busy   int
	spent  []spent
	handle func(m *message) time.Duration // how long it takes; what follows is for done
	done   func(m *message)
}

type message struct {
	group, run int
	sent       time.Duration
	granted    bool
}

type spent struct {
	group    int
	at, took time.Duration
}

type slotEvent struct {
	at time.Duration
	do func()
}

type slotEvents []slotEvent

func (e slotEvents) Len() int           { return len(e) }
func (e slotEvents) Less(i, j int) bool { return e[i].at < e[j].at }
func (e slotEvents) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *slotEvents) Push(x any)        { *e = append(*e, x.(slotEvent)) }
func (e *slotEvents) Pop() any {
	old := *e
	last := old[len(old)-1]
	*e = old[:len(old)-1]
	return last
}

func (m *model) at(when time.Duration, do func()) { heap.Push(&m.events, slotEvent{when, do}) }

// delivery is how long a message takes to a function that is free.
const delivery = 200 * time.Millisecond

func (m *model) send(group, run int) {
	one := &message{group: group, run: run, sent: m.now}
	m.at(m.now+delivery, func() {
		m.queue = append(m.queue, one)
		m.receive()
	})
}

func (m *model) receive() {
	for m.busy < m.slots && len(m.queue) > 0 {
		n := m.next()
		one := m.queue[n]
		m.queue = slices.Delete(m.queue, n, n+1)
		m.busy++
		took := m.handle(one)
		m.spent = append(m.spent, spent{one.group, m.now, took})
		m.at(m.now+took, func() {
			m.busy--
			m.done(one)
			m.receive()
		})
	}
}

// next is the message that comes next.
func (m *model) next() int {
	if !m.fair {
		return 0
	}

	const seen = 5 * time.Minute
	m.spent = slices.DeleteFunc(m.spent, func(s spent) bool { return s.at+s.took < m.now-seen })
	all := time.Duration(0)
	of := map[int]time.Duration{}
	for _, s := range m.spent {
		all += s.took
		of[s.group] += s.took
	}

	for n, one := range m.queue {
		if of[one.group]*10 <= all {
			return n
		}
	}

	return 0
}

func (m *model) run(until time.Duration) {
	for len(m.events) > 0 && m.events[0].at <= until {
		e := heap.Pop(&m.events).(slotEvent)
		m.now = e.at
		e.do()
	}
}

func p95(waits []time.Duration) time.Duration {
	slices.Sort(waits)
	return waits[len(waits)*95/100]
}

const (
	loud = iota
	quiet
)

// flooded is how long events of the quiet organisation take from being sent to
// being stored, when the other one sends ten thousand at once, or none. Two
// functions at a time store batches of ten, as infra has it by default.
func flooded(seed uint64, flood int, fair bool) time.Duration {
	m := &model{slots: 2, fair: fair, rng: rand.New(rand.NewPCG(seed, 1))}
	var waits []time.Duration
	m.handle = func(*message) time.Duration {
		return 400*time.Millisecond + time.Duration(m.rng.IntN(200))*time.Millisecond
	}
	m.done = func(one *message) {
		if one.group == quiet {
			waits = append(waits, m.now-one.sent)
		}
	}

	m.at(0, func() {
		for range flood / 10 {
			m.send(loud, 0)
		}
	})
	for n := range 60 {
		m.at(time.Duration(n)*5*time.Second, func() { m.send(quiet, 0) })
	}

	m.run(time.Hour)

	return p95(waits)
}

func TestAFloodOfEvents(t *testing.T) {
	for seed := range uint64(5) {
		alone := flooded(seed, 0, true)
		beside := flooded(seed, 10_000, true)
		without := flooded(seed, 10_000, false)
		t.Logf("seed %d: p95 alone %s, beside 10,000 events %s, without groups %s", seed, alone, beside, without)
		if beside > 2*alone {
			t.Errorf("seed %d: %s beside a flood, %s alone", seed, beside, alone)
		}

		if without <= 2*alone {
			t.Errorf("seed %d: groups make no difference: %s without, %s alone", seed, without, alone)
		}
	}
}

// synced is how long a sync of the quiet organisation takes from its message to
// the end of its one slice, when fifty integrations of the other one have more
// to do than they ever can. room is how many of an organisation's runs are
// worked on at once; four functions work, as infra has it by default.
func synced(t *testing.T, seed uint64, busy int, fair bool, room int) time.Duration {
	const slice, short, drop = time.Minute, 5 * time.Second, 100 * time.Millisecond
	m := &model{slots: 4, fair: fair, rng: rand.New(rand.NewPCG(seed, 1))}
	var waits []time.Duration
	orgs := map[int]Slots{loud: {}, quiet: {}}
	now := func() time.Time { return slotsStart.Add(m.now) }
	key := func(one *message) string { return fmt.Sprint(one.run) }
	turns := map[int]int{}
	m.handle = func(one *message) time.Duration {
		w := Waiter{IntegrationID: domain.Snowflake(one.run), RunID: domain.Snowflake(one.run)}
		orgs[one.group], one.granted = orgs[one.group].Take(w, key(one), room, now(), now().Add(2*slice))
		switch {
		case !one.granted:
			return drop
		case one.group == quiet:
			return short
		}

		turns[one.run]++

		return slice/2 + time.Duration(m.rng.Int64N(int64(slice)/2))
	}

	m.done = func(one *message) {
		if !one.granted {
			return
		}

		next := (*Waiter)(nil)
		orgs[one.group], next = orgs[one.group].Release(domain.Snowflake(one.run), key(one), room, now())
		if next != nil {
			m.send(one.group, int(next.RunID))
		}

		if one.group == quiet {
			waits = append(waits, m.now-one.sent)
			return
		}

		m.send(loud, one.run) // there is always more to do
	}

	const hours = 6
	for n := range busy {
		m.at(time.Duration(n)*time.Second, func() { m.send(loud, n+1) })
	}

	for minute := range hours * 60 { // dispatch sends again what is late, at worst everything
		m.at(time.Duration(minute)*time.Minute, func() {
			for _, w := range orgs[loud].Waiting {
				m.send(loud, int(w.RunID))
			}
		})
	}

	for n := range hours * 12 {
		m.at(time.Duration(n)*5*time.Minute+time.Duration(m.rng.IntN(200))*time.Second, func() { m.send(quiet, 1000+n) })
	}

	m.run(hours * time.Hour)
	least := 1 << 30
	most := 0
	for n := range busy {
		least = min(least, turns[n+1])
		most = max(most, turns[n+1])
	}

	if busy > 0 && room < 4 && most > 2*least+2 {
		t.Errorf("seed %d: of the busy integrations one had %d turns, another %d", seed, most, least)
	}

	return p95(waits)
}

func TestFiftyBusyIntegrations(t *testing.T) {
	for seed := range uint64(5) {
		alone := synced(t, seed, 0, true, 2)
		beside := synced(t, seed, 50, true, 2)
		without := synced(t, seed, 50, true, 4)
		neither := synced(t, seed, 50, false, 4)
		t.Logf("seed %d: p95 alone %s, beside 50 busy integrations %s, without turns %s, without turns and groups %s", seed, alone, beside, without, neither)
		if beside > 2*alone {
			t.Errorf("seed %d: %s beside busy integrations, %s alone", seed, beside, alone)
		}

		if without <= 2*alone || neither <= without {
			t.Errorf("seed %d: it makes no difference: %s without turns, %s without groups too, %s alone", seed, without, neither, alone)
		}
	}
}
