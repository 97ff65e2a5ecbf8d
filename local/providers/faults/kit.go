package faults

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/shared/domain"
)

// Hooks are how a kit reaches into its fake server. What is nil the fake server does
// not do.
type Hooks struct {
	// Call says what a request is about.
	Call func(r *http.Request) Call
	// Log keeps a write that the fake server itself never saw.
	Log func(r *http.Request, w providers.Write)
	// Check holds a refusal in JSON against the provider's description.
	Check func(r *http.Request, a Answer)
	// Lags says that the fake server's lists follow Lag.
	Lags bool
	// SameTime gives the newest n objects of the list asked for one time.
	SameTime func(r *http.Request, n int) error
	// Move, Delete and Edit do so with the object asked for, as somebody else.
	Move, Delete, Edit func(r *http.Request) error
	// Rename gives the place that is asked for another name, as somebody else.
	Rename func(r *http.Request) error
	// Guests says that the fake server follows Guest.
	Guests bool
	// Now and After replace the clock.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
}

// A Call is what a request is about and who makes it.
type Call struct {
	Kind Kind
	// User is the account, Person that it is a person's and not the integration's.
	User   string
	Person bool
	// Object names the one object that the call is about, "" for none.
	Object string

	body []byte // of the request, where an order looks at it
}

// A Kit does to a fake server's calls what it was told to. A nil one does nothing.
type Kit struct {
	profile Profile
	hooks   Hooks
	closed  chan struct{}
	once    sync.Once

	lock    sync.Mutex
	last    int
	active  []*active
	applied map[string]int
}

// active is an order that is being carried out.
type active struct {
	Order
	id      string
	left    int // of the times
	applied int
	random  *rand.Rand
	revoked bool
	seen    []string // the objects that calls were about, in their order
}

// New returns a kit for the fake server of a provider. It panics where the profile
// says nothing of a fault that it has to.
func New(p Profile, h Hooks) *Kit {
	for _, d := range definitions {
		if d.manner.words() && p.answerTo(d.name) == nil && p.Cannot[d.name] == "" {
			panic("the profile of " + p.Provider + " says nothing of " + d.name)
		}
	}

	if h.Now == nil {
		h.Now = time.Now
	}

	if h.After == nil {
		h.After = time.After
	}

	return &Kit{profile: p, hooks: h, closed: make(chan struct{}), applied: map[string]int{}}
}

// Close ends the answers that would not end by themselves.
func (k *Kit) Close() {
	if k != nil {
		k.once.Do(func() { close(k.closed) })
	}
}

// Cannot is why a fault is not to be had here, "" where it is.
func (k *Kit) cannot(name string) string {
	d, _ := define(name)
	missing := d.manner == lags && !k.hooks.Lags || d.manner == disturbs && k.disturbance(name) == nil || d.manner == guests && !k.hooks.Guests
	if reason := k.profile.Cannot[name]; reason != "" || !missing {
		return reason
	}
	return "the fake server of " + k.profile.Provider + " has nothing that this could be done to"
}

// disturbance is the hook of a fault.
func (k *Kit) disturbance(name string) func(*http.Request, *active) error {
	one := map[string]func(*http.Request) error{MovedObject: k.hooks.Move, DeletedObject: k.hooks.Delete, ETagConflict: k.hooks.Edit, RenamedPlace: k.hooks.Rename}[name]
	switch {
	case name == OneTimestamp && k.hooks.SameTime != nil:
		return func(r *http.Request, a *active) error { return k.hooks.SameTime(r, cmp.Or(a.Objects, objects)) }
	case one != nil:
		return func(r *http.Request, _ *active) error { return one(r) }
	}

	return nil
}

// Add takes an order and returns its id. The error is a Refused where the order
// is not valid or the provider cannot have the fault.
func (k *Kit) Add(o Order) (id string, err error) {
	told := o.told || o.Duration > 0
	written, err := json.Marshal(o)
	if err == nil {
		o, err = ParseOrder(written) // one made by hand is as good as one that was read
	}

	if err != nil {
		return "", err
	}

	o.told = told
	d, _ := define(o.Fault)
	if reason := k.cannot(o.Fault); reason != "" {
		return "", Refused{{Field: "fault", Detail: fmt.Sprintf("%s is not to be had: %s", o.Fault, reason)}}
	}

	if !o.told {
		o.Duration = Duration(d.duration)
	}

	if err := k.complete(&o, d); err != nil {
		return "", err
	}

	a := &active{Order: o, left: o.Times}
	if o.Probability != nil {
		seed := rand.Uint64()
		if o.Seed != nil {
			seed = *o.Seed
		}
		a.random = rand.New(rand.NewPCG(seed, 0))
	}

	k.lock.Lock()
	defer k.lock.Unlock()
	k.last++
	a.id = strconv.Itoa(k.last)
	k.active = append(k.active, a)

	return a.id, nil
}

// Clear ends all that is active, or only what has an id or is of a fault where
// they are not empty. It returns how many those were.
func (k *Kit) Clear(id, fault string) int {
	k.lock.Lock()
	defer k.lock.Unlock()
	before := len(k.active)
	k.active = slices.DeleteFunc(k.active, func(a *active) bool { return (id == "" || a.id == id) && (fault == "" || a.Fault == fault) })
	return before - len(k.active)
}

