package worker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
)

// clock is a virtual clock: sleeping moves it.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }
func (c *clock) Sleep(_ context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return nil
}

// object is what the provider holds.
type object struct {
	marker  connector.Marker
	content connector.Content
	at      time.Time
	listed  time.Time // when lists show it
	updated time.Time
	other   bool // a pull request among issues
	person  bool // a person made it
	note    string
}

// provider is a provider in memory that can fail as real ones do.
type provider struct {
	clock   *clock
	objects []*object
	creates int
	updates int
	finds   int
	reads   int // of single objects
	asked   int // calls of all kinds, answered or not
	wrote   func(step string, item domain.Snowflake)
	// panics names the item at which a step panics.
	panics  map[string]domain.Snowflake
	changes int
	// sizes, if set, is how many objects the n-th page of changes has.
	sizes func(n int) int
	// lists stands for the object that a list of changes shows, nil for the one
	// that is there.
	lists func(n int) *object
	// suffix is what the template adds to a title.
	suffix string
	lag    time.Duration // how long lists lag behind
	// behind is how far its clock is behind ours, and told what of it an answer
	// has shown.
	behind, told, most time.Duration
	// stuck is the item whose object can be edited, and not closed.
	stuck domain.Snowflake
	sent  []domain.ItemState // the state sent before, as updates got it
	// place is where the configuration leads to; resolves counts how often that
	// was asked, used is the place that calls go to.
	place    connector.Place
	resolves int
	used     connector.Place
	// unresolved is why the place cannot be resolved, nil if it can.
	unresolved error
	leavesOut  string // what each write leaves out
	refusing   func() // called at each refusal to resolve, nil for not
	// before and after are asked around the effect of each write; an error
	// stands for what the caller sees.
	before, after func(write string, item domain.Snowflake) error
	// stores is the form in which it stores a content, nil for as it is sent.
	stores func(connector.Content) connector.Content
	// beforePlace is asked before the place is read: most tests are about a
	// provider that answers that.
	beforePlace func(call string, item domain.Snowflake) error
}

var _ connector.Puller = (*provider)(nil)

func (p *provider) note(step string, item domain.Snowflake) {
	if p.wrote != nil {
		p.wrote(step, item)
	}
}

func stepOf(before, after domain.ItemState) string {
	switch {
	case before == after:
		return "update"
	case after == domain.Closed:
		return "close"
	}

	return "reopen"
}

// calls is how often the provider was asked for anything.
func (p *provider) calls() int { return p.asked }

func (p *provider) trip(step string, item domain.Snowflake) {
	if at, ok := p.panics[step]; ok && at == item {
		panic("a strange item")
	}
}

func (p *provider) Render(i domain.Item) connector.Content {
	p.trip("render", i.ID)
	return connector.Content{Title: i.Title + p.suffix, Body: i.Description, Labels: i.Labels, State: i.State}
}

func ask(f func(string, domain.Snowflake) error, write string, item domain.Snowflake) error {
	if f == nil {
		return nil
	}
	return f(write, item)
}

func (p *provider) Create(_ context.Context, c connector.Content, m connector.Marker) (connector.Written, error) {
	p.asked++
	p.trip("create", m.Item)
	if err := ask(p.before, "create", m.Item); err != nil {
		return connector.Written{}, err
	}

	p.clock.now = p.clock.now.Add(20 * time.Millisecond)
	p.creates++
	p.note("create", m.Item)
	o := &object{marker: m, content: p.stored(c), at: p.now(), updated: p.now(), listed: p.clock.now.Add(p.lag)}
	p.objects = append(p.objects, o)
	if err := ask(p.after, "create", m.Item); err != nil {
		return connector.Written{}, err
	}

	return p.written(len(p.objects) - 1), nil
}

// written is an object as it is.
func (p *provider) written(n int) connector.Written {
	o := p.objects[n]
	o.note = p.leavesOut
	return o.written(p.remote(n))
}

