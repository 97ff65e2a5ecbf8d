package limits

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"example.com/integrations/shared/domain"
)

var start = time.Date(2026, 3, 4, 10, 0, 0, 123456789, time.UTC)

// A left call is one that was made.
type left struct {
	op        Op
	at, given time.Time
}

// play has two workers that share a usage call for a while: they ask for some
// times, use some of them, each up to Late after its time, and pause.
func play(rng *rand.Rand, l Limits, calls int) (all []left) {
	var u Usage
	now := [2]time.Time{start, start}
	for len(all) < calls {
		w := 0
		if now[1].Before(now[0]) {
			w = 1
		}

		var ops []Op
		for range 1 + rng.IntN(12) {
			ops = append(ops, Op(rng.IntN(3)))
		}

		until := now[w].Add(time.Duration(1+rng.IntN(90)) * time.Second)
		next, times := l.Take(u, now[w], until, ops, time.Duration(rng.IntN(400))*time.Millisecond)
		u = next
		for i, at := range times {
			if rng.IntN(10) == 0 {
				break // the slice ends; what was given is forgone
			}
			all = append(all, left{ops[i], at.Add(time.Duration(rng.Int64N(int64(Late) + 1))), at})
		}

		first := l.Next(u, now[w], Create)
		now[w] = now[w].Add(time.Duration(rng.IntN(3000)) * time.Millisecond)
		if rng.IntN(2) == 0 && first.After(now[w]) {
			now[w] = first
		}
	}

	return all
}

func some(rng *rand.Rand) Limits {
	l := Limits{Gap: []time.Duration{0, 250 * time.Millisecond, time.Second}[rng.IntN(3)]}
	for range rng.IntN(4) {
		per := time.Duration(1+rng.IntN(20)) * []time.Duration{time.Second, 15 * time.Second, time.Minute}[rng.IntN(3)]
		w := Window{Kind(rng.IntN(3)), 2 + rng.IntN(60), per}
		if !slices.ContainsFunc(l.Windows, func(o Window) bool { return o.name() == w.name() }) {
			l.Windows = append(l.Windows, w)
		}
	}

	return l
}

// Whatever the limits and whichever caller calls when: no window of a limit's length
// holds more than it allows, and writes keep their distance.
func TestLimitsAreKept(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 7))
		l := some(rng)
		calls := play(rng, l, 400)
		slices.SortStableFunc(calls, func(a, b left) int { return a.at.Compare(b.at) })
		for _, w := range l.Windows {
			from := 0
			sum := 0
			for _, c := range calls {
				sum += cost(c.op, w.Of)
				for !calls[from].at.After(c.at.Add(-w.Per)) {
					sum -= cost(calls[from].op, w.Of)
					from++
				}

				if sum > w.Count {
					t.Fatalf("seed %d: %d of %d in the %s before %s: %+v", seed, sum, w.Count, w.Per, c.at, l)
				}
			}
		}

		slices.SortStableFunc(calls, func(a, b left) int { return a.given.Compare(b.given) })
		last := time.Time{}
		for _, c := range calls {
			if cost(c.op, Writes) == 0 {
				continue
			}

			if !last.IsZero() && c.given.Sub(last) < l.Gap {
				t.Fatalf("seed %d: two writes within %s: %+v", seed, c.given.Sub(last), l)
			}

			last = c.given
		}
	}
}

// What GitHub allows is used: of 5,000 creates in ten hours hardly one is lost
// to caution.
func TestHardlyAnythingIsLeft(t *testing.T) {
	for _, p := range []domain.Provider{domain.GitHub, domain.GitLab, domain.Discord} {
		l := Published(p, true)
		best := ideal(l, 10*time.Hour)
		var u Usage
		now := start
		made := 0
		for now.Before(start.Add(10 * time.Hour)) {
			next, times := l.Take(u, now, now.Add(time.Minute), make([]Op, 300), 100*time.Millisecond)
			u = next
			made = made + len(times)
			now = now.Add(time.Minute)
			for name, buckets := range u.Spent {
				if len(buckets) > 130 { // a window's, and those given out for the minute to come
					t.Fatalf("%s: %d buckets of %s", p, len(buckets), name)
				}
			}
		}

		if share := float64(made) / float64(best); share < 0.95 || share > 1.01 {
			t.Errorf("%s: %d creates in ten hours, %.3f of %d", p, made, share, best)
		}
	}
}