// Applied is how often a fault was done since the fake server was opened.
func (k *Kit) Applied(fault string) int {
	k.lock.Lock()
	defer k.lock.Unlock()
	return k.applied[fault]
}

// kindsOf are those that a fault is done to if its order names no calls.
func (k *Kit) kindsOf(d definition) []Kind {
	if own := k.profile.Refusals[d.name].Kinds; len(own) > 0 {
		return own
	}
	return d.kinds
}

// selects reports whether an order is for a call.
func (k *Kit) selects(a *active, r *http.Request, c Call) bool {
	d, _ := define(a.Fault)
	if by := cmp.Or(a.Match.By, Integration); by != Anyone && (by == Person) != c.Person {
		return false
	}

	if a.revoked {
		return true
	}

	m := a.Match
	if own := k.kindsOf(d); len(own) > 0 && (d.bound || m.Kind == "" && m.Method == "" && m.Path == "") && !slices.Contains(own, c.Kind) {
		return false
	}

	return (m.Kind == "" || m.Kind == c.Kind) && (m.Method == "" || strings.EqualFold(m.Method, r.Method)) &&
		(m.Path == "" || fits(m.Path, r.URL.EscapedPath())) && k.concerns(a, r, c)
}

// fits compares a path with a pattern in which * is any run of characters.
func fits(pattern, path string) bool {
	first, rest, more := strings.Cut(pattern, "*")
	if !more {
		return pattern == path
	}

	if path, more = strings.CutPrefix(path, first); !more {
		return false
	}

	for at := 0; at <= len(path); at++ {
		if fits(rest, path[at:]) {
			return true
		}
	}

	return false
}

// answers reports whether a fault decides about the answer: a call has but one.
func (k *Kit) answers(a *active) bool {
	d, _ := define(a.Fault)
	return d.manner != lags && d.manner != guests && (d.manner != disturbs || k.profile.Refusals[a.Fault].Answer != nil)
}

// choose takes the orders that are for a call, in their order, and counts them.
func (k *Kit) choose(r *http.Request, c Call) (chosen []*active) {
	k.lock.Lock()
	defer k.lock.Unlock()
	answered := false
	for _, a := range k.active {
		if answered && k.answers(a) || !k.selects(a, r, c) || !a.due() {
			continue
		}

		a.applied++
		k.applied[a.Fault]++
		answered = answered || k.answers(a)
		chosen = append(chosen, a)
	}

	k.active = slices.DeleteFunc(k.active, func(a *active) bool { return a.random == nil && a.left == 0 && !a.revoked })

	return chosen
}

// due takes one of the times, or draws.
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

// giveBack undoes the count of an order that found nothing to do.
func (k *Kit) giveBack(a *active) {
	k.lock.Lock()
	defer k.lock.Unlock()
	a.applied--
	k.applied[a.Fault]--
	if a.random != nil {
		return
	}

	if a.left++; !slices.Contains(k.active, a) {
		k.active = append(k.active, a)
		slices.SortFunc(k.active, func(a, b *active) int { return cmp.Or(len(a.id)-len(b.id), strings.Compare(a.id, b.id)) })
	}
}

// A hit is what befalls a call.
type hit struct {
	names []string
	lag   time.Duration
	guest bool
	last  *active // what decides about the answer, nil for nothing
}

// strike does to the objects what is to be done before the call, and says what
// is to become of it.
func (k *Kit) strike(r *http.Request, c Call) (*hit, error) {
	h := &hit{}
	for _, a := range k.choose(r, c) {
		d, _ := define(a.Fault)
		if disturb := k.disturbance(a.Fault); disturb != nil {
			err := disturb(r, a)
			if errors.Is(err, ErrNothing) {
				k.giveBack(a)
				continue
			}

			if err != nil {
				return nil, fmt.Errorf("fault %s: %w", a.Fault, err)
			}
		}

		h.names = append(h.names, a.Fault)
		if d.manner == lags {
			h.lag = max(h.lag, time.Duration(a.Duration))
		}

		h.guest = h.guest || d.manner == guests
		if k.answers(a) {
			h.last = a
		}
	}

	return h, nil
}

type hitKey struct{}

// Of names the faults that a call is under, "" for none.
func Of(ctx context.Context) string {
	if h, ok := ctx.Value(hitKey{}).(*hit); ok {
		return strings.Join(h.names, ",")
	}
	return ""
}

// Lag is how far a list is to lag behind, 0 for not at all.
func Lag(ctx context.Context) time.Duration {
	if h, ok := ctx.Value(hitKey{}).(*hit); ok {
		return h.lag
	}
	return 0
}

// Guest reports whether a call is to be served as that of a guest, because its
// token is dead.
func Guest(ctx context.Context) bool {
	h, ok := ctx.Value(hitKey{}).(*hit)

	return ok && h.guest
}

// problem is a refusal of an order as a problem document.
func problem(refused Refused) map[string]any {
	return map[string]any{
		"type": "about:blank", "title": "The fault is not valid", "status": http.StatusBadRequest,
		"detail": refused.Error(), "errors": []domain.FieldError(refused),
	}
}