func (o *object) written(remote domain.Remote) connector.Written {
	remote.State = o.content.State
	return connector.Written{Note: o.note, Remote: remote, CreatedAt: o.at, UpdatedAt: o.updated.Truncate(time.Second),
		Seen: connector.Seen{Text: o.content.Title + "\n" + o.content.Body, State: o.content.State}}
}

// Look is how an object looks that was made or changed as it was sent.
func (p *provider) Look(c connector.Content, _ connector.Marker) string {
	return c.Title + "\n" + c.Body
}

func (p *provider) stored(c connector.Content) connector.Content {
	if p.stores == nil {
		return c
	}

	return p.stores(c)
}

// markers are what a list shows of an object's marker.
func (o *object) markers() []connector.Marker {
	if o.marker == (connector.Marker{}) {
		return nil
	}
	return []connector.Marker{o.marker}
}

// touch has a person change an object.
func (p *provider) touch(n int, change func(*connector.Content)) {
	change(&p.objects[n].content)
	p.objects[n].updated = p.now()
}

func (p *provider) remote(n int) domain.Remote {
	return domain.Remote{ID: fmt.Sprint(n), Key: fmt.Sprintf("#%d", n), State: p.objects[n].content.State}
}

func (p *provider) Update(_ context.Context, sent connector.Sent, c connector.Content, m connector.Marker) (connector.Written, error) {
	p.asked++
	p.trip("update", m.Item)
	if err := ask(p.before, "update", m.Item); err != nil {
		return connector.Written{}, err
	}

	p.clock.now = p.clock.now.Add(20 * time.Millisecond)
	var n int
	if _, err := fmt.Sscan(sent.Remote.ID, &n); err != nil || n >= len(p.objects) {
		return connector.Written{}, errors.New("no such object")
	}

	p.updates++
	p.sent = append(p.sent, sent.State)
	if p.stuck == m.Item && c.State == domain.Closed {
		c.State = p.objects[n].content.State
		p.objects[n].content, p.objects[n].updated = c, p.now()
		return p.written(n), refusedItem()
	}

	p.note(stepOf(p.objects[n].content.State, c.State), m.Item)
	sends := sent.State != c.State
	if !sends {
		c.State = p.objects[n].content.State
	}

	p.objects[n].content = p.stored(c)
	p.objects[n].marker = m
	p.objects[n].updated = p.now()
	if err := ask(p.after, "update", m.Item); err != nil {
		return connector.Written{}, err
	}

	w := p.written(n)
	if !sends {
		w.Seen.State = sent.Seen.State
	}

	return w, nil
}

// there is the place that the fake provider has, unless a test gives it another.
var there = connector.Place{Instance: "fake.example", ID: "1", Name: "there"}

// elsewhere is another place.
var elsewhere = connector.Place{Instance: "fake.example", ID: "2", Name: "elsewhere"}

// placed is the key under which links to that place are kept.
var placed = there.Key(domain.GitHub)

func (p *provider) Resolve(context.Context) (connector.Place, error) {
	p.asked++
	p.resolves++
	if err := ask(p.beforePlace, "resolve", 0); err != nil {
		return connector.Place{}, err
	}

	if p.unresolved != nil && p.refusing != nil {
		p.refusing()
	}

	if p.unresolved != nil {
		return connector.Place{}, p.unresolved
	}

	p.tell()
	if p.place == (connector.Place{}) {
		p.place = there
	}

	p.used = p.place

	return p.place, nil
}

func (p *provider) Use(place connector.Place) { p.used = place }

// now is the time by its own clock.
func (p *provider) now() time.Time { return p.clock.now.Add(-p.behind) }

func (p *provider) ClockLag() (last, most time.Duration) { return p.told, p.most }

// tell has an answer tell the time.
func (p *provider) tell() { p.told, p.most = p.behind, max(p.most, p.behind) }

func (p *provider) Find(_ context.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	p.finds++
	p.asked++
	p.tell()
	if err := ask(p.before, "find", 0); err != nil {
		return nil, err
	}

	found := map[domain.Snowflake]connector.Written{}
	originals := connector.NewOriginals(want)
	for n, o := range p.objects {
		if o.at.Before(since) || o.listed.After(p.clock.now) {
			continue
		}

		for _, item := range originals.See([]connector.Marker{o.marker}, o.at, int64(n)) {
			found[item] = p.written(n)
		}
	}

	return found, nil
}