// ideal is how many creates the tightest limit allows in a time.
func ideal(l Limits, within time.Duration) int {
	best := 1 << 30
	for _, w := range l.Windows {
		best = min(best, w.Count*int(within/w.Per)/cost(Create, w.Of))
	}
	return best
}

// To ask costs nothing: what is not given out is not spent, what was spent is
// not forgotten, and the usage that was read stays as it was.
func TestAskingSpendsNothing(t *testing.T) {
	l := Limits{Gap: time.Second, Windows: []Window{{Creates, 3, time.Minute}, {Calls, 100, time.Hour}}}
	u, times := l.Take(Usage{}, start, start.Add(time.Minute), make([]Op, 5), 0)
	if len(times) != 3 {
		t.Fatalf("%d times of 3", len(times))
	}

	before, err := json.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}

	now := start.Add(10 * time.Second)
	far := l.Next(u, now, Create)
	if far.Sub(start) < time.Minute || far.Sub(start) > 66*time.Second {
		t.Errorf("the fourth may go after %s", far.Sub(start))
	}

	again, none := l.Take(u, now, now.Add(time.Second), make([]Op, 3), 0)
	if len(none) != 0 || !reflect.DeepEqual(again.Spent, u.Spent) || again.Free != u.Free {
		t.Errorf("asked in vain, and yet %+v became %+v", u, again)
	}

	l.Finish(u, now, 50, 50, 0)
	l.Take(u, far, far.Add(time.Hour), make([]Op, 20), 0)
	l.Take(u, now, far, []Op{Read, Read}, 0)
	if after, err := json.Marshal(u); err != nil || string(after) != string(before) {
		t.Errorf("the usage was changed: %s, before %s", after, before)
	}

	// A time far ahead is given to one worker; for another, who comes before
	// it, what is over by then still counts.
	u, times = l.Take(u, now, far.Add(time.Minute), make([]Op, 1), 0)
	if len(times) != 1 || times[0] != far {
		t.Fatalf("%v, want %v", times, far)
	}

	if early := l.Next(u, now, Create); early.Before(far) {
		t.Errorf("a fifth may go after %s", early.Sub(start))
	}
}

func TestNowIsNow(t *testing.T) {
	if got := (Limits{}).Next(Usage{}, start, Create); got != start {
		t.Errorf("nobody has to wait, but until %s", got.Sub(start))
	}

	if got := Published(domain.GitHub, true).Next(Usage{}, start, Create); got != start {
		t.Errorf("nobody has called, but wait until %s", got.Sub(start))
	}
}

func TestRefusals(t *testing.T) {
	l := Limits{Gap: time.Second}
	var u Usage
	var until time.Time
	now := start
	for n, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour} {
		u, until = l.Refused(u, now, time.Minute, true)
		if got := until.Sub(now).Round(time.Second); got != want {
			t.Errorf("refusal %d: %s, want %s", n+1, got, want)
		}

		if next := l.Next(u, now, Read); next != until {
			t.Errorf("a read may go at %s, blocked until %s", next, until)
		}

		now = until
	}

	for range 80 { // the shift does not overflow
		if u, until = l.Refused(u, now, time.Minute, true); until.Sub(now).Round(time.Second) != time.Hour {
			t.Fatalf("%s", until.Sub(now))
		}
		now = until
	}

	if u, until = l.Refused(u, now, 3*time.Hour, false); until.Sub(now).Round(time.Second) != 3*time.Hour {
		t.Errorf("told to wait for three hours: %s", until.Sub(now))
	}

	if _, shorter := l.Refused(u, now, time.Second, false); shorter != until {
		t.Errorf("a shorter wait takes the longer one back: %s", shorter.Sub(now))
	}

	u = Succeeded(u)
	if _, until = l.Refused(u, now.Add(4*time.Hour), time.Minute, true); until.Sub(now.Add(4*time.Hour)).Round(time.Second) != time.Minute {
		t.Error("a success does not forget the refusals before it")
	}
}

