package conformance

import (
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"example.com/integrations/shared/connector/factory"
)

// opened is a connector to the provider at example.com.
func (h *trap) opened(t *testing.T, name string) (calls func() map[string]error) {
	t.Helper()
	for _, one := range trackers {
		if one.name != name {
			continue
		}

		text := strings.Replace(strings.Replace(one.text, "%s", `"********"`, 1), "%s", `"https://example.com/x"`, 1)
		c, err := factory.New(one.provider, text, map[string]string{one.secret: token}, h.client(t, ""), nil)
		if err != nil {
			t.Fatal(err)
		}

		return func() map[string]error { return callsOf(t, c) }
	}

	return nil
}

// TestLedOn answers each read and write with an address: as a redirect, as the next
// page, as the location of the answer. No call follows it to another host.
func TestLedOn(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		h := set(t)
		var text atomic.Value
		var status atomic.Int64
		h.answer = func(w http.ResponseWriter, _ *http.Request) {
			to := text.Load().(string)
			w.Header().Set("Location", to)
			w.Header().Set("Content-Location", to)
			w.Header().Set("Refresh", "0;url="+to)
			w.Header().Set("Link", "<"+to+`>; rel="next"`)
			w.Header().Set("X-Next-Page", "2")
			w.WriteHeader(int(status.Load()))
			_, _ = w.Write([]byte("[]"))
		}

		asked := 0
		led := 0
		for k, one := range trackers {
			calls := h.opened(t, one.name)
			for i, e := range all() {
				if raceDetector && i%len(trackers) != k {
					continue
				}

				text.Store(strings.NewReplacer("\n", " ", "\r", " ", "\x00", " ").Replace(e.text))
				for _, n := range []int64{200, 301, 302, 307, 308} {
					if n != 200 && n != 307 && asked%4 != int(n)%4 {
						continue // each address by three statuses
					}
					status.Store(n)
					calls()
				}

				asked++
				caught, _ := h.take()
				if led += len(caught); len(caught) > 0 {
					t.Errorf("%s: led by %q to %v", one.name, e.text, caught)
				}
			}
		}

		t.Logf("%d addresses answered with, %d connections", asked, led)
	})
}

// TestRebinding lets an allowed name that was resolved before resolve to another
// address: the address of each connection counts.
func TestRebinding(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		h := set(t)
		h.answer = nothing
		names := 0
		for _, l := range leadings() {
			to := l.answers[len(l.answers)-1]
			for _, answers := range [][][]netip.Addr{
				{{public4.Addr()}, to}, {{public6.Addr()}, to}, {{public4.Addr()}, {public4.Addr()}, to, {public4.Addr()}, to},
				{{public4.Addr(), public6.Addr()}, append([]netip.Addr{public6.Addr()}, to...)},
			} {
				h.names.mu.Lock()
				h.names.asked = map[string]int{}
				h.names.answers["example.com"] = answers
				h.names.mu.Unlock()
				names++
				calls := h.opened(t, "mantisbt")
				calls()
				calls()
				caught, public := h.take()
				if len(caught) > 0 || public == 0 {
					t.Errorf("%v: %d connections to the provider, then %v", answers, public, caught)
				}
			}
		}

		t.Logf("%d names that change, 0 connections to where they lead then", names)
	})
}
