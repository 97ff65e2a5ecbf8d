package worker

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	fakemantisbt "example.com/integrations/local/providers/mantisbt"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/mantisbt"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A MantisBT whose database cannot store characters of four bytes. The connector
// replaces them once the server has failed on them, and then no answer comes for
// a while. That is our own write.
func TestAWideCharacterAtMantisBT(t *testing.T) {
	w := newWorld(t)
	s, err := fakemantisbt.Open(fakemantisbt.Config{Dir: t.TempDir(), Now: w.clock.Now, Installation: fakemantisbt.Installation{Narrow: true}, Tokens: map[string]string{trackerToken: "sync-bot"},
		Projects: []fakemantisbt.Project{{ID: 1, Name: "Work", Categories: []string{"General"}}}})
	w.must(err)
	t.Cleanup(func() { _ = s.Close() })
	api := http.StripPrefix("/bugs", s.API())
	var losing atomic.Bool
	var narrowed atomic.Int32
	server := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPatch || !losing.Load() {
			api.ServeHTTP(rw, r)
			return
		}

		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if bytes.Contains(body, []byte("🦀")) {
			api.ServeHTTP(rw, r) // the server fails by itself
			return
		}

		narrowed.Add(1)
		api.ServeHTTP(discard{http.Header{}}, r)
		panic(http.ErrAbortHandler)
	})

	client := connectortest.ServeAt(t, []string{connectortest.Host}, server, trackerToken)
	w.opens(nil)
	open := w.engine.Open
	w.engine.Open = func(c ctx, v store.View) (Opened, error) {
		o, err := open(c, v)
		o.Connector = mantisbt.New(mantisbt.Config{BaseURL: base + "/bugs/api/rest", Token: trackerToken, Project: "Work", Category: "General"}, client, w.clock.Now)
		return o, err
	}

	w.pulling("linked")
	w.item(1, 1, nil)
	w.full()
	w.pass(time.Hour)
	links, err := w.sure.Links(w.ctx, 77, w.state().TargetKey(), []domain.Snowflake{1})
	w.must(err)
	mustBe(t, "the first text was stored as it was sent", links[1].Verbatim, true)

	losing.Store(true)
	w.item(1, 2, func(i *domain.Item) { i.Description = "a crab 🦀" })
	w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: 1, Version: 2}))
	w.start(domain.Incremental)
	w.pass(30 * time.Minute)
	mustBe(t, "a narrowed update was carried out", narrowed.Load() > 0, true)
	losing.Store(false)
	w.pass(2 * time.Hour)
	mustBe(t, "events of our own", fmt.Sprint(w.changes()), "[]")
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// The text before was stored as it was sent; this one is stored in another form,
// since it has what the provider changes.
func TestOnlySomeTextsAreStoredInAnotherForm(t *testing.T) {
	w := newWorld(t)
	w.provider.stores = func(c connector.Content) connector.Content {
		c.Body = strings.ReplaceAll(c.Body, "🦀", "\ufffd")
		return c
	}
	w.pulling("linked")
	w.marked(1, 1)
	w.start(domain.Incremental)
	w.settle()
	w.provider.after = func(string, domain.Snowflake) error { return ambiguous() }
	w.item(1, 2, func(i *domain.Item) { i.Description = "a crab 🦀" })
	w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: 1, Version: 2}))
	w.start(domain.Incremental)
	w.pass(30 * time.Minute)
	w.provider.after = nil
	w.pass(time.Hour)
	mustBe(t, "events of our own", fmt.Sprint(w.changes()), "[]")
}

// An update is carried out and not answered; when it is repeated at once, the
// provider cannot be reached, or limits, or refuses.
func TestAnUpdateInDoubtThatIsThenRefused(t *testing.T) {
	for name, then := range map[string]*failure.Error{
		"unreachable":  {Class: failure.NotSent, Scope: failure.IntegrationScope, Code: "unreachable"},
		"rate limited": {Class: failure.Retryable, Scope: failure.IntegrationScope, Code: rateLimited, Wait: 5 * time.Minute},
		"unavailable":  {Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "provider_unavailable", Status: 503, Wait: time.Minute},
		"refused":      {Class: failure.Final, Scope: failure.ItemScope, Code: "rejected", Status: 403},
	} {
		for _, back := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, changed back %v", name, back), func(t *testing.T) {
				w := newWorld(t)
				pull := "linked"
				if back {
					pull = "off"
				}

				w.pulling(pull)
				text := func(text string) func(*domain.Item) { return func(i *domain.Item) { i.Description = text } }
				w.item(1, 1, text("first"))
				w.full()
				n := 0
				w.provider.before = func(call string, _ domain.Snowflake) error {
					if call == "update" && n > 0 {
						return then
					}
					return nil
				}

				w.provider.after = func(string, domain.Snowflake) error {
					n++
					return ambiguous()
				}
				item := w.item(1, 2, text("second"))
				w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: 1, Version: 2}))
				w.start(domain.Incremental)
				w.must(w.slice())
				mustBe(t, "carried out", w.provider.objects[0].content.Body, "second")
				if back {
					item = w.item(1, 3, text("first"))
					w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: 1, Version: 3}))
				} else {
					w.pass(2 * time.Minute)
				}

				w.provider.before = nil
				w.provider.after = nil
				w.pass(3 * time.Hour)
				mustBe(t, "events of our own", fmt.Sprint(w.changes()), "[]")
				w.exact(item)
			})
		}
	}
}

// Eleven updates are not answered, and the tenth is carried out late.
func TestTheLastTenUpdatesInDoubt(t *testing.T) {
	w := newWorld(t)
	w.pulling("linked")
	w.marked(1, 1)
	w.start(domain.Incremental)
	w.settle()
	w.provider.before = func(call string, _ domain.Snowflake) error {
		if call == "update" {
			return ambiguous()
		}
		return nil
	}

	var tenth, last connector.Content
	for version := int64(2); version <= 12; version++ {
		item := w.item(1, version, func(i *domain.Item) {
			i.Title = fmt.Sprintf("version %02d", version)
			if version == 11 { // the last one but this
				i.Title = "z"
			}
		})
		if version == 11 {
			tenth = w.provider.Render(item)
		}

		last = w.provider.Render(item)
		w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: 1, Version: version}))
		w.start(domain.Incremental)
		w.pass(time.Minute)
	}

	w.pass(10 * time.Minute)
	for _, late := range []connector.Content{tenth, last} {
		w.provider.touch(0, func(c *connector.Content) { *c = late })
		w.pass(30 * time.Minute)
	}

	mustBe(t, "events of our own", fmt.Sprint(w.changes()), "[]")
}

// A create whose answer was lost is found by its marker. The next update is not
// answered; a person edits the object before it is repeated.
func TestAnEditAfterADoubtfulUpdateOfAFoundObject(t *testing.T) {
	w := newWorld(t)
	w.pulling("linked")
	w.marked(1, 1)
	w.provider.after = func(string, domain.Snowflake) error {
		w.provider.after = nil
		return ambiguous()
	}
	w.start(domain.Incremental)
	w.settle()
	mustBe(t, "the object of the item", w.objectOf(1), "0")

	w.provider.before = func(call string, _ domain.Snowflake) error {
		if call == "update" {
			return ambiguous()
		}
		return nil
	}

	w.change(1, 2)
	w.pass(time.Minute)
	w.provider.touch(0, edit)
	w.provider.before = nil
	w.pass(time.Hour)
	mustBe(t, "overwritten", w.provider.objects[0].content.Body, "version 2")
	mustBe(t, "events", fmt.Sprint(w.changes()), "[1 edited]")
}
