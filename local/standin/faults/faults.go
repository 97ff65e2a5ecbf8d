// Package faults makes a stand-in fail on purpose, in its provider's own words:
// a kit holds what it was told to do and does it to the calls that come in.
package faults

import (
	"errors"
	"slices"
	"time"
)

// The faults. What each does stands in docs/faults.md.
const (
	RateLimited     = "rate_limited"
	RateLimitedBare = "rate_limited_bare"
	SecondaryLimit  = "secondary_limit"
	ErrorBefore     = "error_before"
	ErrorAfter      = "error_after"
	LostAnswer      = "lost_answer"
	SlowAnswer      = "slow_answer"
	EndlessAnswer   = "endless_answer"
	LaggingLists    = "lagging_lists"
	OneTimestamp    = "one_timestamp"
	MovedObject     = "moved_object"
	DeletedObject   = "deleted_object"
	RevokedToken    = "revoked_token"
	ETagConflict    = "etag_conflict"
	Captcha         = "captcha"
	AddressBan      = "address_ban"
)

// ErrNothing is what a hook returns where there is nothing its fault could be
// done to: the fault then waits for another call.
var ErrNothing = errors.New("there is nothing to do this to")

// A Kind is what a call is about, whatever the provider's address for it.
type Kind string

// The kinds of calls. Update is every write to an object that is there already.
const (
	Create Kind = "create"
	Update Kind = "update"
	Read   Kind = "read"
	List   Kind = "list"
	Other  Kind = "other"
)

var kinds = []Kind{Create, Update, Read, List, Other}

// MaxLag is the furthest that lists may lag behind.
const MaxLag = time.Hour

// A manner is how a fault comes about.
type manner int

const (
	refuses  manner = iota // the call is refused, and nothing is done
	crashes                // the call is carried out, and the answer is an error
	loses                  // the call is carried out, and there is no answer
	delays                 // the call is carried out, and the answer takes its time
	goesOn                 // the call is carried out, and the answer never ends
	lags                   // the list is an old one
	disturbs               // something happens to the objects just before the call
	revokes                // from here on every call is refused
)

// A definition is what holds of a fault at every provider.
type definition struct {
	name, does string
	manner     manner
	// kinds are those it is done to where nobody says which; bound ones are all
	// that it can be done to.
	kinds []Kind
	bound bool
	// takes names the members it has beside those of all.
	takes []string
	// duration is how long where nobody says.
	duration time.Duration
}

var writes = []Kind{Create, Update}

var definitions = []definition{
	{name: RateLimited, does: "refuses with 429 and Retry-After", takes: []string{"duration"}, duration: 5 * time.Second},
	{name: RateLimitedBare, does: "refuses with 429 without Retry-After", takes: []string{"duration"}, duration: 5 * time.Second},
	{name: SecondaryLimit, does: "refuses by the provider's other limit", takes: []string{"duration"}},
	{name: ErrorBefore, does: "answers 5xx, and nothing was done", takes: []string{"status"}},
	{name: ErrorAfter, does: "answers 5xx, though all was done", manner: crashes, kinds: writes, takes: []string{"status"}},
	{name: LostAnswer, does: "does all and cuts the connection", manner: loses, kinds: writes},
	{name: SlowAnswer, does: "does all and answers late", manner: delays, takes: []string{"duration"}, duration: 5 * time.Second},
	{name: EndlessAnswer, does: "does all, and the answer never ends", manner: goesOn, takes: []string{"duration"}},
	{name: LaggingLists, does: "lists and searches show an older state", manner: lags, kinds: []Kind{List}, bound: true, takes: []string{"duration"}, duration: 30 * time.Second},
	{name: OneTimestamp, does: "gives the newest objects one time of change", manner: disturbs, kinds: []Kind{List}, bound: true, takes: []string{"objects"}},
	{name: MovedObject, does: "moves the object away before the call", manner: disturbs, kinds: []Kind{Read, Update}, bound: true},
	{name: DeletedObject, does: "deletes the object before the call", manner: disturbs, kinds: []Kind{Read, Update}, bound: true},
	{name: RevokedToken, does: "revokes the token, until this is cleared", manner: revokes},
	{name: ETagConflict, does: "has somebody edit the object just before an update", manner: disturbs, kinds: []Kind{Update}, bound: true},
	{name: Captcha, does: "wants a captcha solved"},
	{name: AddressBan, does: "refuses the address the call comes from"},
}

// objects is how many OneTimestamp gives one time where nobody says: more than
// a page of any provider.
const objects = 150

// Names lists all faults.
func Names() []string {
	var all []string
	for _, d := range definitions {
		all = append(all, d.name)
	}
	return all
}

func define(name string) (definition, bool) {
	at := slices.IndexFunc(definitions, func(d definition) bool { return d.name == name })
	if at < 0 {
		return definition{}, false
	}
	return definitions[at], true
}
