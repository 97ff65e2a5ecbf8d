package limits

import (
	"fmt"
	"testing"
	"time"

	"example.com/integrations/shared/domain"
)

// A double is an organisation and a credential, each with room for two. Run 1 needs
// a turn at both: others keep each of them busy with slices of a minute.
type double struct {
	now    time.Time
	events []due
	org    Slots
	cred   Slots
	leases int
	worked int // slices of run 1
}

type due struct {
	at time.Time
	do func()
}

const (
	room     = 2
	oneSlice = time.Minute
	arrival  = 200 * time.Millisecond // how long a message takes
)

func (d *double) after(wait time.Duration, do func()) {
	d.events = append(d.events, due{d.now.Add(wait), do})
}

// next does what is due first.
func (d *double) next() {
	first := 0
	for i, e := range d.events {
		if e.at.Before(d.events[first].at) {
			first = i
		}
	}

	e := d.events[first]
	d.events = append(d.events[:first], d.events[first+1:]...)
	d.now = e.at
	e.do()
}

func (d *double) lease() string {
	d.leases++

	return fmt.Sprint("lease ", d.leases)
}

// inOrganisation is a message of a run of the organisation.
func (d *double) inOrganisation(run int) {
	lease := d.lease()
	granted := false
	d.org, granted = d.take(&d.org, run, lease)
	switch {
	case !granted:
	case run == 1:
		d.both(lease)
	default:
		d.after(oneSlice, func() {
			d.leaveOrganisation(run, lease)
			d.after(arrival, func() { d.inOrganisation(run) })
		})
	}
}

// both is run 1 with its organisation's turn: it asks for that of the credential.
func (d *double) both(lease string) {
	granted := false
	d.cred, granted = d.take(&d.cred, 1, lease)
	if !granted {
		d.org = d.org.Favour(1, d.now)
		d.leaveOrganisation(1, lease)
		d.after(time.Minute, func() { d.inOrganisation(1) }) // it comes by itself too

		return
	}

	d.worked++
	d.after(oneSlice, func() {
		d.leaveCredential(1, lease)
		d.leaveOrganisation(1, lease)
		d.after(arrival, func() { d.inOrganisation(1) })
	})
}

// elsewhere is a message of a run that uses the credential in another organisation.
func (d *double) elsewhere(run int) {
	lease := d.lease()
	granted := false
	d.cred, granted = d.take(&d.cred, run, lease)
	if granted {
		d.after(oneSlice, func() {
			d.leaveCredential(run, lease)
			d.after(arrival, func() { d.elsewhere(run) })
		})
	}
}

// take asks one of the two for a turn.
func (d *double) take(of *Slots, run int, lease string) (Slots, bool) {
	return of.Take(slotWaiter(run), lease, room, d.now, d.now.Add(135*time.Second))
}

func (d *double) leaveOrganisation(run int, lease string) {
	var called *Waiter
	d.org, called = d.org.Release(domain.Snowflake(run), lease, room, d.now)
	if called != nil {
		d.after(arrival, func() { d.inOrganisation(int(called.RunID)) })
	}
}

func (d *double) leaveCredential(run int, lease string) {
	var called *Waiter
	d.cred, called = d.cred.Release(domain.Snowflake(run), lease, room, d.now)
	switch {
	case called == nil:
	case called.RunID == 1:
		d.after(arrival, func() { d.inOrganisation(1) })
	default:
		d.after(arrival, func() { d.elsewhere(int(called.RunID)) })
	}
}

// A run that waits for a credential comes first in its organisation, and its turn
// there is kept for longer than a slice: so it gets both.
func TestARunThatNeedsTwoTurnsIsNotStarved(t *testing.T) {
	for _, busy := range []struct{ organisation, credential int }{{3, 3}, {6, 4}, {20, 4}, {20, 10}} {
		d := &double{now: slotsStart, cred: Slots{Keep: (90 * time.Second).Milliseconds()}}
		for n := range busy.organisation {
			d.after(time.Duration(n)*7*time.Second, func() { d.inOrganisation(100 + n) })
		}

		for n := range busy.credential {
			d.after(time.Duration(n)*11*time.Second, func() { d.elsewhere(500 + n) })
		}

		d.after(2*time.Minute, func() { d.inOrganisation(1) })

		for end := slotsStart.Add(6 * time.Hour); d.now.Before(end); {
			d.next()
		}

		t.Logf("%+v: %d slices in 6 hours", busy, d.worked)
		if d.worked < 20 {
			t.Errorf("%+v: %d slices in 6 hours", busy, d.worked)
		}
	}
}
