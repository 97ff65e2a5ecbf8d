// Package faults makes a fake server fail on purpose, with its provider's own answers.
// A kit holds the orders and applies them to the calls that arrive.
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
	ForeignAnswer   = "foreign_answer"
	WrongSuccess    = "wrong_success"
	BlockedContent  = "blocked_content"
	RefusedWords    = "refused_words"
	SlowList        = "slow_list"
	ForbiddenItem   = "forbidden_item"
	RenamedPlace    = "renamed_place"
	MovedReadonly   = "moved_readonly"
	ForeignLink     = "foreign_link"
	Anonymous       = "anonymous"
)

// ErrNothing is what a hook returns if there is nothing that its fault could change.
// The fault then waits for another call.
var ErrNothing = errors.New("there is nothing to do this to")

// A Kind is what a call does, the same for all providers.
type Kind string

// The kinds of calls. Update is every write to an existing object.
const (
	Create Kind = "create"
	Update Kind = "update"
	Read   Kind = "read"
	List   Kind = "list"
	Other  Kind = "other"
)

var kinds = []Kind{Create, Update, Read, List, Other}

// MaxLag is the longest time that lists may lag behind.
const MaxLag = time.Hour

// A manner is how a fault works.
type manner int

const (
	refuses  manner = iota // the call is refused, and nothing is done
	crashes                // the call is carried out, and the answer is an error
	loses                  // the call is carried out, and no answer is sent
	delays                 // the call is carried out, and the answer is late
	goesOn                 // the call is carried out, and the answer never ends
	lags                   // the list is an old one
	disturbs               // the objects change just before the call
	revokes                // this call and all later ones are refused
	replaces               // another answer is sent; the order says whether the call is carried out
	changes                // the call is carried out, and a part of its answer is changed
	guests                 // this call and all later ones are served as a guest's
)

// A definition is what is the same of a fault at every provider.
type definition struct {
	name, does string
	manner     manner
	// kinds are the calls that it is applied to if the order names none. If it is
	// bound, it cannot be applied to others.
	kinds []Kind
	bound bool
	// takes names the members of an order that only some faults have.
	takes []string
	// duration is the default.
	duration time.Duration
	// statuses are those that an order may name. The first one is the default.
	statuses []int
	// forms are those that an order may name. The default is the first one that
	// the provider has.
	forms []string
}

var writes = []Kind{Create, Update}

var definitions = []definition{
	{name: RateLimited, does: "refuses with 429 and Retry-After", takes: []string{"duration"}, duration: 5 * time.Second},
	{name: RateLimitedBare, does: "refuses with 429 without Retry-After", takes: []string{"duration"}, duration: 5 * time.Second},
	{name: SecondaryLimit, does: "refuses by the provider's other limit", takes: []string{"duration"}},
	{name: ErrorBefore, does: "answers 5xx, and nothing was done", takes: []string{"status"}, statuses: []int{503, 500, 502, 504}},
	{name: ErrorAfter, does: "answers 5xx, though all was done", manner: crashes, kinds: writes, takes: []string{"status"}, statuses: []int{502, 500, 503, 504}},
	{name: LostAnswer, does: "does all and cuts the connection", manner: loses, kinds: writes},
	{name: SlowAnswer, does: "does all and answers late", manner: delays, takes: []string{"duration"}, duration: 5 * time.Second},
	{name: EndlessAnswer, does: "does all, and the answer never ends", manner: goesOn, takes: []string{"duration"}},
	{name: LaggingLists, does: "lists and searches show an older state", manner: lags, kinds: []Kind{List}, bound: true, takes: []string{"duration"}, duration: 30 * time.Second},
	{name: OneTimestamp, does: "gives the newest objects one time of change", manner: disturbs, kinds: []Kind{List}, bound: true, takes: []string{"objects"}},
	{name: MovedObject, does: "moves the object away before the call", manner: disturbs, kinds: []Kind{Read, Update}, bound: true},
	{name: DeletedObject, does: "deletes the object before the call", manner: disturbs, kinds: []Kind{Read, Update}, bound: true},
	{name: RevokedToken, does: "revokes the token, until this is cleared", manner: revokes},
	{name: ETagConflict, does: "edits the object as another user just before an update", manner: disturbs, kinds: []Kind{Update}, bound: true},
	{name: Captcha, does: "wants a captcha solved"},
	{name: AddressBan, does: "refuses the address the call comes from"},
	{name: ForeignAnswer, does: "answers 200 with a page, or with nothing, in the provider's place", manner: replaces, takes: []string{"form", "done"}, forms: []string{HTML, Login, Empty}},
	{name: WrongSuccess, does: "does all and answers with another status of success", manner: changes, kinds: writes},
	{name: BlockedContent, does: "refuses a write whose body holds a text, as a firewall does", kinds: writes, bound: true, takes: []string{"pattern", "status"}, statuses: []int{403, 406}},
	{name: RefusedWords, does: "refuses with its words in another place of the answer", kinds: writes, takes: []string{"form"}, forms: []string{Nested, Array, String, Reason}},
	{name: SlowList, does: "answers 504 to lists with a large page", kinds: []Kind{List}, bound: true, takes: []string{"page"}, statuses: []int{504}},
	{name: ForbiddenItem, does: "forbids one object", kinds: []Kind{Read, Update}, bound: true, takes: []string{"nth", "pattern"}},
	{name: RenamedPlace, does: "renames the repository, project or channel before the call", manner: disturbs},
	{name: MovedReadonly, does: "refuses writes and leads reads to another host", takes: []string{"status"}, statuses: []int{405, 307}},
	{name: ForeignLink, does: "links to another host, or to http", manner: changes, takes: []string{"form"}, forms: []string{Host, Plain}},
	{name: Anonymous, does: "serves the token as a guest, until this is cleared", manner: guests},
}

// The forms of a ForeignAnswer, of RefusedWords and of a ForeignLink.
const (
	HTML   = "html"   // a page
	Login  = "login"  // a page that asks a person to log in
	Empty  = "empty"  // no body
	Nested = "nested" // the words are in an object or a list within a member
	Array  = "array"  // the words are in a list
	String = "string" // the words are the text of a member
	Reason = "reason" // the words are on the status line, and there is no body
	Host   = "host"   // another host
	Plain  = "http"   // the same host without TLS
)

const (
	// page is the default for the largest page that a SlowList answers.
	page = 50
	// blocked is the default for what BlockedContent looks for: a text that common
	// rules of firewalls refuse (octopusreview/octopus#672).
	blocked = "/etc/passwd"
)

// objects is the default for how many objects OneTimestamp gives one time: more than
// a page of any provider has.
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
