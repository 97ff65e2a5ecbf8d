package worker

import (
	"testing"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// D5: a create that was not answered is not sent again before its settle time,
// even if a list of the provider does not show it: the list may lag behind.
// Each case leads the worker back to the item while the list still lags.
func TestNothingIsSentAgainBeforeItsSettleTime(t *testing.T) {
	for name, c := range map[string]func(w *world){
		"the worker dies over the create": func(w *world) {
			w.provider.after = func(string, domain.Snowflake) error {
				w.provider.after = nil
				w.wire.reset(1, false)
				return nil
			}

			w.start(domain.Incremental)
			if err := w.slice(); err == nil {
				w.t.Error("the slice did not notice that the table is away")
			}

			w.wire.reset(0, false)
		},
		"a manager changes the configuration meanwhile": func(w *world) {
			w.provider.after = func(string, domain.Snowflake) error {
				w.provider.after = nil
				return ambiguous()
			}
			w.start(domain.Incremental)
			w.must(w.slice())
			w.reconfigure(store.Change{Enabled: true, Configuration: `{"labels":"none"}`, TargetHash: "there", ConfigurationChanged: true})
		},
		"the run is cancelled and another one starts": func(w *world) {
			w.provider.after = func(string, domain.Snowflake) error {
				w.provider.after = nil
				return ambiguous()
			}
			id := w.start(domain.Incremental)
			w.must(w.slice())
			_, err := w.sure.CancelRun(w.ctx, w.pair, id, w.clock.now)
			w.must(err)
			w.start(domain.Full)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.engine.Settings.Settle = 10 * time.Minute
			w.provider.lag = 8 * time.Minute
			item := w.marked(1, 1)
			c(w)
			w.settle()
			w.exact(item)
			mustBe(t, "creates", w.provider.creates, 1)
			if w.provider.finds < 2 {
				t.Errorf("looked for %d times: the case does not reach the item before its settle time", w.provider.finds)
			}
		})
	}
}

// D5: the same for a digest, where the chat can be asked.
func TestADigestIsNotSentAgainBeforeItsSettleTime(t *testing.T) {
	w, r := chatting(t, "posts, asked")
	w.engine.Settings.Settle = 10 * time.Minute
	for id := domain.Snowflake(1); id <= 30; id++ {
		w.told(id, 1, nil)
	}

	posted := time.Time{}
	r.after = func(call string, _ domain.Snowflake) error {
		posted = w.clock.now
		w.wire.reset(1, false)
		return nil
	}

	w.start(domain.Incremental)
	if err := w.slice(); err == nil {
		t.Error("the slice did not notice that the table is away")
	}

	w.wire.reset(0, false)
	r.after = nil
	asked := r.asked
	w.minutes(5)
	if w.clock.now.Sub(posted) >= w.engine.Settings.Settle {
		t.Fatal("the settle time is over")
	}

	mustBe(t, "calls before the settle time is over", r.asked, asked)
	w.settle()
	mustBe(t, "digests", len(r.digests()), 1)
	w.noMarks()
}