// The estimate is what happens, if it is played to the end.
func TestTheEstimateIsWhatHappens(t *testing.T) {
	for _, c := range []struct{ creates, updates int }{{700, 0}, {0, 900}, {400, 700}, {1, 1}, {2000, 30}} {
		for _, l := range []Limits{Published(domain.GitHub, true), Published(domain.Discord, true), {Gap: time.Second / 4}, {}} {
			const took = 200 * time.Millisecond
			want := l.Finish(Usage{}, start, c.creates, c.updates, took)
			var u Usage
			now := start
			ops := mixed(c.creates, c.updates)
			for len(ops) > 0 {
				next, times := l.Take(u, now, now.Add(time.Minute), ops[:min(50, len(ops))], took)
				u = next
				ops = ops[len(times):]
				if n := len(times); n > 0 {
					now = times[n-1].Add(took)
				} else {
					now = l.Next(u, now, ops[0])
				}
			}

			if off := want.Sub(now).Abs(); off > now.Sub(start)/50+time.Second {
				t.Errorf("%+v %+v: estimated %s, took %s", c, l, want.Sub(start), now.Sub(start))
			}
		}
	}

	if got := (Limits{}).Finish(Usage{Blocked: start.Add(time.Hour).UnixMilli()}, start, 3, 0, time.Second); got.Sub(start).Round(time.Second) != time.Hour+3*time.Second {
		t.Errorf("blocked for an hour, and three calls: %s", got.Sub(start))
	}

	if got := Published(domain.GitHub, true).Finish(Usage{}, start, 0, 0, time.Second); got.Sub(start) > time.Millisecond {
		t.Errorf("nothing left takes %s", got.Sub(start))
	}
}

func mixed(creates, updates int) (ops []Op) {
	for creates+updates > 0 {
		if creates*(updates+1) >= updates*(creates+1) && creates > 0 || updates == 0 {
			ops = append(ops, Create)
			creates = creates - 1
		} else {
			ops = append(ops, Update)
			updates = updates - 1
		}
	}

	return ops
}

// A changed limit starts its own count, and says nothing of the others.
func TestAnotherLimitCountsAnew(t *testing.T) {
	old := Limits{Windows: []Window{{Creates, 2, time.Minute}}}
	u, _ := old.Take(Usage{}, start, start.Add(time.Second), make([]Op, 2), 0)
	if next := (Limits{Windows: []Window{{Creates, 5, time.Minute}}}).Next(u, start, Create); next != start {
		t.Errorf("a wider limit of the same length does not see what was spent, or adds to it: %s", next.Sub(start))
	}

	if next := (Limits{Windows: []Window{{Creates, 1, time.Minute}}}).Next(u, start, Create); next.Sub(start) < time.Minute {
		t.Errorf("a narrower limit of the same length forgets what was spent: %s", next.Sub(start))
	}
}

// Stored text, however strange, gives no panic and no endless loop.
func FuzzUsage(f *testing.F) {
	u, _ := Published(domain.GitHub, true).Take(Usage{}, start, start.Add(time.Minute), make([]Op, 50), 0)
	good, err := json.Marshal(u)
	if err != nil {
		f.Fatal(err)
	}

	f.Add(good)
	f.Add([]byte(`{"free":-9223372036854775808,"blocked":9223372036854775807,"strikes":-1,"spent":{"0/3600000":[{"at":9,"n":-5},{"at":-9223372036854775808,"n":9223372036854775807},{"at":3,"n":4}]}}`))
	f.Add([]byte(`{"spent":{"0/60000":[{"at":9223372036854775807,"n":1}]}}`))
	l := Published(domain.GitHub, true)
	f.Fuzz(func(t *testing.T, text []byte) {
		var u Usage
		if json.Unmarshal(text, &u) != nil {
			return
		}

		next, times := l.Take(u, start, start.Add(time.Minute), []Op{Create, Update, Read}, time.Second)
		for _, at := range times {
			if at.Before(start) || !at.Before(start.Add(time.Minute)) {
				t.Errorf("given: %s", at)
			}
		}

		l.Next(next, start, Create)
		l.Finish(next, start, 20, 20, time.Second)
		l.Refused(next, start, time.Minute, true)
	})
}

