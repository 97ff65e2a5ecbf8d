package faults

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"example.com/integrations/local/providers"
)

// orders are those of a kit, in the order in which they are tried, and how often each
// fault was applied.
type orders struct {
	profile Profile

	lock    sync.Mutex
	last    int // the last id
	active  []*active
	applied map[string]int
}

// An active order is one that can still be applied.
type active struct {
	Order
	told    bool // the order has a duration of its own
	id      string
	left    int // of the times
	applied int
	random  *rand.Rand
	revoked bool
	seen    []string // the objects that calls were about, in their order
}

// add stores an order and returns its id.
func (o *orders) add(made Order, told bool) string {
	a := &active{Order: made, told: told, left: made.Times}
	if made.Probability != nil {
		seed := rand.Uint64()
		if made.Seed != nil {
			seed = *made.Seed
		}
		a.random = rand.New(rand.NewPCG(seed, 0))
	}

	o.lock.Lock()
	defer o.lock.Unlock()
	o.last++
	a.id = strconv.Itoa(o.last)
	o.active = append(o.active, a)

	return a.id
}

// Clear ends all active orders, or only those with an id or a fault that is not "". It
// returns how many it ended.
func (o *orders) Clear(id, fault string) int {
	o.lock.Lock()
	defer o.lock.Unlock()
	before := len(o.active)
	o.active = slices.DeleteFunc(o.active, func(a *active) bool { return (id == "" || a.id == id) && (fault == "" || a.Fault == fault) })

	return before - len(o.active)
}

// Applied is how often a fault was applied since the fake server was opened.
func (o *orders) Applied(fault string) int {
	o.lock.Lock()
	defer o.lock.Unlock()

	return o.applied[fault]
}

// any reports whether an active order fulfils a condition.
func (o *orders) any(is func(*active) bool) bool {
	o.lock.Lock()
	defer o.lock.Unlock()

	return slices.ContainsFunc(o.active, is)
}

// answers reports whether a fault decides about the answer: a call has only one.
func (o *orders) answers(a *active) bool {
	d, _ := define(a.Fault)

	return d.manner != lags && d.manner != guests && (d.manner != disturbs || o.profile.Refusals[a.Fault].Answer != nil)
}

// choose returns the orders that are for a call, in their order, and counts them.
func (o *orders) choose(r *http.Request, c Call) (chosen []*active) {
	o.lock.Lock()
	defer o.lock.Unlock()
	answered := false
	for _, a := range o.active {
		if answered && o.answers(a) || !a.selects(o.profile, r, c) || !a.due() {
			continue
		}

		a.applied++
		o.applied[a.Fault]++
		answered = answered || o.answers(a)
		chosen = append(chosen, a)
	}

	o.active = slices.DeleteFunc(o.active, func(a *active) bool { return a.random == nil && a.left == 0 && !a.revoked })

	return chosen
}

// giveBack undoes the count of an order that found nothing to do.
func (o *orders) giveBack(a *active) {
	o.lock.Lock()
	defer o.lock.Unlock()
	a.applied--
	o.applied[a.Fault]--
	if a.random != nil {
		return
	}

	a.left++
	if !slices.Contains(o.active, a) {
		o.active = append(o.active, a)
		slices.SortFunc(o.active, func(a, b *active) int { return cmp.Or(len(a.id)-len(b.id), strings.Compare(a.id, b.id)) })
	}
}

// due reports whether the order applies this time: it uses up one of its times, or
// draws by its probability.
func (a *active) due() bool {
	switch {
	case a.revoked:
		return true
	case a.random != nil && a.random.Float64() >= *a.Probability:
		return false
	case a.random == nil:
		a.left--
	}

	a.revoked = a.Fault == RevokedToken || a.Fault == Anonymous

	return true
}

// selects reports whether an order is for a call.
func (a *active) selects(p Profile, r *http.Request, c Call) bool {
	m := a.Match
	if by := cmp.Or(m.By, Integration); by != Anyone && (by == Person) != c.Person {
		return false
	}

	if a.revoked {
		return true
	}

	d, _ := define(a.Fault)
	byKind := d.bound || m.Kind == "" && m.Method == "" && m.Path == ""
	if own := p.kindsOf(d); byKind && len(own) > 0 && !slices.Contains(own, c.Kind) {
		return false
	}

	return (m.Kind == "" || m.Kind == c.Kind) && (m.Method == "" || strings.EqualFold(m.Method, r.Method)) &&
		(m.Path == "" || fits(m.Path, r.URL.EscapedPath())) && a.concerns(p, r, c)
}

// concerns reports whether a call is one that the settings of an order are about.
func (a *active) concerns(p Profile, r *http.Request, c Call) bool {
	switch a.Fault {
	case BlockedContent:
		return holds(string(c.body), a.Pattern)
	case SlowList:
		return cmp.Or(providers.PageSize(r), p.Page) > a.Page
	case ForbiddenItem:
		if a.Pattern != "" {
			return holds(r.URL.EscapedPath(), a.Pattern) || holds(string(c.body), a.Pattern)
		}

		return c.Object != "" && a.number(c.Object) == a.Nth
	}

	return true
}

// number counts the objects that calls were about, from 1.
func (a *active) number(object string) int {
	at := slices.Index(a.seen, object)
	if at >= 0 {
		return at + 1
	}

	a.seen = append(a.seen, object)

	return len(a.seen)
}

// fits compares a path with a pattern in which * is any run of characters.
func fits(pattern, path string) bool {
	first, rest, more := strings.Cut(pattern, "*")
	if !more {
		return pattern == path
	}

	path, begins := strings.CutPrefix(path, first)
	if !begins {
		return false
	}

	for at := 0; at <= len(path); at++ {
		if fits(rest, path[at:]) {
			return true
		}
	}

	return false
}

// holds reports whether a text contains the parts of a pattern in their order, with
// anything around and between them.
func holds(text, pattern string) bool {
	for part := range strings.SplitSeq(pattern, "*") {
		_, after, found := strings.Cut(text, part)
		if !found {
			return false
		}

		text = after
	}

	return true
}
