package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/incoming"
)

// bus keeps what it takes and refuses some of it the first time.
type bus struct {
	calls  [][]types.PutEventsRequestEntry
	refuse func(call, entry int) bool
	code   string // "" for one that is worth trying again
}

func (b *bus) PutEvents(_ context.Context, in *eventbridge.PutEventsInput, _ ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error) {
	out := &eventbridge.PutEventsOutput{}
	var taken []types.PutEventsRequestEntry
	for i, entry := range in.Entries {
		var result types.PutEventsResultEntry
		if b.refuse != nil && b.refuse(len(b.calls), i) {
			result.ErrorCode, result.ErrorMessage = aws.String(cmp.Or(b.code, "InternalFailure")), aws.String("again")
			out.FailedEntryCount++
		} else {
			taken = append(taken, entry)
		}

		out.Entries = append(out.Entries, result)
	}

	b.calls = append(b.calls, taken)

	return out, nil
}

func (b *bus) taken() (details []string) {
	for _, call := range b.calls {
		for _, entry := range call {
			details = append(details, *entry.DetailType+" "+*entry.Detail)
		}
	}
	return details
}

func load(t *testing.T, b *bus, lines string) (int, error) {
	t.Helper()
	return Loader{Client: b, Bus: "bus", Source: "platform", DetailType: "item.created"}.Load(t.Context(), strings.NewReader(lines))
}

func TestBatchesOfTen(t *testing.T) {
	b := &bus{}
	sent, err := load(t, b, strings.Repeat("{\"id\":\"1\"}\n\n", 23))
	if err != nil || sent != 23 || len(b.calls) != 3 || len(b.calls[0]) != 10 || len(b.calls[2]) != 3 {
		t.Errorf("%d sent in %d calls, %v", sent, len(b.calls), err)
	}

	if entry := b.calls[0][0]; *entry.EventBusName != "bus" || *entry.Source != "platform" {
		t.Errorf("entry %+v", entry)
	}
}

func TestBatchesStayBelowTheBusLimit(t *testing.T) {
	b := &bus{}
	line := `{"description":"` + strings.Repeat("x", 64<<10) + `"}` + "\n"
	if sent, err := load(t, b, strings.Repeat(line, 10)); err != nil || sent != 10 {
		t.Fatalf("%d, %v", sent, err)
	}

	for _, call := range b.calls {
		if size := len(call) * len(line); size > 256<<10 {
			t.Errorf("a call of %d bytes", size)
		}
	}
}

func TestWhatIsRefusedIsSentAgain(t *testing.T) {
	b := &bus{refuse: func(call, entry int) bool { return call == 0 && entry%2 == 1 }}
	sent, err := load(t, b, "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n")
	if err != nil || sent != 4 || len(b.taken()) != 4 || len(b.calls) != 2 {
		t.Errorf("%d sent, taken %v, %v", sent, b.taken(), err)
	}
}

func TestWhatIsAlwaysRefusedIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bus{refuse: func(int, int) bool { return true }}
		if sent, err := load(t, b, "{}\n"); err == nil || sent != 0 || err.Error() != "line 1: InternalFailure: again" || len(b.calls) != 8 {
			t.Errorf("%d sent in %d calls, %v", sent, len(b.calls), err)
		}
	})
}

func TestLinesMayNameTheirType(t *testing.T) {
	b := &bus{}
	if _, err := load(t, b, `{"detail_type":"item.updated","time":"x","detail":{"id":"2"}}`); err != nil {
		t.Fatal(err)
	}

	if got := b.taken(); got[0] != `item.updated {"id":"2"}` {
		t.Errorf("%v", got)
	}
}

func TestItemsMayChangeTheirOrganisation(t *testing.T) {
	b := &bus{}
	l := Loader{Client: b, DetailType: "item.created", Organisation: "42"}
	lines := `{"id":"9007199254740993","organisation_id":"1","n":1.50}
		{"id":"9007199254740993","organisation_id":"42"}
		{"detail_type":"organisation.updated","detail":{"id":"1"}}
		{"detail_type":"role.updated","detail":{"id":"7","organisation_id":"1"}}
		{"detail_type":"item.deleted","detail":{"id":"9007199254740994","organisation_id":"1"}}`
	if _, err := l.Load(t.Context(), strings.NewReader(lines)); err != nil {
		t.Fatal(err)
	}

	id := Shifted(42, 9007199254740993)
	want := []string{
		`item.created {"id":"` + id.String() + `","n":1.50,"organisation_id":"42"}`, `item.created {"id":"9007199254740993","organisation_id":"42"}`,
		`organisation.updated {"id":"42"}`, `role.updated {"id":"7","organisation_id":"42"}`,
		`item.deleted {"id":"` + (id + 1).String() + `","organisation_id":"42"}`,
	}
	if got := b.taken(); !slices.Equal(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}

	l.Organisation = "042"
	if _, err := l.Load(t.Context(), strings.NewReader(lines)); err == nil {
		t.Error("an organisation that is no id was taken")
	}
}

