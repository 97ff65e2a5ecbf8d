package faults

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"example.com/integrations/local/providers"
)

// Hooks are how a kit reaches into its fake server. A fault whose hook is nil is not
// available there.
type Hooks struct {
	// Call says what a request is about.
	Call func(r *http.Request) Call
	// Log records a write that a fault refused before the fake server saw it.
	Log func(r *http.Request, w providers.Write)
	// Check compares a refusal in JSON with the provider's description.
	Check func(r *http.Request, a Answer)
	// Lags says that the fake server's lists follow Lag.
	Lags bool
	// SameTime gives the newest n objects of the requested list one time of change.
	SameTime func(r *http.Request, n int) error
	// Move, Delete and Edit do so with the requested object, as another user.
	Move, Delete, Edit func(r *http.Request) error
	// Rename gives the requested place another name, as another user.
	Rename func(r *http.Request) error
	// Guests says that the fake server follows Guest.
	Guests bool
	// Now and After replace the clock.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
}

// A Call is what a request is about, and its caller.
type Call struct {
	Kind Kind
	// User is the account. Person says that it is a person's, not the integration's.
	User   string
	Person bool
	// Object names the one object that the call is about, "" for none.
	Object string

	body []byte // of the request, if an order looks at it
}

// A Kit applies faults to the calls of a fake server. A nil one applies none.
type Kit struct {
	*orders
	hooks  Hooks
	closed chan struct{}
	once   sync.Once
}

// New returns a kit for the fake server of a provider. It panics if the profile has
// no answer for a fault that needs one and does not rule it out.
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

	return &Kit{orders: &orders{profile: p, applied: map[string]int{}}, hooks: h, closed: make(chan struct{})}
}

// Close ends the answers that would not end by themselves.
func (k *Kit) Close() {
	if k != nil {
		k.once.Do(func() { close(k.closed) })
	}
}

// cannot says why a fault is not available here, "" if it is.
func (k *Kit) cannot(name string) string {
	d, _ := define(name)
	missing := d.manner == lags && !k.hooks.Lags || d.manner == disturbs && k.disturbance(name) == nil || d.manner == guests && !k.hooks.Guests
	if reason := k.profile.Cannot[name]; reason != "" || !missing {
		return reason
	}

	return "the fake server of " + k.profile.Provider + " has nothing that this could be done to"
}

// disturbance is the hook of a fault, nil if there is none.
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

// Add accepts an order and returns its id. The error is a Refused if the order is
// not valid or the fault is not available here.
func (k *Kit) Add(o Order) (id string, err error) {
	// An order made in code is checked like one that was read.
	written, err := json.Marshal(o)
	if err != nil {
		return "", err
	}

	o, err = ParseOrder(written)
	if err != nil {
		return "", err
	}

	if reason := k.cannot(o.Fault); reason != "" {
		return "", Refused{{Field: "fault", Detail: fmt.Sprintf("%s is not available: %s", o.Fault, reason)}}
	}

	told := o.Duration != nil
	if err := k.profile.complete(&o); err != nil {
		return "", err
	}

	return k.add(o, told), nil
}

// A hit is what faults do to a call.
type hit struct {
	names []string
	lag   time.Duration
	guest bool
	last  *active // decides about the answer, nil for none
}

// strike changes the objects that faults change before the call, and says what else
// they do to the call.
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
			h.lag = max(h.lag, a.Duration.long())
		}

		h.guest = h.guest || d.manner == guests
		if k.answers(a) {
			h.last = a
		}
	}

	return h, nil
}

type hitKey struct{}

func hitOf(ctx context.Context) hit {
	if h, ok := ctx.Value(hitKey{}).(*hit); ok {
		return *h
	}

	return hit{}
}

// Of names the faults that are applied to a call, "" for none.
func Of(ctx context.Context) string { return strings.Join(hitOf(ctx).names, ",") }

// Lag is how far a list is to lag behind, 0 for not at all.
func Lag(ctx context.Context) time.Duration { return hitOf(ctx).lag }

// Guest reports whether a call is to be served as a guest's, because its token is
// no longer valid.
func Guest(ctx context.Context) bool { return hitOf(ctx).guest }
