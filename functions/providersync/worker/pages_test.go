package worker

import (
	"fmt"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

// B7: whenever the pages of a list shrink, also within a block of one time and
// also to single objects, each change is told once and the run gets on.
func TestAPullWhosePagesShrink(t *testing.T) {
	for _, sizes := range [][]int{{100, 50, 25, 10}, {100, 100, 10, 7}, {10, 100, 3}, {50, 1}, {1}} {
		t.Run(fmt.Sprint(sizes), func(t *testing.T) {
			w := newWorld(t)
			w.pulling("all")
			w.start(domain.Full)
			w.settle()
			for n := range 350 {
				if n < 60 || n >= 290 {
					w.clock.now = w.clock.now.Add(time.Second)
				}
				w.provider.objects = append(w.provider.objects, &object{content: connector.Content{Title: fmt.Sprint(n), State: domain.Open}, at: w.clock.now, updated: w.clock.now})
			}

			first := w.provider.changes
			w.provider.sizes = func(n int) int { return sizes[min((n-first-1)/2, len(sizes)-1)] }
			w.clock.now = w.clock.now.Add(20 * time.Minute)
			w.pass(time.Hour)
			mustBe(t, "told", len(w.changes()), 350)
		})
	}
}

// A list that says that more follows and hands over nothing is an outage, not a
// walk without end.
func TestAListThatIsStuck(t *testing.T) {
	w := newWorld(t)
	w.pulling("all")
	w.start(domain.Full)
	w.settle()
	w.provider.objects = append(w.provider.objects, &object{content: connector.Content{Title: "x", State: domain.Open}, at: w.clock.now, updated: w.clock.now})
	w.provider.sizes = func(int) int { return 0 }
	w.clock.now = w.clock.now.Add(20 * time.Minute)
	before := w.provider.changes
	w.pass(30 * time.Minute)
	if n := w.provider.changes - before; n == 0 || n > 60 {
		t.Errorf("the list was asked for %d times", n)
	}

	mustBe(t, "told", len(w.changes()), 0)
	w.provider.sizes = nil
	w.pass(time.Hour)
	mustBe(t, "told in the end", len(w.changes()), 1)
}