// pageSize is how many objects a page of changes has where nothing else is set.
const pageSize = 100

func (p *provider) Changes(_ context.Context, since time.Time, offset int) ([]connector.Object, bool, error) {
	p.changes++
	p.asked++
	p.tell()
	if err := ask(p.before, "changes", 0); err != nil {
		return nil, false, err
	}

	var all []connector.Object
	for n, o := range p.objects {
		if p.lists != nil {
			o = p.lists(n)
		}

		if at := o.updated.Truncate(time.Second); !at.Before(since) && o.other {
			all = append(all, connector.Object{UpdatedAt: at, Ignored: true})
		} else if !at.Before(since) {
			all = append(all, o.shown(p.remote(n)))
		}
	}

	slices.SortStableFunc(all, func(a, b connector.Object) int { return a.UpdatedAt.Compare(b.UpdatedAt) })
	size := pageSize
	if p.sizes != nil {
		size = p.sizes(p.changes)
	}

	from := min(offset, len(all))
	to := min(from+size, len(all))

	return all[from:to], to < len(all), nil
}

// shown is an object as a list or a read of it shows it.
func (o *object) shown(remote domain.Remote) connector.Object {
	return connector.Object{Written: o.written(remote), Marker: o.marker, Markers: o.markers(), Title: o.content.Title,
		UpdatedAt: o.updated.Truncate(time.Second)}
}

func (p *provider) Read(_ context.Context, remote domain.Remote) (connector.Object, error) {
	p.asked++
	p.reads++
	n, err := strconv.Atoi(remote.ID)
	if err != nil || n >= len(p.objects) {
		return connector.Object{}, &failure.Error{Class: failure.Final, Scope: failure.ItemScope, Code: item.RemoteDeleted}
	}

	if err := ask(p.before, "read", p.objects[n].marker.Item); err != nil {
		return connector.Object{}, err
	}

	return p.objects[n].shown(p.remote(n)), nil
}

// byItem gives the objects of each item.
func (p *provider) byItem() map[domain.Snowflake][]*object {
	all := map[domain.Snowflake][]*object{}
	for _, o := range p.objects {
		if o.marker.Item == 0 || o.person {
			continue // a person's
		}
		all[o.marker.Item] = append(all[o.marker.Item], o)
	}

	return all
}

// bus takes events, unless it is away.
type bus struct {
	taken []outgoing.Event
	away  bool
}

func (b *bus) Publish(_ context.Context, notices []outgoing.Event) ([]outgoing.Event, error) {
	if b.away {
		return nil, errors.New("the bus is away")
	}
	b.taken = append(b.taken, notices...)
	return notices, nil
}

// of gives the events of a type, each once.
func (b *bus) of(detailType string) []outgoing.Event {
	var all []outgoing.Event
	seen := map[domain.Snowflake]bool{}
	for _, n := range b.taken {
		if n.DetailType == detailType && !seen[n.ID] {
			seen[n.ID] = true
			all = append(all, n)
		}
	}

	return all
}

// wire counts requests to the table and cuts it after some: before the request
// is sent, or after it took effect.
type wire struct {
	mu        sync.Mutex
	next      http.RoundTripper
	count     int
	cutAfter  int // 0: never
	takeFirst bool
}

var errCut = errors.New("the worker crashed")

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.count++
	n := w.count
	cut := w.cutAfter
	w.mu.Unlock()
	if cut > 0 && n >= cut {
		if n == cut && w.takeFirst {
			if resp, err := w.next.RoundTrip(r); err == nil {
				resp.Body.Close()
			}
		}
		return nil, errCut
	}

	return w.next.RoundTrip(r)
}

func (w *wire) reset(cutAfter int, takeFirst bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count = 0
	w.cutAfter = cutAfter
	w.takeFirst = takeFirst
}

func ambiguous() error {
	return &failure.Error{Class: failure.Ambiguous, Scope: failure.ItemScope, Code: "no_answer"}
}

func mustBe[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
