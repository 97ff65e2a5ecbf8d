package worker

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
	"example.com/integrations/shared/store"
)

// Two words name an item.
var (
	firstWords  = []string{"alpha", "bravo", "charlie", "delta", "foxtrot", "golf"}
	secondWords = []string{"black", "brown", "green", "orange", "white", "yellow"}
)

// mostItems is how many names there are.
const mostItems = 36

// nameOf is an item's name: it stands in what is written of the item and in
// nothing else.
func nameOf(id domain.Snowflake) string {
	return firstWords[(id-1)%6] + secondWords[(id-1)/6]
}

// A wall stands before a fake server and sees each write.
type wall struct {
	next http.Handler

	mu sync.Mutex
	// objects are the ids of the items' objects, once they are known.
	objects map[string]domain.Snowflake
	// stop gives the answer to a write in the fake server's place, nil to let it
	// through. Item is 0 where the write names none.
	stop func(r *http.Request, item domain.Snowflake) *reply
	// carry says that a stopped write is carried out all the same.
	carry bool
	// stopped are the items whose writes were stopped, in order.
	stopped []domain.Snowflake
}

func (l *wall) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet || strings.HasSuffix(r.URL.Path, "/search") {
		l.next.ServeHTTP(w, r)
		return
	}

	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}

	r.Body = io.NopCloser(bytes.NewReader(body))

	l.mu.Lock()
	var answer *reply
	if item := l.item(r, body); l.stop != nil {
		if answer = l.stop(r, item); answer != nil {
			l.stopped = append(l.stopped, item)
		}
	}

	carry := l.carry
	l.mu.Unlock()

	if answer == nil {
		l.next.ServeHTTP(w, r)
		return
	}

	if carry {
		l.next.ServeHTTP(&lost{header: http.Header{}}, r)
	}

	answer.write(w)
}

// A lost answer never reaches the caller.
type lost struct{ header http.Header }

func (l *lost) Header() http.Header         { return l.header }
func (l *lost) Write(b []byte) (int, error) { return len(b), nil }
func (l *lost) WriteHeader(int)             {}

// item is the item that a write is about: by the name in its body, or by the
// object in its path.
func (l *wall) item(r *http.Request, body []byte) domain.Snowflake {
	for id := domain.Snowflake(1); id <= mostItems; id++ {
		if bytes.Contains(body, []byte(nameOf(id))) {
			return id
		}
	}

	for part := range strings.SplitSeq(r.URL.Path, "/") {
		if item := l.objects[part]; item != 0 {
			return item
		}
	}

	return 0
}

// set changes what is stopped.
func (l *wall) set(stop func(r *http.Request, item domain.Snowflake) *reply) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop = stop
	l.stopped = nil
}

// tried are the items whose writes were stopped, each once in a row.
func (l *wall) tried() []domain.Snowflake {
	return slices.Compact(l.requests())
}

func (l *wall) requests() []domain.Snowflake {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.stopped)
}

// A scene is a world whose provider is a fake server behind a wall.
type scene struct {
	*world
	standing
	wall   *wall
	client *outbound.Client

	// ids are the six items, version and form what is to be written of them.
	ids     []domain.Snowflake
	version int64
	form    domain.ItemState
}

func newScene(t *testing.T, p place) *scene {
	t.Helper()
	w := newWorld(t)
	up := p.open(t, w.clock.Now)
	h := &scene{world: w, standing: up, wall: &wall{next: up.handler}}
	h.client = connectortest.Serve(t, h.wall, up.secrets...)
	w.worker.Open = func(ctx, store.View) (Opened, error) {
		return Opened{Connector: up.connect(h.client), Credential: w.credential, Limits: w.limits}, nil
	}

	return h
}

// put marks a version of an item, as an event does.
func (h *scene) put(id domain.Snowflake, version int64, state domain.ItemState) {
	h.told(id, version, func(i *domain.Item) {
		i.Title = titleOf(id, version)
		i.State = state
	})
}

// linkAll tells the refuser which objects belong to the items.
func (h *scene) linkAll() {
	h.t.Helper()
	links, err := h.sure.Links(h.ctx, 77, h.state().Target.Key, h.ids)
	h.must(err)
	h.wall.mu.Lock()
	defer h.wall.mu.Unlock()
	h.wall.objects = map[string]domain.Snowflake{}
	for id, l := range links {
		if l.Remote != nil {
			h.wall.objects[l.Remote.ID] = id
		}
	}
}

// shown is what the provider shows: of an issue title and state, of a message
// its content.
func (h *scene) shown() (all []string) {
	h.t.Helper()
	if h.messages != nil {
		return h.messages()
	}

	conn := h.connect(h.client)
	puller, lists := conn.(connector.Puller)
	if !lists {
		h.t.Fatal("the tracker cannot be listed")
	}

	_, err := conn.(connector.Resolver).Resolve(h.ctx)
	h.must(err)
	for more := true; more; {
		var page []connector.Object
		page, more, err = puller.Changes(h.ctx, time.Time{}, len(all))
		h.must(err)
		for _, o := range page {
			all = append(all, o.Title+" "+string(o.Remote.State))
		}
	}

	return all
}
