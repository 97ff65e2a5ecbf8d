package delivery

import (
	"encoding/json"
	"net/http"
	"sync"
)

// kept is how many of the last events can be looked at.
const kept = 1000

// recent are the last events the bus has taken, as a target gets them.
type recent struct {
	mu     sync.Mutex
	events []json.RawMessage
}

func (r *recent) add(body string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, json.RawMessage(body))
	if len(r.events) > kept {
		r.events = r.events[len(r.events)-kept:]
	}
}

// ServeRecent answers with the last events the bus has taken, the oldest
// first, as a JSON array; source= gives those of one source.
func (b *Bus) ServeRecent(w http.ResponseWriter, r *http.Request) {
	source := r.URL.Query().Get("source")
	b.recent.mu.Lock()
	defer b.recent.mu.Unlock()
	events := []json.RawMessage{}
	for _, e := range b.recent.events {
		var head struct {
			Source string `json:"source"`
		}
		if json.Unmarshal(e, &head) == nil && (source == "" || head.Source == source) {
			events = append(events, e)
		}
	}

	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(events)
}