// Shifted ids are ids, and no two items share one.
func TestShiftedIdsAreIds(t *testing.T) {
	for _, to := range []domain.Snowflake{1, 42, 1180000000000000001, 1<<63 - 1} {
		seen := map[domain.Snowflake]bool{}
		for _, id := range []domain.Snowflake{1, 2, 1190000000000000617, 1 << 62, 1<<63 - 2, 1<<63 - 1} {
			shifted := Shifted(to, id)
			if _, err := domain.ParseSnowflake(shifted.String()); err != nil || seen[shifted] {
				t.Errorf("%s in %s: %s, %v", id, to, shifted, err)
			}
			seen[shifted] = true
		}
	}
}

func TestOtherOrders(t *testing.T) {
	var lines, details []string
	for n := range 50 {
		lines = append(lines, fmt.Sprintf(`{"n":%d}`, n))
		details = append(details, "item.created "+lines[n], "item.created "+lines[n])
	}

	order := func(o *Order) []string {
		b := &bus{}
		l := Loader{Client: b, DetailType: "item.created", Order: o}
		if _, err := l.Load(t.Context(), strings.NewReader(strings.Join(lines, "\n"))); err != nil {
			t.Fatal(err)
		}
		return b.taken()
	}

	twice := order(&Order{Seed: 7, Double: true})
	if slices.Equal(twice, details) || !slices.Equal(twice, order(&Order{Seed: 7, Double: true})) || slices.Equal(twice, order(&Order{Seed: 8, Double: true})) {
		t.Error("the order is not the seed's")
	}

	slices.Sort(twice)
	slices.Sort(details)
	if !slices.Equal(twice, details) || len(order(&Order{})) != 50 {
		t.Errorf("%d events, want each twice", len(twice))
	}

	if _, err := (Loader{Client: &bus{}, Order: &Order{}}).Load(t.Context(), strings.NewReader("x")); err == nil {
		t.Error("a bad line was taken")
	}
}

func TestRate(t *testing.T) {
	for rate, want := range map[float64]struct {
		took  time.Duration
		calls int
	}{0: {0, 10}, 5: {99 * time.Second / 5, 100}, 50: {95 * time.Second / 50, 20}, 1000: {90 * time.Millisecond, 10}} {
		synctest.Test(t, func(t *testing.T) {
			b := &bus{}
			began := time.Now()
			l := Loader{Client: b, DetailType: "item.created", Rate: rate}
			_, err := l.Load(t.Context(), strings.NewReader(strings.Repeat("{}\n", 100)))
			if took := time.Since(began); err != nil || took != want.took || len(b.calls) != want.calls {
				t.Errorf("%v a second: took %s in %d calls, %v", rate, took, len(b.calls), err)
			}
		})
	}
}

// What will never be taken is not sent again; the rest of its call was taken.
func TestWhatIsRefusedForGood(t *testing.T) {
	b := &bus{refuse: func(_, entry int) bool { return entry == 1 }, code: "MalformedDetail"}
	sent, err := load(t, b, "{\"n\":0}\n\n{\"n\":1}\n{\"n\":2}\n")
	if err == nil || err.Error() != "line 3: MalformedDetail: again" || sent != 0 || len(b.calls) != 1 || len(b.taken()) != 2 {
		t.Errorf("%d sent in %d calls, %v", sent, len(b.calls), err)
	}
}

func TestSkippedEventsAreNotSent(t *testing.T) {
	b := &bus{}
	totals := []int{}
	l := Loader{Client: b, DetailType: "item.created", Skip: 13, Sent: func(n int) error { totals = append(totals, n); return nil }}
	sent, err := l.Load(t.Context(), strings.NewReader(strings.Repeat("{}\n", 30)))
	if err != nil || sent != 30 || len(b.taken()) != 17 || !slices.Equal(totals, []int{23, 30}) {
		t.Errorf("%d sent, %d taken, totals %v, %v", sent, len(b.taken()), totals, err)
	}
}

func TestWhatIsCheckedIsCounted(t *testing.T) {
	l := Loader{Check: incoming.Check}
	good := `{"detail_type":"item.deleted","detail":{"id":"1","organisation_id":"1","version":1}}`
	n, bad := l.Count(strings.NewReader(good + "\n\n" + `{"detail_type":"item.deleted","detail":{"id":"1"}}` + "\n" + `{"id":"1"}` + "\n" + good))
	if n != 4 || len(bad) != 2 || !strings.Contains(bad[0].Error(), "line 3: malformed event: organisation_id is missing; version") || !strings.Contains(bad[1].Error(), "line 4") {
		t.Errorf("%d, %v", n, bad)
	}
}

func TestABadLineIsNamed(t *testing.T) {
	if _, err := load(t, &bus{}, "{}\n\nnot json\n"); err == nil || !strings.HasPrefix(err.Error(), "line 3: ") {
		t.Errorf("%v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	refusing := &bus{refuse: func(int, int) bool { return true }}
	if _, err := (Loader{Client: refusing, DetailType: "item.created"}).Load(ctx, strings.NewReader("{}")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