// A setting that is accepted is one that can be kept.
func FuzzParseSetting(f *testing.F) {
	for _, text := range []string{"", "off", "published", "github=gap:1s,creates:80/1m;slack=gap:1s", "github=", "=", ";", "github=creates:1/1m", "github=gap:0s", "github=calls:5000/1h", "github=creates:80/1m,creates:90/1m"} {
		f.Add(text)
	}

	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSetting(text)
		if err != nil {
			return
		}

		for p := range published {
			l := s.Limits(p, true)
			if l.Gap < 0 || l.Gap > time.Hour {
				t.Errorf("%q: gap %s", text, l.Gap)
			}

			names := map[string]bool{}
			for _, w := range l.Windows {
				if w.Count < 2 || w.Per < time.Second || w.Per > 24*time.Hour || names[w.name()] {
					t.Errorf("%q: %+v", text, l)
				}
				names[w.name()] = true
			}
		}
	})
}

func TestSettings(t *testing.T) {
	for text, want := range map[string]string{
		"":             "{1s [{0 80 1m0s} {0 500 1h0m0s} {2 5000 1h0m0s}]}",
		"published":    "{1s [{0 80 1m0s} {0 500 1h0m0s} {2 5000 1h0m0s}]}",
		"off":          "{0s []}",
		"slack=gap:2s": "{1s [{0 80 1m0s} {0 500 1h0m0s} {2 5000 1h0m0s}]}",
		"github=gap:250ms, writes:30/1m ,calls:100/1h;slack=gap:2s": "{250ms [{1 30 1m0s} {2 100 1h0m0s}]}",
	} {
		s, err := ParseSetting(text)
		if got := fmt.Sprint(s.Limits(domain.GitHub, true)); err != nil || got != want {
			t.Errorf("%q: %s, %v; want %s", text, got, err, want)
		}
	}

	for _, text := range []string{"on", "github", "github=", "nobody=gap:1s", "github=gap:1s;github=gap:2s", "github=gap:-1s", "github=gap:2h", "github=gap", "github=creates:80", "github=creates:x/1m",
		"github=creates:1/1m", "github=creates:9/1ms", "github=creates:9/48h", "github=posts:9/1m", "github=creates:9/1m,creates:10/60s", ";", "github=gap:1s;"} {
		if s, err := ParseSetting(text); err == nil {
			t.Errorf("%q is taken: %+v", text, s)
		}
	}
}

// The limits the providers publish for what they run themselves; elsewhere
// nobody publishes any, and we are gentle.
func TestPresets(t *testing.T) {
	for p, want := range map[domain.Provider]string{
		domain.GitHub:   "{1s [{0 80 1m0s} {0 500 1h0m0s} {2 5000 1h0m0s}]}",
		domain.GitLab:   "{0s [{0 200 1m0s} {2 400 1m0s}]}",
		domain.Jira:     "{1s []}",
		domain.MantisBT: "{500ms []}",
		domain.Discord:  "{0s [{1 30 1m0s}]}",
		domain.Slack:    "{1s []}",
		domain.Teams:    "{500ms []}",
	} {
		if got := fmt.Sprint(Published(p, true)); got != want {
			t.Errorf("%s: %s, want %s", p, got, want)
		}

		if got := fmt.Sprint(Published(p, false)); got != "{250ms []}" {
			t.Errorf("%s elsewhere: %s", p, got)
		}
	}

	for _, p := range domain.Providers {
		if _, ok := published[p]; !ok {
			t.Errorf("%s has no limits", p)
		}
	}
}
